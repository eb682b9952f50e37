"""The extraction of the day over HTTP."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from mssante_sim.clock import FixedClock
from mssante_sim.directory.daily import DailyExtraction
from mssante_sim.directory.extraction import import_extraction
from mssante_sim.directory.store import Directory
from tests.directory.made_extraction import made_text, zipped

PATH = "/annuaire-sante-webservices/V300/services/extraction/Extraction_Correspondance_MSSante"


@pytest.fixture
def daily(directory: Directory, tmp_path: Path, clock: FixedClock) -> DailyExtraction:
    return DailyExtraction(tmp_path / "home", clock)


@pytest.fixture
async def browser(daily: DailyExtraction) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=daily.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://annuaire.test") as client:
        yield client


def text(octets: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(octets)) as archive:
        (name,) = archive.namelist()
        return archive.read(name).decode()


async def test_the_head_tells_name_and_size_and_the_body_is_the_zip(browser: httpx.AsyncClient) -> None:
    head = await browser.head(PATH)
    assert (
        head.headers["content-disposition"] == "attachment; filename=Extraction_Correspondance_MSSante_202611250830.zip"
    )
    got = await browser.get(PATH)
    assert (head.status_code, len(got.content)) == (200, int(head.headers["content-length"]))
    assert "pharmacie.lilas." in text(got.content)


async def test_a_change_shows_in_the_next_one_or_when_asked_for(
    browser: httpx.AsyncClient, daily: DailyExtraction, directory: Directory, clock: FixedClock
) -> None:
    await browser.get(PATH)
    directory.set_open("990000010", on=False)
    clock.advance(timedelta(hours=15))  # still the same day
    assert "pharmacie.lilas." in text((await browser.get(PATH)).content)
    clock.advance(timedelta(hours=1))
    assert "pharmacie.lilas." not in text((await browser.get(PATH)).content)
    directory.set_open("990000010", on=True)
    assert "pharmacie.lilas." not in text((await browser.get(PATH)).content)
    clock.advance(timedelta(minutes=1))
    assert daily.publish().name == "Extraction_Correspondance_MSSante_202611260031.zip"
    assert "pharmacie.lilas." in text((await browser.get(PATH)).content)
    assert len(list(daily.current().parent.iterdir())) == 1


async def test_all_who_come_while_it_is_made_get_the_same_whole_one(
    browser: httpx.AsyncClient, daily: DailyExtraction
) -> None:
    answers = await asyncio.gather(*(browser.get(PATH) for _ in range(12)))
    assert {answer.content for answer in answers} == {daily.current().read_bytes()}
    assert "pharmacie.lilas." in text(answers[0].content)


async def test_one_that_cannot_be_made_is_told(browser: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "home" / "extractions").write_text("a file is in the way")
    assert ((await browser.get(PATH)).status_code, (await browser.head(PATH)).status_code) == (503, 503)


async def test_an_imported_list_is_not_given_away(
    browser: httpx.AsyncClient, directory: Directory, clock: FixedClock, tmp_path: Path
) -> None:
    (tmp_path / "list.zip").write_bytes(zipped(made_text(20)))
    import_extraction(directory, tmp_path / "list.zip", at=clock.now())
    answer = await browser.get(PATH)
    assert answer.status_code == 403
    assert "contains-real-directory" in answer.text
    assert list((tmp_path / "home" / "extractions").iterdir()) == []  # nothing half made
