"""A client of our own core, without sockets: a command and all that it is answered with."""

from tests.scenarios.client import Stream
from tests.scenarios.ours import PASSWORD, CoreServer

__all__ = ["Talk"]


class Talk:
    """One session, logged in."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._tags = 0
        self._buffer = b""

    @classmethod
    async def begin(cls, server: CoreServer, login: str) -> "Talk":
        """`login` is logged in."""
        talk = cls(await server.connect())
        assert b" OK " in (await talk.ask(f'LOGIN "{login}" "{PASSWORD}"'))
        return talk

    async def ask(self, command: str | bytes) -> bytes:
        """Everything up to the tagged answer of `command`, that included; its tag is ``t``."""
        self._tags += 1
        tag = b"t%d " % self._tags
        await self._stream.write(tag + (command.encode() if isinstance(command, str) else command) + b"\r\n")
        while not (said := self._answered(tag)):
            octets = await self._stream.read()
            assert octets, f"the server hung up after {self._buffer!r}"
            self._buffer += octets
        return said

    def _answered(self, tag: bytes) -> bytes:
        at = 0 if self._buffer.startswith(tag) else self._buffer.find(b"\r\n" + tag) + 2
        end = self._buffer.find(b"\r\n", at) + 2 if self._buffer[at:].startswith(tag) else 0
        if end < 2:
            return b""
        said, self._buffer = self._buffer[:at] + b"t " + self._buffer[at + len(tag) : end], self._buffer[end:]
        return said

    async def close(self) -> None:
        """The connection is gone."""
        await self._stream.close()
