"""SignedData: written with one signature, read as anyone may have written it.  [RFC 5652 §5]"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from mssante_sim.crypto import der
from mssante_sim.crypto.capabilities import CAPABILITIES_ATTRIBUTE, EVERY_CLIENT, write_capabilities
from mssante_sim.crypto.cms import DATA, EXPLICIT, CertificateId, content_info, content_of, explicit, fields_of, oid_of
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import Certificate, Identity, private_key, read_certificate
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.signatures import Scheme, fitting
from mssante_sim.crypto.trust import accepts_usage

__all__ = [
    "CONTENT_TYPE",
    "MESSAGE_DIGEST",
    "SIGNED_DATA",
    "SIGNING_CERTIFICATE",
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
SIGNING_CERTIFICATE: Final = der.object_identifier("1.2.840.113549.1.9.16.2.47")  # version 2
_KEY_PREFERENCE: Final = der.object_identifier("1.2.840.113549.1.9.16.2.11")

_REVOCATIONS: Final = 0xA1  # context tag 1, constructed
_MOST_CERTIFICATES: Final = 32
_MOST_SIGNERS: Final = 8
_MOST_ATTRIBUTES: Final = 32


def write_signed_data(
    content: bytes,
    signer: Identity,
    *,
    at: datetime,
    also: Sequence[bytes] = (),
    scheme: Scheme | None = None,
    opaque: bool = False,
    capabilities: Sequence[bytes] = EVERY_CLIENT,
) -> bytes:
    """A ContentInfo that holds a signature over exactly `content`, and `content` itself if it is to be `opaque`.

    It carries the signer's certificate and chain, and `also`; the first of
    `also` that may receive is named as the one to answer to.  [RFC 8551 §2.5]
    Which key is strong enough is the caller's to check beforehand.

    Raises:
        BadCertificate: `scheme` needs another kind of key.
    """
    key = private_key(signer)
    scheme = scheme or fitting(key)
    form = _form(signer, tuple(also), scheme.digest.identifier, tuple(capabilities))
    digest = scheme.digest.begin()
    digest.update(content)
    attributes = sorted(
        (
            *form.attributes,
            _attribute(SIGNING_TIME, der.utc_time(at)),
            _attribute(MESSAGE_DIGEST, der.octet_string(digest.digest())),
        )
    )
    # Signed as a SET, sent under context tag 0.  [RFC 5652 §5.4]
    signature = scheme.sign(key, der.tlv(der.SET, *attributes))
    signer_info = der.sequence(
        form.signer, scheme.digest.identifier,
        der.context(0, *attributes), scheme.identifier, der.octet_string(signature),
    )  # fmt: skip
    inside = (der.context(0, der.octet_string(content)),) if opaque else ()
    signed = der.sequence(form.head, der.sequence(DATA, *inside), form.certificates, der.tlv(der.SET, signer_info))
    return content_info(SIGNED_DATA, len(signed)) + signed


@dataclass(frozen=True, slots=True)
class _Form:
    """What does not change from one message of a signer to the next."""

    signer: bytes  # SignerInfo up to its digest algorithm
    attributes: tuple[bytes, ...]
    head: bytes  # SignedData up to its content
    certificates: bytes


@lru_cache(maxsize=1024)
def _form(signer: Identity, also: tuple[bytes, ...], digest: bytes, capabilities: tuple[bytes, ...]) -> _Form:
    own = read_certificate(signer.certificate)
    attributes = [
        _attribute(CONTENT_TYPE, DATA),
        _attribute(CAPABILITIES_ATTRIBUTE, write_capabilities(capabilities)),
        _attribute(SIGNING_CERTIFICATE, _certificate_named(own)),
    ]
    receiving = next((one for one in map(read_certificate, also) if accepts_usage(one, Usage.RECEIVE)), None)
    if receiving is not None:
        preferred = der.context(0, receiving.issuer, der.integer(receiving.serial))  # implicit  [RFC 8551 §2.5.3]
        attributes.append(_attribute(_KEY_PREFERENCE, preferred))
    certificates = sorted({signer.certificate, *also, *signer.chain})
    head = der.integer(1) + der.set_of(digest)
    return _Form(der.integer(1) + own.issuer_and_serial, tuple(attributes), head, der.context(0, *certificates))


def _certificate_named(certificate: Certificate) -> bytes:
    """SigningCertificateV2 with a SHA-256 of the whole certificate.  [RFC 5035 §3, §5]"""
    directory_name = der.context(4, certificate.issuer)
    issuer_serial = der.sequence(der.sequence(directory_name), der.integer(certificate.serial))
    digest = hashlib.sha256(certificate.der).digest()
    return der.sequence(der.sequence(der.sequence(der.octet_string(digest), issuer_serial)))


def _attribute(kind: bytes, value: bytes) -> bytes:
    return der.sequence(kind, der.tlv(der.SET, value))


@dataclass(frozen=True, slots=True)
class Signer:
    """One SignerInfo as it came; nothing of it is proved."""

    id: CertificateId
    digest: bytes  # OID, encoded
    signature_algorithm: Element  # AlgorithmIdentifier
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
        fields[0],
        fields[1].expect(der.OCTET_STRING).string(),
        signed,
        attributes,
    )


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
