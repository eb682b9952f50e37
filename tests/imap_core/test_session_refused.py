"""What a session says to lines that framing refuses."""

import pytest

from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.core.session import ImapSession
from mssante_sim.imap.core.steps import Hangup, Write


def said(*sent: bytes) -> list[bytes]:
    """What each chunk is answered, after the greeting; an empty answer ends it when the session hangs up."""
    session = ImapSession(ImapLimits(), secure=True)
    assert isinstance(session.next(), Write)
    answers = []
    for chunk in sent:
        session.receive(chunk)
        octets = b""
        while (step := session.next()) is not None and not isinstance(step, Hangup):
            assert isinstance(step, Write)
            octets += step.octets
        answers.append(octets)
    return answers


@pytest.mark.parametrize("answer", [b"A" * 9_000, b"\0", b"AGEAYg==\r"])
def test_a_refused_answer_ends_the_login_it_belongs_to(answer: bytes) -> None:
    challenge, refusal, noop = said(b"a AUTHENTICATE PLAIN\r\n", answer + b"\r\n", b"b NOOP\r\n")
    assert challenge == b"+ \r\n"
    assert refusal.startswith(b"a BAD ")
    assert noop.startswith(b"b OK ")


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\n", b"\r\n"])
def test_a_peer_that_does_not_speak_imap_is_left(line: bytes) -> None:
    refusal, after = said(line, b"b NOOP\r\n")
    assert b" BAD " in refusal
    assert b"* BYE " in refusal
    assert after == b""
