"""Words on revocation: an authority's list, or its responder's answer, each signed and with an end.

Whatever cannot be read, is not signed by who may, or is out of date is no word at all.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from mssante_sim.crypto.algorithms import DIGESTS
from mssante_sim.crypto.identity import GOOD_DIGESTS, BadCertificate, Certificate, read_certificate
from mssante_sim.crypto.keys import PublicKey, is_strong
from mssante_sim.crypto.links import is_issued_by
from mssante_sim.crypto.ocsp import key_bits
from mssante_sim.crypto.signatures import Method, Scheme
from mssante_sim.errors import SimulatorError

__all__ = [
    "BadRevocationList",
    "Lookup",
    "RevocationList",
    "Word",
    "answer_of",
    "answers_nonce",
    "issuer_urls",
    "ocsp_request",
    "ocsp_urls",
]

_SKEW: Final = timedelta(minutes=5)  # a responder's clock may run ahead of ours


class Word(Enum):
    """What is known."""

    GOOD = "not revoked"
    REVOKED = "revoked"
    NOTHING = "nothing"  # that may be relied on


class Lookup(Protocol):
    """What lies elsewhere; how it is fetched, and from whom, is the caller's affair."""

    def answer(self, certificate: Certificate, issuer: Certificate) -> bytes | None:
        """What the responder of `issuer` says of `certificate`, DER, or None if there is nothing to be had."""
        ...

    def issuers(self, certificate: Certificate) -> Sequence[bytes]:
        """The certificates, DER, that `certificate` says its issuer's may be.  [RFC 5280 §4.2.2.1]"""
        ...


class BadRevocationList(SimulatorError):
    """The octets are no revocation list that can be read."""


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list as it says of itself."""

    issuer: x509.Name
    parsed: x509.CertificateRevocationList
    since: datetime
    until: datetime
    revoked: frozenset[int]

    @classmethod
    def read(cls, octets: bytes) -> "RevocationList":
        """The whole list in `octets`, DER.  Raises: BadRevocationList."""
        try:
            crl = x509.load_der_x509_crl(octets)
            until = crl.next_update_utc
            if until is None or any(one.critical for one in crl.extensions):  # a partial list  [RFC 5280 §5.2]
                raise ValueError("a list that ends never, or that is partial")
            revoked = frozenset(one.serial_number for one in crl)
            return cls(crl.issuer, crl, crl.last_update_utc, until, revoked)
        except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
            raise BadRevocationList("The revocation list cannot be read.", detail=str(error)) from error

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Whether `issuer` may sign lists, and has signed this one."""
        if self.issuer != issuer.parsed.subject or not is_strong(issuer.public_key):
            return False
        if issuer.usages is None or not issuer.usages.crl_sign:
            return False
        return isinstance(self.parsed.signature_hash_algorithm, GOOD_DIGESTS) and self.parsed.is_signature_valid(
            issuer.public_key
        )

    def is_fresh(self, at: datetime) -> bool:
        """Whether it counts at `at`."""
        return self.since <= at < self.until


def answer_of(answer: bytes, certificate: Certificate, issuer: Certificate, at: datetime) -> Word:
    """What an OCSP response says of `certificate` at `at`.  [RFC 6960 §3.2]

    Good or revoked is believed only if the response is signed by `issuer`, or by whoever holds a certificate for it
    that `issuer` issued and that needs no check of its own, and if it says until when it holds.
    """
    try:
        response = ocsp.load_der_ocsp_response(answer)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return Word.NOTHING
        signer = _signer(response, issuer, at)
        if signer is None or not _is_signed(response, signer):
            return Word.NOTHING
        return next((_word(one) for one in response.responses if _is_about(one, certificate, issuer, at)), Word.NOTHING)
    except (ValueError, UnsupportedAlgorithm, BadCertificate):
        return Word.NOTHING


def _word(said: ocsp.OCSPSingleResponse) -> Word:
    words = {ocsp.OCSPCertStatus.GOOD: Word.GOOD, ocsp.OCSPCertStatus.REVOKED: Word.REVOKED}
    return words.get(said.certificate_status, Word.NOTHING)


