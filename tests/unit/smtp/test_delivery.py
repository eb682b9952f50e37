"""From DATA to the store: what is refused, what is stored, and that it is all or nothing."""

import asyncio
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mssante_sim.crypto import smime
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.storage.errors import QuotaExceeded, StoreBusy, StoreFull
from tests.unit.smtp.house import FROM, PEER_DOMAIN, TO, message, running

pytestmark = pytest.mark.slow

PATIENT, PHARMACY, ORG, CLINIC = FROM["patient"], TO["ORG, pharmacy"], FROM["ORG"], TO["ORG, not a pharmacy"]
UNSEALED = TO["ORG, sealing off, no certificate"]
PEER = f"quelquun@{PEER_DOMAIN}"


def opened(house, account: str, octets: bytes) -> bytes:
    """What `account` reads in a sealed message."""
    entity = octets[octets.index(b"MIME-Version: 1.0\r\n") + len(b"MIME-Version: 1.0\r\n") :]
    return smime.decrypt(entity, house.keystore.identities(account, Usage.RECEIVE))


# what is stored


async def test_the_recipient_reads_what_was_sent_and_nothing_of_it_lies_in_clear(house):
    text = "Ordonnance confidentielle n° 1"
    async with house.login(PATIENT) as dialogue:
        reply = await dialogue.deliver(PATIENT, PHARMACY, message(PATIENT, PHARMACY, text))
    assert re.fullmatch(r"250 2\.0\.0 Stored as [0-9a-f]{12}", reply)
    (stored,) = await house.stored(PHARMACY)
    assert text.encode() not in stored
    entity = opened(house, PHARMACY, stored)
    assert smime.classify(entity) is smime.Protection.SIGNED
    assert f"\r\n\r\n{text}\r\n".encode() in entity


async def test_trace_fields_stand_in_front_and_name_the_recipient_only_when_alone(house):
    async with house.login(ORG) as dialogue:
        reply = await dialogue.deliver(ORG, PHARMACY)
        await dialogue.envelope(ORG, PHARMACY, CLINIC)
        await dialogue.data(message(ORG, PHARMACY, "deux") + b".\r\n")
    alone, together = (one.decode("ascii") for one in await house.stored(PHARMACY))
    assert re.match(
        rf"Return-Path: <{re.escape(ORG)}>\r\n"
        r"Received: from client\.test \(\[127\.0\.0\.1\]\)\r\n"
        rf" by localhost with ESMTPSA id {reply.split()[-1]}\r\n"
        r" \(TLSv1\.3 TLS_\w+\)\r\n"
        rf" for <{re.escape(PHARMACY)}>;\r\n"
        r" \w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000\r\n"
        r"From: ",
        alone,
    )
    assert " for <" not in together.partition("\r\nFrom: ")[0]


async def test_mon_espace_sante_files_what_a_patient_sent_and_the_patient_can_read_it(house):
    async with house.login(PATIENT) as dialogue:
        await dialogue.deliver(PATIENT, PHARMACY, message(PATIENT, PHARMACY, "copie"))
    (sent,) = await house.stored(PATIENT, "Sent")
    assert not sent.startswith(b"Return-Path")
    assert b"copie" in opened(house, PATIENT, sent)


@pytest.mark.parametrize("files", [False, True])
async def test_a_professionals_copy_is_filed_only_if_set(tmp_path, keystore, files):
    async with running(tmp_path, keystore, file_sent_copy=files) as house, house.login(ORG) as dialogue:
        await dialogue.deliver(ORG, PHARMACY)
        assert len(await house.stored(ORG, "Sent")) == int(files)


async def test_a_mailbox_with_sealing_off_gets_plain_mail(house):
    async with house.login(ORG) as dialogue:
        await dialogue.deliver(ORG, UNSEALED, message(ORG, UNSEALED, "en clair"))
    (stored,) = await house.stored(UNSEALED)
    assert stored.endswith(message(ORG, UNSEALED, "en clair"))


