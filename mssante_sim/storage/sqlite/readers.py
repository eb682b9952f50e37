"""Connections that read."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

import apsw

from mssante_sim.storage.errors import StoreReadOnly
from mssante_sim.storage.sqlite.database import connect, translated
from mssante_sim.storage.sqlite.writer import Database

__all__ = ["Readers"]

THREADS = 2

R = TypeVar("R")
Query = Callable[[Database], R]


class Readers:
    """Runs queries, each in one read transaction, in a few threads or right here.

    Right here is for what is bounded and small (a folder's counters, one row, a body of some kilobytes): it takes
    10 to 40 µs in the loop, where a thread and back costs 100 µs and wakes two threads.
    """

    def __init__(self, file: Path, vfs: str | None) -> None:
        self._file = file
        self._closed = False
        self._here = connect(file, readonly=True, vfs=vfs)
        self._idle: SimpleQueue[apsw.Connection] = SimpleQueue()
        for _ in range(THREADS):
            self._idle.put(connect(file, readonly=True, vfs=vfs))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mail-reader")

    def here(self, query: Query[R]) -> R:
        """The answer, at once."""
        if self._closed:
            raise StoreReadOnly("The store is closed.")
        return self._ask(self._here, query)

    async def elsewhere(self, query: Query[R]) -> R:
        """The answer, from a thread."""
        if self._closed:
            raise StoreReadOnly("The store is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._borrow, query)

    def _borrow(self, query: Query[R]) -> R:
        connection = self._idle.get()
        try:
            return self._ask(connection, query)
        finally:
            self._idle.put(connection)

    def _ask(self, connection: apsw.Connection, query: Query[R]) -> R:
        with translated(self._file):
            connection.execute("BEGIN")
            try:
                return query(connection)
            finally:
                connection.execute("COMMIT")

    def close(self) -> None:
        """What was asked is answered, then the connections are closed.  Blocks.

        To be called before the writer ends: the last connection copies the WAL back, and these may not write.
        """
        self._closed = True
        self._threads.shutdown()
        for _ in range(THREADS):
            self._idle.get().close()
        self._here.close()
