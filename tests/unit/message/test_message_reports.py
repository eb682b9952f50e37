"""Reports that we write are read back, by us and by the standard library; others' are read as careless as they are."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from time import thread_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mssante_sim.message.compose import CannotCompose
from mssante_sim.message.headers import Address, decode_words, fields
from mssante_sim.message.parts import decoded, parse
from mssante_sim.message.reports import (
    Failure,
    Receipt,
    ReportLetter,
    compose_failure,
    compose_receipt,
    may_answer_automatically,
    read_report,
    receipt_wanted,
)

AT = datetime(2026, 11, 23, 9, 0, 5, tzinfo=timezone(timedelta(hours=1)))
LETTER = ReportLetter(
    sender=Address("Pharmacie du Centre", "centre@officine.mssante.test"),
    to=Address("Dominique PAT-TROIS", "279035121518989@patient.mssante.test"),
    subject="Accusé de lecture",
    text="Votre message a été affiché.",
    date=AT,
    message_id="<mdn1@officine.mssante.test>",
)
RECEIPT = Receipt("<1@patient.mssante.test>", "centre@officine.mssante.test", displayed=True, automatic=False)
FAILURE = Failure(
    "<1@patient.mssante.test>", "parti@officine.mssante.test", "5.1.1", "550 5.1.1 Unknown mailbox", "mx.mssante.test"
)
ORIGINAL = (
    b"Received: from [10.0.0.7] by mx.mssante.test\r\n"
    b"Message-ID: <1@patient.mssante.test>\r\n"
    b"Date: Mon, 23 Nov 2026 09:00:05 +0100\r\n"
    b"From: =?utf-8?q?Ren=C3=A9e?= <r@patient.mssante.test>\r\n"
    b"To: a@officine.mssante.test,\r\n b@officine.mssante.test\r\n"
    b"Subject: SECRETSUBJECT\r\n SECRETFOLDED\r\n"
    b"X-Other: SECRETFIELD\r\n\r\nSECRETBODY\r\n"
)


def receipt(**changes) -> bytes:
    return compose_receipt(LETTER, replace(RECEIPT, **changes), reporting_ua="mssante-sim; desk")


def failure(original_header: bytes | None = ORIGINAL, **changes) -> bytes:
    return compose_failure(LETTER, replace(FAILURE, **changes), original_header=original_header)


# Writing ---------------------------------------------------------------------------------------------

IDENTITIES = st.from_regex(r"<[!-;=?-~]{1,90}>", fullmatch=True)
ADDRESSES = st.from_regex(r"[a-z0-9._+=-]{1,30}@[a-z0-9]{1,10}(\.[a-z]{1,5}){0,3}", fullmatch=True)
HOSTS = st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z]{1,8}){0,3}", fullmatch=True)
SENTENCES = st.from_regex(r"[!-~]([ -~]{0,300}[!-~])?", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r é=_-"), max_size=200)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=60)
LETTERS = st.builds(
    ReportLetter,
    sender=st.builds(Address, WORDS, ADDRESSES),
    to=st.builds(Address, WORDS, ADDRESSES),
    subject=WORDS,
    text=TEXTS,
    date=st.just(AT),
    message_id=IDENTITIES,
)


@pytest.mark.slow
@settings(max_examples=150)
@given(LETTERS, st.builds(Receipt, IDENTITIES, ADDRESSES, st.booleans(), st.booleans()), SENTENCES)
def test_a_receipt_that_is_composed_reads_back(letter: ReportLetter, written: Receipt, agent: str) -> None:
    octets = compose_receipt(letter, written, reporting_ua=agent)
    assert read_report(octets) == written
    assert decoded(octets, parse(octets).children[0]).decode().rstrip() == re.sub(
        r"\r\n|\r|\n", "\r\n", letter.text
    ).rstrip()  # fmt: skip


STATUSES = st.from_regex(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True)
FAILURES = st.builds(Failure, IDENTITIES | st.none(), ADDRESSES, STATUSES, SENTENCES, HOSTS)


@pytest.mark.slow
@settings(max_examples=150)
@given(LETTERS, FAILURES, st.booleans())
@example(LETTER, replace(FAILURE, diagnostic="x " * 30 + "Status: 4.2.2 Action: delayed " * 9 + "."), True)
def test_a_failure_that_is_composed_reads_back(letter: ReportLetter, written: Failure, shown: bool) -> None:
    identity = written.original_message_id
    original = f"From: a@x\nMessage-ID: {identity}\nSubject: b\n".encode() if shown and identity else None
    assert read_report(compose_failure(letter, written, original_header=original)) == written


def test_the_standard_library_reads_a_receipt() -> None:
    theirs = email.message_from_bytes(receipt(), policy=email.policy.default)
    assert theirs.get_content_type() == "multipart/report"
    assert theirs.get_param("report-type") == "disposition-notification"
    assert theirs["auto-submitted"] == "auto-replied"
    assert theirs["mime-version"] == "1.0"
    assert theirs["in-reply-to"] == theirs["references"] == RECEIPT.original_message_id
    assert theirs["from"].addresses[0].addr_spec == LETTER.sender.address
    text, report = theirs.iter_parts()
    assert text.get_content().strip() == LETTER.text
    assert report.get_content_type() == "message/disposition-notification"
    assert report.get_payload()[0].items() == [
        ("Reporting-UA", "mssante-sim; desk"),
        ("Final-Recipient", "rfc822; centre@officine.mssante.test"),
        ("Original-Message-ID", "<1@patient.mssante.test>"),
        ("Disposition", "manual-action/MDN-sent-manually; displayed"),
    ]
    assert not theirs.defects


@pytest.mark.parametrize(
    ("displayed", "automatic", "value"),
    [
        (True, True, "automatic-action/MDN-sent-automatically; displayed"),
        (True, False, "manual-action/MDN-sent-manually; displayed"),
        (False, True, "automatic-action/MDN-sent-automatically; processed"),
        (False, False, "manual-action/MDN-sent-manually; processed"),
    ],
)
def test_a_disposition_says_who_decided_and_what_happened(displayed: bool, automatic: bool, value: str) -> None:
    assert f"\r\nDisposition: {value}\r\n".encode() in receipt(displayed=displayed, automatic=automatic)


def test_the_standard_library_reads_a_failure() -> None:
    theirs = email.message_from_bytes(failure(), policy=email.policy.default)
    assert theirs.get_content_type() == "multipart/report"
    assert theirs.get_param("report-type") == "delivery-status"
    assert theirs["auto-submitted"] == "auto-replied"
    text, report, original = theirs.iter_parts()
    assert text.get_content().strip() == LETTER.text
    assert report.get_content_type() == "message/delivery-status"
    message, recipient = report.get_payload()
    assert message.items() == [("Reporting-MTA", "dns; mx.mssante.test")]
    assert recipient.items() == [
        ("Final-Recipient", "rfc822; parti@officine.mssante.test"),
        ("Action", "failed"),
        ("Status", "5.1.1"),
        ("Diagnostic-Code", "smtp; 550 5.1.1 Unknown mailbox"),
    ]
    assert original.get_content_type() == "text/rfc822-headers"
    shown = email.message_from_string(original.get_content(), policy=email.policy.default)
    assert shown.keys() == ["Message-ID", "Date", "From", "To"]
    assert [one.addr_spec for one in shown["to"].addresses] == ["a@officine.mssante.test", "b@officine.mssante.test"]
    assert shown["from"].addresses[0].display_name == "Renée"
    assert not theirs.defects


def test_a_failure_shows_nothing_medical_of_the_original() -> None:
    octets = failure()
    assert b"<1@patient.mssante.test>" in octets.partition(b"text/rfc822-headers")[2]
    assert b"SECRET" not in octets
    assert [one.name for one in fields(octets)].count("subject") == octets.lower().count(b"subject:") == 1


def test_a_failure_without_the_original_has_no_third_part() -> None:
    octets = failure(original_header=None)
    assert [part.content_type for part in parse(octets).children] == ["text/plain", "message/delivery-status"]
    assert read_report(octets) == FAILURE


@pytest.mark.parametrize(
    "header",
    [
        b"To: a@x\r\n\r\n\r\nSubject: SECRET",
        b"To: a@x\rSubject: SECRET\r\n",
        b"To: a@x\r\n \r\n b@x\r\n",
        b"To: a@x\0\x0b\x1fb@x\r\n",
        "To: é@x\r\nMessage-ID: <é@x>\r\n".encode(),
        b"To: " + b"x" * 4_000 + b"\r\n",
        b"To: " + b"a@x, " * 400 + b"\r\n",
        b"To: --=_0\r\n --=_0\r\n",
        b"\xff\xfe",
        b"",
    ],
)
def test_whatever_the_original_the_report_keeps_its_form(header: bytes) -> None:
    octets = failure(original_header=header)
    shown = parse(octets).children[2]
    block = decoded(octets, shown)
    assert {one.name for one in fields(block)} <= {"to"}
    assert b"\n\n" not in block.replace(b"\r", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert octets.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", octets)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\0", "é", "\x7f"])
@pytest.mark.parametrize(
    "place",
    [
        lambda bad: failure(final_recipient=f"a@x{bad}Action: delivered"),
        lambda bad: failure(status=f"5.1.1{bad}"),
        lambda bad: failure(diagnostic=f"550 a{bad}b"),
        lambda bad: failure(reporting_mta=f"a{bad}b"),
        lambda bad: failure(original_message_id=f"<a{bad}@x>"),
        lambda bad: receipt(final_recipient=f"a@x{bad}Disposition: x"),
        lambda bad: receipt(original_message_id=f"<a@x>{bad}"),
        lambda bad: compose_receipt(LETTER, RECEIPT, reporting_ua=f"a{bad}b"),
        lambda bad: compose_receipt(replace(LETTER, message_id=f"<a{bad}@x>"), RECEIPT, reporting_ua="a"),
        lambda bad: compose_receipt(replace(LETTER, to=Address("", f"a{bad}@x")), RECEIPT, reporting_ua="a"),
    ],
)
def test_nothing_can_start_a_field_of_its_own(place, end: str) -> None:
    with pytest.raises(CannotCompose):
        place(end)


@pytest.mark.parametrize("end", ["\r", "\n", "\0"])
def test_the_subject_of_a_report_cannot_either(end: str) -> None:
    with pytest.raises(CannotCompose):
        compose_receipt(replace(LETTER, subject=f"a{end}Bcc: x@y"), RECEIPT, reporting_ua="a")


@pytest.mark.parametrize("status", ["2.0.0", "5", "5.1", "5.1.1 ", "5.1.1000", ""])
def test_a_failure_has_the_status_of_one(status: str) -> None:
    with pytest.raises(CannotCompose):
        failure(status=status)


# Reading ---------------------------------------------------------------------------------------------


def report(block: bytes, kind: str = "disposition-notification", *, header: bytes = b"", more: bytes = b"") -> bytes:
    return (
        b"From: Lectrice <lectrice@x.test>\r\n%bContent-Type: Multipart/Report; boundary=b\r\n\r\n"
        b"--b\r\n\r\nlu\r\n--b\r\nContent-Type: MESSAGE/%b\r\n\r\n%b\r\n%b--b--\r\n"
    ) % (header, kind.encode(), block, more)


GOOD_ID, GOOD_RECIPIENT = b"Original-Message-ID: <1@x>\r\n", b"Final-Recipient: rfc822; a@x\r\n"
SHOWN = Receipt("<1@x>", "a@x", displayed=True, automatic=False)
UNKNOWN = replace(SHOWN, displayed=False)


@pytest.mark.parametrize(
    ("block", "read"),
    [
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition: manual-action/MDN-sent-manually; displayed\r\n", SHOWN),
        # extra line breaks
        (b"\r\n\r\n" + GOOD_RECIPIENT + b"\r\n \r\n" + GOOD_ID + b"\r\n\r\nDisposition: x; displayed", SHOWN),
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition:\r\n\r\n manual-action/MDN-sent-manually;\r\n\tdisplayed\r\n", SHOWN),
        (b"  " + GOOD_RECIPIENT + GOOD_ID.replace(b"\r\n", b"\n") + b"Disposition: x; displayed\n\n\n", SHOWN),
        # case
        (b"FINAL-RECIPIENT: RFC822; a@x\nORIGINAL-MESSAGE-ID: <1@x>\ndisposition: X; DISPLAYED", SHOWN),
        # blanks and comments
        (b"Final-Recipient :  rfc822 ;  <a@x> \nOriginal-Message-ID:   <1@x>  \nDisposition : x ;  displayed  ", SHOWN),
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition: manual-action / MDN-sent-manually ; displayed (a;b)", SHOWN),
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition: manual-action (displayed)/MDN-sent-manually; deleted", UNKNOWN),
        # odd dispositions
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition: displayed", SHOWN),
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition: manual-action/MDN-sent-automatically; displayed/error", SHOWN),
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition: MDN-sent-automatically; displayed;", replace(SHOWN, automatic=True)),
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition: manual-action MDN-sent-manually displayed", SHOWN),
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition: automatic-action/MDN-sent-automatically; dispatched",
         replace(UNKNOWN, automatic=True)),
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition: undisplayed", UNKNOWN),
        (GOOD_RECIPIENT + GOOD_ID + b"Disposition:", UNKNOWN),
        (GOOD_RECIPIENT + GOOD_ID, UNKNOWN),
        # other fields
        (GOOD_RECIPIENT + b"Original-Message-ID: 1@x\nDisposition: x; displayed", SHOWN),
        (b"Final-Recipient: a@x\n" + GOOD_ID + b"Disposition: x; displayed", SHOWN),
        (b"Original-Recipient: rfc822;a@x\n" + GOOD_ID + b"Disposition: x; displayed", SHOWN),
        (GOOD_ID + b"Disposition: x; displayed", replace(SHOWN, final_recipient="lectrice@x.test")),
        (GOOD_RECIPIENT + b"Original-Message-ID:\nDisposition: x; displayed", None),
        (b"not a field at all", None),
        (b"", None),
    ],
)  # fmt: skip
def test_receipts_are_read_as_careless_as_they_come(block: bytes, read: Receipt | None) -> None:
    assert read_report(report(block)) == read


def test_a_receipt_without_its_message_id_answers_what_its_header_answers() -> None:
    block = GOOD_RECIPIENT + b"Disposition: x; displayed"
    assert read_report(report(block, header=b"In-Reply-To: <1@x>\r\n")) == SHOWN
    assert read_report(report(block, header=b"References: <0@x>\r\n <1@x>\r\n")) == SHOWN
    assert (
        read_report(report(block, more=b"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <1@x>\r\n\r\n"))
        == SHOWN
    )


FAILED = Failure(None, "a@x", "5.1.1", "550 no; such user", "mx.x")
MESSAGE = b"Reporting-MTA: dns; mx.x\r\nArrival-Date: x\r\n\r\n"


@pytest.mark.parametrize(
    ("block", "read"),
    [
        (MESSAGE + GOOD_RECIPIENT + b"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no; such user", FAILED),
        (MESSAGE.strip() + b"\n" + GOOD_RECIPIENT + b"\n\nAction:  FAILED (gone)\n\nstatus : 5.1.1 (x)\n"
         b"Diagnostic-Code: X-Unix;550 no;\n such user\n", FAILED),
        (MESSAGE + b"Final-Recipient: a@x\nStatus: 5.1.1\nDiagnostic-Code: 550 no; such user", FAILED),
        (MESSAGE + GOOD_RECIPIENT + b"Action: failed\nDiagnostic-Code: smtp; 550-5.1.1 no",
         replace(FAILED, diagnostic="550-5.1.1 no")),
        (GOOD_RECIPIENT + b"Action: failed",
         Failure(None, "a@x", "5.0.0", diagnostic="", reporting_mta="")),
        (MESSAGE + GOOD_RECIPIENT + b"Action: delayed\nStatus: 4.4.1\n", None),
        (MESSAGE + GOOD_RECIPIENT + b"Action: delivered\nStatus: 2.0.0\n", None),
        (MESSAGE + GOOD_RECIPIENT + b"Status: 2.0.0\n", None),
        (MESSAGE + GOOD_RECIPIENT + b"Status: 4.4.1\n", None),
        (MESSAGE + GOOD_RECIPIENT, None),
        (MESSAGE + b"Action: failed\nStatus: 5.1.1\n", None),
        (MESSAGE + b"Final-Recipient: rfc822; b@x\nAction: delivered\nStatus: 2.0.0\nDiagnostic-Code: smtp; 250 ok\n\n"
         b"Original-Recipient: rfc822; c@x\n" + GOOD_RECIPIENT
         + b"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no; such user", FAILED),
        (MESSAGE + GOOD_RECIPIENT + b"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no; such user\n\n"
         b"Final-Recipient: rfc822; c@x\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 full", FAILED),
        (b"", None),
    ],
)  # fmt: skip
def test_failures_are_read_as_careless_as_they_come(block: bytes, read: Failure | None) -> None:
    assert read_report(report(block, "delivery-status")) == read


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "message/rfc822", "message/global-headers"])
def test_a_failure_names_its_original_by_the_part_that_shows_it(kind: str) -> None:
    more = f"--b\r\nContent-Type: {kind}\r\n\r\nSubject: a\r\nMessage-Id: <7@x>\r\n\r\n".encode()
    block = MESSAGE + GOOD_RECIPIENT + b"Status: 5.1.1\n"
    read = read_report(report(block, "delivery-status", header=b"In-Reply-To: <other@x>\r\n", more=more))
    assert isinstance(read, Failure)
    assert read.original_message_id == "<7@x>"


def test_an_encoded_block_is_read() -> None:
    octets = report(
        b"Final-Recipient: rfc822; a=40x\r\nOriginal-Message-ID:=20\r\n <1@x>\r\nDisposition: displ=\r\nayed\r\n"
    )
    octets = octets.replace(
        b"MESSAGE/disposition-notification\r\n",
        b"MESSAGE/disposition-notification\r\nContent-Transfer-Encoding: Quoted-Printable\r\n",
    )
    assert read_report(octets) == SHOWN


def test_a_signed_report_is_read() -> None:
    inner = receipt()
    octets = b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n%b\r\n--s\r\n\r\nsignature\r\n--s--\r\n" % inner
    assert read_report(octets) == RECEIPT


def test_a_report_that_is_forwarded_is_no_report() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=s\r\n\r\n--s\r\nContent-Type: message/rfc822\r\n\r\n%b\r\n--s--\r\n"
    )
    assert read_report(octets % receipt()) is None
    assert read_report(receipt().replace(b"multipart/report", b"multipart/mixed")) is None


def test_an_ordinary_message_is_no_report() -> None:
    assert read_report(b"From: a@x\r\nSubject: Disposition: displayed\r\n\r\nFinal-Recipient: a@x\r\n") is None


PIECES = st.sampled_from(
    [b"Final-Recipient:", b"Original-Message-ID:", b"Disposition:", b"Status:", b"Action: failed", b"rfc822;", b"<a@x>",
     b"--b", b"--b--", b"\r\n", b"\n", b" ", b"(", b")", b";", b"5.1.1", b"displayed", b"=?utf-8?q?=FF?=", b"\xff",
     b"\0", b"Content-Type: message/delivery-status\r\n\r\n", b"Content-Transfer-Encoding: base64\r\n", b'"', b"\\"]
)  # fmt: skip
RUBBISH = st.lists(PIECES | st.binary(max_size=12), max_size=40).map(b"".join)


@pytest.mark.slow
@settings(max_examples=400)
@given(RUBBISH, RUBBISH, st.sampled_from(["delivery-status", "disposition-notification", "x"]))
def test_any_octets_are_a_report_or_none(block: bytes, around: bytes, kind: str) -> None:
    for octets in (block, report(block, kind), report(block, kind, header=around, more=b"--b\r\n" + around)):
        read = read_report(octets)
        assert read is None or (isinstance(read, Receipt | Failure) and read.final_recipient)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.data())
def test_a_report_that_was_damaged_is_a_report_or_none(data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from([receipt(), failure()])))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=4))
    assert isinstance(read_report(bytes(octets)), Receipt | Failure | None)


@pytest.mark.parametrize("run", [b"(", b"((a", b"<", b" ", b"\r\n", b"\r\n \r\n", b";", b"1.", b"a: b\n", b"<a@x>,"])
@pytest.mark.parametrize("kind", ["delivery-status", "disposition-notification"])
def test_a_long_field_takes_no_more_than_linear_time(run: bytes, kind: str) -> None:
    block = b"".join(
        name + run * (200_000 // len(run)) + b"\r\n" for name in (b"Disposition: ", b"Final-Recipient: ", b"Status: ")
    )
    started = thread_time()
    read_report(report(block, kind, header=b"References: " + run * (200_000 // len(run)) + b"\r\n"))
    assert thread_time() - started < 2


# Being asked -----------------------------------------------------------------------------------------


def header(**changes: bytes) -> dict[str, bytes]:
    base = {"disposition-notification-to": b" Renee <R@patient.mssante.test>", "content-type": b" text/plain"}
    return base | {name.replace("_", "-"): value for name, value in changes.items()}


OPTIONS = {"known_to_nobody": b" x-mark=required,1", "second": b" a=optional,b; x-mark = Required , 1"}


@pytest.mark.parametrize(
    ("fields_", "return_path", "may"),
    [
        (header(), "r@patient.mssante.test", True),
        (header(), "<r@PATIENT.mssante.test>", True),
        (header(), "other@patient.mssante.test", False),
        (header(), "r@patient.mssante.test.example", False),
        (header(), "<>", False),
        (header(), "", False),
        (header(), None, False),
        ({}, "r@patient.mssante.test", False),
        (header(disposition_notification_to=b""), "", False),
        (header(disposition_notification_to=b"R@patient.mssante.test, b@x"), "r@patient.mssante.test", False),
        (header(disposition_notification_to=b"g: R@patient.mssante.test;"), "r@patient.mssante.test", False),
        (header(disposition_notification_to=b"<R@patient.mssante.test> b"), "r@patient.mssante.test", False),
        (header(content_type=b" multipart/Report; report-type=delivery-status"), "r@patient.mssante.test", False),
        (header(content_type=b" message/disposition-notification"), "r@patient.mssante.test", False),
        (header(auto_submitted=b" auto-replied"), "r@patient.mssante.test", False),
        (header(auto_submitted=b" auto-generated; owner-email=a@x"), "r@patient.mssante.test", False),
        (header(auto_submitted=b" No (a person)"), "r@patient.mssante.test", True),
        (header(disposition_notification_options=OPTIONS["known_to_nobody"]), "r@patient.mssante.test", False),
        (header(disposition_notification_options=OPTIONS["second"]), "r@patient.mssante.test", False),
        (header(disposition_notification_options=b" x-mark = optional , 1,2"), "r@patient.mssante.test", True),
        (header(disposition_notification_options=b" x-mark"), "r@patient.mssante.test", False),
        (header(disposition_notification_options=b" x-mark=perhaps,1"), "r@patient.mssante.test", False),
        (header(disposition_notification_options=b" "), "r@patient.mssante.test", True),
    ],
)
def test_when_a_receipt_may_go_by_itself(fields_: dict[str, bytes], return_path: str | None, may: bool) -> None:
    assert may_answer_automatically(fields_, return_path) is may


def test_our_own_reports_are_never_answered_automatically() -> None:
    for octets in (receipt(), failure()):
        asked = b"Disposition-Notification-To: a@x\r\n" + octets
        assert receipt_wanted(parse(asked).header) == (Address("", "a@x"),)
        assert not may_answer_automatically(parse(asked).header, "a@x")


def test_a_second_field_that_asks_elsewhere_is_seen() -> None:
    octets = b"Disposition-Notification-To: a@x\r\nDisposition-Notification-To: b@x\r\n\r\n"
    assert receipt_wanted(parse(octets).header) == (Address("", "a@x"), Address("", "b@x"))
    assert not may_answer_automatically(parse(octets).header, "a@x")
    assert may_answer_automatically(parse(octets[34:]).header, "b@x")


def test_who_wants_a_receipt_is_named_as_a_person_reads_it() -> None:
    raw = b" =?utf-8?q?Ren=C3=A9e?= <r@x>,\r\n b@x"
    assert receipt_wanted({"disposition-notification-to": raw}) == (Address("Renée", "r@x"), Address("", "b@x"))
    assert receipt_wanted({}) == ()
    assert decode_words(raw).startswith("Renée")
