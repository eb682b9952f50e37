"""The three listeners: submission over STARTTLS and over TLS, and mx for other operators."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace

from mssante_sim.audit import Audit
from mssante_sim.clock import Clock
from mssante_sim.config import Settings
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.errors import PortBusy
from mssante_sim.smtp.connection import FAREWELL_S
from mssante_sim.smtp.facts import DirectoryLookup, Facts
from mssante_sim.smtp.gate import Gate
from mssante_sim.smtp.house import Doorkeeper, House, Limits, Listener
from mssante_sim.smtp.identities import Identities
from mssante_sim.smtp.intake import Intake
from mssante_sim.smtp.peers import Peers
from mssante_sim.smtp.plan import SealPlans
from mssante_sim.smtp.policy import Policy
from mssante_sim.smtp.postmaster import Postmaster
from mssante_sim.smtp.session import Session
from mssante_sim.storage.api import MailStore

__all__ = ["SmtpServices"]

_LIMITS = Limits()
_LIBRARY_LOG = "mail.log"  # aiosmtpd's; it would name peers, and below WARNING addresses


class SmtpServices:
    """Receives mail on three ports of one address.

    Args:
        settings: what it listens on, who may receive, how messages are sealed, how large they may be.
        workers: threads in which messages are sealed.
        doorkeeper: knows who may log in.
        server_context: for submission; shows the server's certificate, and may ask for the client's.
        mx_context: for mx; asks for a certificate of the peer (`CERT_OPTIONAL`: a peer without one gets a reply).
        peers: the white list of now, certificate subjects by domain; raises SignatureRefused or TrustListError if it
            proves nothing.
        key: of at least 32 octets, the same after a restart; marks submissions, so that a repeated one is known.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        directory: DirectoryLookup,
        keystore: Keystore,
        doorkeeper: Doorkeeper,
        store: MailStore,
        workers: Executor,
        server_context: ssl.SSLContext,
        mx_context: ssl.SSLContext,
        peers: Callable[[], Mapping[str, Iterable[str]]],
        key: bytes,
        clock: Clock,
        audit: Audit,
        limits: Limits = _LIMITS,
    ) -> None:
        identities = Identities(keystore)
        facts = Facts(directory, identities, settings.domains)
        self.gate = Gate(facts, store, Policy(settings.sealing, settings.patients_receive))
        self.postmaster = Postmaster(store, self.gate, clock, patients_domain=settings.domains.patients)
        intake = Intake(
            store=store,
            gate=self.gate,
            facts=facts,
            plans=SealPlans(directory, identities, facts, settings),
            postmaster=self.postmaster,
            patient_octets=settings.max_patient_octets,
            workers=workers,
            clock=clock,
            host=settings.host_name,
            key=key,
        )
        self._house = House(
            host=settings.host_name,
            limits=replace(limits, message_octets=settings.max_message_octets, recipients=settings.max_recipients),
            gate=self.gate,
            intake=intake,
            doorkeeper=doorkeeper,
            peers=Peers(peers, lambda certificate: identities.is_revoked(certificate, clock.now())),
            clock=clock,
            audit=audit,
            key=key,
        )
        self._bind = settings.bind
        self._listeners = (
            (Listener("submission", server_context, tls_at_once=False, takes_logins=True), settings.ports.submission),
            (
                Listener("submission-tls", server_context, tls_at_once=True, takes_logins=True),
                settings.ports.submission_tls,
            ),
            (Listener("mx", mx_context, tls_at_once=False, takes_logins=False), settings.ports.mx),
        )
        self._servers: dict[str, asyncio.Server] = {}

    @property
    def ports(self) -> Mapping[str, int]:
        """The port of each listener that is open: submission, submission-tls, mx."""
        return {name: server.sockets[0].getsockname()[1] for name, server in self._servers.items()}

    async def start(self) -> None:
        """All three ports take connections.

        Raises:
            PortBusy: one cannot be opened; none is open then.
        """
        logging.getLogger(_LIBRARY_LOG).setLevel(logging.CRITICAL)
        for listener, port in self._listeners:
            try:
                self._servers[listener.name] = await self._open(listener, port)
            except OSError as error:
                await self.stop()
                raise PortBusy(listener.name, self._bind, port, error) from error

    async def _open(self, listener: Listener, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: Session(self._house, listener, loop),
            self._bind,
            port,
            ssl=listener.context if listener.tls_at_once else None,
            ssl_handshake_timeout=self._house.limits.handshake_s if listener.tls_at_once else None,
            ssl_shutdown_timeout=FAREWELL_S if listener.tls_at_once else None,
            backlog=512,
        )

    async def stop(self) -> None:
        """No port is open, what was accepted is stored, every peer was told 421.

        A message that is on its way gets its reply first, for at most `Limits.stop_s`.
        """
        house = self._house
        house.stopping = True
        for server in self._servers.values():
            server.close()
        leaving = {connection.task for connection in house.connections}
        for connection in list(house.connections):
            connection.part()
        if leaving:
            _, late = await asyncio.wait(leaving, timeout=house.limits.stop_s)
            for task in late:
                task.cancel()
        if house.unfinished:
            await asyncio.wait(house.unfinished)
        for server in self._servers.values():
            await server.wait_closed()
        self._servers.clear()
