"""A wire with an observer: the client's TLS ends here, the server's begins, and what passes can be read."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.peers.certificates import ServerFiles

__all__ = ["Wire", "wire_to"]


class Wire:
    """What the clients that connected to `port` have said and heard so far, all connections one after another."""

    def __init__(self, far_port: int, far: ssl.SSLContext) -> None:
        self.port = 0
        self._far = (far_port, far)
        self._said, self._heard = bytearray(), bytearray()
        self._news = threading.Condition()

    @property
    def said(self) -> bytes:
        """From clients to the server."""
        return bytes(self._said)

    @property
    def heard(self) -> bytes:
        """From the server to clients."""
        return bytes(self._heard)

    def forget(self) -> None:
        """`said` and `heard` begin anew."""
        with self._news:
            self._said.clear()
            self._heard.clear()

    def await_heard(self, words: bytes, *, within_s: float = 30.0) -> None:
        """The server has said `words`.  Raises: AssertionError."""
        with self._news:
            assert self._news.wait_for(lambda: words in self._heard, within_s), f"{words!r} not in {self._heard!r}"

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client is served until either side ends."""
        port, context = self._far
        with ExitStack() as ending:
            ending.callback(writer.transport.abort)
            # A client that is killed says no good-bye; or the wire is taken away first.
            ending.enter_context(suppress(OSError, asyncio.CancelledError))
            far_reader, far_writer = await asyncio.open_connection(
                "localhost", port, ssl=context, ssl_shutdown_timeout=1
            )
            ending.callback(far_writer.transport.abort)
            await asyncio.gather(
                self._pass(reader, far_writer, self._said), self._pass(far_reader, writer, self._heard)
            )

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: bytearray) -> None:
        while octets := await source.read(65_536):
            with self._news:
                seen += octets
                self._news.notify_all()
            sink.write(octets)
            await sink.drain()
        sink.close()
        await sink.wait_closed()


@contextmanager
def wire_to(far_port: int, far: ssl.SSLContext, files: ServerFiles) -> Iterator[Wire]:
    """A wire to `far_port` of this machine whose near end shows the certificate `files`, in a thread of its own."""
    near = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    near.load_cert_chain(files.certificate, files.key)
    wire = Wire(far_port, far)
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(wire.join, "127.0.0.1", 0, ssl=near, ssl_shutdown_timeout=1)
        wire.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        await asyncio.sleep(0)  # who connected just now is served, and so is sent away with the others

    runner = asyncio.Runner()
    thread = threading.Thread(target=runner.run, args=[serve()])
    loop = runner.get_loop()
    thread.start()
    try:
        assert ready.wait(60)
        yield wire
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        runner.close()
