"""Opening a database file: version of the library, pragmas, migrations; its errors as ours."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from mssante_sim.storage.errors import (
    HomeTooNew,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
)

__all__ = ["connect", "make_private", "migrate", "refused", "translated"]

OLDEST_SQLITE = (3, 51, 3)
"""The first without the WAL-reset bug."""

_DISK_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})  # Windows knows no quota here

WAL_KEPT_OCTETS = 64 * 1024 * 1024
"""A WAL that grew beyond, shrinks to this once it starts anew."""

BUSY_MS = 5_000
"""How long another process may hold the write lock before a call gives up."""


def connect(file: Path, *, readonly: bool = False, vfs: str | None = None) -> apsw.Connection:
    """A connection to `file`, which is made (0600) if need be.

    WAL, synced at every commit, nothing temporary on disk.

    Raises:
        StoreError: the library is too old, or the file cannot be opened; StoreCorrupt if it is no database.
    """
    if tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) < OLDEST_SQLITE:
        raise StoreError("The installed apsw brings a SQLite with a known data-loss bug; install apsw 3.51.3 or later.")
    with translated(file):
        if not readonly:
            make_private(file)  # -wal and -shm take its mode over
        flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE
        connection = apsw.Connection(str(file), flags=flags | apsw.SQLITE_OPEN_NOMUTEX, vfs=vfs)
        connection.set_busy_timeout(BUSY_MS)
        connection.pragma("temp_store", "memory")
        connection.pragma("mmap_size", 0)  # a read error must be an error, not a signal
        if not readonly:
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            connection.pragma("fullfsync", True)  # macOS: down to the platter, not to the drive's cache
            connection.pragma("journal_size_limit", WAL_KEPT_OCTETS)
            connection.pragma("foreign_keys", True)
    return connection


def make_private(file: Path) -> None:
    """`file` exists; if it was made just now, its owner alone may read it."""
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))


def migrate(connection: apsw.Connection, steps: Sequence[str], *, file: Path) -> None:
    """The schema is the latest: `steps[n]` leads from version n to n + 1, each in its own transaction.

    Raises:
        HomeTooNew: the file was written by a later version of this program.
    """
    with translated(file):
        version = connection.pragma("user_version")
        if version > len(steps):
            raise HomeTooNew(
                f"{file.name} has format {version}, this version of mssante-sim knows {len(steps)}:"
                " install a newer one, or choose another home.",
                detail=str(file),
            )
        while version < len(steps):
            connection.execute("BEGIN IMMEDIATE")
            try:
                version = connection.pragma("user_version")  # another process may have been faster
                if version < len(steps):
                    connection.execute(steps[version])
                    version += 1
                    connection.pragma("user_version", version)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def refused(error: apsw.Error | OSError, file: Path) -> StoreError:
    """What an error of the driver or of the file system means to a caller of the store."""
    detail = f"{file}: {type(error).__name__}: {error}"
    match error:
        case apsw.FullError():
            return StoreFull("The disk is full.", detail=detail)
        case OSError() if error.errno in _DISK_FULL:
            return StoreFull("The disk is full.", detail=detail)
        case apsw.CorruptError() | apsw.NotADBError():
            return StoreCorrupt(
                f"{file.name} is damaged: restore it from a copy, or choose another home.", detail=detail
            )
        case apsw.BusyError() | apsw.LockedError():
            return StoreBusy("The store is busy; try again.", detail=detail)
        case apsw.IOError() | apsw.ReadOnlyError() | apsw.CantOpenError() | OSError():
            return StoreReadOnly(f"{file.name} cannot be written or read; look at the disk.", detail=detail)
        case _:
            return StoreError("The store failed.", detail=detail)


@contextmanager
def translated(file: Path) -> Iterator[None]:
    """Errors of the driver and of the file system leave the block as errors of the store."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise refused(error, file) from error
