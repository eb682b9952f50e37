"""The contract between the protocols and a mail store.

An *account* is a mailbox of the directory, named by its lower-case address; it
holds *folders* (what IMAP calls mailboxes); a folder holds messages by UID.
Bodies are shared: a message is a small prefix of its own (trace fields of its
delivery) in front of an immutable body.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final, Protocol

from mssante_sim.message.summary import Summary
from mssante_sim.storage.changes import (
    Arrived,
    Change,
    Expunged,
    FlagsChanged,
    FlagState,
    FolderGone,
    FolderId,
    ModSeq,
    Uid,
    Watch,
)
from mssante_sim.storage.exchanges import Closing, Exchange, ExchangeId, Turn
from mssante_sim.storage.reading import BodyId, Criteria, MessageRow, Skim, Want

__all__ = [
    "MAX_KEYWORDS",
    "STANDARD_FOLDERS",
    "Appended",
    "Arrived",
    "BodyId",
    "Change",
    "Closing",
    "Copied",
    "Copy",
    "Criteria",
    "Delivered",
    "Exchange",
    "ExchangeId",
    "Expunged",
    "FlagChange",
    "FlagMode",
    "FlagOutcome",
    "FlagState",
    "FlagsChanged",
    "Folder",
    "FolderGone",
    "FolderId",
    "FolderSnapshot",
    "FolderSpec",
    "FolderStatus",
    "MailStore",
    "MessageRow",
    "ModSeq",
    "NewMessage",
    "OnceKey",
    "Parcel",
    "Skim",
    "Turn",
    "Uid",
    "Usage",
    "Want",
    "Watch",
]

MAX_KEYWORDS: Final = 1_000
"""That one folder may ever see: all of them are told to whoever selects it.  [our choice]"""


@dataclass(frozen=True, slots=True)
class FolderSpec:
    """A folder to be made."""

    name: str  # Unicode, "/" between levels; INBOX in capitals
    special_use: str | None = None  # "\\Sent" …  [RFC 6154 §2]
    subscribed: bool = True


STANDARD_FOLDERS = (
    FolderSpec("INBOX"),
    FolderSpec("Archive", "\\Archive"),
    FolderSpec("Drafts", "\\Drafts"),
    FolderSpec("Sent", "\\Sent"),
    FolderSpec("Trash", "\\Trash"),
)
"""What every account has from the start [our choice]. All subscribed: Thunderbird shows no others."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as it is listed."""

    id: FolderId
    name: str
    special_use: str | None
    subscribed: bool
    uidvalidity: int


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """Counters of a folder, all of one instant [RFC 9051 §6.3.11]."""

    uidvalidity: int
    uidnext: Uid
    highestmodseq: ModSeq
    messages: int
    unseen: int
    deleted: int
    octets: int
    recent_from: Uid  # messages from this UID on were not yet shown to any session  [RFC 3501 §2.3.2]


Missed = tuple[tuple[FlagState, ...], tuple[Uid, ...]]
"""Messages that were changed or came, and UIDs that were expunged."""


