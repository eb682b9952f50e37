"""The IMAP server on real ports: clients that behave, and peers that do not."""

import asyncio
import imaplib
import socket
import ssl
import struct
from collections.abc import Callable

import pytest
from aioimaplib import IMAP4_SSL

from mssante_sim.clock import FixedClock
from mssante_sim.crypto.tls import cut
from mssante_sim.errors import PortBusy
from mssante_sim.imap.commands import table
from mssante_sim.imap.connection import Connection
from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.limits import FrameLimits, ImapLimits
from mssante_sim.imap.server import ImapServer
from mssante_sim.storage.errors import StoreCorrupt
from tests.unit.imap_house import MAIL, NOW, PASSWORD, PATIENCE_S, QUICK, Begin, OneAccount

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


async def test_the_oldest_stranger_makes_room(begin: Begin) -> None:
    house = await begin(ImapLimits(connections_before_login=2))
    known = await (await house.secure()).login()
    oldest, second, third = [await house.clear() for _ in range(3)]
    assert await oldest.rest() == b""
    assert b"a OK" in await second.ask("a NOOP")
    assert b"a OK" in await third.ask("a NOOP")
    assert b"a OK" in await known.ask("a NOOP")


async def test_strangers_who_come_together_each_push_one_out(begin: Begin) -> None:
    house = await begin(ImapLimits(connections_before_login=4))
    first = [await house.clear() for _ in range(4)]
    await asyncio.gather(*(house.clear() for _ in range(4)))
    assert [await wire.rest() for wire in first] == [b""] * 4
    assert len(house.server._strangers) == 4


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


async def test_a_command_that_comes_with_the_end_of_the_handshake_is_answered(begin: Begin) -> None:
    house = await begin()
    wire = await house.clear()
    assert b"a OK" in await wire.ask("a STARTTLS")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = house.tls.wrap_bio(incoming, outgoing, server_hostname="localhost")

    async def answer(step: Callable[[], object]) -> object:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                wire.writer.write(outgoing.read())
                octets = await wire.reader.read(65536)
                assert octets, "the server hung up"
                incoming.write(octets)

    async with asyncio.timeout(PATIENCE_S):
        await answer(tls.do_handshake)
        tls.write(b"b CAPABILITY\r\n")  # leaves in one piece with the handshake's last message
        assert b"AUTH=PLAIN" in await answer(tls.read)


async def test_clear_octets_instead_of_a_handshake_close(begin: Begin) -> None:
    house = await begin()
    wire = await house.clear()
    assert b"a OK" in await wire.ask("a STARTTLS")
    wire.writer.write(b"b LOGIN lilas not-a-secret\r\n")
    assert b"b OK" not in await wire.rest()
    await house.emptied()
    assert house.audit.lines == []


async def test_a_connection_reset_instead_of_a_handshake_is_forgotten(begin: Begin) -> None:
    house = await begin()
    wire = await house.clear()
    assert b"a OK" in await wire.ask("a STARTTLS")
    sock = wire.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    cut(wire.writer.transport)
    await house.emptied()


async def test_http_is_sent_away(begin: Begin) -> None:
    house = await begin()
    wire = await house.clear()
    wire.writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await wire.rest()).splitlines()[-1] == b"* BYE This is an IMAP server."


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"a LOGIN lilas not-a-secret\r\n"])
async def test_clear_octets_where_tls_comes_first_close(begin: Begin, first: bytes) -> None:
    house = await begin()
    wire = await house.silent("imap_tls")
    wire.writer.write(first)
    assert b"OK" not in await wire.rest()  # an alert of TLS at most
    wire.writer.close()
    await house.emptied()
    assert house.audit.lines == []


async def test_tls_where_starttls_is_due_is_refused_at_once(begin: Begin) -> None:
    """A client set up for the other port gets its error at once, instead of waiting for a line end with us."""
    house = await begin()
    with pytest.raises(ssl.SSLError, match=r"(?i)wrong version number|record layer failure"):
        await asyncio.open_connection(
            "127.0.0.1", house.server.ports["imap"], ssl=house.tls, server_hostname="localhost"
        )
    await house.emptied()


async def test_who_never_shakes_hands_makes_room_too(begin: Begin) -> None:
    """Where TLS comes first, a stranger is counted from the connection on, not from the greeting."""
    house = await begin(ImapLimits(connections_before_login=2))
    oldest, second = await house.silent("imap_tls"), await house.silent("imap_tls")
    async with asyncio.timeout(PATIENCE_S):
        while len(house.server._connections) < 2:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
    assert b"a OK" in await (await house.secure()).ask("a NOOP")
    assert await oldest.rest() == b""
    assert not second.reader.at_eof()


async def test_what_lies_in_the_transport_when_tls_begins_never_runs(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came in the clear, after STARTTLS was read and before its OK was."""
    house = await begin()
    wire = await house.clear()
    upgrade = Connection._upgrade

    async def injected(connection: Connection, transport: asyncio.Transport) -> None:
        wire.writer.write(b"b LOGIN lilas not-a-secret\r\n")  # goes to the kernel at once
        await upgrade(connection, transport)

    monkeypatch.setattr(Connection, "_upgrade", injected)
    assert b"a OK" in await wire.ask("a STARTTLS")
    assert b"b " not in await wire.rest()
    wire.writer.close()
    await house.emptied()
    assert house.audit.lines == []


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
    await house.emptied()
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
    house = await begin(ImapLimits(frames=FrameLimits(pipelined_before_login=10_000), failed_login_delay_s=3_600.0))
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
    house = await begin(ImapLimits(slice_octets=10_000))
    await house.deliver(MAIL + b"x" * 100_000)
    wire = await (await house.secure()).select()
    read = house.store.read

    async def failing(body, offset=0, length=None):
        if offset >= 50_000:
            raise StoreCorrupt("A body is damaged.", detail="/secret/path")
        return await read(body, offset, length)

    house.store.read = failing  # type: ignore[method-assign] # a damaged file
    wire.writer.write(b"a FETCH 1 BODY.PEEK[]\r\n")
    said = await wire.rest()
    assert b"a NO" not in said
    assert b"secret" not in said
    assert b"b OK" in await (await house.secure()).ask("b NOOP")


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
