"""EnvelopedData and AuthEnvelopedData, for anyone whose key is at hand.  [RFC 5652 §6, RFC 5083, RFC 8551 §2.3, §2.7]

CBC without a signature can be altered by whoever carries the message, so
what comes out of an EnvelopedData is only believed after `verify`. Out of an
AuthEnvelopedData nothing comes before its tag was checked.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mssante_sim.crypto import der
from mssante_sim.crypto.algorithms import AES_128_CBC, AES_128_GCM, AES_256_CBC, AES_256_GCM, RSA_OAEP, ContentCipher
from mssante_sim.crypto.capabilities import read_capabilities
from mssante_sim.crypto.cms import (
    DATA,
    EXPLICIT,
    IMPLICIT_STRING,
    CertificateId,
    content_info,
    content_of,
    fields_of,
    kind_of,
)
from mssante_sim.crypto.content_encryption import CannotDecrypt, ContentEncryption
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import Certificate, Identity, private_key, read_certificate
from mssante_sim.crypto.key_management import (
    Recipient,
    Transport,
    Unknown,
    key_for,
    read_recipient,
    write_recipient,
)

__all__ = [
    "AUTH_ENVELOPED_DATA",
    "ENVELOPED_DATA",
    "CannotDecrypt",
    "EnvelopeForm",
    "decrypt",
    "encrypt",
    "form_for",
    "recipients",
]

ENVELOPED_DATA: Final = der.object_identifier("1.2.840.113549.1.7.3")
AUTH_ENVELOPED_DATA: Final = der.object_identifier("1.2.840.113549.1.9.16.1.23")
_ATTRIBUTES: Final = 0xA1  # context tag 1: authenticated attributes
_MOST_RECIPIENTS: Final = 1024


@dataclass(frozen=True, slots=True)
class EnvelopeForm:
    """How an envelope is written: what every client reads, unless told otherwise; a curve's key needs no word."""

    cipher: ContentCipher = AES_256_CBC
    transport: Transport = Transport.PKCS1


_DEFAULT: Final = EnvelopeForm()
_PREFERRED: Final = (AES_256_GCM, AES_128_GCM, AES_256_CBC, AES_128_CBC)


def form_for(certificates: Sequence[Certificate]) -> EnvelopeForm:
    """The strongest form that every holder of `certificates` says to read, in the certificate itself.  [RFC 4262]

    Who says nothing is taken for a client that reads the default alone, and so are those who agree on nothing that
    is written here: however little they read, no weaker cipher is  [our choice].
    """
    said = [_said(one) for one in certificates]
    cipher = next((one for one in _PREFERRED if all(one.oid in each for each in said)), _DEFAULT.cipher)
    return EnvelopeForm(cipher, Transport.OAEP if all(RSA_OAEP in one for one in said) else Transport.PKCS1)


def _said(certificate: Certificate) -> frozenset[bytes]:
    try:
        return read_capabilities(der.parse(certificate.capabilities or b""))
    except Malformed:
        return frozenset()


def encrypt(
    content: bytes | memoryview, certificates: Sequence[bytes], form: EnvelopeForm | None = None
) -> Iterator[bytes]:
    """A ContentInfo, in pieces, that the owner of any of `certificates` can open.

    Validity and usage are the caller's to check beforehand (`trust`). Without
    `form` it is the one that the certificates ask for.

    Raises:
        BadCertificate: one cannot be read or holds a weak key; nothing was encrypted.
        ValueError: there is no recipient.
    """
    if not certificates:
        raise ValueError("an envelope needs a recipient")
    readers = [read_certificate(one) for one in dict.fromkeys(certificates)]
    form = form or form_for(readers)
    key = os.urandom(form.cipher.key_octets)
    infos = [write_recipient(one, key, form.transport) for one in readers]
    return _pieces(content, infos, ContentEncryption.fresh(form.cipher), key)


