"""What was acknowledged is on the disk: system calls in their order, and processes killed at random."""

import itertools
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.storage.sqlite import SqliteStore

PRODUCER = Path(__file__).with_name("storage_producer.py")
sys.path.insert(0, str(PRODUCER.parent))
from storage_producer import ACCOUNTS, body  # noqa: E402

KILLS = 24


async def held(store, account):
    """Number and size of every message of the account; each octet is checked."""
    folder = (await store.find_folder(account, "INBOX")).id
    found = []
    async for rows in store.rows(folder, (await store.snapshot(folder)).uids):
        for row in rows:
            octets = await store.read(row.body)
            number, size = map(int, octets[: octets.index(b"\r\n")].split())
            assert octets == body(number, size)
            assert row.octets == size
            found.append(number)
    return found


@pytest.mark.slow
async def test_no_kill_loses_or_doubles_an_acknowledged_delivery_or_leaves_half_of_one(tmp_path):
    chance = random.Random(4)
    acknowledged = set()
    for round_ in range(KILLS):
        first = round_ * 100_000 + 1
        acknowledged |= _kill_after(
            tmp_path, first, acks=chance.randrange(1, 120), microseconds=chance.randrange(20_000)
        )
        store = SqliteStore.open(tmp_path, clock=SystemClock())
        alice, bob = [await held(store, account) for account in ACCOUNTS]
        assert len(set(alice)) == len(alice)
        assert sorted(bob) == sorted(alice)
        assert acknowledged <= set(alice)
        files = sum(file.is_file() for file in (tmp_path / "bodies").rglob("*"))
        assert files == sum(number % 6 in (4, 5) for number in alice)
        folder = (await store.find_folder(ACCOUNTS[0], "INBOX")).id
        status = await store.status(folder)
        assert (status.messages, status.unseen) == (len(alice), len(alice))
        await store.close()
    assert len(acknowledged) > KILLS * 10


def _kill_after(home, first, *, acks, microseconds):
    """The numbers a producer acknowledged before it was killed, that is after `acks` of them and a moment more."""
    with subprocess.Popen([sys.executable, PRODUCER, home, str(first)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        lines = [process.stdout.readline() for _ in range(acks)]
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(microseconds / 1_000_000)
        process.kill()
        lines += process.stdout.readlines()
    return {int(line.split()[1]) for line in lines if line.endswith(b"\n")}


@pytest.mark.interop
def test_the_sync_of_row_and_file_comes_before_the_acknowledgement(tmp_path):
    strace = shutil.which("strace")
    assert strace, "strace is needed: apt-get install strace"
    trace, home = tmp_path / "trace", tmp_path / "home"
    command = [strace, "-f", "-y", "-o", trace, "-e", "trace=fsync,fdatasync,write,pwrite64"]
    subprocess.run([*command, sys.executable, PRODUCER, home, "1", "20000", "300000"], check=True, capture_output=True)
    small, large = _between_acks(_calls(trace.read_text()))

    wal = r"f(data)?sync .*/mail\.db-wal$"
    assert _positions(small, wal)
    assert max(_positions(small, r"pwrite64 .*/mail\.db-wal$")) < min(_positions(small, wal))
    assert not _positions(small, "/bodies/")

    (file_synced,) = _positions(large, r"f(data)?sync .*/bodies/../[0-9a-f]{30}$")
    (folder_synced,) = _positions(large, r"fsync .*/bodies/..$")
    assert max(_positions(large, r"write .*/bodies/")) < file_synced < folder_synced
    row_written = _positions(large, r"pwrite64 .*/mail\.db-wal$")
    assert folder_synced < min(row_written)
    assert max(row_written) < min(_positions(large, wal))


def _calls(trace):
    """Each call that succeeded, as `name path`, or `ack`, in the order they ended."""
    begun = {}
    for line in trace.splitlines():
        pid, text = line.split(maxsplit=1)
        if text.endswith("<unfinished ...>"):
            begun[pid] = text
            continue
        if text.startswith("<... "):
            text = begun.pop(pid) + text
        call = re.match(r"(\w+)\(\d+<([^>]*)>(.*) = (-?\d+)", text)
        if call and int(call[4]) >= 0:
            yield "ack" if '"ack ' in call[3] else "ready" if '"ready' in call[3] else f"{call[1]} {call[2]}"


def _between_acks(calls):
    """What was called from `ready` to the first acknowledgement, from there to the second."""
    calls = list(calls)
    marks = [calls.index("ready"), *(at for at, call in enumerate(calls) if call == "ack")]
    assert len(marks) == 3
    return [calls[begin:end] for begin, end in itertools.pairwise(marks)]


def _positions(calls, pattern):
    return [at for at, call in enumerate(calls) if re.search(pattern, call)]
