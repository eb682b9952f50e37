"""Our own IMAP without a socket: the protocol core, its handlers and a real store."""

import asyncio
import itertools
from datetime import UTC, datetime

from mssante_sim.audit import NoAudit
from mssante_sim.clock import SystemClock
from mssante_sim.imap.commands.context import Context, Services
from mssante_sim.imap.commands.table import perform
from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.core.session import ImapSession
from mssante_sim.imap.core.steps import Hangup, Run, Write
from mssante_sim.message.summary import summarise
from mssante_sim.sasl.claims import Claim, Password
from mssante_sim.storage.api import Change, Copy, MailStore, Parcel
from tests.scenarios.client import Stream
from tests.scenarios.runner import Account
from tests.scenarios.servers import TlsStream

__all__ = ["PASSWORD", "CoreServer", "CoreStream", "TlsServer", "services_over"]

PASSWORD = "open-sesame"
_NUMBERS = itertools.count(1)


class _AnyAccount:
    """Every account of the store exists under its own name, with one password."""

    def party(self, peer: str, certificate: bytes | None) -> None:
        return None

    async def admit(self, claim: Claim, peer: str) -> str | None:
        return claim.login if claim == Password(claim.login, PASSWORD) else None

    def user(self, claim: Claim) -> str:
        return claim.login


async def _at_once(delay_s: float) -> None:
    """No delay after a failed login."""


def services_over(store: MailStore) -> Services:
    """What a server needs, around a real store."""
    return Services(store, _AnyAccount(), SystemClock(), NoAudit(), ImapLimits(), sleep=_at_once)


class _Ours:
    """Accounts and deliveries straight in the store, as the SMTP side makes them."""

    name = "ours"

    def __init__(self, services: Services) -> None:
        self._services = services

    async def account(self, name: str) -> Account:
        """A new account with the standard folders."""
        account = Account(f"{name}.{next(_NUMBERS)}@officine.mssante.test", PASSWORD)
        await self._services.store.open_account(account.login)
        return account

    async def deliver(self, account: Account, message: bytes) -> None:
        """`message` was stored in INBOX."""
        parcel = Parcel(message, summarise(message), (Copy(account.login),))
        await self._services.store.deliver([parcel], received=datetime.now(UTC))


class CoreServer(_Ours):
    """`ImapSession` and the handlers, without a socket."""

    async def connect(self) -> Stream:
        """A session that counts as encrypted."""
        return CoreStream(self._services)


class TlsServer(_Ours):
    """The same behind its sockets."""

    def __init__(self, services: Services, port: int, authority: str) -> None:
        super().__init__(services)
        self._port = port
        self._authority = authority

    async def connect(self) -> Stream:
        """A connection to the port that begins with TLS."""
        return await TlsStream.open(self._port, self._authority)


class CoreStream:
    """Drives one session as a connection would, but for sockets and timers."""

    def __init__(self, services: Services) -> None:
        self._session = ImapSession(services.limits, secure=True)
        self._context = Context(services, self._session, self._send, self._notice)
        self._said: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._pump()

    async def write(self, octets: bytes) -> None:
        """The session has them, one at a time: where packets end must not matter."""
        for octet in octets:
            self.feed(bytes([octet]))

    def feed(self, octets: bytes) -> None:
        """The session has them, in one piece."""
        self._session.receive(octets)
        self._pump()

    async def read(self) -> bytes:
        """Some octets; none at the end.  Raises: whatever a handler raised that no handler may."""
        said = await self._said.get()
        if isinstance(said, Exception):
            raise said
        return said

    async def settled(self) -> bytes:
        """What was said once nothing runs any more.  Raises: whatever a handler raised that no handler may."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])
        said = b""
        while not self._said.empty():
            said += await self.read()
        return said

    async def close(self) -> None:
        """The connection is gone, its handler with it."""
        if self._task is not None:
            self._task.cancel()
        self._context.release()

    async def _send(self, octets: bytes) -> None:
        self._said.put_nowait(octets)

    def _notice(self, change: Change) -> None:
        self._session.notice(change)
        if self._session.is_idling:
            self._pump()

    def _pump(self) -> None:
        while self._task is None:
            match self._session.next():
                case Write(octets):
                    self._said.put_nowait(octets)
                case Run(command):
                    self._task = asyncio.create_task(self._run(command))
                case Hangup():
                    self._said.put_nowait(b"")
                    return
                case _:
                    return

    async def _run(self, command: c.Command) -> None:
        try:
            outcome = await perform(self._context, command)
        except Exception as error:
            self._said.put_nowait(error)
            return
        self._task = None
        self._session.complete(command, outcome)
        self._pump()
