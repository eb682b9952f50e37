"""Many clients in IDLE, in a process of their own: ``python -m tests.load.watch``, one JSON line on stdin.

It prints ``ready`` when every client idles.  A second line on stdin says how
many messages each mailbox was sent; then it prints, for each client, when it
was told of each of them, on the machine's monotonic clock.
"""

import asyncio
import json
import resource
import ssl
import sys
import time
from asyncio import sslproto
from dataclasses import dataclass

from tests.load.targets import Account, Target

__all__ = ["IdleClient", "WatchJob", "watch"]

_AT_ONCE = 64  # connections in their handshake


@dataclass(frozen=True, slots=True)
class WatchJob:
    """`clients` connections, spread over the target's first `mailboxes` recipients in turn.

    A message that is not announced `grace_s` after the last 250 is lost.
    """

    clients: int
    mailboxes: int
    grace_s: float = 10.0


class IdleClient(asyncio.Protocol):
    """Logs in, selects INBOX, idles, and notes each EXISTS."""

    def __init__(self, account: Account, mailbox: int) -> None:
        self.mailbox = mailbox
        self.idling: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.told: list[float] = []  # when message k (from 1) after the start was announced, at k - 1
        self._due: int | None = None
        self._enough = asyncio.Event()
        self._count = 0
        self._rest = b""
        self._awaited = b"* "
        self._steps = iter((f'a LOGIN "{account.login}" "{account.password}"', "b SELECT INBOX", "c IDLE"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            if line.endswith(b" EXISTS"):
                self._exists(int(line.split()[1]), now)
            elif line.startswith(b"+ "):
                self.idling.set_result(None)
            elif line.startswith(self._awaited) and not self.idling.done():
                self._advance(line)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.idling.done():
            self.idling.set_exception(ConnectionError("hung up before IDLE"))

    async def told_of(self, due: int) -> None:
        """Every one of `due` messages was announced."""
        self._due = due
        if len(self.told) < due:
            await self._enough.wait()

    def close(self) -> None:
        """The connection is dropped."""
        self._transport.close()

    def _advance(self, line: bytes) -> None:
        step = next(self._steps, None)
        if step is None or not line[2:].startswith(b"OK"):
            self.idling.set_exception(RuntimeError(line.decode(errors="replace")))
            return
        self._awaited = step[:2].encode()
        self._transport.write(step.encode() + b"\r\n")

    def _exists(self, count: int, now: float) -> None:
        if self.idling.done():
            self.told += [now] * (count - self._count)
            if self._due is not None and len(self.told) >= self._due:
                self._enough.set()
        self._count = count


async def watch(target: Target, job: WatchJob) -> list[IdleClient]:
    """`job.clients` clients, all in IDLE.

    Raises:
        RuntimeError, OSError: one of them could not get there.
    """
    # The stock buffer of 256 KiB a connection would make this process larger than the server it measures.
    sslproto.SSLProtocol.max_size = 16 * 1024 + 512
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
    loop, tls = asyncio.get_running_loop(), ssl.create_default_context(cafile=target.authority)
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> IdleClient:
        mailbox = number % job.mailboxes
        async with turn:
            _, client = await loop.create_connection(
                lambda: IdleClient(target.recipients[mailbox], mailbox),
                "127.0.0.1",
                target.imaps,
                ssl=tls,
                server_hostname="localhost",
            )
            await client.idling
        return client

    return list(await asyncio.gather(*(one(number) for number in range(job.clients))))


async def _main() -> None:
    loop = asyncio.get_running_loop()
    order = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    job = WatchJob(**order["job"])
    clients = await watch(Target.from_json(order["target"]), job)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    due = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    waits = [asyncio.ensure_future(client.told_of(due[client.mailbox])) for client in clients]
    await asyncio.wait(waits, timeout=job.grace_s)
    json.dump([[client.mailbox, client.told] for client in clients], sys.stdout)
    for client in clients:
        client.close()


if __name__ == "__main__":
    asyncio.run(_main())
