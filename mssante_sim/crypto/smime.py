"""S/MIME entities as octets: signed, enveloped, opened.  [RFC 8551 §3]

An entity is Content-* fields, an empty line and a body, every line ended by
CRLF; it goes inside untouched, octet for octet, because that is what is
signed. What comes out has Content-* fields too, so that the caller puts the
message's other fields, MIME-Version among them, in front.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from io import IncrementalNewlineDecoder
from itertools import chain
from typing import Final

from mssante_sim.crypto import base64_lines, cms_envelope, cms_sign
from mssante_sim.crypto.capabilities import EVERY_CLIENT
from mssante_sim.crypto.cms import CertificateId as RecipientId
from mssante_sim.crypto.cms_envelope import EnvelopeForm
from mssante_sim.crypto.gathering import gathered
from mssante_sim.crypto.identity import BadCertificate, Identity, private_key, read_certificate
from mssante_sim.crypto.signatures import Scheme, fitting
from mssante_sim.errors import SimulatorError
from mssante_sim.message.headers import content_type, fields, header_end

__all__ = [
    "Detached",
    "EnvelopeForm",
    "NotCanonical",
    "NotSmime",
    "Protection",
    "RecipientId",
    "classify",
    "decrypt",
    "envelop",
    "recipients_of",
    "sign",
    "signature_of",
    "wrap_opaque",
    "wrap_signed",
]

_SIGNATURE_FIELDS: Final = (
    b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n'
    b"Content-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="smime.p7s"\r\n\r\n'
)


def _mime_fields(smime_type: bytes) -> bytes:
    return (
        b"Content-Type: application/pkcs7-mime; smime-type=" + smime_type + b';\r\n name="smime.p7m"\r\n'
        b"Content-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="smime.p7m"\r\n\r\n'
    )


_ENVELOPE_OCTETS: Final = 512  # about what an envelope adds: an estimate may be wrong, and only costs time
_RECIPIENT_OCTETS: Final = 600
_SNIFFED: Final = 96  # octets of a body without a stated type that are looked at
_KIND_OCTETS: Final = 24  # of a ContentInfo: its kind stands in them
_CHECK_STEP: Final = 64 * 1024  # octets


class NotCanonical(SimulatorError):
    """An entity has a bare CR or LF: it would arrive otherwise than it was signed."""


class NotSmime(SimulatorError):
    """The entity is not of the S/MIME kind that was asked for."""


class Protection(Enum):
    """How an entity is protected, by its own claim."""

    PLAIN = "plain"
    SIGNED = "signed"
    ENVELOPED = "enveloped"


@dataclass(frozen=True, slots=True)
class Detached:
    """A signature and the exact octets it claims to cover; `content` is None when it holds them itself."""

    cms: bytes
    content: bytes | None


def sign(
    entity: bytes, signer: Identity, *, at: datetime, also: Sequence[bytes] = (),
    scheme: Scheme | None = None, opaque: bool = False, capabilities: Sequence[bytes] = EVERY_CLIENT,
) -> bytes:  # fmt: skip
    """`entity` as it is with a signature over it made at `at`, as multipart/signed, or in one part if `opaque`.

    The certificates `also` go along, the one to encrypt answers to among them; `scheme` is another way to sign
    than the one that suits the key; `capabilities` are what the sender's program reads, by OID.

    Raises:
        NotCanonical: `entity` has a bare CR or LF.
        BadCertificate: the key is weak, or of another kind than `scheme` needs.
    """
    _check_canonical(entity)
    if not read_certificate(signer.certificate).strong:
        raise BadCertificate("The signer's key is weak, or of a kind that is not used here.")
    scheme = scheme or fitting(private_key(signer))
    signature = cms_sign.write_signed_data(
        entity, signer, at=at, also=also, scheme=scheme, opaque=opaque, capabilities=capabilities
    )
    return wrap_opaque(signature) if opaque else wrap_signed(entity, signature, scheme.digest.micalg)


def wrap_signed(entity: bytes, signature: bytes, micalg: str) -> bytes:
    """A multipart/signed entity of the two, whatever they are."""
    boundary = secrets.token_hex(16).encode()
    pieces = (
        b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n micalg=',
        micalg.encode(), b'; boundary="', boundary, b'"\r\n\r\n--', boundary, b"\r\n",
        entity, b"\r\n--", boundary, b"\r\n",
        _SIGNATURE_FIELDS, *base64_lines.encode((signature,)), b"\r\n--", boundary, b"--\r\n",
    )  # fmt: skip
    return gathered(pieces, sum(map(len, pieces)))


def wrap_opaque(signature: bytes) -> bytes:
    """An application/pkcs7-mime entity that says it is signed."""
    return b"".join((_mime_fields(b"signed-data"), *base64_lines.encode((signature,))))


def envelop(entity: bytes, recipients: Sequence[bytes], *, form: EnvelopeForm | None = None) -> bytes:
    """An application/pkcs7-mime entity that only the owners of the certificates `recipients` can open.

    Without `form` it is the one that the certificates ask for: AES-256-CBC and
    PKCS #1 v1.5 unless each of them says that its holder reads better.

    Raises:
        BadCertificate: one holds a weak key.
    """
    form = form or cms_envelope.form_for([read_certificate(one) for one in recipients])
    pieces = cms_envelope.encrypt(entity, recipients, form)
    fields = _mime_fields(b"authEnveloped-data" if form.cipher.authenticated else b"enveloped-data")
    octets = base64_lines.encoded_size(len(entity) + _ENVELOPE_OCTETS + len(recipients) * _RECIPIENT_OCTETS)
    return gathered(chain((fields,), base64_lines.encode(pieces)), octets)


def decrypt(entity: bytes, own: Sequence[Identity]) -> bytes:
    """The entity inside an enveloped one, opened with the key of one of `own`.

    Raises:
        NotSmime: it is not enveloped.
        CannotDecrypt: none of the keys fits, or it was altered.
        Malformed: its CMS is broken.
    """
    return cms_envelope.decrypt(_enveloped(entity), own)


def recipients_of(entity: bytes) -> list[RecipientId]:
    """Whom an enveloped entity names as able to open it.

    Raises:
        NotSmime: it is not enveloped.
        Malformed: its CMS is broken.
    """
    return cms_envelope.recipients(_enveloped(entity))


def classify(octets: bytes) -> Protection:
    """What the fields of a message or entity claim; nothing is opened or proved.

    Where they say no smime-type, the kind of the CMS itself is looked at.  [RFC 8551 §3.2.2]
    """
    head = _Head.read(octets)
    if head.kind == "multipart/signed" and head.protocol in _SIGNATURE_KINDS:
        return Protection.SIGNED
    if head.kind not in _MIME_KINDS or head.smime_type in {"certs-only", "compressed-data"}:
        return Protection.PLAIN
    signed = head.smime_type == "signed-data" or (not head.smime_type and head.holds_signature(octets))
    return Protection.SIGNED if signed else Protection.ENVELOPED


def signature_of(octets: bytes) -> Detached:
    """The CMS of a signed message or entity, with what it covers.

    Raises:
        NotSmime: it is not signed, or its parts cannot be told apart.
    """
    head = _Head.read(octets)
    if classify(octets) is not Protection.SIGNED:
        raise NotSmime("The message is not signed.")
    if head.kind in _MIME_KINDS:
        return Detached(head.decoded_body(octets), None)
    content, signature = _two_parts(octets, head)
    inner = _Head.read(signature)
    if inner.kind not in _SIGNATURE_KINDS:
        raise NotSmime("The second part of the signed message is not a signature.")
    return Detached(inner.decoded_body(signature), content)


_SIGNATURE_KINDS: Final = {"application/pkcs7-signature", "application/x-pkcs7-signature"}
_MIME_KINDS: Final = {"application/pkcs7-mime", "application/x-pkcs7-mime"}


@dataclass(frozen=True, slots=True)
class _Head:
    """What S/MIME needs of an entity's fields; of two fields of one name the first counts."""

    kind: str
    smime_type: str
    protocol: str
    boundary: bytes
    encoding: str
    body: int

    @classmethod
    def read(cls, octets: bytes) -> "_Head":
        body = header_end(octets)
        first: dict[str, bytes] = {}
        for field in fields(octets, 0, body):
            first.setdefault(field.name, field.raw)
        kind, parameters = content_type(first.get("content-type"))
        return cls(
            kind, (parameters.get("smime-type") or "").lower(), (parameters.get("protocol") or "").lower(),
            (parameters.get("boundary") or "").encode(),
            first.get("content-transfer-encoding", b"7bit").strip().lower().decode("ascii", "replace"), body,
        )  # fmt: skip

    def holds_signature(self, octets: bytes) -> bool:
        """Whether the body begins as a SignedData does."""
        start = octets[self.body : self.body + _SNIFFED]
        if self.encoding == "base64":
            characters = start.translate(None, b"\r\n\t ")
            try:
                start = base64_lines.decode(memoryview(characters[: len(characters) // 4 * 4]))
            except base64_lines.NotBase64:
                return False
        return cms_sign.SIGNED_DATA in start[:_KIND_OCTETS]

    def decoded_body(self, octets: bytes) -> bytes:
        body = memoryview(octets)[self.body :]
        if self.encoding != "base64":
            return bytes(body)
        try:
            return base64_lines.decode(body)
        except base64_lines.NotBase64 as error:
            raise NotSmime("The message's base64 is damaged.") from error


def _enveloped(entity: bytes) -> bytes:
    if classify(entity) is not Protection.ENVELOPED:
        raise NotSmime("The message is not encrypted.")
    return _Head.read(entity).decoded_body(entity)


def _two_parts(octets: bytes, head: _Head) -> tuple[bytes, bytes]:
    """The exact octets between the delimiters of a multipart of two; CRLF in front is theirs.  [RFC 2046 §5.1.1]"""
    delimiter = b"\r\n--" + head.boundary
    # The empty line before the body may itself be the line end that precedes the first delimiter.
    starts: list[tuple[int, int, bool]] = []
    at = head.body - 2
    while head.boundary and len(starts) < 4 and (at := octets.find(delimiter, at)) >= 0:
        after = at + len(delimiter)
        line_end = octets.find(b"\r\n", after)
        line = octets[after : len(octets) if line_end < 0 else line_end]
        if line.rstrip(b" \t") in {b"", b"--"}:
            starts.append((at, after + len(line) + 2, line.startswith(b"--")))
            if line.startswith(b"--"):
                break
        at = after
    if [closing for _, _, closing in starts] != [False, False, True]:
        raise NotSmime("The signed message has not exactly two parts.")
    (_, first, _), (first_end, second, _), (second_end, _, _) = starts
    return octets[first:first_end], octets[second:second_end]


def _check_canonical(entity: bytes) -> None:
    # The decoder notes which line ends it has seen, four times as fast as counting them.
    newlines = IncrementalNewlineDecoder(None, translate=False)
    window = memoryview(entity)
    for at in range(0, len(entity), _CHECK_STEP):
        newlines.decode(str(window[at : at + _CHECK_STEP], "latin-1"))
    newlines.decode("", final=True)
    if newlines.newlines not in {None, "\r\n"}:
        raise NotCanonical("The message has a line that does not end with CRLF.")
