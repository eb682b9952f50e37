"""What is read of messages, and how those are named that are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Flag, auto
from typing import NamedTuple, NewType

from mssante_sim.message.summary import Summary
from mssante_sim.storage.changes import ModSeq, Uid

__all__ = ["BodyId", "Criteria", "MessageRow", "Skim", "Want"]

BodyId = NewType("BodyId", int)


class Want(Flag):
    """Which columns of a message are to be read; UID, flags and modseq always are."""

    FLAGS = 0
    DATES = auto()
    SUMMARY = auto()
    PREFIX = auto()
    HEADER = auto()  # the octets of the header, of a body that is small
    BODY = auto()  # … of all of it


class MessageRow(NamedTuple):
    """One message, as far as it was wanted; columns that were not are None.

    A tuple, for a FETCH makes ten thousand of them: a frozen dataclass takes five times as long.
    """

    uid: Uid
    modseq: ModSeq
    flags: frozenset[str]
    body: BodyId
    octets: int  # prefix and body together: RFC822.SIZE
    internal_date: datetime | None = None
    saved_date: datetime | None = None
    prefix: bytes | None = None
    summary: Summary | None = None
    header_octets: int | None = None  # known with the summary, header or body
    start: bytes | None = None  # the header of the body, or all of it; None also if it is large: see `MailStore.read`


Skim = Callable[[bytes, bytes, int], bool]
"""Whether a message is of interest, told from its prefix, `MessageRow.start`, and how much of that is the header."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What the columns of a message must say; all of it holds at once."""

    present: frozenset[str] = frozenset()  # system flags that it carries
    absent: frozenset[str] = frozenset()  # … and does not
    since: datetime | None = None  # its internal date is this or later
    before: datetime | None = None  # … earlier than this
