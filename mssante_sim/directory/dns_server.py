"""The zones over UDP and TCP, on one port."""

import asyncio
from typing import Final

from mssante_sim.directory.dns_zone import Zones

__all__ = ["DnsServer"]

_ATTEMPTS: Final = 20  # at a port that is free for both, if any will do
_IDLE_S: Final = 10.0  # [RFC 7766 §6.2.3]
_MOST_CONNECTIONS: Final = 64
_LENGTH: Final = 2


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # narrower
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._zones.answer(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


class DnsServer:
    """Answers from `start` to `stop`; `port` is known once it has started."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._server: asyncio.Server | None = None
        self._datagrams: asyncio.DatagramTransport | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Both protocols answer on `port`, or on one that is free for both if it is 0.  Raises: OSError."""
        for attempt in range(_ATTEMPTS if port == 0 else 1):
            self._server = await asyncio.start_server(self._connected, host, port)
            self.port = self._server.sockets[0].getsockname()[1]
            try:
                self._datagrams, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Datagrams(self._zones), local_addr=(host, self.port)
                )
            except OSError:
                self._server.close()
                if attempt + 1 == (_ATTEMPTS if port == 0 else 1):
                    raise
            else:
                return

    async def stop(self) -> None:
        """Neither answers any more."""
        if self._datagrams is not None:
            self._datagrams.close()
        for task in self._connections:
            task.cancel()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a callback of start_server is a task; tells the type checker)
        self._connections.add(task)
        try:
            if len(self._connections) <= _MOST_CONNECTIONS:
                await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass  # it went away, or said nothing for too long
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Questions one after the other, until nothing comes or what is no message."""
        while True:
            async with asyncio.timeout(_IDLE_S):
                length = int.from_bytes(await reader.readexactly(_LENGTH))
                answer = self._zones.answer(await reader.readexactly(length), over_tcp=True)
                if answer is None:
                    return
                writer.write(len(answer).to_bytes(_LENGTH) + answer)
                await writer.drain()
