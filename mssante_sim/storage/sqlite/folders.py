"""Accounts, folders and subscriptions: the SQL, for a transaction of the writer or of a reader."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mssante_sim.storage.api import (
    STANDARD_FOLDERS,
    Folder,
    FolderGone,
    FolderId,
    FolderSpec,
    FolderStatus,
    ModSeq,
    Uid,
)
from mssante_sim.storage.errors import FolderExists, FolderMissing
from mssante_sim.storage.sqlite.writer import Database, Transaction

__all__ = [
    "Box",
    "account_id",
    "accounts",
    "canonical",
    "create",
    "delete",
    "ensure_account",
    "ensure_folder",
    "find",
    "listed",
    "octets_held",
    "open_box",
    "rename",
    "save_box",
    "status",
    "subscribe",
]


def canonical(name: str) -> str:
    """`name`, with INBOX in capitals wherever it stands first.  [RFC 9051 §5.1]"""
    first, slash, rest = name.partition("/")
    return f"INBOX{slash}{rest}" if first.upper() == "INBOX" else name


# accounts

_ACCOUNT = "SELECT id FROM account WHERE name = ?"
_NEW_ACCOUNT = "INSERT INTO account (name) VALUES (?) RETURNING id"
_HELD = "SELECT coalesce(sum(octets), 0) FROM mailbox WHERE account = ?"


def account_id(db: Database, account: str) -> int:
    """Raises: FolderMissing, if there is no such account."""
    for (found,) in db.execute(_ACCOUNT, (account,)):
        return int(found)
    raise FolderMissing("There is no such account.", detail=account)


def ensure_account(tx: Transaction, account: str, specs: Iterable[FolderSpec], born: int) -> None:
    """See MailStore.open_account."""
    known = tx.execute(_ACCOUNT, (account,)).fetchall() or tx.execute(_NEW_ACCOUNT, (account,)).fetchall()
    for spec in specs:
        ensure_folder(tx, known[0][0], spec, born)


_ACCOUNTS = "SELECT name FROM account ORDER BY name"


def accounts(db: Database) -> tuple[str, ...]:
    """See MailStore.accounts."""
    return tuple(name for (name,) in db.execute(_ACCOUNTS))


def octets_held(db: Database, account: int) -> int:
    """Octets of every message of the account."""
    return int(db.execute(_HELD, (account,)).get)


# folders

_FOLDER = """
    SELECT mailbox.id, name, special_use,
        EXISTS (SELECT 1 FROM subscription s WHERE s.account = mailbox.account AND s.name = mailbox.name), uidvalidity
    FROM mailbox"""
_LIST = f"{_FOLDER} WHERE account = ? ORDER BY name <> 'INBOX', name"
_FIND = f"{_FOLDER} WHERE account = ? AND name = ?"
_ID = "SELECT id FROM mailbox WHERE account = ? AND name = ?"
_NEW_FOLDER = "INSERT INTO mailbox (account, name, special_use, uidvalidity) VALUES (?, ?, ?, ?) RETURNING id"
_NEXT = """
    INSERT INTO counter (name, value) VALUES ('uidvalidity', ?1)
    ON CONFLICT DO UPDATE SET value = max(value + 1, ?1) RETURNING value"""
"""UIDVALIDITY: seconds of the clock, yet greater than every one before, so that a home made anew differs too."""


def listed(db: Database, account: str) -> tuple[Folder, ...]:
    """See MailStore.folders."""
    return tuple(map(_folder, db.execute(_LIST, (account_id(db, account),))))


def find(db: Database, account: str, name: str) -> Folder:
    """See MailStore.find_folder."""
    for row in db.execute(_FIND, (account_id(db, account), canonical(name))):
        return _folder(row)
    raise FolderMissing("There is no such folder.", detail=name)


def _folder(row: tuple[Any, ...]) -> Folder:
    folder, name, special_use, subscribed, uidvalidity = row
    return Folder(folder, name, special_use, bool(subscribed), uidvalidity)


def ensure_folder(tx: Transaction, account: int, spec: FolderSpec, born: int) -> FolderId:
    """The folder exists, and if it was made just now, its parents too."""
    name = canonical(spec.name)
    for (folder,) in tx.execute(_ID, (account, name)):
        return FolderId(folder)
    parent, slash, _ = name.rpartition("/")
    if slash:
        ensure_folder(tx, account, FolderSpec(parent, subscribed=False), born)
    if spec.subscribed:
        tx.execute(_SUBSCRIBE, (account, name))
    return make_folder(tx, account, name, spec.special_use, born)


def make_folder(tx: Transaction, account: int, name: str, special_use: str | None, born: int) -> FolderId:
    """A new folder with an id and a UIDVALIDITY that none had before; `born` is in seconds since 1970."""
    uidvalidity = tx.execute(_NEXT, (born,)).get
    return FolderId(tx.execute(_NEW_FOLDER, (account, name, special_use, uidvalidity)).get)


def standard_or_plain(name: str) -> FolderSpec:
    """What a folder of this name is made like when a delivery finds it gone."""
    return next((spec for spec in STANDARD_FOLDERS if spec.name == name), FolderSpec(name))


def create(tx: Transaction, account: str, spec: FolderSpec, born: int) -> Folder:
    """See MailStore.create_folder."""
    owner = account_id(tx, account)
    _refuse_existing(tx, owner, canonical(spec.name))
    ensure_folder(tx, owner, spec, born)
    return find(tx, account, spec.name)


def _refuse_existing(tx: Transaction, account: int, name: str) -> None:
    if tx.execute(_ID, (account, name)).fetchall():
        raise FolderExists("A folder of that name exists already.", detail=name)


_DELETE = (
    "INSERT OR IGNORE INTO garbage (body, since) SELECT body, ?2 FROM message WHERE mailbox = ?1",
    "DELETE FROM message WHERE mailbox = ?1",
    "DELETE FROM flag_state WHERE mailbox = ?1",
    "DELETE FROM mailbox WHERE id = ?1",
)


def delete(tx: Transaction, account: str, name: str, now: int) -> None:
    """See MailStore.delete_folder."""
    folder = find(tx, account, name).id
    for sql in _DELETE:
        tx.execute(sql, (folder, now) if "?2" in sql else (folder,))
    tx.changes.append(FolderGone(folder))


_CHILDREN = "SELECT id, name FROM mailbox WHERE account = ?1 AND substr(name, 1, length(?2)) = ?2 ORDER BY name DESC"
_RENAME = "UPDATE mailbox SET name = ? WHERE id = ?"


def rename(tx: Transaction, account: str, old: str, new: str, born: int) -> None:
    """`old`, which is not INBOX, and its children get their new names; see MailStore.rename_folder."""
    owner, old, new = account_id(tx, account), canonical(old), canonical(new)
    moving = [(find(tx, account, old).id, old), *tx.execute(_CHILDREN, (owner, old + "/")).fetchall()]
    _refuse_existing(tx, owner, new)
    targets = {folder: new + name[len(old) :] for folder, name in moving}
    leaving = {name for _, name in moving}
    for name in targets.values():
        if name not in leaving:
            _refuse_existing(tx, owner, name)
    for folder in targets:  # out of the way first: "a" may become "a/b" while "a/b" becomes "a/b/b"
        tx.execute(_RENAME, (f"/{folder}", folder))
    parent, slash, _ = new.rpartition("/")
    if slash:
        ensure_folder(tx, owner, FolderSpec(parent, subscribed=False), born)
    for folder, name in targets.items():
        tx.execute(_RENAME, (name, folder))


# subscriptions

_SUBSCRIBE = "INSERT OR IGNORE INTO subscription (account, name) VALUES (?, ?)"
_UNSUBSCRIBE = "DELETE FROM subscription WHERE account = ? AND name = ?"
_SUBSCRIPTIONS = "SELECT name FROM subscription WHERE account = ?"


def subscribe(tx: Transaction, account: str, name: str, *, subscribed: bool) -> None:
    """See MailStore.subscribe."""
    tx.execute(_SUBSCRIBE if subscribed else _UNSUBSCRIBE, (account_id(tx, account), canonical(name)))


def subscriptions(db: Database, account: str) -> frozenset[str]:
    """See MailStore.subscriptions."""
    return frozenset(name for (name,) in db.execute(_SUBSCRIPTIONS, (account_id(db, account),)))


# counters

_STATUS = """
    SELECT uidvalidity, uidnext, modseq, messages, unseen, deleted, octets, recent_from FROM mailbox WHERE id = ?"""
_CLAIM = "UPDATE mailbox SET recent_from = uidnext WHERE id = ?"


def status(db: Database, folder: FolderId) -> FolderStatus:
    """See MailStore.status."""
    for row in db.execute(_STATUS, (folder,)):
        return FolderStatus(*row)
    raise missing()


def claim_recent(tx: Transaction, folder: FolderId) -> None:
    """What is recent now is so for nobody else."""
    tx.execute(_CLAIM, (folder,))


def missing() -> FolderMissing:
    """The refusal for an id that names no folder (any more)."""
    return FolderMissing("There is no such folder any more.")


_BOX = """
    SELECT id, account, uidvalidity, uidnext, modseq, messages, unseen, deleted, octets FROM mailbox WHERE id = ?"""
_SAVE_BOX = """
    UPDATE mailbox SET uidnext = ?, modseq = ?, messages = ?, unseen = ?, deleted = ?, octets = ? WHERE id = ?"""


@dataclass(slots=True)
class Box:
    """A folder's counters while one item of the writer changes it."""

    id: FolderId
    account: int
    uidvalidity: int
    uidnext: int
    modseq: int
    messages: int
    unseen: int
    deleted: int
    octets: int

    def next_uid(self) -> Uid:
        """A UID that nothing had before."""
        self.uidnext += 1
        return Uid(self.uidnext - 1)

    def next_modseq(self) -> ModSeq:
        """The mod-sequence of the change at hand."""
        self.modseq += 1
        return ModSeq(self.modseq)

    def count(self, messages: int, octets: int, *, unseen: int, deleted: int) -> None:
        """So many more (or fewer, if negative) are in the folder."""
        self.messages += messages
        self.octets += octets
        self.unseen += unseen
        self.deleted += deleted


def open_box(tx: Transaction, folder: FolderId) -> Box:
    """Raises: FolderMissing."""
    for row in tx.execute(_BOX, (folder,)):
        return Box(*row)
    raise missing()


def save_box(tx: Transaction, box: Box) -> None:
    """What the item changed is in the row."""
    tx.execute(_SAVE_BOX, (box.uidnext, box.modseq, box.messages, box.unseen, box.deleted, box.octets, box.id))