async def test_what_another_operator_hands_over_is_encrypted_and_never_signed(house):
    async with house.peer() as dialogue:
        await dialogue.deliver(PEER, PHARMACY, message(PEER, PHARMACY, "d'ailleurs"))
    (stored,) = await house.stored(PHARMACY)
    assert b" with ESMTPS id " in stored
    assert smime.classify(opened(house, PHARMACY, stored)) is smime.Protection.PLAIN


async def test_a_patient_who_writes_opens_an_exchange_in_which_the_pharmacy_answers(house):
    async with house.login(PHARMACY) as dialogue:
        await dialogue.expect("250", f"MAIL FROM:<{PHARMACY}>")
        await dialogue.expect("550 5.7.1 patient-cannot-receive: ", f"RCPT TO:<{PATIENT}>")
    async with house.login(PATIENT) as dialogue:
        await dialogue.deliver(PATIENT, PHARMACY)
    (exchange,) = await house.store.exchanges(PATIENT, PHARMACY)
    assert exchange.opened_by == PATIENT
    async with house.login(PHARMACY) as dialogue:
        reply = await dialogue.deliver(PHARMACY, PATIENT, message(PHARMACY, PATIENT, "Prête."))
        assert reply.startswith("250 2.0.0 ")
    (answer,) = await house.stored(PATIENT)
    assert "Prête.".encode() in opened(house, PATIENT, answer)


# a message repeated


async def test_the_same_submission_again_is_acknowledged_and_not_stored_twice(house):
    octets = message(ORG, PHARMACY)
    for start in ("250 2.0.0 Stored as ", "250 2.0.0 Stored before as "):
        async with house.login(ORG) as dialogue:
            assert (await dialogue.deliver(ORG, PHARMACY, octets)).startswith(start)
    assert len(await house.stored(PHARMACY)) == 1


@pytest.mark.parametrize(
    ("recipient", "octets"),
    [
        (CLINIC, message(ORG, PHARMACY)),
        (PHARMACY, message(ORG, PHARMACY, "Bonjour !")),
        (PHARMACY, message(ORG, PHARMACY, message_id="<2@client.test>")),
    ],
    ids=["another recipient", "another text", "another Message-ID"],
)
async def test_a_submission_that_differs_in_anything_is_another(house, recipient, octets):
    async with house.login(ORG) as dialogue:
        await dialogue.deliver(ORG, PHARMACY)
        assert "Stored as" in await dialogue.deliver(ORG, recipient, octets)


# what is refused at the end of DATA

HEADER = f"From: <{ORG}>\r\n"


@pytest.mark.parametrize(
    ("octets", "start"),
    [
        (b"Subject: x\r\n\r\nx\r\n", "550 5.6.0 from-missing: "),
        (b"From: nobody\r\n\r\nx\r\n", "550 5.6.0 from-missing: "),
        (f"{HEADER}{HEADER}\r\nx\r\n".encode(), "550 5.6.0 from-repeated: "),
        (f"From: <{ORG}>, <{PATIENT}>\r\n\r\nx\r\n".encode(), "550 5.6.0 from-repeated: "),
        (f"From: <{PATIENT}>\r\n\r\nx\r\n".encode(), "550 5.7.1 from-not-yours: "),
        (f"From: <{ORG}>\r\nSender: <{PATIENT}>\r\nfrom: <{PATIENT}>\r\n\r\n".encode(), "550 5.6.0 from-repeated: "),
        (HEADER.encode() + b"Received: by x; y\r\n" * 101 + b"\r\nx\r\n", "554 5.4.6 mail-loop: "),
        (HEADER.encode() + b"\r\na\nb\r\n", "550 5.6.0 bare-newline: "),
        (HEADER.encode() + b"\r\na\rb\r\n", "550 5.6.0 bare-newline: "),
        (HEADER.encode() + b"\r\na\0b\r\n", "550 5.6.0 nul-octet: "),
        (HEADER.encode() + b"\r\n" + b"a" * 999 + b"\r\n", "550 5.6.0 line-too-long: "),
    ],
)
async def test_a_message_that_cannot_be_taken_is_stored_for_nobody_and_the_connection_goes_on(house, octets, start):
    async with house.login(ORG) as dialogue:
        await dialogue.envelope(ORG, PHARMACY, CLINIC)
        assert (await dialogue.data(octets + b".\r\n")).startswith(start)
        assert await house.stored(PHARMACY) == await house.stored(CLINIC) == []
        assert (await dialogue.deliver(ORG, PHARMACY)).startswith("250 2.0.0 ")


