"""Verifiers against RFC 7677's exchange; the authenticator's cache and its silence."""

import asyncio
import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.directory.credentials import Authenticator, CredentialError, Verifier

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")


def cheap(password: str) -> Verifier:
    return Verifier.create(password, b"0123456789abcdef", iterations=1)


def test_keys_prove_the_exchange_of_rfc_7677() -> None:
    verifier = Verifier.create("pencil", SALT, iterations=4096)
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signature = hmac.digest(verifier.stored_key, message, "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == verifier.stored_key
    server_signature = hmac.digest(verifier.server_key, message, "sha256")
    assert base64.b64encode(server_signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_only_the_password_passes() -> None:
    verifier = cheap("sésame")
    assert verifier.check("sésame")
    assert not verifier.check("sesame")
    assert not verifier.check("")


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("I\u00adX", "IX"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),  # [RFC 4013 §3]
        ("mot\u00a0de passe", "mot de passe"),
        ("e\u0301", "é"),
    ],
)
def test_passwords_are_compared_after_saslprep(typed: str, same: str) -> None:
    assert cheap(typed).check(same)


@pytest.mark.parametrize("password", ["", "\u0007", "a\ud800", "\u00ad", "\ue000"])
def test_a_password_that_saslprep_forbids_is_refused_and_never_matches(password: str) -> None:
    with pytest.raises(CredentialError):
        cheap(password)
    assert not cheap("a").check(password)


@given(st.binary(min_size=1, max_size=40), st.integers(1, 3))
def test_text_form_is_read_back(salt: bytes, iterations: int) -> None:
    verifier = Verifier.create("pencil", salt, iterations=iterations)
    assert Verifier.from_text(verifier.to_text()) == verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pencil",
        "SCRAM-SHA-256$1:AAAA$AAAA:AAAA",
        "SCRAM-SHA-1$" + cheap("x").to_text().split("$", 1)[1],
        cheap("x").to_text() + "$",
        cheap("x").to_text().replace("$1:", "$0:"),
        cheap("x").to_text().replace("$1:", "$x:"),
    ],
)
def test_damaged_text_is_refused(text: str) -> None:
    with pytest.raises(CredentialError):
        Verifier.from_text(text)


def test_no_secret_is_shown() -> None:
    verifier = cheap("pencil")
    shown = repr(verifier) + repr(Authenticator(Book({}), iterations=1)) + str(verifier)
    for secret in ("pencil", repr(verifier.stored_key), repr(verifier.server_key), repr(verifier.salt)):
        assert secret not in shown


class Book:
    """Accounts in memory that count what is asked of them."""

    def __init__(self, accounts: dict[str, tuple[str, Verifier]]) -> None:
        self.accounts = accounts

    def account(self, login: str) -> tuple[str, Verifier] | None:
        return self.accounts.get(login)


class Counted(Verifier):
    """A verifier that counts its derivations."""

    checks = 0

    def check(self, password: str) -> bool:
        type(self).checks += 1
        return super().check(password)


@pytest.fixture
def counted() -> type[Counted]:
    class Fresh(Counted):
        checks = 0

    return Fresh


def authenticator(verifier: Verifier, seconds: list[float]) -> tuple[Authenticator, Book]:
    book = Book({"lilas.titulaire": ("pharmacie@officine.mssante.test", verifier)})
    return Authenticator(book, iterations=1, remember_s=300, now=lambda: seconds[0]), book


async def test_right_password_opens_the_mailbox_and_others_do_not() -> None:
    auth, _ = authenticator(cheap("pencil"), [0.0])
    assert await auth.check("lilas.titulaire", "pencil") == "pharmacie@officine.mssante.test"
    assert await auth.check("lilas.titulaire", "pencils") is None
    assert await auth.check("lilas.adjoint", "pencil") is None
    assert await auth.check("lilas\udcff", "pencil\udcff") is None


async def test_success_is_remembered_for_its_time_and_failure_never(counted: type[Counted]) -> None:
    seconds = [1_000.0]
    auth, _ = authenticator(counted.create("pencil", SALT, iterations=1), seconds)
    for _ in range(3):
        assert await auth.check("lilas.titulaire", "pencil")
    assert counted.checks == 1
    for _ in range(3):
        assert await auth.check("lilas.titulaire", "wrong") is None
    assert counted.checks == 4
    seconds[0] += 299.9
    assert await auth.check("lilas.titulaire", "pencil")
    assert counted.checks == 4
    seconds[0] += 0.2
    assert await auth.check("lilas.titulaire", "pencil")
    assert counted.checks == 5


async def test_a_changed_password_ends_what_was_remembered() -> None:
    auth, book = authenticator(cheap("old"), [0.0])
    assert await auth.check("lilas.titulaire", "old")
    book.accounts["lilas.titulaire"] = ("pharmacie@officine.mssante.test", cheap("new"))
    assert await auth.check("lilas.titulaire", "old") is None
    assert await auth.check("lilas.titulaire", "new")


async def test_a_login_that_is_gone_is_refused_though_remembered() -> None:
    auth, book = authenticator(cheap("pencil"), [0.0])
    assert await auth.check("lilas.titulaire", "pencil")
    book.accounts.clear()
    assert await auth.check("lilas.titulaire", "pencil") is None


async def test_an_unknown_login_costs_one_derivation_of_the_same_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    derivations: list[int] = []
    derive = hashlib.pbkdf2_hmac

    def spy(name: str, password: bytes, salt: bytes, iterations: int) -> bytes:
        derivations.append(iterations)
        return derive(name, password, salt, iterations)

    auth = Authenticator(Book({"a": ("a@b", Verifier.create("x", SALT, iterations=7))}), iterations=7)
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", spy)
    assert await auth.check("a", "wrong") is None
    assert await auth.check("nobody", "wrong") is None
    assert derivations == [7, 7]


async def test_the_loop_runs_while_a_password_is_checked() -> None:
    class Slow(Verifier):
        def check(self, _: str) -> bool:
            return asyncio.run_coroutine_threadsafe(asyncio.sleep(0, True), loop).result(60)

    loop = asyncio.get_running_loop()
    auth, _ = authenticator(Slow.create("pencil", SALT, iterations=1), [0.0])
    assert await auth.check("lilas.titulaire", "pencil")
