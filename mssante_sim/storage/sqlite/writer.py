"""The one thread that writes, and its group commit.

What is waiting when the thread comes round becomes one transaction, each item in a savepoint of its own, so one
sync pays for all. Futures are resolved, and changes published, only after COMMIT, in commit order.

When something fails:

- an item that is refused, or fails by itself, rolls back to its savepoint; the others of its batch do not notice;
- an error of COMMIT, or one that ended the transaction, fails every item of the batch;
- after an I/O error, damage or a full disk nothing is written any more until the store is opened anew: what the
  kernel kept of a failed sync is unknown, so it is never tried again
  [https://wiki.postgresql.org/wiki/Fsync_Errors].
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

import apsw

from mssante_sim.storage.api import Change
from mssante_sim.storage.errors import StoreBusy, StoreError, StoreFull, StoreReadOnly
from mssante_sim.storage.sqlite.database import refused

__all__ = ["Database", "Transaction", "Work", "Writer"]

BATCH_ITEMS = 128
BATCH_S = 0.02
"""No item is added to a batch that has run for so long: its first caller is waiting."""

IDLE_S = 0.2
"""So long after the last item the writer tidies up."""

CHECKPOINT_PAGES = 1_024
"""Size of the WAL (4 MB) at which it is copied back even under load: four times as much would make the slowest of a
hundred deliveries wait three times as long, and store no more of them."""

RESTART_PAGES = 65_536
"""Size (256 MB) at which the writer waits for readers, so that the WAL starts from the beginning."""

R = TypeVar("R")


class Database(Protocol):
    """Where a query can be asked: rows are untyped, the schema is STRICT."""

    def execute(self, statements: str, bindings: Any = None, /) -> Any:
        """A cursor over the rows."""


class Transaction:
    """The writer's open transaction, as one item sees it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.execute: Callable[..., Any] = connection.execute
        self.executemany: Callable[..., Any] = connection.executemany
        self.changes: list[Change] = []
        """What watchers are told once this is committed."""
        self.unnamed: list[str] = []
        """Files that no row names any more once this is committed."""


Work = Callable[[Transaction], R]


@dataclass(slots=True, eq=False)
class _Item:
    work: Work[Any]
    future: asyncio.Future[Any]
    files: Sequence[str]  # made for this item; to be removed if it fails
    result: Any = None
    error: BaseException | None = None
    changes: Sequence[Change] = ()
    unnamed: Sequence[str] = ()


