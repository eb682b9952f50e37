"""A trust domain, a directory, a store and the three listeners, all real; a mailbox for each kind of the matrix."""

import asyncio
import base64
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mssante_sim.audit import AuditMemory
from mssante_sim.clock import SystemClock
from mssante_sim.config import Ports, Settings
from mssante_sim.crypto import profiles
from mssante_sim.crypto.keystore import Holder, Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.tls import client_context, server_context, server_end_point
from mssante_sim.directory.credentials import Authenticator, Verifier
from mssante_sim.directory.doorkeeper import Doorkeeper
from mssante_sim.directory.holders import Holders
from mssante_sim.directory.identifiers import Finess, Ins
from mssante_sim.directory.model import (
    Attachment,
    AttachmentKind,
    Mailbox,
    MailboxUser,
    Organisation,
    OrganisationKind,
    PostalAddress,
)
from mssante_sim.directory.store import Directory
from mssante_sim.directory.tokens import Tokens
from mssante_sim.sasl.party import TokenRefusal
from mssante_sim.smtp.house import Limits
from mssante_sim.smtp.matrix import RECIPIENTS, SENDERS
from mssante_sim.smtp.policy import Certificate, Party, Patient, Registered, Stranger
from mssante_sim.smtp.server import SmtpServices
from mssante_sim.storage.api import Want
from mssante_sim.storage.sqlite.directory import DirectoryRows
from mssante_sim.storage.sqlite.store import SqliteStore

PASSWORD = "mot de passe"
TOKEN_KEY = b"t" * 32
CONFIGURATION = "http://127.0.0.1:2080/.well-known/openid-configuration"
PEER_DOMAIN = "autre.mssante.test"
PEER_SUBJECT = "CN=mx.autre.mssante.test , O=AUTRE OPERATEUR,C=FR"
PHARMACY, CLINIC, NOWHERE = Finess.synthetic(1), Finess.synthetic(2), Finess.synthetic(3)


def address_of(role: str, name: str, party: Party) -> str:
    """Where a specimen of the matrix lives here."""
    match party:
        case Registered():
            return f"{role}.{re.sub('[^a-z]+', '-', name.lower())}@officine.mssante.test"
        case Patient():
            return f"{role}.{re.sub('[^a-z]+', '-', name.lower())}@patient.mssante.test"
        case Stranger.UNKNOWN:
            return "inconnu@officine.mssante.test"
        case Stranger.UNKNOWN_PATIENT:
            return f"{Ins.synthetic(sex=1, year=40, month=1, order=999)}@patient.mssante.test"
        case Stranger.NO_PATIENT_ADDRESS:
            return "inconnu@patient.mssante.test"
        case Stranger.NULL:
            return ""
        case _:
            return f"quelquun@{PEER_DOMAIN}"


FROM = {name: address_of("de", name, party) for name, party in SENDERS.items()}
TO = {name: address_of("a", name, party) for name, party in RECIPIENTS.items()}
PARTIES = {FROM[name]: party for name, party in SENDERS.items()} | {TO[name]: RECIPIENTS[name] for name in RECIPIENTS}
ACCOUNTS = [address for address, party in PARTIES.items() if not isinstance(party, Stranger)]


def mailbox(address: str, party: Registered) -> Mailbox:
    """The specimen as a mailbox of this directory."""
    attachment = party.mailbox.attachment
    if attachment is not None:
        attachment = Attachment(AttachmentKind.FINESS, PHARMACY if party.attachment_known else NOWHERE)
    serves = PHARMACY if party.sector == "SA33" else CLINIC
    user = MailboxUser(address, "titulaire", "Personne FICTIVE")
    return replace(party.mailbox, address=address, attachment=attachment, organisation=serves, users=(user,))


def organisation(finess: Finess, sector: str) -> Organisation:
    """A place."""
    address = PostalAddress("1 RUE FICTIVE", "35000", "RENNES", "35238", "Ille-et-Vilaine")
    return Organisation(OrganisationKind.GEOGRAPHIC, finess, "LIEU FICTIF", None, sector, None, None, None, address)


