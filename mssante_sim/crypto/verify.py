"""Who signed a message: a numbered procedure that fails closed and says at which step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from mssante_sim.crypto.algorithms import DIGESTS, SIGNATURES, Digest
from mssante_sim.crypto.cms import DATA
from mssante_sim.crypto.cms_sign import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNING_TIME,
    SignedData,
    Signer,
    read_signed_data,
)
from mssante_sim.crypto.der import Malformed
from mssante_sim.crypto.identity import BadCertificate, Certificate, read_certificate
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.smime import NotSmime, signature_of
from mssante_sim.crypto.trust import TrustContext, may
from mssante_sim.errors import SimulatorError

__all__ = ["FromMatches", "SignerPolicy", "UnsafeAnySigner", "VerificationFailed", "Verified", "verify"]


class VerificationFailed(SimulatorError):
    """Nothing was proved; `step` is the number of the step that failed, 0 if there was nothing to look at."""

    def __init__(self, step: int, public: str, *, detail: str = "") -> None:
        super().__init__(public, detail=detail)
        self.step = step


class SignerPolicy(Protocol):
    """Which signers the caller takes."""

    def accepts(self, certificate: Certificate) -> bool:
        """Whether the holder of `certificate` is one whom the caller expects."""
        ...


@dataclass(frozen=True, slots=True)
class FromMatches:
    """The address of the From field stands in the certificate.  [RFC 8550 §3]"""

    address: str

    def accepts(self, certificate: Certificate) -> bool:
        """Whether it does; case is ignored."""
        return self.address.lower() in certificate.mailboxes


class UnsafeAnySigner:
    """Takes whoever the trust domain knows: proves that somebody signed, not who was expected to."""

    def accepts(self, certificate: Certificate) -> bool:
        """Always."""
        return True


@dataclass(frozen=True, slots=True)
class Verified:
    """What was proved.  Use `content` and nothing else of what was received."""

    content: bytes
    signer_address: str  # the one mailbox of the certificate, or the first of several, sorted
    signer_name: str
    certificate: bytes
    signing_time: datetime | None  # the signer's own claim
    certificates: tuple[bytes, ...]  # all that came along: nothing is proved of these


def verify(signed: bytes, trust: TrustContext, policy: SignerPolicy, *, at: datetime) -> Verified:
    """Prove who signed the entity `signed`, at instant `at` (aware).

    1 exactly one signer, whose certificate came along; allowed digest, RSA of 2048 bits or more  [RFC 8551 §2]
    2 content-type and digest attributes match the exact octets                                   [RFC 5652 §5.4, §11]
    3 signature over the signed attributes                                                        [RFC 5652 §5.4]
    4 path to a root of `trust`, valid at `at`; the leaf may sign mail                            [RFC 5280 §6]
    5 nobody on the path is revoked, by lists that are fresh at `at`                              [RFC 5280 §6.3]
    6 `policy` accepts the leaf

    Raises:
        VerificationFailed: any step. No partial result exists.
    """
    try:
        detached = signature_of(signed)
        message = read_signed_data(detached.cms)
    except (NotSmime, Malformed) as error:
        raise VerificationFailed(0, "The signature cannot be read.", detail=error.detail or error.public) from error
    if (message.content is None) == (detached.content is None):
        raise VerificationFailed(0, "It is not clear what was signed.")
    content = detached.content if detached.content is not None else b"".join(message.content or ())
    signer, leaf, digest = _one_signer(message)  # 1
    _check_attributes(signer, message, content, digest)  # 2
    _check_signature(signer, leaf, digest)  # 3
    path = _path(leaf, message.certificates, trust, at)  # 4
    if trust.revoked(path, at=at) is not False:  # 5
        raise VerificationFailed(5, "A certificate was revoked, or no fresh list says that it was not.")
    if not policy.accepts(leaf):  # 6
        raise VerificationFailed(6, "The signer is not the one who is expected.")
    return Verified(
        content=content,
        signer_address=min(leaf.mailboxes, default=""),
        signer_name=leaf.name,
        certificate=leaf.der,
        signing_time=_claimed_time(signer),
        certificates=message.certificates,
    )


def _one_signer(message: SignedData) -> tuple[Signer, Certificate, Digest]:
    if len(message.signers) != 1:
        raise VerificationFailed(1, "The message has not exactly one signer.")
    signer = message.signers[0]
    digest = DIGESTS.get(signer.digest)
    if digest is None or SIGNATURES.get(signer.signature_algorithm, digest) not in (None, digest):
        raise VerificationFailed(1, "The signature uses an algorithm that is not accepted.")
    if signer.signature_algorithm not in SIGNATURES:
        raise VerificationFailed(1, "The signature uses an algorithm that is not accepted.")
    for octets in message.certificates:
        certificate = _readable(octets)
        if certificate is not None and signer.id.names(certificate):
            if not may(certificate, Usage.SIGN):
                raise VerificationFailed(1, "The signer's certificate may not sign mail, or its key is too weak.")
            return signer, certificate, digest
    raise VerificationFailed(1, "The signer's certificate did not come along.")


def _readable(octets: bytes) -> Certificate | None:
    try:
        return read_certificate(octets)
    except BadCertificate:
        return None  # somebody else's certificate need not be readable


def _check_attributes(signer: Signer, message: SignedData, content: bytes, digest: Digest) -> None:
    kind, proved = signer.attributes.get(CONTENT_TYPE), signer.attributes.get(MESSAGE_DIGEST)
    if kind is None or proved is None or message.content_type != DATA or bytes(kind.octets) != DATA:
        raise VerificationFailed(2, "The signature does not say what it covers.")
    running = digest.begin()
    running.update(content)
    try:
        matches = proved.string() == running.digest()
    except Malformed:
        matches = False
    if not matches:
        raise VerificationFailed(2, "The content was changed after it was signed.")


def _check_signature(signer: Signer, leaf: Certificate, digest: Digest) -> None:
    try:
        if leaf.public_key is not None:
            leaf.public_key.verify(signer.signature, signer.signed, PKCS1v15(), digest.hash)
            return
    except InvalidSignature:
        pass
    raise VerificationFailed(3, "The signature is not that of the signer's key.")


def _path(
    leaf: Certificate, along: Sequence[bytes], trust: TrustContext, at: datetime
) -> tuple[Certificate, ...]:
    more = [one for octets in along if octets != leaf.der and (one := _readable(octets)) and one.authority]
    path = trust.path(leaf, more, at=at)
    if not path:
        raise VerificationFailed(4, "The signer's certificate leads to no authority that is trusted now.")
    return path


def _claimed_time(signer: Signer) -> datetime | None:
    claimed = signer.attributes.get(SIGNING_TIME)
    try:
        return claimed.instant() if claimed is not None else None
    except Malformed:
        return None