@dataclass(frozen=True, slots=True)
class FolderSnapshot:
    """What a session needs to start its view."""

    status: FolderStatus
    uids: Sequence[Uid]  # ascending; not to be changed
    keywords: frozenset[str]  # every keyword any message of the folder ever carried
    first_unseen: Uid | None = None
    missed: Missed | None = None  # what had happened since the instant that was asked for


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message for APPEND: octets exactly as the client sent them."""

    body: bytes
    summary: Summary
    internal_date: datetime
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Copy:
    """Where one copy of a parcel goes."""

    account: str
    folder: str = "INBOX"  # a folder name, created if it is gone
    prefix: bytes = b""  # Return-Path and Received of this delivery
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Parcel:
    """One body and every place it goes to."""

    body: bytes
    summary: Summary
    copies: tuple[Copy, ...]


@dataclass(frozen=True, slots=True)
class OnceKey:
    """Names a submission, so that its repetition is recognised until `expires`."""

    digest: bytes
    expires: datetime


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery that is durable."""

    repeated: bool  # the same submission was stored before; nothing was stored now
    places: tuple[tuple[str, str, int, Uid], ...] = ()  # account, folder, uidvalidity, uid


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an appended message lies [RFC 4315 §3]."""

    uidvalidity: int
    uid: Uid


@dataclass(frozen=True, slots=True)
class Copied:
    """Which UIDs became which [RFC 4315 §3]."""

    uidvalidity: int
    pairs: tuple[tuple[Uid, Uid], ...]  # source, target; both ascending


class FlagMode(Enum):
    """What STORE does to a set of flags."""

    ADD = auto()
    REMOVE = auto()
    REPLACE = auto()


@dataclass(frozen=True, slots=True)
class FlagChange:
    """One STORE."""

    mode: FlagMode
    flags: frozenset[str]
    unchanged_since: ModSeq | None = None  # [RFC 7162 §3.1.3]


@dataclass(frozen=True, slots=True)
class FlagOutcome:
    """What a STORE did."""

    states: tuple[FlagState, ...]  # every message that exists and passed, also if its flags stayed the same
    failed: tuple[Uid, ...] = ()  # changed since `unchanged_since`


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account holds and may hold [RFC 9208]."""

    octets: int
    limit_octets: int


