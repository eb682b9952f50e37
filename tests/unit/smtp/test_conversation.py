"""Rights of a conversation over real SMTP: closing, answering elsewhere, what comes back as mail, receipts."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from mssante_sim.crypto import smime
from mssante_sim.message.headers import Address
from mssante_sim.message.reports import Failure, Receipt, ReportLetter, compose_receipt, read_report
from mssante_sim.smtp.postmaster import ReceiptRefused
from mssante_sim.storage.exchanges import Closing, Turn
from tests.unit.smtp.house import FROM, PEER_DOMAIN, TO, message, running
from tests.unit.smtp.test_delivery import opened

pytestmark = pytest.mark.slow

PATIENT, PHARMACY, ORG, PER = FROM["patient"], TO["ORG, pharmacy"], FROM["ORG"], FROM["PER"]
UNSEALED = TO["ORG, sealing off, no certificate"]
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CLINIC, CLOSED_PATIENT = TO["ORG, not a pharmacy"], TO["patient, profile not activated"]
UNKNOWN, MALFORMED = TO["unknown patient"], TO["no patient's address"]


def letter(sender: str, recipient: str, number: int, *fields: str, subject: str = "Document") -> bytes:
    """Message number `number`, with further fields in front."""
    octets = message(sender, recipient, message_id=f"<{number}@client.test>")
    octets = octets.replace(b"Subject: Document", f"Subject: {subject}".encode())
    return "".join(f"{field}\r\n" for field in fields).encode() + octets


def answers(number: int) -> str:
    return f"In-Reply-To: <{number}@client.test>"


async def send(house, sender: str, recipient: str, number: int, *fields: str, subject: str = "Document") -> str:
    async with house.login(sender) as dialogue:
        return await dialogue.deliver(sender, recipient, letter(sender, recipient, number, *fields, subject=subject))


@pytest.fixture
async def professionals(tmp_path, keystore):
    async with running(tmp_path, keystore, patients_receive="professionals") as house:
        yield house


async def test_after_x_mss_mes_fin_that_exchange_alone_takes_no_answer(house):
    await send(house, PATIENT, PHARMACY, 1)
    await send(house, PATIENT, PHARMACY, 2)
    assert (await send(house, PHARMACY, PATIENT, 3, answers(1), "X-MSS-MES: FIN")).startswith("250 ")
    refused = await send(house, PATIENT, PHARMACY, 4, answers(3))
    assert refused.startswith("554 5.7.1 exchange-closed: ")
    assert f"{PHARMACY} closed this exchange on " in refused
    assert (await send(house, PATIENT, PHARMACY, 5, answers(2))).startswith("250 ")
    assert (await send(house, PATIENT, PHARMACY, 6)).startswith("250 "), "a patient may always write first"
    assert len(await house.stored(PHARMACY)) == 4


async def test_after_fin_no_earlier_message_takes_an_answer_and_a_later_one_does(house):
    await send(house, PATIENT, PHARMACY, 1)
    await send(house, PATIENT, PHARMACY, 2)
    await send(house, PHARMACY, PATIENT, 3, subject="[FIN]")
    for number, answered in ((4, 1), (5, 2), (6, 3)):
        assert "exchange-closed" in await send(house, PATIENT, PHARMACY, number, answers(answered))
    await send(house, PHARMACY, PATIENT, 7, answers(2))
    assert (await send(house, PATIENT, PHARMACY, 8, answers(7))).startswith("250 ")
    assert "exchange-closed" in await send(house, PATIENT, PHARMACY, 9, answers(1))


async def test_the_closing_is_read_before_a_subject_is_hidden(tmp_path, keystore):
    async with running(tmp_path, keystore, confidential_subject=True) as house:
        await send(house, PATIENT, PHARMACY, 1)
        await send(house, PHARMACY, PATIENT, 2, subject="[FIN]")
        assert b"Subject: [...]" in (await house.stored(PATIENT))[0]
        assert "exchange-closed" in await send(house, PATIENT, PHARMACY, 3, answers(1))


async def test_a_patient_closes_nothing(house):
    await send(house, PATIENT, PHARMACY, 1, "X-MSS-MES: FIN", subject="[FIN]")
    assert (await send(house, PATIENT, PHARMACY, 2, answers(1))).startswith("250 ")


async def test_where_only_the_professional_may_open_a_closing_ends_the_contact(professionals):
    async with professionals.login(PATIENT) as dialogue:
        await dialogue.expect("250", f"MAIL FROM:<{PATIENT}>")
        await dialogue.expect("550 5.7.1 not-pharmacy: ", f"RCPT TO:<{CLINIC}>")
    assert (await send(professionals, CLINIC, PATIENT, 1)).startswith("250 ")
    assert (await send(professionals, PATIENT, CLINIC, 2, answers(1))).startswith("250 ")
    await send(professionals, CLINIC, PATIENT, 3, answers(2), "X-MSS-MES: FIN")
    async with professionals.login(PATIENT) as dialogue:
        await dialogue.expect("250", f"MAIL FROM:<{PATIENT}>")
        reply = await dialogue.expect("550 5.7.1 exchange-closed: ", f"RCPT TO:<{CLINIC}>")
        assert f"{CLINIC} closed this exchange on " in reply


async def test_a_practitioner_opens_and_the_answer_goes_to_the_mailbox_that_can_receive(professionals):
    await send(professionals, PER, PATIENT, 1, f"Reply-To: {CLINIC}")
    async with professionals.login(PATIENT) as dialogue:
        await dialogue.expect("250", f"MAIL FROM:<{PATIENT}>")
        await dialogue.expect("550 5.7.1 not-organisational: ", f"RCPT TO:<{PER}>")
        await dialogue.expect("250", f"RCPT TO:<{CLINIC}>")
    (exchange,) = await professionals.store.exchanges(PATIENT)
    assert (exchange.professional, exchange.answers_to) == (PER, CLINIC)


async def test_reply_to_another_mailbox_makes_it_the_contact_in_place_of_the_sender(professionals):
    await send(professionals, ORG, PATIENT, 1, f"Reply-To: {CLINIC}")
    async with professionals.login(PATIENT) as dialogue:
        await dialogue.expect("250", f"MAIL FROM:<{PATIENT}>")
        await dialogue.expect("250", f"RCPT TO:<{CLINIC}>")
    assert (await send(professionals, PATIENT, CLINIC, 2, answers(1))).startswith("250 ")
    assert (await send(professionals, CLINIC, PATIENT, 3, answers(2))).startswith("250 ")


async def test_an_answer_sent_elsewhere_may_go_to_an_organisation_that_is_no_pharmacy(house):
    await send(house, PATIENT, PHARMACY, 1)
    await send(house, PHARMACY, PATIENT, 2, answers(1), f"Reply-To: {CLINIC}")
    assert (await send(house, PATIENT, CLINIC, 3, answers(2))).startswith("250 ")
    assert (await send(house, CLINIC, PATIENT, 4, answers(3))).startswith("250 ")


async def test_a_contact_that_was_written_to_may_answer_whatever_is_said_later(house):
    await send(house, PATIENT, PHARMACY, 1)
    await send(house, PHARMACY, PATIENT, 2, answers(1), f"Reply-To: {CLINIC}")
    await send(house, PATIENT, CLINIC, 3, answers(2))
    await send(house, PHARMACY, PATIENT, 4, answers(1))
    assert (await send(house, CLINIC, PATIENT, 5, answers(3))).startswith("250 ")
    assert (await send(house, PATIENT, CLINIC, 6, answers(5))).startswith("250 ")


async def test_a_closed_exchange_takes_no_message_that_calls_itself_a_report(house):
    await send(house, PATIENT, PHARMACY, 1)
    await send(house, PHARMACY, PATIENT, 2, answers(1), "X-MSS-MES: FIN")
    async with house.login(PATIENT) as dialogue:
        octets = letter(PATIENT, PHARMACY, 3, answers(2)).replace(b"text/plain", b"multipart/report")
        assert (await dialogue.deliver(PATIENT, PHARMACY, octets)).startswith("554 5.7.1 exchange-closed: ")


async def test_a_closing_while_an_answer_is_being_sealed_still_stops_it(house, monkeypatch):
    await send(house, PATIENT, PHARMACY, 1)
    (exchange,) = await house.store.exchanges(PATIENT, PHARMACY)
    deliver = house.store.deliver

    async def closed_first(parcels, **more):
        closing = Turn(PATIENT, PHARMACY, PHARMACY, None, NOW, exchange.id, closes=Closing.THIS)
        await deliver([], received=NOW, turns=[closing])
        return await deliver(parcels, **more)

    monkeypatch.setattr(house.store, "deliver", closed_first)
    assert (await send(house, PATIENT, PHARMACY, 2, answers(1))).startswith("554 5.7.1 exchange-closed: ")
    assert len(await house.stored(PHARMACY)) == 1


async def test_a_reply_to_outside_the_trust_space_counts_for_nothing(professionals):
    await send(professionals, CLINIC, PATIENT, 1, "Reply-To: quelquun@autre.mssante.test")
    (exchange,) = await professionals.store.exchanges(PATIENT)
    assert exchange.answers_to == CLINIC


# what Mon espace santé returns


@pytest.mark.parametrize(
    ("recipient", "status", "french"),
    [
        (CLOSED_PATIENT, "5.2.1", "La messagerie de ce patient est fermée"),
        (UNKNOWN, "5.1.1", "Aucun patient n'a cette adresse"),
        (MALFORMED, "5.1.3", "Cette adresse ne peut pas être celle d'un patient"),
        ('"a b?c"@patient.mssante.test', "5.1.3", "Cette adresse ne peut pas être celle d'un patient"),
    ],
)
async def test_a_message_for_nobody_is_taken_and_comes_back_as_a_mail(house, recipient, status, french):
    assert (await send(house, PHARMACY, recipient, 1, subject="Secret")).startswith("250 ")
    (stored,) = await house.stored(PHARMACY)
    report = message_from_bytes(stored, policy=policy.default)
    assert report["Subject"] == "Undelivered Mail Returned to Sender"
    assert report["Return-Path"] == "<>"
    assert report["From"].addresses[0].domain == "patient.mssante.test"
    assert french in report.get_payload(0).get_content()
    failure = read_report(stored)
    assert isinstance(failure, Failure)
    assert (failure.status, failure.final_recipient) == (status, recipient)
    assert failure.original_message_id == "<1@client.test>"
    assert b"Secret" not in stored


async def test_more_than_mon_espace_sante_takes_comes_back_while_others_get_it(tmp_path, keystore):
    async with running(tmp_path, keystore, max_patient_octets=3_000, max_message_octets=9_000) as house:
        await send(house, PATIENT, PHARMACY, 1)
        octets = letter(PHARMACY, PATIENT, 2) + 100 * b"Une ligne de plus, et encore une.\r\n"
        async with house.login(PHARMACY) as dialogue:
            await dialogue.envelope(PHARMACY, PATIENT, UNSEALED)
            assert (await dialogue.data(octets + b".\r\n")).startswith("250 ")
        failures = [report for one in await house.stored(PHARMACY) if (report := read_report(one))]
        assert [failure.status for failure in failures] == ["5.3.4"]
        assert await house.stored(PATIENT) == []
        assert (await house.stored(UNSEALED))[0].endswith(b"encore une.\r\n")


async def test_as_shipped_a_professional_may_send_what_mon_espace_sante_returns_and_a_patient_may_not(house):
    await send(house, PATIENT, PHARMACY, 1)
    filler = b"x" * 74 + b"\r\n"
    octets = letter(PHARMACY, PATIENT, 2, answers(1)) + filler * (26 * 1024 * 1024 // len(filler))
    async with house.login(PHARMACY) as dialogue:
        assert (await dialogue.deliver(PHARMACY, PATIENT, octets)).startswith("250 ")
    (failure,) = [report for one in await house.stored(PHARMACY) if (report := read_report(one))]
    assert failure.status == "5.3.4"
    async with house.login(PATIENT) as dialogue:
        octets = octets.replace(PHARMACY.encode(), b"?").replace(PATIENT.encode(), PHARMACY.encode())
        octets = octets.replace(b"<?>", f"<{PATIENT}>".encode(), 1)
        assert (await dialogue.deliver(PATIENT, PHARMACY, octets)).startswith("552 5.3.4 too-big: ")


async def test_an_address_that_no_report_can_hold_comes_back_all_the_same(house):
    assert (await send(house, PHARMACY, '"a<b>"@patient.mssante.test', 1)).startswith("250 ")
    (stored,) = await house.stored(PHARMACY)
    assert read_report(stored).final_recipient == "a?b?@patient.mssante.test"


async def test_a_repeated_submission_comes_back_once(house):
    for _ in range(2):
        await send(house, PHARMACY, UNKNOWN, 1)
    assert len(await house.stored(PHARMACY)) == 1


async def test_who_may_not_write_to_patients_learns_nothing_of_who_exists(house):
    async with house.login(PER) as dialogue:
        await dialogue.expect("250", f"MAIL FROM:<{PER}>")
        replies = {await dialogue.say(f"RCPT TO:<{to}>") for to in (PATIENT, UNKNOWN, MALFORMED, CLOSED_PATIENT)}
        assert len(replies) == 1


# receipts


def receipt(sender: str, recipient: str) -> bytes:
    """A receipt as a client writes it."""
    head = ReportLetter(Address("", sender), Address("", recipient), "Accusé", "Lu.\n", NOW, "<mdn@client.test>")
    read = Receipt("<1@client.test>", sender, displayed=True, automatic=False)
    return compose_receipt(head, read, reporting_ua="client.test")


async def submit(house, account: str, recipient: str, octets: bytes) -> str:
    """The reply to `octets`, submitted with the null sender."""
    async with house.login(account) as dialogue:
        return await dialogue.deliver("", recipient, octets)


async def test_a_receipt_may_have_the_null_sender_and_changes_no_exchange(house):
    await send(house, PATIENT, PHARMACY, 1)
    await send(house, PHARMACY, PATIENT, 2, answers(1), "X-MSS-MES: FIN")
    assert (await submit(house, PHARMACY, PATIENT, receipt(PHARMACY, PATIENT))).startswith("250 ")
    stored = (await house.stored(PATIENT))[-1]
    assert stored.startswith(b"Return-Path: <>\r\n")
    inner = smime.signature_of(opened(house, PATIENT, stored)).content
    assert read_report(inner) == Receipt("<1@client.test>", PHARMACY, displayed=True, automatic=False)
    assert "exchange-closed" in await send(house, PATIENT, PHARMACY, 3, answers(2))


async def test_nothing_but_a_receipt_may_have_the_null_sender(house):
    await send(house, PATIENT, PHARMACY, 1)
    for octets in (
        message(PHARMACY, PATIENT),
        receipt(PHARMACY, PATIENT).replace(b"disposition-notification", b"delivery-status"),
    ):
        assert (await submit(house, PHARMACY, PATIENT, octets)).startswith("550 5.7.1 null-sender: ")
    assert await house.stored(PATIENT) == []


async def test_a_receipt_is_the_accounts_own_and_obeys_the_rules(house):
    await send(house, PATIENT, PHARMACY, 1)
    assert (await submit(house, PHARMACY, PATIENT, receipt(ORG, PATIENT))).startswith("550 5.7.1 from-not-yours: ")
    async with house.login(ORG) as dialogue:
        await dialogue.expect("250", "MAIL FROM:<>")
        await dialogue.expect("550 5.7.1 patient-cannot-receive: ", f"RCPT TO:<{PATIENT}>")


async def test_mon_espace_sante_delivers_receipts_where_mail_may_go_and_nowhere_else(house):
    postmaster = house.services.postmaster
    told = {"patient": PATIENT, "original": "<1@x>"}
    await postmaster.deliver_receipt(PHARMACY, receipt(PATIENT, PHARMACY), **told)
    (stored,) = await house.stored(PHARMACY)
    assert isinstance(read_report(stored), Receipt)
    for mailbox in (PER, TO["ORG, closed"], "inconnu@officine.mssante.test", f"x@{PEER_DOMAIN}"):
        with pytest.raises(ReceiptRefused):
            await postmaster.deliver_receipt(mailbox, receipt(PATIENT, mailbox), **told)


async def test_a_receipt_goes_once_for_each_message_patient_and_mailbox(house):
    postmaster = house.services.postmaster
    for patient, original in ((PATIENT, "<1@x>"), (PATIENT, "<1@x>"), (PATIENT, "<2@x>"), (CLOSED_PATIENT, "<1@x>")):
        await postmaster.deliver_receipt(PHARMACY, receipt(patient, PHARMACY), patient=patient, original=original)
    assert len(await house.stored(PHARMACY)) == 3
