"""What one session's client believes of the folder it selected.

A folder changes under many sessions at once, but a client only learns of it
when it may: message numbers stay what they are until an EXPUNGE is sent, and
none is sent while a command that uses numbers runs  [RFC 9051 §7.5.1].  So
changes wait here until `release` is called.

The view is an ascending array of UIDs, as many as the client knows of; the
number of a message is its place in it. Nothing else is kept for a message
that nothing happened to: 100,000 messages are 400 kB.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import cast

from mssante_sim.imap.core.flags import RECENT
from mssante_sim.imap.core.sequence import SavedResult, SeqNum, Targets
from mssante_sim.storage.api import (
    Arrived,
    Change,
    Expunged,
    FlagsChanged,
    FlagState,
    Folder,
    FolderGone,
    FolderSnapshot,
    MessageRow,
    ModSeq,
    Uid,
)

__all__ = ["FolderView", "Updates"]

_ABOVE_ALL = 2**32  # of UIDs


@dataclass(frozen=True, slots=True)
class Updates:
    """What the client is told now, in this order: numbers of EXPUNGE, then the new totals, then flags."""

    expunged: tuple[SeqNum, ...] = ()  # highest number first, so that none shifts another
    vanished: tuple[Uid, ...] = ()  # the same messages, ascending
    exists: int | None = None
    recent: int | None = None
    flags: tuple[tuple[SeqNum, FlagState], ...] = ()  # number after the expunges
    gone: bool = False  # the folder itself was deleted

    def __bool__(self) -> bool:
        return bool(self.expunged or self.flags or self.gone) or self.exists is not None


class FolderView:
    """The messages of a selected folder as the client numbers them, and the changes it was not told yet."""

    __slots__ = (
        "_ahead",
        "_arrived",
        "_expunged",
        "_flags",
        "_gone",
        "_heard",
        "_mixed",
        "_newest",
        "_recent_from",
        "_since",
        "_uids",
        "_unread",
        "folder",
        "keywords",
        "read_only",
        "saved",
    )

    def __init__(self, folder: Folder, snapshot: FolderSnapshot, *, read_only: bool) -> None:
        self.folder = folder
        self.read_only = read_only
        self.keywords = set(snapshot.keywords)  # those announced by FLAGS
        self._uids = array("I", snapshot.uids)
        self._since = snapshot.status.highestmodseq  # older changes are in the snapshot already
        self._newest = snapshot.status.uidnext - 1  # highest UID known or waiting
        self._recent_from = snapshot.status.recent_from
        self._heard = self._since  # of the latest change noticed
        self.saved: list[Uid] = []  # ascending: what `$` stands for
        self._arrived: dict[Uid, ModSeq] = {}
        self._expunged: dict[Uid, ModSeq] = {}
        self._unread: list[FlagsChanged] = []  # noticed last; not in `_flags` yet
        self._flags: dict[Uid, FlagState] = {}
        self._mixed: set[Uid] = set()  # waiting flags with more than one change behind them
        self._gone = False
        self._ahead: dict[Uid, ModSeq] = {}  # shown to the client before the change behind it was noticed

    # what the client knows -----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._uids)

    @property
    def uids(self) -> "array[int]":
        """UIDs in the order of their numbers; not to be changed."""
        return self._uids

    def number(self, uid: Uid) -> SeqNum | None:
        """The message number of `uid`, if the client knows that message."""
        place = bisect_left(self._uids, uid)
        return SeqNum(place + 1) if place < len(self._uids) and self._uids[place] == uid else None

    @property
    def newest(self) -> Uid:
        """The highest UID that any message has, or had."""
        return Uid(self._newest)

    def by_number(self, numbers: Targets) -> list[Uid]:
        """UIDs of the messages that have `numbers`, ascending; a number above the last names nothing here."""
        if isinstance(numbers, SavedResult):
            return list(self.saved)
        chosen: list[int] = []
        for first, last in numbers.resolve(len(self._uids)):
            chosen += self._uids[first - 1 : last]
        return cast("list[Uid]", chosen)

    def by_uid(self, uids: Targets) -> list[Uid]:
        """Known UIDs among `uids`, ascending."""
        if isinstance(uids, SavedResult):
            return list(self.saved)
        return cast("list[Uid]", uids.select(self._uids))

    def shown(self, uid: Uid, flags: frozenset[str]) -> frozenset[str]:
        r"""`flags` of a message as this session shows them, with ``\Recent`` if it is that here.

        A message that arrives while several sessions look is recent in each of them: none can know that it
        was first [RFC 3501 §2.3.2].
        """
        return flags | {RECENT} if uid >= self._recent_from else flags

    def forget_recent(self) -> None:
        """No message is recent to this client any more: IMAP4rev2 has no such flag [RFC 9051 §E]."""
        self._recent_from = Uid(_ABOVE_ALL)

    @property
    def recent(self) -> int:
        """How many known messages are recent."""
        return len(self._uids) - bisect_left(self._uids, self._recent_from)

    def learns(self, flags: frozenset[str]) -> bool:
        """Whether `flags` hold a keyword that was never announced here; from now on it counts as announced."""
        new = [flag for flag in flags if flag not in self.keywords and not flag.startswith("\\")]
        self.keywords.update(new)
        return bool(new)

    # what happened meanwhile ---------------------------------------------------------------------------------------

    def notice(self, change: Change) -> None:
        """`change` waits for the next `release`; one that the client knows of already is dropped."""
        if not isinstance(change, FlagsChanged):
            self._read_flags()
        match change:
            case Arrived(states=states):
                for state in states:
                    self._heard = max(self._heard, state.modseq)
                    if state.uid > self._newest:
                        self._arrived[state.uid] = state.modseq
                        self._newest = state.uid
            case FlagsChanged(states=states):
                self._heard = max(self._heard, *map(attrgetter("modseq"), states))
                self._unread.append(change)
            case Expunged(uids=uids, modseq=modseq):
                self._heard = max(self._heard, modseq)
                self._queue_expunged(uids, modseq)
            case FolderGone():
                self._gone = True
        if self._ahead:
            self._ahead = {uid: modseq for uid, modseq in self._ahead.items() if modseq > self._heard}

    def _read_flags(self) -> None:
        """What waits among flags is told by message; not before somebody asks, for most changes are a client's own."""
        unread, self._unread = self._unread, []
        for change in unread:
            for state in change.states:
                self._queue_flags(state)

    def _queue_flags(self, state: FlagState) -> None:
        uid = state.uid
        # Flags of a message still to be announced are fetched with it.
        if state.modseq <= self._since or self.number(uid) is None or state.modseq < self._ahead.get(uid, 0):
            return
        if (waiting := self._flags.get(uid)) is not None:
            if state.modseq <= waiting.modseq:
                return
            self._mixed.add(uid)
        self._flags[uid] = state

    def _queue_expunged(self, uids: Iterable[Uid], modseq: ModSeq) -> None:
        for uid in uids:
            if self.number(uid) is not None:
                self._expunged[uid] = modseq
                self._flags.pop(uid, None)
            else:
                self._arrived.pop(uid, None)

    def is_waiting(self, uid: Uid) -> bool:
        """Whether the client is still to be told of other flags of this message."""
        self._read_flags()
        return uid in self._flags

    @property
    def is_ahead(self) -> bool:
        """Whether the client saw something that came after changes which are still to be noticed."""
        return bool(self._ahead)

    def saw(self, seen: Iterable[FlagState | MessageRow]) -> None:
        """The client is shown how these messages stand, as they were read.

        A reader may see what a writer has committed before the change is noticed here. What is noticed later and
        is older than what was shown is not told any more, or mod-sequences would go back [RFC 7162 §3.1].
        """
        for one in seen:
            if one.modseq > self._heard:
                self._ahead[one.uid] = one.modseq

    def told(self, states: Iterable[FlagState]) -> None:
        """The client was just shown `states` (or newer): waiting flags up to them are not sent again."""
        self._read_flags()
        if not self._flags:
            return
        for state in states:
            waiting = self._flags.get(state.uid)
            if waiting is not None and waiting.modseq <= state.modseq:
                del self._flags[state.uid]
                self._mixed.discard(state.uid)

    def made(self, states: tuple[FlagState, ...]) -> None:
        """The client made `states` and wants no echo; what others changed is still sent [RFC 9051 §6.4.6]."""
        if not self._flags and [change.states for change in self._unread] == [states]:
            self._unread = []
            return
        self._read_flags()
        if not self._flags:
            return
        for state in states:
            waiting = self._flags.get(state.uid)
            if waiting is not None and waiting.modseq == state.modseq and state.uid not in self._mixed:
                del self._flags[state.uid]

    @property
    def told_up_to(self) -> ModSeq:
        """The mod-sequence up to which the client knows of every change, however much waits [RFC 7162 §3.2]."""
        self._read_flags()
        waiting = [*self._arrived.values(), *self._expunged.values(), *(state.modseq for state in self._flags.values())]
        return ModSeq(min(waiting) - 1) if waiting else self._heard

    # what may be said now ------------------------------------------------------------------------------------------

    def has_news(self) -> bool:
        """Whether `release` would say something, if it may say all."""
        self._read_flags()
        return bool(self._arrived or self._expunged or self._flags or self._gone)

    def release(self, *, expunges: bool) -> Updates:
        """What waited is now known to the client; without `expunges` the removals go on waiting.

        Arrivals may always be told: they do not shift a number.
        """
        if not self.has_news():
            return Updates()
        recent = self.recent
        numbers, vanished = self._drop_expunged() if expunges and self._expunged else ((), ())
        self._uids.extend(self._arrived)
        grown = bool(self._arrived)
        self._arrived.clear()
        flags = tuple(
            (number, state) for uid, state in sorted(self._flags.items()) if (number := self.number(uid)) is not None
        )
        self._flags.clear()
        self._mixed.clear()
        return Updates(
            expunged=numbers,
            vanished=vanished,
            exists=len(self._uids) if grown else None,
            recent=self.recent if grown or self.recent != recent else None,
            flags=flags,
            gone=self._gone,
        )

    def _drop_expunged(self) -> tuple[tuple[SeqNum, ...], tuple[Uid, ...]]:
        vanished = tuple(sorted(self._expunged))
        self.saved = [uid for uid in self.saved if uid not in self._expunged]
        numbers = sorted((SeqNum(bisect_left(self._uids, uid) + 1) for uid in self._expunged), reverse=True)
        if len(numbers) < 16:
            for number in numbers:
                del self._uids[number - 1]
        else:  # one pass over the array instead of one for each
            gone = self._expunged
            self._uids = array("I", [uid for uid in self._uids if uid not in gone])
        self._expunged.clear()
        return tuple(numbers), vanished
