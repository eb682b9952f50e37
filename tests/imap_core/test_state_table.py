"""The whole table of commands and states is what a session answers, and what the standards ask for."""

from itertools import product

import pytest

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.faults import LoginDisabled, ReadOnlyMailbox, WrongPhase
from mssante_sim.imap.core.states import RULES, Phase
from tests.imap_core.state_table import STATES, played, read, word
from tests.imap_core.test_states import expected

PHASES = {
    "in the clear": (Phase.ANONYMOUS, False),
    "under TLS": (Phase.ANONYMOUS, False),
    "logged in": (Phase.AUTHENTICATED, False),
    "selected": (Phase.SELECTED, False),
    "read-only": (Phase.SELECTED, True),
}
REFUSALS = {WrongPhase: "BAD", LoginDisabled: "NO PRIVACYREQUIRED", ReadOnlyMailbox: "NO READ-ONLY"}
ASKED_FOR_MORE = {c.Authenticate, c.Idle}
GOOD = {c.Select: "OK READ-WRITE", c.Login: "NO AUTHENTICATIONFAILED"}  # the example's password is wrong


def test_the_table_for_readers_is_what_a_session_answers() -> None:
    assert read() == played(), "python -m tests.imap_core.state_table writes it anew"
    assert sum(map(len, read().values())) == len(RULES) * len(STATES)


@pytest.mark.parametrize(("kind", "state"), list(product(RULES, PHASES)), ids=lambda one: getattr(one, "__name__", one))
def test_an_answer_is_what_the_standards_ask_for(kind: type[c.Command], state: str) -> None:
    phase, read_only = PHASES[state]
    refusal = expected(kind, phase, secure=state != "in the clear", read_only=read_only)
    runs = "+" if kind in ASKED_FOR_MORE else GOOD.get(kind, "OK")
    assert read()[word(kind)][state] == (REFUSALS[refusal] if refusal else runs)


@pytest.mark.parametrize(("state", "answer"), [
    ("in AUTHENTICATE", "BAD to AUTHENTICATE"),  # the answer to a challenge is base64 [RFC 9051 §6.2.2]
    ("in IDLE", "BAD to IDLE"),  # only DONE may follow [RFC 2177 §3]
    ("after LOGOUT", "-"),
])  # fmt: skip
def test_no_command_runs_where_something_else_is_waited_for(state: str, answer: str) -> None:
    assert {row[state] for row in read().values()} == {answer}
