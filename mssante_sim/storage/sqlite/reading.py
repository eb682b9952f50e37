"""What readers ask, each inside one read transaction."""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, cast

from mssante_sim.message.summary import Summary
from mssante_sim.storage.api import (
    BodyId,
    Criteria,
    FlagState,
    FolderId,
    FolderSnapshot,
    FolderStatus,
    MessageRow,
    Missed,
    ModSeq,
    Skim,
    Uid,
    Want,
)
from mssante_sim.storage.errors import BodyMissing
from mssante_sim.storage.sqlite.folders import status
from mssante_sim.storage.sqlite.values import flag_set, instant, microseconds, split_flags, uid_table
from mssante_sim.storage.sqlite.writer import Database

__all__ = [
    "SKIMMED_ROWS", "SLICE_ROWS", "RowsQuery", "UidLists", "changed_since", "chosen", "content", "find_body",
    "message_rows", "snapshot",
]  # fmt: skip

SLICE_ROWS = 200
SLICE_OCTETS = 1_000_000
SKIMMED_ROWS = 2_000  # looked at for one slice, where most are left out


# rows

_ALWAYS = "f.uid, f.modseq, f.flags, f.keywords, m.body, m.octets, m.internal_date, m.saved_date, m.prefix"
_SUMMARY, _NO_SUMMARY = "b.envelope, b.bodystructure, b.structure, b.message_id", "NULL, NULL, NULL, NULL"
_START = """
    b.header_octets, CASE WHEN b.octets <= ?4 THEN
        (SELECT substr(octets, 1, iif(?3, b.octets, b.header_octets)) FROM content WHERE body = b.id) END"""
_FROM = """
    FROM carray(?2) wanted
    CROSS JOIN flag_state f ON f.mailbox = ?1 AND f.uid = wanted.value
    CROSS JOIN message m ON m.mailbox = ?1 AND m.uid = wanted.value"""
_FROM_BODY = f"{_FROM} CROSS JOIN body b ON b.id = m.body"
_ROWS = {  # by whether summaries are read, and starts
    (False, False): f"SELECT {_ALWAYS}, NULL, NULL, {_NO_SUMMARY} {_FROM}",
    (True, False): f"SELECT {_ALWAYS}, b.header_octets, NULL, {_SUMMARY} {_FROM_BODY}",
    (False, True): f"SELECT {_ALWAYS}, {_START}, {_NO_SUMMARY} {_FROM_BODY}",
    (True, True): f"SELECT {_ALWAYS}, {_START}, {_SUMMARY} {_FROM_BODY}",
}


@dataclass(frozen=True, slots=True)
class RowsQuery:
    """Which messages are read, and how much of each."""

    folder: FolderId
    want: Want
    skim: Skim | None
    small: int  # octets of the largest body that is read along


def message_rows(db: Database, query: RowsQuery, uids: Sequence[Uid]) -> tuple[list[MessageRow], Uid | None]:
    """The messages of `uids` that exist and pass, up to the UID that is returned too; None if that is all of them.

    It ends with `SLICE_ROWS`, or when what was looked at exceeds `SLICE_OCTETS`, but never before the first.

    Raises:
        FolderMissing: there is no such folder.
    """
    want, skim = query.want, query.skim
    dates, prefixes, summaries = Want.DATES in want, Want.PREFIX in want, Want.SUMMARY in want
    whole = Want.BODY in want
    starts = whole or Want.HEADER in want
    bindings = (query.folder, uid_table(uids), *((whole, query.small) if starts else ()))
    rows: list[MessageRow] = []
    weight, seen = 0, False
    for (
        uid, modseq, bits, keywords, body, octets, internal, saved, prefix,
        header_octets, start, envelope, bodystructure, structure, message_id,
    ) in (cursor := db.execute(_ROWS[summaries, starts], bindings)):  # fmt: skip
        seen = True
        weight += len(prefix) + len(start or b"")
        if summaries:
            weight += len(envelope) + len(bodystructure) + len(structure)
        if skim is None or start is None or skim(prefix, start, header_octets):
            rows.append(
                MessageRow(
                    uid,
                    modseq,
                    flag_set(bits, keywords),
                    body,
                    octets,
                    instant(internal) if dates else None,
                    instant(saved) if dates else None,
                    prefix if prefixes else None,
                    Summary(envelope, bodystructure, structure, header_octets, message_id) if summaries else None,
                    header_octets,
                    start,
                )
            )
        if weight > SLICE_OCTETS or len(rows) == SLICE_ROWS:
            cursor.close()
            return rows, uid
    if not seen:
        status(db, query.folder)
    return rows, None


