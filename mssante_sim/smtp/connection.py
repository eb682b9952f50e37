"""The wire under a session: command lines, replies, time, TLS, and the ways a connection ends.

Streams, timer and task are aiosmtpd's. Its command loop and its commands are not used: they end
lines at a bare LF, log addresses, answer without enhanced codes and echo exceptions. So every
word that reaches a peer stands in `replies` or in `session`.
"""

import asyncio
import contextlib
import ssl
from abc import abstractmethod
from typing import cast

from aiosmtpd.smtp import SMTP

from mssante_sim.crypto.tls import cut
from mssante_sim.smtp import replies
from mssante_sim.smtp.house import House, Listener
from mssante_sim.smtp.replies import Refusal

__all__ = ["FAREWELL_S", "Closing", "Connection", "Reply"]

_CHUNK_OCTETS = 256 * 1024
FAREWELL_S = 1.0  # for the peer to read its last line
_LINE_OCTETS = 2_048  # RFC 5321 §4.5.3.1.4 asks for 512, and parameters may add to it

Reply = str | Refusal | None  # None: everything is said
_GONE = (ConnectionError, EOFError, ssl.SSLError)


class Closing(Exception):
    """The connection ends after this line, or without one."""

    def __init__(self, line: str | None) -> None:
        super().__init__(line)
        self.line = line


class Connection(SMTP):
    """A connection to one of the listeners."""

    def __init__(self, house: House, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        # Without a name the library asks the DNS at each connection; `object()` has none of its hooks.
        limit = house.limits.login_s if listener.takes_logins else house.limits.command_s
        # QUIRK its reflection reads every property before the connection exists: they may not assert anything.
        super().__init__(object(), hostname=house.host, timeout=limit, loop=loop)
        self.house = house
        self.listener = listener
        self.account: str | None = None
        self.tls: ssl.SSLObject | None = None
        self.below: asyncio.WriteTransport | None = None  # what carries TLS after STARTTLS
        self.in_data = False
        self.ahead = b""  # octets received and not yet looked at

    @abstractmethod
    async def answer(self, verb: str, argument: str) -> Reply:
        """What a command does; `verb` is in capitals, `argument` without outer blanks.  Raises: Closing."""

    @property
    def user(self) -> str:
        """Who this is, in traces."""
        return self.account or f"{self.listener.name} {self.peer}"

    @property
    def peer(self) -> str:
        """The peer's IP address; a name is never looked up."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else "unknown"

    @property
    def task(self) -> asyncio.Task[None]:
        """Ends when the connection does."""
        return cast("asyncio.Task[None]", self._handler_coroutine)  # set when the connection was made

    def part(self) -> None:
        """The service stops: the peer is told now, or after the reply to a message that is on its way."""
        if not self.in_data:
            self._part(replies.SHUTTING_DOWN)

    # from the first line to the last

    async def _handle_client(self) -> None:
        self.tls = self._writer.get_extra_info("ssl_object")
        self.house.connections.add(self)
        try:
            await self._greet()
            while not self.house.stopping:
                await self._one_command()
            raise Closing(replies.SHUTTING_DOWN.line())
        except Closing as closing:
            await self._say_last(closing.line)
        except _GONE:
            pass  # there is nobody to tell
        except Exception as error:  # the shell of the connection: nothing unforeseen may pass it
            await self._say_last(replies.TEMPORARY.line(self.house.incident(error, user=self.user)))
        finally:
            self.house.connections.discard(self)
            self._writer.close()

    async def _greet(self) -> None:
        if len(self.house.connections) > self.house.limits.connections:
            raise Closing(replies.TOO_MANY_CONNECTIONS.line())
        await self.push(f"220 {self.house.host} ESMTP mssante-sim")

    async def _one_command(self) -> None:
        if self.account is not None or not self.listener.takes_logins:  # until login one limit holds for all
            self._reset_timeout(self.house.limits.command_s)
        verb, _, argument = (await self.read_line(_LINE_OCTETS)).partition(" ")
        reply = await self.answer(verb.upper(), argument.strip(" "))
        if isinstance(reply, Refusal) and reply.code == 421:  # [RFC 5321 §3.8]
            raise Closing(reply.line())
        if reply is not None:
            await self.push(reply.line() if isinstance(reply, Refusal) else reply)

    async def _say_last(self, line: str | None) -> None:
        with contextlib.suppress(*_GONE):
            if line is not None:
                await self.push(line)

    def _timeout_cb(self) -> None:
        """The peer is told that it was too slow; one that does not even read is cut off."""
        if self._writer.transport.get_write_buffer_size():
            cut(self._writer.transport)
        else:
            self._part(replies.TIMED_OUT)

    def _part(self, refusal: Refusal) -> None:
        if not self._writer.is_closing():
            self._writer.write(refusal.line().encode("ascii") + b"\r\n")
            self._writer.close()
            # Closing TLS waits for the peer's word; one that does not even read must not hold the service up.
            self.loop.call_later(FAREWELL_S, cut, self.below or self._writer.transport)

    # what comes in

    async def read_line(self, limit: int) -> str:
        """The next line without its CR LF; what is not ASCII becomes a character that nothing accepts."""
        while (end := self.ahead.find(b"\n", 0, limit)) < 0:
            if len(self.ahead) >= limit:
                raise Closing(replies.COMMAND_TOO_LONG.line())
            self.ahead += await self.read_octets()
        line, self.ahead = self.ahead[: end + 1], self.ahead[end + 1 :]
        content = line[:-2]
        if not line.endswith(b"\r\n") or b"\r" in content or b"\0" in content:
            # Two servers may disagree on where such a line ends, so nothing after it can be trusted.
            raise Closing(replies.UNCLEAN_COMMAND.line())
        return content.decode("ascii", "replace")

    async def read_octets(self) -> bytes:
        """Whatever comes next, at least one octet.  Raises: EOFError."""
        octets: bytes = await self._reader.read(_CHUNK_OCTETS)
        if not octets:
            raise EOFError
        return octets

    # TLS

    async def start_tls(self) -> None:
        """TLS is active, nothing that came before it is remembered here.

        Raises:
            ConnectionError: commands stood behind STARTTLS, where they would have run inside TLS  [RFC 3207 §6].
        """
        if await self._has_more():
            self.house.audit.record("smtp.starttls", user=self.user, result="injection")
            raise ConnectionAbortedError
        await self.push("220 2.0.0 Go ahead")
        self.below = self._writer.transport
        await self._writer.start_tls(self.listener.context, ssl_handshake_timeout=self.house.limits.handshake_s)
        self.transport = self._writer.transport
        self.tls = self._writer.get_extra_info("ssl_object")

    async def _has_more(self) -> bool:
        """Whether octets came after the last line.  Nothing more is read from the peer until TLS starts."""
        assert isinstance(self.transport, asyncio.Transport)  # noqa: S101 - a TCP connection is one
        self.transport.pause_reading()
        if self.ahead:
            return True
        try:
            async with asyncio.timeout(0):
                return bool(await self._reader.read(1))
        except TimeoutError:
            return False
