"""The store fails between two steps: what was done is told as done, and not done again."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from mssante_sim.storage.errors import StoreFull
from mssante_sim.storage.sqlite.store import SqliteStore
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.visitor import Visitor


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Flags that the store has no room for, as long as they are here."""
    flags: set[str] = set()
    real = SqliteStore.change_flags

    async def change_flags(self: SqliteStore, folder: Any, uids: Any, change: Any) -> Any:
        if flags & set(change.flags):
            raise StoreFull("The disk is full.")
        return await real(self, folder, uids, change)

    monkeypatch.setattr(SqliteStore, "change_flags", change_flags)
    return flags


def count(mssante: Mssante, who: str) -> int:
    return int(mssante.imap(who).select("INBOX")[1][0] or b"0")


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_message_that_went_is_sent_even_if_its_draft_cannot_be_discarded(
    inside: Inside, unset: set[str], restarted: bool
) -> None:
    def before(mssante: Mssante) -> tuple[str, str]:
        with Visitor.of(mssante.running, "patient") as visitor:
            draft = visitor.draft(pharmacy=mssante.account("pharmacy").identifier, text="Bonjour.")["id"]
            unset.add("\\Deleted")
            sent = visitor.ok("POST", f"/drafts/{draft}/send")
            assert visitor.ok("POST", f"/drafts/{draft}/send") == sent
            unset.clear()
            if not restarted:
                again(visitor, draft, sent["message_id"])
            assert count(mssante, "pharmacy") == 1
        mssante.close()
        return draft, sent["message_id"]

    def again(visitor: Visitor, draft: str, message_id: str) -> None:
        assert visitor.ok("POST", f"/drafts/{draft}/send")["message_id"] == message_id
        assert visitor.ok("GET", "/drafts")["drafts"] == []

    def after(mssante: Mssante, told: Iterable[str]) -> None:
        with Visitor.of(mssante.running, "patient") as visitor:
            again(visitor, *told)
        assert count(mssante, "pharmacy") == 1
        mssante.close()

    async with inside() as stack:
        told = await asyncio.to_thread(before, Mssante(stack.running))
    if restarted:
        async with inside() as stack:
            await asyncio.to_thread(after, Mssante(stack.running), told)
