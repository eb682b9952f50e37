"""What one peer may send, cap by cap and state by state: to the octet, and what it is answered beyond."""

import pytest

from mssante_sim.imap.core.limits import FrameLimits, ImapLimits
from mssante_sim.imap.core.parse_search import DEEPEST
from mssante_sim.imap.core.session import Done, ImapSession, Run, Write
from tests.imap_core.state_table import STATES
from tests.imap_core.test_session import Driver, fresh

CAPS = FrameLimits()
KNOWN = ["logged in", "selected", "read-only"]
WAITING = ["in AUTHENTICATE", "in IDLE"]
"""The client answers, in lines without a tag."""


def reached(state: str) -> Driver:
    secure, way = STATES[state]
    driver = fresh(secure=secure)
    driver.send(way)
    assert not driver.over
    return driver


def line_cap(state: str) -> int:
    return CAPS.line if state in {*KNOWN, "in IDLE"} else CAPS.line_before_login


@pytest.mark.parametrize("state", ["in the clear", "under TLS", *KNOWN])
def test_a_line_may_be_so_long_and_no_longer(state: str) -> None:
    driver, most = reached(state), line_cap(state)
    fits = b'a ID ("a" "' + b"x" * (most - 15) + b'")\r\n'
    assert len(fits) == most
    assert driver.send(fits).startswith(b"a OK ")
    assert driver.send(fits.replace(b"x", b"xx", 1)).startswith(b"a BAD ")
    assert driver.send(b"b NOOP\r\n").startswith(b"b OK ")


@pytest.mark.parametrize("state", WAITING)
def test_an_answer_that_is_too_long_ends_what_it_answers(state: str) -> None:
    driver = reached(state)
    assert driver.send(b"A" * line_cap(state) + b"\r\n").startswith(b"x BAD ")
    assert driver.send(b"b NOOP\r\n").startswith(b"b OK ")


@pytest.mark.parametrize("state", ["in the clear", "under TLS", *KNOWN, *WAITING])
def test_a_line_that_never_ends_holds_no_more_than_its_cap(state: str) -> None:
    driver = reached(state)
    for _ in range(100):
        assert driver.send(b"a" * 10_000) == b""
        assert driver.session._framer.pending <= line_cap(state) + 10_000
    assert b" BAD " in driver.send(b"\r\n")


@pytest.mark.parametrize(("state", "most"), [
    ("in the clear", CAPS.literal_before_login), ("under TLS", CAPS.literal_before_login),
    *((state, CAPS.literal) for state in KNOWN),
])  # fmt: skip
def test_a_literal_may_be_so_large_and_no_larger(state: str, most: int) -> None:
    driver = reached(state)
    assert driver.send(b"a CREATE {%d}\r\n" % most) == b"+ OK\r\n"
    driver.send(b"x" * most + b"\r\n")
    assert driver.send(b"b CREATE {%d}\r\n" % (most + 1)).startswith(b"b NO [TOOBIG] ")
    assert driver.send(b"c NOOP\r\n").startswith(b"c OK ")


@pytest.mark.parametrize("state", ["in the clear", "under TLS"])
def test_a_stranger_who_sends_a_large_literal_unasked_is_left(state: str) -> None:
    """What follows cannot be told from commands unless all of it is read [RFC 7888 §4]."""
    driver = reached(state)
    assert driver.send(b"a LOGIN {%d+}\r\n" % (CAPS.literal_before_login + 1)).startswith(b"a NO [TOOBIG] ")
    assert driver.over


@pytest.mark.parametrize("state", KNOWN)
def test_a_message_may_be_as_large_as_is_advertised(state: str) -> None:
    driver = reached(state)
    assert b" APPENDLIMIT=%d " % CAPS.append_literal in driver.send(b"a CAPABILITY\r\n").replace(b"\r\n", b" ")
    assert driver.send(b"b APPEND INBOX {%d}\r\n" % (CAPS.append_literal + 1)).startswith(b"b NO [TOOBIG] ")
    assert driver.send(b"c APPEND INBOX {%d}\r\n" % CAPS.append_literal) == b"+ OK\r\n"


@pytest.mark.parametrize("state", KNOWN)
def test_a_command_may_have_so_many_literals_and_no_more(state: str) -> None:
    driver = reached(state)
    assert driver.send(b"a ID (" + b" ".join([b"{1+}\r\nx"] * CAPS.literals) + b")\r\n").startswith(b"a OK ")
    said = driver.send(b"a ID (" + b" ".join([b"{1+}\r\nx"] * (CAPS.literals + 1)) + b")\r\n")
    assert said.startswith(b"a NO [LIMIT] ")


@pytest.mark.parametrize("state", ["selected", "read-only"])
def test_search_keys_may_be_nested_so_deep_and_no_deeper(state: str) -> None:
    driver = reached(state)
    assert driver.send(b"a SEARCH " + b"NOT " * DEEPEST + b"ALL\r\n").startswith(b"a OK ")
    assert driver.send(b"a SEARCH " + b"NOT " * (DEEPEST + 1) + b"ALL\r\n").startswith(b"a NO [LIMIT] ")


@pytest.mark.parametrize(("way", "command", "most"), [
    (b"", b"a LOGIN u p\r\n", CAPS.pipelined_before_login),
    (b"l LOGIN u p\r\n", b"a STATUS INBOX (MESSAGES)\r\n", CAPS.pipelined),
])  # fmt: skip
def test_so_much_may_wait_behind_a_running_command(way: bytes, command: bytes, most: int) -> None:
    session = ImapSession(ImapLimits(), secure=True)
    session.receive(way)
    while (step := session.next()) is not None:
        if isinstance(step, Run):
            session.complete(step.command, Done("Logged in."))
        else:
            assert isinstance(step, Write)
    session.receive(command)
    assert isinstance(session.next(), Run)
    session.receive(b"x" * most)
    assert not session.is_full
    session.receive(b"x")
    assert session.is_full


@pytest.mark.parametrize("state", ["in the clear", "under TLS", *KNOWN])
def test_five_unknown_commands_are_enough(state: str) -> None:
    driver = reached(state)
    for _ in range(4):
        assert driver.send(b"a NONSENSE\r\n").startswith(b"a BAD ")
    assert not driver.over
    driver.send(b"a NONSENSE\r\n")
    assert driver.over
