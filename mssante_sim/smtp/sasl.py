"""AUTH: an exchange of SASL as SMTP carries it [RFC 4954]."""

import base64
import binascii
from collections.abc import Awaitable, Callable

from mssante_sim.sasl.claims import (
    ActingForAnother,
    Claim,
    Denied,
    Malformed,
    Parting,
    TooManyFailures,
    UnknownMechanism,
)
from mssante_sim.sasl.exchange import begin
from mssante_sim.sasl.party import Party
from mssante_sim.smtp import replies
from mssante_sim.smtp.replies import Refusal

__all__ = ["challenge", "decode_base64", "exchange"]


async def exchange(argument: str, party: Party, ask: Callable[[bytes], Awaitable[str]]) -> Claim | Parting | Refusal:
    """What the client of AUTH `argument` claims, or why it claims nothing.

    `ask` sends a challenge and returns the line that answers it.
    """
    mechanism, _, initial = argument.partition(" ")
    try:
        ongoing = begin(mechanism.upper(), party)
        line = initial or await ask(ongoing.opening)
        while line != "*":
            answer = decode_base64(line.encode())
            found = answer if isinstance(answer, Refusal) else ongoing.answer(answer)
            if not isinstance(found, bytes):
                return found
            line = await ask(found)
    except UnknownMechanism:
        return replies.UNKNOWN_MECHANISM
    except Malformed:
        return replies.AUTH_UNREADABLE
    except (ActingForAnother, Denied):
        return replies.BAD_CREDENTIALS
    except TooManyFailures:
        return replies.LOGIN_LATER
    return replies.AUTH_ABORTED


def challenge(octets: bytes) -> str:
    """The reply line that asks."""
    return "334 " + base64.b64encode(octets).decode("ascii")


def decode_base64(text: bytes) -> bytes | Refusal:
    """An answer; `=` alone is the empty one  [RFC 4954 §4]."""
    try:
        return b"" if text == b"=" else base64.b64decode(text, validate=True)
    except binascii.Error:
        return replies.AUTH_UNREADABLE
