"""How the key of an envelope reaches each recipient: RSA PKCS #1 v1.5, RSA-OAEP, or an agreement on a curve.

[RFC 5652 §6.2, RFC 8017 §7, RFC 3560, RFC 5753 §3]
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mssante_sim.crypto import der
from mssante_sim.crypto.algorithms import DIGESTS, MGF_1, RSA_ENCRYPTION, RSA_OAEP, SHA_256
from mssante_sim.crypto.cms import EXPLICIT, CertificateId, algorithm_identifier, explicit, fields_of, oid_of, tagged
from mssante_sim.crypto.content_encryption import NotAccepted
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import BadCertificate, Certificate
from mssante_sim.crypto.keys import PrivateKey

__all__ = ["Agreed", "Recipient", "Transport", "Transported", "Unknown", "key_for", "read_recipient", "write_recipient"]

_VERSION_0: Final = der.integer(0)
_KEY_AGREEMENT: Final = 0xA1  # context tag 1 of RecipientInfo
_ORIGINATOR_KEY: Final = 0xA1  # context tag 1 of OriginatorIdentifierOrKey
_MOST_AGREED: Final = 64
_MOST_OCTETS: Final = 1024  # of an encrypted key, a point or keying material
_EC_PUBLIC_KEY: Final = der.object_identifier("1.2.840.10045.2.1")
_AES_WRAPS: Final[Mapping[bytes, int]] = {
    der.object_identifier(f"2.16.840.1.101.3.4.1.{last}"): octets for last, octets in ((5, 16), (25, 24), (45, 32))
}
_WRAP_256: Final = list(_AES_WRAPS)[-1]
_HASHES: Final[Mapping[bytes, hashes.HashAlgorithm]] = {
    der.object_identifier("1.3.14.3.2.26"): hashes.SHA1(),  # noqa: S303  no collision helps against OAEP: read, not written
    **{oid: digest.hash for oid, digest in DIGESTS.items()},
}
_SHA_1: Final = next(iter(_HASHES.values()))
_AGREEMENTS: Final[Mapping[bytes, hashes.HashAlgorithm]] = {
    der.object_identifier("1.3.133.16.840.63.0.2"): _SHA_1,  # dhSinglePass-stdDH-sha1kdf-scheme: read, not written
    **{
        der.object_identifier(f"1.3.132.1.11.{number}"): digest.hash
        for number, digest in enumerate(DIGESTS.values(), start=1)
    },
}
_NO_LABEL: Final = der.sequence(der.object_identifier("1.2.840.113549.1.1.9"), der.octet_string(b""))
_STD_DH_SHA_256: Final = list(_AGREEMENTS)[1]


class Transport(Enum):
    """How a content key is encrypted to an RSA key."""

    PKCS1 = "PKCS #1 v1.5"  # what every client reads
    OAEP = "OAEP"  # with SHA-256, and MGF1 with the same


@dataclass(frozen=True, slots=True)
class Transported:
    """A content key encrypted to an RSA key."""

    id: CertificateId
    padding: AsymmetricPadding
    encrypted_key: bytes


@dataclass(frozen=True, slots=True)
class Agreed:
    """A content key wrapped under what a fresh key and the recipient's agree on."""

    id: CertificateId
    point: bytes  # the sender's fresh public key
    hash: hashes.HashAlgorithm
    wrap: bytes  # AlgorithmIdentifier exactly as the sender wrote it: it enters the derivation
    wrap_octets: int
    material: Element | None  # the sender's further keying material
    encrypted_key: bytes


@dataclass(frozen=True, slots=True)
class Unknown:
    """A content key carried in a way that is not accepted; nothing opens it."""

    id: CertificateId
    algorithm: bytes


Recipient = Transported | Agreed | Unknown


# Writing


