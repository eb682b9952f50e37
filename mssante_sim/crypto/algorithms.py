"""The algorithms that are written and accepted, as tables: what is not here is refused.

Nothing weaker than SHA-256, AES-128 and RSA-2048 has a row.  [RFC 8551 §2.1-2.7]
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes

from mssante_sim.crypto import der
from mssante_sim.crypto.der import Element, Malformed

__all__ = [
    "AES_128_CBC",
    "AES_256_CBC",
    "CONTENT_CIPHERS",
    "DIGESTS",
    "MINIMUM_RSA_BITS",
    "RSA_ENCRYPTION",
    "SHA_256",
    "SIGNATURES",
    "ContentCipher",
    "Digest",
    "Hasher",
    "algorithm_identifier",
    "oid_of",
]

MINIMUM_RSA_BITS: Final = 2048
_NO_PARAMETERS: Final = (b"", der.tlv(der.NULL))


class Hasher(Protocol):
    """A running digest."""

    def update(self, octets: bytes | memoryview, /) -> None:
        """Take more octets in."""

    def digest(self) -> bytes:
        """The digest of all octets so far."""
        ...


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest; `begin` starts one outside the interpreter lock."""

    micalg: str  # name in multipart/signed  [RFC 8551 §3.5.3.2]
    identifier: bytes  # AlgorithmIdentifier
    hash: hashes.HashAlgorithm
    begin: Callable[[], Hasher]


@dataclass(frozen=True, slots=True)
class ContentCipher:
    """AES in CBC mode; the parameter is the initial vector.  [RFC 3565 §2]"""

    oid: bytes
    key_octets: int


def _digest(
    micalg: str, oid: str, algorithm: hashes.HashAlgorithm, begin: Callable[[], Hasher]
) -> tuple[bytes, Digest]:
    encoded = der.object_identifier(oid)
    return encoded, Digest(micalg, der.sequence(encoded), algorithm, begin)  # parameters absent  [RFC 5754 §2]


def _cipher(oid: str, key_octets: int) -> tuple[bytes, ContentCipher]:
    encoded = der.object_identifier(oid)
    return encoded, ContentCipher(encoded, key_octets)


DIGESTS: Final[Mapping[bytes, Digest]] = dict(
    (
        _digest("sha-256", "2.16.840.1.101.3.4.2.1", hashes.SHA256(), hashlib.sha256),
        _digest("sha-384", "2.16.840.1.101.3.4.2.2", hashes.SHA384(), hashlib.sha384),
        _digest("sha-512", "2.16.840.1.101.3.4.2.3", hashes.SHA512(), hashlib.sha512),
    )
)
SHA_256, SHA_384, SHA_512 = DIGESTS.values()

RSA_ENCRYPTION: Final = der.object_identifier("1.2.840.113549.1.1.1")

SIGNATURES: Final[Mapping[bytes, Digest | None]] = {
    RSA_ENCRYPTION: None,  # the digest stands in digestAlgorithm only  [RFC 5754 §3.2]
    der.object_identifier("1.2.840.113549.1.1.11"): SHA_256,
    der.object_identifier("1.2.840.113549.1.1.12"): SHA_384,
    der.object_identifier("1.2.840.113549.1.1.13"): SHA_512,
}
"""Signatures by RSA PKCS #1 v1.5, with the digest that the identifier itself names."""

CONTENT_CIPHERS: Final[Mapping[bytes, ContentCipher]] = dict(
    (
        _cipher("2.16.840.1.101.3.4.1.2", 16),
        _cipher("2.16.840.1.101.3.4.1.22", 24),
        _cipher("2.16.840.1.101.3.4.1.42", 32),
    )
)
AES_128_CBC, _, AES_256_CBC = CONTENT_CIPHERS.values()


def algorithm_identifier(element: Element) -> tuple[bytes, Element | None]:
    """OID (encoded) and parameters of an AlgorithmIdentifier.

    Raises:
        Malformed: it is not one.
    """
    fields = element.expect(der.SEQUENCE).children()
    if not 1 <= len(fields) <= 2:
        raise Malformed("an algorithm is an OID and at most one parameter")
    return bytes(fields[0].expect(der.OID).octets), fields[1] if len(fields) == 2 else None


def oid_of(element: Element) -> bytes:
    """OID (encoded) of an AlgorithmIdentifier that takes no parameters.

    Raises:
        Malformed: it is not one, or has parameters.
    """
    oid, parameters = algorithm_identifier(element)
    if parameters is not None and parameters.octets not in _NO_PARAMETERS:
        raise Malformed("parameters where none belong")
    return oid