_CHOSEN = "SELECT uid, modseq FROM flag_state WHERE mailbox = ?1 AND flags & ?2 = ?2 AND flags & ?3 = 0 ORDER BY uid"
_CHOSEN_BY_DATE = """
    SELECT f.uid, f.modseq FROM message m CROSS JOIN flag_state f ON f.mailbox = ?1 AND f.uid = m.uid
    WHERE m.mailbox = ?1 AND f.flags & ?2 = ?2 AND f.flags & ?3 = 0 AND m.internal_date BETWEEN ?4 AND ?5 - 1
    ORDER BY m.uid"""
_EARLIEST, _LATEST = -(2**63), 2**63 - 1


def chosen(db: Database, folder: FolderId, criteria: Criteria) -> list[tuple[Uid, ModSeq]]:
    """See MailStore.choose."""
    status(db, folder)
    flags = (folder, split_flags(criteria.present)[0], split_flags(criteria.absent)[0])
    if criteria.since is None and criteria.before is None:
        return [*db.execute(_CHOSEN, flags)]
    since = _EARLIEST if criteria.since is None else microseconds(criteria.since)
    before = _LATEST if criteria.before is None else microseconds(criteria.before)
    return [*db.execute(_CHOSEN_BY_DATE, (*flags, since, before))]


# snapshot

_EDGES = "SELECT min(uid), max(uid) FROM flag_state WHERE mailbox = ?"
_UIDS_FROM = "SELECT uid FROM flag_state WHERE mailbox = ? AND uid >= ? ORDER BY uid"
_UNSEEN = "SELECT uid FROM flag_state WHERE mailbox = ? AND flags & 1 = 0 ORDER BY uid LIMIT 1"
_UNSEEN_FROM_END = "SELECT uid FROM flag_state WHERE mailbox = ? AND flags & 1 = 0 ORDER BY uid DESC LIMIT 1 OFFSET ?"
_KEYWORDS = "SELECT name FROM keyword WHERE mailbox = ?"

LISTS_UIDS = 10_000_000
LISTS_FOLDERS = 1_000
"""Bounds of what is remembered: 40 MB of UIDs."""


class UidLists:
    """UIDs of folders, as they were last read; may be used from several threads.

    A folder's UIDs are the same as long as UIDNEXT and the number of messages are: UIDs are never given twice, so
    what comes raises the one and what goes lowers the other. They are arrays, for a session's view is one too, and
    is made of another by one copy of memory; from a range of 100,000 it takes 2 ms.
    """

    def __init__(self) -> None:
        self._lists: OrderedDict[FolderId, tuple[Uid, array[int]]] = OrderedDict()
        self._lock = Lock()

    def known(self, folder: FolderId, counters: FolderStatus) -> "array[int] | None":
        """The list that fits `counters`, if it was read before."""
        uidnext, uids = self._lists.get(folder, (Uid(0), _NONE))
        return uids if uidnext == counters.uidnext and len(uids) == counters.messages else None

    def read(self, db: Database, folder: FolderId, counters: FolderStatus) -> "array[int]":
        """The UIDs of `folder` at the instant of `counters`; not to be changed."""
        known = self.known(folder, counters)
        if known is not None:
            return known
        uids = _contiguous(db, folder, counters) or self._complete(db, folder, counters)
        with self._lock:
            self._lists[folder] = counters.uidnext, uids
            self._lists.move_to_end(folder)
            while len(self._lists) > LISTS_FOLDERS or sum(len(uids) for _, uids in self._lists.values()) > LISTS_UIDS:
                self._lists.popitem(last=False)
        return uids

    def _complete(self, db: Database, folder: FolderId, counters: FolderStatus) -> "array[int]":
        uidnext, before = self._lists.get(folder, (Uid(0), _NONE))
        if 0 < uidnext < counters.uidnext:  # mostly, some came since and none went
            new = array("I", [uid for (uid,) in db.execute(_UIDS_FROM, (folder, uidnext))])
            if len(before) + len(new) == counters.messages:
                return before + new
        return array("I", [uid for (uid,) in db.execute(_UIDS_FROM, (folder, 0))])


