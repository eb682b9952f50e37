"""Certificates read once into plain facts, and a certificate together with its private key."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from cryptography.x509.oid import PublicKeyAlgorithmOID

from mssante_sim.crypto import der
from mssante_sim.crypto.der import Malformed
from mssante_sim.crypto.keys import PrivateKey, PublicKey, describe, is_known, is_strong
from mssante_sim.crypto.secret import Secret
from mssante_sim.errors import SimulatorError

__all__ = [
    "CAPABILITIES",
    "GOOD_DIGESTS",
    "BadCertificate",
    "Certificate",
    "Identity",
    "certificate_in",
    "key_name",
    "load_key",
    "private_key",
    "read_certificate",
]

_E = TypeVar("_E", bound=x509.ExtensionType)

_UNDERSTOOD = frozenset(
    {
        x509.KeyUsage.oid,
        x509.ExtendedKeyUsage.oid,
        x509.BasicConstraints.oid,
        x509.SubjectAlternativeName.oid,
        x509.SubjectKeyIdentifier.oid,
        x509.AuthorityKeyIdentifier.oid,
        x509.CRLDistributionPoints.oid,
        x509.AuthorityInformationAccess.oid,
        x509.CertificatePolicies.oid,
    }
)


GOOD_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_VERSION = 0xA0
_BMP_STRING = 0x1E
_COMMON_NAME = der.object_identifier("2.5.4.3")
CAPABILITIES = x509.ObjectIdentifier("1.2.840.113549.1.9.15")


class BadCertificate(SimulatorError):
    """The octets are no X.509 certificate that can be read."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says; nothing here says that it is true."""

    der: bytes
    parsed: x509.Certificate = field(repr=False, compare=False)
    subject: bytes  # Name, encoded
    issuer: bytes  # Name, encoded
    serial: int
    issuer_and_serial: bytes  # IssuerAndSerialNumber, encoded  [RFC 5652 §10.2.4]
    name: str  # common name, "" when absent
    mailboxes: frozenset[str]  # rfc822Names, lower case
    not_before: datetime
    not_after: datetime
    public_key: PublicKey | None  # None: another kind of key, which nothing here uses; it may be weak
    strong: bool  # whether the key may be relied on
    usages: x509.KeyUsage | None
    purposes: frozenset[x509.ObjectIdentifier] | None  # extended key usages
    authority: bool
    path_length: int | None
    key_id: bytes | None
    signed_well: bool  # by its issuer, with SHA-256 or more
    understood: bool  # no critical extension and no name constraint that we do not process
    capabilities: bytes | None  # SMIMECapabilities of whoever holds the key, encoded  [RFC 4262 §2]


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate, its private key and the certificates up to, but without, the root.

    It can be pickled, on purpose, so that sealing may run in another process;
    its `repr` shows no key.
    """

    certificate: bytes
    key: Secret[bytes] = field(compare=False)  # PKCS #8, DER, not encrypted
    chain: tuple[bytes, ...] = ()

    def __reduce__(self) -> "tuple[Callable[..., Identity], tuple[bytes, bytes, tuple[bytes, ...]]]":
        return _identity, (self.certificate, self.key.reveal(), self.chain)


def _identity(certificate: bytes, key: bytes, chain: tuple[bytes, ...]) -> Identity:
    return Identity(certificate, Secret(key), chain)


@lru_cache(maxsize=4096)
def read_certificate(octets: bytes) -> Certificate:
    """The facts of a DER certificate; the same object for the same octets while it is cached.

    Raises:
        BadCertificate: it cannot be read whole.
    """
    try:
        return _facts(octets, x509.load_der_x509_certificate(octets))
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        x509.InvalidVersion,
        Malformed,
        UserWarning,  # where warnings are errors: the library has found a name odd
    ) as error:
        raise BadCertificate("The certificate cannot be read.", detail=type(error).__name__) from error


def certificate_in(file: bytes) -> bytes:
    """The DER of the certificate, the first if there are several, in a file that holds PEM or DER.

    Raises:
        BadCertificate: there is none that can be read.
    """
    try:
        octets = x509.load_pem_x509_certificate(file).public_bytes(Encoding.DER) if b"-----BEGIN" in file else file
    except ValueError as error:
        raise BadCertificate("The file holds no certificate.", detail=str(error)) from error
    return read_certificate(octets).der


def key_name(certificate: Certificate) -> str:
    """The kind of its key, for people."""
    return "of another kind" if certificate.public_key is None else describe(certificate.public_key)


@lru_cache(maxsize=1024)
def private_key(identity: Identity) -> PrivateKey:
    """The key of `identity`, ready to use; kept, since parsing one costs more than signing with it."""
    return load_key(identity.key)


def load_key(secret: Secret[bytes]) -> PrivateKey:
    """The key that `secret` holds as PKCS #8.

    Raises:
        BadCertificate: it is neither an RSA nor an elliptic curve key.
    """
    # Our own keys, made by this package: checking the factors again costs more than signing.
    key = load_der_private_key(secret.reveal(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise BadCertificate("The private key is of a kind that is not used here.")
    return key


def _facts(octets: bytes, parsed: x509.Certificate) -> Certificate:
    extensions = parsed.extensions
    constraints = _extension(extensions, x509.BasicConstraints)
    purposes = _extension(extensions, x509.ExtendedKeyUsage)
    alternatives = _extension(extensions, x509.SubjectAlternativeName)
    key_id = _extension(extensions, x509.SubjectKeyIdentifier)
    key = parsed.public_key()
    # A key that is for RSA-PSS alone would have to be kept from all else; few clients read it  [our choice].
    usable = key if is_known(key) and parsed.public_key_algorithm_oid != PublicKeyAlgorithmOID.RSASSA_PSS else None
    issuer, subject = _names(parsed.tbs_certificate_bytes)
    return Certificate(
        der=octets,
        parsed=parsed,
        subject=subject,
        issuer=issuer,
        serial=parsed.serial_number,
        issuer_and_serial=der.sequence(issuer, der.integer(parsed.serial_number)),
        name=_common_name(subject),
        mailboxes=_mailboxes(alternatives),
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        public_key=usable,
        strong=is_strong(usable),
        usages=_extension(extensions, x509.KeyUsage),
        purposes=frozenset(purposes) if purposes is not None else None,
        authority=constraints is not None and constraints.ca,
        path_length=constraints.path_length if constraints is not None else None,
        key_id=key_id.digest if key_id is not None else None,
        signed_well=isinstance(parsed.signature_hash_algorithm, GOOD_DIGESTS),
        understood=all(
            one.oid in _UNDERSTOOD or (not one.critical and one.oid != x509.NameConstraints.oid) for one in extensions
        ),
        capabilities=next((one.value.public_bytes() for one in extensions if one.oid == CAPABILITIES), None),
    )


def _names(signed_part: bytes) -> tuple[bytes, bytes]:
    """Issuer and subject exactly as encoded: comparing octets is comparing names here."""
    fields = der.parse(signed_part).children()
    fields = fields[1:] if fields[0].tag == _VERSION else fields
    return bytes(fields[2].octets), bytes(fields[4].octets)


def _common_name(name: bytes) -> str:
    """The last one in a Name, "" if there is none; read here, as the library warns of names that it finds odd."""
    found = ""
    for part in der.parse(name).children():
        for pair in part.children():
            kind, value = pair.children()[:2]
            if kind.octets == _COMMON_NAME:
                found = bytes(value.content).decode("utf-16-be" if value.tag == _BMP_STRING else "utf-8", "replace")
    return found


def _extension(extensions: x509.Extensions, kind: type[_E]) -> _E | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _mailboxes(alternatives: x509.SubjectAlternativeName | None) -> frozenset[str]:
    if alternatives is None:
        return frozenset()
    return frozenset(one.lower() for one in alternatives.get_values_for_type(x509.RFC822Name))
