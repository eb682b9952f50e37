"""The IMAP server on real ports: clients that behave, and peers that do not."""

import asyncio
import contextlib
import imaplib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aioimaplib import IMAP4_SSL

from mssante_sim.audit import AuditMemory
from mssante_sim.clock import FixedClock
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.tls import client_context, cut, server_context
from mssante_sim.errors import PortBusy
from mssante_sim.imap.commands import table
from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.limits import FrameLimits, ImapLimits
from mssante_sim.imap.server import ImapServer
from mssante_sim.message.summary import summarise
from mssante_sim.storage.api import Copy, Parcel
from mssante_sim.storage.errors import StoreCorrupt
from mssante_sim.storage.sqlite.store import SqliteStore

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ACCOUNT = "lilas@officine.mssante.test"
PASSWORD = "not-a-secret"
MAIL = b"From: dominique@patient.mssante.test\r\nSubject: Ordonnance\r\n\r\nBonjour\r\n"
QUICK = ImapLimits(failed_login_delay_s=0.0)
PATIENCE_S = 20.0


class OneAccount:
    async def check(self, login: str, password: str) -> str | None:
        return ACCOUNT if (login, password) == ("lilas", PASSWORD) else None

    def address(self, login: str) -> str | None:
        return ACCOUNT if login == "lilas" else None


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

    async def _open(self, port: int, tls: ssl.SSLContext | None, *, greeted: bool) -> Wire:
        name = None if tls is None else "localhost"
        wire = Wire(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name))
        self.wires.append(wire)
        if greeted:
            assert (await wire.line()).startswith(b"* OK [CAPABILITY IMAP4rev1")
        return wire

    async def deliver(self, body: bytes = MAIL) -> None:
        await self.store.deliver([Parcel(body, summarise(body), (Copy(ACCOUNT),))], received=NOW)


def _pem(der: bytes) -> bytes:
    return der if der.startswith(b"-----") else ssl.DER_cert_to_PEM_cert(der).encode()


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    path: Path = tmp_path_factory.mktemp("imap") / "trust"
    return Keystore.create(path, at=datetime.now(UTC), crl_base="http://127.0.0.1:9/crl", hosts=["localhost"])


Begin = Callable[..., Awaitable[House]]


@pytest.fixture
async def begin(tmp_path: Path, trust: Keystore) -> AsyncIterator[Begin]:
    """Starts a house with the limits it is given."""
    store = SqliteStore.open(tmp_path, clock=FixedClock(NOW))
    await store.open_account(ACCOUNT)
    house = House(store, trust)

    async def started(limits: ImapLimits = QUICK) -> House:
        await house.start(limits)
        return house

    yield started
    for wire in house.wires:
        cut(wire.writer.transport)
    await house.server.stop(0.1)
    await store.close()


# Clients that behave


async def test_imaplib_reads_a_message(begin: Begin) -> None:
    house = await begin()
    await house.deliver()

    def session() -> None:
        with imaplib.IMAP4_SSL("localhost", house.server.ports["imap_tls"], ssl_context=house.tls) as client:
            client.login("lilas", PASSWORD)
            assert client.select("INBOX") == ("OK", [b"1"])
            assert client.uid("SEARCH", "SUBJECT", "ordonnance") == ("OK", [b"1"])
            _, found = client.uid("FETCH", "1", "(FLAGS BODY[])")
            assert found[0][1] == MAIL
            assert client.append("Sent", "(\\Seen)", None, MAIL)[0] == "OK"
            assert client.uid("MOVE", "1", "Archive")[0] == "OK"
            assert client.status("Archive", "(MESSAGES UNSEEN)")[1] == [b'"Archive" (MESSAGES 1 UNSEEN 0)']

    await asyncio.to_thread(session)


async def test_imaplib_upgrades_with_starttls(begin: Begin) -> None:
    house = await begin()

    def session() -> None:
        with imaplib.IMAP4("localhost", house.server.ports["imap"]) as client:
            assert "LOGINDISABLED" in client.capabilities
            client.starttls(house.tls)
            assert "AUTH=PLAIN" in client.capabilities
            client.authenticate("PLAIN", lambda _: f"\0lilas\0{PASSWORD}".encode())
            assert client.select("INBOX") == ("OK", [b"0"])

    await asyncio.to_thread(session)


