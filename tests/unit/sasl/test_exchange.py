"""The table of mechanisms, and the plain ones [RFC 4422] [RFC 4616]."""

import pytest

from mssante_sim.sasl.claims import ActingForAnother, Malformed, Named, Password, UnknownMechanism
from mssante_sim.sasl.exchange import begin, mechanisms
from tests.unit.sasl.parties import ACCOUNT, CERTIFICATE, Fixed

CLAIM = Password("login", "password")


@pytest.mark.parametrize(
    ("party", "offered"),
    [
        (None, "PLAIN LOGIN"),
        (Fixed(), "SCRAM-SHA-256 OAUTHBEARER XOAUTH2 PLAIN LOGIN"),
        (Fixed(certificate=CERTIFICATE), "SCRAM-SHA-256 EXTERNAL OAUTHBEARER XOAUTH2 PLAIN LOGIN"),
        (Fixed(b"x", CERTIFICATE), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 EXTERNAL OAUTHBEARER XOAUTH2 PLAIN LOGIN"),
    ],
)
def test_what_is_offered_is_what_can_be_used_and_nothing_else_begins(party, offered) -> None:
    assert " ".join(mechanisms(party)) == offered
    for name in (
        "PLAIN",
        "LOGIN",
        "SCRAM-SHA-256",
        "SCRAM-SHA-256-PLUS",
        "EXTERNAL",
        "XOAUTH2",
        "CRAM-MD5",
        "plain",
        "",
    ):
        if name in offered.split():
            assert begin(name, party).opening is not None
        else:
            with pytest.raises(UnknownMechanism):
                begin(name, party)


def test_a_password_does_not_show() -> None:
    assert "secret" not in repr(Password("login", "secret"))


@pytest.mark.parametrize(
    ("mechanism", "answers", "expected"),
    [
        ("PLAIN", [b"\0login\0password"], [CLAIM]),
        ("PLAIN", [b"login\0login\0password"], [CLAIM]),
        ("PLAIN", ["\0é\0mot de passe é".encode()], [Password("é", "mot de passe é")]),
        ("LOGIN", [b"login", b"password"], [b"Password:", CLAIM]),
        ("EXTERNAL", [b""], [Named(ACCOUNT, ACCOUNT)]),
        ("EXTERNAL", [ACCOUNT.encode()], [Named(ACCOUNT, ACCOUNT)]),
    ],
)
def test_an_exchange_ends_in_a_claim(mechanism, answers, expected) -> None:
    exchange = begin(mechanism, Fixed(certificate=CERTIFICATE))
    assert [exchange.answer(answer) for answer in answers] == expected


@pytest.mark.parametrize(
    ("mechanism", "answer", "fault"),
    [
        ("PLAIN", b"other\0login\0password", ActingForAnother),
        ("PLAIN", b"login\0password", Malformed),
        ("PLAIN", b"\0\0\0\0", Malformed),
        ("PLAIN", b"\0\xff\0x", Malformed),
        ("LOGIN", b"a\0b", Malformed),
        ("LOGIN", b"\xff", Malformed),
        ("EXTERNAL", b"other@officine.mssante.test", ActingForAnother),
        ("EXTERNAL", b"a\0b", Malformed),
        ("EXTERNAL", b"\xff", Malformed),
    ],
)
def test_an_answer_that_leads_nowhere_is_refused(mechanism, answer, fault) -> None:
    with pytest.raises(fault):
        begin(mechanism, Fixed(certificate=CERTIFICATE)).answer(answer)
