"""Where commands begin and end, however the packets are cut, and whatever is refused."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mssante_sim.imap.core.faults import LimitReached, NotImap, SyntaxFault, TooBig
from mssante_sim.imap.core.framing import CommandFramer, ContinuationNeeded, Event, Frame, Refused, read_tag
from mssante_sim.imap.core.limits import FrameLimits
from tests.imap_core.wire import events, every_split

SMALL = FrameLimits(
    line_before_login=24, literal_before_login=5, line=32, literal=10, append_literal=20, literals=3, swallowed=60
)

WELL_FORMED = [
    pytest.param(b"a NOOP\r\n", [Frame((b"a NOOP",))], id="a line"),
    pytest.param(b"\r\n", [Frame((b"",))], id="an empty line is a frame, and the parser's business"),
    pytest.param(b"a NOOP\r\nb NOOP\r\n", [Frame((b"a NOOP",)), Frame((b"b NOOP",))], id="pipelined"),
    pytest.param(
        b"a SELECT {5}\r\nINBOX\r\n",
        [ContinuationNeeded(5), Frame((b"a SELECT {5}", b""), (b"INBOX",))],
        id="synchronising literal",
    ),
    pytest.param(
        b"a SELECT {5+}\r\nINBOX\r\n", [Frame((b"a SELECT {5+}", b""), (b"INBOX",))], id="non-synchronising literal"
    ),
    pytest.param(
        b"a x {0}\r\n {0+}\r\n\r\n",
        [ContinuationNeeded(0), Frame((b"a x {0}", b" {0+}", b""), (b"", b""))],
        id="empty literals",
    ),
    pytest.param(
        b"a x {12+}\r\na NOOP\r\n{9}\n\r\nb NOOP\r\n",
        [Frame((b"a x {12+}", b""), (b"a NOOP\r\n{9}\n",)), Frame((b"b NOOP",))],
        id="a literal may look like commands",
    ),
    pytest.param(
        b'a LOGIN "x {9} y" {3+}\r\nabc\r\n', [Frame((b'a LOGIN "x {9} y" {3+}', b""), (b"abc",))], id="{9} in quotes"
    ),
    pytest.param(b'a x "b{9}\r\nc NOOP\r\n', [Frame((b'a x "b{9}',)), Frame((b"c NOOP",))], id="in an open quote"),
    pytest.param(b'a x "\\"{9}\r\nc\r\n', [Frame((b'a x "\\"{9}',)), Frame((b"c",))], id="after an escaped quote"),
    pytest.param(b'a x "\\\\" {1+}\r\n,\r\n', [Frame((b'a x "\\\\" {1+}', b""), (b",",))], id="after a real end"),
    pytest.param(b"a x {}\r\n", [Frame((b"a x {}",))], id="no number"),
    pytest.param(b"a x {5 }\r\n", [Frame((b"a x {5 }",))], id="a number and more"),
    pytest.param(b"a x {-5}\r\n", [Frame((b"a x {-5}",))], id="a negative number"),
    pytest.param(b"a x {1++}\r\n", [Frame((b"a x {1++}",))], id="two plus signs"),
    pytest.param(b"a x {0001+}\r\n,\r\n", [Frame((b"a x {0001+}", b""), (b",",))], id="leading zeros"),
    pytest.param(b"a x ~{1+}\r\n,\r\n", [Frame((b"a x ~{1+}", b""), (b",",))], id="literal8 has the same frame"),
]


@pytest.mark.parametrize(("octets", "expected"), WELL_FORMED)
def test_frames_do_not_depend_on_packets(octets: bytes, expected: list[Event]) -> None:
    for chunks in every_split(octets):
        assert events(chunks) == expected


REFUSED = [
    pytest.param(b"a " + b"x" * 40 + b"\r\n", "a", SyntaxFault, id="long line"),
    pytest.param(b"a " + b"x" * 40 + b"{9}\r\n", "a", SyntaxFault, id="long line that asks for a literal"),
    pytest.param(b"a x {5+}\r\nINBOX" + b"x" * 40 + b"\r\n", "a", SyntaxFault, id="long line after a literal"),
    pytest.param(b"a x {11}\r\n", "a", TooBig, id="big literal is not asked for"),
    pytest.param(b"a x {11+}\r\nb SELECT \r\n\r\n", "a", TooBig, id="big literal is swallowed"),
    pytest.param(b"a x {11+}\r\n01234567890 {2+}\r\nno more\r\n", "a", TooBig, id="and what follows it"),
    pytest.param(b"a x {11+}\r\n01234567890 {2}\r\n", "a", TooBig, id="until it waits"),
    pytest.param(b"a x {6+}\r\n123456{5}\r\n", "a", TooBig, id="literals count together"),
    pytest.param(b"a x {99999999999999999999}\r\n", "a", TooBig, id="absurd literal"),
    pytest.param(b"a APPEND x {21}\r\n", "a", TooBig, id="big message"),
    pytest.param(b"a APPEND {11}\r\n", "a", TooBig, id="big name of a mailbox for APPEND"),
    pytest.param(b"a {1+}\r\n1{1+}\r\n2{1+}\r\n3{1}\r\n", "a", LimitReached, id="many literals"),
    pytest.param(b"a b\0c\r\n", "a", SyntaxFault, id="NUL"),
    pytest.param(b"a b\rc\r\n", "a", SyntaxFault, id="bare CR"),
    pytest.param(b"a b\r\r\n", "a", SyntaxFault, id="CR CR LF"),
    pytest.param(b"a \0 {5+}\r\nINBOX\r\n", "a", SyntaxFault, id="NUL, then a literal"),
    pytest.param(b"\xff" * 40 + b"\r\n", None, SyntaxFault, id="no tag"),
]


@pytest.mark.parametrize(("octets", "tag", "kind"), REFUSED)
def test_after_a_refused_command_the_next_one_is_found(octets: bytes, tag: str | None, kind: type[Exception]) -> None:
    for chunks in every_split(octets + b"z NOOP\r\n"):
        refused, following = events(chunks, SMALL)
        assert isinstance(refused, Refused)
        assert (refused.tag, type(refused.fault), refused.closes) == (tag, kind, False)
        assert following == Frame((b"z NOOP",))


CLOSING = [
    pytest.param(b"\x16\x03\x01\x02\0", False, NotImap, id="a TLS handshake, which has no line end"),
    pytest.param(b"a NOOP\n", True, SyntaxFault, id="bare LF"),
    pytest.param(b"a x\ny\r\n", True, SyntaxFault, id="bare LF within"),
    pytest.param(b"\n", True, SyntaxFault, id="only a bare LF"),
    pytest.param(b"a x {1+}\r\n,\n", True, SyntaxFault, id="bare LF after a literal"),
    pytest.param(b"a " + b"x" * 40 + b"\n", True, SyntaxFault, id="bare LF after a long line"),
    pytest.param(b"a " + b"x" * 40 + b"{9+}\r\n", True, SyntaxFault, id="long line, then a literal unasked"),
    pytest.param(b"a x {61+}\r\n", True, TooBig, id="more than is swallowed"),
    pytest.param(b"a x {30+}\r\n" + b"," * 30 + b"{31+}\r\n", True, TooBig, id="more than is swallowed, in pieces"),
    pytest.param(b"a " + b"x" * 70 + b"\r\n", True, SyntaxFault, id="a line longer than is swallowed"),
    pytest.param(b"a x {6+}\r\n", False, TooBig, id="big literal unasked before login"),
    pytest.param(b"a x {4+}\r\n1234{2+}\r\n", False, TooBig, id="together too big before login"),
]


@pytest.mark.parametrize(("octets", "logged_in", "kind"), CLOSING)
def test_where_the_next_command_is_in_doubt_nothing_more_is_read(
    octets: bytes, logged_in: bool, kind: type[Exception]
) -> None:
    for chunks in every_split(octets + b"z NOOP\r\n"):
        (refused,) = events(chunks, SMALL, logged_in=logged_in)
        assert isinstance(refused, Refused)
        assert refused.closes
        assert type(refused.fault) is kind


def test_each_limit_holds_to_the_octet() -> None:
    def accepted(octets: bytes, *, logged_in: bool = True) -> bool:
        return not any(isinstance(event, Refused) for event in events([octets], SMALL, logged_in=logged_in))

    assert accepted(b"a " + b"x" * 28 + b"\r\n")
    assert not accepted(b"a " + b"x" * 29 + b"\r\n")
    assert accepted(b"a " + b"x" * 20 + b"\r\n", logged_in=False)
    assert not accepted(b"a " + b"x" * 21 + b"\r\n", logged_in=False)
    assert accepted(b"a x {10}\r\n")
    assert not accepted(b"a x {11}\r\n")
    assert accepted(b"a x {5}\r\n", logged_in=False)
    assert not accepted(b"a x {6}\r\n", logged_in=False)
    assert accepted(b"a APPEND x {20}\r\n")
    assert accepted(b"a append {10+}\r\n0123456789 {20}\r\n")
    assert not accepted(b"a append {10+}\r\n0123456789 {21}\r\n")
    assert not accepted(b"a APPEND x {6}\r\n", logged_in=False)


def test_an_announcement_of_thousands_of_digits_is_just_too_big() -> None:
    (refused,) = events([b"a x {" + b"9" * 6_000 + b"}\r\n"])
    assert isinstance(refused, Refused)
    assert type(refused.fault) is TooBig
    assert len(refused.fault.public) < 100


def test_the_limits_change_with_the_login() -> None:
    framer = CommandFramer(SMALL)
    framer.feed(b"a x {6}\r\nb x {6}\r\n")
    assert isinstance(framer.next(), Refused)
    framer.logged_in = True
    assert framer.next() == ContinuationNeeded(6)


def test_pending_octets_are_those_behind_the_last_frame() -> None:
    framer = CommandFramer(FrameLimits())
    framer.feed(b"a STARTTLS\r\nb NO")
    assert framer.next() == Frame((b"a STARTTLS",))
    assert framer.pending == 4
    assert framer.next() is None
    assert framer.pending == 4


def test_a_frame_shows_no_password() -> None:
    (login,) = events([b"a LOGIN marie mot-de-passe\r\n"])
    assert "mot-de-passe" not in repr(login)


@pytest.mark.parametrize("before", [b"", b"a x ", b"a x {9+}\r\n", b"a " + b"x" * 40])
def test_only_what_begins_a_command_is_taken_for_tls(before: bytes) -> None:
    found = events([before + b"\x16\x03"], SMALL)
    assert bool(found) is not bool(before)


@pytest.mark.parametrize("chunk", [7, 16_384])
def test_a_large_message_costs_its_size_and_no_more(chunk: int) -> None:
    """Neither small packets nor the end of the literal multiply memory."""
    size = 25 * 1024 * 1024 if chunk > 1000 else 256 * 1024
    framer = CommandFramer(FrameLimits())
    framer.logged_in = True
    framer.feed(b"a APPEND INBOX {%d+}\r\n" % size)
    piece = b"x" * chunk
    tracemalloc.start()
    try:
        for _ in range(size // chunk):
            framer.feed(piece)
            assert framer.next() is None or size % chunk == 0
        framer.feed(b"x" * (size % chunk) + b"\r\n")
        found = framer.next()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found, Frame)
    assert found.literals == (b"x" * size,)
    assert held < 1.2 * size
    assert peak < 2.3 * size


@given(
    st.lists(
        st.sampled_from(
            [b"a", b" ", b"{", b"3", b"}", b"+", b"{3+}\r\n", b"{3}\r\n", b"{12+}\r\n", b'"', b"\\", b"\r\n", b"\r",
             b"\n", b"\0", b"APPEND ", b"a NOOP\r\n", b"x" * 33, b"\xff"]
        ),
        max_size=30,
    ).map(b"".join),
    st.lists(st.integers(0, 200), max_size=8),
    st.booleans(),
)  # fmt: skip
@example(b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{3+}\r\n", [33], True)
def test_what_comes_out_never_depends_on_the_cuts(octets: bytes, cuts: list[int], logged_in: bool) -> None:
    edges = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    chunks = [octets[low:high] for low, high in pairwise(edges)]

    def shown(found: list[Event]) -> list[object]:
        return [
            (event.tag, type(event.fault), event.fault.public, event.closes) if isinstance(event, Refused) else event
            for event in found
        ]

    assert shown(events(chunks, SMALL, logged_in=logged_in)) == shown(events([octets], SMALL, logged_in=logged_in))


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        (b"a NOOP", "a"),
        (b"a", "a"),
        (b"A0001.x]~ NOOP", "A0001.x]~"),
        (b"", None),
        (b" NOOP", None),
        (b"a+ NOOP", None),
        (b"a* NOOP", None),
        (b"* OK", None),
        (b"a\tNOOP", None),
        (b"\xc3\xa9 NOOP", None),
        (b"a\n", None),
        (b"x" * 128 + b" NOOP", "x" * 128),
        (b"x" * 129 + b" NOOP", None),
    ],
)
def test_a_tag_is_read_where_there_is_one(line: bytes, tag: str | None) -> None:
    assert read_tag(line) == tag


@pytest.mark.slow
def test_time_grows_with_the_input_only() -> None:
    """Quotes that never end, announcements that are none, and short lines, each up to 2 MB."""
    import time  # noqa: PLC0415 - a measurement

    def seconds(octets: bytes) -> float:
        limits = FrameLimits(line=len(octets) + 2)
        started = time.thread_time()  # ours alone, however busy the machine is
        events([octets], limits)
        return time.thread_time() - started

    for unit in (b'"\\', b'\\"', b"{1", b'"{1}"', b"a NOOP\r\n"):
        once = min(seconds(unit * 25_000 + b"{5}\r\n") for _ in range(3))
        eightfold = min(seconds(unit * 200_000 + b"{5}\r\n") for _ in range(3))
        assert eightfold < 30 * max(once, 0.001)
