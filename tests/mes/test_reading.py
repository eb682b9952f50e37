"""Conversations both ways: threads, states, receipts, what is kept and what is exported."""

import asyncio
import email
import email.policy
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from mssante_sim.clock import FixedClock, SystemClock
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.smime import envelop, sign
from mssante_sim.message.headers import Address
from mssante_sim.message.reports import Failure, Receipt, ReportLetter, compose_failure, compose_receipt, read_report
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.pharmacy import answer
from tests.mes.visitor import PDF, Visitor, refusal

LABEL = "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ )"


@pytest.fixture
def lilas(mssante: Mssante) -> str:
    return str(mssante.account("pharmacy").identifier)


def letter(mssante: Mssante, who: str) -> ReportLetter:
    box, patient = mssante.account(who), mssante.account("patient")
    return ReportLetter(
        Address(box.display_name, box.address),
        Address("", patient.address),
        "Lu",
        "Votre message a été lu.",
        SystemClock().now(),
        f"<{time.monotonic_ns()}@officine.mssante.test>",
    )


def return_receipt(mssante: Mssante, original: str, *, who: str = "pharmacy", final: str = "pharmacy") -> None:
    """`who` says that the mailbox of `final` has shown the patient's message."""
    receipt = Receipt(original, mssante.account(final).address, displayed=True, automatic=False)
    octets = compose_receipt(letter(mssante, who), receipt, reporting_ua="test")
    with mssante.smtp(who) as smtp:
        smtp.sendmail("", [mssante.account("patient").address], octets)


def test_a_conversation_holds_what_was_written_both_ways(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, subject="Ordonnance", text="Bonjour", files=[("a.pdf", PDF)])
    answer(mssante, sent["message_id"], files=[("devis.pdf", "application/pdf", PDF)])
    (line,) = patient.ok("GET", "/conversations")["conversations"]
    assert (line["id"], line["subject"], line["pharmacy"]) == (
        sent["message"],
        "Ordonnance",
        {"label": LABEL, "finess": lilas},
    )
    assert (line["unread"], line["messages"], line["closed"], line["may_answer"]) == (1, 2, None, True)
    shown = patient.ok("GET", f"/conversations/{line['id']}")
    assert shown["conversation"] == line
    first, second = shown["messages"]
    assert (first["direction"], first["states"]) == ("sent", ["sent", "delivered", "answered"])
    assert (second["direction"], second["states"]) == ("received", ["received"])
    assert [(one["n"], one["name"], one["octets"]) for one in second["attachments"]] == [(1, "devis.pdf", len(PDF))]
    assert patient.ok("GET", f"/conversations/{second['id']}") == shown, "any message of it names the conversation"


def test_opening_a_message_marks_it_as_read(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, text="Bonjour")
    message_id = answer(mssante, sent["message_id"], "C'est prêt.\nÀ bientôt\n")
    (identity,) = patient.ok("GET", "/notifications", params={"after": "0-0"})["messages"]
    opened = patient.ok("GET", f"/messages/{identity}")
    assert (opened["text"], opened["message_id"], opened["pharmacy"]["label"]) == (
        "C'est prêt.\nÀ bientôt\n",
        message_id,
        LABEL,
    )
    assert (opened["encrypted"], opened["signer"], opened["doubt"]) == (True, LABEL, None)
    assert (opened["receipt"], opened["conversation"]) == ("none", sent["message"])
    assert "opened" in opened["states"]
    assert patient.ok("GET", "/conversations")["conversations"][0]["unread"] == 0
    imap = mssante.imap("patient")
    assert b"\\Seen" in imap.fetch("1", "(FLAGS)")[1][0]  # type: ignore[operator]


