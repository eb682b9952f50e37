"""What can wait until nobody does: unused bodies, expired keys; and forgetting everything."""

from mssante_sim.storage.api import FolderGone, FolderId
from mssante_sim.storage.sqlite.folders import make_folder
from mssante_sim.storage.sqlite.values import uid_table
from mssante_sim.storage.sqlite.writer import Database, Transaction

__all__ = ["GRACE_S", "file_names", "forget_mail", "tidy"]

GRACE_S = 60
"""So long a body stays readable after its last message is gone: a session may still show it."""

STEP_BODIES = 200

_GARBAGE = "SELECT body FROM garbage WHERE since <= ? LIMIT ?"
_UNUSED = """
    SELECT id, file FROM body WHERE id IN (SELECT value FROM carray(?1))
    AND NOT EXISTS (SELECT 1 FROM message WHERE message.body = body.id)"""
_DROP_BODIES = "DELETE FROM body WHERE id IN (SELECT value FROM carray(?))"
_DONE = "DELETE FROM garbage WHERE body IN (SELECT value FROM carray(?))"
_LEFT = "SELECT EXISTS (SELECT 1 FROM garbage)"
_EXPIRED = "DELETE FROM once WHERE expires <= ?"
_FILES = "SELECT file FROM body WHERE file IS NOT NULL"


def tidy(tx: Transaction, now: int) -> float | None:
    """A bounded number of unused bodies is gone; says in how many seconds there is more to do, if ever."""
    tx.execute(_EXPIRED, (now,))
    candidates = [body for (body,) in tx.execute(_GARBAGE, (now - GRACE_S * 1_000_000, STEP_BODIES))]
    unused = tx.execute(_UNUSED, (uid_table(candidates),)).fetchall()
    tx.execute(_DROP_BODIES, (uid_table(body for body, _ in unused),))
    tx.unnamed += [file for _, file in unused if file is not None]
    tx.execute(_DONE, (uid_table(candidates),))
    if len(candidates) == STEP_BODIES:
        return 0.0
    return float(GRACE_S) if tx.execute(_LEFT).get else None


def file_names(tx: Database) -> frozenset[str]:
    """Every file that a body lies in."""
    return frozenset(name for (name,) in tx.execute(_FILES))


# forgetting

_FOLDERS = "SELECT id, account, name, special_use FROM mailbox ORDER BY id"
_EMPTY = (
    "DELETE FROM message",
    "DELETE FROM flag_state",
    "DELETE FROM content",
    "DELETE FROM body",
    "DELETE FROM garbage",
    "DELETE FROM mailbox",
    "DELETE FROM once",
    "DELETE FROM exchange_message",
    "DELETE FROM exchange",
)


def forget_mail(tx: Transaction, born: int) -> None:
    """See MailStore.forget_mail.  Folders get new ids, so that no session changes the wrong messages."""
    folders = tx.execute(_FOLDERS).fetchall()
    tx.unnamed += file_names(tx)
    for sql in _EMPTY:
        tx.execute(sql)
    for folder, account, name, special_use in folders:
        make_folder(tx, account, name, special_use, born)
        tx.changes.append(FolderGone(FolderId(folder)))
