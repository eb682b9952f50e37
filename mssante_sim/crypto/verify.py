"""Who signed a message: proved step by step, or refused.

Context (`TrustContext`), material (the message), policy and time all come in
as arguments; the policy has no default, because "anyone" is a dangerous one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn, Protocol

from mssante_sim.crypto import der
from mssante_sim.crypto.algorithms import DIGESTS, SHA_256
from mssante_sim.crypto.capabilities import CAPABILITIES_ATTRIBUTE, read_capabilities
from mssante_sim.crypto.cms import DATA, fields_of, oid_of
from mssante_sim.crypto.cms_sign import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE,
    SIGNING_TIME,
    SignedData,
    Signer,
    read_signed_data,
)
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import BadCertificate, Certificate, read_certificate
from mssante_sim.crypto.keys import PublicKey, describe, is_strong
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.signatures import Scheme, read_scheme
from mssante_sim.crypto.smime import NotSmime, signature_of
from mssante_sim.crypto.trust import CertificateState, TrustContext, path_accepts, validity
from mssante_sim.errors import SimulatorError

__all__ = ["FromMatches", "SignerPolicy", "UnsafeAnySigner", "VerificationFailed", "Verified", "verify"]


class VerificationFailed(SimulatorError):
    """Nothing is proved about the message.

    Attributes:
        step: the number of the step of `verify` that failed.
    """

    def __init__(self, step: int, public: str, *, french: str, detail: str = "") -> None:
        super().__init__(public, french=french, detail=detail)
        self.step = step


class SignerPolicy(Protocol):
    """Whom the caller is ready to believe."""

    def proved_address(self, leaf: Certificate) -> str | None:
        """The mailbox that `leaf` speaks for as the policy wants it, or None to refuse."""
        ...


@dataclass(frozen=True, slots=True)
class FromMatches:
    """The signer is the author: `address`, of the message's single From, is in the certificate.  [RFC 8550 §3]"""

    address: str

    def proved_address(self, leaf: Certificate) -> str | None:
        """The author's address, in lower case; letter case does not count  [our choice]."""
        address = self.address.lower()
        return address if address in leaf.mailboxes else None


@dataclass(frozen=True, slots=True)
class UnsafeAnySigner:
    """Anyone whom an authority knows, whatever From says: for looking into a message, never for showing it."""

    def proved_address(self, leaf: Certificate) -> str | None:
        """The first of the certificate's mailboxes, or an empty string."""
        return min(leaf.mailboxes, default="")


@dataclass(frozen=True, slots=True)
class Verified:
    """What was proved, and nothing else."""

    content: bytes  # the signed entity, exact octets
    signer_address: str  # lower case
    signer_name: str  # common name of the certificate
    certificate: bytes  # of the signer
    signing_time: datetime | None  # the signer's own claim
    algorithm: str = ""  # how it is signed, for people: "ECDSA with SHA-256, P-256"
    path: tuple[str, ...] = ()  # common names from the signer to the root
    names_certificate: bool = False  # the signature covers which certificate it is to be checked with  [RFC 5035]
    capabilities: frozenset[bytes] = frozenset()  # OIDs, encoded: what the signer's program says it can read


def verify(signed: bytes, trust: TrustContext, policy: SignerPolicy, *, at: datetime) -> Verified:
    """Prove who signed the entity or message `signed`, at instant `at` (aware).

    1 exactly one signer, whose certificate came along; allowed digest, signature and key size  [RFC 8551 §2]
    2 content type and digest attributes equal those of the exact octets                        [RFC 5652 §5.4]
    3 signature over the signed attributes, and by the certificate that they name, if any       [RFC 5035 §3]
    4 path to a root of `trust`, valid at `at`, for a certificate that may sign mail            [RFC 5280 §6]
    5 not revoked at `at`, on the word of a fresh list or, without one, of a responder          [RFC 6960 §2.2]
    6 `policy` accepts the certificate
    Callers must use only the content returned, never `signed`.

    Raises:
        VerificationFailed: any step; `.step` says which. No partial result exists.
    """
    # 1
    data, content = _material(signed)
    signer, leaf, key, scheme = _one_signer(data)
    # 2
    _check_attributes(data, signer, scheme, content)
    # 3
    names_certificate = _check_signature(signer, leaf, key, scheme)
    # 4
    path = _trusted_path(leaf, data, trust, at)
    # 5
    if trust.revocation(path, at) is not CertificateState.VALID:
        _fail(5, "The signer's certificate is revoked, or nothing fresh is known of its revocation.")
    # 6
    address = policy.proved_address(leaf)
    if address is None:
        _fail(6, "The signer is not the author that the message names.")
    return Verified(
        b"".join(content), address, leaf.name, leaf.der, _signing_time(signer),
        f"{scheme.name}, {describe(key)}", tuple(one.name for one in path), names_certificate, _capabilities(signer),
    )  # fmt: skip


_FRENCH: Final = {
    1: "La signature est absente ou d'une forme qui n'est pas acceptée.",
    2: "Le message a été modifié après sa signature.",
    3: "La signature est fausse.",
    4: "Le certificat du signataire n'est pas reconnu.",
    5: "Le certificat du signataire est révoqué, ou sa révocation n'a pas pu être vérifiée.",
    6: "Le signataire n'est pas l'expéditeur du message.",
}


