"""The simulated zones: dig and dnspython as clients, over UDP and TCP, and questions that are none."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator

import dns.asyncquery
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.directory.dns_lookup import Door, NameServer, NoService, door_in, find_door
from mssante_sim.directory.dns_server import DnsServer
from mssante_sim.directory.dns_zone import LARGEST_UDP, Site, Zones
from mssante_sim.storage.errors import StoreError

PATIENTS, OPERATOR = "patient.mssante.test", "officine.mssante.test"
PORTS = {"submission": 2587, "submission_tls": 2465, "imap": 2143, "imap_tls": 2993}
SITE = Site((PATIENTS, OPERATOR), "localhost", "127.0.0.1", PORTS)
ZONES = Zones(SITE)


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    server = DnsServer(ZONES)
    await server.start("127.0.0.1", 0)
    yield server
    await server.stop()


async def dig(server: DnsServer, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "dig", "@127.0.0.1", "-p", str(server.port), "+time=5", "+tries=1", *arguments, stdout=subprocess.PIPE
    )
    return (await process.communicate())[0].decode()


@pytest.mark.interop
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ((OPERATOR, "MX"), f"10 mx.{OPERATOR}."),
        ((PATIENTS, "MX"), f"10 mx.{PATIENTS}."),
        ((f"mx.{OPERATOR}", "A"), "127.0.0.1"),
        ((f"mx.{OPERATOR}", "AAAA"), ""),
        ((f"autoconfig.{OPERATOR}", "A"), "127.0.0.1"),
        ((f"_submissions._tcp.{OPERATOR}", "SRV"), "0 1 2465 localhost."),
        ((f"_submission._tcp.{OPERATOR}", "SRV"), "10 1 2587 localhost."),
        ((f"_imaps._tcp.{OPERATOR}", "SRV"), "0 1 2993 localhost."),
        ((f"_imap._tcp.{OPERATOR}", "SRV"), "10 1 2143 localhost."),
        ((f"_pop3._tcp.{OPERATOR}", "SRV"), "0 0 0 ."),
        ((OPERATOR.upper(), "NS"), f"ns.{OPERATOR.upper()}."),
    ],
)
async def test_dig_gets_each_record(server: DnsServer, transport: str, question: tuple[str, str], answer: str) -> None:
    got = (await dig(server, transport, "+short", *question)).strip()
    assert got.lower() == answer.lower()


@pytest.mark.interop
async def test_dig_sees_authority_edns_and_refusals(server: DnsServer) -> None:
    mx = await dig(server, OPERATOR, "MX")
    assert "flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 2" in mx
    assert f"udp: {LARGEST_UDP}" in mx
    assert f"\nmx.{OPERATOR}." in mx.partition("ADDITIONAL SECTION")[2]
    absent = await dig(server, f"absent.{OPERATOR}", "A")
    assert "status: NXDOMAIN" in absent
    assert "SOA" in absent.partition("AUTHORITY SECTION")[2]
    assert "status: NOERROR" in await dig(server, f"_tcp.{OPERATOR}", "A")
    assert "status: REFUSED" in await dig(server, "example.com", "A")
    assert "status: BADVERS" in await dig(server, "+edns=7", "+noednsnegotiation", OPERATOR, "MX")
    assert "Transfer failed" in await dig(server, OPERATOR, "AXFR")


async def test_dnspython_asks_over_both_protocols(server: DnsServer) -> None:
    query = dns.message.make_query(f"_imaps._tcp.{OPERATOR}", "SRV")
    over_udp = await dns.asyncquery.udp(query, "127.0.0.1", port=server.port, timeout=30)
    over_tcp = await dns.asyncquery.tcp(query, "127.0.0.1", port=server.port, timeout=30)
    assert over_udp.answer == over_tcp.answer != []


async def test_our_clients_find_their_doors(server: DnsServer) -> None:
    there = NameServer("127.0.0.1", server.port)
    assert await asyncio.to_thread(find_door, OPERATOR, "submissions", there) == Door(
        "localhost", 2465, tls_at_once=True
    )
    assert await asyncio.to_thread(find_door, PATIENTS, "imap", there) == Door("localhost", 2143, tls_at_once=False)
    for domain, service in ((OPERATOR, "pop3"), (OPERATOR, "other"), ("example.com", "imap")):
        with pytest.raises(NoService, match="offers no"):
            await asyncio.to_thread(find_door, domain, service, there)
    await server.stop()
    with pytest.raises(NoService, match="does not answer"):
        await asyncio.to_thread(find_door, OPERATOR, "imap", there)


def asked(name: str, kind: str, **options: object) -> dns.message.Message:
    reply = ZONES.answer(dns.message.make_query(name, kind, **options).to_wire())  # type: ignore[arg-type]  # options
    assert reply is not None
    return dns.message.from_wire(reply)


def test_a_server_on_ipv6_has_quad_a_and_one_on_every_address_says_loopback() -> None:
    v6 = Zones(Site((OPERATOR,), "localhost", "::1", PORTS))
    wire = v6.answer(dns.message.make_query(f"mx.{OPERATOR}", "AAAA").to_wire())
    assert wire is not None
    assert "::1" in str(dns.message.from_wire(wire).answer[0])
    everywhere = Zones(Site((OPERATOR,), "192.0.2.1", "0.0.0.0", PORTS))  # noqa: S104 - nothing is bound
    wire = everywhere.answer(dns.message.make_query(f"_imap._tcp.{OPERATOR}", "SRV").to_wire())
    assert wire is not None
    assert str(dns.message.from_wire(wire).answer[0]).endswith(f"2143 {OPERATOR}.")
    assert "127.0.0.1" in str(dns.message.from_wire(wire).additional[0])


def test_a_target_inside_the_zone_is_reached_at_the_address_that_the_zone_tells() -> None:
    wire = Zones(Site((OPERATOR,), "192.0.2.1", "127.0.0.1", PORTS)).answer(
        dns.message.make_query(f"_imaps._tcp.{OPERATOR}", "SRV").to_wire()
    )
    assert door_in(dns.message.from_wire(wire or b""), "imaps") == Door("127.0.0.1", 2993, tls_at_once=True)


def test_a_domain_is_a_zone_as_long_as_it_is_ours() -> None:
    ours = {"hopital.example"}
    zones = Zones(SITE, ours.__contains__)

    def rcode(name: str) -> int:
        reply = zones.answer(dns.message.make_query(name, "MX").to_wire())
        return dns.message.from_wire(reply or b"").rcode()

    assert rcode("Hopital.example") == rcode(OPERATOR) == dns.rcode.NOERROR
    assert rcode("absent.hopital.example") == dns.rcode.NXDOMAIN
    assert rcode("example") == rcode("autrehopital.example") == dns.rcode.REFUSED
    ours.clear()
    assert rcode("hopital.example") == dns.rcode.REFUSED


def test_a_question_that_we_fail_to_answer_is_told_so() -> None:
    def unreadable(_domain: str) -> bool:
        raise StoreError("The directory cannot be read.")

    too_long = ".".join(["a" * 60] * 4)  # with _submissions._tcp before it no name any more
    for zones, name in (
        (Zones(SITE, unreadable), "hopital.example"),
        (Zones(Site((too_long,), "localhost", "127.0.0.1", PORTS)), too_long),
    ):
        reply = dns.message.from_wire(zones.answer(dns.message.make_query(name, "MX").to_wire()) or b"")
        assert (reply.rcode(), reply.answer, reply.authority) == (dns.rcode.SERVFAIL, [], [])


def test_names_that_lead_round_in_a_circle_are_a_format_error() -> None:
    head = bytes.fromhex("1234 0100 0001 0000 0000 0000")
    for name in (
        b"\xc0\x0c",
        b"\x01a\xc0\x0c",
        b"\xc0\x0e\xc0\x0c",
        b"\xc0\xff",
        b"\x41a\x00",
        (b"\x3f" + b"a" * 63) * 5 + b"\x00",
    ):
        assert ZONES.answer(head + name + b"\x00\x0f\x00\x01") == bytes.fromhex("1234 8101 0000 0000 0000 0000")


@pytest.mark.parametrize("kind", ["TXT", "HTTPS", "TYPE65280", "OPT", "SRV", "MAILB"])
def test_a_type_of_which_there_is_nothing_is_told_by_the_soa(kind: str) -> None:
    reply = asked(OPERATOR.upper(), kind)
    assert (reply.rcode(), reply.answer, len(reply.authority)) == (dns.rcode.NOERROR, [], 1)
    assert reply.flags & dns.flags.AA


@pytest.mark.parametrize("payload", [0, 100, 512, 1232, 65_535])
def test_any_size_that_edns_announces_gets_an_answer_of_at_most_ours(payload: int) -> None:
    reply = asked(OPERATOR, "MX", use_edns=0, payload=payload)
    assert (len(reply.answer), reply.edns, reply.payload) == (1, 0, LARGEST_UDP)


def test_what_does_not_fit_is_cut_and_asked_again_over_tcp_or_with_edns() -> None:
    longest = (("abcd", 54), ("efgh", 60))
    domain, host = (".".join(letter * length for letter in letters) + ".test" for letters, length in longest)
    zones = Zones(Site((domain,), host, "127.0.0.1", PORTS))
    plain = dns.message.make_query(f"_submissions._tcp.{domain}", "SRV", use_edns=False).to_wire()
    cut = zones.answer(plain)
    assert cut is not None
    assert len(cut) <= 512
    read = dns.message.from_wire(cut)
    assert (bool(read.flags & dns.flags.TC), read.answer) == (True, [])
    extended = dns.message.make_query(f"_submissions._tcp.{domain}", "SRV", use_edns=0, payload=65_535).to_wire()
    for whole in (zones.answer(plain, over_tcp=True), zones.answer(extended)):
        assert whole is not None
        assert 512 < len(whole) <= LARGEST_UDP
        assert len(dns.message.from_wire(whole).answer) == 1


def test_what_is_no_question_gets_a_format_error_or_nothing() -> None:
    query = dns.message.make_query(OPERATOR, "MX").to_wire()
    answer = ZONES.answer(query)
    assert answer is not None
    assert ZONES.answer(answer) is None  # an answer is never answered
    assert ZONES.answer(query[:11]) is None
    for broken in (query[:14], query + b"\x00" * 5_000, query[:4] + b"\x00\x07" + query[6:]):
        reply = ZONES.answer(broken)
        assert reply is not None
        assert (reply[:2], reply[3] & 15, len(reply)) == (query[:2], dns.rcode.FORMERR, 12)
    none = dns.message.make_query(OPERATOR, "MX")
    none.question = []
    assert dns.message.from_wire(ZONES.answer(none.to_wire()) or b"").rcode() == dns.rcode.FORMERR
    status = dns.message.make_query(OPERATOR, "MX")
    status.set_opcode(dns.opcode.STATUS)
    assert dns.message.from_wire(ZONES.answer(status.to_wire()) or b"").rcode() == dns.rcode.NOTIMP
    assert asked(OPERATOR, "MX", rdclass="CH").rcode() == dns.rcode.REFUSED
    assert len(asked(OPERATOR, "ANY").answer) == 1


@given(st.binary(max_size=600))
def test_octets_get_an_answer_or_none_and_nothing_else_happens(octets: bytes) -> None:
    reply = ZONES.answer(octets)
    assert reply is None or (reply[:2] == octets[:2] and reply[2] & 0x80)


@given(st.data())
def test_a_spoilt_question_is_answered_in_kind(data: st.DataObject) -> None:
    query = bytearray(dns.message.make_query(f"_imap._tcp.{OPERATOR}", "SRV", use_edns=0).to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        query[data.draw(st.integers(0, len(query) - 1))] = data.draw(st.integers(0, 255))
    reply = ZONES.answer(bytes(query))
    assert reply is None or reply[:2] == query[:2]


async def test_questions_that_come_together_or_in_pieces_are_answered_in_their_order(server: DnsServer) -> None:
    queries = [dns.message.make_query(OPERATOR, kind).to_wire() for kind in ("MX", "SOA", "NS")]
    stream = b"".join(len(one).to_bytes(2) + one for one in queries)
    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        for query in queries:
            answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            assert answer == ZONES.answer(query, over_tcp=True)
        writer.close()


async def test_a_connection_takes_questions_one_after_the_other_too_long_ones_too(server: DnsServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    query = dns.message.make_query(OPERATOR, "MX").to_wire()
    for question, rcode in ((query, 0), (query + b"\x00" * 60_000, dns.rcode.FORMERR), (query, 0)):
        writer.write(len(question).to_bytes(2) + question)
        answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        assert (answer[:2], answer[3] & 15) == (query[:2], rcode)
    writer.write(b"\x00\x02hi")
    assert await reader.read() == b""  # no message at all ends it
    writer.close()


async def test_a_port_that_is_taken_is_told(server: DnsServer) -> None:
    with pytest.raises(OSError, match="in use"):
        await DnsServer(ZONES).start("127.0.0.1", server.port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="in use"):
            await DnsServer(ZONES).start("127.0.0.1", taken.getsockname()[1])
