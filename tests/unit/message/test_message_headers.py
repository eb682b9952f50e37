"""Fields, address lists, encoded words and parameters, well formed and not."""

import email.header
import email.utils
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.message.headers import (
    Address,
    Mailbox,
    content_type,
    decode_words,
    fields,
    header_end,
    parse_addresses,
    parse_mailboxes,
    parse_parameters,
    single_from,
    unfold,
)

HEADER = b"From: a@b\r\nX-Folded: one\r\n\ttwo\r\nno field here\r\nSubject : spaced\r\nEmpty:\r\n\r\nNot: a field\r\n"


def test_fields_cover_their_exact_octets() -> None:
    found = fields(HEADER)
    assert [(one.name, one.raw) for one in found] == [
        ("from", b" a@b"), ("x-folded", b" one\r\n\ttwo"), ("subject", b" spaced"), ("empty", b"")
    ]  # fmt: skip
    assert [HEADER[one.start : one.end] for one in found] == [
        b"From: a@b\r\n", b"X-Folded: one\r\n\ttwo\r\n", b"Subject : spaced\r\n", b"Empty:\r\n"
    ]  # fmt: skip


def test_bare_line_feeds_end_lines_too() -> None:
    octets = HEADER.replace(b"\r\n", b"\n")
    assert [(one.name, one.raw) for one in fields(octets)] == [
        (one.name, one.raw.replace(b"\r\n", b"\n")) for one in fields(HEADER)
    ]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", 0), (b"\r\nbody", 2), (b"\nbody", 1), (b"a: b\r\n\r\nbody", 8), (b"a: b\n\nbody", 6),
        (b"a: b\r\n\nbody", 7), (b"a: b\n\r\nbody", 7), (b"a: b\r\n", 6), (b"a: b", 4),
        (b"a: b\r\n \r\nc: d\r\n\r\n", 17), (b"a: b\n\nx\r\n\r\n", 6), (b"a: b\r\n\r\nx\n\n", 8), (b"a: b\r\rbody", 10),
    ],
)  # fmt: skip
def test_the_header_ends_at_the_first_empty_line(octets: bytes, expected: int) -> None:
    assert header_end(octets) == expected


def test_fields_of_a_part_stay_within_it() -> None:
    octets = b"outer: 1\r\n--b\r\ninner: 2\r\n\r\nbody"
    assert [one.name for one in fields(octets, 15)] == ["inner"]
    assert header_end(octets, 15, 20) == 20
    assert [one.raw for one in fields(octets, 15, 20)] == []


def test_unfolding_removes_line_ends_and_nothing_else() -> None:
    assert unfold(b" one\r\n\ttwo\n  three \r") == b"one\ttwo  three"
    assert unfold(b"a\0b\rc") == b"abc"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b" plain", "plain"),
        (b"=?utf-8?q?Jos=C3=A9_M?=", "José M"),
        (b"=?UTF-8?B?w6k=?= =?utf-8?b?w6A=?=", "éà"),
        (b"=?utf-8?q?=C3?=\r\n =?utf-8?q?=A9?=", "é"),
        (b"=?utf-8?q?a?= b =?utf-8?q?c?= d", "a b c d"),
        (b"=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé"),
        (b"=?utf-8?q?=C3=A9?= =?iso-8859-1?q?=E9?=", "éé"),
        (b"x=?utf-8?q?a?=y", "xay"),
        (b"=?utf-8*fr?q?a?=", "a"),
        (b"=?utf-8?b?w6k?=", "é"),
        (b"=?utf-8?b?w?=", "w"),
        (b"=?utf-8?q?=XYa?=", "=XYa"),
        (b"=?utf-8?q?=FF?=", "�"),
        (b"=?windows-1252?q?=80?=", "€"),
        (b"=?unicode_escape?q?=5Cx41?=", "\\x41"),
        (b"=?no-such?q?a=C3=A9?=", "aé"),
        (b"=?iso-8859-99?q?a?=", "a"),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("é".encode(), "é"),
        (b"\xe9", "é"),
    ],
)
def test_encoded_words(raw: bytes, expected: str) -> None:
    assert decode_words(raw) == expected


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])).map(str.strip).filter(bool))
def test_what_the_standard_library_encodes_is_decoded(text: str) -> None:
    encoded = email.header.Header(text, "utf-8", maxlinelen=76).encode(linesep="\r\n")
    assert decode_words(encoded.encode()) == text


def m(local: str | None, domain: str | None = "x", name: str | None = None, route: str | None = None) -> Mailbox:
    name_, route_, local_, domain_ = (None if one is None else one.encode() for one in (name, route, local, domain))
    return Mailbox(name_, route_, local_, domain_)


