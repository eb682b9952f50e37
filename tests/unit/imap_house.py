"""An IMAP server on real ports, its store, and clients that read and write octets."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from mssante_sim.audit import AuditMemory
from mssante_sim.clock import FixedClock
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.tls import client_context, server_context
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.server import ImapServer
from mssante_sim.message.summary import summarise
from mssante_sim.sasl.claims import Claim, Password
from mssante_sim.storage.api import Copy, Parcel
from mssante_sim.storage.sqlite.store import SqliteStore

__all__ = ["ACCOUNT", "MAIL", "NOW", "PASSWORD", "PATIENCE_S", "QUICK", "Begin", "House", "OneAccount", "Wire"]

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ACCOUNT = "lilas@officine.mssante.test"
PASSWORD = "not-a-secret"
MAIL = b"From: dominique@patient.mssante.test\r\nSubject: Ordonnance\r\n\r\nBonjour\r\n"
QUICK = ImapLimits(failed_login_delay_s=0.0)
PATIENCE_S = 60.0


class OneAccount:
    def party(self, peer: str, certificate: bytes | None) -> None:
        return None

    async def admit(self, claim: Claim, peer: str) -> str | None:
        assert peer == "127.0.0.1"
        return ACCOUNT if claim == Password("lilas", PASSWORD) else None

    def user(self, claim: Claim) -> str:
        return "lilas" if claim.login == "lilas" else "unknown"


class Wire:
    """A client that reads and writes octets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def line(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readline()

    async def rest(self) -> bytes:
        """Everything until the server hangs up."""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionResetError):
                return await self.reader.read()
            return b""

    async def ask(self, command: str) -> bytes:
        """What the server answers, up to the tagged reply."""
        tag = command.partition(" ")[0].encode()
        self.writer.write(command.encode() + b"\r\n")
        said = b""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = await self.reader.readline()
                assert line, f"the server hung up after {said!r}"
                said += line
                if line.startswith(tag + b" "):
                    return said

    async def login(self) -> "Wire":
        assert (await self.ask(f"l LOGIN lilas {PASSWORD}")).startswith(b"l OK")
        return self

    async def select(self) -> "Wire":
        await self.login()
        assert b"s OK [READ-WRITE]" in await self.ask("s SELECT INBOX")
        return self


class House:
    """A server, its store, and who connects to it."""

    def __init__(self, store: SqliteStore, trust: Keystore) -> None:
        self.store = store
        self.audit = AuditMemory()
        self.authority = trust.authorities[0]
        self.tls = client_context(_pem(self.authority))
        self.server_tls = server_context(trust.server)
        self.wires: list[Wire] = []

    async def start(self, limits: ImapLimits) -> ImapServer:
        self.server = ImapServer(
            self.store, OneAccount(), tls=self.server_tls, clock=FixedClock(NOW), audit=self.audit, limits=limits
        )
        await self.server.start("127.0.0.1", 0, 0)
        return self.server

    async def clear(self, *, greeted: bool = True) -> Wire:
        return await self._open(self.server.ports["imap"], None, greeted=greeted)

    async def secure(self, *, greeted: bool = True) -> Wire:
        return await self._open(self.server.ports["imap_tls"], self.tls, greeted=greeted)

    async def silent(self, port: str) -> Wire:
        """Connected to `port` ("imap", "imap_tls") over TCP, and nothing was said."""
        return await self._open(self.server.ports[port], None, greeted=False)

    async def _open(self, port: int, tls: ssl.SSLContext | None, *, greeted: bool) -> Wire:
        name = None if tls is None else "localhost"
        wire = Wire(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name))
        self.wires.append(wire)
        if greeted:
            assert (await wire.line()).startswith(b"* OK [CAPABILITY IMAP4rev1")
        return wire

    async def deliver(self, body: bytes = MAIL) -> None:
        await self.store.deliver([Parcel(body, summarise(body), (Copy(ACCOUNT),))], received=NOW)

    async def emptied(self) -> None:
        """No connection is left."""
        async with asyncio.timeout(PATIENCE_S):
            while self.server._connections:
                self.server._all_closed.clear()
                await self.server._all_closed.wait()


Begin = Callable[..., Awaitable[House]]
"""Starts a house with the limits it is given."""


def _pem(der: bytes) -> bytes:
    return der if der.startswith(b"-----") else ssl.DER_cert_to_PEM_cert(der).encode()
