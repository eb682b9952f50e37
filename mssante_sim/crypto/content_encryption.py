"""The content of an envelope under one AES key: CBC, or GCM, whose tag is checked before any octet is given out.

[RFC 3565 §2, RFC 5084 §3.2, RFC 5652 §6.3]
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, GCM

from mssante_sim.crypto import der
from mssante_sim.crypto.algorithms import CONTENT_CIPHERS, ContentCipher
from mssante_sim.crypto.cms import algorithm_identifier, fields_of
from mssante_sim.crypto.der import Element
from mssante_sim.crypto.gathering import gathered
from mssante_sim.errors import SimulatorError

__all__ = ["CannotDecrypt", "ContentEncryption", "NotAccepted"]

_TAG_OCTETS: Final = 16
_BLOCK: Final = 16
_STEP: Final = 57 * 1024  # octets a cipher call: a whole number of blocks and of base64 lines, small for the cache
_NONCES: Final = range(12, 17)  # octets; 12 is recommended  [RFC 5084 §3.2]
_TAGS: Final = range(12, 17)


class CannotDecrypt(SimulatorError):
    """None of the keys at hand opens the envelope, or it was altered; which of the two is not told."""


class NotAccepted(CannotDecrypt):
    """The envelope is for a key at hand, but closed in a way that is weak or not known."""

    def __init__(self, detail: str) -> None:
        super().__init__("The message is encrypted in a way that is not accepted here.", detail=detail)


def _damaged() -> CannotDecrypt:
    return CannotDecrypt("The message cannot be decrypted.")


@dataclass(frozen=True, slots=True)
class ContentEncryption:
    """A cipher with its vector or nonce; the key comes apart."""

    cipher: ContentCipher
    vector: bytes
    tag_octets: int = _TAG_OCTETS  # with GCM

    @classmethod
    def fresh(cls, cipher: ContentCipher) -> Self:
        """One for a new message."""
        return cls(cipher, os.urandom(12 if cipher.authenticated else _BLOCK))

    @classmethod
    def read(cls, algorithm: Element) -> Self:
        """From an AlgorithmIdentifier.

        Raises:
            NotAccepted: another algorithm, or unlikely parameters.
            Malformed: it is no AlgorithmIdentifier.
        """
        oid, parameters = algorithm_identifier(algorithm)
        cipher = CONTENT_CIPHERS.get(oid)
        if cipher is None or parameters is None:
            raise NotAccepted(f"content cipher {oid.hex()}")
        if not cipher.authenticated:
            found = cls(cipher, bytes(parameters.expect(der.OCTET_STRING).content))
            sound = len(found.vector) == _BLOCK
        else:
            nonce, *rest = fields_of(parameters, 1)
            found = cls(cipher, bytes(nonce.expect(der.OCTET_STRING).content), rest[0].number() if rest else 12)
            sound = len(found.vector) in _NONCES and found.tag_octets in _TAGS
        if not sound:
            raise NotAccepted("content cipher with unlikely parameters")
        return found

    @property
    def identifier(self) -> bytes:
        """AlgorithmIdentifier."""
        vector = der.octet_string(self.vector)
        parameters = der.sequence(vector, der.integer(self.tag_octets)) if self.cipher.authenticated else vector
        return der.sequence(self.cipher.oid, parameters)

    def encrypted_size(self, octets: int) -> int:
        """How long so many octets are when encrypted."""
        return octets if self.cipher.authenticated else octets // _BLOCK * _BLOCK + _BLOCK

    @property
    def tag_size(self) -> int:
        """How many octets `encrypt` makes after that."""
        return len(der.octet_string(bytes(_TAG_OCTETS))) if self.cipher.authenticated else 0

    def encrypt(self, content: bytes | memoryview, key: bytes) -> Iterator[bytes]:
        """`content` encrypted, in pieces; with GCM the last is the tag, as an OCTET STRING."""
        mode = GCM(self.vector) if self.cipher.authenticated else CBC(self.vector)
        encryptor = Cipher(AES(key), mode).encryptor()
        window = memoryview(content)
        whole = len(window) // _BLOCK * _BLOCK
        for at in range(0, whole, _STEP):
            yield encryptor.update(window[at : min(at + _STEP, whole)])
        if not self.cipher.authenticated:
            padding = whole + _BLOCK - len(window)
            yield encryptor.update(bytes(window[whole:]) + bytes((padding,)) * padding)
            return
        yield encryptor.update(window[whole:]) + encryptor.finalize()
        yield der.octet_string(encryptor.tag)  # type: ignore[attr-defined]  # GCM's encryptor has one

    def decrypt_cbc(self, pieces: Sequence[memoryview], key: bytes) -> bytes:
        """The content; nothing shows whether it was altered.

        Raises:
            CannotDecrypt: its length or its padding is wrong.
        """
        return gathered(self._clear_cbc(pieces, key), sum(map(len, pieces)))

    def _clear_cbc(self, pieces: Sequence[memoryview], key: bytes) -> Iterator[bytes]:
        decryptor = Cipher(AES(key), CBC(self.vector)).decryptor()
        held = b""  # it may end with the padding
        for step in _steps(pieces):
            clear = decryptor.update(step)
            if len(clear) >= _BLOCK:
                yield held
                held = clear
            else:
                held += clear
        try:
            decryptor.finalize()
        except ValueError as error:  # not a whole number of blocks
            raise _damaged() from error
        yield _without_padding(held)

    def decrypt_gcm(self, pieces: Sequence[memoryview], key: bytes, tag: bytes, attributes: bytes) -> bytes:
        """The content, once `tag` over it and over `attributes` was found right.

        Raises:
            CannotDecrypt: it was not.
        """
        if len(tag) != self.tag_octets:
            raise _damaged()
        decryptor = Cipher(AES(key), GCM(self.vector, tag, min_tag_length=_TAGS.start)).decryptor()
        decryptor.authenticate_additional_data(attributes)
        clear = gathered(map(decryptor.update, _steps(pieces)), sum(map(len, pieces)))
        try:
            decryptor.finalize()
        except InvalidTag as error:
            raise _damaged() from error
        return clear


def _steps(pieces: Iterable[memoryview]) -> Iterator[memoryview]:
    return (piece[at : at + _STEP] for piece in pieces for at in range(0, len(piece), _STEP))


def _without_padding(clear: bytes) -> bytes:
    """`clear` less 1 to 16 octets that each hold their number.  [RFC 5652 §6.3]"""
    count = clear[-1] if clear else 0
    if not 1 <= count <= _BLOCK or not clear.endswith(bytes((count,)) * count):
        raise _damaged()
    return clear[:-count]
