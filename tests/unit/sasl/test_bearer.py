"""OAUTHBEARER and XOAUTH2, octet for octet [RFC 7628]."""

import pytest

from mssante_sim.sasl.claims import Malformed, Named, Parting
from mssante_sim.sasl.exchange import begin
from tests.unit.sasl.parties import ACCOUNT, TOKEN, Fixed

OPENS, NOBODY = Named(ACCOUNT, ACCOUNT), Named("", None)
CONFIGURATION = b'"openid-configuration":"http://127.0.0.1:2080/.well-known/openid-configuration"'
REASONS = {
    "OAUTHBEARER": b'{"status":"invalid_token","scope":"mail",' + CONFIGURATION + b"}",
    "XOAUTH2": b'{"status":"401","schemes":"bearer","scope":"mail",' + CONFIGURATION + b"}",
}
OLDER_REASON = b'{"status":"401","schemes":"bearer","scope":"mail"}'


def oauthbearer(auth: str = f"Bearer {TOKEN}", *, header: str = f"n,a={ACCOUNT},", more: str = "") -> bytes:
    return f"{header}\1{more}auth={auth}\1\1".encode()


def xoauth2(auth: str = f"Bearer {TOKEN}", user: str = ACCOUNT) -> bytes:
    return f"user={user}\1auth={auth}\1\1".encode()


@pytest.mark.parametrize(
    ("mechanism", "answer"),
    [
        ("OAUTHBEARER", oauthbearer()),
        ("OAUTHBEARER", oauthbearer(header="n,,")),
        ("OAUTHBEARER", oauthbearer(header="y,,")),
        ("OAUTHBEARER", oauthbearer(f"bearer  {TOKEN}", more="host=localhost\1port=2993\1")),
        ("XOAUTH2", xoauth2()),
        ("XOAUTH2", xoauth2(f"BEARER {TOKEN}")),
    ],
)
def test_a_token_opens_its_mailbox_at_once(mechanism, answer) -> None:
    assert begin(mechanism, Fixed()).answer(answer) == OPENS


REFUSED = [
    *(("OAUTHBEARER", oauthbearer(auth)) for auth in ("Bearer other", "", "Bearer", "Basic abc", "Bearer a b")),
    ("OAUTHBEARER", b"n,,\1\1"),
    ("OAUTHBEARER", b"n,,\1host=localhost\1\1"),
    *(("XOAUTH2", xoauth2(auth)) for auth in ("Bearer other", "", "Bearer", "Basic abc", "Bearer a b")),
]


@pytest.mark.parametrize(("mechanism", "answer"), REFUSED)
@pytest.mark.parametrize("last", [b"\1", b"", b"whatever"])
def test_a_refused_token_has_its_reason_said_and_fails_with_the_clients_answer(mechanism, answer, last) -> None:
    """[RFC 7628 §3.2.2] [RFC 7628 §3.2.3]."""
    exchange = begin(mechanism, Fixed())
    assert exchange.answer(answer) == REASONS[mechanism]
    assert exchange.answer(last) == NOBODY


@pytest.mark.parametrize(("mechanism", "answer"), REFUSED)
def test_where_tokens_are_dropped_the_older_reason_is_the_last_word(mechanism, answer) -> None:
    assert begin(mechanism, Fixed(drops=True)).answer(answer) == Parting(OLDER_REASON, NOBODY)


@pytest.mark.parametrize(
    ("mechanism", "answer"), [("OAUTHBEARER", oauthbearer(header="n,a=other,")), ("XOAUTH2", xoauth2(user="other"))]
)
def test_a_token_of_another_mailbox_opens_nothing_and_whose_it_is_stands_in_the_traces_only(mechanism, answer) -> None:
    exchange = begin(mechanism, Fixed())
    assert exchange.answer(answer) == REASONS[mechanism]
    assert exchange.answer(b"") == Named(ACCOUNT, None)


@pytest.mark.parametrize(
    ("mechanism", "answer"),
    [
        ("OAUTHBEARER", b""),
        ("OAUTHBEARER", b"\1"),
        ("OAUTHBEARER", b"n,,"),
        ("OAUTHBEARER", b"n,,\1auth=Bearer x\1"),
        ("OAUTHBEARER", b"n,,auth=Bearer x\1\1"),
        ("OAUTHBEARER", b"n,,\1auth=Bearer x\1\1\1"),
        ("OAUTHBEARER", b"n,,\1auth=Bearer x\1auth=Bearer y\1\1"),
        ("OAUTHBEARER", b"n,,\1auth=Bearer x\1AUTH=Bearer y\1\1"),
        ("OAUTHBEARER", b"n,,\1a uth=x\1\1"),
        ("OAUTHBEARER", b"n,,\1auth=\0\1\1"),
        ("OAUTHBEARER", oauthbearer("Bearer é")),
        ("OAUTHBEARER", b"n,a=a=b,\1auth=Bearer x\1\1"),
        ("OAUTHBEARER", b"n,a=a,b,\1auth=Bearer x\1\1"),
        ("OAUTHBEARER", b"n,a=\xff,\1auth=Bearer x\1\1"),
        ("OAUTHBEARER", b"p=tls-server-end-point,,\1auth=Bearer x\1\1"),
        ("OAUTHBEARER", b"F,n,,\1auth=Bearer x\1\1"),
        ("OAUTHBEARER", xoauth2()),
        ("XOAUTH2", b""),
        ("XOAUTH2", xoauth2(user="")),
        ("XOAUTH2", xoauth2()[:-1]),
        ("XOAUTH2", xoauth2() + b"\1"),
        ("XOAUTH2", b"user=\xff\1auth=Bearer x\1\1"),
        ("XOAUTH2", b"user=a\0\1auth=Bearer x\1\1"),
        ("XOAUTH2", oauthbearer()),
    ],
)
def test_an_answer_of_another_form_is_malformed(mechanism, answer) -> None:
    with pytest.raises(Malformed):
        begin(mechanism, Fixed()).answer(answer)


def test_a_name_may_hold_a_comma_and_an_equals_sign() -> None:
    """As ``=2C`` and ``=3D`` [RFC 5801 §4]."""
    asked = []

    class Asked(Fixed):
        def bearer(self, token: str, name: str) -> Named:
            asked.append((token, name))
            return OPENS

    begin("OAUTHBEARER", Asked()).answer(b"n,a=a=2Cb=3Dc,\1auth=Bearer x\1\1")
    assert asked == [("x", "a,b=c")]