class MailStore(Protocol):
    """A mail store.  All methods belong to one event loop; listeners are called in it.

    Every coroutine may raise `StoreBusy` (retry is safe), `StoreReadOnly`, `StoreFull`
    or `StoreCorrupt`; those that name a folder, `FolderMissing`. UIDs are given ascending, each once.

    A cancelled caller does not take back what it asked for: all of it is done, or nothing.
    Whoever changes a folder has heard of the change, if watching, when the call returns.
    Of calls under way when the disk fails, all raise; whether they took effect is seen
    when the store is opened anew, where each did wholly or not at all.
    """

    # accounts and folders

    async def open_account(self, account: str, folders: Iterable[FolderSpec] = STANDARD_FOLDERS) -> None:
        """`account` exists, with at least `folders`.  Repeating it changes nothing."""
        ...

    async def accounts(self) -> tuple[str, ...]:
        """Every account, sorted."""
        ...

    async def folders(self, account: str) -> tuple[Folder, ...]:
        """Folders of `account`, INBOX first, then by name."""
        ...

    async def find_folder(self, account: str, name: str) -> Folder:
        """The folder `name`; `INBOX` in any case.  Raises: FolderMissing."""
        ...

    async def create_folder(self, account: str, spec: FolderSpec) -> Folder:
        """A new empty folder, and its missing parents.  Raises: FolderExists."""
        ...

    async def delete_folder(self, account: str, name: str) -> None:
        """The folder and its messages are gone; children stay.  Raises: FolderMissing."""
        ...

    async def rename_folder(self, account: str, old: str, new: str) -> None:
        """`old` and its children are named `new`…; INBOX moves its messages instead [RFC 9051 §6.3.6].

        Raises: FolderMissing, FolderExists.
        """
        ...

    async def subscribe(self, account: str, name: str, *, subscribed: bool) -> None:
        """`name` is (not) subscribed, whether it exists or not [RFC 9051 §6.3.7]."""
        ...

    async def subscriptions(self, account: str) -> frozenset[str]:
        """Every subscribed name, also of folders that are gone."""
        ...

    async def status(self, folder: FolderId) -> FolderStatus:
        """Counters of `folder`."""
        ...

    async def snapshot(
        self, folder: FolderId, *, claim_recent: bool = False, since: ModSeq | None = None
    ) -> FolderSnapshot:
        """What `folder` holds now, and with `since` what `changed_since` says at that very moment.

        `claim_recent` makes this caller the only one to see messages from `status.recent_from` on as recent.
        """
        ...

    async def usage(self, account: str) -> Usage:
        """Octets held; a body shared by several folders counts in each."""
        ...

    # messages

    async def deliver(
        self,
        parcels: Sequence[Parcel],
        *,
        received: datetime,
        once: OnceKey | None = None,
        turns: Sequence[Turn] = (),
    ) -> Delivered:
        """Every copy of every parcel is stored, or none; with them what `turns` do to exchanges.

        A `once` that was used before and has not expired stores nothing and reports `repeated`.
        Raises: QuotaExceeded, ExchangeClosed (a patient's turn), FolderMissing (unknown account).
        """
        ...

    async def exchanges(self, patient: str, professional: str | None = None) -> tuple[Exchange, ...]:
        """The patient's conversations, the newest first; if given, those with `professional`, or answered there."""
        ...

    async def exchange_of(self, patient: str, professional: str, message_ids: Sequence[str]) -> Exchange | None:
        """The newest of `exchanges` that holds one of these messages."""
        ...

    async def marked(self, patient: str, keyword: str) -> tuple[tuple[str, datetime], ...]:
        """Professional mailboxes where a message of these exchanges bears `keyword`: when its newest one came."""
        ...

    async def append(self, folder: FolderId, messages: Sequence[NewMessage]) -> tuple[Appended, ...]:
        """All `messages` are stored, in order, or none.  Raises: QuotaExceeded."""
        ...

    async def copy(self, folder: FolderId, uids: Sequence[Uid], target: FolderId) -> Copied:
        """The messages exist in `target` too, flags and internal dates kept; UIDs that are gone are left out.

        Raises: QuotaExceeded.
        """
        ...

    async def move(self, folder: FolderId, uids: Sequence[Uid], target: FolderId) -> Copied:
        """As `copy`, and in the same transaction they are gone from `folder` [RFC 6851 §3.3]."""
        ...

    async def change_flags(self, folder: FolderId, uids: Sequence[Uid], change: FlagChange) -> FlagOutcome:
        """`change` is applied to every message of `uids` that exists; only real changes get a new modseq.

        Raises: TooManyKeywords, as all that brings flags.
        """
        ...

    async def expunge(self, folder: FolderId, uids: Sequence[Uid] | None = None) -> tuple[Uid, ...]:
        """Messages flagged as deleted (among `uids` if given) are gone; returns them, ascending."""
        ...

    def rows(
        self, folder: FolderId, uids: Sequence[Uid], want: Want = Want.FLAGS, skim: Skim | None = None
    ) -> AsyncIterator[list[MessageRow]]:
        """The messages of `uids` (ascending) that exist, in slices of at most 200 rows, none of them empty.

        Each slice is of one instant; nothing is held between slices, however slow the consumer is.
        Those that `skim` refuses are left out; it runs in another thread, and is not asked where `start` is None.
        """
        ...

    async def choose(self, folder: FolderId, criteria: Criteria) -> list[tuple[Uid, ModSeq]]:
        """UID, ascending, and mod-sequence of every message that meets `criteria`."""
        ...

    async def read(self, body: BodyId, offset: int = 0, length: int | None = None) -> bytes:
        """Octets of a body; fewer than `length` at its end.

        A body stays readable for a minute after its last message is gone.
        Raises: BodyMissing.
        """
        ...

    async def changed_since(self, folder: FolderId, modseq: ModSeq) -> Missed:
        """What happened after `modseq` [RFC 7162]."""
        ...

    def watch(self, folder: FolderId, listener: Callable[[Change], None]) -> Watch:
        """`listener` is called in the loop for each committed change of `folder`, in commit order.

        Arrivals that follow each other may be told as one.
        """
        ...

    async def forget_mail(self) -> None:
        """Every folder is empty and has a new UIDVALIDITY; accounts and folders stay.

        Folders get new ids, their watchers hear FolderGone. Exchanges and once-keys are forgotten.
        """
        ...

    async def close(self) -> None:
        """What was accepted is durable, files are closed; no call works after this."""
        ...
