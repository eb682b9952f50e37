"""The composition root: the only module that knows every service, and the order in which they start and stop.

Up: home, socket of HTTP (its port stands in certificates), provisioning, store,
HTTP, IMAP, SMTP, run file. Down: the other way round, so that nobody is told of
a port that does not answer, and what SMTP has accepted is stored before the
store closes.
"""

import asyncio
import logging
import os
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Final, Self

from starlette.routing import BaseRoute

from mssante_sim import __version__
from mssante_sim.audit import AuditFile, Pseudonyms
from mssante_sim.clients.running import Running
from mssante_sim.clients.submission import Refused, Submission, Unreachable
from mssante_sim.clock import Clock, SystemClock
from mssante_sim.config import Settings
from mssante_sim.control import Control
from mssante_sim.crypto.exports import authority_files
from mssante_sim.crypto.tls import client_context, limit_tls_buffers, server_context, server_end_point, show
from mssante_sim.directory.credentials import Authenticator
from mssante_sim.directory.dns_lookup import Door
from mssante_sim.directory.dns_server import DnsServer
from mssante_sim.directory.dns_zone import Site, Zones
from mssante_sim.directory.doorkeeper import Doorkeeper
from mssante_sim.directory.holders import Holders
from mssante_sim.directory.revocation import revocation_routes
from mssante_sim.directory.services import annuaire_routes
from mssante_sim.directory.store import Directory
from mssante_sim.directory.tokens import Tokens
from mssante_sim.directory.trust_list import WhiteListService
from mssante_sim.errors import PortBusy, SimulatorError
from mssante_sim.home import Home, write_private
from mssante_sim.http_server import HttpServer, bind
from mssante_sim.imap.server import ImapServer
from mssante_sim.patient.faults import NotSent, Unreached
from mssante_sim.patient.house import House as MesHouse
from mssante_sim.patient.house import Submitted
from mssante_sim.patient.service import MonEspaceSante
from mssante_sim.provision import Provisioned, provision
from mssante_sim.sasl.party import TokenRefusal
from mssante_sim.smtp.policy import Accepted, explain
from mssante_sim.smtp.postmaster import ReceiptRefused
from mssante_sim.smtp.replies import french
from mssante_sim.smtp.server import SmtpServices
from mssante_sim.storage.errors import StoreError
from mssante_sim.storage.sqlite.store import SqliteStore

if sys.platform != "win32":
    import resource

__all__ = ["Stack", "allow_many_files"]

_HOUR_S: Final = 3_600.0
_LISTS_RENEWED: Final = timedelta(days=1)
_log: Final = logging.getLogger(__name__)
_LOOPBACK: Final = ("127.0.0.1", "::1")
_SENDERS: Final = 8  # messages of patients under way to our own submission port; logins need other threads
_FILES: Final = 65_536  # three for each of the connections that IMAP takes
_SWITCH_S: Final = 0.0005  # beside a big FETCH in a thread, the loop waits for at most so long


def allow_many_files() -> None:
    """A connection is a file: this process may have as many as it is allowed to, not the 1,024 of most shells."""
    if sys.platform != "win32":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
        if resource.RLIM_INFINITY != soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Stack:
    """A stack that is up; made by `start`."""

    def __init__(self, running: Running, cleanup: AsyncExitStack) -> None:
        self.running = running
        self._cleanup = cleanup

    @classmethod
    async def start(cls, settings: Settings, *, clock: Clock | None = None) -> Self:
        """Every port of `settings` answers; the home has a run file that says so.

        Raises:
            HomeLocked: a stack is up in that home already.
            HomeUnusable, StoreError, TrustDomainError: the home cannot be used.
            PortBusy: a port cannot be opened; nothing is up then.
        """
        async with AsyncExitStack() as cleanup:
            running = await _Builder(settings, clock or SystemClock(), cleanup).build()
            return cls(running, cleanup.pop_all())

    async def stop(self) -> None:
        """No port answers, what was accepted is durable, the run file is gone, the home is free."""
        await self._cleanup.aclose()


