"""The kinds of key that are written and accepted: RSA of 2048 to 8192 bits, P-256 and P-384."""

from typing import Final, TypeAlias, TypeGuard

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mssante_sim.crypto.secret import Secret

__all__ = ["CURVES", "PrivateKey", "PublicKey", "describe", "is_known", "is_strong", "new_key"]

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey
PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey

CURVES: Final[dict[str, ec.EllipticCurve]] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
_CURVE_NAMES: Final = {curve.name: name for name, curve in CURVES.items()}
_RSA_BITS: Final = range(2048, 8192 + 1)  # above, one check would cost a peer nothing and us a second  [our choice]


def is_known(key: object) -> TypeGuard[PublicKey]:
    """Whether `key` is of a kind that something here uses, weak or strong."""
    return isinstance(key, RSAPublicKey | EllipticCurvePublicKey)


def is_strong(key: PublicKey | None) -> TypeGuard[PublicKey]:
    """Whether `key` may be relied on.  [RFC 8551 §4.2-4.5, RFC 5480 §4]"""
    if isinstance(key, RSAPublicKey):
        return key.key_size in _RSA_BITS
    return key is not None and key.curve.name in _CURVE_NAMES


def describe(key: PublicKey) -> str:
    """`key` for people: RSA-2048, P-256."""
    if isinstance(key, RSAPublicKey):
        return f"RSA-{key.key_size}"
    return _CURVE_NAMES.get(key.curve.name, key.curve.name)


def new_key(bits: int, curve: str | None = None) -> Secret[bytes]:
    """A fresh key as PKCS #8: RSA of `bits` (40 ms at 2048, outside the interpreter lock), or on `curve` if given."""
    key = rsa.generate_private_key(65537, bits) if curve is None else ec.generate_private_key(CURVES[curve])
    return Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