def write_recipient(certificate: Certificate, key: bytes, transport: Transport) -> bytes:
    """A RecipientInfo by which the holder of `certificate` gets the content key `key`.

    Raises:
        BadCertificate: the certificate's key is weak, or of a kind that is not used here.
    """
    public = certificate.public_key
    if public is None or not certificate.strong:
        raise BadCertificate("A recipient's certificate holds a weak key, or one of a kind that is not used here.")
    if isinstance(public, EllipticCurvePublicKey):
        return _agreement(certificate, public, key)
    algorithm, padding = _TRANSPORTS[transport]
    encrypted = der.octet_string(public.encrypt(key, padding))
    return der.sequence(_VERSION_0, certificate.issuer_and_serial, algorithm, encrypted)


def _oaep() -> tuple[bytes, AsymmetricPadding]:
    digest = der.sequence(SHA_256.oid, der.tlv(der.NULL))
    parameters = der.sequence(der.context(0, digest), der.context(1, der.sequence(MGF_1, digest)))
    return der.sequence(RSA_OAEP, parameters), OAEP(MGF1(SHA_256.hash), SHA_256.hash, None)


_TRANSPORTS: Final[Mapping[Transport, tuple[bytes, AsymmetricPadding]]] = {
    Transport.PKCS1: (der.sequence(RSA_ENCRYPTION, der.tlv(der.NULL)), PKCS1v15()),
    Transport.OAEP: _oaep(),
}


def _agreement(certificate: Certificate, public: EllipticCurvePublicKey, key: bytes) -> bytes:
    """KeyAgreeRecipientInfo with a fresh key of the sender.  [RFC 5753 §3.1]"""
    fresh = ec.generate_private_key(public.curve)
    wrap = der.sequence(_WRAP_256)
    shared = fresh.exchange(ec.ECDH(), public)
    wrapping = _derived(shared, SHA_256.hash, wrap, _AES_WRAPS[_WRAP_256], None)
    point = fresh.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    originator = der.context(1, der.sequence(_EC_PUBLIC_KEY), der.tlv(der.BIT_STRING, b"\0", point))
    encrypted = der.sequence(certificate.issuer_and_serial, der.octet_string(aes_key_wrap(wrapping, key)))
    return der.context(
        1, der.integer(3), der.context(0, originator), der.sequence(_STD_DH_SHA_256, wrap), der.sequence(encrypted)
    )


# Reading


def read_recipient(info: Element) -> Iterator[Recipient]:
    """Whom a RecipientInfo is for; nobody, when it is of a kind that names no certificate.

    Raises:
        Malformed: it is broken.
    """
    if info.tag == der.SEQUENCE:
        yield _transported(info)
    elif info.tag == _KEY_AGREEMENT:
        yield from _agreed(info)


def _transported(info: Element) -> Transported | Unknown:
    _, recipient, algorithm, encrypted = fields_of(info, 4)[:4]
    named, octets = CertificateId.read(recipient), _short(encrypted)
    oid, parameters = algorithm_identifier(algorithm)
    padding = _padding(oid, parameters)
    return Unknown(named, oid) if padding is None else Transported(named, padding, octets)


def _padding(oid: bytes, parameters: Element | None) -> AsymmetricPadding | None:
    """The padding that an AlgorithmIdentifier means; None if it is not accepted.  [RFC 8017 §A.2.1]"""
    if oid == RSA_ENCRYPTION:
        return PKCS1v15()
    if oid != RSA_OAEP or parameters is None:
        return None
    fields = tagged(parameters)
    digest = _HASHES.get(oid_of(fields[0])) if 0 in fields else _SHA_1
    mask: hashes.HashAlgorithm | None = _SHA_1
    if 1 in fields:
        generator, of = algorithm_identifier(fields[1])
        mask = _HASHES.get(oid_of(of)) if generator == MGF_1 and of is not None else None
    if digest is None or mask is None or not fields.keys() <= {0, 1, 2}:
        return None
    if 2 in fields and fields[2].octets != _NO_LABEL:  # a label is nothing that mail uses; some say that it is empty
        return None
    return OAEP(MGF1(mask), digest, None)


