"""Values that some commands carry, beside the names and sets that most do."""

from dataclasses import dataclass
from enum import Enum

from mssante_sim.imap.core.sequence import SequenceSet

__all__ = ["Resync", "SearchReturn", "SortCriterion", "SortKey", "ThreadAlgorithm"]


@dataclass(frozen=True, slots=True)
class Resync:
    """What a client still knows of a mailbox it selects again [RFC 7162 §3.2.5]."""

    uidvalidity: int
    modseq: int
    uids: SequenceSet | None = None  # those it remembers; None for all
    sample: tuple[SequenceSet, SequenceSet] | None = None  # some message numbers, and their UIDs in the same order


class SearchReturn(Enum):
    """What SEARCH tells of the messages it found [RFC 4731 §3.1] [RFC 5182 §2.1]."""

    MIN = "MIN"
    MAX = "MAX"
    ALL = "ALL"
    COUNT = "COUNT"
    SAVE = "SAVE"


class SortKey(Enum):
    """What SORT looks at [RFC 5256 §3]."""

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    FROM = "FROM"
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"


@dataclass(frozen=True, slots=True)
class SortCriterion:
    """One of the keys of a SORT."""

    key: SortKey
    reverse: bool = False


class ThreadAlgorithm(Enum):
    """How THREAD makes trees [RFC 5256 §3]."""

    ORDERED_SUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"
