"""What is trusted: roots, the authorities below them, and what they have revoked.

Path validation is the library's [RFC 5280 §6]; usages of the leaf, revocation
and the mailbox it names are looked at here.  A certificate whose revocation
cannot be told, because a list is missing or stale, is not trusted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification

from mssante_sim.crypto.algorithms import MINIMUM_RSA_BITS
from mssante_sim.crypto.identity import BadCertificate, Certificate, read_certificate
from mssante_sim.crypto.profiles import Purpose, Usage

__all__ = ["CertificateState", "TrustContext", "may"]

_DER: Final = Encoding.DER
_DEEPEST: Final = 3  # authorities between a leaf and its root
_EMAIL: Final = x509.ObjectIdentifier(Purpose.EMAIL_PROTECTION.value)


class CertificateState(Enum):
    """What may be said of a certificate at an instant."""

    VALID = "valid"
    MISSING = "missing"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    REVOKED = "revoked"
    WRONG_USAGE = "wrong-usage"
    WRONG_ADDRESS = "wrong-address"
    UNTRUSTED = "untrusted"


def may(certificate: Certificate, usage: Usage) -> bool:
    """Whether its usages let it sign mail, or receive it; other usages are the TLS library's business."""
    uses = certificate.usages
    if certificate.authority or uses is None or certificate.purposes is None or _EMAIL not in certificate.purposes:
        return False
    key = certificate.public_key
    if key is None or key.key_size < MINIMUM_RSA_BITS:
        return False
    return uses.digital_signature if usage is Usage.SIGN else usage is Usage.RECEIVE and uses.key_encipherment


@dataclass(frozen=True, slots=True)
class _Revocations:
    """One list whose signature held."""

    serials: frozenset[int]
    issued: datetime
    next: datetime


class TrustContext:
    """Immutable; cheap to ask again about a certificate it has seen."""

    def __init__(self, roots: Sequence[bytes], authorities: Sequence[bytes] = (), crls: Sequence[bytes] = ()) -> None:
        """All in DER.

        Raises:
            BadCertificate: one cannot be read.
        """
        self._roots = verification.Store([read_certificate(root).parsed for root in roots])
        self._authorities = [read_certificate(one) for one in authorities]
        self._revocations = _lists(crls, [*map(read_certificate, roots), *self._authorities])
        self._paths: dict[bytes, tuple[Certificate, ...]] = {}

    @classmethod
    def from_files(cls, authorities: Path, crls: Path) -> Self:
        """From PEM files: of the certificates, the self-signed are the roots.

        Raises:
            OSError: a file cannot be read.
            BadCertificate: a file is not PEM of its kind.
        """
        try:
            found = x509.load_pem_x509_certificates(authorities.read_bytes())
            blocks = crls.read_bytes().split(b"-----BEGIN")[1:]
            lists = [x509.load_pem_x509_crl(b"-----BEGIN" + block).public_bytes(_DER) for block in blocks]
        except ValueError as error:
            raise BadCertificate("The authority or its revocation list cannot be read.", detail=str(error)) from error
        encoded = [(one.subject == one.issuer, one.public_bytes(_DER)) for one in found]
        return cls([der for root, der in encoded if root], [der for root, der in encoded if not root], lists)

    def state(self, certificate: bytes | None, usage: Usage, address: str, at: datetime) -> CertificateState:
        """What becomes of `certificate` as that of `address` for `usage` at `at`: the first thing that is wrong."""
        if certificate is None:
            return CertificateState.MISSING
        try:
            leaf = read_certificate(certificate)
        except BadCertificate:
            return CertificateState.UNTRUSTED
        if at > leaf.not_after:
            return CertificateState.EXPIRED
        if at < leaf.not_before:
            return CertificateState.NOT_YET_VALID
        if not may(leaf, usage):
            return CertificateState.WRONG_USAGE
        if address.lower() not in leaf.mailboxes:
            return CertificateState.WRONG_ADDRESS
        path = self.path(leaf, at=at)
        if not path:
            return CertificateState.UNTRUSTED
        revoked = self.revoked(path, at=at)
        if revoked is None:
            return CertificateState.UNTRUSTED
        return CertificateState.REVOKED if revoked else CertificateState.VALID

    def path(self, leaf: Certificate, more: Iterable[Certificate] = (), *, at: datetime) -> tuple[Certificate, ...]:
        """From `leaf` to a root, both included, valid at `at`; empty if there is none.

        `more` are authorities that a peer sent along; they are believed only as far as a root vouches for them.
        """
        known = self._paths.get(leaf.der, ())
        if known and all(one.not_before <= at <= one.not_after for one in known):
            return known
        ca = verification.ExtensionPolicy.webpki_defaults_ca()
        verifier = (
            verification.PolicyBuilder()
            .store(self._roots)
            .time(at)
            .max_chain_depth(_DEEPEST)
            .extension_policies(ca_policy=ca, ee_policy=verification.ExtensionPolicy.permit_all())
            .build_client_verifier()
        )
        try:
            found = verifier.verify(leaf.parsed, [one.parsed for one in (*self._authorities, *more)])
        except verification.VerificationError:
            return ()
        path = tuple(read_certificate(one.public_bytes(_DER)) for one in found.chain)
        self._paths[leaf.der] = path
        return path

    def revoked(self, path: Sequence[Certificate], *, at: datetime) -> bool | None:
        """Whether one of `path`, its root left out, was revoked; None where no fresh list tells."""
        for one in path[:-1]:
            known = self._revocations.get(one.issuer)
            if known is None or not known.issued <= at <= known.next:
                return None
            if one.serial in known.serials:
                return True
        return False


def _lists(crls: Sequence[bytes], authorities: Sequence[Certificate]) -> Mapping[bytes, _Revocations]:
    """Lists by their issuer's encoded name; one that no authority has signed is left out."""
    by_name = {one.parsed.subject: one for one in authorities}
    found: dict[bytes, _Revocations] = {}
    for octets in crls:
        crl = x509.load_der_x509_crl(octets)
        issuer = by_name.get(crl.issuer)
        if issuer is None or issuer.public_key is None or crl.next_update_utc is None:
            continue
        if crl.is_signature_valid(issuer.public_key):
            serials = frozenset(entry.serial_number for entry in crl)
            found[issuer.subject] = _Revocations(serials, crl.last_update_utc, crl.next_update_utc)
    return found
