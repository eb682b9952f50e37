"""A disk that is full: a French sentence, nothing lost, nothing sent twice once there is room again."""

import asyncio
from collections.abc import Iterator
from functools import partial

import apsw
import pytest

from mssante_sim.storage.sqlite.store import SqliteStore
from mssante_sim.testing import Mssante
from tests.ill_disk import Disk
from tests.mes.conftest import Inside
from tests.mes.visitor import PDF, Visitor, form


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Where the mail of every stack in this test lies."""
    disk = Disk("fulldisk")
    monkeypatch.setattr("mssante_sim.stack.SqliteStore.open", partial(SqliteStore.open, vfs="fulldisk"))
    yield disk
    disk.unregister()


async def test_what_was_written_is_kept_and_goes_once_when_there_is_room_again(disk: Disk, inside: Inside) -> None:
    def before(mssante: Mssante) -> str:
        with Visitor.of(mssante.running, "patient") as visitor:
            draft = visitor.draft(pharmacy=mssante.account("pharmacy").identifier, text="Bonjour.")["id"]
            disk.ill[("write", "wal")] = apsw.FullError("full")
            answer = visitor.ask("POST", f"/drafts/{draft}/send")
            assert (answer.status_code, answer.json()["error"]) == (503, "disk-full")
            assert "n'a plus de place" in answer.json()["sentence"]
            assert "brouillon est conservé" in answer.json()["sentence"]
            assert visitor.no("POST", "/documents", params={"name": "a.pdf"}, content=PDF) == (507, "disk-full")
            fields = {"pharmacy": mssante.account("pharmacy").identifier, "text": "Autre chose."}
            assert visitor.no("POST", "/drafts", **form(fields))[0] == 507
            assert [one["id"] for one in visitor.ok("GET", "/drafts")["drafts"]] == [draft]
            return str(draft)

    def after(mssante: Mssante, draft: str) -> None:
        with Visitor.of(mssante.running, "patient") as visitor:
            visitor.ok("POST", f"/drafts/{draft}/send")
            visitor.ok("POST", f"/drafts/{draft}/send")
        assert mssante.imap("pharmacy").select("INBOX")[1] == [b"1"]
        mssante.close()

    async with inside() as stack:
        draft = await asyncio.to_thread(before, Mssante(stack.running))
    disk.ill.clear()
    async with inside() as stack:
        await asyncio.to_thread(after, Mssante(stack.running), draft)