def fill_directory(directory: Directory) -> None:
    """Every specimen is there and may log in."""
    registered = [(address, party) for address, party in PARTIES.items() if isinstance(party, Registered)]
    directory.add(
        [organisation(PHARMACY, "SA33"), organisation(CLINIC, "SA01")],
        [mailbox(address, party) for address, party in registered],
        [replace(party.profile, address=address) for address, party in PARTIES.items() if isinstance(party, Patient)],
    )
    verifier = Verifier.create(PASSWORD, b"0123456789abcdef")
    directory.set_verifiers(dict.fromkeys(ACCOUNTS, verifier))


def make_trust(path: Path) -> Keystore:
    """Certificates for every specimen, with the fault that its kind asks for, and for one other operator."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    keystore = Keystore.create(path, at=at, base="http://127.0.0.1:9", hosts=["localhost"])
    faults = {a: p.certificate for a, p in PARTIES.items() if isinstance(p, Registered)}
    late = {Certificate.NOT_YET_VALID}
    holders = {address: _holder(address, faults.get(address, Certificate.VALID)) for address in ACCOUNTS}
    keystore.issue([one for address, one in holders.items() if faults.get(address) not in late], at=at)
    keystore.issue([one for address, one in holders.items() if faults.get(address) in late], at=at + timedelta(days=9))
    for address, fault in faults.items():
        if fault is Certificate.REVOKED:
            keystore.revoke(address, Usage.RECEIVE, at=at)
        elif fault is Certificate.WRONG_ADDRESS:
            _take_certificate(path, TO["ORG, pharmacy"], path, address)
        elif fault is Certificate.UNTRUSTED:
            other = path.with_name("other-trust")
            foreign = Keystore.create(other, at=at, base="http://127.0.0.1:9", hosts=["localhost"])
            foreign.issue([Holder(address, "FICTIF")], at=at)
            _take_certificate(other, address, path, address)
    keystore.issue_client("mx.autre.mssante.test", "AUTRE OPERATEUR", path / "peer.pem", at=at)
    keystore.issue_client("mx.inconnu.mssante.test", "INCONNU", path / "stranger.pem", at=at)
    return keystore


def _holder(address: str, fault: Certificate) -> Holder:
    receiving = {Certificate.MISSING: None, Certificate.WRONG_USAGE: profiles.SIGNING}.get(fault, profiles.RECEIVING)
    return Holder(address, "FICTIF", receiving=receiving, expired=fault is Certificate.EXPIRED)


def _take_certificate(source: Path, owner: str, target: Path, address: str) -> None:
    for file in (target / "mailboxes" / address).glob("receiving-*.pem"):
        shutil.copy(source / "mailboxes" / owner / "receiving-1.pem", file)


def ca_pem(keystore: Keystore) -> bytes:
    """The root, for clients."""
    return ssl.DER_cert_to_PEM_cert(keystore.authorities[0]).encode()


@dataclass
class Running:
    """Listeners that are up, and what stands behind them."""

    services: SmtpServices
    store: SqliteStore
    directory: Directory
    keystore: Keystore
    audit: AuditMemory

    def context(self, identity: str | None = None) -> ssl.SSLContext:
        """A client's TLS context."""
        file = self.keystore.path / identity if identity else None
        return client_context(ca_pem(self.keystore), identity=file)

    @asynccontextmanager
    async def connect(self, listener: str = "submission", identity: str | None = None) -> "AsyncIterator[Dialogue]":
        """A connection, greeted."""
        reader, writer = await asyncio.open_connection("localhost", self.services.ports[listener])
        dialogue = Dialogue(reader, writer, self.context(identity))
        try:
            assert (await dialogue.reply()).startswith("220 ")
            yield dialogue
        finally:
            writer.close()

    @asynccontextmanager
    async def login(self, account: str) -> "AsyncIterator[Dialogue]":
        """A connection under TLS, logged in as `account`."""
        async with self.connect() as dialogue:
            await dialogue.start_tls()
            await dialogue.expect("235", f"AUTH PLAIN {plain(account, PASSWORD)}")
            yield dialogue

    @asynccontextmanager
    async def peer(self, identity: str | None = "peer.pem") -> "AsyncIterator[Dialogue]":
        """A connection of another operator under TLS."""
        async with self.connect("mx", identity) as dialogue:
            await dialogue.start_tls()
            yield dialogue

    async def stored(self, account: str, folder: str = "INBOX") -> list[bytes]:
        """Every message of a folder, prefix and body."""
        place = await self.store.find_folder(account, folder)
        snapshot = await self.store.snapshot(place.id)
        found = []
        async for rows in self.store.rows(place.id, snapshot.uids, Want.PREFIX):
            found += [(row.prefix or b"") + await self.store.read(row.body) for row in rows]
        return found


