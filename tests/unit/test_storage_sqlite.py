"""What only the SQLite engine has: its files, their versions, what it sweeps, purges and remembers."""

import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import apsw
import pytest

from mssante_sim.clock import FixedClock
from mssante_sim.message.summary import Summary
from mssante_sim.storage.api import Copy, Exchange, FlagChange, FlagMode, NewMessage, OnceKey, Parcel, Uid, Want
from mssante_sim.storage.errors import BodyMissing, HomeTooNew, StoreBusy, StoreCorrupt
from mssante_sim.storage.sqlite import SqliteStore, messages, reading, tidying
from mssante_sim.storage.sqlite.database import connect, migrate
from mssante_sim.storage.sqlite.schema import STEPS
from mssante_sim.storage.sqlite.values import runs

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SUMMARY = Summary(b"e", b"s", b"b", 2, None)
LARGE = b"large" * 100_000
DELETED = FlagChange(FlagMode.ADD, frozenset({"\\Deleted"}))


@pytest.fixture
def clock():
    return FixedClock(NOW)


@pytest.fixture
async def store(tmp_path, clock):
    store = SqliteStore.open(tmp_path, clock=clock)
    await store.open_account("a@x")
    yield store
    await store.close()


async def inbox(store):
    return (await store.find_folder("a@x", "INBOX")).id


def new(body=b"x", *flags):
    return NewMessage(body, SUMMARY, NOW, frozenset(flags))


def files_of(home):
    return [file for file in (home / "bodies").rglob("*") if file.is_file()]


# files


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")
async def test_everything_is_readable_by_its_owner_only(store, tmp_path):
    await store.append(await inbox(store), [new(LARGE)])
    modes = {path.relative_to(tmp_path).parts[0]: path.stat().st_mode for path in tmp_path.rglob("*")}
    assert {"mail.db", "mail.db-wal", "bodies"} <= modes.keys()
    assert [name for name, mode in modes.items() if mode & 0o077] == []
    assert [file for file in files_of(tmp_path) if file.stat().st_mode & 0o077] == []


