"""The recipient picker: pharmacies by name and place, those already visited, and why one is absent."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mssante_sim.clients.running import Running
from mssante_sim.clock import FixedClock
from mssante_sim.directory.identifiers import Finess
from mssante_sim.directory.store import Directory
from mssante_sim.storage.sqlite.directory import DirectoryRows
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.visitor import Visitor


def visited(running: Running) -> list[Any]:
    """What the story's patient sees of pharmacies already visited."""
    with Visitor.of(running, "patient") as visitor:
        return list(visitor.ok("GET", "/pharmacies/visited")["pharmacies"])


LILAS = {
    "finess": "990000010",
    "label": "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ )",
    "lines": ["35 QUAI FICTIF DES LILAS"],
    "postal_code": "35000",
    "town": "Rennes",
}


@pytest.mark.parametrize(
    "asked", [{"name": "lilas"}, {"name": "Lilas", "place": "rennes"}, {"name": "PHARMACIE DES LILAS", "place": "350"}]
)
def test_a_pharmacy_is_found_by_name_and_place(patient: Visitor, asked: dict[str, str]) -> None:
    page = patient.ok("GET", "/pharmacies", params=asked)
    assert page == {"pharmacies": [LILAS], "page": 1, "next": None, "absent": None}


@pytest.mark.parametrize("asked", [{}, {"name": ""}, {"name": " ", "place": ""}, {"name": "'"}])
def test_a_search_for_nothing_is_refused(patient: Visitor, asked: dict[str, str]) -> None:
    assert patient.no("GET", "/pharmacies", params=asked) == (422, "nothing-to-search")


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"name": "x" * 101}, "name"), ({"place": "x" * 101}, "place"), ({"name": "a", "page": "0"}, "page"),
     ({"name": "a", "page": "x"}, "page"), ({"name": "a", "page": "10001"}, "page"), ({"nom": "lilas"}, "nom"),
     ({"name": "a\0"}, "name"), ({"n" * 100: "a"}, "n" * 64)],
)  # fmt: skip
def test_a_search_out_of_bounds_is_refused_and_says_what_is(
    patient: Visitor, asked: dict[str, str], field: str
) -> None:
    assert patient.no("GET", "/pharmacies", params=asked) == (422, "bad-parameter")
    assert patient.ask("GET", "/pharmacies", params=asked).json()["field"] == field


async def test_pages_follow_each_other_without_a_gap(inside: Inside, tmp_path: Path) -> None:
    """Enough pharmacies for three pages, put beside those of a small home."""
    async with inside() as stack:
        directory = Directory(DirectoryRows.open(tmp_path / "home"))
        place = directory.organisation("990000010")
        (box,) = directory.mailboxes_of("990000010")
        assert place
        numbers = [Finess.synthetic(number) for number in range(1_000, 1_045)]
        directory.add(
            [replace(place, finess=one, name=f"PHARMACIE DES PAGES {one}") for one in numbers],
            [replace(box, address=f"pages.{one}@officine.mssante.test", organisation=one, users=()) for one in numbers],
        )
        directory.close()

        def visit() -> None:
            visitor = Visitor.of(stack.running, "patient")
            pages = [visitor.ok("GET", "/pharmacies", params={"name": "pages", "page": n}) for n in (1, 2, 3, 4)]
            assert [len(page["pharmacies"]) for page in pages] == [20, 20, 5, 0]
            assert [page["next"] for page in pages] == [2, 3, None, None]
            assert [one["finess"] for page in pages for one in page["pharmacies"]] == numbers
            visitor.close()

        await asyncio.to_thread(visit)


@pytest.mark.parametrize(
    ("role", "word"),
    [("no-mailbox", "no-mailbox"), ("red-listed", "no-mailbox"), ("closed", "closed"),
     ("not-published", "not-published"), ("not-pharmacy", "not-pharmacy")],
)  # fmt: skip
def test_a_place_one_cannot_write_to_is_absent_and_the_reason_is_told_by_its_number(
    mssante: Mssante, patient: Visitor, role: str, word: str
) -> None:
    finess = mssante.running.roles[role] if role == "no-mailbox" else mssante.account(role).identifier
    assert patient.no("GET", f"/pharmacies/{finess}") == (404, word)


