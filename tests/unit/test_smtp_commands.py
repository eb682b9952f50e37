import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.smtp import replies
from mssante_sim.smtp.commands import (
    Credentials,
    Mail,
    credentials_from_plain,
    decode_base64,
    parse_mail,
    parse_recipient,
)
from mssante_sim.smtp.replies import Refusal

LONG = "a" * 65


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<a@b.test>", Mail("a@b.test", None)),
        ("from:<A.B@C.Test>", Mail("a.b@c.test", None)),
        ("FROM: <a@b.test>", Mail("a@b.test", None)),
        ("FROM:<>", Mail("", None)),
        ("FROM:<> SIZE=12", Mail("", 12)),
        ("FROM:<a@b.test> SIZE=26214400 BODY=8BITMIME", Mail("a@b.test", 26214400)),
        ("FROM:<a@b.test>  body=7bit", Mail("a@b.test", None)),
        ("FROM:<a@b.test> AUTH=<>", Mail("a@b.test", None)),
        ("FROM:<@relay.test,@other.test:a@b.test>", Mail("a@b.test", None)),
        ('FROM:<"a > b"@b.test>', Mail('"a > b"@b.test', None)),
        ("FROM:<a@[127.0.0.1]>", Mail("a@[127.0.0.1]", None)),
        ("", replies.SYNTAX),
        ("TO:<a@b.test>", replies.SYNTAX),
        ("FROM:a@b.test", replies.MALFORMED_ADDRESS),
        ("FROM:<a>", replies.MALFORMED_ADDRESS),
        ("FROM:<a@b.test", replies.MALFORMED_ADDRESS),
        ("FROM:<a@b@c>", replies.MALFORMED_ADDRESS),
        ("FROM:<a b@c.test>", replies.MALFORMED_ADDRESS),
        ("FROM:<.a@c.test>", replies.MALFORMED_ADDRESS),
        ("FROM:<a..b@c.test>", replies.MALFORMED_ADDRESS),
        ("FROM:<a@-c.test>", replies.MALFORMED_ADDRESS),
        (f"FROM:<{LONG}@b.test>", replies.MALFORMED_ADDRESS),
        (f"FROM:<a@{'b.' * 130}test>", replies.MALFORMED_ADDRESS),
        ("FROM:<a@b.test>SIZE=1", replies.SYNTAX),
        ("FROM:<a@b.test> SIZE", replies.SYNTAX),
        ("FROM:<a@b.test> SIZE=-1", replies.SYNTAX),
        ("FROM:<a@b.test> SIZE=999999999999999999999", replies.SYNTAX),
        ("FROM:<a@b.test> SIZE=1 SIZE=2", replies.SYNTAX),
        ("FROM:<a@b.test> BODY=BINARYMIME", replies.SYNTAX),
        ("FROM:<a@b.test> RET=FULL", replies.UNKNOWN_PARAMETER),
        ("FROM:<a@b.test> SMTPUTF8", replies.UNKNOWN_PARAMETER),
        ("FROM:<a@b.test> MT-PRIORITY=3", replies.UNKNOWN_PARAMETER),
    ],
)
def test_mail(argument, expected):
    assert parse_mail(argument) == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("TO:<Pharmacie@Officine.mssante.test>", "pharmacie@officine.mssante.test"),
        ("to: <a@b.test>", "a@b.test"),
        ("TO:<>", replies.MALFORMED_ADDRESS),
        ("TO:<postmaster>", replies.MALFORMED_ADDRESS),
        ("TO:<a@b.test> NOTIFY=NEVER", replies.UNKNOWN_PARAMETER),
        ("FROM:<a@b.test>", replies.SYNTAX),
    ],
)
def test_recipient(argument, expected):
    assert parse_recipient(argument) == expected


@given(st.text(st.characters(min_codepoint=0, max_codepoint=127), max_size=80))
def test_no_argument_of_any_form_raises_and_no_address_can_carry_a_line_end(argument):
    for keyword in ("", "FROM:", "FROM:<", "FROM:<a@b.test> "):
        read = parse_mail(keyword + argument)
        assert isinstance(read, Refusal) or not set(read.sender) & set("\r\n\0")


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
