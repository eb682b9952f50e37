"""What readers ask, each inside one read transaction."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any

from mssante_sim.message.summary import Summary
from mssante_sim.storage.api import (
    BodyId,
    FlagState,
    FolderId,
    FolderSnapshot,
    FolderStatus,
    MessageRow,
    ModSeq,
    Uid,
    Want,
)
from mssante_sim.storage.errors import BodyMissing
from mssante_sim.storage.sqlite.folders import status
from mssante_sim.storage.sqlite.values import flag_set, instant, uid_table
from mssante_sim.storage.sqlite.writer import Database

__all__ = ["SLICE_ROWS", "UidLists", "changed_since", "content", "find_body", "message_rows", "snapshot"]

SLICE_ROWS = 200
SLICE_OCTETS = 1_000_000


# rows

_ROWS = """
    SELECT f.uid, f.modseq, f.flags, f.keywords, m.body, m.octets, m.internal_date, m.saved_date, m.prefix
    FROM carray(?2) wanted
    CROSS JOIN flag_state f ON f.mailbox = ?1 AND f.uid = wanted.value
    CROSS JOIN message m ON m.mailbox = ?1 AND m.uid = wanted.value"""
_ROWS_WITH_SUMMARY = """
    SELECT f.uid, f.modseq, f.flags, f.keywords, m.body, m.octets, m.internal_date, m.saved_date, m.prefix,
        b.envelope, b.bodystructure, b.structure, b.header_octets, b.message_id
    FROM carray(?2) wanted
    CROSS JOIN flag_state f ON f.mailbox = ?1 AND f.uid = wanted.value
    CROSS JOIN message m ON m.mailbox = ?1 AND m.uid = wanted.value
    CROSS JOIN body b ON b.id = m.body"""


def message_rows(connection: Database, folder: FolderId, uids: Sequence[Uid], want: Want) -> list[MessageRow]:
    """The messages of `uids` that exist; cut off when they exceed `SLICE_OCTETS`, but never before the first.

    Raises:
        FolderMissing: there is no such folder.
    """
    dates, prefixes, summaries = Want.DATES in want, Want.PREFIX in want, Want.SUMMARY in want
    cursor = connection.execute(_ROWS_WITH_SUMMARY if summaries else _ROWS, (folder, uid_table(uids)))
    rows: list[MessageRow] = []
    weight = 0
    for uid, modseq, bits, keywords, body, octets, internal, saved, prefix, *facts in cursor:
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
                Summary(*facts) if summaries else None,
            )
        )
        weight += len(prefix) + (len(facts[0]) + len(facts[1]) + len(facts[2]) if summaries else 0)
        if weight > SLICE_OCTETS:
            break
    cursor.close()
    if not rows:
        status(connection, folder)
    return rows


# snapshot

_EDGES = "SELECT min(uid), max(uid) FROM flag_state WHERE mailbox = ?"
_UIDS_FROM = "SELECT uid FROM flag_state WHERE mailbox = ? AND uid >= ? ORDER BY uid"
_KEYWORDS = "SELECT name FROM keyword WHERE mailbox = ?"

LISTS_UIDS = 1_000_000
LISTS_FOLDERS = 1_000
"""Bounds of what is remembered: 40 MB of UIDs, ranges without gaps not counted."""


class UidLists:
    """UIDs of folders, as they were last read; may be used from several threads.

    A folder's UIDs are the same as long as UIDNEXT and the number of messages are: UIDs are never given twice, so
    what comes raises the one and what goes lowers the other.
    """

    def __init__(self) -> None:
        self._lists: OrderedDict[FolderId, tuple[Uid, Sequence[Uid]]] = OrderedDict()
        self._lock = Lock()

    def known(self, folder: FolderId, counters: FolderStatus) -> Sequence[Uid] | None:
        """The list that fits `counters`, if it was read before."""
        uidnext, uids = self._lists.get(folder, (Uid(0), ()))
        return uids if uidnext == counters.uidnext and len(uids) == counters.messages else None

    def read(self, db: Database, folder: FolderId, counters: FolderStatus) -> Sequence[Uid]:
        """The UIDs of `folder` at the instant of `counters`, as an immutable sequence."""
        known = self.known(folder, counters)
        if known is not None:
            return known
        uids = _contiguous(db, folder, counters) or self._complete(db, folder, counters)
        with self._lock:
            self._lists[folder] = counters.uidnext, uids
            self._lists.move_to_end(folder)
            while len(self._lists) > LISTS_FOLDERS or sum(map(_weight, self._lists.values())) > LISTS_UIDS:
                self._lists.popitem(last=False)
        return uids

    def _complete(self, db: Database, folder: FolderId, counters: FolderStatus) -> Sequence[Uid]:
        uidnext, before = self._lists.get(folder, (Uid(0), ()))
        if 0 < uidnext < counters.uidnext:  # mostly, some came since and none went
            new = [uid for (uid,) in db.execute(_UIDS_FROM, (folder, uidnext))]
            if len(before) + len(new) == counters.messages:
                return (*before, *new)
        return tuple([uid for (uid,) in db.execute(_UIDS_FROM, (folder, 0))])


def _weight(known: tuple[Uid, Sequence[Uid]]) -> int:
    return len(known[1]) if isinstance(known[1], tuple) else 0


def _contiguous(db: Database, folder: FolderId, counters: FolderStatus) -> Sequence[Uid]:
    """The UIDs as a range, if they have no gap; else nothing."""
    lowest, highest = db.execute(_EDGES, (folder,)).fetchall()[0]
    if counters.messages == 0 or highest - lowest + 1 != counters.messages:
        return ()
    uids: Sequence[Any] = range(lowest, highest + 1)
    return uids


def snapshot(db: Database, folder: FolderId, lists: UidLists) -> FolderSnapshot:
    """See MailStore.snapshot."""
    counters = status(db, folder)
    return FolderSnapshot(counters, lists.read(db, folder, counters), _keywords(db, folder))


def _keywords(db: Database, folder: FolderId) -> frozenset[str]:
    """Every keyword the folder ever saw."""
    return frozenset(name for (name,) in db.execute(_KEYWORDS, (folder,)))


# changes

_FLOOR = "SELECT expunge_floor FROM mailbox WHERE id = ?"
_CHANGED = "SELECT uid, flags, keywords, modseq FROM flag_state WHERE mailbox = ? AND modseq > ? ORDER BY uid"
_EXPUNGED = "SELECT uid FROM expunged WHERE mailbox = ? AND modseq > ? ORDER BY uid"


def changed_since(
    connection: Database, folder: FolderId, modseq: ModSeq, lists: UidLists
) -> tuple[tuple[FlagState, ...], tuple[Uid, ...]]:
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
