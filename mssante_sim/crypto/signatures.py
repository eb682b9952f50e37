"""Signature algorithms as data: RSA PKCS #1 v1.5, RSA-PSS and ECDSA, each with SHA-256, 384 or 512.

Nothing weaker has a row, and an identifier that names a digest must name the
one that the signer used.  [RFC 5754 §3, RFC 4056, RFC 5753 §2.1]
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from mssante_sim.crypto import der
from mssante_sim.crypto.algorithms import DIGESTS, MGF_1, RSA_ENCRYPTION, SHA_256, SHA_384, Digest
from mssante_sim.crypto.cms import algorithm_identifier, oid_of, tagged
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import BadCertificate
from mssante_sim.crypto.keys import PrivateKey, PublicKey

__all__ = ["Method", "Scheme", "ecdsa", "fitting", "pkcs1", "pss", "read_scheme"]


class Method(Enum):
    """How a digest is signed."""

    PKCS1 = "RSA PKCS #1 v1.5"
    PSS = "RSA-PSS"
    ECDSA = "ECDSA"


@dataclass(frozen=True, slots=True)
class Scheme:
    """A method with a digest, and how it is written."""

    method: Method
    digest: Digest
    identifier: bytes  # AlgorithmIdentifier
    salt: int = 0  # octets, with PSS

    @property
    def name(self) -> str:
        """For people: RSA-PSS with SHA-256."""
        return f"{self.method.value} with {self.digest.micalg.upper()}"

    def fits(self, key: PublicKey | PrivateKey) -> bool:
        """Whether `key` is of the kind that the method needs."""
        elliptic = isinstance(key, EllipticCurvePublicKey | EllipticCurvePrivateKey)
        return elliptic is (self.method is Method.ECDSA)

    def sign(self, key: PrivateKey, octets: bytes) -> bytes:
        """The signature over `octets`.

        Raises:
            BadCertificate: the key is of another kind.
        """
        if self.method is Method.ECDSA:
            if isinstance(key, EllipticCurvePrivateKey):
                return key.sign(octets, ECDSA(self.digest.hash))
        elif isinstance(key, RSAPrivateKey):
            return key.sign(octets, self._padding, self.digest.hash)
        raise BadCertificate(f"{self.method.value} needs another kind of key.")

    def holds(self, key: PublicKey, signature: bytes, octets: bytes) -> bool:
        """Whether `signature` over `octets` is by `key`."""
        try:
            match key:
                case RSAPublicKey() if self.fits(key):
                    key.verify(signature, octets, self._padding, self.digest.hash)
                case EllipticCurvePublicKey() if self.fits(key):
                    key.verify(signature, octets, ECDSA(self.digest.hash))
                case _:
                    return False
        except InvalidSignature:
            return False
        return True

    @property
    def _padding(self) -> AsymmetricPadding:
        return PSS(MGF1(self.digest.hash), self.salt) if self.method is Method.PSS else PKCS1v15()


_PSS: Final = der.object_identifier("1.2.840.113549.1.1.10")
_NAMED: Final[Mapping[bytes, tuple[Method, bytes]]] = {
    der.object_identifier(f"{arc}.{last}"): (method, digest)
    for method, arc, numbers in (
        (Method.PKCS1, "1.2.840.113549.1.1", (11, 12, 13)),
        (Method.ECDSA, "1.2.840.10045.4.3", (2, 3, 4)),
    )
    for last, digest in zip(numbers, DIGESTS, strict=True)
}
"""Identifiers that name a digest too, with the digest's own."""
_ECDSA_OIDS: Final = {digest: oid for oid, (method, digest) in _NAMED.items() if method is Method.ECDSA}
_RSA: Final = der.sequence(RSA_ENCRYPTION, der.tlv(der.NULL))  # the digest stands in digestAlgorithm  [RFC 5754 §3.2]


def pkcs1(digest: Digest = SHA_256) -> Scheme:
    """RSA PKCS #1 v1.5, which every client reads."""
    return Scheme(Method.PKCS1, digest, _RSA)


_DEFAULT: Final = pkcs1()


def pss(digest: Digest = SHA_256) -> Scheme:
    """RSA-PSS with a salt as long as the digest, MGF1 with the same digest.  [RFC 4056 §3]"""
    salt = digest.hash.digest_size
    plain = der.sequence(digest.oid, der.tlv(der.NULL))
    mask = der.sequence(MGF_1, plain)
    parameters = der.sequence(der.context(0, plain), der.context(1, mask), der.context(2, der.integer(salt)))
    return Scheme(Method.PSS, digest, der.sequence(_PSS, parameters), salt)


def ecdsa(digest: Digest = SHA_256) -> Scheme:
    """ECDSA; the identifier has no parameters.  [RFC 5753 §2.1.1]"""
    return Scheme(Method.ECDSA, digest, der.sequence(_ECDSA_OIDS[digest.oid]))


def fitting(key: PrivateKey) -> Scheme:
    """What is written with `key` unless something else is asked for."""
    if isinstance(key, RSAPrivateKey):
        return _DEFAULT
    return ecdsa(SHA_256 if key.key_size <= 256 else SHA_384)


def read_scheme(algorithm: Element, digest: Digest) -> Scheme | None:
    """The scheme that a SignerInfo names beside `digest`; None for one that is not accepted.

    Raises:
        Malformed: it is no AlgorithmIdentifier.
    """
    oid, parameters = algorithm_identifier(algorithm)
    octets = bytes(algorithm.octets)
    if oid == _PSS and parameters is not None:
        salt = _salt(parameters, digest)
        return None if salt is None else Scheme(Method.PSS, digest, octets, salt)
    if parameters is not None and parameters.tag != der.NULL:
        return None
    if oid == RSA_ENCRYPTION:
        return Scheme(Method.PKCS1, digest, octets)
    method, named = _NAMED.get(oid, (None, b""))
    return Scheme(method, digest, octets) if method is not None and named == digest.oid else None


def _salt(parameters: Element, digest: Digest) -> int | None:
    """The salt's length if all else is as it must be: one digest throughout, MGF1, trailer 1.  [RFC 4055 §3.1]"""
    fields = tagged(parameters)
    if not {0, 1} <= fields.keys() <= {0, 1, 2, 3}:  # SHA-1 where they are left out
        return None
    generator, of = algorithm_identifier(fields[1])
    if oid_of(fields[0]) != digest.oid or generator != MGF_1 or of is None or oid_of(of) != digest.oid:
        return None
    if 3 in fields and fields[3].number() != 1:
        return None
    salt = fields[2].number() if 2 in fields else 20
    if not 0 <= salt <= 1024:
        raise Malformed("an unlikely salt")
    return salt