END = m(None, None)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a@x", [m("a")]),
        ("a@x, b@x", [m("a"), m("b")]),
        (" , a@x,,\r\n b@x , ", [m("a"), m("b")]),
        ("A B <a@x>", [m("a", name="A B")]),
        ('"B, A" <a@x>', [m("a", name="B, A")]),
        (r'"A \"q\" \\" <a@x>', [m("a", name='A "q" \\')]),
        ("Mr. A. B <a@x>", [m("a", name="Mr. A. B")]),
        ("<a@x>", [m("a")]),
        ("a@x (A (nested) B)", [m("a", name="A (nested) B")]),
        (r"a@x (\) A)", [m("a", name=r"\) A")]),
        ("(first) A <a@x> (last)", [m("a", name="A")]),
        ("a.b.c@d.e.f", [m("a.b.c", "d.e.f")]),
        ("a . b @ c . d", [m("a.b", "c.d")]),
        ('"a b"@x', [m("a b")]),
        ('"a,b@c"@x', [m("a,b@c")]),
        ("a@[127.0.0.1]", [m("a", "[127.0.0.1]")]),
        ("<@r,@s:a@x>", [m("a", route="@r,@s")]),
        ("undisclosed-recipients:;", [m("undisclosed-recipients", None), END]),
        ('"G, H": a@x, B <b@x>; , c@x', [m("G, H", None), m("a"), m("b", name="B"), END, m("c")]),
        ("G: a@x", [m("G", None), m("a"), END]),
        ("=?utf-8?q?=C3=A9?= <a@x>", [m("a", name="=?utf-8?q?=C3=A9?=")]),
        ("é <a@x>", [m("a", name="é")]),
        ("root", [m("root", "")]),
        ("A <root>", [m("root", "", name="A")]),
        ("@x", [m("")]),
        ("<>", []),
        ("A <>", [m("", "", name="A")]),
        ("A <a@x", [m("a", name="A")]),
        ("<a@x, b@x", [m("a"), m("b")]),
        ("a@x> , b@x", [m("a"), m("b")]),
        ("<a@x> junk, b@x", [m("a"), m("b")]),
        ("a@b@x", [m("a@b")]),
        ("a@x: b@x", [m("b")]),
        ("a b@x", [m("ab")]),
        ('"unclosed', [m("unclosed", "")]),
        ("(unclosed a@x", []),
        ("\\", []),
        ("", []),
    ],
)
def test_address_lists(raw: str, expected: list[Mailbox]) -> None:
    assert parse_mailboxes(raw.encode()) == expected


def test_addresses_are_shown_decoded_and_quoted_only_where_needed() -> None:
    raw = rb'=?utf-8?q?Jos=C3=A9?= <"jose"@x>, G: "a \" b"@x, missing; root, "c@d"@x'
    assert parse_addresses(raw) == [
        Address("José", "jose@x"), Address("", r'"a \" b"@x'), Address("", '"c@d"@x')
    ]  # fmt: skip


NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1).map(str.strip).filter(bool)
LOCAL = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9]+)*", fullmatch=True)
DOMAIN = st.from_regex(r"[a-z0-9]+(\.[a-z0-9]+)*", fullmatch=True)


@given(st.lists(st.tuples(NAMES, LOCAL, DOMAIN), min_size=1, max_size=5))
def test_lists_that_the_standard_library_writes_are_read(people: list[tuple[str, str, str]]) -> None:
    written = ", ".join(email.utils.formataddr((name, f"{local}@{domain}")) for name, local, domain in people)
    found = parse_mailboxes(written.encode())
    assert [(one.name, one.local, one.domain) for one in found] == [
        tuple(part.encode() for part in person) for person in people
    ]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("From: A <a@x>", Address("A", "a@x")),
        ("from : a@x", Address("", "a@x")),
        ("From: A\r\n <a@x>", Address("A", "a@x")),
        ("From: a@x (comment)", Address("comment", "a@x")),
        ("From: a@x,", Address("", "a@x")),
    ],
)
def test_one_author_is_found(header: str, expected: Address) -> None:
    assert single_from(f"Subject: x\r\n{header}\r\n\r\nFrom: body@x\r\n".encode()) == expected


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Fro: a@x",
        "From:",
        "From: a@x\r\nFrom: a@x",
        "From: a@x\r\nFROM : b@x",
        *(
            f"From: {value}"
            for value in [
                "a@x, b@x", "G: a@x;", "G:;", "a@x <b@x>", "<a@x> <b@x>", "<a@x> b@x", "<a@x", "a@x>", "a@b@x", "a b@x",
                "a@x b", "<a@x>;", "a", "<>", '"a@x', "a@x\\", 'a@"x"', "[a]@x", "A:B <a@x>", "<<a@x>>", "a@x) ",
                "<@r:a@x", "<b:a@x>", "a@x: b@x",
            ]
        ),
    ],
)  # fmt: skip
def test_an_author_who_must_be_guessed_is_none(header: str) -> None:
    assert single_from(f"{header}\r\nSubject: x\r\n\r\n".encode()) is None