_NONE: Final = array("I")


def _contiguous(db: Database, folder: FolderId, counters: FolderStatus) -> "array[int]":
    """The UIDs, if they have no gap; else nothing."""
    lowest, highest = db.execute(_EDGES, (folder,)).fetchall()[0]
    if counters.messages == 0 or highest - lowest + 1 != counters.messages:
        return _NONE
    return array("I", range(lowest, highest + 1))


def snapshot(db: Database, folder: FolderId, lists: UidLists, since: ModSeq | None = None) -> FolderSnapshot:
    """See MailStore.snapshot."""
    counters = status(db, folder)
    uids = cast("Sequence[Uid]", lists.read(db, folder, counters))
    missed = None if since is None else changed_since(db, folder, since, lists)
    return FolderSnapshot(counters, uids, _keywords(db, folder), _first_unseen(db, folder, counters), missed)


def _first_unseen(db: Database, folder: FolderId, counters: FolderStatus) -> Uid | None:
    """Looked for from the end where it should be nearer: most folders are seen but for what came last."""
    if not counters.unseen:
        return None
    if 2 * counters.unseen > counters.messages:
        return Uid(db.execute(_UNSEEN, (folder,)).get)
    return Uid(db.execute(_UNSEEN_FROM_END, (folder, counters.unseen - 1)).get)


def _keywords(db: Database, folder: FolderId) -> frozenset[str]:
    """Every keyword the folder ever saw."""
    return frozenset(name for (name,) in db.execute(_KEYWORDS, (folder,)))


# changes

_FLOOR = "SELECT expunge_floor FROM mailbox WHERE id = ?"
_CHANGED = "SELECT uid, flags, keywords, modseq FROM flag_state WHERE mailbox = ? AND modseq > ? ORDER BY uid"
_EXPUNGED = "SELECT uid FROM expunged WHERE mailbox = ? AND modseq > ? ORDER BY uid"


def changed_since(connection: Database, folder: FolderId, modseq: ModSeq, lists: UidLists) -> Missed:
    """See MailStore.changed_since."""
    counters = status(connection, folder)
    states = tuple(
        [
            FlagState(uid, flag_set(bits, keywords), known)
            for uid, bits, keywords, known in connection.execute(_CHANGED, (folder, modseq))
        ]
    )
    if modseq < connection.execute(_FLOOR, (folder,)).get:
        there = frozenset(lists.read(connection, folder, counters))
        return states, tuple(Uid(uid) for uid in range(1, counters.uidnext) if uid not in there)
    return states, tuple([uid for (uid,) in connection.execute(_EXPUNGED, (folder, modseq))])


# bodies

_BODY = """
    SELECT octets, file, CASE WHEN octets <= ?2 THEN (SELECT octets FROM content WHERE body = body.id) END
    FROM body WHERE id = ?1"""
_CONTENT = "SELECT substr(octets, ?2 + 1, ?3) FROM content WHERE body = ?1"


def find_body(connection: Database, body: BodyId, small: int) -> tuple[int, str | None, bytes | None]:
    """Length of a body, the file it lies in if it is not in the database, and all of it up to `small` octets.

    Raises:
        BodyMissing: it was purged.
    """
    for octets, file, whole in connection.execute(_BODY, (body, small)):
        return octets, file, whole
    raise BodyMissing("The message is gone.")


def content(connection: Database, body: BodyId, offset: int, length: int) -> bytes:
    """Octets of a body in the database."""
    for (octets,) in connection.execute(_CONTENT, (body, offset, length)):
        return bytes(octets)
    raise BodyMissing("The message is gone.")
