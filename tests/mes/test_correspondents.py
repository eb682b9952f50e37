"""A conversation is with one correspondent: nobody's words join it, or change it, but those who are part of it."""

import asyncio
from typing import Any

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.message.headers import Address
from mssante_sim.message.reports import Failure, ReportLetter, compose_failure
from mssante_sim.message.summary import summarise
from mssante_sim.storage.api import Copy, Parcel
from mssante_sim.storage.sqlite.store import SqliteStore
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.pharmacy import answer
from tests.mes.visitor import Visitor


def finess(mssante: Mssante, who: str) -> str:
    return str(mssante.account(who).identifier)


def arrived(patient: Visitor) -> list[str]:
    """Ids of what the patient received, the oldest first."""
    return list(patient.ok("GET", "/notifications", params={"after": "0-0"})["messages"])


@pytest.fixture
def intruded(mssante: Mssante, patient: Visitor) -> tuple[str, str, str]:
    """Ids: written to a pharmacy, its answer, and a message of another one that names the first in its References."""
    sent = patient.send(pharmacy=finess(mssante, "pharmacy"), text="Pour les Lilas.")
    patient.send(pharmacy=finess(mssante, "other-pharmacy"), text="Pour une autre.")
    answer(mssante, sent["message_id"])
    answer(mssante, sent["message_id"], who="other-pharmacy")
    theirs, others = arrived(patient)
    return sent["message"], theirs, others


@pytest.mark.parametrize("answered", [0, 1])
def test_an_answer_goes_to_the_pharmacy_it_is_for_whoever_names_its_messages(
    mssante: Mssante, patient: Visitor, intruded: tuple[str, str, str], answered: int
) -> None:
    draft = patient.draft(answers=intruded[answered], text="Confidentiel.")
    assert draft["to"]["finess"] == finess(mssante, "pharmacy")
    patient.ok("POST", f"/drafts/{draft['id']}/send")
    assert mssante.imap("pharmacy").select("INBOX")[1] == [b"2"]
    assert mssante.imap("other-pharmacy").select("INBOX")[1] == [b"1"]
    assert patient.draft(answers=intruded[2], text="a")["to"]["finess"] == finess(mssante, "other-pharmacy")


def test_a_conversation_shows_one_pharmacy_only_and_what_it_answered(
    mssante: Mssante, patient: Visitor, intruded: tuple[str, str, str]
) -> None:
    shown = patient.ok("GET", f"/conversations/{intruded[0]}")
    assert [one["id"] for one in shown["messages"]] == list(intruded[:2])
    assert shown["conversation"]["pharmacy"]["finess"] == finess(mssante, "pharmacy")
    alone = patient.ok("GET", f"/conversations/{intruded[2]}")
    assert [one["id"] for one in alone["messages"]] == [intruded[2]]


def test_a_message_that_only_another_pharmacy_names_is_not_answered(mssante: Mssante, patient: Visitor) -> None:
    sent = patient.send(pharmacy=finess(mssante, "pharmacy"), text="Pour les Lilas.")
    patient.send(pharmacy=finess(mssante, "other-pharmacy"), text="Pour une autre.")
    answer(mssante, sent["message_id"], who="other-pharmacy")
    assert patient.ok("GET", f"/messages/{sent['message']}")["states"] == ["sent", "delivered"]


def states(conversation: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(one["id"], one["states"]) for one in conversation["messages"]]


