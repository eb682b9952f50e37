"""What a handler has to work with."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from mssante_sim.audit import Audit
from mssante_sim.clock import Clock
from mssante_sim.imap.core.extensions import Extension
from mssante_sim.imap.core.faults import MailboxMissing, SyntaxFault, TryCreate
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.core.sequence import SavedResult, Targets
from mssante_sim.imap.core.session import ImapSession
from mssante_sim.imap.core.view import FolderView
from mssante_sim.sasl.claims import Claim
from mssante_sim.sasl.party import Party
from mssante_sim.storage.api import Change, Folder, MailStore, Uid, Watch
from mssante_sim.storage.errors import FolderMissing

__all__ = ["AnswerBroken", "Context", "Doorkeeper", "Services"]


class AnswerBroken(Exception):
    """An answer that was begun cannot be ended: the connection must be cut, for the client counts octets."""


class Doorkeeper(Protocol):
    """Knows who may log in."""

    def party(self, peer: str, certificate: bytes | None) -> Party | None:
        """Our part in exchanges of SASL with a client that has shown `certificate`; None: passwords only."""
        ...

    async def admit(self, claim: Claim, peer: str) -> str | None:
        """The address of the account that `claim` opens to a client at `peer`, or None, whatever is wrong.

        Raises:
            TooManyFailures: it was not looked at.
        """
        ...

    def user(self, claim: Claim) -> str:
        """Who claims, for traces; "unknown" if the login is none."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What all connections of a server share."""

    store: MailStore
    doorkeeper: Doorkeeper
    clock: Clock
    audit: Audit
    limits: ImapLimits
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep  # for the delay after a failed login
    idles: Callable[[str], bool] = lambda _address: True  # whether the client of an account may use IDLE


class Context:
    """One connection, as its handlers see it.

    Handlers send what may be large with `send` while they run, and return the rest.
    They hold no lock of the store while they send: a client decides how long that takes.
    """

    __slots__ = ("_notice", "_send", "_session", "_watch", "account", "login", "peer", "services")

    def __init__(
        self,
        services: Services,
        session: ImapSession,
        send: Callable[[bytes], Awaitable[None]],
        notice: Callable[[Change], None],
        peer: str = "",
    ) -> None:
        self.services = services
        self.peer = peer  # its IP address
        self.account = ""  # before the login
        self.login = ""
        self._session = session
        self._send = send
        self._notice = notice
        self._watch: Watch | None = None

    @property
    def selected(self) -> Folder | None:
        """The selected folder, if there is one."""
        view = self._session.view
        return None if view is None else view.folder

    def has(self, extension: Extension) -> bool:
        """Whether the client has switched `extension` on."""
        return extension in self._session.enabled

    @property
    def store(self) -> MailStore:
        """Where mail lies."""
        return self.services.store

    @property
    def view(self) -> FolderView:
        """The selected folder; only for handlers whose rule asks for one."""
        view = self._session.view
        assert view is not None, "states.RULES lets this command run without a selected folder"  # noqa: S101 - a rule of ours
        return view

    async def send(self, octets: bytes) -> None:
        """`octets`, if there are any, are on their way, and the client does not lag behind.

        Raises:
            ConnectionError: the client is gone.
        """
        if octets:
            await self._send(octets)

    def chosen(self, targets: Targets, *, by_uid: bool) -> list[Uid]:
        """UIDs of the messages that a command names, ascending; a UID that is not there names nothing.

        Raises:
            SyntaxFault: a message number that is not there [RFC 3501 §9, seq-number].
        """
        if by_uid or isinstance(targets, SavedResult):
            return self.view.by_uid(targets)
        if targets.beyond(len(self.view)):
            raise SyntaxFault("There is no message with that number.")
        return self.view.by_number(targets)

    async def target(self, name: str) -> Folder:
        """The folder that APPEND, COPY or MOVE names.

        Raises:
            TryCreate: there is none [RFC 3501 §7.1].
        """
        try:
            return await self.store.find_folder(self.account, name)
        except FolderMissing as error:
            raise TryCreate("Mailbox does not exist; create it first.") from error

    async def folder(self, name: str) -> Folder:
        """The folder `name`.

        Raises:
            MailboxMissing: there is none.
        """
        try:
            return await self.store.find_folder(self.account, name)
        except FolderMissing as error:
            raise MailboxMissing("Mailbox does not exist.") from error

    def watch(self, folder: Folder) -> None:
        """Changes of `folder` are noticed from here on, and those of no other folder."""
        self.release()
        self._watch = self.store.watch(folder.id, self._notice)

    def release(self) -> None:
        """No folder is selected or watched."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        self._session.forget_view()
