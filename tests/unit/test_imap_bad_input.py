"""What no client should send and no mailbox should hold: the right BAD or NO, nothing lost, memory bounded."""

import asyncio
import re
import tracemalloc

import pytest

from mssante_sim.storage.api import MAX_KEYWORDS
from tests.scenarios.matching import Item, Quoted, read_items
from tests.unit.imap_house import PATIENCE_S, Begin, House, Wire

pytestmark = pytest.mark.slow

LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


async def _line(wire: Wire) -> bytes:
    """One line, however long."""
    line = b""
    while not line.endswith(b"\n"):
        try:
            line += await asyncio.wait_for(wire.reader.readuntil(b"\n"), PATIENCE_S)
        except asyncio.LimitOverrunError as long:
            line += await wire.reader.readexactly(long.consumed)
    return line


async def _ask(wire: Wire, tag: str, command: bytes) -> list[bytes]:
    """The responses to `command`, each with its literals, up to the tagged one."""
    wire.writer.write(tag.encode() + b" " + command + b"\r\n")
    responses: list[bytes] = []
    while not responses or not responses[-1].startswith(tag.encode() + b" "):
        response = await _line(wire)
        while literal := LITERAL.search(response[-20:]):
            response += await wire.reader.readexactly(int(literal[1])) + await _line(wire)
        responses.append(response)
    return responses


def _items(response: bytes) -> tuple[Item, ...]:
    """What an untagged response is made of; a ValueError if a client cannot read it."""
    return read_items(response.removeprefix(b"* ").removesuffix(b"\r\n"))


async def _last(wire: Wire, command: bytes) -> bytes:
    """The status of `command`, and what follows it."""
    return (await _ask(wire, "t", command))[-1].removeprefix(b"t ")


async def _body(wire: Wire, item: bytes = b"BODY.PEEK[]") -> bytes:
    """What FETCH gives as `item` of the newest message."""
    (fetched, _) = await _ask(wire, "b", b"FETCH 2 (" + item + b")")
    (_, _, (_, value)) = _items(fetched)
    assert isinstance(value, Quoted)
    return value.octets


async def _append(wire: Wire, octets: bytes, kind: bytes = b"") -> bytes:
    return await _last(wire, b"APPEND INBOX %b{%d+}\r\n%b" % (kind, len(octets), octets))


async def _selected(begin: Begin) -> tuple[House, Wire]:
    house = await begin()
    await house.deliver()
    return house, await (await house.secure()).select()


BROKEN_NAMES = [
    b"&",
    b"&AOk",
    b"&-&AOk",
    b"&AOk-&AOk-",
    b"&AGEAYg-",
    b"&A-",
    b"&AO@-",
    b"&2AA-",
    b"\xc3\xa9",
    b"\xff",
    b"a\x7f",
]


@pytest.mark.parametrize("name", BROKEN_NAMES)
async def test_a_name_that_is_not_modified_utf7_names_nothing(begin: Begin, name: bytes) -> None:
    """[RFC 3501 §5.1.3]; CANNOT, for no name of that form can ever exist [RFC 5530 §3]."""
    _, wire = await _selected(begin)
    quoted = b'"' + name + b'"'
    before = await _ask(wire, "l", b'LIST "" *')
    for command in (b"CREATE %b", b"SELECT %b", b"STATUS %b (MESSAGES)", b"DELETE %b", b"RENAME INBOX %b", b"COPY 1 %b",
                    b"SUBSCRIBE %b", b'LIST "" %b', b"MOVE 1 %b"):  # fmt: skip
        said = await _last(wire, command % quoted)
        assert said.startswith((b"NO [CANNOT] ", b"BAD ") if b"\x7f" in name else b"NO [CANNOT] "), command
    assert await _ask(wire, "l", b'LIST "" *') == before
    assert (await _last(wire, b"FETCH 1 (FLAGS)")).startswith(b"OK"), "INBOX is still selected"