def test_what_the_named_contact_writes_and_gets_is_of_the_conversation_also_when_it_is_contact_no_more(
    mssante: Mssante, patient: Visitor
) -> None:
    contact = mssante.account("other-pharmacy")
    first = patient.send(pharmacy=finess(mssante, "pharmacy"), text="Bonjour.")
    named = answer(mssante, first["message_id"], extra=[("Reply-To", contact.address)])
    second = patient.send(answers=arrived(patient)[0], text="Au contact.")
    mssante.wait_for(second["message_id"], to="other-pharmacy")
    answer(mssante, second["message_id"], "Du contact.\n", who="other-pharmacy")
    apart = patient.send(pharmacy=contact.identifier, text="Autre chose.")
    page = patient.ok("GET", "/conversations")["conversations"]
    assert [one["id"] for one in page] == [apart["message"], first["message"]]
    assert page[1]["pharmacy"]["finess"] == finess(mssante, "pharmacy")
    before = patient.ok("GET", f"/conversations/{first['message']}")
    assert [one["id"] for one in before["messages"]] == [
        first["message"], arrived(patient)[0], second["message"], arrived(patient)[1],
    ]  # fmt: skip
    assert states(before)[2] == (second["message"], ["sent", "delivered", "answered"])
    assert patient.draft(answers=arrived(patient)[1], text="a")["to"]["finess"] == contact.identifier
    answer(mssante, named)
    after = patient.ok("GET", f"/conversations/{first['message']}")
    assert after["messages"][:4] == before["messages"]
    assert patient.draft(answers=arrived(patient)[1], text="a")["to"]["finess"] == finess(mssante, "pharmacy")


@pytest.mark.parametrize(
    ("sender", "path", "counts"),
    [
        ("MAILER-DAEMON@patient.mssante.test", "Return-Path: <>\r\n", True),
        ("MAILER-DAEMON@patient.mssante.test", "Return-Path: <x@officine.mssante.test>\r\n", False),
        ("MAILER-DAEMON@patient.mssante.test", "", False),
        ("pharmacy", "", True),
        ("other-pharmacy", "Return-Path: <>\r\n", False),
        ("other-pharmacy", "", False),
    ],
)
async def test_a_failure_counts_only_if_mon_espace_sante_or_the_mailbox_itself_told_it(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, sender: str, path: str, counts: bool
) -> None:
    stores: list[SqliteStore] = []
    real = SqliteStore.open

    def noted(*args: Any, **chosen: Any) -> SqliteStore:
        stores.append(real(*args, **chosen))
        return stores[-1]

    monkeypatch.setattr("mssante_sim.stack.SqliteStore.open", noted)
    async with inside() as stack:
        mssante = Mssante(stack.running)
        visitor = await asyncio.to_thread(Visitor.of, stack.running, "patient")
        with visitor:
            sent = await asyncio.to_thread(visitor.send, pharmacy=finess(mssante, "pharmacy"), text="a")
            octets = failure(mssante, sent["message_id"], sender)
            parcel = Parcel(
                octets, summarise(octets), (Copy(mssante.account("patient").address, prefix=path.encode()),)
            )
            await stores[0].deliver([parcel], received=SystemClock().now())
            told = await asyncio.to_thread(visitor.ok, "GET", f"/messages/{sent['message']}")
    assert told["states"] == ["sent", "failed" if counts else "delivered"]
    assert (told["failure"] is not None) is counts


def failure(mssante: Mssante, original: str, sender: str) -> bytes:
    """`sender` says that the message could not be delivered to the pharmacy."""
    author = sender if "@" in sender else mssante.account(sender).address
    to = Address("", mssante.account("patient").address)
    letter = ReportLetter(Address("", author), to, "Undelivered", "Perdu.", SystemClock().now(), "<echec@x.test>")
    told = Failure(original, mssante.account("pharmacy").address, "5.2.2", "552 5.2.2 full", "officine.mssante.test")
    return compose_failure(letter, told, original_header=None)


def test_a_failure_that_another_pharmacy_sends_counts_for_nothing(mssante: Mssante, patient: Visitor) -> None:
    sent = patient.send(pharmacy=finess(mssante, "pharmacy"), text="a")
    patient.send(pharmacy=finess(mssante, "other-pharmacy"), text="so that it may write to the patient")
    forger, own = mssante.account("other-pharmacy").address, mssante.account("patient").address
    with mssante.smtp("other-pharmacy") as smtp:
        smtp.sendmail(forger, [own], failure(mssante, sent["message_id"], "other-pharmacy"))
    mssante.wait_for("<echec@x.test>", to="patient")
    assert patient.ok("GET", f"/messages/{sent['message']}")["states"] == ["sent", "delivered"]
