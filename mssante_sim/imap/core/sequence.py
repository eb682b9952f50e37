"""Sets of message numbers as IMAP writes them: `1:4,7,9:*`.

A set is kept as ranges and never expanded: `1:4294967295` costs as much as `1`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NewType, TypeVar

__all__ = ["NOTHING", "STAR", "SavedResult", "SeqNum", "SequenceSet", "Targets", "format_set"]

SeqNum = NewType("SeqNum", int)
"""Position of a message in a session's view, from 1."""

STAR = 0
"""Stands for `*`, the largest number in use; no message has the number 0."""

_Number = TypeVar("_Number", bound=int)


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A set of sequence numbers or UIDs as sent, ranges in the order and direction of the client.

    Each end is 1 to 4294967295, or `STAR`; a single number is a range of two equal ends.
    """

    ranges: tuple[tuple[int, int], ...]

    def beyond(self, maximum: int) -> bool:
        """Whether the set names a number above `maximum`; also `*` when nothing is in use.

        What must be refused for sequence numbers and ignored for UIDs.  [RFC 3501 §6.4.8]
        """
        return any(end > maximum or (end == STAR and maximum == 0) for span in self.ranges for end in span)

    def resolve(self, maximum: int) -> tuple[tuple[int, int], ...]:
        """The numbers from 1 to `maximum` in the set, as disjoint ascending ranges with a gap between.

        `*` is `maximum`, so that `9:*` with a smaller `maximum` is that one number.  [RFC 3501 §9 seq-range]
        """
        spans = sorted(_ordered(low or maximum, high or maximum) for low, high in self.ranges)
        merged: list[tuple[int, int]] = []
        for low, high in spans:
            if low > maximum or maximum == 0:
                break
            top = min(high, maximum)
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], top))
            else:
                merged.append((low, top))
        return tuple(merged)

    def select(self, numbers: Sequence[_Number], maximum: int | None = None) -> list[_Number]:
        """The members of `numbers` (ascending, distinct) in the set, ascending; `*` is `maximum`, or their last."""
        chosen: list[_Number] = []
        last = numbers[-1] if numbers else 0
        for low, high in self.resolve(last if maximum is None else maximum):
            chosen += numbers[bisect_left(numbers, low) : bisect_right(numbers, high)]
        return chosen

    def __str__(self) -> str:
        return ",".join(_end(low) if low == high else f"{_end(low)}:{_end(high)}" for low, high in self.ranges)


NOTHING = SequenceSet(())
"""Names no message; a client cannot write it."""


@dataclass(frozen=True, slots=True)
class SavedResult:
    """`$`: the messages that the last SEARCH with SAVE found [RFC 5182 §2.1]."""

    def __str__(self) -> str:
        return "$"


Targets = SequenceSet | SavedResult


def format_set(numbers: Iterable[int]) -> str:
    """`numbers`, in their order, with runs of consecutive ones written as ranges; not empty [RFC 4315 §3]."""
    return ",".join(f"{low}" if low == high else f"{low}:{high}" for low, high in _runs(numbers))


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    rest = iter(numbers)
    low = high = next(rest)
    for number in rest:
        if number != high + 1:
            yield low, high
            low = number
        high = number
    yield low, high


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one <= other else (other, one)


def _end(number: int) -> str:
    return "*" if number == STAR else str(number)