async def test_a_set_of_two_billion_numbers_costs_nothing(begin: Begin) -> None:
    _, wire = await _selected(begin)
    tracemalloc.start()
    try:
        assert await _ask(wire, "a", b"UID FETCH 1:2000000000 (UID)") == [
            b"* 1 FETCH (UID 1)\r\n",
            b"a OK Fetch completed.\r\n",
        ]
        assert (await _last(wire, b"FETCH 1:2000000000 (UID)")).startswith(b"BAD ")  # there is no such message
        assert (await _last(wire, b"UID STORE 2000000000:1 +FLAGS.SILENT (\\Flagged)")).startswith(b"OK")
        assert b"* SEARCH 1\r\n" in await _ask(wire, "a", b"UID SEARCH UID 1:2000000000 NOT UID 2:4294967295")
        assert (await _last(wire, b"UID COPY 1:2000000000 Archive")).startswith(b"OK [COPYUID ")
        assert (await _last(wire, b"ENABLE QRESYNC")).startswith(b"OK")
        assert (await _last(wire, b"SELECT INBOX (QRESYNC (1 1 1:2000000000 (1:2000000000 1:2000000000)))")).startswith(
            b"OK"
        )
        assert (await _last(wire, b"UID FETCH 1:2000000000 (FLAGS) (CHANGEDSINCE 1 VANISHED)")).startswith(b"OK")
        assert (await _last(wire, b"UID EXPUNGE 1:2000000000")).startswith(b"OK")
        assert (await _last(wire, b"UID FETCH 4294967296 (UID)")).startswith(b"BAD ")
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "command", [b"SEARCH ", b"UID SEARCH RETURN (COUNT) ", b"SORT (DATE) UTF-8 ", b"THREAD REFERENCES UTF-8 "]
)
@pytest.mark.parametrize(
    "key", [b"NOT " * 1_000 + b"ALL", b"(" * 1_000 + b"ALL" + b")" * 1_000, b"OR ALL " * 1_000 + b"ALL"]
)
async def test_a_search_nested_a_thousand_deep_is_too_much(begin: Begin, command: bytes, key: bytes) -> None:
    """LIMIT: a number of something was exceeded [RFC 5530 §3]; what other programs write is a tenth of that."""
    _, wire = await _selected(begin)
    assert (await _last(wire, command + key)).startswith(b"NO [LIMIT] ")
    assert (await _last(wire, command + b"OR ALL " * 100 + b"ALL")).startswith(b"OK")


async def test_a_search_of_as_many_keys_as_a_line_holds_is_answered(begin: Begin) -> None:
    _, wire = await _selected(begin)
    key = b" ".join([b'SUBJECT "ordonnance"'] * 3_000)
    assert b"* SEARCH 1\r\n" in await _ask(wire, "a", b"SEARCH " + key)


async def test_nul_is_refused_wherever_it_cannot_be_meant(begin: Begin) -> None:
    """In lines and in literals [RFC 3501 §9]; a literal8 holds any octets [RFC 3516 §4.4]."""
    _, wire = await _selected(begin)
    for command in (b"SELECT a\0b", b"SELECT {3+}\r\na\0b", b"SEARCH SUBJECT {1+}\r\n\0", b"CREATE {1+}\r\n\0"):
        assert (await _last(wire, command)).startswith(b"BAD "), command
    assert (await _append(wire, b"Subject: a\0b\r\n\r\nx")).startswith(b"BAD ")
    assert b"* SEARCH 1\r\n" in await _ask(wire, "a", b"SEARCH ALL")
    content = b"Subject: a\0b\r\n\r\n\0"
    assert (await _append(wire, content, b"~")).startswith(b"OK [APPENDUID ")
    assert await _body(wire) == content


async def test_names_in_utf8_are_for_who_enabled_them(begin: Begin) -> None:
    """[RFC 9051 §5.1]; what is not UTF-8 then is not of the grammar."""
    _, wire = await _selected(begin)
    assert (await _last(wire, 'CREATE "Reçus"'.encode())).startswith(b"NO [CANNOT] ")
    assert (await _last(wire, b"ENABLE IMAP4rev2")).startswith(b"OK")
    assert (await _last(wire, 'CREATE "Reçus"'.encode())).startswith(b"OK")
    assert (await _last(wire, b'CREATE "Re\xe7us"')).startswith(b"BAD ")
    assert '"/" "Reçus"' in b"".join(await _ask(wire, "l", b'LIST "" Re*')).decode()


async def test_a_mailbox_has_so_many_keywords_and_no_more(begin: Begin) -> None:
    """All of them are told to whoever selects it, so that one client could make it a burden to all."""
    _, wire = await _selected(begin)
    many = b" ".join(b"$k%d" % number for number in range(MAX_KEYWORDS - 1))
    assert (await _last(wire, b"STORE 1 +FLAGS.SILENT (" + many + b")")).startswith(b"OK")
    assert (await _last(wire, b"STORE 1 +FLAGS.SILENT ($new1 $new2)")).startswith(b"NO [LIMIT] ")
    assert (await _last(wire, b"STORE 1 +FLAGS.SILENT ($last)")).startswith(b"OK")
    assert (await _append(wire, b"Subject: a\r\n\r\n", b"($new3) ")).startswith(b"NO [LIMIT] ")
    assert (await _last(wire, b"STORE 1 +FLAGS.SILENT ($K0 \\Seen)")).startswith(b"OK")
    permanent = next(line for line in await _ask(wire, "s", b"SELECT INBOX") if b"PERMANENTFLAGS" in line)
    assert b"$last" in permanent
    assert b"\\*" not in permanent, "no other can be made [RFC 3501 §7.1]"
    assert (await _last(wire, b"STORE 1 +FLAGS (" + b"k" * 256 + b")")).startswith(b"NO [LIMIT] ")