def _pieces(
    content: bytes | memoryview, infos: Sequence[bytes], encryption: ContentEncryption, key: bytes
) -> Iterator[bytes]:
    size, after = encryption.encrypted_size(len(content)), encryption.tag_size
    authenticated = encryption.cipher.authenticated
    info = DATA + encryption.identifier + der.header(IMPLICIT_STRING, size)
    # An agreement makes an EnvelopedData version 2; an AuthEnvelopedData is 0 always.  [RFC 5652 §6.1, RFC 5083 §2.1]
    version = 0 if authenticated or all(one[0] == der.SEQUENCE for one in infos) else 2
    head = der.integer(version) + der.set_of(*infos) + der.header(der.SEQUENCE, len(info) + size) + info
    structure = der.header(der.SEQUENCE, len(head) + size + after) + head
    kind = AUTH_ENVELOPED_DATA if authenticated else ENVELOPED_DATA
    yield content_info(kind, len(structure) + size + after) + structure
    yield from encryption.encrypt(content, key)


def recipients(octets: bytes) -> list[CertificateId]:
    """Who can open the envelope, as far as it names them in a way we read.

    Raises:
        Malformed: `octets` are no EnvelopedData or AuthEnvelopedData.
    """
    return [one.id for one in _recipients(_Envelope.read(octets).infos) if not isinstance(one, Unknown)]


def decrypt(octets: bytes, own: Sequence[Identity]) -> bytes:
    """The content, opened with the first of `own` that the envelope names.

    Raises:
        CannotDecrypt: no key fits, the algorithm is not accepted, or the content was altered.
        Malformed: `octets` are no EnvelopedData or AuthEnvelopedData.
    """
    envelope = _Envelope.read(octets)
    _, algorithm, content = fields_of(envelope.encrypted, 3)[:3]
    if content.tag not in {IMPLICIT_STRING, EXPLICIT}:  # in one piece, or cut
        raise Malformed("no encrypted content")
    encryption = ContentEncryption.read(algorithm)
    if encryption.cipher.authenticated is not (envelope.tag is not None):
        raise CannotDecrypt("The message is encrypted with a cipher of the other kind than it says.")
    key = _content_key(_recipients(envelope.infos), own, encryption.cipher.key_octets)
    pieces = tuple(content.pieces())
    if envelope.tag is None:
        return encryption.decrypt_cbc(pieces, key)
    return encryption.decrypt_gcm(pieces, key, envelope.tag, envelope.attributes)


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The parts of either kind."""

    infos: Element  # RecipientInfos
    encrypted: Element  # EncryptedContentInfo
    tag: bytes | None = None  # of an AuthEnvelopedData
    attributes: bytes = b""  # of the same, as they were authenticated

    @classmethod
    def read(cls, octets: bytes) -> "_Envelope":
        authenticated = kind_of(octets) == AUTH_ENVELOPED_DATA
        kind, at_least = (AUTH_ENVELOPED_DATA, 3) if authenticated else (ENVELOPED_DATA, 2)
        version, *fields = content_of(octets, kind, at_least + 1)
        version.number()
        if fields[0].tag == EXPLICIT:  # originatorInfo helps no recipient of ours
            del fields[0]
        if len(fields) < at_least:
            raise Malformed("fields are missing in the envelope")
        infos, encrypted, *rest = fields
        if not authenticated:
            return cls(infos.expect(der.SET), encrypted)
        attributes = rest.pop(0) if rest[0].tag == _ATTRIBUTES else None
        if not rest or (attributes is not None and not attributes.definite):
            raise Malformed("the tag is missing, or the attributes are not DER")
        # Sent under context tag 1, authenticated as a SET.  [RFC 5083 §2.2]
        seen = b"" if attributes is None else bytes((der.SET,)) + attributes.octets[1:]
        return cls(infos.expect(der.SET), encrypted, bytes(rest[0].expect(der.OCTET_STRING).content), seen)


def _recipients(infos: Element) -> list[Recipient]:
    members = infos.children()
    if len(members) > _MOST_RECIPIENTS:
        raise Malformed("too many recipients")
    return [recipient for member in members for recipient in read_recipient(member)]


def _content_key(found: Sequence[Recipient], own: Sequence[Identity], octets: int) -> bytes:
    for identity in own:
        certificate = read_certificate(identity.certificate)
        for recipient in found:
            if recipient.id.names(certificate):
                return key_for(recipient, private_key(identity), octets)
    raise CannotDecrypt("The message is not encrypted for this mailbox.")
