"""An OCSP responder: octets in, octets out.  [RFC 6960, RFC 9654]

One responder speaks for one authority, from what that has issued and revoked.
It answers requests about several certificates at once, as `openssl ocsp` can
send them, which the library's reader and builder do not.
"""

import hashlib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mssante_sim.crypto import der
from mssante_sim.crypto.authority import reason_of
from mssante_sim.crypto.cms import explicit, fields_of, oid_of
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import Certificate, Identity, private_key, read_certificate
from mssante_sim.crypto.signatures import pkcs1

__all__ = ["ANSWER_VALIDITY", "MOST_REQUEST_OCTETS", "Failure", "Responder", "failed", "key_bits"]

ANSWER_VALIDITY: Final = timedelta(minutes=10)  # short: whoever revokes wants to see it  [our choice]
MOST_REQUEST_OCTETS: Final = 16 * 1024
_MOST_CERTIFICATES: Final = 32
_NONCE: Final = der.object_identifier("1.3.6.1.5.5.7.48.1.2")
_NONCE_OCTETS: Final = range(1, 128 + 1)  # [RFC 9654 §2.1]
_BASIC: Final = der.object_identifier("1.3.6.1.5.5.7.48.1.1")
_HASHES: Final = {
    der.object_identifier("1.3.14.3.2.26"): "sha1",  # names a certificate, protects nothing  [RFC 6960 §4.3]
    der.object_identifier("2.16.840.1.101.3.4.2.1"): "sha256",
    der.object_identifier("2.16.840.1.101.3.4.2.2"): "sha384",
    der.object_identifier("2.16.840.1.101.3.4.2.3"): "sha512",
}
_ENUMERATED: Final = 0x0A
_BOOLEAN: Final = 0x01
_BEFORE_LIST: Final = (0xA0, 0xA1)  # version, requestorName
_SHA256_RSA: Final = der.sequence(der.object_identifier("1.2.840.113549.1.1.11"), der.tlv(der.NULL))
_GOOD: Final = der.tlv(0x80)
_UNKNOWN: Final = der.tlv(0x82)
_REASON_NUMBERS: Final = {reason: number for number, reason in enumerate((
    x509.ReasonFlags.unspecified, x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise,
    x509.ReasonFlags.affiliation_changed, x509.ReasonFlags.superseded, x509.ReasonFlags.cessation_of_operation,
    x509.ReasonFlags.certificate_hold, None, x509.ReasonFlags.remove_from_crl, x509.ReasonFlags.privilege_withdrawn,
    x509.ReasonFlags.aa_compromise,
))}  # fmt: skip


class Failure:
    """Why there is no answer.  [RFC 6960 §4.2.1]"""

    MALFORMED_REQUEST: Final = 1
    TRY_LATER: Final = 3


def failed(why: int) -> bytes:
    """An answer, unsigned, that says nothing but `why` there is none."""
    return der.sequence(der.tlv(_ENUMERATED, bytes((why,))))


def key_bits(certificate: Certificate) -> bytes:
    """The public key as OCSP hashes it: without algorithm, tag, length and unused bits.  [RFC 6960 §4.1.1]"""
    info = certificate.parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return bytes(fields_of(der.parse(info), 2)[1].content[1:])