async def test_a_hundred_received_fields_are_no_loop(house):
    async with house.login(ORG) as dialogue:
        octets = HEADER.encode() + b"Received: by x; y\r\n" * 100 + b"\r\nx\r\n"
        assert (await dialogue.deliver(ORG, PHARMACY, octets)).startswith("250 ")


async def test_a_message_larger_than_size_is_swallowed_and_refused(tmp_path, keystore):
    async with running(tmp_path, keystore, max_message_octets=5_000) as house, house.login(ORG) as dialogue:
        await dialogue.expect("552 5.3.4 too-big: ", f"MAIL FROM:<{ORG}> SIZE=5001")
        octets = message(ORG, PHARMACY, "x" * 900)
        octets += b"y" * 98 + b"\r\n"
        assert (await dialogue.deliver(ORG, PHARMACY, octets * 20)).startswith("552 5.3.4 too-big: ")
        assert (await dialogue.deliver(ORG, PHARMACY)).startswith("250 ")


@pytest.mark.parametrize("sequence", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n\0.\r\n", b"\r\n.\r\r\n"])
async def test_nothing_is_smuggled_behind_what_looks_like_an_end(house, sequence):
    smuggled = f"MAIL FROM:<{ORG}>\r\nRCPT TO:<{CLINIC}>\r\nDATA\r\n{HEADER}\r\nx\r\n.\r\n".encode()
    async with house.login(ORG) as dialogue:
        reply = await dialogue.deliver(ORG, PHARMACY, message(ORG, PHARMACY) + sequence + smuggled[:-3])
        assert reply.startswith(("550 5.6.0 bare-newline: ", "550 5.6.0 nul-octet: "))
        await dialogue.expect("250", "NOOP")
    assert await house.stored(CLINIC) == await house.stored(PHARMACY) == []


async def test_the_null_sender_of_another_operator_may_not_write_in_our_name(house):
    async with house.peer() as dialogue:
        for author, start in ((PATIENT, "550 5.7.1 from-not-yours: "), (f"mailer@{PEER_DOMAIN}", "250 2.0.0 ")):
            assert (await dialogue.deliver("", PHARMACY, message(author, PHARMACY))).startswith(start)


async def test_enveloped_mail_must_be_for_every_recipient_and_then_passes_untouched(house):
    certificate = house.keystore.identity(PHARMACY, Usage.RECEIVE).certificate
    octets = HEADER.encode() + smime.envelop(b"Content-Type: text/plain\r\n\r\nx\r\n", [certificate])
    async with house.login(ORG) as dialogue:
        reply = await dialogue.deliver(ORG, CLINIC, octets)
        assert reply.startswith("554 5.7.1 not-encrypted-for-recipient: ")
        assert (await dialogue.deliver(ORG, PHARMACY, octets)).startswith("250 ")
    (stored,) = await house.stored(PHARMACY)
    assert stored.endswith(octets[len(HEADER) :])


# all or nothing


async def test_what_changed_since_rcpt_refuses_the_message_for_everyone(house):
    async with house.login(ORG) as dialogue:
        await dialogue.envelope(ORG, PHARMACY, CLINIC)
        house.directory.add(mailboxes=[replace(house.directory.mailbox(CLINIC), published=False)])
        reply = await dialogue.data(message(ORG, PHARMACY) + b".\r\n")
    assert reply.startswith("554 5.7.1 not-published: ")
    assert await house.stored(PHARMACY) == []


async def test_a_certificate_revoked_since_rcpt_refuses_the_message_for_everyone(tmp_path, keystore):
    own = Keystore.open(shutil.copytree(keystore.path, tmp_path / "trust"))
    async with running(tmp_path, own) as house, house.login(ORG) as dialogue:
        await dialogue.envelope(ORG, PHARMACY, CLINIC)
        own.revoke(CLINIC, Usage.RECEIVE, at=datetime.now(UTC))
        reply = await dialogue.data(message(ORG, PHARMACY) + b".\r\n")
        assert reply.startswith("554 5.7.1 certificate-revoked: ")
        assert await house.stored(PHARMACY) == []


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (StoreFull("inner words"), "452 4.3.1 disk-full: "),
        (QuotaExceeded("inner words"), "452 4.2.2 mailbox-full: "),
        (StoreBusy("inner words"), "451 4.3.0 temporarily-unavailable: "),
        (RuntimeError("secret detail /home/x"), "451 4.3.0 temporarily-unavailable: "),
    ],
)
async def test_a_store_that_fails_is_answered_without_its_words(house, monkeypatch, error, start):
    async def fail(*_args, **_named):
        raise error

    monkeypatch.setattr(house.store, "deliver", fail)
    async with house.login(ORG) as dialogue:
        reply = await dialogue.deliver(ORG, PHARMACY)
        assert reply.startswith(start)
        assert str(error) not in reply
        if isinstance(error, RuntimeError):
            number = re.search(r"\(incident ([0-9a-f]{8})\)", reply)[1]
            trace = house.audit.lines[-1]
            assert (trace["incident"], trace["result"]) == (number, "RuntimeError")
            assert "secret" not in str(trace)
        await dialogue.expect("250", "NOOP")


