"""What our clients write parses back to what was meant, for us and for the standard library."""

import email
import email.policy
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mssante_sim.message.compose import Attachment, CannotCompose, Draft, compose, date_value
from mssante_sim.message.headers import Address, decode_words, fields, parse_addresses, single_from, unfold
from mssante_sim.message.parts import decoded, parse, walk

AT = datetime(2026, 11, 23, 9, 0, 5, tzinfo=timezone(timedelta(hours=1)))
BASE = Draft(
    sender=Address("Dominique PAT-TROIS", "199999999999934@patient.mssante.test"),
    to=(Address("PHARMACIE DES LILAS", "lilas@officine.mssante.test"),),
    subject="Document",
    text="Bonjour",
    date=AT,
    message_id="<1@patient.mssante.test>",
)


def draft(**changes) -> Draft:
    return Draft(**{name: getattr(BASE, name) for name in BASE.__slots__} | changes)


def test_the_simplest_message_octet_for_octet() -> None:
    assert compose(BASE) == (
        b"Date: Mon, 23 Nov 2026 09:00:05 +0100\r\n"
        b'From: "Dominique PAT-TROIS" <199999999999934@patient.mssante.test>\r\n'
        b'To: "PHARMACIE DES LILAS" <lilas@officine.mssante.test>\r\n'
        b"Subject: Document\r\n"
        b"Message-ID: <1@patient.mssante.test>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n\r\n"
        b"Bonjour\r\n"
    )


# No control character but what a text may hold; a name loses the blanks around it, as any field does.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")
WORDS = st.text(CHARACTERS | st.sampled_from(' "\\=?_<>@,é'), max_size=150).map(lambda text: text.strip(" \t"))
ADDRESSES = st.from_regex(r"[a-z0-9._+=-]{1,20}@[a-z0-9]{1,10}(\.[a-z]{1,5}){0,3}", fullmatch=True)
PEOPLE = st.builds(Address, WORDS, ADDRESSES)
IDENTITIES = st.from_regex(r"<[!-;=?-~]{1,90}>", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r é=.-_"), max_size=300)
ATTACHMENTS = st.builds(
    Attachment,
    st.text(CHARACTERS | st.sampled_from(' "\\;=*%é'), min_size=1, max_size=120).map(str.strip).filter(bool),
    st.sampled_from(["application/pdf", "image/JPEG", "text/plain"]),
    st.binary(max_size=300),
)
DRAFTS = st.builds(
    Draft,
    sender=PEOPLE,
    to=st.lists(PEOPLE, max_size=6).map(tuple),
    subject=WORDS,
    text=TEXTS,
    date=st.just(AT),
    message_id=IDENTITIES,
    attachments=st.lists(ATTACHMENTS, max_size=3).map(tuple),
    in_reply_to=st.none() | IDENTITIES,
    references=st.lists(IDENTITIES, max_size=4).map(tuple),
    extra=st.lists(st.tuples(st.sampled_from(["X-MSS-NIL", "X-Word"]), WORDS), max_size=2).map(tuple),
)


def lines_of(text: str) -> str:
    text = re.sub(r"\r\n|\r|\n", "\r\n", text)
    return text if text.endswith("\r\n") else text + "\r\n"


@pytest.mark.slow
@settings(max_examples=200)
@given(DRAFTS)
def test_what_is_composed_parses_back(written: Draft) -> None:
    octets = compose(written)
    root = parse(octets)
    header = {name: decode_words(raw) for name, raw in root.header.items()}
    assert single_from(octets) == written.sender
    assert tuple(parse_addresses(root.header.get("to", b""))) == written.to
    assert header["subject"] == written.subject
    assert header["message-id"] == written.message_id
    assert header.get("in-reply-to") == written.in_reply_to
    assert tuple(header.get("references", "").split()) == written.references
    spelled = {"x-mss-nil": "X-MSS-NIL", "x-word": "X-Word"}
    extra = [(spelled[one.name], decode_words(one.raw)) for one in fields(octets) if one.name in spelled]
    assert tuple(extra) == written.extra
    text, *files = [one for one in walk(root) if not one.children]
    assert decoded(octets, text).decode() == lines_of(written.text)
    assert [(one.filename, one.content_type, one.disposition, decoded(octets, one)) for one in files] == [
        (one.name, one.content_type.lower(), "attachment", one.content) for one in written.attachments
    ]


@pytest.mark.slow
@settings(max_examples=200)
@given(DRAFTS)
def test_lines_are_crlf_7bit_and_short(written: Draft) -> None:
    octets = compose(written)
    assert octets.isascii()
    assert b"\0" not in octets
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", octets)
    assert octets.endswith(b"\r\n")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    names = [one.name for one in fields(octets)]
    assert len(names) - len(written.extra) == len(set(names) - {"x-mss-nil", "x-word"})


@pytest.mark.parametrize("text", ["é" * 200, "a " * 200, "日本語" * 60, "é" + "x" * 200])
def test_encoded_and_folded_lines_stay_within_76_columns(text: str) -> None:
    octets = compose(draft(subject=text, sender=Address(text, "a@x"), to=tuple(Address(text, "b@x") for _ in range(3))))
    header = octets[: parse(octets).body_start]
    assert max(map(len, header.split(b"\r\n"))) <= 76
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^ \r\n]+\?=", header))


def test_no_encoded_word_cuts_a_character_in_two() -> None:
    octets = compose(draft(subject="日本語é𝄞" * 30))
    for word in re.findall(rb"=\?[^ \r\n]+\?=", octets):
        assert "�" not in decode_words(word)