@pytest.mark.parametrize(
    ("raw", "value", "pairs"),
    [
        (b"a/b", b"a/b", ()),
        (b" a/b ; C=d;e = \"f;g\" ; h=\"\\\"i\"", b"a/b", (("c", b"d"), ("e", b"f;g"), ("h", b'"i'))),
        (b"a/b (x;y=z) ; c=d (e)", b"a/b", (("c", b"d"),)),
        (b'a/b; c="(no comment)"', b"a/b", (("c", b"(no comment)"),)),
        (b"a/b; c; =d; e=", b"a/b", (("e", b""),)),
        (b"a/b; c=\"unclosed; d=e", b"a/b", (("c", b"unclosed; d=e"),)),
        (b"a/b;\r\n\tc=d", b"a/b", (("c", b"d"),)),
        (b"a; n*1=b; n*0=a; n*3=lost", b"a", (("n", b"ab"),)),
        (b"a; n*0*=utf-8''%C3; n*1*=%A9; n*2=\"x y\"", b"a", (("n*", b"utf-8''%C3%A9x%20y"),)),
        (b"a; *0=x; b*c*0=y; n*1=z", b"a", (("*0", b"x"), ("b*c*0", b"y"), ("n", b""))),
    ],
)  # fmt: skip
def test_parameters(raw: bytes, value: bytes, pairs: tuple[tuple[str, bytes], ...]) -> None:
    found, parameters = parse_parameters(raw)
    assert (found, parameters.pairs) == (value, pairs)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"x; filename=a.pdf", "a.pdf"),
        (b"x; filename=\"=?utf-8?q?=C3=A9?=.pdf\"", "é.pdf"),
        (b"x; filename=\"\xc3\xa9.pdf\"", "é.pdf"),
        (b"x; filename=plain; filename*=utf-8'fr'%C3%A9", "é"),
        (b"x; filename*0*=iso-8859-1''%E9; filename*1=x", "éx"),
        (b"x; filename*=%C3%A9", "é"),
        (b"x; filename*=nonsense''%C3%A9", "é"),
        (b"x; name=y", None),
    ],
)  # fmt: skip
def test_parameters_are_decoded(raw: bytes, expected: str | None) -> None:
    assert parse_parameters(raw)[1].get("filename") == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Text/HTML", "text/html"), (b" a / b ;c=d", "a/b"), (None, "x/y"), (b"", "x/y"), (b"text", "x/y"),
        (b"(c) text/plain", "text/plain"), (b"t\xe9xt/plain", "x/y"), (b"a/b/c", "a/b"),
    ],
)  # fmt: skip
def test_content_types(raw: bytes | None, expected: str) -> None:
    assert content_type(raw, "x/y")[0] == expected


GARBAGE = st.lists(
    st.sampled_from([*'<>@,;:()[]"\\= \t\r\n.*?%a1', "=?utf-8?q?", "?=", "\0", "é", "*0*=", "From:"])
).map("".join)


@given(GARBAGE | st.text())
def test_nothing_raises_whatever_the_octets(text: str) -> None:
    octets = text.encode("utf-8", "surrogatepass")
    parse_addresses(octets)
    content_type(octets)
    parse_parameters(octets)[1].get("filename")
    decode_words(octets)
    single_from(b"From:" + octets)
    covered = fields(octets)
    assert all(a.end <= b.start for a, b in pairwise(covered))


@pytest.mark.parametrize(
    "unit",
    [b"(", b")", b'"', b"<", b"@", b":", b"a ", b"a,", b"\\", b" ", b"\r\n ", b"=?utf-8?q?a?= ", b"=?", b";a=", b';a="',
     b"a*0=b;", b"a:", b"\n"],
)  # fmt: skip
@pytest.mark.slow
def test_time_is_linear(unit: bytes) -> None:
    def spent(octets: bytes) -> float:
        best = 9.0
        for _ in range(3):
            started = time.thread_time()
            parse_addresses(octets), parse_parameters(octets), decode_words(octets), fields(b"x:" + octets)
            best = min(best, time.thread_time() - started)
        return best

    short, long = spent(unit * 4_000), spent(unit * 64_000)
    assert long < 16 * 5 * max(short, 0.0005)  # quadratic would be 256 times as long
