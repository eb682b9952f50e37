"""The algorithms that are written and accepted, as tables: what is not here is refused.

Nothing weaker than SHA-256, AES-128 and RSA-2048 has a row.  [RFC 8551 §2.1-2.7]
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes

from mssante_sim.crypto import der

__all__ = [
    "AES_128_CBC",
    "AES_128_GCM",
    "AES_256_CBC",
    "AES_256_GCM",
    "CONTENT_CIPHERS",
    "DIGESTS",
    "MGF_1",
    "RSA_ENCRYPTION",
    "RSA_OAEP",
    "SHA_256",
    "SHA_384",
    "SHA_512",
    "ContentCipher",
    "Digest",
    "Hasher",
]


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
    oid: bytes
    identifier: bytes  # AlgorithmIdentifier
    hash: hashes.HashAlgorithm = field(compare=False)
    begin: Callable[[], Hasher] = field(compare=False)


@dataclass(frozen=True, slots=True)
class ContentCipher:
    """AES, in CBC mode or, authenticated, in GCM mode.  [RFC 3565 §2, RFC 5084 §3.2]"""

    name: str
    oid: bytes
    key_octets: int
    authenticated: bool  # whether a change is noticed before anything is believed


def _digest(
    micalg: str, oid: str, algorithm: hashes.HashAlgorithm, begin: Callable[[], Hasher]
) -> tuple[bytes, Digest]:
    encoded = der.object_identifier(oid)
    return encoded, Digest(micalg, encoded, der.sequence(encoded), algorithm, begin)  # parameters absent  [RFC 5754 §2]


def _cipher(name: str, last: int, key_octets: int) -> ContentCipher:
    oid = der.object_identifier(f"2.16.840.1.101.3.4.1.{last}")
    return ContentCipher(name, oid, key_octets, name.endswith("GCM"))


DIGESTS: Final[Mapping[bytes, Digest]] = dict(
    (
        _digest("sha-256", "2.16.840.1.101.3.4.2.1", hashes.SHA256(), hashlib.sha256),
        _digest("sha-384", "2.16.840.1.101.3.4.2.2", hashes.SHA384(), hashlib.sha384),
        _digest("sha-512", "2.16.840.1.101.3.4.2.3", hashes.SHA512(), hashlib.sha512),
    )
)
SHA_256, SHA_384, SHA_512 = DIGESTS.values()

RSA_ENCRYPTION: Final = der.object_identifier("1.2.840.113549.1.1.1")
RSA_OAEP: Final = der.object_identifier("1.2.840.113549.1.1.7")
MGF_1: Final = der.object_identifier("1.2.840.113549.1.1.8")

AES_128_CBC: Final = _cipher("AES-128-CBC", 2, 16)
AES_256_CBC: Final = _cipher("AES-256-CBC", 42, 32)
AES_128_GCM: Final = _cipher("AES-128-GCM", 6, 16)
AES_256_GCM: Final = _cipher("AES-256-GCM", 46, 32)
CONTENT_CIPHERS: Final[Mapping[bytes, ContentCipher]] = {
    one.oid: one
    for one in (
        AES_128_CBC, _cipher("AES-192-CBC", 22, 24), AES_256_CBC,
        AES_128_GCM, _cipher("AES-192-GCM", 26, 24), AES_256_GCM,
    )
}  # fmt: skip
