"""The SQLite engine as a `MailStore`."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import apsw

from mssante_sim.clock import Clock
from mssante_sim.storage.api import (
    STANDARD_FOLDERS,
    Appended,
    BodyId,
    Change,
    Copied,
    Criteria,
    Delivered,
    Exchange,
    FlagChange,
    FlagOutcome,
    Folder,
    FolderId,
    FolderSnapshot,
    FolderSpec,
    FolderStatus,
    MessageRow,
    Missed,
    ModSeq,
    NewMessage,
    OnceKey,
    Parcel,
    Skim,
    Turn,
    Uid,
    Usage,
    Want,
    Watch,
)
from mssante_sim.storage.errors import BodyMissing, StoreBusy, StoreReadOnly
from mssante_sim.storage.sqlite import exchanges as exchange_sql
from mssante_sim.storage.sqlite import folders as folder_sql
from mssante_sim.storage.sqlite import messages as message_sql
from mssante_sim.storage.sqlite import reading, tidying
from mssante_sim.storage.sqlite.bodies import LARGEST_BLOB, Placed, Vault
from mssante_sim.storage.sqlite.database import connect, make_private, migrate, translated
from mssante_sim.storage.sqlite.feed import Feed
from mssante_sim.storage.sqlite.readers import Readers
from mssante_sim.storage.sqlite.schema import STEPS
from mssante_sim.storage.sqlite.values import microseconds
from mssante_sim.storage.sqlite.writer import Transaction, Work, Writer

__all__ = ["SqliteStore"]

QUOTA_OCTETS = 2 * 1024 * 1024 * 1024

READ_HERE_OCTETS = 64 * 1024
"""Up to here a body is read in the loop, some 10 µs; a thread costs ten times as much."""

ROWS_HERE = 8

R = TypeVar("R")


class SqliteStore:
    """A `MailStore` in `<home>/mail.db` and `<home>/bodies/`, for one process and one event loop."""

    def __init__(
        self,
        *,
        writer: Writer,
        readers: Readers,
        vault: Vault,
        feed: Feed,
        lock: apsw.Connection,
        clock: Clock,
        quota: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._writer = writer
        self._readers = readers
        self._vault = vault
        self._feed = feed
        self._lock = lock
        self._clock = clock
        self._quota_octets = quota
        self._lists = reading.UidLists()
        self._closed = False
        self._placing = ThreadPoolExecutor(4, thread_name_prefix="mail-bodies")

    @classmethod
    def open(cls, home: Path, *, clock: Clock, quota_octets: int = QUOTA_OCTETS, vfs: str | None = None) -> Self:
        """The store of `home`, made if there is none; to be called inside the loop it will serve.

        Whatever an interrupted process left half is gone. Blocks while it migrates and sweeps.

        Raises:
            StoreBusy: another process uses this home.
            HomeTooNew, StoreCorrupt, StoreReadOnly, StoreFull: the files cannot be used.
        """
        file = home / "mail.db"
        with translated(file):
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(home / "mail.lock")
        try:
            connection = connect(file, vfs=vfs)
            migrate(connection, STEPS, file=file)
            with translated(file):
                vault = Vault(home / "bodies")
                vault.sweep(tidying.file_names(connection))
            feed = Feed(asyncio.get_running_loop())
            writer = Writer(
                connection,
                file,
                asyncio.get_running_loop(),
                publish=feed.publish,
                tidy=lambda tx: tidying.tidy(tx, microseconds(clock.now())),
                remove_files=vault.remove,
            )
            readers = Readers(file, vfs)
        except BaseException:
            lock.close()
            raise
        writer.start()
        return cls(writer=writer, readers=readers, vault=vault, feed=feed, lock=lock, clock=clock, quota=quota_octets)

    async def _write(self, work: Work[R]) -> R:
        """What `work` returns, once it is durable.  A cancelled caller changes nothing about that."""
        future: asyncio.Future[R] = self._promise()
        self._writer.submit(work, future)
        return await future

    def _promise(self) -> asyncio.Future[R]:
        if self._closed:
            raise StoreReadOnly("The store is closed.")
        return self._loop.create_future()

    async def _write_bodies(self, bodies: Sequence[bytes], work: Callable[[Transaction, list[Placed]], R]) -> R:
        """As `_write`, with `bodies` made durable before; large ones in other threads, side by side."""
        if all(len(body) <= LARGEST_BLOB for body in bodies):
            placed = [Placed(len(body), body, None) for body in bodies]
            return await self._write(lambda tx: work(tx, placed))
        future: asyncio.Future[R] = self._promise()
        self._placing.submit(self._place, bodies, work, future)
        return await future

    def _place(
        self, bodies: Sequence[bytes], work: Callable[[Transaction, list[Placed]], R], future: asyncio.Future[R]
    ) -> None:
        placed: list[Placed] = []
        try:
            for body in bodies:
                placed.append(self._vault.place(body))  # noqa: PERF401  what was placed must be known if one fails
        except OSError as error:
            self._vault.remove(one.file for one in placed if one.file)
            self._writer.fail(error, future)
            return
        files = [one.file for one in placed if one.file is not None]
        self._writer.submit(lambda tx: work(tx, placed), future, files)

    def _now(self) -> int:
        return microseconds(self._clock.now())

    def _born(self) -> int:
        return self._now() // 1_000_000

    # accounts and folders

    async def open_account(self, account: str, folders: Iterable[FolderSpec] = STANDARD_FOLDERS) -> None:
        """See MailStore."""
        born, specs = self._born(), tuple(folders)
        await self._write(lambda tx: folder_sql.ensure_account(tx, account, specs, born))

    async def accounts(self) -> tuple[str, ...]:
        """See MailStore."""
        return self._readers.here(folder_sql.accounts)

    async def folders(self, account: str) -> tuple[Folder, ...]:
        """See MailStore."""
        return self._readers.here(lambda db: folder_sql.listed(db, account))

    async def find_folder(self, account: str, name: str) -> Folder:
        """See MailStore."""
        return self._readers.here(lambda db: folder_sql.find(db, account, name))

    async def create_folder(self, account: str, spec: FolderSpec) -> Folder:
        """See MailStore."""
        born = self._born()
        return await self._write(lambda tx: folder_sql.create(tx, account, spec, born))

    async def delete_folder(self, account: str, name: str) -> None:
        """See MailStore."""
        now = self._now()
        await self._write(lambda tx: folder_sql.delete(tx, account, name, now))

    async def rename_folder(self, account: str, old: str, new: str) -> None:
        """See MailStore."""
        now = self._now()
        await self._write(lambda tx: _rename(tx, account, old, new, now))

    async def subscribe(self, account: str, name: str, *, subscribed: bool) -> None:
        """See MailStore."""
        await self._write(lambda tx: folder_sql.subscribe(tx, account, name, subscribed=subscribed))

    async def subscriptions(self, account: str) -> frozenset[str]:
        """See MailStore."""
        return self._readers.here(lambda db: folder_sql.subscriptions(db, account))

    async def status(self, folder: FolderId) -> FolderStatus:
        """See MailStore."""
        return self._readers.here(lambda db: folder_sql.status(db, folder))

    async def snapshot(
        self, folder: FolderId, *, claim_recent: bool = False, since: ModSeq | None = None
    ) -> FolderSnapshot:
        """See MailStore."""
        counters = await self.status(folder)
        read = partial(reading.snapshot, folder=folder, lists=self._lists, since=since)
        if since is None and self._lists.known(folder, counters) is not None:
            found = self._readers.here(read)
        else:
            found = await self._readers.elsewhere(read)  # a hundred thousand UIDs take 15 ms
        if not claim_recent or found.status.recent_from == found.status.uidnext:
            return found
        return await self._write(partial(_claim, read=read, folder=folder))

    async def usage(self, account: str) -> Usage:
        """See MailStore."""
        held = self._readers.here(lambda db: folder_sql.octets_held(db, folder_sql.account_id(db, account)))
        return Usage(held, self._quota_octets)

    # messages

    async def deliver(
        self,
        parcels: Sequence[Parcel],
        *,
        received: datetime,
        once: OnceKey | None = None,
        turns: Sequence[Turn] = (),
    ) -> Delivered:
        """See MailStore."""
        now, parcels = self._now(), tuple(parcels)

        def work(tx: Transaction, placed: list[Placed]) -> Delivered:
            pairs = tuple(zip(parcels, placed, strict=True))
            arrival = message_sql.Delivery(pairs, microseconds(received), now, once, tuple(turns), self._quota_octets)
            return message_sql.deliver(tx, arrival)

        return await self._write_bodies([parcel.body for parcel in parcels], work)

    async def exchanges(self, patient: str, professional: str | None = None) -> tuple[Exchange, ...]:
        """See MailStore."""
        return self._readers.here(lambda db: exchange_sql.between(db, patient, professional))

    async def exchange_of(self, patient: str, professional: str, message_ids: Sequence[str]) -> Exchange | None:
        """See MailStore."""
        return self._readers.here(lambda db: exchange_sql.holding(db, patient, professional, message_ids))

    async def marked(self, patient: str, keyword: str) -> tuple[tuple[str, datetime], ...]:
        """See MailStore."""
        return await self._readers.elsewhere(lambda db: exchange_sql.marked(db, patient, keyword))

    async def append(self, folder: FolderId, messages: Sequence[NewMessage]) -> tuple[Appended, ...]:
        """See MailStore."""
        now, quota, new = self._now(), self._quota_octets, tuple(messages)
        return await self._write_bodies(
            [message.body for message in new],
            lambda tx, placed: message_sql.append(tx, folder, list(zip(new, placed, strict=True)), now, quota),
        )

    async def copy(self, folder: FolderId, uids: Sequence[Uid], target: FolderId) -> Copied:
        """See MailStore."""
        now, quota = self._now(), self._quota_octets
        return await self._write(lambda tx: message_sql.copy(tx, folder, uids, target, now=now, quota_octets=quota))

    async def move(self, folder: FolderId, uids: Sequence[Uid], target: FolderId) -> Copied:
        """See MailStore."""
        now, quota = self._now(), self._quota_octets
        return await self._write(lambda tx: message_sql.move(tx, folder, uids, target, now=now, quota_octets=quota))

    async def change_flags(self, folder: FolderId, uids: Sequence[Uid], change: FlagChange) -> FlagOutcome:
        """See MailStore."""
        return await self._write(lambda tx: message_sql.change_flags(tx, folder, uids, change))

    async def expunge(self, folder: FolderId, uids: Sequence[Uid] | None = None) -> tuple[Uid, ...]:
        """See MailStore."""
        now = self._now()
        return await self._write(lambda tx: message_sql.expunge(tx, folder, uids, now))

    async def rows(
        self, folder: FolderId, uids: Sequence[Uid], want: Want = Want.FLAGS, skim: Skim | None = None
    ) -> AsyncIterator[list[MessageRow]]:
        """See MailStore."""
        query = reading.RowsQuery(folder, want, skim, READ_HERE_OCTETS)
        most = reading.SLICE_ROWS if skim is None else reading.SKIMMED_ROWS
        at = 0
        while at < len(uids):
            wanted = uids[at : at + most]
            ask = partial(reading.message_rows, query=query, uids=wanted)
            found, up_to = self._readers.here(ask) if len(uids) <= ROWS_HERE else await self._readers.elsewhere(ask)
            at += len(wanted) if up_to is None else bisect_right(wanted, up_to)
            if found:
                yield found

    async def choose(self, folder: FolderId, criteria: Criteria) -> list[tuple[Uid, ModSeq]]:
        """See MailStore."""
        return await self._readers.elsewhere(partial(reading.chosen, folder=folder, criteria=criteria))

    async def read(self, body: BodyId, offset: int = 0, length: int | None = None) -> bytes:
        """See MailStore."""
        octets, file, whole = self._readers.here(lambda db: reading.find_body(db, body, READ_HERE_OCTETS))
        if whole is not None:
            return whole[offset : None if length is None else offset + length]
        length = octets - offset if length is None else min(length, octets - offset)
        if length <= 0:
            return b""
        if file is not None:
            return await self._readers.elsewhere(lambda _: self._read_file(file, offset, length))
        return await self._readers.elsewhere(partial(reading.content, body=body, offset=offset, length=length))

    def _read_file(self, name: str, offset: int, length: int) -> bytes:
        try:
            return self._vault.read(name, offset, length)
        except FileNotFoundError as error:
            raise BodyMissing("The message is gone.") from error

    async def changed_since(self, folder: FolderId, modseq: ModSeq) -> Missed:
        """See MailStore."""
        query = partial(reading.changed_since, folder=folder, modseq=modseq, lists=self._lists)
        return await self._readers.elsewhere(query)

    def watch(self, folder: FolderId, listener: Callable[[Change], None]) -> Watch:
        """See MailStore."""
        return self._feed.watch(folder, listener)

    async def forget_mail(self) -> None:
        """See MailStore."""
        born = self._born()
        await self._write(lambda tx: tidying.forget_mail(tx, born))

    async def close(self) -> None:
        """See MailStore.  A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        await self._loop.run_in_executor(None, self._close)

    def _close(self) -> None:
        self._readers.close()
        self._placing.shutdown()
        self._writer.stop()
        self._lock.close()