def test_conversations_are_chosen_by_pharmacy_and_day_the_latest_first(
    mssante: Mssante, patient: Visitor, lilas: str
) -> None:
    other = str(mssante.account("other-pharmacy").identifier)
    one, two = patient.send(pharmacy=lilas, text="a"), patient.send(pharmacy=other, text="b")
    listed = patient.ok("GET", "/conversations")["conversations"]
    assert [line["id"] for line in listed] == [two["message"], one["message"]]
    assert patient.ok("GET", "/conversations", params={"pharmacy": lilas})["conversations"] == listed[1:]
    # A day is one of the zone that the machine is in: these are past and to come in every one.
    past, to_come = (datetime.now(UTC).date() + timedelta(days=days) for days in (-1, 3))
    assert patient.ok("GET", "/conversations", params={"since": str(past)})["conversations"] == listed
    assert patient.ok("GET", "/conversations", params={"since": str(to_come)})["conversations"] == []
    assert patient.no("GET", "/conversations", params={"since": "hier"}) == (422, "bad-parameter")


async def test_since_is_a_day_of_the_zone_that_the_machine_is_in(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC-13")  # thirteen hours ahead: another day in the evening
    time.tzset()
    try:
        evening = (datetime.now(UTC) + timedelta(days=1)).replace(hour=20)
        async with inside(FixedClock(evening)) as stack:

            def visit() -> None:
                with Visitor.of(stack.running, "patient") as visitor:
                    visitor.send(pharmacy="990000010", text="a")
                    for ahead, found in ((1, 1), (2, 0)):
                        day = evening.date() + timedelta(days=ahead)
                        listed = visitor.ok("GET", "/conversations", params={"since": str(day)})
                        assert len(listed["conversations"]) == found

            await asyncio.to_thread(visit)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_receipt_turns_into_opened_and_is_no_message(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, text="a")
    after = patient.ok("GET", "/notifications")["after"]
    return_receipt(mssante, sent["message_id"])
    news = patient.ok("GET", "/notifications", params={"after": after, "wait": 10})
    assert (news["messages"], news["updated"]) == ([], [sent["message"]])
    message = patient.ok("GET", f"/messages/{sent['message']}")
    assert message["states"] == ["sent", "delivered", "opened"]
    assert abs((datetime.fromisoformat(message["opened"]) - datetime.now(UTC)).total_seconds()) < 60
    assert patient.ok("GET", "/conversations")["conversations"][0]["messages"] == 1
    report = f"r{news['after']}"
    assert patient.no("GET", f"/messages/{report}") == (404, "message-missing")


@pytest.mark.parametrize(("who", "final"), [("other-pharmacy", "other-pharmacy"), ("other-pharmacy", "pharmacy")])
def test_a_receipt_of_somebody_else_counts_for_nothing(
    mssante: Mssante, patient: Visitor, lilas: str, who: str, final: str
) -> None:
    sent = patient.send(pharmacy=lilas, text="a")
    patient.send(pharmacy=str(mssante.account(who).identifier), text="so that it may write to the patient")
    return_receipt(mssante, sent["message_id"], who=who, final=final)
    mssante.wait_for(to="patient")
    assert patient.ok("GET", f"/messages/{sent['message']}")["states"] == ["sent", "delivered"]


def test_a_delivery_failure_is_told_in_the_conversation(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, text="a")
    box = mssante.account("pharmacy").address
    failure = Failure(sent["message_id"], box, "5.2.2", "552 5.2.2 mailbox full", "officine.mssante.test")
    octets = compose_failure(letter(mssante, "pharmacy"), failure, original_header=None)
    imap = mssante.imap("patient")
    imap.append("INBOX", None, None, octets)  # type: ignore[arg-type]
    message = patient.ok("GET", f"/messages/{sent['message']}")
    assert message["states"] == ["sent", "failed"]
    assert "5.2.2" in message["failure"]


def test_a_receipt_that_was_asked_for_goes_once(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    box = mssante.account("pharmacy").address
    sent = patient.send(pharmacy=lilas, text="a")
    asked = answer(mssante, sent["message_id"], extra=[("Disposition-Notification-To", box)])
    (identity,) = patient.ok("GET", "/notifications", params={"after": "0-0"})["messages"]
    openers = [threading.Thread(target=patient.ok, args=("GET", f"/messages/{identity}")) for _ in range(4)]
    for one in openers:
        one.start()
    for one in openers:
        one.join()
    assert patient.ok("GET", f"/messages/{identity}")["receipt"] == "returned"
    imap = mssante.imap("pharmacy")
    assert imap.select("INBOX")[1] == [b"2"], "the patient's message and one receipt"
    report = read_report(imap.fetch("2", "(BODY[])")[1][0][1])  # type: ignore[index,arg-type]
    assert report == Receipt(asked, mssante.account("patient").address, displayed=True, automatic=True)
    assert b"$MDNSent" in mssante.imap("patient").fetch("1", "(FLAGS)")[1][0]  # type: ignore[operator]


def test_a_receipt_never_goes_where_failures_would_not(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    elsewhere = mssante.account("other-pharmacy").address
    sent = patient.send(pharmacy=lilas, text="a")
    answer(mssante, sent["message_id"], extra=[("Disposition-Notification-To", elsewhere)])
    (identity,) = patient.ok("GET", "/notifications", params={"after": "0-0"})["messages"]
    assert patient.ok("GET", f"/messages/{identity}")["receipt"] == "refused"
    assert mssante.imap("other-pharmacy").select("INBOX")[1] == [b"0"]


def test_a_closed_exchange_says_when_and_by_whom(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, text="a")
    answer(mssante, sent["message_id"], subject="[FIN]")
    (line,) = patient.ok("GET", "/conversations")["conversations"]
    assert line["closed"]["by"] == LABEL
    assert abs((datetime.fromisoformat(line["closed"]["at"]) - datetime.now(UTC)).total_seconds()) < 60
    assert line["may_answer"] is False


def test_an_attachment_is_read_and_kept_among_the_documents(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, text="a")
    files = [("../facture.pdf", "application/pdf", PDF), ("page.html", "text/html", b"<script>")]
    answer(mssante, sent["message_id"], files=files)
    (identity,) = patient.ok("GET", "/notifications", params={"after": "0-0"})["messages"]
    read = patient.ask("GET", f"/messages/{identity}/attachments/1")
    assert (read.content, read.headers["content-disposition"]) == (PDF, "attachment; filename*=UTF-8''facture.pdf")
    page = patient.ask("GET", f"/messages/{identity}/attachments/2")
    assert page.headers["content-disposition"].startswith("attachment;")
    params = {"attachment": 1, "category": "DOC_ADM"}
    kept = patient.ok("POST", f"/messages/{identity}/document", 201, params=params)
    assert (kept["name"], kept["author"], kept["category"]) == ("facture.pdf", LABEL, "DOC_ADM")
    assert patient.ask("GET", f"/documents/{kept['id']}/content").content == PDF
    refused = patient.no("POST", f"/messages/{identity}/document", params={"attachment": 2})
    assert refused == (422, "document-refused")
    for number in ("0", "3", "x", "-1", "99999999999"):
        assert patient.no("GET", f"/messages/{identity}/attachments/{number}") == (404, "attachment-missing")
    assert patient.no("POST", f"/messages/{identity}/document", params={"attachment": 3}) == (404, "attachment-missing")


def test_the_source_is_a_message_that_any_program_reads(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, subject="Été", text="Bonjour\n", files=[("a.pdf", PDF)])
    got = patient.ask("GET", f"/messages/{sent['message']}/source")
    read = email.message_from_bytes(got.content, policy=email.policy.default)
    assert (read["Subject"], read["Message-ID"]) == ("Été", sent["message_id"])
    assert read["To"].addresses[0].display_name == LABEL
    assert read["To"].addresses[0].addr_spec == f"{lilas}@masque.invalid"
    text, attached = read.iter_parts()  # type: ignore[attr-defined]
    assert (text.get_content(), attached.get_content()) == ("Bonjour\r\n", PDF)
    assert got.headers["content-type"] == "message/rfc822"


@pytest.mark.parametrize("asked", ["r1-1", "s1-1", "x", "r", "r-", "r1-99999999999999999999", "i1-1", "%2e%2e", "r1-²"])
def test_a_message_that_is_not_there_is_missing(patient: Visitor, asked: str) -> None:
    assert patient.no("GET", f"/messages/{asked}") == (404, "message-missing")
    assert patient.no("GET", f"/messages/{asked}/source") == (404, "message-missing")
    assert patient.no("GET", f"/messages/{asked}/attachments/1") == (404, "message-missing")
    assert patient.no("POST", f"/messages/{asked}/document", params={"attachment": 1}) == (404, "message-missing")
    assert patient.no("GET", f"/conversations/{asked}") == (404, "conversation-missing")


def test_a_message_that_no_key_opens_is_listed_and_said_to_be_unreadable(mssante: Mssante, patient: Visitor) -> None:
    octets = (
        b"From: x@officine.mssante.test\r\nSubject: fermee\r\nMessage-ID: <x@y>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"MIAGCSqGSIb3DQEHA6CAMIACAQA=\r\n"
    )
    mssante.imap("patient").append("INBOX", None, None, octets)  # type: ignore[arg-type]
    (line,) = patient.ok("GET", "/conversations")["conversations"]
    assert (line["subject"], line["pharmacy"], line["may_answer"]) == (
        "fermee",
        {"label": "Correspondant inconnu", "finess": None},
        False,
    )
    assert patient.no("GET", f"/messages/{line['id']}") == (422, "unreadable")


def test_a_signature_that_does_not_hold_is_a_doubt_and_the_text_is_shown(mssante: Mssante, patient: Visitor) -> None:
    box = mssante.account("pharmacy").address
    keystore = Keystore.open(Path(mssante.running.ca_file).parents[1] / "trust")
    signer = keystore.identity(box, Usage.SIGN)
    assert signer
    signed = sign(b"Content-Type: text/plain\r\n\r\nBonjour\r\n", signer, at=datetime.now(UTC))
    head = f"From: <{box}>\r\nMessage-ID: <{{}}@y>\r\nMIME-Version: 1.0\r\n"
    imap = mssante.imap("patient")
    imap.append("INBOX", None, None, head.format("sound").encode() + signed)  # type: ignore[arg-type]
    altered = signed.replace(b"Bonjour", b"Bonsoir")
    imap.append("INBOX", None, None, head.format("altered").encode() + altered)  # type: ignore[arg-type]
    sound, doubtful = (
        patient.ok("GET", f"/messages/{identity}")
        for identity in patient.ok("GET", "/notifications", params={"after": "0-0"})["messages"]
    )
    assert (sound["text"], sound["signer"], sound["doubt"]) == ("Bonjour\n", LABEL, None)
    assert (doubtful["text"], doubtful["signer"]) == ("Bonsoir\n", None)
    assert doubtful["doubt"].strip()


def test_what_is_wrapped_otherwise_is_listed_as_it_is_read(mssante: Mssante, patient: Visitor) -> None:
    """Signed in one part, as Outlook may; signed around the encryption too."""
    box, own = mssante.account("pharmacy").address, mssante.account("patient").address
    keystore = Keystore.open(Path(mssante.running.ca_file).parents[1] / "trust")
    signer, to = keystore.identity(box, Usage.SIGN), keystore.identity(own, Usage.RECEIVE)
    assert signer
    assert to
    entity = (
        b"Content-Type: multipart/mixed; boundary=b\r\nSubject: dedans\r\n\r\n--b\r\n\r\nBonjour\r\n--b\r\n"
        b'Content-Type: application/pdf; name="a.pdf"\r\nContent-Disposition: attachment\r\n\r\nPDF\r\n--b--\r\n'
    )
    at, imap = datetime.now(UTC), mssante.imap("patient")
    sealed = [envelop(sign(entity, signer, at=at, opaque=one), [to.certificate]) for one in (False, True)]
    for number, wrapped in enumerate((*sealed, sign(sealed[1], signer, at=at))):
        head = f"From: <{box}>\r\nSubject: [...]\r\nMessage-ID: <{number}@y>\r\nMIME-Version: 1.0\r\n"
        imap.append("INBOX", "", "", head.encode() + wrapped)
    lines = patient.ok("GET", "/conversations")["conversations"]
    assert [one["subject"] for one in lines] == ["dedans"] * 3
    for line in lines:
        (listed,) = patient.ok("GET", f"/conversations/{line['id']}")["messages"]
        read = patient.ok("GET", f"/messages/{line['id']}")
        assert [one["name"] for one in listed["attachments"]] == ["a.pdf"]
        assert listed["attachments"] == read["attachments"]
        assert (read["text"], read["signer"], read["doubt"]) == ("Bonjour", LABEL, None)


# News


def test_news_come_at_once_if_there_are_some(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    before = patient.ok("GET", "/notifications")
    assert (before["messages"], before["updated"]) == ([], [])
    sent = patient.send(pharmacy=lilas, text="a")
    answer(mssante, sent["message_id"])
    news = patient.ok("GET", "/notifications", params={"after": before["after"], "wait": 60})
    assert len(news["messages"]) == 1
    later = patient.ok("GET", "/notifications", params={"after": news["after"]})
    assert later == {"messages": [], "updated": [], "after": news["after"]}


def test_news_come_when_something_arrives(mssante: Mssante, patient: Visitor, lilas: str) -> None:
    sent = patient.send(pharmacy=lilas, text="a")
    after = patient.ok("GET", "/notifications")["after"]
    heard: list[dict[str, object]] = []

    def listen() -> None:
        heard.append(patient.ok("GET", "/notifications", params={"after": after, "wait": 60}))

    listener = threading.Thread(target=listen)
    listener.start()
    answer(mssante, sent["message_id"])
    listener.join(60)
    assert len(heard[0]["messages"]) == 1  # type: ignore[arg-type]


def test_a_wait_that_is_over_ends_with_nothing(patient: Visitor) -> None:
    started = time.monotonic()
    assert patient.ok("GET", "/notifications", params={"wait": 1})["messages"] == []
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("asked", [{"wait": "61"}, {"wait": "-1"}, {"after": "x"}, {"after": "1"}])
def test_a_wait_out_of_bounds_is_refused(patient: Visitor, asked: dict[str, str]) -> None:
    assert patient.no("GET", "/notifications", params=asked) == (422, "bad-parameter")


@asynccontextmanager
async def eight_waits(base: str, token: str) -> AsyncIterator[set[asyncio.Task[httpx.Response]]]:
    """As many as one account may have; all of them are under way, for one more was refused."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{base}/mes/v1", headers=headers, timeout=90) as client:
        waiting = [asyncio.create_task(client.get("/notifications?wait=60")) for _ in range(9)]
        done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [refusal(one.result()) for one in done] == [(429, "too-many-at-once")]
        yield others


async def test_waits_of_clients_that_left_do_not_count(inside: Inside) -> None:
    async with inside() as stack:
        visitor = await asyncio.to_thread(Visitor.of, stack.running, "patient")
        async with eight_waits(stack.running.http, visitor.token) as waiting:
            for one in waiting:
                one.cancel()
            await asyncio.wait(waiting)
        with visitor:
            while (again := await asyncio.to_thread(visitor.ask, "GET", "/notifications")).status_code == 429:
                pass  # the test's time limit says how long
            assert again.json()["messages"] == []


async def test_a_service_that_stops_ends_the_waits(inside: Inside) -> None:
    async with inside() as stack:
        visitor = await asyncio.to_thread(Visitor.of, stack.running, "patient")
        visitor.close()
        async with eight_waits(stack.running.http, visitor.token) as waiting:
            started = time.monotonic()
            await stack.stop()
            assert time.monotonic() - started < 20, "and not the minute that was asked for"
            assert [one.json()["messages"] for one in await asyncio.gather(*waiting)] == [[]] * 8
