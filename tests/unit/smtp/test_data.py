"""The end of a message, under every way to cut the stream."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mssante_sim.smtp import replies
from mssante_sim.smtp.data import DataReceiver, Message
from mssante_sim.smtp.replies import Refusal

KEY = b"k" * 32
CHUNK = 256 * 1024


def receive(chunks: list[bytes], *, limit: int = 1000) -> tuple[Message | Refusal, bytes] | None:
    """What came of the chunks and what was left; None if the message went on."""
    receiver = DataReceiver(limit_octets=limit, key=KEY)
    pending = iter(chunks)
    for chunk in pending:
        if (rest := receiver.feed(chunk)) is not None:
            return receiver.result(), rest + b"".join(pending)
    return None


def every_split(octets: bytes) -> list[list[bytes]]:
    """In one, in single octets, at each one place, at each two places."""
    two = [
        [octets[:a], octets[a:b], octets[b:]] for a, b in itertools.combinations_with_replacement(range(len(octets)), 2)
    ]
    return [[octets], [bytes([octet]) for octet in octets], *two]


VECTORS = [
    # octets after DATA, message or refusal, rest
    (b".\r\n", b"", b""),
    (b".\r\nQUIT\r\n", b"", b"QUIT\r\n"),
    (b"a\r\n.\r\n", b"a\r\n", b""),
    (b"\r\n.\r\n", b"\r\n", b""),
    (b"a\r\n\r\n.\r\n", b"a\r\n\r\n", b""),
    (b"..\r\n.\r\n", b".\r\n", b""),
    (b"...\r\n..b\r\n.c\r\n.\r\n", b"..\r\n.b\r\nc\r\n", b""),
    (b"a.\r\n.\r\n", b"a.\r\n", b""),
    (b"a\r\n.\r\nMAIL FROM:<x@y>\r\n", b"a\r\n", b"MAIL FROM:<x@y>\r\n"),
    (b"a\r\n.\r\nb\r\n.\r\n", b"a\r\n", b"b\r\n.\r\n"),
]


@pytest.mark.parametrize(("octets", "message", "rest"), VECTORS)
def test_message_and_rest_do_not_depend_on_how_the_stream_is_cut(octets, message, rest):
    for chunks in every_split(octets):
        outcome = receive(chunks)
        assert outcome is not None
        assert isinstance(outcome[0], Message)
        assert (outcome[0].octets(), outcome[1]) == (message, rest)


NO_END = [
    b"\n.\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r", b"\r\n\0.\r\n",
    b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\rX\r\n",
]  # fmt: skip


@pytest.mark.parametrize("sequence", NO_END)
def test_only_crlf_dot_crlf_ends_a_message_and_anything_like_it_is_refused(sequence: bytes):
    smuggled = b"MAIL FROM:<patient@x>\r\n"
    octets = b"a" + sequence + smuggled
    for chunks in every_split(octets):
        assert receive(chunks) is None
    for chunks in ([octets + b"\r\n.\r\nQUIT\r\n"], [octets, b"\r\n.\r\nQUIT\r\n"]):
        outcome = receive(chunks)
        assert outcome in {(replies.BARE_NEWLINE, b"QUIT\r\n"), (replies.NUL_OCTET, b"QUIT\r\n")}


def test_a_message_that_ends_after_a_lone_cr_is_refused():
    for chunks in every_split(b"a\r\r\n.\r\n"):
        assert receive(chunks) == (replies.BARE_NEWLINE, b"")


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        (b"a\nb\r\n", replies.BARE_NEWLINE),
        (b"a\rb\r\n", replies.BARE_NEWLINE),
        (b"\na\r\n", replies.BARE_NEWLINE),
        (b"a\0b\r\n", replies.NUL_OCTET),
    ],
)
def test_octets_that_other_servers_read_differently_are_refused_wherever_the_stream_is_cut(message, refusal):
    for chunks in every_split(message + b".\r\n"):
        assert receive(chunks) == (refusal, b"")


@pytest.mark.parametrize("length", [997, 998, 999, 1000, 1001, 2500])
@pytest.mark.parametrize("before", [b"", b"x\r\n", b"y" * 500 + b"\r\n" + b"z" * 700 + b"\r\n"])
@pytest.mark.parametrize("dot", [b"", b"."])
def test_a_line_holds_998_octets_and_a_stuffed_dot_does_not_count(length, before, dot):
    line = dot + b"a" * (length - len(dot))
    octets = before + dot + line + b"\r\n.\r\n"
    for size in (1, 2, 7, 499, 998, 999, 1000, 1001, len(octets)):
        chunks = [octets[start : start + size] for start in range(0, len(octets), size)]
        outcome = receive(chunks, limit=10_000)
        assert outcome is not None
        if length > 998:
            assert outcome[0] is replies.LINE_TOO_LONG
        else:
            assert isinstance(outcome[0], Message)
            assert outcome[0].octets() == before + line + b"\r\n"


@pytest.mark.parametrize("limit", [99, 100])
def test_size_counts_octets_as_received_and_a_message_too_big_is_taken_to_its_end(limit):
    octets = b"..123456\r\n" * 10
    for chunks in ([octets + b".\r\nRSET"], [octets, b".", b"\r\nRSET"], [bytes([o]) for o in octets + b".\r\nRSET"]):
        outcome = receive(chunks, limit=limit)
        assert outcome is not None
        assert outcome[1] == b"RSET"
        if limit < len(octets):
            assert outcome[0] is replies.TOO_BIG
        else:
            assert isinstance(outcome[0], Message)
            assert len(outcome[0]) == 90


def test_what_is_swallowed_takes_no_memory():
    receiver = DataReceiver(limit_octets=10, key=KEY)
    for _ in range(20):
        assert receiver.feed(b"0123456789\r\n" * 1000) is None
    assert receiver._pieces == []
    assert receiver.feed(b".\r\n") == b""
    assert receiver.result() is replies.TOO_BIG


def test_the_digest_depends_on_every_octet_and_the_key_but_not_on_the_cuts():
    def digest(octets: bytes, size: int, key: bytes = KEY) -> bytes:
        receiver = DataReceiver(limit_octets=10_000, key=key)
        for start in range(0, len(octets), size):
            receiver.feed(octets[start : start + size])
        message = receiver.result()
        assert isinstance(message, Message)
        return message.digest

    octets = b"..a\r\nb\r\n" * 40 + b".\r\n"
    assert len({digest(octets, size) for size in (1, 2, 3, 64, 1000)}) == 1
    assert digest(octets, 64) != digest(octets.replace(b"b", b"c", 1), 64)
    assert digest(octets, 64) != digest(octets, 64, key=b"other")


def reference(stream: bytes) -> tuple[bytes, bytes] | None:
    """The plain reading: whole buffer, no chunks."""
    buffer = b"\r\n" + stream
    end = buffer.find(b"\r\n.\r\n")
    return None if end < 0 else (buffer[: end + 2].replace(b"\r\n.", b"\r\n")[2:], buffer[end + 5 :])


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\0", b"\r\n.\r\n", b"\r\n."]), max_size=30),
    st.lists(st.integers(0, 60), max_size=6),
)
@example([b"\r\n", b".", b"\r\n"], [1])
def test_any_stream_in_any_cuts_reads_as_the_whole_buffer_does(parts, cuts):
    stream = b"".join(parts)
    edges = [0, *sorted(cuts), len(stream)]
    outcome = receive([stream[a:b] for a, b in itertools.pairwise(edges)])
    plain = reference(stream)
    if plain is None:
        assert outcome is None
        return
    assert outcome is not None
    content, rest = plain
    clean = b"\0" not in content and content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    assert outcome[1] == rest
    assert isinstance(outcome[0], Message) == clean
    if isinstance(outcome[0], Message):
        assert outcome[0].octets() == content


def test_a_message_does_not_show_its_octets():
    assert "secret" not in repr(Message((b"secret",), b"digest"))
