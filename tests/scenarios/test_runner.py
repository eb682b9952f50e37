"""The runner is only worth something if it fails when it should."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.scenarios.client import Broken, Client
from tests.scenarios.matching import Quoted, Word, matches, read_items
from tests.scenarios.runner import Account, Mismatch, play
from tests.scenarios.script import Delivery, ScriptError, Send, Told, read_script

HERE = Path(__file__).parent


class Parrot:
    """A server that says a fixed reply to each command; ``TAG`` in it stands for the command's tag."""

    name = "parrot"

    def __init__(self, replies: dict[str, str]) -> None:
        self._replies = replies
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    async def account(self, name):
        return Account(name, "secret")

    async def connect(self):
        self._said.put_nowait(b"* OK ready\r\n")
        return self

    async def deliver(self, account, message):
        raise NotImplementedError

    async def write(self, octets):
        tag, _, command = octets.decode().rstrip().partition(" ")
        reply = next((text for start, text in self._replies.items() if command.startswith(start)), "TAG OK done")
        self._said.put_nowait(b"".join(line.encode() + b"\r\n" for line in reply.replace("TAG", tag).split("\n")))

    async def read(self):
        return await self._said.get()

    async def close(self):
        pass


def script(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "given.imap"
    path.write_text("\n".join(("needs: one client, inbox empty", *lines)))
    return path


SELECT = "* FLAGS (\\Seen)\n* 2 EXISTS\nTAG OK [READ-WRITE] selected"


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        ("TAG NO no", "<1 NOOP => OK"),
        ("TAG OK yes", "<1 NOOP => NO"),
        ("TAG OK yes", "<1 NOOP => OK [COPYUID ? ? ?]"),
        ("TAG OK [APPENDUID 1 2] yes", "<1 NOOP => OK [APPENDUID 1 3]"),
        ("TAG OK yes", "<1 NOOP => OK  sees 3 EXISTS"),
        ("* 3 EXISTS\nTAG OK yes", "<1 NOOP => OK  sees 3 EXISTS  sees 3 EXISTS"),
        ("* 3 EXISTS\nTAG OK yes", "<1 NOOP => OK  never ? EXISTS"),
        ("TAG OK yes", "<1 NOOP => +"),
        ("+ go on", "<1 NOOP => OK"),
        ("WRONG OK yes", "<1 NOOP => OK"),
    ],
)
async def test_another_answer_than_the_script_says_fails(tmp_path, reply, line):
    with pytest.raises(Mismatch):
        await play(read_script(script(tmp_path, line)), Parrot({"SELECT": SELECT, "NOOP": reply}))


@pytest.mark.parametrize(
    ("command", "reply", "broken"),
    [
        ("NOOP", "* 3 EXPUNGE\nTAG OK", "message number 3 of 2"),
        ("NOOP", "* 0 EXPUNGE\nTAG OK", "message number 0 of 2"),
        ("NOOP", "* 1 EXISTS\nTAG OK", "EXISTS 1 below"),
        ("FETCH 1 FLAGS", "* 1 EXPUNGE\nTAG OK", "during FETCH"),
        ("UID FETCH 1 FLAGS", "* VANISHED 1,2,3\nTAG OK", "not known here"),
        ("STORE 1 FLAGS ()", "* 1 EXPUNGE\nTAG OK", "during STORE"),
        ("SEARCH ALL", "* 1 EXPUNGE\nTAG OK", "during SEARCH"),
        ("NOOP", "* 9 FETCH (FLAGS ())\nTAG OK", "message number 9 of 2"),
        ("NOOP", "* 1 FETCH (UID 7)\n* 1 FETCH (UID 8)\nTAG OK", "UID of message 1"),
        ("NOOP", "* 1 FETCH (UID 7)\n* 2 FETCH (UID 7)\nTAG OK", "do not ascend"),
        ("NOOP", "* 1 FETCH (RFC822.SIZE 7)\n* 1 FETCH (RFC822.SIZE 8)\nTAG OK", "RFC822.SIZE of message 1"),
        ("NOOP", "* 1 FETCH (MODSEQ (7))\n* 1 FETCH (MODSEQ (6))\nTAG OK", "MODSEQ of message 1"),
        ("NOOP", "* OK [HIGHESTMODSEQ 7] a\nTAG OK [HIGHESTMODSEQ 6] b", "HIGHESTMODSEQ was 7, is 6"),
        ("NOOP", "* 1 FETCH (UID 7)\n* VANISHED 6\nTAG OK", "not known here"),
        ("NOOP", "* 1 FETCH (FLAGS ($Work))\nTAG OK", "never announced"),
        ("NOOP", "* (1 EXISTS\nTAG OK", "unclosed list"),
    ],
)
async def test_a_rule_that_no_server_may_break_fails_without_being_asked(tmp_path, command, reply, broken):
    server = Parrot({"SELECT": SELECT, command: reply})
    with pytest.raises(Mismatch, match=re.escape(broken)):
        await play(read_script(script(tmp_path, f"<1 {command} => OK")), server)


