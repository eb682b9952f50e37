"""Each rule of MSSanté and Mon espace santé about addresses, mailboxes and rights, met as its users meet it."""

import asyncio
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial

import pytest

from mssante_sim.clients.correspondence import filed_message
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.receipts import decide_receipt
from mssante_sim.clock import SystemClock
from mssante_sim.message.compose import Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.message.reports import Failure, Receipt, read_report
from mssante_sim.patient.documents import MAX_DOCUMENT_OCTETS
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.pharmacy import answer
from tests.mes.visitor import PDF, Visitor, form

Answer = Callable[..., str]


def received(mssante: Mssante, who: str, number: int = 1) -> bytes:
    return mssante.imap(who).fetch(str(number), "(BODY.PEEK[])")[1][0][1]


def read(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def finess(mssante: Mssante, who: str) -> str:
    return mssante.account(who).identifier or ""


@pytest.fixture
def sent(mssante: Mssante, patient: Visitor) -> str:
    """The Message-ID of what the patient sent to the pharmacy."""
    result = patient.send(pharmacy=finess(mssante, "pharmacy"), text="Bonjour.", document=patient.add()["id"])
    return str(result["message_id"])


@pytest.fixture
def reply(mssante: Mssante, sent: str) -> Answer:
    """Answers of the pharmacy to what was sent."""
    return partial(answer, mssante, sent)


def newest(patient: Visitor) -> dict[str, object]:
    """What the patient received last."""
    page = patient.ok("GET", "/conversations")
    lines = [
        line
        for one in page["conversations"]
        for line in patient.ok("GET", f"/conversations/{one['id']}")["messages"]
        if line["direction"] == "received"
    ]
    return max(lines, key=lambda line: line["date"])


# addresses and mailboxes


def test_a_patient_writes_from_the_ins_and_shows_first_name_and_name(mssante: Mssante, sent: str) -> None:
    (author,) = read(received(mssante, "pharmacy"))["From"].addresses
    assert (author.display_name, author.addr_spec) == ("Dominique PAT-TROIS", "279035121518989@patient.mssante.test")


def test_a_prescription_is_a_plain_mail_none_of_the_fields_of_professionals_in_it(mssante: Mssante, sent: str) -> None:
    outer = read(received(mssante, "pharmacy"))
    assert not [name for name in outer if name.lower().startswith("x-")]
    assert [one.name for one in mssante.open(received(mssante, "pharmacy"), "pharmacy").attachments] == [
        "ordonnance.pdf"
    ]


def test_of_two_mailboxes_the_preferred_one_gets_it(mssante: Mssante, patient: Visitor) -> None:
    patient.send(pharmacy=finess(mssante, "two-mailboxes"), text="Bonjour.")
    assert mssante.imap("two-mailboxes").select("INBOX")[1] == [b"1"]
    (other,) = [a for a in mssante.running.accounts if ".locations@" in a.address]
    assert mssante.imap(other.address).select("INBOX")[1] == [b"0"]


def test_a_red_listed_pharmacy_is_nowhere_to_be_found(mssante: Mssante, patient: Visitor) -> None:
    number = finess(mssante, "red-listed")
    assert patient.no("GET", f"/pharmacies/{number}") == (404, "no-mailbox")
    assert patient.no("POST", "/drafts", **form({"pharmacy": number, "text": "Bonjour."})) == (404, "no-mailbox")


def test_the_patient_sees_the_name_of_the_organisation_and_no_address(patient: Visitor, reply: Answer) -> None:
    reply()
    message = patient.ok("GET", f"/messages/{newest(patient)['id']}")
    assert message["pharmacy"]["label"] == "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ )"
    assert "officine" not in str({**message, "message_id": None})


# who may write first


def test_a_patient_writes_first_to_pharmacies_only(mssante: Mssante, patient: Visitor) -> None:
    number = finess(mssante, "not-pharmacy")
    assert patient.no("POST", "/drafts", **form({"pharmacy": number, "text": "Bonjour."})) == (404, "not-pharmacy")


async def test_where_professionals_may_open_an_exchange_the_patient_answers_them(inside: Inside) -> None:
    def play(mssante: Mssante) -> None:
        laboratory, patient = mssante.account("not-pharmacy"), mssante.account("patient")
        octets = compose(
            Draft(
                Address(laboratory.display_name, laboratory.address),
                (Address(patient.display_name, patient.address),),
                "Vos résultats", "Ils sont là.\n", SystemClock().now(), "<resultats@officine.mssante.test>",
            )
        )  # fmt: skip
        with mssante.smtp("not-pharmacy") as smtp:
            smtp.sendmail(laboratory.address, [patient.address], octets)
        with Visitor.of(mssante.running, "patient") as visitor:
            message = newest(visitor)
            visitor.send(answers=message["id"], text="Merci.")
        assert mssante.imap("not-pharmacy").select("INBOX")[1] == [b"1"]

    async with inside(patients_receive="professionals") as stack:
        mssante = Mssante(stack.running)
        await asyncio.to_thread(play, mssante)
        await asyncio.to_thread(mssante.close)


# closing


def test_x_mss_mes_fin_closes_that_exchange_and_a_new_message_may_still_be_written(
    mssante: Mssante, patient: Visitor, reply: Answer
) -> None:
    reply(extra=(("X-MSS-MES", "FIN"),))
    status, word = patient.no("POST", "/drafts", **form({"answers": newest(patient)["id"], "text": "Merci."}))
    assert (status, word) == (409, "exchange-closed")
    patient.send(pharmacy=finess(mssante, "pharmacy"), text="Une autre question.")


def test_the_subject_fin_closes_all_earlier_exchanges_of_that_mailbox(
    mssante: Mssante, patient: Visitor, reply: Answer
) -> None:
    earlier = reply()
    first = newest(patient)["id"]
    other = patient.send(pharmacy=finess(mssante, "pharmacy"), text="Autre chose.")["message_id"]
    answer(mssante, other, subject="[FIN]")
    assert earlier
    assert patient.no("POST", "/drafts", **form({"answers": first, "text": "Merci."})) == (409, "exchange-closed")


def test_a_reply_to_another_mailbox_takes_the_answer(mssante: Mssante, patient: Visitor, reply: Answer) -> None:
    reply(extra=(("Reply-To", mssante.account("other-pharmacy").address),))
    patient.send(answers=newest(patient)["id"], text="Merci.")
    mssante.wait_for(to="other-pharmacy")
    assert mssante.imap("pharmacy").select("INBOX")[1] == [b"1"]


# what cannot be delivered


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("patient-not-activated", "5.2.1"),
        ("185059999900181@patient.mssante.test", "5.1.1"),
        ("personne@patient.mssante.test", "5.1.3"),
    ],
)
def test_what_reaches_nobody_comes_back_titled_as_the_real_one(mssante: Mssante, who: str, status: str) -> None:
    box, to = mssante.account("pharmacy"), mssante.running.roles.get(who, who)
    octets = compose(
        Draft(Address("", box.address), (Address("", to),), "Objet", "Texte.\n", SystemClock().now(), "<perdu@x.test>")
    )
    with mssante.smtp("pharmacy") as smtp:
        smtp.sendmail(box.address, [to], octets)
    report = received(mssante, "pharmacy")
    assert read(report)["Subject"] == "Undelivered Mail Returned to Sender"
    failure = read_report(report)
    assert isinstance(failure, Failure)
    assert (failure.status, failure.original_message_id) == (status, "<perdu@x.test>")


