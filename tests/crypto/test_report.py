"""A vendor's answers are judged: to believe too much is an error, to refuse too much a warning."""

import pytest

from mssante_sim.crypto.broken.corpus import CASES, case_named
from mssante_sim.crypto.broken.report import (
    CRASH,
    BadAnswers,
    Finding,
    Level,
    blank,
    findings,
    read_answers,
    summary,
)

GOOD, REVOKED, LOCKED = "signature-good", "signer-revoked", "envelope-3des"
UNSIGNED, OLD, FINE = "envelope-unsigned", "recipient-expired", "recipient-p-256"
JUDGED = [
    (GOOD, "accept", Level.RIGHT),
    (GOOD, "distrust", Level.WARNING),
    (GOOD, "unsigned", Level.WARNING),
    (GOOD, "unreadable", Level.WARNING),
    (GOOD, CRASH, Level.ERROR),
    (REVOKED, "distrust", Level.RIGHT),
    (REVOKED, "unreadable", Level.RIGHT),
    (REVOKED, "unsigned", Level.WARNING),
    (REVOKED, "accept", Level.ERROR),
    (UNSIGNED, "unsigned", Level.RIGHT),
    (UNSIGNED, "accept", Level.ERROR),
    (UNSIGNED, "distrust", Level.WARNING),
    (LOCKED, "unreadable", Level.RIGHT),
    (LOCKED, "distrust", Level.ERROR),
    (LOCKED, "accept", Level.ERROR),
    (OLD, "do not encrypt", Level.RIGHT),
    (OLD, "accept", Level.ERROR),
    (FINE, "accept", Level.RIGHT),
    (FINE, "do not encrypt", Level.WARNING),
]


@pytest.mark.parametrize(("name", "found", "level"), JUDGED)
def test_an_answer_is_judged(name: str, found: str, level: Level) -> None:
    assert Finding.of(case_named(name), found).level is level


def test_answers_are_read_and_the_worst_come_first() -> None:
    text = f"# mine\n{GOOD} accept\n\n{OLD}   do  not encrypt # so\n{REVOKED} accept\n{LOCKED} ?\n{FINE} do not encrypt"
    found = findings(read_answers(text))
    assert [(one.case.name, one.level) for one in found] == [
        (REVOKED, Level.ERROR), (FINE, Level.WARNING), (GOOD, Level.RIGHT), (OLD, Level.RIGHT),
    ]  # fmt: skip
    assert summary(found) == f"4 of {len(CASES)} cases answered: right 2, warnings 1, errors 1."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("signer-perfect accept", "Line 1: No case is called 'signer-perfect'"),
        (f"\n{GOOD} perhaps", "Line 2: 'perhaps' is none of accept"),
        (GOOD, "Line 1: '' is none of accept"),
        (f"{GOOD} accept\n{GOOD} accept", "Line 2: signature-good is answered twice"),
    ],
)
def test_a_line_that_says_nothing_is_told(text: str, said: str) -> None:
    with pytest.raises(BadAnswers, match=said):
        read_answers(text)


def test_what_is_to_be_filled_in_holds_every_case_and_answers_none() -> None:
    assert read_answers(blank()) == {}
    filled = blank().replace(" ? ", " accept ")
    assert read_answers(filled) == {one.name: "accept" for one in CASES}
    assert CRASH in blank()
