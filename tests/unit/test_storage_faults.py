"""What an ill disk does to the SQLite engine: nothing acknowledged is lost, nothing half done is shown."""

import asyncio
import errno
import os
import threading
from datetime import UTC, datetime

import apsw
import pytest

from mssante_sim.clock import FixedClock
from mssante_sim.message.summary import Summary
from mssante_sim.storage.api import Copy, FlagChange, FlagMode, NewMessage, Parcel
from mssante_sim.storage.errors import StoreBusy, StoreCorrupt, StoreFull, StoreReadOnly
from mssante_sim.storage.sqlite import SqliteStore
from tests.ill_disk import Disk

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SUMMARY = Summary(b"e", b"s", b"b", 2, None)
SMALL, LARGE = b"small" * 400, b"large" * 100_000


@pytest.fixture
def disk():
    disk = Disk("illdisk")
    yield disk
    disk.unregister()


@pytest.fixture
async def store(disk, tmp_path):
    store = SqliteStore.open(tmp_path, clock=FixedClock(NOW), vfs="illdisk")
    await store.open_account("a@x")
    yield store
    await store.close()


async def inbox(store):
    return (await store.find_folder("a@x", "INBOX")).id


def deliver(store, body=SMALL, copies=1):
    return store.deliver([Parcel(body, SUMMARY, (Copy("a@x"),) * copies)], received=NOW)


async def stored(store):
    folder = await inbox(store)
    uids = (await store.snapshot(folder)).uids
    return [await store.read(row.body) async for rows in store.rows(folder, uids) for row in rows]


def files_of(home):
    return [file for file in (home / "bodies").rglob("*") if file.is_file()]


async def outcomes(calls):
    return [type(outcome) for outcome in await asyncio.gather(*calls, return_exceptions=True)]


@pytest.mark.parametrize(
    ("fault", "error", "refusal"),
    [
        (("sync", "wal"), apsw.IOError, StoreReadOnly),
        (("write", "wal"), apsw.IOError, StoreReadOnly),
        (("write", "wal"), apsw.FullError, StoreFull),
    ],
)
async def test_after_an_error_of_the_disk_nothing_is_written_and_everything_is_read(
    disk, store, tmp_path, fault, error, refusal
):
    await deliver(store)
    folder, heard = await inbox(store), []
    store.watch(folder, heard.append)
    disk.ill[fault] = error
    assert await outcomes(deliver(store) for _ in range(5)) == [refusal] * 5

    disk.ill.clear()  # the disk seems well again: what it lost is unknown, so it is not asked again
    disk.calls.clear()
    assert (
        await outcomes(
            [
                deliver(store),
                deliver(store, LARGE),
                store.append(folder, [NewMessage(SMALL, SUMMARY, NOW)]),
                store.copy(folder, [1], folder),
                store.change_flags(folder, [1], FlagChange(FlagMode.ADD, frozenset({"\\Deleted"}))),
                store.expunge(folder),
                store.forget_mail(),
            ]
        )
        == [refusal] * 7
    )
    assert disk.calls == []
    assert heard == []
    assert await stored(store) == [SMALL]

    await store.close()
    assert disk.calls == []
    store = SqliteStore.open(tmp_path, clock=FixedClock(NOW))
    bodies = await stored(store)
    assert bodies[0] == SMALL  # those of the failed batch may be there whole, for their sync is unknown
    assert set(bodies) == {SMALL}
    assert files_of(tmp_path) == []
    assert (await deliver(store)).places[0][3] == len(bodies) + 1
    await store.close()


async def test_a_failing_checkpoint_makes_the_store_read_only_and_loses_nothing(disk, store, tmp_path):
    disk.ill["sync", "db"] = apsw.IOError
    await deliver(store)
    assert await asyncio.to_thread(disk.met.wait, 10)  # the writer tidies up as soon as it is idle
    assert await outcomes([deliver(store)]) == [StoreReadOnly]
    await store.close()
    store = SqliteStore.open(tmp_path, clock=FixedClock(NOW))
    assert await stored(store) == [SMALL]
    await store.close()


