"""Every command of a client, parsed and range-checked.

If a value of these types exists, its syntax was right; what remains to be decided
is whether it may be done now.  Mailbox names are Unicode, INBOX in capitals when it
is the whole name; flags of the system have their canonical case.  A command that has
a UID form shares its type with it and sets `by_uid`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from mssante_sim.imap.core.arguments import Resync, SearchReturn, SortCriterion, ThreadAlgorithm
from mssante_sim.imap.core.fetch_items import FetchItem
from mssante_sim.imap.core.search_keys import SearchKey
from mssante_sim.imap.core.sequence import Targets
from mssante_sim.sasl.claims import Claim
from mssante_sim.storage.api import FlagMode

__all__ = [
    "Append", "Authenticate", "Capability", "Check", "Close", "Command", "CopyMessages", "Create", "Delete",
    "Enable", "Expunge", "Fetch", "GetQuota", "GetQuotaRoot", "Id", "Idle", "List", "ListReturn",
    "ListSelection", "Login", "Logout", "Lsub", "MoveMessages", "Namespace", "Noop", "Rename", "Search",
    "Select", "SetQuota", "Sort", "StartTls", "Status", "StatusItem", "StoreFlags", "Subscribe", "Thread", "Unselect",
    "Unsubscribe", "Upload",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """What every command has: the tag that its last answer repeats."""

    tag: str


# Any state ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capability(Command):
    """CAPABILITY [RFC 3501 §6.1.1]."""


@dataclass(frozen=True, slots=True)
class Noop(Command):
    """NOOP [RFC 3501 §6.1.2]."""


@dataclass(frozen=True, slots=True)
class Logout(Command):
    """LOGOUT [RFC 3501 §6.1.3]."""


@dataclass(frozen=True, slots=True)
class Id(Command):
    """ID: what the client says of itself; empty for NIL [RFC 2971 §3.1]."""

    fields: tuple[tuple[str, str | None], ...]


# Not authenticated --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTls(Command):
    """STARTTLS [RFC 3501 §6.2.1]."""


@dataclass(frozen=True, slots=True)
class Authenticate(Command):
    """AUTHENTICATE, with the initial response of SASL-IR if there was one [RFC 3501 §6.2.2] [RFC 4959 §3]."""

    mechanism: str  # in capitals
    initial: bytes | None = field(default=None, repr=False)  # decoded; `=` is b""


@dataclass(frozen=True, slots=True)
class Login(Command):
    """LOGIN, or an AUTHENTICATE that came to its end [RFC 3501 §6.2.3]."""

    user: str
    password: str = field(repr=False)
    claim: Claim | None = None  # what AUTHENTICATE ended in, if not in a password


# Authenticated ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enable(Command):
    """ENABLE [RFC 5161 §3.1]."""

    capabilities: tuple[str, ...]  # in capitals


@dataclass(frozen=True, slots=True)
class Select(Command):
    """SELECT, or EXAMINE when `read_only` [RFC 3501 §6.3.1]."""

    mailbox: str
    read_only: bool
    condstore: bool = False  # [RFC 7162 §3.1.8]
    resync: Resync | None = None  # [RFC 7162 §3.2.5]


@dataclass(frozen=True, slots=True)
class Create(Command):
    """CREATE; a trailing delimiter only announces children and stays in `mailbox` [RFC 3501 §6.3.3]."""

    mailbox: str
    special_uses: tuple[str, ...] = ()  # "\\Sent" …  [RFC 6154 §3]


@dataclass(frozen=True, slots=True)
class Delete(Command):
    """DELETE [RFC 3501 §6.3.4]."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename(Command):
    """RENAME [RFC 3501 §6.3.5]."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Subscribe(Command):
    """SUBSCRIBE [RFC 3501 §6.3.6]."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Unsubscribe(Command):
    """UNSUBSCRIBE [RFC 3501 §6.3.7]."""

    mailbox: str


class ListSelection(Enum):
    """Which mailboxes LIST shows [RFC 5258 §3.1] [RFC 6154 §2]."""

    SUBSCRIBED = "SUBSCRIBED"
    REMOTE = "REMOTE"
    RECURSIVE_MATCH = "RECURSIVEMATCH"
    SPECIAL_USE = "SPECIAL-USE"


class ListReturn(Enum):
    """What LIST tells of each [RFC 5258 §3.2] [RFC 6154 §2]."""

    SUBSCRIBED = "SUBSCRIBED"
    CHILDREN = "CHILDREN"
    SPECIAL_USE = "SPECIAL-USE"


@dataclass(frozen=True, slots=True)
class List(Command):
    """LIST [RFC 3501 §6.3.8] [RFC 5258 §3]."""

    reference: str
    patterns: tuple[str, ...]  # Unicode, with the wildcards `*` and `%`; at least one
    selection: frozenset[ListSelection] = frozenset()
    returns: frozenset[ListReturn] = frozenset()
    extended: bool = False  # sent in a form of RFC 5258: an empty pattern then asks for nothing special
    status: "tuple[StatusItem, ...]" = ()  # to be told of each [RFC 5819 §2]


@dataclass(frozen=True, slots=True)
class Lsub(Command):
    """LSUB [RFC 3501 §6.3.9]."""

    reference: str
    pattern: str


