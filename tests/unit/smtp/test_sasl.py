import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.sasl.claims import Named, Password
from mssante_sim.smtp import replies
from mssante_sim.smtp.sasl import decode_base64, exchange
from tests.unit.sasl.parties import ACCOUNT, CERTIFICATE, Fixed


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@given(st.binary(max_size=50))
def test_base64_is_read_back(octets):
    assert decode_base64(base64.b64encode(octets)) == octets


@pytest.mark.parametrize("text", [b"a", b"****", b"YQ=", b"YQ==\n", b"\xff"])
def test_what_is_no_base64_is_refused(text):
    assert decode_base64(text) is replies.AUTH_UNREADABLE


def test_a_lone_equals_sign_is_the_empty_answer():
    assert decode_base64(b"=") == b""


PLAIN_MESSAGE = b"\0login\0password"
LOGIN, PASSWORD, PLAIN = b64(b"login"), b64(b"password"), b64(PLAIN_MESSAGE)
SCRAM_CHALLENGE = b"r=x%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CREDENTIALS = Password("login", "password")


@pytest.mark.parametrize(
    ("argument", "answers", "challenges", "expected"),
    [
        (f"PLAIN {PLAIN}", [], [], CREDENTIALS),
        (f"plain {PLAIN}", [], [], CREDENTIALS),
        ("PLAIN", [PLAIN], [b""], CREDENTIALS),
        ("LOGIN", [LOGIN, PASSWORD], [b"Username:", b"Password:"], CREDENTIALS),
        (f"LOGIN {LOGIN}", [PASSWORD], [b"Password:"], CREDENTIALS),
        ("PLAIN", ["*"], [b""], replies.AUTH_ABORTED),
        ("LOGIN", ["*"], [b"Username:"], replies.AUTH_ABORTED),
        ("LOGIN", [LOGIN, "*"], [b"Username:", b"Password:"], replies.AUTH_ABORTED),
        ("LOGIN", ["%"], [b"Username:"], replies.AUTH_UNREADABLE),
        ("LOGIN", [b64(b"a\0b")], [b"Username:"], replies.AUTH_UNREADABLE),
        ("PLAIN =", [], [], replies.AUTH_UNREADABLE),
        ("EXTERNAL =", [], [], Named(ACCOUNT, ACCOUNT)),
        ("EXTERNAL", [""], [b""], Named(ACCOUNT, ACCOUNT)),
        (f"EXTERNAL {b64(b'other')}", [], [], replies.BAD_CREDENTIALS),
        (f"PLAIN {b64(b'a')}", [], [], replies.AUTH_UNREADABLE),
        (f"PLAIN {b64(b'other' + PLAIN_MESSAGE)}", [], [], replies.BAD_CREDENTIALS),
        ("SCRAM-SHA-256", [b64(b"y,,n=user,r=x"), "*"], [b"", SCRAM_CHALLENGE], replies.AUTH_ABORTED),
        (f"SCRAM-SHA-256 {b64(b'x')}", [], [], replies.AUTH_UNREADABLE),
        ("SCRAM-SHA-256-PLUS", [], [], replies.UNKNOWN_MECHANISM),
        ("CRAM-MD5 abc", [], [], replies.UNKNOWN_MECHANISM),
        ("", [], [], replies.UNKNOWN_MECHANISM),
    ],
)
async def test_exchange(argument, answers, challenges, expected):
    asked = []

    async def ask(challenge: bytes) -> str:
        asked.append(challenge)
        return answers[len(asked) - 1]

    assert await exchange(argument, Fixed(certificate=CERTIFICATE), ask) == expected
    assert asked == challenges
