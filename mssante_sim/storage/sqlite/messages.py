"""Changes of messages, as items of the writer."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mssante_sim.message.summary import Summary
from mssante_sim.storage.api import (
    MAX_KEYWORDS,
    Appended,
    Arrived,
    Copied,
    Copy,
    Delivered,
    Expunged,
    FlagChange,
    FlagMode,
    FlagOutcome,
    FlagsChanged,
    FlagState,
    FolderId,
    ModSeq,
    NewMessage,
    OnceKey,
    Parcel,
    Turn,
    Uid,
)
from mssante_sim.storage.errors import QuotaExceeded, TooManyKeywords
from mssante_sim.storage.sqlite.bodies import Placed
from mssante_sim.storage.sqlite.exchanges import take_turn
from mssante_sim.storage.sqlite.folders import (
    Box,
    account_id,
    ensure_folder,
    octets_held,
    open_box,
    save_box,
    standard_or_plain,
)
from mssante_sim.storage.sqlite.values import (
    DELETED,
    SEEN,
    flag_set,
    microseconds,
    run_table,
    runs,
    split_flags,
    uid_table,
)
from mssante_sim.storage.sqlite.writer import Transaction

__all__ = ["append", "change_flags", "copy", "deliver", "empty_into", "expunge", "move"]

EXPUNGED_KEPT = 20_000
"""Expunged UIDs a folder remembers; whoever was away for longer compares all UIDs instead."""


# arrival

_NEW_BODY = """
    INSERT INTO body (octets, file, envelope, bodystructure, structure, header_octets, message_id)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_LAST = "SELECT last_insert_rowid()"
_NEW_CONTENT = "INSERT INTO content (body, octets) VALUES (?, ?)"
_NEW_MESSAGE = """
    INSERT INTO message (mailbox, uid, body, octets, internal_date, saved_date, prefix) VALUES (?, ?, ?, ?, ?, ?, ?)"""
_NEW_FLAGS = "INSERT INTO flag_state (mailbox, uid, flags, keywords, modseq) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One message about to enter a folder."""

    body: int
    octets: int
    internal_date: int
    saved_date: int
    prefix: bytes
    flags: frozenset[str]


def _new_body(tx: Transaction, placed: Placed, summary: Summary) -> int:
    tx.execute(
        _NEW_BODY,
        (
            placed.octets,
            placed.file,
            summary.envelope,
            summary.bodystructure,
            summary.body,
            summary.header_octets,
            summary.message_id,
        ),
    )
    body = int(tx.execute(_LAST).get)
    if placed.content is not None:
        tx.execute(_NEW_CONTENT, (body, placed.content))
    return body


def _enter(tx: Transaction, box: Box, entry: _Entry) -> FlagState:
    """The message has the next UID of `box`, which is to be saved."""
    uid, modseq = box.next_uid(), box.next_modseq()
    bits, keywords = _columns(tx, box.id, entry.flags)
    tx.execute(
        _NEW_MESSAGE,
        (
            box.id,
            uid,
            entry.body,
            entry.octets,
            entry.internal_date,
            entry.saved_date,
            entry.prefix,
        ),
    )
    tx.execute(_NEW_FLAGS, (box.id, uid, bits, keywords, modseq))
    box.count(1, entry.octets, unseen=not bits & SEEN, deleted=bool(bits & DELETED))
    return FlagState(uid, flag_set(bits, keywords), modseq)


_KEYWORD = "SELECT name FROM keyword WHERE mailbox = ? AND folded = ?"
_KEYWORDS = "SELECT count(*) FROM keyword WHERE mailbox = ?"
_NEW_KEYWORD = "INSERT INTO keyword (mailbox, folded, name) VALUES (?, ?, ?)"


def _columns(tx: Transaction, folder: FolderId, flags: Iterable[str], *, learn: bool = True) -> tuple[int, str]:
    """`flags` as columns of `folder`: a keyword is spelt as it was first written there."""
    bits, keywords = split_flags(flags)
    return bits, _joined({_keyword(tx, folder, keyword, learn=learn) for keyword in sorted(keywords)})


