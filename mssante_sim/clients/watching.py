"""A pharmacy that listens: every message that arrives, once, also across lost connections."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mssante_sim.clients.mailbox import ConnectionLost, ImapAccess, MailboxClient

__all__ = ["Arrival", "Interruption", "Listening", "backoff", "watch"]

_LONGEST_PAUSE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Listening:
    """The connection is up: what arrives from here on is told at once."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message came."""

    uid: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Interruption:
    """The connection is lost; the next attempt follows after `pause_s`."""

    reason: ConnectionLost
    pause_s: float


def backoff() -> Iterator[float]:
    """Pauses between attempts, in seconds: 1, 2, 4 … 30, 30 …"""
    pause = 1.0
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE_S)


async def watch(
    access: ImapAccess, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> AsyncGenerator[Listening | Arrival | Interruption, None]:
    """What happens to INBOX from now on; ends only by an error that a retry cannot mend.

    What arrives while the connection is down is told after it is back. Messages that were there at the start
    are not told; if the server starts the folder anew (another UIDVALIDITY), all it holds then is new.

    Raises:
        ImapRefused: bad credentials, or a command refused.
    """
    pauses = backoff()
    uidvalidity, last = None, 0
    while True:
        try:
            client = await MailboxClient.connect(access)
            try:
                if uidvalidity is None:
                    last = max(await client.uids(), default=0)
                elif client.uidvalidity != uidvalidity:
                    last = 0
                uidvalidity = client.uidvalidity
                pauses = backoff()
                yield Listening()
                while True:
                    for uid in await client.uids(last + 1):
                        octets = await client.fetch(uid)
                        last = uid
                        if octets is not None:
                            yield Arrival(uid, octets)
                    await client.wait_for_arrival()
            finally:
                client.drop()
        except ConnectionLost as lost:
            pause = next(pauses)
            yield Interruption(lost, pause)
            await sleep(pause)
