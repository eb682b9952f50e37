"""What a message says of its conversation and what it changes there, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mssante_sim.message.headers import fields
from mssante_sim.patient.conversation import (
    Writing,
    closing_of,
    may_answer,
    read_writing,
    turn_of,
    wrote_first,
)
from mssante_sim.storage.exchanges import Closing, Exchange, ExchangeId, Turn

PATIENT, PHARMACY, OTHER = "1@patient.mssante.test", "lilas@officine.mssante.test", "port@officine.mssante.test"
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
THIS, ALL = Closing.THIS, Closing.ALL


def writing(*lines: str) -> Writing:
    return read_writing(fields("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"))


def exchange(**more) -> Exchange:
    return replace(Exchange(PATIENT, PHARMACY, PATIENT, NOW, id=ExchangeId(7)), **more)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], Writing(None)),
        (["Message-ID: <1@x>"], Writing("<1@x>")),
        (["Message-ID: not one"], Writing(None)),
        (["Message-ID: <2@x>", "In-Reply-To: <1@x>"], Writing("<2@x>", ("<1@x>",))),
        (["References: <0@x>", " <1@x>", "In-Reply-To: <1@x>"], Writing(None, ("<0@x>", "<1@x>"))),
        (["Subject: [FIN]"], Writing(None, closes=ALL)),
        (["Subject:   [FIN]  "], Writing(None, closes=ALL)),
        (["Subject: =?utf-8?q?=5BFIN=5D?="], Writing(None, closes=ALL)),
        (["Subject: Re: [FIN]"], Writing(None)),
        (["Subject: [FIN] Votre traitement"], Writing(None)),
        (["Subject: [fin]"], Writing(None)),
        (["X-MSS-MES: FIN"], Writing(None, closes=THIS)),
        (["x-mss-mes:fin"], Writing(None, closes=THIS)),
        (["X-MSS-MES: FINI"], Writing(None)),
        (["X-MSS-MES: FIN", "Subject: [FIN]"], Writing(None, closes=ALL)),
        (["Subject: Bonjour", "Subject: [FIN]"], Writing(None)),
        (["Reply-To: Autre <PORT@officine.mssante.test>"], Writing(None, reply_to=OTHER)),
        (["Reply-To: a@x.test, b@x.test"], Writing(None)),
        (["Content-Type: multipart/report; report-type=delivery-status"], Writing(None, is_report=True)),
        (["Content-Type: text/plain"], Writing(None)),
    ],
)
def test_what_a_header_says(lines: list[str], expected: Writing) -> None:
    assert writing(*lines) == expected


@pytest.mark.parametrize(
    ("said", "by", "known", "contact", "closes"),
    [
        (Writing("<1@x>"), PATIENT, None, None, None),
        (Writing("<1@x>"), PATIENT, exchange(), None, None),
        (Writing("<1@x>"), PHARMACY, None, None, None),
        (Writing("<1@x>"), PHARMACY, exchange(), None, None),
        (Writing("<1@x>", closes=THIS), PHARMACY, exchange(), None, THIS),
        (Writing("<1@x>", closes=ALL), PHARMACY, exchange(), None, ALL),
        (Writing("<1@x>", reply_to=OTHER), PHARMACY, exchange(), OTHER, None),
        (Writing("<1@x>", reply_to=PHARMACY), PHARMACY, exchange(), None, None),
        # what would be a right of professionals means nothing from a patient
        (Writing("<1@x>", closes=THIS), PATIENT, exchange(), None, None),
        (Writing("<1@x>", closes=ALL), PATIENT, None, None, None),
        (Writing("<1@x>", reply_to=OTHER), PATIENT, exchange(), None, None),
    ],
)
def test_what_a_message_changes(
    said: Writing, by: str, known: Exchange | None, contact: str | None, closes: Closing | None
) -> None:
    turn = turn_of(said, by=by, patient=PATIENT, professional=PHARMACY, exchange=known, at=NOW)
    assert turn == Turn(PATIENT, PHARMACY, by, "<1@x>", NOW, known.id if known else None, contact, closes)


def test_writing_to_the_contact_opens_an_exchange_with_it() -> None:
    redirected = exchange(contact=OTHER)
    turn = turn_of(Writing("<1@x>"), by=PATIENT, patient=PATIENT, professional=OTHER, exchange=redirected, at=NOW)
    assert turn == Turn(PATIENT, OTHER, PATIENT, "<1@x>", NOW, None, contact=OTHER)


OPEN = exchange()
OPENED_BY_PHARMACY = exchange(opened_by=PHARMACY)
CLOSED = exchange(opened_by=PHARMACY, closed=NOW, closed_by=PHARMACY)
CLOSED_LATER = exchange(opened_by=PHARMACY, closed=NOW + timedelta(hours=1), closed_by=PHARMACY)
ELSEWHERE = exchange(opened_by=PHARMACY, contact=OTHER)


@pytest.mark.parametrize(
    ("between", "patient_wrote_first", "answer_at_pharmacy", "answer_elsewhere", "closing"),
    [
        ((), False, False, False, None),
        ((OPEN,), True, False, False, None),
        ((OPENED_BY_PHARMACY,), False, True, False, None),
        ((CLOSED,), False, False, False, CLOSED),
        ((CLOSED, CLOSED_LATER), False, False, False, CLOSED_LATER),
        ((CLOSED, OPENED_BY_PHARMACY), False, True, False, None),
        ((ELSEWHERE,), False, False, True, None),
        ((exchange(contact=OTHER),), True, False, True, None),
        ((OPEN, CLOSED), True, False, False, CLOSED),
    ],
)
def test_the_rights_that_exchanges_give(
    between: tuple[Exchange, ...],
    patient_wrote_first: bool,
    answer_at_pharmacy: bool,
    answer_elsewhere: bool,
    closing: Exchange | None,
) -> None:
    assert wrote_first(between) is patient_wrote_first
    assert may_answer(between, PHARMACY) is answer_at_pharmacy
    assert may_answer(between, OTHER) is answer_elsewhere
    assert closing_of(between, PHARMACY) == closing
