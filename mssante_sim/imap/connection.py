"""The shell around `ImapSession`: a transport, timers, and the tasks of handlers.

Octets and changes of the store are worked off in the loop turn in which they come;
a task exists only while a handler runs. Nothing here knows what IMAP says, nothing
in `core` knows that time passes.
"""

import asyncio
import logging
import secrets
import ssl
from typing import Final, Protocol, cast, final

from mssante_sim.crypto.tls import cut, peer_certificate
from mssante_sim.imap.commands.context import AnswerBroken, Context, Services
from mssante_sim.imap.commands.table import perform
from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.faults import ImapFault
from mssante_sim.imap.core.session import Done, ImapSession
from mssante_sim.imap.core.states import Phase
from mssante_sim.imap.core.steps import Hangup, Run, Upgrade, Write
from mssante_sim.storage.api import Change

__all__ = ["Connection", "Registry"]

_TLS_SHUTDOWN_S: Final = 2.0
"""How long a client may take to confirm the end of TLS."""

_log: Final = logging.getLogger(__name__)


class Registry(Protocol):
    """Who counts connections."""

    def opened(self, connection: "Connection") -> bool:
        """`connection` is counted; False if there are too many."""
        ...

    def logged_in(self, connection: "Connection") -> None:
        """`connection` belongs to an account now."""
        ...

    def closed(self, connection: "Connection") -> None:
        """`connection` is over; a second call does nothing."""
        ...


