"""EnvelopedData: AES-256-CBC for anyone whose RSA key is at hand.  [RFC 5652 §6, RFC 8551 §2.3, §2.7]

CBC without a signature can be altered by whoever carries the message, so
what comes out of here is only believed after `verify`.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from mssante_sim.crypto import der
from mssante_sim.crypto.algorithms import (
    AES_256_CBC,
    CONTENT_CIPHERS,
    MINIMUM_RSA_BITS,
    RSA_ENCRYPTION,
    ContentCipher,
    algorithm_identifier,
)
from mssante_sim.crypto.cms import (
    DATA,
    EXPLICIT,
    IMPLICIT_STRING,
    CertificateId,
    content_info,
    content_of,
    fields_of,
)
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import BadCertificate, Identity, private_key, read_certificate
from mssante_sim.errors import SimulatorError

__all__ = ["ENVELOPED_DATA", "CannotDecrypt", "decrypt", "encrypt", "recipients"]

ENVELOPED_DATA: Final = der.object_identifier("1.2.840.113549.1.7.3")
_RSA: Final = der.sequence(RSA_ENCRYPTION, der.tlv(der.NULL))
_BLOCK: Final = 16
_STEP: Final = 57 * 1024  # octets a cipher call: a whole number of blocks and of base64 lines, small for the cache
_MOST_RECIPIENTS: Final = 1024


class CannotDecrypt(SimulatorError):
    """None of the keys at hand opens the envelope, or it was altered; which of the two is not told."""


def encrypt(content: bytes | memoryview, certificates: Sequence[bytes]) -> Iterator[bytes]:
    """A ContentInfo, in pieces, that the owner of any of `certificates` can open.

    Validity and usage are the caller's to check beforehand (`trust`).

    Raises:
        BadCertificate: one cannot be read or is no RSA key of at least 2048 bits; nothing was encrypted.
        ValueError: there is no recipient.
    """
    if not certificates:
        raise ValueError("an envelope needs a recipient")
    key, vector = os.urandom(AES_256_CBC.key_octets), os.urandom(_BLOCK)
    recipient_infos = der.set_of(*(_key_transport(one, key) for one in dict.fromkeys(certificates)))
    return _pieces(content, recipient_infos, key, vector)


def _pieces(content: bytes | memoryview, recipient_infos: bytes, key: bytes, vector: bytes) -> Iterator[bytes]:
    size = len(content) // _BLOCK * _BLOCK + _BLOCK
    encrypted = der.header(IMPLICIT_STRING, size)
    info = DATA + der.sequence(AES_256_CBC.oid, der.octet_string(vector)) + encrypted
    head = der.integer(0) + recipient_infos + der.header(der.SEQUENCE, len(info) + size) + info
    structure = der.header(der.SEQUENCE, len(head) + size) + head
    yield content_info(ENVELOPED_DATA, len(structure) + size) + structure
    encryptor = Cipher(AES(key), CBC(vector)).encryptor()
    window = memoryview(content)
    whole = size - _BLOCK
    for at in range(0, whole, _STEP):
        yield encryptor.update(window[at : min(at + _STEP, whole)])
    padding = size - len(content)
    yield encryptor.update(bytes(window[whole:]) + bytes((padding,)) * padding)


def _key_transport(certificate: bytes, key: bytes) -> bytes:
    """KeyTransRecipientInfo.  [RFC 5652 §6.2.1]"""
    read = read_certificate(certificate)
    if read.public_key is None or read.public_key.key_size < MINIMUM_RSA_BITS:
        raise BadCertificate("A recipient's certificate holds no RSA key of at least 2048 bits.")
    encrypted = read.public_key.encrypt(key, PKCS1v15())
    return der.sequence(der.integer(0), read.issuer_and_serial, _RSA, der.octet_string(encrypted))


@dataclass(frozen=True, slots=True)
class _Recipient:
    id: CertificateId
    encrypted_key: bytes


def recipients(octets: bytes) -> list[CertificateId]:
    """Who can open the envelope, as far as it names them in a way we read.

    Raises:
        Malformed: `octets` are no EnvelopedData.
    """
    return [one.id for one in _recipients(_fields(octets)[0])]


def decrypt(octets: bytes, own: Sequence[Identity]) -> bytes:
    """The content, opened with the first of `own` that the envelope names.

    Raises:
        CannotDecrypt: no key fits, the algorithm is not accepted, or the content was altered.
        Malformed: `octets` are no EnvelopedData.
    """
    infos, encrypted = _fields(octets)
    _, algorithm, content = fields_of(encrypted, 3)[:3]
    if content.tag not in {IMPLICIT_STRING, EXPLICIT}:  # in one piece, or cut
        raise Malformed("no encrypted content")
    oid, vector = algorithm_identifier(algorithm)
    cipher = CONTENT_CIPHERS.get(oid)
    if cipher is None or vector is None or len(vector.expect(der.OCTET_STRING).content) != _BLOCK:
        raise CannotDecrypt("The message is encrypted in a way that is not accepted here.")
    key = _content_key(_recipients(infos), own, cipher)
    return _decrypted(content, Cipher(AES(key), CBC(bytes(vector.content))).decryptor())


def _fields(octets: bytes) -> tuple[Element, Element]:
    """RecipientInfos and EncryptedContentInfo."""
    _, *fields = content_of(octets, ENVELOPED_DATA, 3)
    if fields[0].tag == EXPLICIT:  # originatorInfo helps no RSA recipient
        del fields[0]
    if len(fields) < 2:
        raise Malformed("fields are missing in EnvelopedData")
    return fields[0].expect(der.SET), fields[1]


def _recipients(infos: Element) -> list[_Recipient]:
    members = infos.children()
    if len(members) > _MOST_RECIPIENTS:
        raise Malformed("too many recipients")
    found = []
    for member in members:
        fields = member.children()
        if member.tag != der.SEQUENCE or len(fields) != 4 or algorithm_identifier(fields[2])[0] != RSA_ENCRYPTION:
            continue  # another way to carry the key, for somebody else
        found.append(_Recipient(CertificateId.read(fields[1]), fields[3].expect(der.OCTET_STRING).string()))
    return found


def _content_key(found: Sequence[_Recipient], own: Sequence[Identity], cipher: ContentCipher) -> bytes:
    for identity in own:
        certificate = read_certificate(identity.certificate)
        for recipient in found:
            if recipient.id.names(certificate):
                return _unwrapped(recipient.encrypted_key, identity, cipher)
    raise CannotDecrypt("The message is not encrypted for this mailbox.")


def _unwrapped(encrypted: bytes, identity: Identity, cipher: ContentCipher) -> bytes:
    """The content key, or a random one: a wrong padding must look like a wrong content.  [RFC 3218 §2.3.2]"""
    substitute = os.urandom(cipher.key_octets)
    try:
        key = private_key(identity).decrypt(encrypted, PKCS1v15())
    except ValueError:
        return substitute
    return key if len(key) == cipher.key_octets else substitute


def _decrypted(content: Element, decryptor: CipherContext) -> bytes:
    clear: list[bytes] = []
    for piece in content.pieces():
        clear.extend(decryptor.update(piece[at : at + _STEP]) for at in range(0, len(piece), _STEP))
    try:
        decryptor.finalize()
    except ValueError as error:  # not a whole number of blocks
        raise CannotDecrypt("The message cannot be decrypted.") from error
    return _without_padding(clear)


def _without_padding(clear: list[bytes]) -> bytes:
    """`clear` joined, less 1 to 16 octets that each hold their number.  [RFC 5652 §6.3]"""
    tail = b"".join(clear[-2:])  # the last piece may be shorter than a block
    count = tail[-1] if tail else 0
    if not 1 <= count <= _BLOCK or not tail.endswith(bytes((count,)) * count):
        raise CannotDecrypt("The message cannot be decrypted.")
    return b"".join((*clear[:-2], tail[:-count]))