async def test_aioimaplib_is_woken_by_a_delivery(begin: Begin) -> None:
    house = await begin()
    client = IMAP4_SSL("localhost", house.server.ports["imap_tls"], ssl_context=house.tls)
    await client.wait_hello_from_server()
    await client.login("lilas", PASSWORD)
    await client.select("INBOX")
    idle = await client.idle_start(timeout=60)
    await house.deliver()
    async with asyncio.timeout(PATIENCE_S):
        assert await client.wait_server_push() == [b"1 EXISTS", b"1 RECENT"]
    client.idle_done()
    await asyncio.wait_for(idle, PATIENCE_S)
    await client.logout()


async def test_the_wake_up_is_written_in_the_turn_of_the_announcement(begin: Begin) -> None:
    """No task and no timer stands between the store's announcement and the socket."""
    house = await begin()
    wire = await (await house.secure()).select()
    wire.writer.write(b"i IDLE\r\n")
    assert await wire.line() == b"+ idling\r\n"
    tasks = asyncio.all_tasks()
    delivery = asyncio.create_task(house.deliver())
    assert await wire.line() == b"* 1 EXISTS\r\n"
    assert asyncio.all_tasks() - {delivery} == tasks
    await delivery


async def test_what_is_fetched_in_pieces_is_the_message(begin: Begin) -> None:
    house = await begin(ImapLimits(slice_octets=1_000))
    body = b"Subject: long\r\n\r\n" + b"".join(b"line %06d\r\n" % number for number in range(40_000))
    await house.deliver(body)
    wire = await (await house.secure()).select()
    said = await wire.ask("f FETCH 1 (BODY.PEEK[] BODY.PEEK[TEXT]<10.25>)")
    assert b"BODY[] {%d}\r\n%b BODY[TEXT]<10> {25}\r\n" % (len(body), body) in said


async def test_a_message_is_seen_once_it_was_read(begin: Begin) -> None:
    house = await begin()
    await house.deliver()
    wire = await (await house.secure()).select()
    assert b"\\Seen" not in await wire.ask("f FETCH 1 BODY.PEEK[]")
    assert b"FLAGS (\\Recent \\Seen)" in await wire.ask("g FETCH 1 BODY[]")


async def test_pipelined_commands_are_answered_in_order(begin: Begin) -> None:
    house = await begin()
    wire = await (await house.secure()).select()
    wire.writer.write(b"".join(b"t%d STATUS INBOX (MESSAGES)\r\n" % number for number in range(50)) + b"z NOOP\r\n")
    tags = []
    while not tags or tags[-1] != b"z":
        line = await wire.line()
        if not line.startswith(b"* "):
            tags.append(line.split()[0])
    assert tags == [*(b"t%d" % number for number in range(50)), b"z"]


async def test_traces_say_who_did_what_and_nothing_more(begin: Begin) -> None:
    house = await begin()
    await house.deliver()
    wire = await (await house.secure()).select()
    await wire.ask("f UID FETCH 1 (BODY[])")
    await wire.ask("g SELECT Nowhere")
    actions = [(line["action"], line["user"], line["result"]) for line in house.audit.lines]
    assert actions == [
        ("imap.login", "lilas", "OK"),
        ("imap.select", "lilas", "OK"),
        ("imap.fetch", "lilas", "OK"),
        ("imap.select", "lilas", "NO NONEXISTENT"),
    ]
    assert PASSWORD not in str(house.audit.lines)
    assert "Bonjour" not in str(house.audit.lines)


# Logging in


async def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(begin: Begin) -> None:
    house = await begin()
    wire = await house.secure()
    wrong = await wire.ask("a LOGIN lilas wrong")
    assert wrong == b"a NO [AUTHENTICATIONFAILED] Invalid credentials.\r\n"
    assert await wire.ask("a LOGIN nobody wrong") == wrong


async def test_a_failed_login_delays_its_own_connection_only(begin: Begin) -> None:
    house = await begin(ImapLimits(failed_login_delay_s=3_600.0))
    attacker, other = await house.secure(), await house.secure()
    attacker.writer.write(b"a LOGIN lilas wrong\r\nb NOOP\r\n")
    await attacker.writer.drain()
    await other.select()
    assert attacker.reader._buffer == bytearray()  # type: ignore[attr-defined] # nothing came, and nothing will


async def test_who_does_not_log_in_is_sent_away(begin: Begin) -> None:
    house = await begin(ImapLimits(login_s=0.1))
    wire = await house.clear()
    assert await wire.rest() == b"* BYE Too slow to log in.\r\n"


async def test_the_oldest_stranger_makes_room(begin: Begin) -> None:
    house = await begin(ImapLimits(connections_before_login=2))
    known = await (await house.secure()).login()
    oldest, second, third = [await house.clear() for _ in range(3)]
    assert await oldest.rest() == b""
    assert b"a OK" in await second.ask("a NOOP")
    assert b"a OK" in await third.ask("a NOOP")
    assert b"a OK" in await known.ask("a NOOP")


