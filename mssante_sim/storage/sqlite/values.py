"""How dates, flags and UIDs stand in columns."""

from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

import apsw

__all__ = ["DELETED", "SEEN", "flag_set", "instant", "microseconds", "run_table", "runs", "split_flags", "uid_table"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_SYSTEM = {"\\seen": 1, "\\answered": 2, "\\flagged": 4, "\\deleted": 8, "\\draft": 16}
_NAMES = {1: "\\Seen", 2: "\\Answered", 4: "\\Flagged", 8: "\\Deleted", 16: "\\Draft"}
SEEN, DELETED = 1, 8


def microseconds(at: datetime) -> int:
    """`at` (aware) as it is stored."""
    return (at - _EPOCH) // _MICROSECOND


def instant(stored: int) -> datetime:
    """The inverse of `microseconds`, in UTC."""
    return _EPOCH + timedelta(0, 0, stored)  # by position: a third faster, and FETCH calls this for every row


def split_flags(flags: Iterable[str]) -> tuple[int, list[str]]:
    r"""Bits of the system flags, and the keywords; \Recent is not a flag that is stored."""
    bits, keywords = 0, []
    for flag in flags:
        if flag.startswith("\\"):
            bits |= _SYSTEM.get(flag.lower(), 0)
        else:
            keywords.append(flag)
    return bits, keywords


@lru_cache(maxsize=4096)
def flag_set(bits: int, keywords: str) -> frozenset[str]:
    """The flags of a row; the same object for the same columns, for ten thousand rows share a few."""
    return frozenset([name for bit, name in _NAMES.items() if bits & bit] + keywords.split())


def uid_table(uids: Iterable[int]) -> "apsw.CArrayBinding":
    """`uids` as the argument of SQLite's table-valued function `carray`."""
    # An empty array has no aligned address; 0 is neither a UID nor a row's id, so it matches nothing.
    return apsw.carray(array("q", uids) or array("q", (0,)))


def run_table(uids: Sequence[int]) -> "apsw.CArrayBinding":
    """The runs of `uids` (ascending) as the same: the first in 32 bits, then in 31 how many more there are.

    To read ten thousand rows in one range takes half of the time that looking each one up does.
    """
    return apsw.carray(array("q", [first << 31 | last - first for first, last in runs(uids)] if uids else (0,)))


def runs(uids: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of consecutive numbers in `uids` (ascending, not empty).

    To change ten thousand rows in one range takes a tenth of the time that looking each one up does.
    """
    ends = [place for place, (one, other) in enumerate(pairwise(uids), 1) if other != one + 1]
    return [(uids[first], uids[end - 1]) for first, end in zip((0, *ends), (*ends, len(uids)), strict=True)]