async def test_a_failing_commit_fails_its_whole_batch_and_nothing_else(store, tmp_path):
    folder, heard = await inbox(store), []
    store.watch(folder, heard.append)
    refuse = [True]
    store._writer._connection.set_commit_hook(lambda: bool(refuse))
    calls = [deliver(store), deliver(store, LARGE), deliver(store, copies=3)]
    assert await outcomes(calls) == [StoreBusy] * 3
    assert await stored(store) == []
    assert files_of(tmp_path) == []
    refuse.clear()
    assert heard == []
    assert (await deliver(store)).places[0][3] == 1
    assert len(heard) == 1
    assert await stored(store) == [SMALL]


async def test_an_item_that_fails_in_sql_is_undone_alone(store):
    folder = await inbox(store)
    wrong = Summary("no octets", b"s", b"b", 2, None)  # a STRICT column refuses it, after other rows were written
    calls = [
        deliver(store),
        store.deliver([Parcel(SMALL, SUMMARY, (Copy("a@x"),)), Parcel(SMALL, wrong, (Copy("a@x"),))], received=NOW),
        deliver(store),
    ]
    first, failed, last = await asyncio.gather(*calls, return_exceptions=True)
    assert type(failed).__module__ == "mssante_sim.storage.errors"
    assert [first.places[0][3], last.places[0][3]] == [1, 2]
    assert (await store.status(folder)).messages == 2


@pytest.mark.parametrize(("number", "refusal"), [(errno.EIO, StoreReadOnly), (errno.ENOSPC, StoreFull)])
async def test_a_body_whose_file_cannot_be_synced_is_refused_and_leaves_no_file(
    store, tmp_path, monkeypatch, number, refusal
):
    tried = []

    def fsync(descriptor):
        tried.append(descriptor)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        assert await outcomes([deliver(store, LARGE)]) == [refusal]
    assert len(tried) == 1
    assert files_of(tmp_path) == []
    assert await outcomes([deliver(store, LARGE), deliver(store)]) == [refusal] * 2
    assert await stored(store) == []


async def test_what_fails_beside_a_batch_does_not_fail_the_batch(store, tmp_path):
    entered, go = threading.Event(), threading.Event()

    def slow(_transaction):
        entered.set()
        return go.wait(60)

    batch = asyncio.create_task(store._write(slow))
    assert await asyncio.to_thread(entered.wait, 60)
    (tmp_path / "bodies").rmdir()
    (tmp_path / "bodies").write_bytes(b"in the way")
    assert await outcomes([deliver(store, LARGE)]) == [StoreReadOnly]
    go.set()
    assert await batch is True
    assert await outcomes([deliver(store)]) == [StoreReadOnly]


async def test_a_body_whose_folder_is_gone_is_refused(store, tmp_path):
    (tmp_path / "bodies").rmdir()
    (tmp_path / "bodies").write_bytes(b"in the way")
    assert await outcomes([deliver(store, LARGE)]) == [StoreReadOnly]


async def test_errors_carry_no_path_and_no_sql_for_the_peer(disk, store, tmp_path):
    disk.ill["write", "wal"] = apsw.IOError
    with pytest.raises(StoreReadOnly) as caught:
        await deliver(store)
    assert str(tmp_path) not in caught.value.public
    assert "apsw" not in caught.value.public
    assert str(tmp_path) in caught.value.detail


async def test_damaged_pages_are_reported_as_damage(store, tmp_path):
    for _ in range(200):
        await deliver(store)
    await store.close()
    file = tmp_path / "mail.db"
    pages = bytearray(file.read_bytes())
    pages[4096 * 8 :] = b"\xff" * (len(pages) - 4096 * 8)
    file.write_bytes(pages)
    with pytest.raises(StoreCorrupt, match=r"^mail\.db is damaged: .*\.$"):
        await asyncio.wait_for(_use(tmp_path), 30)


async def _use(home):
    store = SqliteStore.open(home, clock=FixedClock(NOW))
    try:
        await stored(store)
        await deliver(store)
    finally:
        await store.close()
