"""What a server says of stored messages, read from the lines that aioimaplib hands over."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

__all__ = ["Stored", "stored_messages"]

_BEGINS: Final = re.compile(rb"\d+ FETCH \(")
_UID: Final = re.compile(rb"\bUID (\d+)")
_FLAGS: Final = re.compile(rb"\bFLAGS \(([^)]*)\)")
_INTERNALDATE: Final = re.compile(
    rb'\bINTERNALDATE "([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)
_MONTHS: Final = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")


@dataclass(frozen=True, slots=True)
class Stored:
    """One message as it lies in a folder; `octets` are all of it, or its header only, as was asked."""

    uid: int
    flags: frozenset[str]
    received: datetime  # INTERNALDATE
    octets: bytes = field(repr=False)


def stored_messages(lines: Iterable[bytes | bytearray]) -> Iterator[Stored]:
    """The messages of a FETCH of UID, FLAGS, INTERNALDATE and one literal, in order.

    What comes in between is passed over: a server may tell other sessions' flag changes at any time.
    """
    said: list[bytes] = []
    literal: bytes | None = None
    for line in (*lines, b"0 FETCH ("):
        if isinstance(line, bytearray):
            literal = bytes(line)
            continue
        if _BEGINS.match(line):
            if literal is not None and (one := _stored(b" ".join(said), literal)) is not None:
                yield one
            said, literal = [], None
        said.append(line)


def _stored(said: bytes, octets: bytes) -> Stored | None:
    uid, flags, date = _UID.search(said), _FLAGS.search(said), _INTERNALDATE.search(said)
    if uid is None or flags is None or date is None:
        return None
    received = _instant(*date.groups())
    held = frozenset(flag.decode("ascii", "replace") for flag in flags[1].split())
    return None if received is None else Stored(int(uid[1]), held, received, octets)


def _instant(
    day: bytes, month: bytes, year: bytes, hour: bytes, minute: bytes, second: bytes, sign: bytes, *zone: bytes
) -> datetime | None:
    try:
        offset = timedelta(hours=int(zone[0]), minutes=int(zone[1])) * (-1 if sign == b"-" else 1)
        return datetime(
            int(year), _MONTHS.index(month.lower()) + 1, int(day), int(hour), int(minute), int(second),
            tzinfo=timezone(offset),
        )  # fmt: skip
    except ValueError:
        return None
