"""Signed messages with one thing wrong: a true signature is taken apart, altered and put together again."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm

from mssante_sim.crypto.cms_sign import write_signed_data
from mssante_sim.crypto.identity import Identity, private_key
from tests.crypto.conftest import AT

ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nBonjour,\r\nvoici mon ordonnance.\r\n"
_HASHES: dict[str, HashAlgorithm] = {"sha1": SHA1(), "sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}  # noqa: S303  (to be refused)

Change = Callable[[Any], None]


def multipart(entity: bytes, signature: bytes, *, boundary: bytes = b"frontier") -> bytes:
    return b"".join((
        b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="',
        boundary, b'"\r\n\r\n--', boundary, b"\r\n", entity, b"\r\n--", boundary,
        b"\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        base64.encodebytes(signature).replace(b"\n", b"\r\n"), b"--", boundary, b"--\r\n",
    ))  # fmt: skip


def opaque(signature: bytes) -> bytes:
    head = b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(signature).replace(b"\n", b"\r\n")


def altered(
    signer: Identity,
    change: Change,
    *,
    resign: bool = True,
    entity: bytes = ENTITY,
    at: datetime = AT,
    also: Sequence[bytes] = (),
) -> bytes:
    """The DER of a signature over `entity` on which `change` was let loose, signed again unless told otherwise."""
    info = cms.ContentInfo.load(write_signed_data(entity, signer, at=at, also=also))
    data = info["content"]
    change(data)
    for signer_info in data["signer_infos"]:
        if resign:
            sign_again(signer_info, signer)
    return bytes(info.dump(force=True))


def sign_again(signer_info: Any, signer: Identity) -> None:
    octets = signer_info["signed_attrs"].untag().dump(force=True)
    digest = _HASHES[signer_info["digest_algorithm"]["algorithm"].native]
    signer_info["signature"] = private_key(signer).sign(octets, PKCS1v15(), digest)


def with_digest(name: str, entity: bytes = ENTITY) -> Change:
    """Another digest algorithm, used throughout."""

    def change(data: Any) -> None:
        info = data["signer_infos"][0]
        info["digest_algorithm"] = {"algorithm": name}
        set_attribute(data, "message_digest", hashlib.new(name, entity).digest())

    return change


def set_attribute(data: Any, kind: str, value: Any) -> None:
    for attribute in data["signer_infos"][0]["signed_attrs"]:
        if attribute["type"].native == kind:
            attribute["values"] = [value]


def drop_attribute(kind: str) -> Change:
    def change(data: Any) -> None:
        info = data["signer_infos"][0]
        info["signed_attrs"] = [one for one in info["signed_attrs"] if one["type"].native != kind]

    return change
