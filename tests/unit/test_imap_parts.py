"""BINARY over a real store: octets that lines cannot carry, parts that nobody can decode, parts that are large."""

from base64 import encodebytes
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.imap.render import sections
from mssante_sim.message.parts import Part
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.scenarios.ours import CoreServer, services_over
from tests.unit.imap_talk import Talk

ACCOUNT = "lilas@officine.mssante.test"
ODD = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-own\r\n\r\nabc"
PLAIN = b"Subject: x\r\n\r\nabc"


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    store = SqliteStore.open(tmp_path, clock=SystemClock())
    await store.open_account(ACCOUNT)
    session = await Talk.begin(CoreServer(services_over(store)), ACCOUNT)
    await session.ask("SELECT INBOX")
    yield session
    await session.close()
    await store.close()


async def append(talk: Talk, *messages: bytes) -> None:
    literals = b" ".join(b"%b{%d+}\r\n%b" % (b"~" if b"\0" in one else b"", len(one), one) for one in messages)
    assert b"t OK" in await talk.ask(b"APPEND INBOX " + literals)


def part(content: bytes, encoding: bytes = b"base64") -> bytes:
    head = b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: "
    return head + encoding + b"\r\n\r\n" + content


async def test_octets_with_nul_come_as_literal8_and_others_as_literal(talk) -> None:
    await append(talk, part(encodebytes(b"a\0b")), part(encodebytes(b"a\xffb")))
    said = await talk.ask("FETCH 1:2 BINARY.PEEK[1]")
    assert b"* 1 FETCH (BINARY[1] ~{3}\r\na\0b)\r\n" in said
    assert b"* 2 FETCH (BINARY[1] {3}\r\na\xffb)\r\n" in said


async def test_a_stored_nul_is_returned_as_it_came(talk) -> None:
    message = part(b"a\0b\r\n", b"binary")
    await append(talk, message)
    assert b"BODY[] {%d}\r\n%b" % (len(message), message) in await talk.ask("FETCH 1 BODY.PEEK[]")
    assert b"BINARY[1] ~{5}\r\na\0b\r\n" in await talk.ask("FETCH 1 BINARY.PEEK[1]")


async def test_what_can_be_decoded_before_what_cannot_is_still_answered(talk) -> None:
    """The answer ends in NO, and the octets before it are whole responses."""
    await append(talk, PLAIN, ODD, PLAIN)
    said = await talk.ask("FETCH 1:3 (UID BINARY.PEEK[1])")
    assert said.startswith(b"* 1 FETCH (UID 1 BINARY[1] {3}\r\nabc)\r\nt NO [UNKNOWN-CTE] ")
    assert b"t OK" in await talk.ask("FETCH 3 BINARY.PEEK[1]")


async def test_whole_messages_multiparts_and_missing_parts(talk) -> None:
    head, end = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n", b"\r\n--b--\r\n"
    inner = head + b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx" + end
    await append(talk, inner)
    assert b"BINARY[] {%d}\r\n%b)" % (len(inner), inner) in await talk.ask("FETCH 1 BINARY.PEEK[]")
    assert b"BINARY[1] {3}\r\none)" in await talk.ask("FETCH 1 BINARY.PEEK[1]")
    assert b"BINARY[2] {16}\r\nSubject: in\r\n\r\nx)" in await talk.ask("FETCH 1 BINARY.PEEK[2]")
    assert b"BINARY[9] NIL BINARY.SIZE[9] 0)" in await talk.ask("FETCH 1 (BINARY.PEEK[9] BINARY.SIZE[9])")


@pytest.mark.slow
async def test_a_large_part_is_cut_as_it_is_asked(talk) -> None:
    content = bytes(range(1, 256)) * 8_000  # 2 MB, decoded in a thread and sent in slices
    await append(talk, part(encodebytes(content).replace(b"\n", b"\r\n")))
    assert b"BINARY.SIZE[1] %d)" % len(content) in await talk.ask("FETCH 1 BINARY.SIZE[1]")
    whole = await talk.ask("FETCH 1 BINARY.PEEK[1]")
    assert b"BINARY[1] {%d}\r\n%b)" % (len(content), content) in whole
    cut = await talk.ask("FETCH 1 BINARY.PEEK[1]<1000000.500000>")
    assert b"BINARY[1]<1000000> {500000}\r\n%b)" % content[1_000_000:1_500_000] in cut
    assert b"BINARY[1]<9000000> {0}\r\n)" in await talk.ask("FETCH 1 BINARY.PEEK[1]<9000000.5>")


async def test_a_part_that_is_asked_for_in_many_pieces_is_decoded_once(talk, monkeypatch) -> None:
    """Or a line of 64 kB would make the server decode, and hold, a message thousands of times."""
    real, times = sections.decoded, []

    def counting(octets: bytes, part: Part) -> bytes:
        times.append(part)
        return real(octets, part)

    monkeypatch.setattr(sections, "decoded", counting)
    await append(talk, part(encodebytes(b"0123456789")))
    pieces = " ".join(f"BINARY.PEEK[1]<{at}.3>" for at in range(500))
    said = await talk.ask(f"FETCH 1 ({pieces} BINARY.SIZE[1])")
    assert b"BINARY[1]<6> {3}\r\n678 " in said
    assert b"BINARY[1]<499> {0}\r\n BINARY.SIZE[1] 10)" in said
    assert len(times) == 1
