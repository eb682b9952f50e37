"""Everything a server says, typed; `encode` makes octets of it.

Import the module (`responses.Exists`): the names are meant to be read with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mssante_sim.imap.core.commands import StatusItem
from mssante_sim.imap.core.faults import ImapFault
from mssante_sim.imap.core.sequence import SeqNum
from mssante_sim.message.thread_trees import Node
from mssante_sim.storage.api import ModSeq, Uid

__all__ = [
    "Capabilities", "Condition", "Continuation", "Data", "Enabled", "Exists",
    "Expunged", "Fetched", "FetchedItem", "Flags", "FlagsItem", "Found", "Identity", "Listed",
    "MailboxStatus", "ModSeqItem", "Namespaces", "Quota", "QuotaRoots", "Recent", "Reply",
    "Response", "Searched", "Sorted", "Threads", "UidItem", "Vanished", "reply_to",
]  # fmt: skip


class Condition(Enum):
    """Kinds of status responses [RFC 3501 §7.1]."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    BYE = "BYE"


@dataclass(frozen=True, slots=True)
class Reply:
    """A status response; the last answer to a command carries its tag."""

    condition: Condition
    text: str  # for a person; what is not printable ASCII is sent as `?`
    code: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Continuation:
    """`+`: the client may go on; `challenge` is sent in base64, else `text` [RFC 3501 §7.5]."""

    text: str = ""
    challenge: bytes | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """CAPABILITY [RFC 3501 §7.2.1]."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Enabled:
    """ENABLED [RFC 5161 §3.2]."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """ID [RFC 2971 §3.2]."""

    fields: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Namespaces:
    """NAMESPACE: one personal namespace without prefix, nothing shared [RFC 2342 §5] [our choice]."""

    delimiter: str = "/"


@dataclass(frozen=True, slots=True)
class Listed:
    """LIST, or LSUB when `lsub` [RFC 3501 §7.2.2]."""

    name: str
    attributes: tuple[str, ...] = ()  # "\\HasChildren", "\\Sent" …
    delimiter: str | None = "/"
    child_info: tuple[str, ...] = ()  # CHILDINFO: criteria that a child meets  [RFC 5258 §4]
    lsub: bool = False


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """STATUS; an identifier is a text, all else is counted [RFC 3501 §7.2.4]."""

    name: str
    values: tuple[tuple[StatusItem, int | str], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """SEARCH; with a mod-sequence if one was searched for and something found [RFC 3501 §7.2.5] [RFC 7162 §3.1.6]."""

    numbers: Sequence[int]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """ESEARCH: what was asked of the messages found; an option without a value is left out [RFC 4731 §3.1]."""

    tag: str
    by_uid: bool
    lowest: int | None = None
    highest: int | None = None
    numbers: Sequence[int] = ()
    count: int | None = None
    modseq: int | None = None  # [RFC 4731 §3.2]


@dataclass(frozen=True, slots=True)
class Sorted:
    """SORT; with a mod-sequence as SEARCH has it [RFC 5256 §4] [RFC 7162 §3.1.9]."""

    numbers: Sequence[int]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Threads:
    """THREAD: trees of messages, some of which may be missing at the root [RFC 5256 §4]."""

    roots: Sequence[Node]


@dataclass(frozen=True, slots=True)
class Flags:
    """FLAGS: what messages of this mailbox can carry [RFC 3501 §7.2.6]."""

    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """EXISTS [RFC 3501 §7.3.1]."""

    count: int


@dataclass(frozen=True, slots=True)
class Recent:
    """RECENT [RFC 3501 §7.3.2]."""

    count: int


@dataclass(frozen=True, slots=True)
class Expunged:
    """EXPUNGE: later messages move up by one at once [RFC 3501 §7.4.1]."""

    seqnum: SeqNum


@dataclass(frozen=True, slots=True)
class Vanished:
    """VANISHED: UIDs that are gone, known ones, or `earlier` before this client looked [RFC 7162 §3.2.10]."""

    uids: str  # as a set, which may be long to write
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Quota:
    """QUOTA; of each resource usage and limit, in its unit [RFC 9208 §4.2.1]."""

    root: str
    resources: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class QuotaRoots:
    """QUOTAROOT [RFC 9208 §4.2.2]."""

    mailbox: str
    roots: tuple[str, ...]


# FETCH --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UidItem:
    """UID."""

    uid: Uid


@dataclass(frozen=True, slots=True)
class FlagsItem:
    """FLAGS, sent in the order of the alphabet."""

    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class ModSeqItem:
    """MODSEQ [RFC 7162 §3.1.4.2]."""

    modseq: ModSeq


FetchedItem = UidItem | FlagsItem | ModSeqItem


@dataclass(frozen=True, slots=True)
class Fetched:
    """FETCH, as far as it tells of news [RFC 3501 §7.4.2]; what a FETCH asked for is sent as it is read."""

    seqnum: SeqNum
    items: tuple[FetchedItem, ...]


Data = (
    Capabilities
    | Enabled
    | Identity
    | Namespaces
    | Listed
    | MailboxStatus
    | Found
    | Searched
    | Sorted
    | Threads
    | Flags
    | Exists
    | Recent
    | Expunged
    | Vanished
    | Quota
    | QuotaRoots
    | Fetched
)
"""Untagged data."""

Response = Data | Reply | Continuation


def reply_to(tag: str | None, fault: ImapFault) -> Reply:
    """The status response that `fault` stands for; untagged when the tag could not be read."""
    return Reply(Condition(fault.status), fault.public, fault.code, tag)