@final
class Connection(asyncio.Protocol):
    """One client."""

    __slots__ = (
        "_context", "_handshaking", "_heard_at", "_loop", "_registry", "_resumed", "_services", "_session", "_stall",
        "_stalled_octets", "_task", "_timer", "_tls", "_tls_first", "_transport", "_writable",
    )  # fmt: skip

    def __init__(self, services: Services, registry: Registry, tls: ssl.SSLContext, *, tls_first: bool) -> None:
        """`tls` begins at once with `tls_first`, else with STARTTLS."""
        self._services = services
        self._registry = registry
        self._tls = tls
        self._tls_first = tls_first
        self._loop = asyncio.get_running_loop()
        self._session = ImapSession(services.limits, secure=tls_first)
        self._context: Context | None = None
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._stalled_octets = 0
        self._writable = True
        self._handshaking = False
        self._resumed: asyncio.Future[None] | None = None
        self._heard_at = 0.0

    # the transport calls -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The greeting is sent, or the handshake that it waits for begins; the client is counted from here on."""
        self._transport = cast("asyncio.Transport", transport)
        self._heard_at = self._loop.time()
        if not self._registry.opened(self):
            self._session.bye("Too many connections; try again later.", "UNAVAILABLE")
        self._timer = self._loop.call_later(self._services.limits.login_s, self._time_passed)
        if self._tls_first:
            self._begin_tls(self._transport)
        else:
            self._pump()

    def data_received(self, data: bytes) -> None:
        """Whole commands in `data` are answered or started."""
        self._heard_at = self._loop.time()
        self._session.receive(data)
        self._pump()

    def pause_writing(self) -> None:
        """The client lags behind: nothing more is said or read, and its patience is measured."""
        self._writable = False
        self._watch_stall()
        self._balance_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._writable = True
        self._forget_stall()
        self._wake()
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing of the connection is left once its handler has noticed."""
        self._transport = None
        self._forget_stall()
        if self._timer is not None:
            self._timer.cancel()
        self._wake()
        if self._task is None:
            self._forget()
        else:
            self._task.add_done_callback(self._forget)

    def _forget(self, _: object = None) -> None:
        if self._context is not None:
            self._context.release()
        self._registry.closed(self)

    # what the server calls -----------------------------------------------------------------------------------------

    def end(self, text: str) -> None:
        """The client gets a BYE as soon as no command runs, and the connection ends; during a handshake it is cut."""
        if self._handshaking:
            self.abort()
            return
        self._session.bye(text)
        self._pump()

    def abort(self) -> None:
        """The connection is cut, its handler stopped."""
        self._cut()
        if self._task is not None:
            self._task.cancel()

    def _cut(self) -> None:
        if self._transport is not None:
            cut(self._transport)

    # steps of the session ------------------------------------------------------------------------------------------

    def notice(self, change: Change) -> None:
        """`change` of the selected folder is told now if the client idles, else when it may."""
        self._session.notice(change)
        if self._session.is_idling:
            self._pump()

    def _pump(self) -> None:
        """Every step that can be taken now is taken."""
        try:
            while self._writable and self._task is None and self._transport is not None:
                match self._session.next():
                    case Write(octets):
                        self._transport.write(octets)
                    case Run(command):
                        self._task = self._loop.create_task(self._run(command))
                    case Upgrade():
                        self._begin_tls(self._transport)
                    case Hangup():
                        self._close(self._transport)
                        break
                    case None:
                        break
        except Exception as error:  # the shell: whatever is unforeseen ends this connection only
            self._crash(error)
        self._balance_reading()

    def _balance_reading(self) -> None:
        """Reading goes on only while what is read can be worked off."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        wants = self._writable and not self._session.is_full
        if wants and not transport.is_reading() and not self._handshaking:
            transport.resume_reading()
        elif not wants and transport.is_reading():
            transport.pause_reading()

    def _close(self, transport: asyncio.Transport) -> None:
        """The connection ends once the client has taken what was written, or took too long."""
        transport.close()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._services.limits.stalled_write_s, self.abort)

    def _begin_tls(self, transport: asyncio.Transport) -> None:
        """From here on the transport's octets go to the handshake; nothing that is sent in the clear is read."""
        transport.pause_reading()
        self._handshaking = True
        self._task = self._loop.create_task(self._upgrade(transport))

    async def _upgrade(self, transport: asyncio.Transport) -> None:
        try:
            secured = await self._loop.start_tls(
                transport,
                self,
                self._tls,
                server_side=True,
                ssl_handshake_timeout=self._services.limits.login_s,
                ssl_shutdown_timeout=_TLS_SHUTDOWN_S,
            )
        except (OSError, asyncio.CancelledError):  # ssl.SSLError and ConnectionError are among them
            transport.abort()
            self._task = None
            self.connection_lost(None)  # nobody else says so when a handshake fails
            return
        self._task = None
        self._handshaking = False
        self._transport = secured
        self._session.tls_started(self._services.doorkeeper.party(self._peer, peer_certificate(secured)))
        self._pump()

    async def _run(self, command: c.Command) -> None:
        """The handler of `command` runs to its end, and the session learns how it ended."""
        context = self._context = self._context or Context(
            self._services, self._session, self._send, self.notice, self._peer
        )
        outcome: Done | ImapFault | None = None
        try:
            outcome = await perform(context, command)
        except ConnectionError:
            pass  # the client went away while it was answered
        except AnswerBroken as error:
            _log.error("imap.answer-broken %s", error)
            self._cut()
        except Exception as error:  # as in _pump
            self._crash(error)
        self._task = None
        if outcome is None or self._transport is None:
            return
        if isinstance(outcome, ImapFault) and outcome.detail:
            _log.warning("imap.refused %s: %s", type(outcome).__name__, outcome.detail)
        if isinstance(command, c.Login) and isinstance(outcome, Done):
            self._registry.logged_in(self)
        self._session.complete(command, outcome)
        self._pump()

    @property
    def _peer(self) -> str:
        """The client's IP address."""
        name = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(name[0]) if name else ""

    def _crash(self, error: Exception) -> None:
        """The client gets a number, the log the same number with all that is known; the connection ends."""
        incident = secrets.token_hex(4)
        _log.error("incident %s ends an IMAP connection", incident, exc_info=error)
        if self._transport is not None:
            self._session.bye(f"Internal error, incident {incident}.", "SERVERBUG")
            if isinstance(step := self._session.next(), Write):
                self._transport.write(step.octets)
            self._close(self._transport)

    # writing, and the time it takes --------------------------------------------------------------------------------

    async def _send(self, octets: bytes) -> None:
        """`octets` are written, and the client has room for more.  Raises: ConnectionError."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError
        self._transport.write(octets)
        await asyncio.sleep(0)  # others have their turn between two slices
        while not self._writable:
            self._resumed = self._loop.create_future()
            await self._resumed
            if self._transport is None:
                raise ConnectionResetError

    def _wake(self) -> None:
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)

    def _watch_stall(self) -> None:
        if self._transport is not None:
            self._stalled_octets = self._transport.get_write_buffer_size()
            self._stall = self._loop.call_later(self._services.limits.stalled_write_s, self._check_stall)

    def _check_stall(self) -> None:
        """A client that took nothing for so long is cut off."""
        if self._transport is not None and self._transport.get_write_buffer_size() >= self._stalled_octets:
            self.abort()
        else:
            self._watch_stall()

    def _forget_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _time_passed(self) -> None:
        """Who has not logged in, or says nothing for too long, is sent away; who idles is told that we live."""
        limits, quiet_s = self._services.limits, self._loop.time() - self._heard_at
        if self._session.phase is Phase.ANONYMOUS:
            self.end("Too slow to log in.")
        elif self._session.is_idling:
            if limits.idle_cut_s is not None and quiet_s >= limits.idle_cut_s:
                self.end("Idle for too long.")
            else:
                self._session.still_here()
                self._pump()
        elif self._task is None and quiet_s >= limits.autologout_s:
            self.end("Autologout; nothing came for too long.")
        if self._transport is not None and not self._transport.is_closing():
            self._timer = self._loop.call_later(limits.still_here_s, self._time_passed)