def _lock(file: Path) -> apsw.Connection:
    """The right to serve this home, held until the connection is closed or the process ends."""
    # SQLite's own lock on an empty database: it ends with the process, and is the same call on every system.
    with translated(file):
        make_private(file)
        connection = apsw.Connection(str(file))
        try:
            connection.pragma("journal_mode", "memory")
            connection.execute("BEGIN EXCLUSIVE")
        except apsw.BusyError as error:
            connection.close()
            raise StoreBusy("Another process has this home's mail open; stop it first.") from error
    return connection


def _rename(tx: Transaction, account: str, old: str, new: str, now: int) -> None:
    """A folder gets its new name; INBOX stays, and what it holds goes to the new folder.  [RFC 9051 §6.3.6]"""
    born = now // 1_000_000
    if folder_sql.canonical(old) != "INBOX":
        folder_sql.rename(tx, account, old, new, born)
        return
    source = folder_sql.find(tx, account, old)
    target = folder_sql.create(tx, account, FolderSpec(new, subscribed=False), born)
    message_sql.empty_into(tx, source.id, target.id, now)


def _claim(tx: Transaction, read: Work[FolderSnapshot], folder: FolderId) -> FolderSnapshot:
    """The folder as it is, its recent messages told to nobody else."""
    found = read(tx)
    folder_sql.claim_recent(tx, folder)
    return found