class StatusItem(Enum):
    """What STATUS can tell [RFC 3501 §6.3.10] [RFC 9051 §6.3.11]."""

    MESSAGES = "MESSAGES"
    RECENT = "RECENT"
    UID_NEXT = "UIDNEXT"
    UID_VALIDITY = "UIDVALIDITY"
    UNSEEN = "UNSEEN"
    HIGHEST_MODSEQ = "HIGHESTMODSEQ"  # [RFC 7162 §3.1.7]
    SIZE = "SIZE"  # [RFC 8438 §3]
    DELETED = "DELETED"
    DELETED_STORAGE = "DELETED-STORAGE"  # [RFC 9208 §4.1.4]
    APPEND_LIMIT = "APPENDLIMIT"  # [RFC 7889 §3.1]
    MAILBOX_ID = "MAILBOXID"  # [RFC 8474 §4.3]


@dataclass(frozen=True, slots=True)
class Status(Command):
    """STATUS [RFC 3501 §6.3.10]."""

    mailbox: str
    items: tuple[StatusItem, ...]  # without repetition, in the order asked


@dataclass(frozen=True, slots=True)
class Upload:
    """One message of an APPEND; `octets` exactly as sent, with NULs if it came as a literal8 [RFC 3516 §4.4]."""

    octets: bytes = field(repr=False)
    flags: frozenset[str] = frozenset()
    date: datetime | None = None  # aware


@dataclass(frozen=True, slots=True)
class Append(Command):
    """APPEND, of one message or more [RFC 3501 §6.3.11] [RFC 3502 §6.3.11]."""

    mailbox: str
    uploads: tuple[Upload, ...]


@dataclass(frozen=True, slots=True)
class Namespace(Command):
    """NAMESPACE [RFC 2342 §5]."""


@dataclass(frozen=True, slots=True)
class GetQuota(Command):
    """GETQUOTA [RFC 9208 §4.1.1]."""

    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot(Command):
    """GETQUOTAROOT [RFC 9208 §4.1.2]."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class SetQuota(Command):
    """SETQUOTA [RFC 9208 §4.1.3]."""

    root: str
    limits: tuple[tuple[str, int], ...]  # resource in capitals, limit in its unit


@dataclass(frozen=True, slots=True)
class Idle(Command):
    """IDLE; the DONE that ends it is a line of its own [RFC 2177 §3]."""


# Selected -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check(Command):
    """CHECK [RFC 3501 §6.4.1]."""


@dataclass(frozen=True, slots=True)
class Close(Command):
    """CLOSE [RFC 3501 §6.4.2]."""


@dataclass(frozen=True, slots=True)
class Unselect(Command):
    """UNSELECT [RFC 3691 §2]."""


@dataclass(frozen=True, slots=True)
class Expunge(Command):
    """EXPUNGE, or UID EXPUNGE of `uids` [RFC 3501 §6.4.3] [RFC 4315 §2.1]."""

    uids: Targets | None = None

    @property
    def by_uid(self) -> bool:
        """Whether it was sent as UID EXPUNGE."""
        return self.uids is not None


@dataclass(frozen=True, slots=True)
class Search(Command):
    """SEARCH or UID SEARCH; texts are decoded from the charset that was given [RFC 3501 §6.4.4]."""

    key: SearchKey
    by_uid: bool = False
    returns: frozenset[SearchReturn] | None = None  # None: SEARCH as it was before [RFC 4731]; else not empty


@dataclass(frozen=True, slots=True)
class Sort(Command):
    """SORT or UID SORT [RFC 5256 §3]."""

    criteria: tuple[SortCriterion, ...]  # at least one; the first counts most
    key: SearchKey
    by_uid: bool = False


@dataclass(frozen=True, slots=True)
class Thread(Command):
    """THREAD or UID THREAD [RFC 5256 §3]."""

    algorithm: ThreadAlgorithm
    key: SearchKey
    by_uid: bool = False


@dataclass(frozen=True, slots=True)
class Fetch(Command):
    """FETCH or UID FETCH [RFC 3501 §6.4.5]."""

    targets: Targets
    items: tuple[FetchItem, ...]  # without repetition; UID is added by UID FETCH's handler, not here
    by_uid: bool = False
    changed_since: int | None = None  # [RFC 7162 §3.1.4.1]
    vanished: bool = False  # [RFC 7162 §3.2.6]


@dataclass(frozen=True, slots=True)
class StoreFlags(Command):
    """STORE or UID STORE [RFC 3501 §6.4.6]."""

    targets: Targets
    mode: FlagMode
    flags: frozenset[str]
    silent: bool  # do not echo FETCH FLAGS to this client
    by_uid: bool = False
    unchanged_since: int | None = None  # [RFC 7162 §3.1.3]


@dataclass(frozen=True, slots=True)
class CopyMessages(Command):
    """COPY or UID COPY [RFC 3501 §6.4.7]."""

    targets: Targets
    mailbox: str
    by_uid: bool = False


@dataclass(frozen=True, slots=True)
class MoveMessages(Command):
    """MOVE or UID MOVE [RFC 6851 §3]."""

    targets: Targets
    mailbox: str
    by_uid: bool = False