class _Builder:
    """Starts one service after the other, and notes how each is stopped."""

    def __init__(self, settings: Settings, clock: Clock, cleanup: AsyncExitStack) -> None:
        self._settings = settings
        self._clock = clock
        self._cleanup = cleanup
        self._workers = cleanup.enter_context(ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="sealing"))
        self._ports: dict[str, int] = {}  # of what listens already
        self._contexts: list[ssl.SSLContext] = []  # of who listens with TLS
        self._doorkeepers: list[Doorkeeper] = []

    async def build(self) -> Running:
        sys.setswitchinterval(_SWITCH_S)
        allow_many_files()
        limit_tls_buffers()
        home = Home.open(self._settings.home)
        self._cleanup.callback(home.lock().release)
        sockets = [self._bind(self._settings.ports.http)]
        http_port = sockets[0].getsockname()[1]
        provisioned = provision(home, self._settings, self._clock, http_port=http_port)
        self._cleanup.callback(provisioned.close)
        if provisioned.secrets.http_port != http_port:
            sockets.append(self._bind(provisioned.secrets.http_port))  # where the certificates say that the CRL is
        provisioned.refresh_lists(self._clock.now())
        self._cleanup.callback(asyncio.create_task(self._renew_lists(provisioned)).cancel)
        audit = AuditFile(home.audit, self._clock, self._pseudonyms(provisioned))
        self._cleanup.callback(audit.close)
        store = SqliteStore.open(home.path, clock=self._clock, quota_octets=self._settings.quota_octets)
        self._cleanup.push_async_callback(store.close)
        await self._open_accounts(provisioned, store)
        await self._listen(provisioned, store, audit, sockets)
        self._ports["http"] = http_port
        running = self._running(provisioned)
        write_private(home.run_file, running.to_json().encode())
        self._cleanup.callback(home.run_file.unlink, missing_ok=True)
        return running

    async def _open_accounts(self, provisioned: Provisioned, store: SqliteStore) -> None:
        """Whoever may log in has folders."""
        known = set(await store.accounts())
        for account in provisioned.accounts():
            if account.logins and account.address not in known:
                await store.open_account(account.address)

    async def _reload(self, provisioned: Provisioned, store: SqliteStore) -> None:
        """What another process added to the home can be used."""
        provisioned = provisioned.reread()
        keystore = provisioned.keystore
        ca = authority_files(keystore)["ca.pem"]
        for context in self._contexts:
            context.load_verify_locations(cadata=ca.decode("ascii"))  # clients of an authority that is new
            show(context, keystore.server, keystore.password)
        for doorkeeper in self._doorkeepers:
            doorkeeper.end_point = server_end_point(keystore.server)
        await self._open_accounts(provisioned, store)
        write_private(provisioned.home.run_file, self._running(provisioned).to_json().encode())

    async def _renew_lists(self, provisioned: Provisioned) -> None:
        """The lists are new each day: they are good for a month, and an old one makes all doubtful.

        Each hour the clock is looked at, so that neither a machine that slept nor a full disk stops it for long.
        """
        since = self._clock.now()
        while True:
            await asyncio.sleep(_HOUR_S)
            if (now := self._clock.now()) - since < _LISTS_RENEWED:
                continue
            try:
                await asyncio.get_running_loop().run_in_executor(self._workers, provisioned.refresh_lists, now)
                since = now
            except (OSError, SimulatorError) as error:
                _log.warning("revocation lists not renewed: %s", type(error).__name__)

    def _bind(self, port: int) -> socket.socket:
        try:
            bound = bind(self._settings.bind, port)
        except OSError as error:
            raise PortBusy("http", self._settings.bind, port, error) from error
        self._cleanup.callback(bound.close)
        return bound

    def _pseudonyms(self, provisioned: Provisioned) -> Pseudonyms:
        key = bytes.fromhex(provisioned.secrets.audit_key)
        return Pseudonyms(key, self._settings.domains.patients)

    async def _listen(
        self, provisioned: Provisioned, store: SqliteStore, audit: AuditFile, sockets: list[socket.socket]
    ) -> None:
        """HTTP, IMAP, SMTP and DNS answer."""
        authenticator = Authenticator(provisioned.directory, decoy_key=provisioned.secrets.decoy_key)
        identity = provisioned.keystore.server
        ca = authority_files(provisioned.keystore)["ca.pem"]
        self._contexts = [
            server_context(identity, client_ca=ca, password=provisioned.keystore.password) for _ in range(2)
        ]
        tls, mx_tls = self._contexts  # clients may show certificates, for EXTERNAL; other operators must
        white_list = WhiteListService(
            provisioned.directory.rows, provisioned.keystore, self._settings.domains, self._clock
        )
        doorkeeper = self._doorkeeper(provisioned, authenticator, sockets[0].getsockname()[1])
        self._doorkeepers.append(doorkeeper)
        smtp = SmtpServices(
            self._settings,
            directory=provisioned.directory,
            keystore=provisioned.keystore,
            doorkeeper=doorkeeper,
            store=store,
            workers=self._workers,
            server_context=tls,
            mx_context=mx_tls,
            peers=lambda: white_list.verified().peers,
            key=bytes.fromhex(provisioned.secrets.submission_key),
            clock=self._clock,
            audit=audit,
        )
        imap = ImapServer(
            store,
            doorkeeper,
            tls=tls,
            clock=self._clock,
            audit=audit,
            idles=lambda address: (box := provisioned.directory.mailbox(address)) is None or box.idle,
        )
        mes = self._mon_espace_sante(provisioned, store, smtp, authenticator, audit)
        http = HttpServer([*self._routes(provisioned, store, smtp), *mes.routes()], sockets)
        await http.start()
        self._cleanup.push_async_callback(http.stop)
        self._cleanup.callback(mes.close)
        ports = self._settings.ports
        await imap.start(self._settings.bind, ports.imap, ports.imap_tls)
        self._cleanup.push_async_callback(imap.stop)
        await smtp.start()
        self._cleanup.push_async_callback(smtp.stop)
        self._ports.update({name.replace("-", "_"): port for name, port in {**smtp.ports, **imap.ports}.items()})
        await self._answer_dns(provisioned.directory)

    def _doorkeeper(self, provisioned: Provisioned, authenticator: Authenticator, http_port: int) -> Doorkeeper:
        """Who lets clients of IMAP and submission in."""
        directory, clock = provisioned.directory, self._clock
        configuration = f"http://{self._settings.bind}:{http_port}/.well-known/openid-configuration"
        return Doorkeeper(
            authenticator,
            end_point=server_end_point(provisioned.keystore.server),
            holders=Holders(provisioned.keystore, directory, clock),
            tokens=Tokens(directory.rows, provisioned.secrets.token_key, clock),
            token_refusal=TokenRefusal(configuration, drops=self._settings.drop_refused_tokens),
            clock=clock,
        )

    async def _answer_dns(self, directory: Directory) -> None:
        """The zones of the mail domains are answered."""
        settings, domains = self._settings, self._settings.domains
        site = Site((domains.patients, domains.operator), settings.host_name, settings.bind, self._ports)
        server = DnsServer(Zones(site, directory.hosts))
        try:
            await server.start(settings.bind, settings.ports.dns)
        except OSError as error:
            raise PortBusy("dns", settings.bind, settings.ports.dns, error) from error
        self._cleanup.push_async_callback(server.stop)
        self._ports["dns"] = server.port

    def _mon_espace_sante(
        self,
        provisioned: Provisioned,
        store: SqliteStore,
        smtp: SmtpServices,
        authenticator: Authenticator,
        audit: AuditFile,
    ) -> MonEspaceSante:
        """The patient's side; it sends over the submission port, as every client of the stack."""
        tls = client_context(authority_files(provisioned.keystore)["ca.pem"])
        senders = self._cleanup.enter_context(ThreadPoolExecutor(_SENDERS, thread_name_prefix="sending"))

        bind = self._settings.bind
        host = bind if bind in _LOOPBACK else self._settings.host_name  # a name of the server's certificate

        def door() -> Door:
            return Door(host, smtp.ports["submission"], tls_at_once=False)

        async def submit(sender: str, recipient: str, octets: bytes) -> Submitted:
            way = Submission(door, tls, sender, authenticator.grant(sender))
            try:
                send = partial(way.send, octets, sender=sender, recipients=[recipient])
                receipt = await asyncio.get_running_loop().run_in_executor(senders, send)
            except Refused as error:
                raise NotSent(error.word, french(error.word), temporary=error.temporary) from error
            except Unreachable as error:
                raise Unreached(error.public) from error
            return Submitted(receipt.reply, receipt.tls)

        async def return_receipt(patient: str, mailbox: str, octets: bytes, original: str) -> None:
            try:
                await smtp.postmaster.deliver_receipt(mailbox, octets, patient=patient, original=original)
            except (ReceiptRefused, StoreError) as error:
                raise NotSent("receipt-refused", "", temporary=isinstance(error, StoreError)) from error

        return MonEspaceSante(
            MesHouse(
                store=store,
                directory=provisioned.directory,
                keystore=provisioned.keystore,
                authenticator=authenticator,
                clock=self._clock,
                audit=audit,
                workers=self._workers,
                settings=self._settings,
                submit=submit,
                return_receipt=return_receipt,
            )
        )

    def _routes(self, provisioned: Provisioned, store: SqliteStore, smtp: SmtpServices) -> list[BaseRoute]:
        secrets = provisioned.secrets

        async def explained(sender: str, recipient: str) -> dict[str, str | bool]:
            decision = await smtp.gate.decide(sender.lower(), recipient.lower(), self._clock.now())
            return {
                "accepted": isinstance(decision, Accepted),
                "rule": decision.rule,
                "sentence": explain(decision),
            }

        async def reload() -> None:
            await self._reload(provisioned, store)

        return [
            *Control(store, explained, reload, secrets.control_token, __version__).routes(),
            *annuaire_routes(
                provisioned.directory,
                provisioned.keystore,
                self._settings,
                self._clock,
                api_key=secrets.api_key,
                ports=lambda: self._ports,
            ),
            *revocation_routes(provisioned.keystore.issuers, self._clock, self._workers),
        ]

    def _running(self, provisioned: Provisioned) -> Running:
        exports = provisioned.home.exports
        return Running(
            version=__version__,
            pid=os.getpid(),
            host=self._settings.host_name,
            bind=self._settings.bind,
            ports=dict(self._ports),
            domains={"patients": self._settings.domains.patients, "operator": self._settings.domains.operator},
            ca_file=str(exports / "ca.pem"),
            crl_file=str(exports / "crl.pem"),
            api_key=provisioned.secrets.api_key,
            control_token=provisioned.secrets.control_token,
            roles=provisioned.secrets.roles,
            real_directory=provisioned.directory.listing.imported is not None,
            accounts=tuple(provisioned.accounts()),
        )