async def test_uid_fetch_may_announce_an_expunge(tmp_path):
    server = Parrot({"SELECT": SELECT, "UID FETCH": "* 1 EXPUNGE\nTAG OK"})
    await play(read_script(script(tmp_path, "<1 UID FETCH 1 FLAGS => OK  sees $1 EXPUNGE")), server)


async def test_a_numbered_message_is_followed_through_expunges(tmp_path):
    server = Parrot(
        {"SELECT": SELECT, "NOOP": "* 1 EXPUNGE\n* 2 EXISTS\nTAG OK", "FETCH 1": "* 1 FETCH (UID 5)\nTAG OK"}
    )
    lines = (
        "<1 NOOP => OK  sees $1 EXPUNGE",
        "<1 FETCH $2 UID => OK  sees $2 FETCH (UID ?uid)",
        "<1 FETCH $1 UID => OK",
    )
    with pytest.raises(Mismatch, match="line 4: message 1 is not in the view"):
        await play(read_script(script(tmp_path, *lines)), server)


class Bits:
    """A stream whose server speaks one octet at a time."""

    def __init__(self, octets: bytes) -> None:
        self._octets = iter(octets)

    async def read(self):
        return bytes([octet]) if (octet := next(self._octets, None)) is not None else b""


async def test_a_response_with_literals_is_one_response_however_it_is_cut():
    client = Client(Bits(b"* 1 EXISTS\r\n* 1 FETCH (BODY[1] {4}\r\n)\r\n( BODY[2] {0}\r\n)\r\n"), 1, [])
    await client.receive()
    response = await client.receive()
    assert response.items[2] == (Word("BODY[1]"), Quoted(b")\r\n("), Word("BODY[2]"), Quoted(b""))
    with pytest.raises(Broken, match="hung up"):
        await client.receive()


@pytest.mark.parametrize(
    ("pattern", "found", "fits"),
    [
        ("1 EXISTS", "1 EXISTS", True),
        ("1 EXISTS", "2 EXISTS", False),
        ("? exists", "2 EXISTS", True),
        ("1 FETCH (FLAGS (\\Seen \\Draft))", "1 FETCH (UID 3 FLAGS (\\Draft \\Seen \\Recent))", True),
        ("1 FETCH (FLAGS (\\Seen))", "1 FETCH (FLAGS (\\Seen \\Draft))", False),
        ("1 FETCH (FLAGS (\\Seen ...))", "1 FETCH (FLAGS (\\Seen \\Draft))", True),
        ("1 FETCH (FLAGS (\\Recent))", "1 FETCH (FLAGS ())", False),
        ("1 FETCH (UID 3)", "1 FETCH (FLAGS ())", False),
        ("SEARCH 1 2 3", "SEARCH 3 1 2", True),
        ("SEARCH 1 2", "SEARCH 1 2 3", False),
        ("SEARCH", "SEARCH 1", False),
        ("CAPABILITY IDLE ...", "CAPABILITY IMAP4rev1 IDLE", True),
        ("CAPABILITY IDLE ...", "CAPABILITY IMAP4rev1", False),
        ("STATUS INBOX (MESSAGES 3)", 'STATUS "INBOX" (UIDNEXT 4 MESSAGES 3)', True),
        ("STATUS INBOX (MESSAGES 3)", "STATUS INBOX (UIDNEXT 3)", False),
        ('1 FETCH (BODY[] "a")', "1 FETCH (BODY[] {1}\r\na)", True),
        ('1 FETCH (BODY[] "a")', "1 FETCH (BODY[] {1}\r\nA)", False),
        ("NAMESPACE ? NIL NIL", 'NAMESPACE (("" "/")) NIL NIL', True),
        ("LIST (\\Sent ...) ? Sent", 'LIST (\\Subscribed \\Sent) "/" Sent', True),
        ("OK [UIDNEXT 3]", "OK [UIDNEXT 3] Predicted (next) UID", True),
        ("OK [UIDNEXT 3]", "OK [UIDNEXT 4] Predicted next UID", False),
        ("1 EXISTS 2", "1 EXISTS", False),
        ("1", "1 EXISTS", False),
    ],
)
def test_patterns(pattern, found, fits):
    result = matches(read_items(pattern.encode()), read_items(found.encode()), "${}".format)
    assert (result is not None) is fits