@dataclass(frozen=True, slots=True)
class Responder:
    """Answers for `issuer` as of one of its lists.

    Attributes:
        issuer: the authority's certificate.
        signer: who signs the answers: the authority itself, or one that it has delegated  [RFC 6960 §4.2.2.2].
        issued: the serial numbers that it knows; any other is "unknown".
        revoked: the entries of its latest list.
        validity: how long an answer holds.
    """

    issuer: bytes
    signer: Identity
    issued: AbstractSet[int]
    revoked: Mapping[int, x509.RevokedCertificate]
    validity: timedelta = ANSWER_VALIDITY

    def respond(self, request: bytes, at: datetime) -> bytes:
        """The answer of instant `at`, signed; a request that cannot be read gets "malformedRequest"."""
        try:
            asked, nonce = _read_request(request)
        except Malformed:
            return failed(Failure.MALFORMED_REQUEST)
        certificate = read_certificate(self.signer.certificate)
        data = der.sequence(
            der.context(2, der.octet_string(hashlib.sha1(key_bits(certificate)).digest())),  # noqa: S324  byKey
            der.generalized_time(at),
            der.sequence(*(self._single(one, at) for one in asked)),
            *([der.context(1, der.sequence(nonce))] if nonce else []),
        )
        signature = pkcs1().sign(private_key(self.signer), data)
        basic = der.sequence(
            data, _SHA256_RSA, der.tlv(der.BIT_STRING, b"\0", signature),
            der.context(0, der.sequence(self.signer.certificate)),
        )  # fmt: skip
        wrapped = der.sequence(_BASIC, der.octet_string(basic))
        return der.sequence(der.tlv(_ENUMERATED, b"\0"), der.context(0, wrapped))

    def _single(self, asked: "_CertId", at: datetime) -> bytes:
        entry = self.revoked.get(asked.serial)
        if not asked.is_of(read_certificate(self.issuer)) or (entry is None and asked.serial not in self.issued):
            status = _UNKNOWN
        else:
            status = _GOOD if entry is None else _revoked(entry)
        return der.sequence(
            asked.encoded, status, der.generalized_time(at), der.context(0, der.generalized_time(at + self.validity))
        )


@dataclass(frozen=True, slots=True)
class _CertId:
    encoded: bytes
    algorithm: str
    name_hash: bytes
    key_hash: bytes
    serial: int

    @classmethod
    def read(cls, element: Element) -> "_CertId":
        algorithm, name, key, serial = fields_of(element, 4)[:4]
        known = _HASHES.get(oid_of(algorithm), "")
        return cls(bytes(element.octets), known, name.string(), key.string(), serial.number())

    def is_of(self, issuer: Certificate) -> bool:
        """Whether it names a certificate of `issuer`; a digest that is not known names none."""
        if not self.algorithm:
            return False
        return (self.name_hash, self.key_hash) == tuple(
            hashlib.new(self.algorithm, octets).digest() for octets in (issuer.subject, key_bits(issuer))
        )


def _read_request(octets: bytes) -> tuple[list[_CertId], bytes]:
    """What is asked, and the extension with the nonce, encoded; the signature of a request is not looked at."""
    if len(octets) > MOST_REQUEST_OCTETS:
        raise Malformed("too long a request")
    fields = list(fields_of(fields_of(der.parse(octets), 1)[0], 1))
    while fields and fields[0].tag in _BEFORE_LIST:
        fields.pop(0)
    if not fields:
        raise Malformed("a request for nothing")
    asked = [_asked(one) for one in fields[0].expect(der.SEQUENCE).children()]
    if not 1 <= len(asked) <= _MOST_CERTIFICATES:
        raise Malformed("a request for nothing, or for too much")
    nonce = b""
    for one in fields[1:]:
        for extension in fields_of(explicit(one, 2), 1):
            nonce = _nonce(extension) or nonce
    return asked, nonce


def _asked(element: Element) -> _CertId:
    fields = fields_of(element, 1)
    for extensions in fields[1:]:
        if any(_is_critical(one) for one in fields_of(explicit(extensions), 1)):
            raise Malformed("a critical extension that nobody here knows")
    return _CertId.read(fields[0])


def _nonce(extension: Element) -> bytes:
    """`extension` as it came if it is a nonce, b"" otherwise.  [RFC 9654 §2.1]"""
    fields = fields_of(extension, 2)
    if fields[0].octets != _NONCE:
        if _is_critical(extension):
            raise Malformed("a critical extension that nobody here knows")
        return b""
    if len(der.parse(fields[-1].string()).expect(der.OCTET_STRING).content) not in _NONCE_OCTETS:
        raise Malformed("a nonce of a forbidden length")
    return bytes(extension.octets)


def _is_critical(extension: Element) -> bool:
    flag = fields_of(extension, 2)[1]
    return flag.tag == _BOOLEAN and any(flag.content)


def _revoked(entry: x509.RevokedCertificate) -> bytes:
    """RevokedInfo; "unspecified" is left out, as in a list."""
    number = _REASON_NUMBERS[reason_of(entry)]
    reason: Iterable[bytes] = [der.context(0, der.tlv(_ENUMERATED, bytes((number,))))] if number else []
    return der.context(1, der.generalized_time(entry.revocation_date_utc), *reason)
