"""Who is let in, who has to wait, and that neither tells which logins exist."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mssante_sim.clock import FixedClock
from mssante_sim.directory.credentials import Authenticator, Verifier
from mssante_sim.directory.doorkeeper import Doorkeeper
from mssante_sim.directory.tokens import Tokens
from mssante_sim.sasl.claims import Claim, Named, Password, Proof, TooManyFailures
from mssante_sim.storage.sqlite.directory import DirectoryRows

ADDRESS, LOGIN, PASSWORD, UNKNOWN = "lilas@officine.mssante.test", "lilas.titulaire", "pencil", "nobody"
PEER, OTHER_PEER = "127.0.0.1", "::1"
RIGHT, NONE = Password(LOGIN, PASSWORD), Named(LOGIN, None)


class Book:
    """One account; counts what looking at a password costs."""

    def __init__(self) -> None:
        self.checks = 0
        outer = self

        class Counted(Verifier):
            def check(self, password: str) -> bool:
                outer.checks += 1
                return super().check(password)

        self.verifier = Counted.create(PASSWORD, b"sixteen octets..", iterations=1)
        self.logins = {LOGIN: ADDRESS, "lilas.adjoint": ADDRESS, "autre": "autre@officine.mssante.test"}

    def account(self, login: str) -> tuple[str, Verifier] | None:
        address = self.logins.get(login.lower())
        return None if address is None else (address, self.verifier)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 25, 9, 0, tzinfo=UTC))


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def tokens(tmp_path: Path, clock: FixedClock) -> Iterator[Tokens]:
    rows = DirectoryRows.open(tmp_path)
    yield Tokens(rows, b"k" * 32, clock)
    rows.close()


@pytest.fixture
def doorkeeper(book: Book, clock: FixedClock, tokens: Tokens) -> Doorkeeper:
    return Doorkeeper(Authenticator(book, iterations=1), tokens=tokens, clock=clock)


async def fails(doorkeeper: Doorkeeper, claim: Claim, times: int, peer: str = PEER) -> None:
    for _ in range(times):
        assert await doorkeeper.admit(claim, peer) is None


@pytest.mark.parametrize(
    ("claim", "address"),
    [
        (RIGHT, ADDRESS),
        (Password(LOGIN, "wrong"), None),
        (Password(UNKNOWN, PASSWORD), None),
        (Proof(LOGIN, holds=True), ADDRESS),
        (Proof(LOGIN, holds=False), None),
        (Proof(UNKNOWN, holds=True), None),
        (Named("anything", ADDRESS), ADDRESS),
        (NONE, None),
    ],
)
async def test_a_claim_opens_what_it_proves(doorkeeper, claim, address) -> None:
    assert await doorkeeper.admit(claim, PEER) == address


@pytest.mark.parametrize(
    ("claim", "user"),
    [
        (RIGHT, LOGIN),
        (Password("a-password-in-the-wrong-field", ""), "unknown"),
        (Proof("a-password-in-the-wrong-field", holds=False), "unknown"),
        (Named("", None), "unknown"),
        (Named(ADDRESS, ADDRESS), ADDRESS),
    ],
)
def test_traces_name_logins_and_nothing_else(doorkeeper, claim, user) -> None:
    assert doorkeeper.user(claim) == user


@pytest.mark.parametrize("claim", [Password(LOGIN, "wrong"), Password(UNKNOWN, "wrong")])
async def test_after_ten_failures_in_a_minute_a_login_waits_whether_or_not_it_exists(
    doorkeeper, book, clock, claim
) -> None:
    await fails(doorkeeper, claim, 10)
    before = book.checks
    for again in (claim, Password(claim.login, PASSWORD), Password(claim.login.upper(), PASSWORD)):
        with pytest.raises(TooManyFailures):
            await doorkeeper.admit(again, PEER)
    assert book.checks == before, "what waits costs the server nothing"
    clock.advance(timedelta(minutes=1))
    assert await doorkeeper.admit(Password(LOGIN, PASSWORD), PEER) == ADDRESS


@pytest.mark.parametrize("login", [LOGIN, UNKNOWN])
async def test_guesses_by_scram_count_as_those_of_passwords(doorkeeper, clock, login) -> None:
    """What a guess is worth must not show once it has to wait, not even by the server's own proof."""
    party = doorkeeper.party(PEER, None)
    for _ in range(10):
        assert not party.waits(login)
        party.note(login, right=False)
    assert party.waits(login.upper())
    assert not doorkeeper.party(OTHER_PEER, None).waits(login)
    with pytest.raises(TooManyFailures):
        await doorkeeper.admit(Password(login, PASSWORD), PEER)
    clock.advance(timedelta(minutes=1))
    assert not party.waits(login)
    party.note(login, right=False)
    party.note(login, right=True)
    assert await doorkeeper.admit(Proof(LOGIN, holds=True), PEER) == ADDRESS


