"""Tokens: what opens a mailbox, for how long, and what does not."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mssante_sim.clock import FixedClock
from mssante_sim.directory.tokens import Tokens
from mssante_sim.storage.sqlite.directory import DirectoryRows

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
KEY = b"k" * 32
MAILBOX, LOGIN = "lilas@officine.mssante.test", "lilas.titulaire"
HOUR = timedelta(hours=1)


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[DirectoryRows]:
    opened = DirectoryRows.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def tokens(rows: DirectoryRows, clock: FixedClock) -> Tokens:
    return Tokens(rows, KEY, clock)


def issue(tokens: Tokens, lasting: timedelta = HOUR, **more: str) -> str:
    return tokens.issue(MAILBOX, LOGIN, lasting=lasting, **more)[1].reveal()


def test_a_token_opens_the_mailbox_that_it_was_issued_for_in_every_process(tokens, rows, clock) -> None:
    issued, secret = tokens.issue(MAILBOX.upper(), LOGIN, lasting=HOUR)
    assert (issued.mailbox, issued.login) == (MAILBOX, LOGIN)
    assert Tokens(rows, KEY, clock).holder(secret.reveal()) == issued


def test_it_expires_to_the_second(tokens, clock) -> None:
    token = issue(tokens, timedelta(seconds=60))
    clock.advance(timedelta(seconds=59))
    assert tokens.holder(token) is not None
    clock.advance(timedelta(seconds=1))
    assert tokens.holder(token) is None


def test_one_that_lasts_no_time_has_expired(tokens) -> None:
    assert tokens.holder(issue(tokens, timedelta(0))) is None


def test_one_for_another_audience_opens_nothing(tokens) -> None:
    assert tokens.holder(issue(tokens, audience="https://autre.test")) is None


def test_a_revoked_one_opens_nothing_at_once_and_the_others_stay(tokens, rows, clock) -> None:
    (first, revoked), kept = tokens.issue(MAILBOX, LOGIN, lasting=HOUR), issue(tokens)
    elsewhere = Tokens(rows, KEY, clock)
    assert elsewhere.revoke(ident=first.ident) == [first]
    assert tokens.holder(revoked.reveal()) is None
    assert tokens.holder(kept) is not None
    assert elsewhere.revoke(ident=first.ident) == []


def test_all_of_a_mailbox_are_revoked_together(tokens) -> None:
    mine = [issue(tokens), issue(tokens)]
    other, secret = tokens.issue("autre@officine.mssante.test", "autre", lasting=HOUR)
    assert len(tokens.revoke(mailbox=MAILBOX)) == 2
    assert [tokens.holder(one) for one in mine] == [None, None]
    assert tokens.holder(secret.reveal()) == other


def test_expired_ones_are_forgotten_when_another_is_issued(tokens, clock) -> None:
    issue(tokens, timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))
    assert len(tokens.issued()) == 1
    new, _ = tokens.issue(MAILBOX, LOGIN, lasting=HOUR)
    assert tokens.issued() == [new]


def test_what_is_stored_opens_nothing_and_nothing_shows_the_token(tokens, rows) -> None:
    issued, secret = tokens.issue(MAILBOX, LOGIN, lasting=HOUR)
    for text in (*rows.all("token"), repr(issued), repr(secret), repr(vars(tokens))):
        assert secret.reveal().rpartition(".")[2] not in text


def test_another_key_signs_nothing(tokens, rows, clock) -> None:
    assert Tokens(rows, b"x" * 32, clock).holder(issue(tokens)) is None


def test_every_octet_of_a_token_counts(tokens) -> None:
    token = issue(tokens)
    for at, letter in enumerate(token):
        changed = token[:at] + ("A" if letter != "A" else "B") + token[at + 1 :]
        assert tokens.holder(changed) is None, at
        assert tokens.holder(token[:at]) is None
    none = urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    for other in (token + "A", token + "=", "é" + token, "", ".", "..", f"{none}.{token.split('.')[1]}."):
        assert tokens.holder(other) is None
