"""AUTH OAUTHBEARER and XOAUTH2, octet for octet [RFC 7628] [RFC 4954 §4]."""

import base64
from datetime import timedelta

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.directory.tokens import Tokens
from tests.unit.smtp.house import FROM, TO, TOKEN_KEY, Running, running

PATIENT, PHARMACY = FROM["patient"], TO["ORG, pharmacy"]
REASONS = {
    "OAUTHBEARER": (
        "334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJtYWlsIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwOi8vMTI3LjAu"
        "MC4xOjIwODAvLndlbGwta25vd24vb3BlbmlkLWNvbmZpZ3VyYXRpb24ifQ=="
    ),
    "XOAUTH2": (
        "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRw"
        "Oi8vMTI3LjAuMC4xOjIwODAvLndlbGwta25vd24vb3BlbmlkLWNvbmZpZ3VyYXRpb24ifQ=="
    ),
}
OLDER_REASON = "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0="
REFUSED = "535 5.7.8 bad-credentials: Login or password is wrong."
BOTH = pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])


def response(mechanism: str, token: str, user: str = PATIENT) -> str:
    start = f"user={user}" if mechanism == "XOAUTH2" else f"n,a={user},\1host=localhost\1port=2587"
    return base64.b64encode(f"{start}\1auth=Bearer {token}\1\1".encode()).decode()


def issue(house: Running, account: str = PATIENT) -> str:
    tokens = Tokens(house.directory.rows, TOKEN_KEY, SystemClock())
    return tokens.issue(account, account, lasting=timedelta(hours=1))[1].reveal()


@BOTH
@pytest.mark.parametrize("waits", [False, True])
async def test_a_token_logs_in_as_its_mailbox_and_no_other(house, mechanism, waits) -> None:
    answer = response(mechanism, issue(house))
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        if waits:
            assert await dialogue.say(f"AUTH {mechanism}") == "334 "
            await dialogue.expect("235 2.7.0 ", answer)
        else:
            await dialogue.expect("235 2.7.0 ", f"AUTH {mechanism} {answer}")
        await dialogue.expect("553 5.7.1 sender-not-yours: ", f"MAIL FROM:<{PHARMACY}>")
        await dialogue.expect("250 ", f"MAIL FROM:<{PATIENT}>")
    assert all(answer not in str(line) for line in house.audit.lines)
    assert (house.audit.lines[0]["user"], house.audit.lines[0]["result"]) == (PATIENT, "235")


@BOTH
async def test_a_refused_token_gets_its_reason_then_the_reply(house, mechanism) -> None:
    for token, user in (("nonsense", PATIENT), (issue(house, PHARMACY), PATIENT)):
        async with house.connect() as dialogue:
            await dialogue.start_tls()
            assert await dialogue.say(f"AUTH {mechanism} {response(mechanism, token, user)}") == REASONS[mechanism]
            assert await dialogue.say("AQ==" if mechanism == "OAUTHBEARER" else "") == REFUSED
            await dialogue.expect("235 2.7.0 ", f"AUTH {mechanism} {response(mechanism, issue(house))}")


async def test_a_client_may_give_up_at_the_reason(house) -> None:
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        await dialogue.expect("334 ", f"AUTH XOAUTH2 {response('XOAUTH2', 'nonsense')}")
        await dialogue.expect("501 5.7.0 auth-aborted: ", "*")


@BOTH
async def test_where_refused_tokens_are_dropped_the_reason_is_the_last_that_is_said(
    tmp_path, keystore, mechanism
) -> None:
    async with running(tmp_path, keystore, drop_refused_tokens=True) as house:
        async with house.connect() as dialogue:
            await dialogue.start_tls()
            assert await dialogue.say(f"AUTH {mechanism} {response(mechanism, 'nonsense')}") == OLDER_REASON
            assert await dialogue.ended()
        async with house.connect() as dialogue:
            await dialogue.start_tls()
            await dialogue.expect("235 2.7.0 ", f"AUTH {mechanism} {response(mechanism, issue(house))}")
    assert [line["result"] for line in house.audit.lines] == ["535 bad-credentials", "235"]


async def test_what_is_of_another_form_is_unreadable(house) -> None:
    async with house.connect() as dialogue:
        await dialogue.start_tls()
        await dialogue.expect("501 5.5.2 auth-unreadable: ", "AUTH OAUTHBEARER AAAA")


async def test_who_fails_too_often_is_told_to_come_later(house) -> None:
    """Ten times in a minute, over several connections; an unknown login likewise."""
    for login in (PHARMACY, "nobody@officine.mssante.test"):
        wrong = base64.b64encode(f"\0{login}\0wrong".encode()).decode()
        for failures in (2, 2, 2, 2, 2):
            async with house.connect() as dialogue:
                await dialogue.start_tls()
                for _ in range(failures):
                    assert await dialogue.say(f"AUTH PLAIN {wrong}") == REFUSED
        async with house.connect() as dialogue:
            await dialogue.start_tls()
            await dialogue.expect("454 4.7.0 login-later: ", f"AUTH PLAIN {wrong}")
    assert {line["result"] for line in house.audit.lines} == {"535 bad-credentials", "454 login-later"}