async def test_others_do_not_wait(doorkeeper) -> None:
    await fails(doorkeeper, Password(LOGIN, "wrong"), 10)
    assert await doorkeeper.admit(RIGHT, OTHER_PEER) == ADDRESS
    assert await doorkeeper.admit(Password("autre", PASSWORD), PEER) is not None


async def test_a_right_password_ends_the_count(doorkeeper) -> None:
    for _ in range(3):
        await fails(doorkeeper, Password(LOGIN, "wrong"), 9)
        assert await doorkeeper.admit(RIGHT, PEER) == ADDRESS


async def test_guesses_at_the_same_time_are_counted_one_by_one(doorkeeper, book) -> None:
    guesses = (doorkeeper.admit(Password(LOGIN, f"guess {number}"), PEER) for number in range(40))
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    assert outcomes.count(None) == 10
    assert book.checks == 10


async def test_many_may_log_in_at_the_same_time(doorkeeper) -> None:
    assert await asyncio.gather(*(doorkeeper.admit(RIGHT, PEER) for _ in range(40))) == [ADDRESS] * 40


async def test_one_password_tried_with_many_logins_is_stopped_after_a_hundred(doorkeeper, clock) -> None:
    for number in range(100):
        await fails(doorkeeper, Password(f"login-{number}", "guess"), 1)
    with pytest.raises(TooManyFailures):
        await doorkeeper.admit(RIGHT, PEER)
    assert await doorkeeper.admit(RIGHT, OTHER_PEER) == ADDRESS
    clock.advance(timedelta(minutes=1))
    assert await doorkeeper.admit(RIGHT, PEER) == ADDRESS


async def test_tokens_and_certificates_are_not_counted(doorkeeper) -> None:
    """Nobody guesses one, and a client that comes back with an expired one must not be kept from the next."""
    await fails(doorkeeper, NONE, 200)
    assert await doorkeeper.admit(RIGHT, PEER) == ADDRESS


def test_nothing_typed_is_kept_for_counting(doorkeeper) -> None:
    asyncio.run(fails(doorkeeper, Password("a-password-in-the-wrong-field", "another"), 1))
    kept = repr(vars(doorkeeper._logins)["_failed"]._held)
    assert PEER in kept
    assert "wrong-field" not in kept


def test_an_unknown_login_has_a_salt_that_stays_however_it_is_typed(book) -> None:
    """Also after a restart; or who asks twice would know."""
    one, again = (Authenticator(book, iterations=1, decoy_key=b"of the home") for _ in range(2))
    salts = {who.verifier(login).salt for who in (one, again) for login in ("nobody", "NoBody")}
    assert len(salts) == 1
    assert one.verifier("somebody").salt not in salts


@pytest.mark.parametrize("name", ["", ADDRESS, ADDRESS.upper(), LOGIN, "lilas.adjoint"])
def test_a_token_opens_its_mailbox_for_whoever_uses_it(doorkeeper, tokens, name) -> None:
    _, secret = tokens.issue(ADDRESS, LOGIN, lasting=timedelta(hours=1))
    assert doorkeeper.party(PEER, None).bearer(secret.reveal(), name) == Named(LOGIN, ADDRESS)


@pytest.mark.parametrize("name", ["autre", "autre@officine.mssante.test", "nobody", " "])
def test_a_token_opens_no_other_mailbox(doorkeeper, tokens, name) -> None:
    _, secret = tokens.issue(ADDRESS, LOGIN, lasting=timedelta(hours=1))
    assert doorkeeper.party(PEER, None).bearer(secret.reveal(), name).address is None


def test_a_token_opens_nothing_once_its_login_has_gone(doorkeeper, tokens, book) -> None:
    _, secret = tokens.issue(ADDRESS, LOGIN, lasting=timedelta(hours=1))
    del book.logins[LOGIN]
    assert doorkeeper.party(PEER, None).bearer(secret.reveal(), ADDRESS) == Named("", None)
