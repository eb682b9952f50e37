"""SignedData put together by hand, so that one thing in it can be wrong."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, HashAlgorithm

from mssante_sim.crypto import der
from mssante_sim.crypto.algorithms import RSA_ENCRYPTION
from mssante_sim.crypto.cms import DATA, content_info
from mssante_sim.crypto.cms_sign import CONTENT_TYPE, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_TIME
from mssante_sim.crypto.identity import Identity, private_key, read_certificate

__all__ = ["Forgery", "attribute"]

_RSA: Final = der.sequence(RSA_ENCRYPTION, der.tlv(der.NULL))
_DIGESTS: Final[dict[str, tuple[bytes, HashAlgorithm]]] = {
    "md5": (der.object_identifier("1.2.840.113549.2.5"), MD5()),  # noqa: S303  to be refused
    "sha1": (der.object_identifier("1.3.14.3.2.26"), SHA1()),  # noqa: S303  to be refused
    "sha256": (der.object_identifier("2.16.840.1.101.3.4.2.1"), SHA256()),
}


def attribute(kind: bytes, value: bytes) -> bytes:
    """One attribute with one value."""
    return der.sequence(kind, der.tlv(der.SET, value))


@dataclass(frozen=True, slots=True)
class Forgery:
    """A signature by RSA PKCS #1 v1.5; sound as long as only signer, content and time are given."""

    signer: Identity
    content: bytes = field(repr=False)
    at: datetime
    digest: str = "sha256"
    kind: bytes = DATA  # what the attribute says the content is
    outside: bytes = DATA  # what is said of it where it stands, or would
    algorithm: bytes = _RSA  # what the signature claims to be made with
    left_out: tuple[bytes, ...] = ()  # kinds of attributes
    further: tuple[bytes, ...] = ()  # whole attributes
    named: Identity | None = None  # whose certificate the signature claims to be by

    def signer_info(self, *, attributes: bool = True) -> bytes:
        """SignerInfo, signed."""
        oid, digest = _DIGESTS[self.digest]
        signed = self.attributes() if attributes else b""
        key = private_key(self.signer)
        assert isinstance(key, RSAPrivateKey)  # noqa: S101  (every forger here has one)
        signature = key.sign(signed or self.content, PKCS1v15(), digest)
        claimed = read_certificate((self.named or self.signer).certificate)
        sent = (bytes((0xA0,)) + signed[1:],) if attributes else ()
        return der.sequence(
            der.integer(1),
            claimed.issuer_and_serial,
            der.sequence(oid),
            *sent,
            self.algorithm,
            der.octet_string(signature),
        )

    def attributes(self) -> bytes:
        """The signed attributes as a SET."""
        values = {
            CONTENT_TYPE: self.kind,
            MESSAGE_DIGEST: der.octet_string(hashlib.new(self.digest, self.content).digest()),
            SIGNING_TIME: der.utc_time(self.at),
        }
        found = (attribute(kind, value) for kind, value in values.items() if kind not in self.left_out)
        return der.set_of(*found, *self.further)

    def signed_data(
        self,
        *signer_infos: bytes,
        inside: bytes | None = None,
        certificates: Sequence[bytes] | None = None,
        infos: bool = True,
    ) -> bytes:
        """ContentInfo with `signer_infos`, or this one's; `inside` is the content it carries itself."""
        held = (self.signer.certificate, *self.signer.chain) if certificates is None else tuple(certificates)
        content = () if inside is None else (der.context(0, der.octet_string(inside)),)
        signed = der.sequence(
            der.integer(1),
            der.set_of(der.sequence(_DIGESTS[self.digest][0])),
            der.sequence(self.outside, *content),
            der.context(0, *held),
            der.tlv(der.SET, *(signer_infos or ((self.signer_info(),) if infos else ()))),
        )
        return content_info(SIGNED_DATA, len(signed)) + signed
