"""A process that delivers to a store and says so, to be traced or killed: HOME FIRST [SIZE ...].

With sizes, one delivery of each, one after the other; without, eight at a time of many sizes until it is killed.
After each delivery a line `ack NUMBER` is written to standard output in one system call.
"""

import asyncio
import hashlib
import itertools
import os
import sys
from datetime import timedelta
from pathlib import Path

from mssante_sim.clock import SystemClock
from mssante_sim.message.summary import Summary
from mssante_sim.storage.api import Copy, OnceKey, Parcel
from mssante_sim.storage.sqlite import SqliteStore

ACCOUNTS = ("alice@x", "bob@x")
SIZES = (100, 2_000, 20_000, 200_000, 300_000, 700_000)


def body(number: int, size: int) -> bytes:
    """Octets that say what they must be: their number and size, then what follows from these."""
    seed = hashlib.sha256(b"%d" % number).digest()
    return (b"%d %d\r\n" % (number, size) + seed * (size // 32 + 1))[:size]


async def deliver(store, number, size):
    now = SystemClock().now()
    summary = Summary(b"()", b"()", b"()", 0, str(number))
    parcel = Parcel(body(number, size), summary, tuple(Copy(account) for account in ACCOUNTS))
    once = OnceKey(b"%d" % number, now + timedelta(days=1))
    await store.deliver([parcel], received=now, once=once)
    os.write(1, b"ack %d\n" % number)


async def main(home, first, *sizes):
    store = SqliteStore.open(Path(home), clock=SystemClock())
    for account in ACCOUNTS:
        await store.open_account(account)
    os.write(1, b"ready\n")
    for number, size in enumerate(map(int, sizes), int(first)):
        await deliver(store, number, size)
    if not sizes:
        numbers = itertools.count(int(first))

        async def producer():
            for number in numbers:
                await deliver(store, number, SIZES[number % len(SIZES)])

        await asyncio.gather(*(producer() for _ in range(8)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