MIXED = b"Content-Type: multipart/mixed; boundary="
BROKEN_TREES = {
    "no boundary": b"Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nx",
    "a boundary that never comes": MIXED + b"b\r\n\r\nx",
    "never closed": MIXED + b"b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n" + MIXED + b"c\r\n\r\n--c\r\n",
    "the same boundary inside": MIXED + b"b\r\n\r\n--b\r\n" + MIXED + b"b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--b--\r\n",
    "a thousand deep": b"".join(MIXED + b"b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(1_000)),
    "messages a thousand deep": b"Content-Type: message/rfc822\r\n\r\n" * 1_000 + b"Subject: x\r\n\r\nx",
    "ten thousand parts": MIXED + b"b\r\n\r\n" + b"--b\r\n\r\n" * 10_000,
    "a type that is none": b'Content-Type: ;;;="\r\nContent-Transfer-Encoding: \xff\r\n\r\nx',
    "base64 that is none": MIXED + b"b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff===!Q\r\n--b--",
    "nothing at all": b" ",
}


@pytest.mark.parametrize("tree", BROKEN_TREES)
async def test_a_message_with_a_broken_tree_is_shown_and_returned_as_it_came(begin: Begin, tree: str) -> None:
    _, wire = await _selected(begin)
    content = BROKEN_TREES[tree]
    assert (await _append(wire, content)).startswith(b"OK [APPENDUID ")
    shown, done = (await _ask(wire, "a", b"FETCH 2 (ENVELOPE BODY BODYSTRUCTURE RFC822.SIZE)"))[-2:]
    assert done == b"a OK Fetch completed.\r\n"
    _items(shown)
    assert b"RFC822.SIZE %d" % len(content) in shown
    assert len(shown) < 1_000_000
    assert await _body(wire) == content
    for item in (
        b"BODY.PEEK[1]",
        b"BODY.PEEK[1.MIME]",
        b"BODY.PEEK[1.1.1.1]",
        b"BODY.PEEK[99.HEADER]",
        b"BINARY.PEEK[1]",
    ):
        assert (await _last(wire, b"FETCH 2 (" + item + b")")).startswith((b"OK", b"NO [UNKNOWN-CTE]"))
    assert b"* SEARCH 2\r\n" in await _ask(wire, "s", b"SEARCH NOT TEXT Bonjour")


MEGABYTE = 1_000_000
LONG_HEADERS = {
    "one field": b"Subject: " + b"a" * MEGABYTE + b"\r\n\r\nx",
    "one folded field": b"To: a@b.test" + b",\r\n a@b.test" * (MEGABYTE // 12) + b"\r\n\r\nx",
    "many fields": b"".join(b"X-%06d: %b\r\n" % (number, b"y" * 38) for number in range(MEGABYTE // 50)) + b"\r\nx",
    "no end": b"Subject: a\r\n" + (b"X: %b\r\n" % (b"y" * 45)) * (MEGABYTE // 50),
}


@pytest.mark.parametrize("kind", LONG_HEADERS)
async def test_a_header_of_a_megabyte_is_kept_and_costs_a_few(begin: Begin, kind: str) -> None:
    _, wire = await _selected(begin)
    content = LONG_HEADERS[kind]
    assert (await _append(wire, content)).startswith(b"OK [APPENDUID ")
    tracemalloc.start()
    try:
        (shown, _) = await _ask(wire, "a", b"FETCH 2 (ENVELOPE BODYSTRUCTURE)")
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    _items(shown)
    assert await _body(wire) == content
    assert await _body(wire, b"BODY.PEEK[HEADER]") + await _body(wire, b"BODY.PEEK[TEXT]") == content
    assert (await _last(wire, b"FETCH 2 (BODY.PEEK[HEADER.FIELDS (SUBJECT X-000001)])")).startswith(b"OK")


ODD_OCTETS = [
    b"a\nb\n", b"a\rb\r", b"\r\n", b"\n\n", b".\r\n.\r\n", b"From nobody\r\n\r\n", b"\xef\xbb\xbfSubject: a\r\n\r\n",
    b"a\r\n\r", bytes(range(1, 256)), b"Subject: a\r\n\r\n" + b"x" * 100_000, b")\r\na OK done\r\n* 1 EXPUNGE\r\n",
    b"{5}\r\n",
]  # fmt: skip


@pytest.mark.parametrize("octets", ODD_OCTETS, ids=range(len(ODD_OCTETS)))
async def test_append_keeps_octets_as_they_came(begin: Begin, octets: bytes) -> None:
    """Bare CR and LF, 8 bits, what looks like IMAP: only SMTP seals, and nothing is mended."""
    _, wire = await _selected(begin)
    assert (await _append(wire, octets)).startswith(b"OK [APPENDUID ")
    assert await _body(wire) == octets
    assert await _body(wire, b"BODY.PEEK[HEADER]") + await _body(wire, b"BODY.PEEK[TEXT]") == octets
    assert await _body(wire, b"BINARY.PEEK[]") == octets
    assert b"RFC822.SIZE %d)" % len(octets) in (await _ask(wire, "a", b"FETCH 2 (RFC822.SIZE)"))[0]