def _fail(step: int, public: str, detail: str = "") -> NoReturn:
    raise VerificationFailed(step, public, french=_FRENCH[step], detail=detail)


def _material(signed: bytes) -> tuple[SignedData, tuple[bytes | memoryview, ...]]:
    """The signature, and the one content that it can be about."""
    try:
        detached = signature_of(signed)
        data = read_signed_data(detached.cms)
    except (NotSmime, Malformed) as error:
        _fail(1, "The message bears no signature that can be read.", detail=error.detail or error.public)
    inside = data.content
    if detached.content is None and inside is not None:
        return data, inside
    if detached.content is not None and inside is None:
        return data, (detached.content,)
    _fail(1, "The signature covers no content, or two.")


def _one_signer(data: SignedData) -> tuple[Signer, Certificate, PublicKey, Scheme]:
    if len(data.signers) != 1:
        _fail(1, "The message must have exactly one signer.")
    signer = data.signers[0]
    digest = DIGESTS.get(signer.digest)
    try:
        scheme = None if digest is None else read_scheme(signer.signature_algorithm, digest)
    except Malformed as error:
        _fail(1, "The signature's algorithm cannot be read.", detail=error.detail)
    if scheme is None:
        _fail(1, "The signature uses an algorithm that is not accepted.")
    leaf = next((one for one in map(_readable, data.certificates) if one is not None and signer.id.names(one)), None)
    if leaf is None:
        _fail(1, "The signer's certificate did not come with the message.")
    key = leaf.public_key
    if not is_strong(key):
        _fail(1, "The signer's key is weak, or of a kind that is not accepted.")
    if not scheme.fits(key):
        _fail(1, "The signature's algorithm needs another kind of key than the signer's.")
    return signer, leaf, key, scheme


def _check_attributes(
    data: SignedData, signer: Signer, scheme: Scheme, content: tuple[bytes | memoryview, ...]
) -> None:
    kind, said = signer.attributes.get(CONTENT_TYPE), signer.attributes.get(MESSAGE_DIGEST)
    if kind is None or said is None or data.content_type != DATA or kind.octets != DATA:
        _fail(2, "The signature does not say what it is about.")
    found = scheme.digest.begin()
    for piece in content:
        found.update(piece)
    if said.octets != der.octet_string(found.digest()):
        _fail(2, "The message was altered after it was signed.")


def _check_signature(signer: Signer, leaf: Certificate, key: PublicKey, scheme: Scheme) -> bool:
    """Whether the signed attributes name the certificate."""
    if not scheme.holds(key, signer.signature, signer.signed):
        _fail(3, "The signature is not by the certificate it names.")
    named = signer.attributes.get(SIGNING_CERTIFICATE)
    if named is None:
        return False
    try:
        same = _names_certificate(named, leaf)
    except Malformed as error:
        _fail(3, "The signature names its certificate in a way that cannot be read.", detail=error.detail)
    if not same:
        _fail(3, "The signature was made for another certificate than the one that came with it.")
    return True


def _names_certificate(attribute: Element, leaf: Certificate) -> bool:
    """Whether the first entry of a SigningCertificateV2 is `leaf`.  [RFC 5035 §3, §5]"""
    (first, *_) = fields_of(fields_of(attribute, 1)[0], 1)
    fields = list(fields_of(first, 1))
    digest = DIGESTS.get(oid_of(fields.pop(0))) if fields[0].tag == der.SEQUENCE else SHA_256
    if digest is None or not fields:
        raise Malformed("a certificate is named by a digest that is not accepted, or by none")
    found = digest.begin()
    found.update(leaf.der)
    issuer_serial = fields_of(fields[1], 2)[1].number() if len(fields) > 1 else leaf.serial
    return fields[0].expect(der.OCTET_STRING).content == found.digest() and issuer_serial == leaf.serial


def _trusted_path(leaf: Certificate, data: SignedData, trust: TrustContext, at: datetime) -> tuple[Certificate, ...]:
    path = trust.path(leaf, data.certificates)
    if path is None:
        _fail(4, "The signer's certificate leads to no authority of this trust space.")
    found = validity(path, at)
    if found is not CertificateState.VALID:
        _fail(4, f"The signer's certificate is {found.value}.")
    if not path_accepts(path, Usage.SIGN):
        _fail(4, "The signer's certificate is not meant for signing mail.")
    return path


def _signing_time(signer: Signer) -> datetime | None:
    """The claim in a signed attribute; one that cannot be read claims nothing."""
    try:
        return signer.attributes[SIGNING_TIME].instant()
    except (KeyError, Malformed):
        return None


def _capabilities(signer: Signer) -> frozenset[bytes]:
    """The claim in a signed attribute; one that cannot be read claims nothing."""
    try:
        return read_capabilities(signer.attributes[CAPABILITIES_ATTRIBUTE])
    except (KeyError, Malformed):
        return frozenset()


def _readable(certificate: bytes) -> Certificate | None:
    try:
        return read_certificate(certificate)
    except BadCertificate:
        return None