def _is_about(said: ocsp.OCSPSingleResponse, certificate: Certificate, issuer: Certificate, at: datetime) -> bool:
    """Whether it names `certificate` and is fresh; without an end it is not."""
    if said.serial_number != certificate.serial or said.next_update_utc is None:
        return False
    names = (hashlib.new(said.hash_algorithm.name, octets).digest() for octets in (issuer.subject, key_bits(issuer)))
    if (said.issuer_name_hash, said.issuer_key_hash) != tuple(names):
        return False
    return said.this_update_utc - _SKEW <= at < said.next_update_utc


def _signer(response: ocsp.OCSPResponse, issuer: Certificate, at: datetime) -> PublicKey | None:
    """The key of whoever the response says that it is by, if that one may speak for `issuer`."""
    if _is_named(response, issuer):
        return issuer.public_key
    for parsed in response.certificates:
        one = read_certificate(parsed.public_bytes(Encoding.DER))
        if _is_named(response, one) and _is_delegated(one, issuer, at):
            return one.public_key
    return None


def _is_named(response: ocsp.OCSPResponse, certificate: Certificate) -> bool:
    if response.responder_name is not None:
        return response.responder_name == certificate.parsed.subject
    own = hashlib.sha1(key_bits(certificate)).digest()  # noqa: S324  a name  [RFC 6960 §4.2.1]
    return hmac.compare_digest(response.responder_key_hash or b"", own)


def _is_delegated(one: Certificate, issuer: Certificate, at: datetime) -> bool:
    """[RFC 6960 §4.2.2.2]"""
    purposes, extensions = one.purposes or frozenset(), one.parsed.extensions
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in purposes
        and any(isinstance(each.value, x509.OCSPNoCheck) for each in extensions)
        and one.not_before <= at <= one.not_after
        and is_issued_by(one, issuer)
    )


def _is_signed(response: ocsp.OCSPResponse, key: PublicKey) -> bool:
    algorithm = response.signature_hash_algorithm
    digest = next((one for one in DIGESTS.values() if algorithm is not None and one.hash.name == algorithm.name), None)
    if digest is None or not is_strong(key):
        return False
    method = Method.PKCS1 if isinstance(key, RSAPublicKey) else Method.ECDSA
    return Scheme(method, digest, b"").holds(key, response.signature, response.tbs_response_bytes)


def ocsp_request(certificate: Certificate, issuer: Certificate, nonce: bytes = b"") -> bytes:
    """What a responder of `issuer` is asked about `certificate`, DER; with a `nonce`, for an answer made just now."""
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate.parsed, issuer.parsed, hashes.SHA256())
    if nonce:
        asked = asked.add_extension(x509.OCSPNonce(nonce), critical=False)
    return asked.build().public_bytes(Encoding.DER)


def answers_nonce(answer: bytes, nonce: bytes) -> bool:
    """Whether the response is about the request with `nonce`, or, made beforehand, about any.  [RFC 9654 §2.1]"""
    try:
        said = ocsp.load_der_ocsp_response(answer).extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        return False
    return hmac.compare_digest(said, nonce)


def ocsp_urls(certificate: Certificate) -> list[str]:
    """Where `certificate` says that its issuer's responder is."""
    return _access(certificate, AuthorityInformationAccessOID.OCSP)


def issuer_urls(certificate: Certificate) -> list[str]:
    """Where `certificate` says that its issuer's certificate is."""
    return _access(certificate, AuthorityInformationAccessOID.CA_ISSUERS)


def _access(certificate: Certificate, kind: x509.ObjectIdentifier) -> list[str]:
    for one in certificate.parsed.extensions:
        if isinstance(one.value, x509.AuthorityInformationAccess):
            said = (each.access_location for each in one.value if each.access_method == kind)
            return [name.value for name in said if isinstance(name, x509.UniformResourceIdentifier)]
    return []