def _agreed(info: Element) -> Iterator[Agreed | Unknown]:
    _, originator, *fields = info.children(at_least=2)
    material = explicit(fields.pop(0), 1) if fields and fields[0].tag == EXPLICIT | 1 else None
    if len(fields) != 2:
        raise Malformed("fields are missing in a key agreement")
    members = fields_of(fields[1], 0)
    if len(members) > _MOST_AGREED:
        raise Malformed("too many recipients")
    oid, wrap = algorithm_identifier(fields[0])
    wrap_octets = _AES_WRAPS.get(oid_of(wrap)) if wrap is not None else None
    point, derivation = _point(explicit(originator)), _AGREEMENTS.get(oid)
    for member in members:
        recipient, encrypted = fields_of(member, 2)[:2]
        named, octets = _recipient_id(recipient), _short(encrypted)
        if point is None or derivation is None or wrap is None or wrap_octets is None:
            yield Unknown(named, oid)
        else:
            yield Agreed(named, point, derivation, bytes(wrap.octets), wrap_octets, material, octets)


def _point(originator: Element) -> bytes | None:
    """The sender's fresh public key; None when it is one of its certificates, or on no curve."""
    if originator.tag != _ORIGINATOR_KEY:
        return None
    algorithm, key = originator.children(at_least=2)[:2]
    bits = key.expect(der.BIT_STRING).content
    if not 2 <= len(bits) <= _MOST_OCTETS or bits[0] != 0:
        raise Malformed("a public key is missing or too long")
    # The curve is that of the recipient's key; parameters here may be absent.  [RFC 5753 §3.1.1]
    return bytes(bits[1:]) if algorithm_identifier(algorithm)[0] == _EC_PUBLIC_KEY else None


def _recipient_id(element: Element) -> CertificateId:
    """KeyAgreeRecipientIdentifier: like any other, but a key identifier stands in a structure of its own."""
    if element.tag != EXPLICIT:
        return CertificateId.read(element)
    return CertificateId(b"", 0, bytes(element.children(at_least=1)[0].expect(der.OCTET_STRING).content))


def _short(element: Element) -> bytes:
    octets = element.expect(der.OCTET_STRING).content
    if not 1 <= len(octets) <= _MOST_OCTETS:
        raise Malformed("an encrypted key is missing or too long")
    return bytes(octets)


def key_for(recipient: Recipient, private: PrivateKey, octets: int) -> bytes:
    """The content key of `octets`, or a random one: a wrong padding must look like a wrong content.  [RFC 3218 §2.3.2]

    Raises:
        NotAccepted: it is carried in a way that `private` does not read.
    """
    substitute = os.urandom(octets)
    try:
        match recipient, private:
            case Transported(), RSAPrivateKey():
                key = private.decrypt(recipient.encrypted_key, recipient.padding)
            case Agreed(), EllipticCurvePrivateKey():
                key = _unwrapped(recipient, private)
            case _:
                raise NotAccepted(f"key management of another kind: {type(recipient).__name__}")
    except (ValueError, InvalidUnwrap):
        return substitute
    return key if len(key) == octets else substitute


def _unwrapped(agreed: Agreed, private: EllipticCurvePrivateKey) -> bytes:
    """Raises: ValueError, InvalidUnwrap."""
    point = EllipticCurvePublicKey.from_encoded_point(private.curve, agreed.point)  # refuses a point off the curve
    shared = private.exchange(ec.ECDH(), point)
    wrapping = _derived(shared, agreed.hash, agreed.wrap, agreed.wrap_octets, agreed.material)
    return aes_key_unwrap(wrapping, agreed.encrypted_key)


def _derived(shared: bytes, digest: hashes.HashAlgorithm, wrap: bytes, octets: int, material: Element | None) -> bytes:
    """The wrapping key: X9.63 over ECC-CMS-SharedInfo.  [RFC 5753 §7.2]"""
    length = der.context(2, der.octet_string((octets * 8).to_bytes(4, "big")))
    info = der.sequence(wrap, *(() if material is None else (der.context(0, material.octets),)), length)
    return X963KDF(digest, octets, info).derive(shared)
