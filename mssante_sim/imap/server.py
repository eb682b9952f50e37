"""Two listeners, the connections they make, and how all of it stops."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Final

from mssante_sim.audit import Audit
from mssante_sim.clock import Clock
from mssante_sim.errors import PortBusy
from mssante_sim.imap.commands.context import Doorkeeper, Services
from mssante_sim.imap.commands.table import check_promises
from mssante_sim.imap.connection import Connection
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.storage.api import MailStore

__all__ = ["ImapServer"]

_BACKLOG: Final = 512
_DEFAULT_LIMITS: Final = ImapLimits()


class ImapServer:
    """Serves the folders of `store` over STARTTLS and over TLS.

    Args:
        store: outlives the server.
        doorkeeper: knows who may log in.
        tls: shows the server's certificate, and may ask for the client's.
        idles: whether the account of an address is offered IDLE.
    """

    def __init__(
        self,
        store: MailStore,
        doorkeeper: Doorkeeper,
        *,
        tls: ssl.SSLContext,
        clock: Clock,
        audit: Audit,
        limits: ImapLimits = _DEFAULT_LIMITS,
        idles: Callable[[str], bool] = lambda _address: True,
    ) -> None:
        check_promises()
        self._services = Services(store, doorkeeper, clock, audit, limits, idles=idles)
        self._tls = tls
        self._servers: dict[str, asyncio.Server] = {}
        self._connections: dict[Connection, None] = {}  # in the order they came
        self._strangers: dict[Connection, None] = {}  # of these, those that have not logged in
        self._all_closed = asyncio.Event()

    @property
    def ports(self) -> Mapping[str, int]:
        """The port of each listener that is open: imap (STARTTLS), imap_tls."""
        return {name: server.sockets[0].getsockname()[1] for name, server in self._servers.items()}

    async def start(self, bind: str, port: int, port_tls: int) -> None:
        """Both ports take connections; 0 is any free one.

        Raises:
            PortBusy: one cannot be opened; none is open then.
        """
        for name, number, tls_first in (("imap", port, False), ("imap_tls", port_tls, True)):
            try:
                self._servers[name] = await self._open(bind, number, tls_first=tls_first)
            except OSError as error:
                await self.stop()
                raise PortBusy(name, bind, number, error) from error

    async def _open(self, bind: str, port: int, *, tls_first: bool) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: Connection(self._services, self, self._tls, tls_first=tls_first), bind, port, backlog=_BACKLOG
        )

    async def stop(self, grace_s: float = 2.0) -> None:
        """No port is open; every client got a BYE, after its command if that ended within `grace_s`."""
        for server in self._servers.values():
            server.close()
        for connection in list(self._connections):
            connection.end("The server is stopping.")
        try:
            async with asyncio.timeout(grace_s):
                while self._connections:
                    self._all_closed.clear()
                    await self._all_closed.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
        for server in self._servers.values():
            await server.wait_closed()
        self._servers.clear()

    # Registry

    def opened(self, connection: Connection) -> bool:
        """`connection` is counted; the oldest stranger makes room for a new one.  False if there are too many."""
        limits = self._services.limits
        self._connections[connection] = None
        self._strangers[connection] = None
        if len(self._strangers) > limits.connections_before_login:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]  # now, for the next one may come before this one is gone
            oldest.abort()
        return len(self._connections) <= limits.connections

    def logged_in(self, connection: Connection) -> None:
        """`connection` is a stranger no more."""
        self._strangers.pop(connection, None)

    def closed(self, connection: Connection) -> None:
        """`connection` is over; a second call does nothing."""
        self._connections.pop(connection, None)
        self._strangers.pop(connection, None)
        if not self._connections:
            self._all_closed.set()
