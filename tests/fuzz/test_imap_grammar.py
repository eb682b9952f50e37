"""Whatever a peer sends, framing says something of it, and parsing ends in a command or one of our faults."""

import string
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mssante_sim.imap.core.commands import Command
from mssante_sim.imap.core.framing import ContinuationNeeded
from mssante_sim.imap.core.parse import parse
from tests.fuzz.targets import converse, grammar
from tests.imap_core.commands_made import commands
from tests.imap_core.wire import frame, written

CLIENTS = [
    b"1 CAPABILITY\r\n",
    b"2 AUTHENTICATE PLAIN\r\nAG1hcmllAG1vdA==\r\n",
    b"3 NAMESPACE\r\n",
    b'4 ID ("name" "Thunderbird" "version" "153.0")\r\n',
    b'5 LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE)\r\n',
    b'6 LIST "" "INBOX"\r\n',
    b'7 SELECT "INBOX"\r\n8 GETQUOTAROOT "INBOX"\r\n',
    b"9 UID FETCH 1:* (FLAGS)\r\n",
    (
        b"10 UID FETCH 3 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID "
        b"Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To Received)])\r\n"
    ),
    b"11 UID FETCH 3 (UID RFC822.SIZE BODY.PEEK[])\r\n",
    b"12 IDLE\r\nDONE\r\n13 NOOP\r\n",
    b'14 STATUS "Envoy&AOk-s" (UIDNEXT MESSAGES UNSEEN RECENT)\r\n',
    b"15 UID STORE 3 +FLAGS (\\Seen)\r\n16 UID STORE 3 +FLAGS ($Forwarded)\r\n17 CHECK\r\n",
    b'18 CREATE "R&AOk-pondus"\r\n19 RENAME "R&AOk-pondus" "Archive/R&AOk-pondus"\r\n',
    b'20 UID COPY 3 "Archive"\r\n21 UID MOVE 3 "Trash"\r\n22 UID EXPUNGE 3\r\n23 EXPUNGE\r\n24 CLOSE\r\n',
    b'25 APPEND "Drafts" (\\Seen \\Draft) {4+}\r\na\r\nb\r\n',
    b'26 UID SEARCH UNDELETED SUBJECT "ordonnance"\r\n',
    b"27 UID SEARCH CHARSET UTF-8 UNDELETED SUBJECT {7}\r\nsant\xc3\xa9!\r\n",
    b"28 COMPRESS DEFLATE\r\n29 LOGOUT\r\n",
    b"30 ENABLE CONDSTORE QRESYNC\r\n31 SELECT INBOX (QRESYNC (7 20 1:9 (1,5 2,9)) CONDSTORE)\r\n",
    b"32 UID FETCH 1:* FLAGS (CHANGEDSINCE 20 VANISHED)\r\n33 STORE $ (UNCHANGEDSINCE 20) -FLAGS.SILENT (\\Seen)\r\n",
    b"34 UID SEARCH RETURN (SAVE COUNT) OR MODSEQ 7 YOUNGER 86400\r\n",
    b"35 SORT (REVERSE DATE) UTF-8 SAVEDON 1-Feb-2026\r\n",
    b"36 UID THREAD REFERENCES UTF-8 NOT EMAILID M1\r\n37 FETCH 1 (BINARY.PEEK[1.2]<0.9> BINARY.SIZE[1] EMAILID)\r\n",
    b'38 LIST "" "%" RETURN (STATUS (SIZE HIGHESTMODSEQ))\r\n39 APPEND a (\\Seen) {1+}\r\nx ~{1+}\r\n\0\r\n',
]


@pytest.mark.parametrize("seed", CLIENTS)
def test_what_clients_send_is_understood(seed: bytes) -> None:
    lines_of_other_kinds = (b"AG1hcmllAG1vdA==\r\n", b"DONE\r\n", b"28 COMPRESS DEFLATE\r\n")
    for other in lines_of_other_kinds:
        seed = seed.replace(other, b"")
    found = converse(seed, logged_in=True)
    assert found
    assert all(isinstance(event, Command | ContinuationNeeded) for event in found)


@given(st.binary(max_size=300))
def test_any_octets(octets: bytes) -> None:
    grammar(octets)


WORDS = r"""
a b SELECT EXAMINE FETCH STORE SEARCH UID LIST STATUS APPEND COPY MOVE LOGIN ID ENABLE CREATE SETQUOTA LSUB
AUTHENTICATE PLAIN CHARSET UTF-8 OR NOT ALL SEEN KEYWORD HEADER FROM SINCE 1-Feb-2026 31-Feb-2026 LARGER
FLAGS +FLAGS -FLAGS.SILENT (\Seen) \Recent BODY[ BODY.PEEK[] ] <0.1> HEADER.FIELDS MIME 1.2 1:* *:4294967295
4294967296 0 RETURN SUBSCRIBED SPECIAL-USE USE NIL ( ) () & &AOk- &AOk % * " "x" \ { {2+} {2} ~{2+} } = +
$ (CONDSTORE) (QRESYNC (1 2 1:9 (1 1) (CHANGEDSINCE 5) VANISHED (UNCHANGEDSINCE MODSEQ "/flags/x" SAVE MIN COUNT)
SORT (REVERSE DATE) THREAD REFERENCES ORDEREDSUBJECT US-ASCII BINARY[1] BINARY.SIZE[] EMAILID SAVEDATE OLDER SAVEDON
HIGHESTMODSEQ MAILBOXID STATUS (SIZE) CONDSTORE QRESYNC IMAP4rev2
"""
TOKENS = [word.encode() for word in WORDS.split()]
TOKENS += [
    b" ",
    b"\r\n",
    b"\r\n",
    b"\n",
    b"\0",
    b"\xc3\xa9",
    b"\xff",
    b'" 1-Feb-2026 09:30:00 +0100"',
    b"{2+}\r\nab",
    b"~{2+}\r\n\0b",
]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=25), st.sampled_from([b" ", b""]))
def test_tokens_in_any_order(tokens: list[bytes], between: bytes) -> None:
    grammar(b"a " + between.join(tokens) + b"\r\n")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real command in which something was replaced, removed or doubled."""
    octets = draw(commands.map(written) | st.sampled_from(CLIENTS))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(octets)))
        length = draw(st.integers(0, 4))
        middle = draw(st.binary(max_size=2) | st.sampled_from(TOKENS) | st.just(octets[at : at + length] * 2))
        octets = octets[:at] + middle + octets[at + length :]
    return octets


@settings(max_examples=200, deadline=None)
@given(damaged())
@example(b"a APPEND INBOX {1+}\r\n\0\r\n")
def test_a_damaged_command(octets: bytes) -> None:
    grammar(octets)


@given(commands, st.sampled_from([str.upper, str.lower, str.title]))
def test_words_are_read_in_any_case(command: Command, case: Callable[[str], str]) -> None:
    """Only the command word is turned, which every command has; arguments keep theirs."""
    tag, _, rest = written(command).partition(b" ")
    word, gap, arguments = rest.partition(b" ")
    if gap:
        turned = b" ".join([tag, case(word.decode()).encode(), arguments])
        assert parse(frame(turned)) == command


@given(st.text(string.printable, max_size=60))
def test_a_printable_line(line: str) -> None:
    grammar(line.encode() + b"\r\n")
