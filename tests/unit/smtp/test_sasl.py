import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.smtp import replies
from mssante_sim.smtp.sasl import Credentials, credentials_from_plain, decode_base64, exchange


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"\0login\0password", Credentials("login", "password")),
        (b"login\0login\0password", Credentials("login", "password")),
        ("\0é\0mot de passe é".encode(), Credentials("é", "mot de passe é")),
        (b"other\0login\0password", replies.BAD_CREDENTIALS),
        (b"login\0password", replies.AUTH_UNREADABLE),
        (b"\0\0\0\0", replies.AUTH_UNREADABLE),
        (b"\0\xff\0x", replies.AUTH_UNREADABLE),
    ],
)
def test_plain(message, expected):
    assert credentials_from_plain(message) == expected


def test_credentials_do_not_show_the_password():
    assert "secret" not in repr(Credentials("login", "secret"))


@given(st.binary(max_size=50))
def test_base64_is_read_back(octets):
    assert decode_base64(base64.b64encode(octets)) == octets


@pytest.mark.parametrize("text", [b"a", b"****", b"YQ=", b"YQ==\n", b"\xff"])
def test_what_is_no_base64_is_refused(text):
    assert decode_base64(text) is replies.AUTH_UNREADABLE


def test_a_lone_equals_sign_is_the_empty_answer():
    assert decode_base64(b"=") == b""


LOGIN, PASSWORD, PLAIN = b64(b"login"), b64(b"password"), b64(b"\0login\0password")
CREDENTIALS = Credentials("login", "password")


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
        ("LOGIN", [b64(b"a\0b"), PASSWORD], [b"Username:", b"Password:"], replies.AUTH_UNREADABLE),
        ("PLAIN =", [], [], replies.AUTH_UNREADABLE),
        ("XOAUTH2 abc", [], [], replies.UNKNOWN_MECHANISM),
        ("", [], [], replies.UNKNOWN_MECHANISM),
    ],
)
async def test_exchange(argument, answers, challenges, expected):
    asked = []

    async def ask(challenge: bytes) -> str:
        asked.append(challenge)
        return answers[len(asked) - 1]

    assert await exchange(argument, ask) == expected
    assert asked == challenges