# a peer that goes


async def gone(house) -> None:
    """Every connection has ended."""
    while house.services._house.connections:
        await asyncio.wait({one.task for one in house.services._house.connections})


@pytest.mark.parametrize("cut", ["close", "abort"])
async def test_a_peer_that_goes_inside_a_message_stores_nothing(house, cut):
    async with house.login(ORG) as dialogue:
        await dialogue.envelope(ORG, PHARMACY)
        await dialogue.expect("354", "DATA")
        dialogue.send(message(ORG, PHARMACY))
        dialogue.writer.close() if cut == "close" else dialogue.writer.transport.abort()
    await gone(house)
    assert await house.stored(PHARMACY) == []
    assert not house.services._house.unfinished


async def test_a_peer_that_goes_after_the_final_dot_finds_the_message_stored_once_when_it_repeats_it(
    house, monkeypatch
):
    deliver, reached, go_on = house.store.deliver, asyncio.Event(), asyncio.Event()

    async def held(*args, **named):
        reached.set()
        await go_on.wait()
        return await deliver(*args, **named)

    monkeypatch.setattr(house.store, "deliver", held)
    async with house.login(ORG) as dialogue:
        await dialogue.envelope(ORG, PHARMACY)
        await dialogue.expect("354", "DATA")
        dialogue.send(message(ORG, PHARMACY) + b".\r\n")
        await reached.wait()
        dialogue.writer.transport.abort()
    await gone(house)
    (storing,) = house.services._house.unfinished
    go_on.set()
    await storing
    assert len(await house.stored(PHARMACY)) == 1
    async with house.login(ORG) as dialogue:
        assert (await dialogue.deliver(ORG, PHARMACY)).startswith("250 2.0.0 Stored before as ")
    assert len(await house.stored(PHARMACY)) == 1


# traces


async def test_traces_name_who_did_what_and_hold_no_content(house):
    async with house.login(PATIENT) as dialogue:
        await dialogue.deliver(PATIENT, PHARMACY, message(PATIENT, PHARMACY, "TEMOIN-CORPS"))
    actions = [(line["action"], line["user"], line["result"]) for line in house.audit.lines]
    assert actions == [
        ("smtp.auth", PATIENT, "235"),
        ("smtp.rcpt", PATIENT, "250"),
        ("smtp.data", PATIENT, "250 stored"),
    ]
    assert "TEMOIN" not in str(house.audit.lines)
    assert "Document" not in str(house.audit.lines)
