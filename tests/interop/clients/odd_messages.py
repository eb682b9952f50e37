"""Messages that a mailbox may hold and that clients tend to change."""

from typing import Final

__all__ = ["MESSAGES", "NEWCOMER", "letter", "words_of"]

_HEADER: Final = (
    "From: Dominique PAT-TROIS <dominique@patient.example>\r\n"
    "To: pharmacie@officine.example\r\n"
    "Subject: {name}\r\n"
    "Date: Thu, 26 Nov 2026 09:{minute:02}:00 +0100\r\n"
    "Message-ID: <{name}@patient.example>\r\n"
    "MIME-Version: 1.0\r\n"
)


def letter(name: str, body: bytes, *fields: bytes, minute: int = 0) -> bytes:
    """A message of that subject; `fields` are further lines of its header, without their end."""
    header = _HEADER.format(name=name, minute=minute).encode()
    return header + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


_TEXT: Final = b"Content-Type: text/plain; charset=utf-8"
_EIGHT_BIT: Final = b"Content-Transfer-Encoding: 8bit"
_BINARY: Final = b"Content-Transfer-Encoding: binary"
_MIXED: Final = b'Content-Type: multipart/mixed; boundary="lisiere"'
_HIGH: Final = bytes(range(0x80, 0x100))

# Each ends in words of its own: so a test sees on the wire which of them was fetched.
_BODIES: Final[dict[str, tuple[bytes, tuple[bytes, ...]]]] = {
    "plain": ("Délivrée ce matin : plain.\r\n".encode(), (_TEXT, _EIGHT_BIT)),
    "8-bit": (_HIGH + b"\r\nend of 8-bit.\r\n", (b"X-Ward: " + _HIGH[0x40:], _EIGHT_BIT)),
    "controls": (
        b"\r\n".join(bytes(set(range(1, 0x100)) - set(b"\r\n")) for _ in range(4)) + b"\r\nend of controls.\r\n",
        (b"Content-Type: application/octet-stream", _BINARY),
    ),
    "bare-newlines": (b"one\ntwo\n\nfour\r\nfive\n.\nend of bare-newlines.\r\n", (_TEXT,)),
    "bare-returns": (b"one\rtwo\r\rfour\r\nend of bare-returns.\r\n", (_TEXT,)),
    "long-line": (b"x" * 70_000 + b" end of long-line.\r\n", (_TEXT,)),
    "unclosed-parts": (
        b"\r\n".join(
            (
                *(b"--lisiere", b'Content-Type: multipart/mixed; boundary="', b"", b"--lisi", b""),
                *(b"--lisiere", b"Content-Type: text/plain", b"Content-Transfer-Encoding: base64", b""),
                *(b"AAA=AA", b"end of unclosed-parts.", b""),
            )
        ),
        (_MIXED,),
    ),
    "no-part": (b"There is no boundary here: end of no-part.\r\n", (_MIXED,)),
    "escapes": (b"From me\r\n>From him\r\n.\r\n..\r\n)\r\n{4}\r\n* 1 EXPUNGE\r\nend of escapes.\r\n", (_TEXT,)),
    "no-last-line": (b"end of no-last-line", (_TEXT,)),
    "no-body": (b"", ()),
}

MESSAGES: Final = {
    name: letter(name, body, *fields, minute=minute) for minute, (name, (body, fields)) in enumerate(_BODIES.items())
}
"""By name, in the order in which a test stores them."""

NEWCOMER: Final = letter("newcomer", b"end of newcomer.\r\n", _TEXT, minute=59)
"""One that comes later."""


def words_of(message: bytes) -> bytes:
    """Its last line, which no other message has."""
    return message.rstrip().rpartition(b"\n")[2]
