"""AUTH PLAIN and LOGIN: what is asked, and how the answers are read  [RFC 4616, RFC 4954]."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from mssante_sim.smtp import replies
from mssante_sim.smtp.replies import Refusal

__all__ = ["MECHANISMS", "Credentials", "challenge", "credentials_from_plain", "decode_base64", "exchange"]

MECHANISMS = ("PLAIN", "LOGIN")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client logs in with."""

    login: str
    password: str = field(repr=False)


async def exchange(argument: str, ask: Callable[[bytes], Awaitable[str]]) -> Credentials | Refusal:
    """What the client named in AUTH `argument` logs in with.

    `ask` sends a challenge and returns the line that answers it.
    """
    mechanism, _, initial = argument.partition(" ")
    if mechanism.upper() == "PLAIN":
        message = _answer(initial or await ask(b""))
        return message if isinstance(message, Refusal) else credentials_from_plain(message)
    if mechanism.upper() == "LOGIN":
        login = _answer(initial or await ask(b"Username:"))
        if isinstance(login, Refusal):
            return login
        password = _answer(await ask(b"Password:"))
        return password if isinstance(password, Refusal) else credentials_from_plain(b"\0" + login + b"\0" + password)
    return replies.UNKNOWN_MECHANISM


def challenge(octets: bytes) -> str:
    """The reply line that asks."""
    return "334 " + base64.b64encode(octets).decode("ascii")


def decode_base64(text: bytes) -> bytes | Refusal:
    """An answer; `=` alone is the empty one  [RFC 4954 §4]."""
    try:
        return b"" if text == b"=" else base64.b64decode(text, validate=True)
    except binascii.Error:
        return replies.AUTH_UNREADABLE


def credentials_from_plain(message: bytes) -> Credentials | Refusal:
    """Login and password of a PLAIN message; nobody may act as somebody else  [RFC 4616 §2]."""
    try:
        act_as, login, password = message.decode("utf-8").split("\0")
    except (UnicodeDecodeError, ValueError):
        return replies.AUTH_UNREADABLE
    return replies.BAD_CREDENTIALS if act_as not in {"", login} else Credentials(login, password)


def _answer(line: str) -> bytes | Refusal:
    return replies.AUTH_ABORTED if line == "*" else decode_base64(line.encode())