def test_a_word_without_end_is_cut() -> None:
    octets = compose(draft(subject="x" * 2_000, sender=Address("x" * 2_000, "a@x")))
    assert max(map(len, octets.split(b"\r\n"))) <= 76
    assert decode_words(parse(octets).header["subject"]) == "x" * 2_000


def test_what_looks_like_an_encoded_word_is_not_decoded() -> None:
    text = "a =?utf-8?q?b?="
    octets = compose(draft(subject=text, sender=Address(text, "a@x")))
    assert decode_words(parse(octets).header["subject"]) == text
    assert single_from(octets) == Address(text, "a@x")


def test_the_standard_library_reads_the_same() -> None:
    attachment = Attachment('ordonnance "é" à signer ' + "é" * 40 + ".pdf", "application/pdf", bytes(range(256)) * 9)
    written = draft(
        sender=Address("José, le 'vrai'", "jose@x.test"),
        subject="Ordonnance de José " + "é" * 60,
        text="Bonjour é\n.\nFrom x \n" + "long " * 300,
        attachments=(attachment,),
    )
    theirs = email.message_from_bytes(compose(written), policy=email.policy.default)
    assert theirs["subject"] == written.subject
    assert theirs["from"].addresses[0].display_name == written.sender.name
    assert theirs["date"].datetime == AT
    text, file = theirs.iter_parts()
    assert text.get_content() == lines_of(written.text)
    assert (file.get_filename(), file.get_content()) == (attachment.name, attachment.content)
    assert not theirs.defects


@pytest.mark.parametrize("octet", ["\r", "\n", "\r\n", "\0"])
@pytest.mark.parametrize(
    "place",
    [
        lambda bad: {"subject": f"a{bad}Bcc: x@y"},
        lambda bad: {"subject": f"é{bad}"},
        lambda bad: {"sender": Address(f"a{bad}b", "a@x")},
        lambda bad: {"sender": Address("a", f"a@x{bad}")},
        lambda bad: {"to": (Address("", f"a{bad}@x"),)},
        lambda bad: {"message_id": f"<a{bad}@x>"},
        lambda bad: {"message_id": f"<a@x>{bad}"},
        lambda bad: {"in_reply_to": f"<a@x{bad}>"},
        lambda bad: {"references": ("<a@x>", f"<b@x>{bad}")},
        lambda bad: {"extra": (("X-A", f"b{bad}c"),)},
        lambda bad: {"extra": ((f"X-A{bad}", "b"),)},
        lambda bad: {"attachments": (Attachment(f"a{bad}b", "a/b", b""),)},
        lambda bad: {"attachments": (Attachment("a", f"a/b{bad}", b""),)},
    ],
)
def test_nothing_can_start_a_field_of_its_own(place, octet: str) -> None:
    with pytest.raises(CannotCompose):
        compose(draft(**place(octet)))


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": Address("a", "a")},
        {"sender": Address("a", "a b@x")},
        {"sender": Address("a", "a@x, b@x")},
        {"sender": Address("a", "é@x")},
        {"sender": Address("\ud800", "a@x")},
        {"subject": "\ud800"},
        {"text": "\ud800"},
        {"message_id": "a@x"},
        {"message_id": "<a@x> <b@x>"},
        {"date": AT.replace(tzinfo=None)},
        {"extra": (("Bcc:", "x"),)},
        {"extra": (("", "x"),)},
        {"extra": (("from", "x"),)},
        {"extra": (("Content-Type", "x"),)},
        {"attachments": (Attachment("", "a/b", b""),)},
        {"attachments": (Attachment("a" * 256, "a/b", b""),)},
        {"attachments": (Attachment("a", "text", b""),)},
        {"attachments": (Attachment("a", "message/rfc822", b""),)},
        {"attachments": (Attachment("a", "Multipart/mixed", b""),)},
    ],
)
def test_what_no_message_can_hold_is_refused(changes: dict) -> None:
    with pytest.raises(CannotCompose):
        compose(draft(**changes))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", b"7bit"), ("x" * 998, b"7bit"), ("x" * 999, b"quoted-printable"),
        ("déjà vu, disait-il", b"quoted-printable"),
        ("日本語" * 20, b"base64"), ("\0", b"quoted-printable"), ("=_", b"quoted-printable"), ("", b"7bit"),
    ],
)  # fmt: skip
def test_the_encoding_is_the_plainest_that_arrives_unchanged(text: str, encoding: bytes) -> None:
    octets = compose(draft(text=text))
    root = parse(octets)
    assert unfold(root.header["content-transfer-encoding"]) == encoding
    assert decoded(octets, root).decode() == text + "\r\n"


def test_a_text_cannot_close_the_part_it_stands_in() -> None:
    files = (Attachment("a.pdf", "application/pdf", b"x"),)
    boundary = parse(compose(draft(attachments=files))).params.get("boundary")
    text = f"--{boundary}\r\n\r\nforged\r\n--{boundary}--"
    octets = compose(draft(attachments=files, text=text))
    root = parse(octets)
    assert [one.filename for one in root.children] == [None, "a.pdf"]
    assert decoded(octets, root.children[0]).decode() == text + "\r\n"


@pytest.mark.parametrize("month", range(1, 13))
def test_dates_are_english_whatever_the_locale(month: int) -> None:
    at = datetime(2026, month, 1, tzinfo=UTC)
    assert date_value(at) == email.utils.format_datetime(at).replace(" 01 ", " 1 ")


def test_no_text_and_no_file_shows_in_the_repr() -> None:
    assert "secret" not in repr(draft(text="secret", attachments=(Attachment("a", "a/b", b"secret"),)))