def test_a_name_that_says_exactly_one_absent_place_tells_the_reason(mssante: Mssante, patient: Visitor) -> None:
    closed = mssante.account("closed")
    word = closed.display_name.split()[-1]
    page = patient.ok("GET", "/pharmacies", params={"name": word})
    assert page["pharmacies"] == []
    assert page["absent"]["error"] == "closed"
    assert word in page["absent"]["label"]
    assert "fermée" in page["absent"]["sentence"]


async def test_an_absent_place_that_is_named_in_full_is_told_beside_others_and_one_in_part_is_not(
    inside: Inside, tmp_path: Path
) -> None:
    async with inside() as stack:
        directory = Directory(DirectoryRows.open(tmp_path / "home"))
        place = directory.organisation("990000010")
        (box,) = directory.mailboxes_of("990000010")
        assert place
        open_one, shut, quiet, twin = (Finess.synthetic(number) for number in (2_000, 2_001, 2_002, 2_003))
        directory.add(
            [
                replace(place, finess=open_one, name="PHARMACIE DE L'ÉTANG BLEU", enseigne="GRAND ÉTANG"),
                replace(place, finess=shut, name="PHARMACIE DE L'ÉTANG", enseigne="ÉTANG SANTÉ"),
                replace(place, finess=quiet, name="PHARMACIE DE L'ÉTANG VERT", enseigne=None),
                replace(place, finess=twin, name="PHARMACIE DE L'ÉTANG VERT", enseigne=None),
            ],
            [
                replace(box, address="bleu@officine.mssante.test", organisation=open_one, users=()),
                replace(box, address="twin@officine.mssante.test", organisation=twin, users=()),
                replace(box, address="shut@officine.mssante.test", organisation=shut, open=False, users=()),
            ],
        )
        directory.close()

        def visit() -> None:
            with Visitor.of(stack.running, "patient") as visitor:
                for name, found, absent in (
                    ("pharmacie de l’etang", 2, "closed"),
                    ("pharmacie de l'étang vert", 1, "no-mailbox"),
                    ("Étang Santé", 0, "closed"),
                    ("étang", 2, None),
                    ("pharmacie étang", 2, None),
                    ("PHARMACIE DE L'ETANG BLEU", 1, None),
                ):
                    page = visitor.ok("GET", "/pharmacies", params={"name": name})
                    told = page["absent"] and page["absent"]["error"]
                    assert (name, len(page["pharmacies"]), told) == (name, found, absent)

        await asyncio.to_thread(visit)


@pytest.mark.parametrize("asked", ["990000929", "x", "990000010x", "2A0000010", "%00", "99000001"])
def test_a_number_that_nobody_has_is_unknown(patient: Visitor, asked: str) -> None:
    assert patient.no("GET", f"/pharmacies/{asked}") == (404, "unknown")


def test_a_pharmacy_that_delivered_an_order_is_visited_and_one_that_got_it_is_not(
    mssante: Mssante, patient: Visitor
) -> None:
    finess = mssante.account("pharmacy").identifier
    patient.send(pharmacy=finess, text="Bonjour")
    assert patient.ok("GET", "/pharmacies/visited") == {"pharmacies": []}
    imap = mssante.imap("pharmacy")
    imap.select("INBOX")
    imap.store("1", "+FLAGS", "$mss_delivree")
    assert patient.ok("GET", "/pharmacies/visited") == {"pharmacies": [LILAS]}


async def test_a_visit_is_forgotten_after_a_year_and_a_setting_counts_whoever_was_written_to(inside: Inside) -> None:
    clock = FixedClock(datetime.now(UTC))
    async with inside(clock) as stack:

        def visit() -> None:
            with Visitor.of(stack.running, "patient") as visitor:
                visitor.send(pharmacy="990000010", text="Bonjour")
            mssante = Mssante(stack.running)
            mssante.imap("pharmacy").store("1", "+FLAGS", "$mss_delivree")
            mssante.close()
            for passed, expected in ((timedelta(days=364, hours=23), [LILAS]), (timedelta(days=1), [])):
                clock.advance(passed)
                assert visited(stack.running) == expected

        await asyncio.to_thread(visit)
    async with inside(clock, visited="written") as stack:
        assert await asyncio.to_thread(visited, stack.running) == [LILAS]
