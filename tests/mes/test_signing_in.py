"""Sessions: who gets one, how long it lasts, and that nobody learns whether a login exists."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mssante_sim.clock import FixedClock
from mssante_sim.directory.attempts import Attempts
from mssante_sim.patient.sessions import Sessions
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.visitor import Visitor, refusal


def sign_in(base: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{base}/mes/v1/sessions", json=body, timeout=30)


def test_a_patient_signs_in_with_the_ins_or_the_address(mssante: Mssante) -> None:
    account = mssante.account("patient")
    for login in (account.identifier, account.address, f"  {account.address.upper()} "):
        visitor = Visitor(mssante.running.http, str(login), account.logins[0].password)
        expected = {"kind": "patient", "name": account.display_name, "ins": account.identifier, "state": "activated"}
        assert visitor.ok("GET", "/session")["profile"] == expected
        assert visitor.ok("GET", "/profile") == expected
        visitor.close()


@pytest.mark.parametrize(("role", "name"), [("per", "Dr EXEMPLE-FICTIF"), ("pharmacy", "PHARMACIE FICTIVE DES LILAS")])
def test_a_professional_signs_in_with_the_login(mssante: Mssante, role: str, name: str) -> None:
    visitor = Visitor.of(mssante.running, role)
    assert visitor.profile == {"kind": "professional", "name": name, "ins": None, "state": None}
    visitor.close()


def test_an_application_gets_no_session(mssante: Mssante) -> None:
    login = mssante.account("app").logins[0]
    answer = sign_in(mssante.running.http, login=login.login, password=login.password)
    assert refusal(answer) == (403, "not-for-this-account")


def test_a_wrong_password_and_an_unknown_login_are_told_alike_after_the_same_wait(mssante: Mssante) -> None:
    answers, waits = [], []
    for login in (mssante.account("patient").address, "185059999900181", "personne@patient.mssante.test", "\ud7ff"):
        started = time.monotonic()
        answers.append(sign_in(mssante.running.http, login=login, password="faux"))
        waits.append(time.monotonic() - started)
    assert {refusal(one) for one in answers} == {(401, "bad-credentials")}
    assert len({one.content for one in answers}) == 1
    assert min(waits) >= 1.0


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"{", "application/json", (422, "bad-body")),
        (b"[]", "application/json", (422, "bad-body")),
        (b'{"login": "a"}', "application/json", (422, "bad-body")),
        (b'{"login": 1, "password": "b"}', "application/json", (422, "bad-body")),
        (b'{"login": "a", "password": ""}', "application/json", (422, "bad-body")),
        (b'{"login": "a", "password": "b", "more": 1}', "application/json", (422, "bad-body")),
        (b'{"login": "\xff", "password": "b"}', "application/json", (422, "bad-body")),
        (b"[" * 10_000, "application/json", (422, "bad-body")),
        (b'{"login": "' + b"a" * 20_000 + b'", "password": "b"}', "application/json", (422, "bad-body")),
        (b'{"login": "a", "password": "b"}', "text/plain", (415, "wrong-content-type")),
        (b"login=a&password=b", "application/x-www-form-urlencoded", (415, "wrong-content-type")),
    ],
)
def test_what_is_no_sign_in_is_refused(
    mssante: Mssante, body: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    headers = {"Content-Type": content_type}
    answer = httpx.post(f"{mssante.running.http}/mes/v1/sessions", content=body, headers=headers, timeout=30)
    assert refusal(answer) == expected


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", ""),
        (b'{"login": "a"}', "password"),
        (b'{"login": 1, "password": "b"}', "login"),
        (b'{"login": "a", "password": "b", "more": 1}', "more"),
    ],
)
def test_a_body_that_is_refused_says_which_field_is_wrong(mssante: Mssante, body: bytes, field: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{mssante.running.http}/mes/v1/sessions", content=body, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_signing_out_ends_this_session_and_no_other(mssante: Mssante) -> None:
    one, two = Visitor.of(mssante.running, "patient"), Visitor.of(mssante.running, "patient")
    assert one.token != two.token
    one.ok("DELETE", "/session", 204)
    assert one.no("GET", "/session") == (401, "session-missing")
    assert two.ok("GET", "/session")
    one.close()
    two.close()


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic eDp5", "Bearer " + "x" * 8_000])
def test_without_a_session_nothing_is_told(mssante: Mssante, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.get(f"{mssante.running.http}/mes/v1/session", headers=headers, timeout=60)
    assert refusal(answer) == (401, "session-missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_huge_headers_do_no_harm(mssante: Mssante, patient: Visitor) -> None:
    with contextlib.suppress(httpx.TransportError):  # the connection may be cut while they are on their way
        answer = httpx.get(f"{mssante.running.http}/mes/v1/session", headers={"X-Long": "x" * 300_000})
        assert answer.status_code >= 400
    assert patient.ok("GET", "/session")


async def test_a_session_lasts_half_an_hour_from_its_last_use(inside: Inside) -> None:
    clock = FixedClock(datetime.now(UTC))
    async with inside(clock) as stack:

        def visit() -> None:
            visitor = Visitor.of(stack.running, "patient")
            clock.advance(timedelta(minutes=29))
            expires = datetime.fromisoformat(visitor.ok("GET", "/session")["expires"])
            assert expires == clock.now() + timedelta(minutes=30)
            clock.advance(timedelta(minutes=29))
            assert visitor.ok("GET", "/session")
            clock.advance(timedelta(minutes=30))
            assert visitor.no("GET", "/session") == (401, "session-missing")
            visitor.close()

        await asyncio.to_thread(visit)


async def test_ten_wrong_passwords_in_a_minute_and_the_right_one_has_to_wait(inside: Inside) -> None:
    clock = FixedClock(datetime.now(UTC))
    async with inside(clock) as stack:
        login = stack.running.account(stack.running.roles["patient"]).logins[0]
        url = f"{stack.running.http}/mes/v1/sessions"
        async with httpx.AsyncClient(timeout=30) as client:
            body = {"login": login.login, "password": "faux"}
            wrong = await asyncio.gather(*(client.post(url, json=body) for _ in range(10)))
        assert {refusal(one) for one in wrong} == {(401, "bad-credentials")}
        right = {"login": login.login, "password": login.password}
        assert refusal(await asyncio.to_thread(sign_in, stack.running.http, **right)) == (429, "too-many-attempts")
        clock.advance(timedelta(minutes=1))
        assert (await asyncio.to_thread(sign_in, stack.running.http, **right)).status_code == 201


def test_the_oldest_session_makes_room_for_one_too_many() -> None:
    clock = FixedClock(datetime.now(UTC))
    sessions = Sessions(clock, minutes=30, most=2)
    first, _ = sessions.open("a", "a@b", is_patient=True)
    clock.advance(timedelta(seconds=1))
    second, _ = sessions.open("a", "a@b", is_patient=True)
    clock.advance(timedelta(seconds=1))
    other, _ = sessions.open("c", "c@b", is_patient=True)
    assert sessions.find(first), "used, so that the second is the one unused for longest"
    third, _ = sessions.open("a", "a@b", is_patient=True)
    assert [sessions.find(one) is not None for one in (first, second, third, other)] == [True, False, True, True]


def test_tokens_are_long_and_kept_as_hashes_only() -> None:
    sessions = Sessions(FixedClock(datetime.now(UTC)), minutes=30, most=2)
    token, held = sessions.open("a", "a@b", is_patient=True)
    assert len(token) >= 43  # 256 bits in base64
    assert token not in repr(vars(sessions)) + repr(held)


def test_attempts_of_many_logins_take_bounded_room() -> None:
    attempts = Attempts(FixedClock(datetime.now(UTC)), a_minute=1)
    assert all(attempts.admit(str(number)) for number in range(30_000))
    assert not attempts.admit("29999")
    assert attempts.admit("0"), "forgotten, to make room"
