"""However large a message is, the loop that everybody shares goes on."""

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mssante_sim.clients.running import Running
from tests.mes.conftest import Inside
from tests.mes.visitor import Visitor

pytestmark = pytest.mark.slow

PIECE = b"%PDF-1.4" + bytes(range(256)) * 18_000 + b"%%EOF"
BUSY_S = 0.03
"""Processor time of the loop's own thread, so that a busy machine does not count; sealing takes ten times as long."""


@asynccontextmanager
async def pulse() -> AsyncIterator[list[float]]:
    """How much the loop's thread computed between one turn and the next, a millisecond later."""
    busy: list[float] = []
    gc.collect()
    gc.freeze()  # to look through what other tests have left behind is not the service's work

    async def beat() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            busy.append(time.thread_time() - before)

    beating = asyncio.create_task(beat())
    yield busy
    gc.unfreeze()
    beating.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beating


def big_message(running: Running) -> None:
    """Written, kept, sent, listed, opened, read and exported."""
    with Visitor.of(running, "patient") as visitor:
        document = visitor.add(content=PIECE)["id"]
        files = [(f"{number}.pdf", PIECE) for number in range(3)]
        sent = visitor.send(pharmacy="990000010", text="a", document=document, files=files)
        assert sent["octets"] > 24_000_000
        visitor.ok("GET", "/conversations")
        visitor.ok("GET", f"/messages/{sent['message']}")
        assert visitor.ask("GET", f"/messages/{sent['message']}/attachments/4").content == PIECE
        assert len(visitor.ask("GET", f"/messages/{sent['message']}/source").content) > 24_000_000


async def test_a_message_of_25_megabytes_stops_nobody(inside: Inside) -> None:
    async with inside() as stack, pulse() as busy:
        await asyncio.to_thread(big_message, stack.running)
        assert max(busy) < BUSY_S