def _joined(keywords: Iterable[str]) -> str:
    return " ".join(sorted(keywords))


def _keyword(tx: Transaction, folder: FolderId, keyword: str, *, learn: bool) -> str:
    folded = keyword.lower()
    for (known,) in tx.execute(_KEYWORD, (folder, folded)):
        return str(known)
    if learn:
        ((seen,),) = tx.execute(_KEYWORDS, (folder,))
        if seen >= MAX_KEYWORDS:
            raise TooManyKeywords(f"A mailbox has at most {MAX_KEYWORDS} keywords.")
        tx.execute(_NEW_KEYWORD, (folder, folded, keyword))
    return keyword


def _check_quota(tx: Transaction, account: int, more: int, quota_octets: int) -> None:
    if octets_held(tx, account) + more > quota_octets:
        raise QuotaExceeded("The mailbox is full: delete messages, then try again.")


# deliver

_ONCE = "SELECT 1 FROM once WHERE digest = ? AND expires > ?"
_NEW_ONCE = "INSERT OR REPLACE INTO once (digest, expires) VALUES (?, ?)"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What `deliver` was asked, its bodies placed."""

    parcels: Sequence[tuple[Parcel, Placed]]
    received: int
    now: int
    once: OnceKey | None
    turns: Sequence[Turn]
    quota_octets: int


def deliver(tx: Transaction, delivery: Delivery) -> Delivered:
    """See MailStore.deliver."""
    if delivery.once is not None:
        if tx.execute(_ONCE, (delivery.once.digest, delivery.now)).fetchall():
            return Delivered(repeated=True)
        tx.execute(_NEW_ONCE, (delivery.once.digest, microseconds(delivery.once.expires)))
    places = []
    bodies: dict[str, int] = {}  # by the account that got it
    for parcel, placed in delivery.parcels:
        if parcel.copies:
            body = _new_body(tx, placed, parcel.summary)
            bodies |= {copy.account: body for copy in parcel.copies}
            places += [_deliver_copy(tx, delivery, copy, body, placed.octets) for copy in parcel.copies]
    for turn in delivery.turns:
        take_turn(tx, turn, bodies)
    return Delivered(repeated=False, places=tuple(places))


def _deliver_copy(
    tx: Transaction, delivery: Delivery, copy: Copy, body: int, body_octets: int
) -> tuple[str, str, int, Uid]:
    account = account_id(tx, copy.account)
    octets = len(copy.prefix) + body_octets
    _check_quota(tx, account, octets, delivery.quota_octets)
    spec = standard_or_plain(copy.folder)
    box = open_box(tx, ensure_folder(tx, account, spec, delivery.now // 1_000_000))
    state = _enter(tx, box, _Entry(body, octets, delivery.received, delivery.now, copy.prefix, copy.flags))
    save_box(tx, box)
    tx.changes.append(Arrived(box.id, (state,)))
    return copy.account, spec.name, box.uidvalidity, state.uid


def append(
    tx: Transaction, folder: FolderId, messages: Sequence[tuple[NewMessage, Placed]], now: int, quota_octets: int
) -> tuple[Appended, ...]:
    """See MailStore.append."""
    box = open_box(tx, folder)
    _check_quota(tx, box.account, sum(placed.octets for _, placed in messages), quota_octets)
    states = []
    for message, placed in messages:
        body = _new_body(tx, placed, message.summary)
        date = microseconds(message.internal_date)
        states.append(_enter(tx, box, _Entry(body, placed.octets, date, now, b"", message.flags)))
    save_box(tx, box)
    if states:
        tx.changes.append(Arrived(folder, tuple(states)))
    return tuple(Appended(box.uidvalidity, state.uid) for state in states)


# copy and move

_SOURCE = """
    SELECT m.uid, m.body, m.octets, m.internal_date, m.prefix, f.flags, f.keywords
    FROM carray(?2) wanted
    CROSS JOIN message m ON m.mailbox = ?1 AND m.uid = wanted.value
    CROSS JOIN flag_state f ON f.mailbox = ?1 AND f.uid = wanted.value"""
_ALL_UIDS = "SELECT uid FROM flag_state WHERE mailbox = ?"


def copy(
    tx: Transaction, folder: FolderId, uids: Sequence[Uid], target: FolderId, *, now: int, quota_octets: int
) -> Copied:
    """See MailStore.copy."""
    open_box(tx, folder)
    box = open_box(tx, target)
    rows = tx.execute(_SOURCE, (folder, uid_table(uids))).fetchall()
    if rows:
        _check_quota(tx, box.account, sum(row[2] for row in rows), quota_octets)
    return _transfer(tx, box, rows, now)


def move(
    tx: Transaction, folder: FolderId, uids: Sequence[Uid], target: FolderId, *, now: int, quota_octets: int
) -> Copied:
    """See MailStore.move.  Within one account nothing is added, so nothing is refused for its size."""
    source, box = open_box(tx, folder), open_box(tx, target)
    rows = tx.execute(_SOURCE, (folder, uid_table(uids))).fetchall()
    if rows and source.account != box.account:
        _check_quota(tx, box.account, sum(row[2] for row in rows), quota_octets)
    copied = _transfer(tx, box, rows, now)
    _remove(tx, open_box(tx, folder), [uid for uid, _ in copied.pairs], now)
    return copied


def empty_into(tx: Transaction, folder: FolderId, target: FolderId, now: int) -> None:
    """Every message of `folder` is moved to `target`."""
    uids = [uid for (uid,) in tx.execute(_ALL_UIDS, (folder,))]
    move(tx, folder, uids, target, now=now, quota_octets=0)


def _transfer(tx: Transaction, box: Box, rows: list[tuple[Any, ...]], now: int) -> Copied:
    pairs, states = [], []
    for uid, body, octets, date, prefix, bits, keywords in rows:
        state = _enter(tx, box, _Entry(body, octets, date, now, prefix, flag_set(bits, keywords)))
        pairs.append((Uid(uid), state.uid))
        states.append(state)
    save_box(tx, box)
    if states:
        tx.changes.append(Arrived(box.id, tuple(states)))
    return Copied(box.uidvalidity, tuple(pairs))


# flags

_FLAGS = """
    SELECT uid, flags, keywords, modseq FROM carray(?2) wanted
    CROSS JOIN flag_state ON mailbox = ?1 AND uid BETWEEN wanted.value >> 31
        AND (wanted.value >> 31) + (wanted.value & 0x7FFFFFFF)"""
_SET_FLAGS = """
    UPDATE flag_state SET flags = ?2, keywords = ?3, modseq = ?4 WHERE mailbox = ?1 AND uid BETWEEN ?5 AND ?6"""


def change_flags(tx: Transaction, folder: FolderId, uids: Sequence[Uid], change: FlagChange) -> FlagOutcome:
    """See MailStore.change_flags.  All that really change get one new mod-sequence."""
    box = open_box(tx, folder)
    given = _columns(tx, folder, change.flags, learn=change.mode is not FlagMode.REMOVE)
    limit = change.unchanged_since
    modseq = ModSeq(box.modseq + 1)
    failed = []
    groups: defaultdict[tuple[int, str], list[Uid]] = defaultdict(list)
    for uid, bits, keywords, known in tx.execute(_FLAGS, (folder, run_table(uids))):
        if limit is not None and known > limit:
            failed.append(uid)
        else:
            groups[bits, keywords].append(uid)
    states: list[FlagState] = []
    changed: list[FlagState] = []
    for before, members in groups.items():
        after = _after(before, change.mode, given)
        flags = flag_set(*after)
        if after == before:
            states += [FlagState(row[0], flags, row[3]) for row in tx.execute(_FLAGS, (folder, run_table(members)))]
            continue
        changed += [FlagState(uid, flags, modseq) for uid in members]
        tx.executemany(_SET_FLAGS, [(folder, *after, modseq, *run) for run in runs(members)])
        box.unseen += (bool(before[0] & SEEN) - bool(after[0] & SEEN)) * len(members)
        box.deleted += (bool(after[0] & DELETED) - bool(before[0] & DELETED)) * len(members)
    made = tuple(sorted(changed))
    if made:
        box.next_modseq()
        tx.changes.append(FlagsChanged(folder, made))
        save_box(tx, box)
    return FlagOutcome(tuple(sorted((*states, *made))) if states else made, tuple(failed))


def _after(before: tuple[int, str], mode: FlagMode, given: tuple[int, str]) -> tuple[int, str]:
    (bits, keywords), (own_bits, own_keywords) = before, given
    if mode is FlagMode.REPLACE:
        return given
    if mode is FlagMode.ADD:
        return bits | own_bits, _joined({*keywords.split(), *own_keywords.split()})
    return bits & ~own_bits, _joined(set(keywords.split()) - set(own_keywords.split()))


# removal

_DELETED = """
    SELECT uid FROM flag_state INDEXED BY flag_state_deleted WHERE mailbox = ?1 AND flags & 8 ORDER BY uid"""
_DELETED_AMONG = """
    SELECT uid FROM carray(?2) wanted
    CROSS JOIN flag_state ON mailbox = ?1 AND uid = wanted.value WHERE flags & 8"""
_REMOVED = """
    SELECT count(*), coalesce(sum(m.octets), 0), coalesce(sum(f.flags & ?3 = 0), 0),
        coalesce(sum(f.flags & ?4 > 0), 0)
    FROM carray(?2) wanted
    CROSS JOIN message m ON m.mailbox = ?1 AND m.uid = wanted.value
    CROSS JOIN flag_state f ON f.mailbox = ?1 AND f.uid = wanted.value"""
_DISCARD = """
    INSERT OR IGNORE INTO garbage (body, since)
    SELECT body, ?3 FROM message WHERE mailbox = ?1 AND uid IN (SELECT value FROM carray(?2))"""
_DROP_MESSAGES = "DELETE FROM message WHERE mailbox = ?1 AND uid IN (SELECT value FROM carray(?2))"
_DROP_FLAGS = "DELETE FROM flag_state WHERE mailbox = ?1 AND uid IN (SELECT value FROM carray(?2))"
_REMEMBER = "INSERT INTO expunged (mailbox, modseq, uid) SELECT ?1, ?3, value FROM carray(?2)"
_OLDEST_KEPT = "SELECT modseq FROM expunged WHERE mailbox = ? ORDER BY modseq DESC LIMIT 1 OFFSET ?"
_RAISE_FLOOR = "UPDATE mailbox SET expunge_floor = ?2 WHERE id = ?1"
_FORGET = "DELETE FROM expunged WHERE mailbox = ?1 AND modseq <= ?2"


def expunge(tx: Transaction, folder: FolderId, uids: Sequence[Uid] | None, now: int) -> tuple[Uid, ...]:
    """See MailStore.expunge."""
    box = open_box(tx, folder)
    among = () if uids is None else (uid_table(uids),)
    victims = [Uid(uid) for (uid,) in tx.execute(_DELETED_AMONG if among else _DELETED, (folder, *among))]
    _remove(tx, box, victims, now)
    return tuple(victims)


def _remove(tx: Transaction, box: Box, uids: list[Uid], now: int) -> None:
    """The messages, which exist, are gone from `box`, which is saved; bodies nobody shows become garbage."""
    if not uids:
        return
    table = uid_table(uids)
    messages, octets, unseen, deleted = tx.execute(_REMOVED, (box.id, table, SEEN, DELETED)).fetchall()[0]
    box.count(-messages, -octets, unseen=-unseen, deleted=-deleted)
    modseq = box.next_modseq()
    tx.execute(_DISCARD, (box.id, table, now))
    tx.execute(_DROP_MESSAGES, (box.id, table))
    tx.execute(_DROP_FLAGS, (box.id, table))
    tx.execute(_REMEMBER, (box.id, table, modseq))
    save_box(tx, box)
    for (floor,) in tx.execute(_OLDEST_KEPT, (box.id, EXPUNGED_KEPT)).fetchall():
        tx.execute(_RAISE_FLOOR, (box.id, floor))
        tx.execute(_FORGET, (box.id, floor))
    tx.changes.append(Expunged(box.id, tuple(uids), modseq))