class Writer:
    """Owns the writing connection from `start` on.  `submit` and `stop` may be called from any thread."""

    def __init__(
        self,
        connection: apsw.Connection,
        file: Path,
        loop: asyncio.AbstractEventLoop,
        *,
        publish: Callable[[list[Change]], None],
        tidy: Callable[[Transaction], float | None],
        remove_files: Callable[[Sequence[str]], None],
    ) -> None:
        """`tidy` does a bounded piece of work and says in how many seconds there may be more, if any."""
        self._connection = connection
        self._file = file
        self._loop = loop
        self._publish = publish
        self._tidy_step = tidy
        self._remove_files = remove_files
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._broken: StoreError | None = None
        self._wal_pages = 0
        self._checkpoint_at = CHECKPOINT_PAGES
        self._tidy_in: float | None = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="mail-writer", daemon=True)
        connection.wal_autocheckpoint(0)  # it would run inside COMMIT, while callers wait
        connection.set_wal_hook(self._committed)

    def start(self) -> None:
        """Items are taken from now on."""
        self._thread.start()

    def submit(self, work: Work[R], future: asyncio.Future[R], files: Sequence[str] = ()) -> None:
        """`work` will run in the writer's thread; `future` is resolved in the loop after its commit.

        `files` were made for this item: they are removed if it fails.
        """
        self._queue.put(_Item(work, future, files))

    def fail(self, error: OSError, future: asyncio.Future[Any]) -> None:
        """An I/O error outside the database counts like one inside; `future` is resolved with it."""
        self._post([_Item(_nothing, future, (), error=self._judge(error))])

    def stop(self) -> None:
        """Every item submitted before is settled, the connection closed.  Blocks."""
        self._queue.put(None)
        self._thread.join()

    # in the thread

    def _run(self) -> None:
        while (item := self._next()) is not None:
            batch = [item]
            if self._broken is None:
                self._transact(batch)
            else:
                _fail(batch, self._broken)
            self._post(batch)
            self._tidy_in = IDLE_S
            if self._wal_pages >= self._checkpoint_at:
                self._checkpoint()
        self._checkpoint()
        if self._broken is not None:  # closing would copy the WAL back
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._connection.close()

    def _next(self) -> _Item | None:
        while not self._stopping:
            try:
                item = self._queue.get(timeout=self._tidy_in)
            except Empty:
                self._tidy()
                continue
            if item is not None:
                return item
            self._stopping = True
        return None

    def _transact(self, batch: list[_Item]) -> None:
        """The first item, and what waits behind it, are committed or failed; `batch` holds them all."""
        deadline = time.monotonic() + BATCH_S
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._apply(batch[0])
            while len(batch) < BATCH_ITEMS and time.monotonic() < deadline:
                item = self._waiting()
                if item is None:
                    break
                batch.append(item)
                self._apply(item)
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            self._roll_back()
            refusal = self._judge(error)
            if self._broken is None:
                refusal = StoreBusy("The store is busy; try again.", detail=refusal.detail)
            _fail(batch, refusal)

    def _waiting(self) -> _Item | None:
        try:
            item = self._queue.get_nowait()
        except Empty:
            return None
        self._stopping = item is None
        return item

    def _apply(self, item: _Item) -> None:
        """The item's work is done inside a savepoint, or undone.

        Raises:
            apsw.Error: the transaction cannot go on.
        """
        execute = self._connection.execute
        transaction = Transaction(self._connection)
        execute("SAVEPOINT item")
        try:
            item.result = item.work(transaction)
            item.changes, item.unnamed = transaction.changes, transaction.unnamed
        except Exception as error:  # the item's own fault, whatever it is: its caller will see it, not its neighbours
            if isinstance(error, apsw.Error):
                if isinstance(error, _FATAL) or not self._connection.in_transaction:
                    raise
                item.error = refused(error, self._file)
            else:
                item.error = error
            execute("ROLLBACK TO item")
        execute("RELEASE item")

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            self._judge(error)

    def _judge(self, error: apsw.Error | OSError) -> StoreError:
        """What the callers at hand are told; from a fatal error on, the store is read-only and says so to all."""
        refusal = refused(error, self._file)
        if isinstance(error, _FATAL) and self._broken is None:
            self._broken = refusal if isinstance(refusal, StoreFull) else StoreReadOnly(_LOOK, detail=refusal.detail)
        return refusal

    def _tidy(self) -> None:
        """One bounded step of what can wait, in a transaction of its own; the WAL is copied back."""
        self._tidy_in = None
        if self._broken is not None:
            return
        transaction = Transaction(self._connection)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._tidy_in = self._tidy_step(transaction)
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            self._roll_back()
            self._judge(error)
            return
        self._remove_files(transaction.unnamed)
        self._checkpoint()

    def _checkpoint(self) -> None:
        if self._broken is not None or self._wal_pages == 0:
            return
        mode = apsw.SQLITE_CHECKPOINT_PASSIVE
        if self._wal_pages >= RESTART_PAGES:
            mode = apsw.SQLITE_CHECKPOINT_RESTART
        try:
            self._connection.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            pass  # a reader was in the way: next time
        except apsw.Error as error:
            self._judge(error)
        self._checkpoint_at = self._wal_pages + CHECKPOINT_PAGES  # a reader may keep the WAL from starting anew

    def _committed(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        if pages < self._wal_pages:  # the WAL was copied back whole, and starts from its beginning
            self._checkpoint_at = CHECKPOINT_PAGES
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _post(self, batch: list[_Item]) -> None:
        for item in batch:
            self._remove_files(item.unnamed if item.error is None else item.files)
        try:
            self._loop.call_soon_threadsafe(self._settle, batch)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    # in the loop

    def _settle(self, batch: list[_Item]) -> None:
        """Watchers hear of the batch, then its callers go on: whoever changed a folder has heard so itself."""
        self._publish([change for item in batch if item.error is None for change in item.changes])
        for item in batch:
            if item.future.done():
                continue  # its caller was cancelled; what it asked for stands
            if item.error is None:
                item.future.set_result(item.result)
            else:
                item.future.set_exception(item.error)


_LOOK = "After an error of the disk nothing is stored any more; look at it, then start again."

_FATAL = (
    apsw.FullError,
    apsw.IOError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    OSError,
)


def _nothing(_: Transaction) -> None:
    """What an item does that failed before it began."""


def _fail(batch: list[_Item], refusal: StoreError) -> None:
    """Each item gets an error of its own, for a traceback belongs to one task."""
    for item in batch:
        item.error = type(refusal)(refusal.public, detail=refusal.detail)
