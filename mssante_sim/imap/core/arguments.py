"""Values that some commands carry, beside the names and sets that most do."""

from dataclasses import dataclass
from enum import Enum

from mssante_sim.imap.core.sequence import SequenceSet

__all__ = ["Resync", "SearchReturn"]


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
