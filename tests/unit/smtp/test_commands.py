import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.smtp import replies
from mssante_sim.smtp.commands import Mail, parse_mail, parse_recipient
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