class Dialogue:
    """Says lines and reads replies; nothing is corrected on the way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
        self.reader = reader
        self.writer = writer
        self._context = context

    async def reply(self) -> str:
        """The next reply, all its lines; empty at the end of the connection."""
        lines = []
        while line := (await self.reader.readline()).decode("ascii"):
            assert line.endswith("\r\n")
            lines.append(line[:-2])
            if line[3:4] == " ":
                break
        return "\n".join(lines)

    def send(self, octets: bytes) -> None:
        """`octets` are on their way as they are."""
        self.writer.write(octets)

    async def say(self, line: str) -> str:
        """The reply to a command line."""
        self.send(line.encode() + b"\r\n")
        return await self.reply()

    async def expect(self, start: str, line: str) -> str:
        """The reply to a command line, which begins with `start`."""
        reply = await self.say(line)
        assert reply.startswith(start), f"{line}: {reply}"
        return reply

    async def start_tls(self) -> None:
        """TLS is active and EHLO said."""
        await self.expect("250", "EHLO client.test")
        await self.expect("220", "STARTTLS")
        await self.writer.start_tls(self._context, server_hostname="localhost")
        await self.expect("250", "EHLO client.test")

    async def envelope(self, sender: str, *recipients: str) -> None:
        """MAIL and RCPT were taken."""
        await self.expect("250", f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            await self.expect("250", f"RCPT TO:<{recipient}>")

    async def data(self, octets: bytes) -> str:
        """The reply to a message, sent exactly so, with its end."""
        await self.expect("354", "DATA")
        self.send(octets)
        return await self.reply()

    async def deliver(self, sender: str, recipient: str, octets: bytes | None = None) -> str:
        """The reply to a whole transaction whose envelope is taken."""
        await self.envelope(sender, recipient)
        return await self.data((message(sender, recipient) if octets is None else octets) + b".\r\n")

    async def ended(self) -> bool:
        """Whether the server closed the connection and said nothing more."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True


def plain(login: str, password: str) -> str:
    """The initial response of AUTH PLAIN."""
    return base64.b64encode(f"\0{login}\0{password}".encode()).decode()


def message(sender: str, recipient: str, text: str = "Bonjour.", message_id: str = "<1@client.test>") -> bytes:
    """A message as clients write it."""
    lines = (
        f"From: Quelqu'un <{sender}>",
        f"To: <{recipient}>",
        "Subject: Document",
        f"Message-ID: {message_id}",
        "Date: Mon, 23 Nov 2026 10:00:00 +0000",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


@asynccontextmanager
async def running(
    home: Path, keystore: Keystore, *, limits: Limits | None = None, **changes: object
) -> AsyncIterator[Running]:
    """The services of one home, on ports of the system's choice; `changes` are settings."""
    settings = replace(Settings(home, ports=Ports.from_base(0)), **changes)  # type: ignore[arg-type]
    directory = Directory(DirectoryRows.open(home))
    fill_directory(directory)
    store = SqliteStore.open(home, clock=SystemClock())
    for account in ACCOUNTS:
        await store.open_account(account)
    audit = AuditMemory()
    with ThreadPoolExecutor(2) as workers:
        services = SmtpServices(
            settings,
            directory=directory,
            keystore=keystore,
            doorkeeper=Doorkeeper(
                Authenticator(directory),
                end_point=server_end_point(keystore.server),
                holders=Holders(keystore, directory, SystemClock()),
                tokens=Tokens(directory.rows, TOKEN_KEY, SystemClock()),
                token_refusal=TokenRefusal(CONFIGURATION, drops=settings.drop_refused_tokens),
            ),
            store=store,
            workers=workers,
            server_context=server_context(keystore.server, client_ca=ca_pem(keystore)),
            mx_context=server_context(keystore.server, client_ca=ca_pem(keystore)),
            peers=lambda: {PEER_DOMAIN: [PEER_SUBJECT]},
            key=b"k" * 32,
            clock=SystemClock(),
            audit=audit,
            limits=limits or replace(Limits(), failed_login_s=0.0),
        )
        await services.start()
        try:
            yield Running(services, store, directory, keystore, audit)
        finally:
            await services.stop()
            await store.close()
            directory.close()
