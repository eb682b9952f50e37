"""What scenarios run against."""

import asyncio
import itertools
import smtplib
import ssl
from contextlib import suppress

from tests.peers.dovecot import Dovecot
from tests.scenarios.client import Stream
from tests.scenarios.runner import Account

__all__ = ["DovecotServer", "TlsStream"]


class TlsStream:
    """A TLS connection to ``localhost``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, authority: str) -> "TlsStream":
        """Connected, the server's certificate checked against the PEM file `authority`."""
        tls = ssl.create_default_context(cafile=authority)
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost"))

    @property
    def tls(self) -> object:
        """The connection as the `ssl` module knows it."""
        return self._writer.get_extra_info("ssl_object")

    async def write(self, octets: bytes) -> None:
        """`octets` are on their way; that nobody takes them, `read` says."""
        self._writer.write(octets)
        with suppress(ConnectionError):
            await self._writer.drain()

    async def read(self) -> bytes:
        """Some octets; none at the end."""
        try:
            return await self._reader.read(65536)
        except ConnectionError:
            return b""

    async def close(self) -> None:
        """The connection is gone."""
        self._writer.transport.abort()


class DovecotServer:
    """Debian's Dovecot; mail comes by LMTP."""

    name = "dovecot"

    def __init__(self, running: Dovecot) -> None:
        self._running = running
        self._numbers = itertools.count(1)

    async def account(self, name: str) -> Account:
        """A user that nobody used before."""
        return Account(f"{name}.{next(self._numbers)}@officine.mssante.test", self._running.password)

    async def connect(self) -> Stream:
        """A connection to the IMAPS port."""
        return await TlsStream.open(self._running.imaps, str(self._running.authority))

    async def deliver(self, account: Account, message: bytes) -> None:
        """`message` was taken over by LMTP."""

        def hand_over() -> None:
            with smtplib.LMTP("127.0.0.1", self._running.lmtp) as sender:
                sender.sendmail("dominique@patient.mssante.test", [account.login], message)

        await asyncio.to_thread(hand_over)