async def test_a_home_serves_one_process_at_a_time(store, tmp_path, clock):
    program = (
        "import asyncio, pathlib, sys\n"
        "from mssante_sim.clock import SystemClock\n"
        "from mssante_sim.storage.sqlite import SqliteStore\n"
        "async def main(): SqliteStore.open(pathlib.Path(sys.argv[1]), clock=SystemClock())\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    refused = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: ASYNC221  a second process
    assert "StoreBusy: Another process has this home's mail open; stop it first." in refused.stderr
    with pytest.raises(StoreBusy):
        SqliteStore.open(tmp_path, clock=clock)
    await store.close()
    assert subprocess.run(command, check=False).returncode == 0  # noqa: ASYNC221


async def test_files_that_no_row_names_are_swept_at_the_next_start(store, tmp_path, clock):
    folder = await inbox(store)
    await store.append(folder, [new(LARGE)])
    await store.close()
    (kept,) = files_of(tmp_path)
    (kept.parent / "0123").write_bytes(b"half a body")
    store = SqliteStore.open(tmp_path, clock=clock)
    assert files_of(tmp_path) == [kept]
    assert await store.read(1) == LARGE
    await store.close()


async def test_a_closed_store_leaves_no_log_behind(store, tmp_path):
    await store.append(await inbox(store), [new()])
    await store.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bodies", "mail.db", "mail.lock"]


async def test_the_log_is_copied_back_while_writing_goes_on(store, tmp_path):
    folder = await inbox(store)
    for _ in range(40):
        await store.append(folder, [new(b"x" * 200_000) for _ in range(10)])
    assert (tmp_path / "mail.db-wal").stat().st_size < 40_000_000  # of 80 MB that were written
    assert (tmp_path / "mail.db").stat().st_size > 40_000_000


# unused bodies


async def test_a_body_is_purged_a_while_after_its_last_message(tmp_path, clock):
    store = SqliteStore.open(tmp_path, clock=clock)
    await store.open_account("a@x")
    folder = await inbox(store)
    await store.append(folder, [new(LARGE), new(b"kept"), new(b"small")])
    await store.copy(folder, [2], folder)
    await store.change_flags(folder, [1, 2, 3], DELETED)
    await store.expunge(folder)
    await store.close()

    clock.advance(timedelta(seconds=tidying.GRACE_S - 1))
    store = SqliteStore.open(tmp_path, clock=clock)
    await store.close()
    store = SqliteStore.open(tmp_path, clock=clock)
    assert [await store.read(body) for body in (1, 2, 3)] == [LARGE, b"kept", b"small"]
    await store.close()

    clock.advance(timedelta(seconds=1))
    store = SqliteStore.open(tmp_path, clock=clock)
    await store.open_account("b@x")  # the writer tidied up before it took this
    for body in (1, 3):
        with pytest.raises(BodyMissing):
            await store.read(body)
    assert await store.read(2) == b"kept"
    await store.close()
    assert files_of(tmp_path) == []
    connection = connect(tmp_path / "mail.db")
    assert connection.execute("SELECT count(*) FROM content").get == 1
    assert connection.execute("SELECT count(*) FROM garbage").get == 0
    connection.close()


async def test_many_unused_bodies_go_in_steps(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(tidying, "STEP_BODIES", 2)
    store = SqliteStore.open(tmp_path, clock=clock)
    await store.open_account("a@x")
    await store.append(await inbox(store), [new(LARGE, "\\Deleted") for _ in range(7)])
    await store.expunge(await inbox(store))
    await store.close()
    clock.advance(timedelta(hours=1))
    store = SqliteStore.open(tmp_path, clock=clock)
    done = threading.Event()
    tidy = store._writer._tidy_step
    store._writer._tidy_step = lambda tx: done.set() if (again := tidy(tx)) is None else again
    assert done.wait(60)
    await store.close()
    assert files_of(tmp_path) == []


async def test_a_body_id_is_never_given_again(store, tmp_path, clock):
    folder = await inbox(store)
    await store.append(folder, [new(b"first")])
    await store.forget_mail()
    await store.append(await inbox(store), [new(b"second")])
    (rows,) = [rows async for rows in store.rows(await inbox(store), [1])]
    assert rows[0].body == 2


async def test_expired_keys_are_purged(tmp_path, clock):
    store = SqliteStore.open(tmp_path, clock=clock)
    await store.open_account("a@x")
    await store.deliver([Parcel(b"", SUMMARY, ())], received=NOW, once=OnceKey(b"k", NOW + timedelta(hours=1)))
    await store.close()
    clock.advance(timedelta(hours=1))
    store = SqliteStore.open(tmp_path, clock=clock)
    await store.open_account("b@x")
    await store.close()
    connection = connect(tmp_path / "mail.db")
    assert connection.execute("SELECT count(*) FROM once").get == 0
    connection.close()


# what is remembered


async def test_expunged_uids_beyond_memory_are_told_by_comparing(store, monkeypatch):
    monkeypatch.setattr(messages, "EXPUNGED_KEPT", 3)
    folder = await inbox(store)
    await store.append(folder, [new() for _ in range(10)])
    since = (await store.status(folder)).highestmodseq
    for uid in (2, 3, 5, 7, 8):
        await store.change_flags(folder, [uid], DELETED)
        await store.expunge(folder)
    latest = (await store.status(folder)).highestmodseq
    assert (await store.changed_since(folder, since))[1] == (2, 3, 5, 7, 8)
    assert (await store.changed_since(folder, latest - 1))[1] == (8,)
    assert (await store.changed_since(folder, latest - 3))[1] == (7, 8)


async def test_uid_lists_are_right_whichever_instant_was_remembered(store):
    """A list remembered at one instant must not answer for another that merely has as many messages."""
    folder = await inbox(store)
    await store.append(folder, [new(b"x", "\\Deleted") if n == 2 else new() for n in range(1, 9)])
    await store.expunge(folder)
    early = apsw.Connection(str(store._readers._file), flags=apsw.SQLITE_OPEN_READONLY)
    early.execute("BEGIN")
    before = reading.snapshot(early, folder, reading.UidLists())
    await store.change_flags(folder, [1, 4], DELETED)
    await store.expunge(folder)
    await store.append(folder, [new(), new()])
    lists = reading.UidLists()
    reader = apsw.Connection(str(store._readers._file), flags=apsw.SQLITE_OPEN_READONLY)
    assert list(reading.snapshot(reader, folder, lists).uids) == [3, 5, 6, 7, 8, 9, 10]
    assert list(reading.snapshot(early, folder, lists).uids) == [1, 3, 4, 5, 6, 7, 8] == list(before.uids)
    assert list(reading.snapshot(reader, folder, lists).uids) == [3, 5, 6, 7, 8, 9, 10]
    await store.append(folder, [new()])
    assert list(reading.snapshot(reader, folder, lists).uids) == [3, 5, 6, 7, 8, 9, 10, 11]
    early.close()
    reader.close()


async def test_only_so_many_uid_lists_are_remembered(store, monkeypatch):
    monkeypatch.setattr(reading, "LISTS_UIDS", 5)
    folder = await inbox(store)
    sent = (await store.find_folder("a@x", "Sent")).id
    for place in (folder, sent):
        await store.append(place, [new(b"x", "\\Deleted") if n == 1 else new() for n in range(4)])
        await store.expunge(place)
        assert list((await store.snapshot(place)).uids) == [1, 3, 4]
    assert list(store._lists._lists) == [sent]
    assert list((await store.snapshot(folder)).uids) == [1, 3, 4]


# versions

VERSION_1 = """
INSERT INTO counter VALUES ('uidvalidity', 1795426200);
INSERT INTO account VALUES (1, 'a@x');
INSERT INTO mailbox (id, account, name, special_use, uidvalidity, uidnext, modseq, messages, unseen, octets)
    VALUES (7, 1, 'INBOX', NULL, 1795426200, 4, 9, 1, 1, 11);
INSERT INTO subscription VALUES (1, 'INBOX');
INSERT INTO keyword VALUES (7, '$label', '$Label');
INSERT INTO body VALUES (5, 5, NULL, x'65', x'73', x'62', 2, '<m@x>');
INSERT INTO content VALUES (5, CAST('hello' AS BLOB));
INSERT INTO message VALUES (7, 3, 5, 11, 1795426200000000, 1795426200000001, CAST('R: x' || x'0d0a' AS BLOB));
INSERT INTO flag_state VALUES (7, 3, 4, '$Label', 9);
INSERT INTO expunged VALUES (7, 8, 2);
INSERT INTO exchange VALUES ('p@x', 'a@x', 'p@x', 1795426200000000, NULL);
PRAGMA user_version = 1;
"""


async def test_a_home_of_version_1_opens_with_all_it_holds(tmp_path, clock):
    connection = connect(tmp_path / "mail.db")
    connection.execute(STEPS[0])
    connection.execute(VERSION_1)
    connection.close()
    store = SqliteStore.open(tmp_path, clock=clock)
    (folder,) = await store.folders("a@x")
    assert (folder.id, folder.name, folder.subscribed, folder.uidvalidity) == (7, "INBOX", True, 1795426200)
    ((row,),) = [rows async for rows in store.rows(folder.id, [2, 3], Want.DATES | Want.PREFIX | Want.SUMMARY)]
    assert (row.uid, row.flags, row.octets, row.prefix) == (3, {"\\Flagged", "$Label"}, 11, b"R: x\r\n")
    assert (row.internal_date, row.summary) == (NOW, Summary(b"e", b"s", b"b", 2, "<m@x>"))
    assert await store.read(row.body) == b"hello"
    assert (await store.changed_since(folder.id, 7))[1] == (2,)
    (exchange,) = await store.exchanges("p@x", "a@x")
    assert exchange == Exchange("p@x", "a@x", "p@x", NOW, id=exchange.id)
    done = await store.deliver([Parcel(b"y", SUMMARY, (Copy("a@x"),))], received=NOW)
    assert done.places[0][3] == 4
    await store.close()


def test_steps_run_once_each_from_wherever_the_file_stands(tmp_path):
    file = tmp_path / "x.db"
    steps = ("CREATE TABLE a (x); INSERT INTO a VALUES (1)", "ALTER TABLE a ADD y; UPDATE a SET y = x + 1")
    connection = connect(file)
    migrate(connection, steps[:1], file=file)
    migrate(connection, steps, file=file)
    migrate(connection, steps, file=file)
    assert connection.execute("SELECT x, y FROM a").fetchall() == [(1, 2)]
    assert connection.pragma("user_version") == 2
    connection.close()


def test_a_step_that_fails_leaves_the_version_before_it(tmp_path):
    file = tmp_path / "x.db"
    connection = connect(file)
    with pytest.raises(Exception, match="The store failed"):
        migrate(connection, ("CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)"), file=file)
    assert connection.pragma("user_version") == 1
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("a",)]
    assert not connection.in_transaction
    connection.close()


async def test_a_home_of_a_later_version_is_left_alone(store, tmp_path, clock):
    await store.close()
    connection = connect(tmp_path / "mail.db")
    connection.pragma("user_version", len(STEPS) + 1)
    connection.close()
    with pytest.raises(HomeTooNew, match=r"^mail\.db has format 4, this version of mssante-sim knows 3: install"):
        SqliteStore.open(tmp_path, clock=clock)
    with pytest.raises(HomeTooNew):  # and not StoreBusy: the refused store let go of the home
        SqliteStore.open(tmp_path, clock=clock)


async def test_a_file_that_is_no_database_is_reported_as_damaged(tmp_path, clock):
    (tmp_path / "mail.db").write_bytes(b"x" * 8192)
    with pytest.raises(StoreCorrupt, match=r"^mail\.db is damaged: .*\.$"):
        SqliteStore.open(tmp_path, clock=clock)


@pytest.mark.parametrize(
    ("uids", "ranges"),
    [([7], [(7, 7)]), ([1, 2, 3], [(1, 3)]), ([1, 3, 4, 9], [(1, 1), (3, 4), (9, 9)]), ([2, 4], [(2, 2), (4, 4)])],
)
def test_runs_hold_every_number_and_no_other(uids, ranges):
    assert runs(uids) == ranges


@pytest.mark.parametrize("uids", [[], [1], [2**31 - 1, 2**31], [4, 5, 6, 2**32 - 3, 2**32 - 2, 2**32 - 1]])
async def test_flags_change_up_to_the_last_uid_that_there_may_be(store, tmp_path, uids):
    folder = await inbox(store)
    for uid in uids:
        with closing(connect(tmp_path / "mail.db")) as connection:
            connection.execute("UPDATE mailbox SET uidnext = ? WHERE id = ?", (uid, folder))
        await store.append(folder, [new()])
    outcome = await store.change_flags(folder, [*map(Uid, uids)], DELETED)
    assert [state.uid for state in outcome.states] == uids