async def test_too_many_connections_are_told_so(begin: Begin) -> None:
    house = await begin(ImapLimits(connections=1))
    await house.clear()
    refused = await house.clear(greeted=False)
    assert b"* BYE [UNAVAILABLE]" in await refused.rest()


# Peers that do not behave


@pytest.mark.parametrize("behind", [b"b LOGIN lilas not-a-secret\r\n", b"\r\n", b"x"])
async def test_what_is_injected_behind_starttls_closes(begin: Begin, behind: bytes) -> None:
    house = await begin()
    wire = await house.clear()
    wire.writer.write(b"a STARTTLS\r\n" + behind)
    said = await wire.rest()
    assert said.startswith(b"* BYE")
    assert b"a OK" not in said
    assert house.audit.lines == []


async def test_clear_octets_instead_of_a_handshake_close(begin: Begin) -> None:
    house = await begin()
    wire = await house.clear()
    assert b"a OK" in await wire.ask("a STARTTLS")
    wire.writer.write(b"b LOGIN lilas not-a-secret\r\n")
    assert b"b OK" not in await wire.rest()
    await _nobody_is_left(house)
    assert house.audit.lines == []


async def test_a_connection_reset_instead_of_a_handshake_is_forgotten(begin: Begin) -> None:
    house = await begin()
    wire = await house.clear()
    assert b"a OK" in await wire.ask("a STARTTLS")
    sock = wire.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    cut(wire.writer.transport)
    await _nobody_is_left(house)


async def test_http_is_sent_away(begin: Begin) -> None:
    house = await begin()
    wire = await house.clear()
    wire.writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await wire.rest()).splitlines()[-1] == b"* BYE This is an IMAP server."


async def test_a_client_that_stops_reading_costs_a_slice_and_is_cut(begin: Begin) -> None:
    """25 MB wait for a client that takes nothing: the server holds little of them, and not for long."""
    house = await begin(ImapLimits(stalled_write_s=0.3))
    body = b"Subject: huge\r\n\r\n" + b"x" * 25_000_000 + b"\r\n"
    await house.deliver(body)
    reads: list[int] = []
    read = house.store.read

    async def counted(body_id, offset=0, length=None):
        reads.append(length or len(body))
        return await read(body_id, offset, length)

    house.store.read = counted  # type: ignore[method-assign] # only counts
    wire = await (await house.secure()).select()
    wire.writer.transport.pause_reading()
    wire.writer.write(b"f FETCH 1 BODY.PEEK[]\r\n")
    await _nobody_is_left(house)
    assert 0 < sum(reads) < 12_000_000  # what the kernels' buffers took, and a slice


async def test_a_slow_client_blocks_no_other(begin: Begin) -> None:
    house = await begin()
    await house.deliver(b"Subject: huge\r\n\r\n" + b"x" * 8_000_000)
    slow = await (await house.secure()).select()
    slow.writer.transport.pause_reading()
    slow.writer.write(b"f FETCH 1 BODY.PEEK[]\r\n")
    other = await (await house.secure()).select()
    assert b"d OK" in await other.ask("d STORE 1 +FLAGS (\\Deleted)")
    assert b"* 1 EXPUNGE" in await other.ask("e EXPUNGE")
    slow.writer.transport.resume_reading()
    said = b""
    while b"f OK" not in said[-100:]:
        said += await asyncio.wait_for(slow.reader.read(65536), PATIENCE_S)
    assert said.count(b"x") >= 8_000_000


async def test_a_flood_behind_a_running_command_is_not_read(begin: Begin) -> None:
    house = await begin(ImapLimits(frames=FrameLimits(pipelined=10_000), failed_login_delay_s=3_600.0))
    flood = await house.secure()
    flood.writer.write(b"a LOGIN lilas wrong\r\n")
    (connection,) = house.server._connections
    async with asyncio.timeout(PATIENCE_S):
        while connection._transport.is_reading():
            flood.writer.write(b"b NOOP\r\n" * 500)
            await asyncio.sleep(0)
    assert connection._session._framer.pending < 300_000  # the limit, and what one turn of the loop brought
    assert b"c OK" in await (await house.secure()).ask("c NOOP")