async def test_more_than_mon_espace_sante_takes_comes_back_too(inside: Inside) -> None:
    def play(mssante: Mssante) -> None:
        with Visitor.of(mssante.running, "patient") as visitor:
            sent = visitor.send(pharmacy=finess(mssante, "pharmacy"), text="Bonjour.")["message_id"]
        answer(mssante, sent, files=[("gros.pdf", "application/pdf", PDF * 10)])
        failure = read_report(received(mssante, "pharmacy", 2))
        assert isinstance(failure, Failure)
        assert failure.status == "5.3.4"
        assert mssante.imap("patient").select("INBOX")[1] == [b"0"]

    async with inside(max_patient_octets=50_000) as stack:
        mssante = Mssante(stack.running)
        await asyncio.to_thread(play, mssante)
        await asyncio.to_thread(mssante.close)


# documents and messages


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("faux.pdf", b"not a PDF", (422, "document-refused")),
        ("programme.exe", b"MZ", (422, "document-refused")),
        ("gros.pdf", PDF.ljust(MAX_DOCUMENT_OCTETS + 1), (413, "document-too-big")),
    ],
)
def test_documents_are_of_known_kinds_and_at_most_five_megabytes(
    patient: Visitor, name: str, content: bytes, refusal: tuple[int, str]
) -> None:
    assert patient.no("POST", "/documents", params={"name": name}, content=content) == refusal


