"""Trace fields: what this server adds in front of a message, and counting those of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from mssante_sim.message.headers import Field

__all__ = ["RECEIVED_LIMIT", "Origin", "loops", "prefix"]

RECEIVED_LIMIT = 100
"""More Received fields than this are a loop; the standard wants "normally at least 100".  [RFC 5321 §6.3]"""


@dataclass(frozen=True, slots=True)
class Origin:
    """How a message came in."""

    helo: str  # as the client named itself: letters, digits and .:_[]- only
    peer: str  # IP address
    protocol: str  # ESMTPS, ESMTPSA  [RFC 3848]
    tls: str  # version and cipher


def prefix(*, sender: str, origin: Origin, host: str, ident: str, recipients: Sequence[str], at: datetime) -> bytes:
    """Return-Path and Received of one delivery, in CRLF  [RFC 5321 §4.4].

    The recipient is named only when there is one, so that nobody learns of a blind copy  [RFC 5321 §7.2].
    """
    address = f"IPv6:{origin.peer}" if ":" in origin.peer else origin.peer
    lines = [
        f"Return-Path: <{sender}>",
        f"Received: from {origin.helo} ([{address}])",
        f" by {host} with {origin.protocol} id {ident}",
        f" ({origin.tls})",
        *([f" for <{recipients[0]}>"] if len(recipients) == 1 else []),
    ]
    return ("\r\n".join(lines) + f";\r\n {format_datetime(at)}\r\n").encode("ascii")


def loops(fields: Sequence[Field]) -> bool:
    """Whether a message went through so many servers that it must be going round."""
    return sum(field.name == "received" for field in fields) > RECEIVED_LIMIT