async def test_what_is_unforeseen_ends_one_connection_and_says_nothing(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = await begin()

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("SELECT secret FROM table")

    monkeypatch.setitem(table.HANDLERS, c.Status, broken)
    victim, other = await (await house.secure()).select(), await (await house.secure()).select()
    victim.writer.write(b"a STATUS INBOX (MESSAGES)\r\n")
    said = await victim.rest()
    assert said.startswith(b"* BYE [SERVERBUG] Internal error, incident ")
    assert b"secret" not in said
    assert said.split()[-1].rstrip(b".").decode() in caplog.text
    assert b"b OK" in await other.ask("b NOOP")
    victim.writer.close()
    assert len(house.server._connections) == 1


async def test_a_store_that_fails_inside_a_literal_cuts_the_connection(begin: Begin) -> None:
    """The client counts octets: anything said there would be read as the message."""
    house = await begin(ImapLimits(slice_octets=1_000))
    await house.deliver(MAIL + b"x" * 10_000)
    wire = await (await house.secure()).select()
    read = house.store.read

    async def failing(body, offset=0, length=None):
        if offset >= 5_000:
            raise StoreCorrupt("A body is damaged.", detail="/secret/path")
        return await read(body, offset, length)

    house.store.read = failing  # type: ignore[method-assign] # a damaged file
    wire.writer.write(b"a FETCH 1 BODY.PEEK[]\r\n")
    said = await wire.rest()
    assert b"a NO" not in said
    assert b"secret" not in said
    assert b"b OK" in await (await house.secure()).ask("b NOOP")


# Time


async def test_an_idling_client_hears_signs_of_life_and_is_not_cut(begin: Begin) -> None:
    house = await begin(ImapLimits(login_s=0.5, still_here_s=0.05, autologout_s=0.01))
    wire = await house.secure()
    wire.writer.write(f"a LOGIN lilas {PASSWORD}\r\nb IDLE\r\n".encode())
    heard = [await wire.line() for _ in range(5)]
    assert heard[1:] == [b"+ idling\r\n", *[b"* OK Still here\r\n"] * 3]


async def test_a_silent_client_is_logged_out(begin: Begin) -> None:
    house = await begin(ImapLimits(login_s=0.5, still_here_s=0.05, autologout_s=0.2))
    wire = await (await house.secure()).login()
    assert (await wire.rest()).startswith(b"* BYE Autologout")


async def test_idle_can_be_cut_as_some_networks_do(begin: Begin) -> None:
    house = await begin(ImapLimits(login_s=0.5, still_here_s=0.05, idle_cut_s=0.1))
    wire = await (await house.secure()).login()
    wire.writer.write(b"b IDLE\r\n")
    assert b"* BYE Idle for too long." in await wire.rest()


# Starting and stopping


async def test_every_client_gets_a_goodbye(begin: Begin) -> None:
    house = await begin()
    idler, stranger = await (await house.secure()).select(), await house.clear()
    idler.writer.write(b"i IDLE\r\n")
    assert await idler.line() == b"+ idling\r\n"
    stopping = asyncio.create_task(house.server.stop())
    assert await idler.rest() == b"* BYE The server is stopping.\r\n"
    assert await stranger.rest() == b"* BYE The server is stopping.\r\n"
    idler.writer.close()
    await asyncio.wait_for(stopping, PATIENCE_S)
    assert house.server.ports == {}


async def test_a_running_command_ends_before_the_goodbye_closes(begin: Begin) -> None:
    house = await begin()
    entered, gate = asyncio.Event(), asyncio.Event()
    wire = await (await house.secure()).select()
    status = house.store.status

    async def gated(folder):
        entered.set()
        await gate.wait()
        return await status(folder)

    house.store.status = gated  # type: ignore[method-assign] # only slower
    wire.writer.write(b"a STATUS INBOX (MESSAGES)\r\n")
    await asyncio.wait_for(entered.wait(), PATIENCE_S)
    stopping = asyncio.create_task(house.server.stop(PATIENCE_S))
    await asyncio.sleep(0)
    gate.set()
    said = await wire.rest()
    assert b"* BYE The server is stopping." in said
    assert b"a OK" in said
    wire.writer.close()
    await asyncio.wait_for(stopping, PATIENCE_S)


async def test_a_busy_port_is_said_in_words(begin: Begin) -> None:
    house = await begin()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        second = ImapServer(
            house.store, OneAccount(), tls=house.server_tls, clock=FixedClock(NOW), audit=house.audit, limits=QUICK
        )
        with pytest.raises(PortBusy, match=f"Port {port} "):
            await second.start("127.0.0.1", 0, port)
        assert second.ports == {}


async def _nobody_is_left(house: House) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while house.server._connections:
            house.server._all_closed.clear()
            await house.server._all_closed.wait()