def test_documents_lie_on_the_ten_shelves(patient: Visitor) -> None:
    shelves = {one["code"] for one in patient.ok("GET", "/documents")["categories"]}
    assert shelves == {
        "ORD_SOIN", "SYNTHESE", "RADIO_SC", "BIOLOGIE", "CPT_REND", "DEPISTAG", "CERT_MED", "DOC_ADM", "DIR_ANT",
        "AUTR_DOC",
    }  # fmt: skip


def test_a_message_is_proposed_reminds_of_the_paper_and_is_never_empty(mssante: Mssante, patient: Visitor) -> None:
    proposal = patient.ok("GET", "/proposal", params={"document": patient.add()["id"]})
    assert proposal["subject"] == "Document de Dominique PAT-TROIS"
    assert proposal["text"].startswith("Bonjour,\n")
    assert proposal["text"].endswith("Dominique PAT-TROIS\n")
    assert "ordonnance papier" in proposal["reminder"]
    fields = {"pharmacy": finess(mssante, "pharmacy"), "text": " \n"}
    assert patient.no("POST", "/drafts", **form(fields)) == (422, "empty-text")


# receipts


def test_a_receipt_comes_back_when_the_patient_opens_the_answer(
    mssante: Mssante, patient: Visitor, reply: Answer
) -> None:
    own = reply(extra=(("Disposition-Notification-To", mssante.account("pharmacy").address),))
    assert mssante.imap("pharmacy").select("INBOX")[1] == [b"1"]
    patient.ok("GET", f"/messages/{newest(patient)['id']}")
    receipt = read_report(received(mssante, "pharmacy", 2))
    assert receipt == Receipt(own, mssante.account("patient").address, displayed=True, automatic=True)


@pytest.mark.parametrize(
    ("agreed", "states"), [(True, ["sent", "delivered", "opened"]), (False, ["sent", "delivered"])]
)
async def test_what_the_pharmacy_says_of_reading_turns_into_opened_for_the_patient(
    inside: Inside, agreed: bool, states: list[str]
) -> None:
    async with inside() as stack:
        visitor = await asyncio.to_thread(Visitor.of, stack.running, "patient")
        with visitor:
            sent = await asyncio.to_thread(visitor.send, pharmacy="990000010", text="Bonjour.")
            desk = Desk.of(stack.running, "990000010")
            client = await MailboxClient.connect(desk.access())
            await client.select("INBOX")
            (uid,) = await client.uids()
            filed = await filed_message(client, desk, uid, at=SystemClock().now())
            await decide_receipt(desk, client, filed, send=agreed, at=SystemClock().now())
            await client.close()
            told = await asyncio.to_thread(visitor.ok, "GET", f"/messages/{sent['message']}")
    assert told["states"] == states
    assert (told["opened"] is not None) is agreed


def test_no_receipt_goes_by_itself_to_another_address_than_the_return_path(
    mssante: Mssante, patient: Visitor, reply: Answer
) -> None:
    reply(extra=(("Disposition-Notification-To", mssante.account("other-pharmacy").address),))
    message = patient.ok("GET", f"/messages/{newest(patient)['id']}")
    assert message["receipt"] == "refused"
    assert mssante.imap("other-pharmacy").select("INBOX")[1] == [b"0"]
