"""What the suite puts into a store, and how it looks at what is there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mssante_sim.clock import Clock
from mssante_sim.message.summary import Summary
from mssante_sim.storage.api import Copy, FolderId, MailStore, MessageRow, NewMessage, Parcel, Want
from mssante_sim.storage.sqlite import SqliteStore

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ALICE, BOB = "alice@officine.mssante.test", "bob@officine.mssante.test"


@dataclass(frozen=True)
class Engine:
    """How the suite opens a store."""

    name: str

    def open(self, home: Path, clock: Clock, **options) -> MailStore:
        return SqliteStore.open(home, clock=clock, **options)


ENGINES = (Engine("sqlite"),)


def octets(number: int = 1, size: int = 60) -> bytes:
    """A body that no other number has, of exactly `size` octets."""
    return (b"Subject: %08d\r\n\r\n" % number + b"%08d," % number * (size // 9 + 1))[:size]


def summary(number: int = 1) -> Summary:
    return Summary(b"(envelope %d)" % number, b"(structure %d)" % number, b"(body %d)" % number, 19, f"<{number}@x>")


def parcel(*copies: Copy, number: int = 1, size: int = 60) -> Parcel:
    return Parcel(octets(number, size), summary(number), copies)


def new(number: int = 1, *flags: str, size: int = 60, at: datetime = NOW) -> NewMessage:
    return NewMessage(octets(number, size), summary(number), at, frozenset(flags))


async def inbox(store: MailStore, account: str = ALICE) -> FolderId:
    """INBOX of `account`, which is opened."""
    await store.open_account(account)
    return (await store.find_folder(account, "INBOX")).id


async def all_rows(store: MailStore, folder: FolderId, want: Want = Want.FLAGS) -> list[MessageRow]:
    uids = (await store.snapshot(folder)).uids
    return [row async for rows in store.rows(folder, uids, want) for row in rows]


async def flags(store: MailStore, folder: FolderId) -> dict[int, set[str]]:
    return {row.uid: set(row.flags) for row in await all_rows(store, folder)}


async def bodies(store: MailStore, folder: FolderId) -> list[bytes]:
    return [await store.read(row.body) for row in await all_rows(store, folder)]
