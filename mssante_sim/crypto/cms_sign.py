"""SignedData: written detached with one RSA signature, read as anyone may have written it.  [RFC 5652 §5]"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from mssante_sim.crypto import der
from mssante_sim.crypto.algorithms import (
    AES_128_CBC,
    AES_256_CBC,
    RSA_ENCRYPTION,
    SHA_256,
    algorithm_identifier,
    oid_of,
)
from mssante_sim.crypto.cms import DATA, EXPLICIT, CertificateId, content_info, content_of, explicit, fields_of
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import Identity, private_key, read_certificate

__all__ = [
    "CONTENT_TYPE",
    "MESSAGE_DIGEST",
    "SIGNED_DATA",
    "SIGNING_TIME",
    "SignedData",
    "Signer",
    "read_signed_data",
    "write_signed_data",
]

SIGNED_DATA: Final = der.object_identifier("1.2.840.113549.1.7.2")
CONTENT_TYPE: Final = der.object_identifier("1.2.840.113549.1.9.3")
MESSAGE_DIGEST: Final = der.object_identifier("1.2.840.113549.1.9.4")
SIGNING_TIME: Final = der.object_identifier("1.2.840.113549.1.9.5")
_CAPABILITIES: Final = der.object_identifier("1.2.840.113549.1.9.15")
_KEY_PREFERENCE: Final = der.object_identifier("1.2.840.113549.1.9.16.2.11")

_REVOCATIONS: Final = 0xA1  # context tag 1, constructed
_MOST_CERTIFICATES: Final = 32
_MOST_SIGNERS: Final = 8
_MOST_ATTRIBUTES: Final = 32
_RSA_SHA_256: Final = der.sequence(RSA_ENCRYPTION, der.tlv(der.NULL))


def write_signed_data(content: bytes, signer: Identity, *, at: datetime, also: Sequence[bytes] = ()) -> bytes:
    """A ContentInfo that holds a detached signature over exactly `content`.

    It carries the signer's certificate and chain, and `also`; the first of
    `also` that may receive is named as the one to answer to.  [RFC 8551 §2.5]
    """
    form = _form(signer, tuple(also))
    digest = SHA_256.begin()
    digest.update(content)
    attributes = sorted(
        (
            *form.attributes,
            _attribute(SIGNING_TIME, der.utc_time(at)),
            _attribute(MESSAGE_DIGEST, der.octet_string(digest.digest())),
        )
    )
    # Signed as a SET, sent under context tag 0.  [RFC 5652 §5.4]
    signature = private_key(signer).sign(der.tlv(der.SET, *attributes), PKCS1v15(), SHA_256.hash)
    signer_info = der.sequence(
        der.integer(1), form.signer_id, SHA_256.identifier,
        der.context(0, *attributes), _RSA_SHA_256, der.octet_string(signature),
    )  # fmt: skip
    signed = der.sequence(form.head, der.tlv(der.SET, signer_info))
    return content_info(SIGNED_DATA, len(signed)) + signed


@dataclass(frozen=True, slots=True)
class _Form:
    """What does not change from one message of a signer to the next."""

    signer_id: bytes
    attributes: tuple[bytes, ...]
    head: bytes  # SignedData up to its signers


@lru_cache(maxsize=1024)
def _form(signer: Identity, also: tuple[bytes, ...]) -> _Form:
    attributes = [
        _attribute(CONTENT_TYPE, DATA),
        _attribute(_CAPABILITIES, der.sequence(*(der.sequence(one.oid) for one in (AES_256_CBC, AES_128_CBC)))),
    ]
    receiving = next((one for one in map(read_certificate, also) if one.usages and one.usages.key_encipherment), None)
    if receiving is not None:
        preferred = der.context(0, receiving.issuer, der.integer(receiving.serial))  # implicit  [RFC 8551 §2.5.3]
        attributes.append(_attribute(_KEY_PREFERENCE, preferred))
    certificates = sorted({signer.certificate, *also, *signer.chain})
    head = der.integer(1) + der.set_of(SHA_256.identifier) + der.sequence(DATA) + der.context(0, *certificates)
    return _Form(read_certificate(signer.certificate).issuer_and_serial, tuple(attributes), head)


def _attribute(kind: bytes, value: bytes) -> bytes:
    return der.sequence(kind, der.tlv(der.SET, value))


@dataclass(frozen=True, slots=True)
class Signer:
    """One SignerInfo as it came; nothing of it is proved."""

    id: CertificateId
    digest: bytes  # OID, encoded
    signature_algorithm: bytes  # OID, encoded; its parameters are none
    signature: bytes
    signed: bytes  # the attributes as the SET that was signed; empty if there are none
    attributes: Mapping[bytes, Element]  # by OID, encoded: the one value of each


@dataclass(frozen=True, slots=True)
class SignedData:
    """A SignedData as it came; `content` is None when it is elsewhere."""

    content_type: bytes  # OID, encoded
    content: tuple[memoryview, ...] | None
    certificates: tuple[bytes, ...]
    signers: tuple[Signer, ...]


def read_signed_data(octets: bytes) -> SignedData:
    """The SignedData in a ContentInfo, BER or DER.

    Raises:
        Malformed: it is none, or holds more than 8 signers, 32 certificates or 32 attributes.
    """
    version, algorithms, encapsulated, *rest = content_of(octets, SIGNED_DATA, 4)
    version.number()
    algorithms.expect(der.SET)
    kind, *content = fields_of(encapsulated, 1)
    certificates: tuple[bytes, ...] = ()
    if rest[0].tag == EXPLICIT:
        found = rest.pop(0).children()
        certificates = tuple(bytes(one.octets) for one in found[: _MOST_CERTIFICATES + 1] if one.tag == der.SEQUENCE)
    if rest and rest[0].tag == _REVOCATIONS:
        rest.pop(0)  # revocation lists in a message prove nothing that ours do not
    if len(rest) != 1 or len(content) > 1 or len(certificates) > _MOST_CERTIFICATES:
        raise Malformed("wrong fields in SignedData")
    signers = rest[0].expect(der.SET).children()
    if len(signers) > _MOST_SIGNERS:
        raise Malformed("too many signers")
    return SignedData(
        content_type=bytes(kind.expect(der.OID).octets),
        content=tuple(explicit(content[0]).pieces()) if content else None,
        certificates=certificates,
        signers=tuple(map(_signer, signers)),
    )


def _signer(element: Element) -> Signer:
    version, signer_id, digest, *fields = fields_of(element, 5)
    version.number()
    signed, attributes = _signed_attributes(fields.pop(0)) if fields[0].tag == EXPLICIT else (b"", {})
    if len(fields) < 2:
        raise Malformed("fields are missing")
    return Signer(
        CertificateId.read(signer_id),
        oid_of(digest),
        _signature_algorithm(fields[0]),
        fields[1].expect(der.OCTET_STRING).string(),
        signed,
        attributes,
    )


def _signature_algorithm(element: Element) -> bytes:
    """OID of a signature algorithm without parameters; empty, hence in no table, for one with."""
    oid, parameters = algorithm_identifier(element)
    return oid if parameters is None or parameters.tag == der.NULL else b""


def _signed_attributes(element: Element) -> tuple[bytes, dict[bytes, Element]]:
    """The octets that were signed, and the value of each attribute that has one; a second one is refused."""
    if not element.definite:
        raise Malformed("signed attributes must be DER")  # [RFC 5652 §5.3]
    found: dict[bytes, Element] = {}
    members = element.children()
    if len(members) > _MOST_ATTRIBUTES:
        raise Malformed("too many attributes")
    for member in members:
        oid, content = fields_of(member, 2)[:2]
        kind, values = bytes(oid.expect(der.OID).octets), content.expect(der.SET).children()
        if kind in found:
            raise Malformed("an attribute stands twice")
        if len(values) == 1:
            found[kind] = values[0]
    return bytes((der.SET,)) + element.octets[1:], found