def test_a_pattern_takes_names():
    found = read_items(b"OK [COPYUID 9 1:2 4:5] done")
    assert matches(read_items(b"OK [COPYUID ?v ? ?uids]"), found, "${}".format) == {"v": "9", "uids": "4:5"}


def test_a_script_is_read(tmp_path):
    path = tmp_path / "x.imap"
    path.write_text(
        "# Rule.\nneeds: two clients, logged in, inbox with 2 messages\nmessage note\n    Subject: a\n\n    b\n\n"
        "<1  APPEND INBOX {note}   => OK [APPENDUID ? ?u]  sees 3 EXISTS   [RFC 4315 §3]\n    never ? EXPUNGE\n"
        "<2& NOOP => OK\nmail> Hello\n1>  4 EXISTS\n"
    )
    read = read_script(path)
    append, noop, mail, told = read.steps
    assert (read.needs.clients, read.needs.state, read.needs.inbox) == (2, "logged in", ["1", "2"])
    assert read.messages == {"note": b"Subject: a\r\n\r\nb\r\n"}
    assert isinstance(append, Send)
    assert (append.client, append.text, append.status, append.code) == (
        1,
        "APPEND INBOX {note}",
        "OK",
        "APPENDUID ? ?u",
    )
    assert [(one.kind, one.pattern) for one in append.expectations] == [("sees", "3 EXISTS"), ("never", "? EXPUNGE")]
    assert isinstance(noop, Send)
    assert noop.together
    assert mail == Delivery(11, "Hello")
    assert told == Told(12, 1, "4 EXISTS")


@pytest.mark.parametrize("line", ["<1 NOOP", "<1 NOOP => MAYBE", "needs: four clients", "what?", "    sees 1 EXISTS"])
def test_a_line_that_is_not_of_the_form_is_refused_with_its_number(tmp_path, line):
    with pytest.raises(ScriptError, match=r"given\.imap:2"):
        read_script(script(tmp_path, line))


def test_every_difference_from_dovecot_has_its_reason():
    rows = {tuple(row.split("\t")[:2]) for row in (HERE / "differences.tsv").read_text().splitlines()[1:]}
    used = set()
    for path in HERE.glob("*.imap"):
        read = read_script(path)
        if read.not_for_dovecot:
            used.add(read.name)
        for step in read.steps:
            if isinstance(step, Send) and any(one.kind == "dovecot" for one in step.expectations):
                assert (read.name, step.text) in rows
                used.add(read.name)
    assert used == {name for name, _ in rows}


@pytest.mark.parametrize("row", (HERE / "differences.tsv").read_text().splitlines()[1:])
def test_a_difference_names_the_paragraph_that_decides(row):
    script, _, theirs, standard = row.split("\t")
    assert (HERE / f"{script}.imap").exists()
    assert theirs
    assert re.search(r"\[RFC \d+ §[\dA-Z][\d.]*\]$", standard)
