"""The store fails between two steps: what was done is told as done, and not done again."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from mssante_sim.storage.errors import StoreFull
from mssante_sim.storage.sqlite.store import SqliteStore
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.pharmacy import answer
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


async def test_a_receipt_whose_sending_could_not_be_noted_does_not_go_again(inside: Inside, unset: set[str]) -> None:
    def before(mssante: Mssante) -> str:
        box = mssante.account("pharmacy")
        with Visitor.of(mssante.running, "patient") as visitor:
            sent = visitor.send(pharmacy=box.identifier, text="Bonjour.")["message_id"]
            answer(mssante, sent, extra=[("Disposition-Notification-To", box.address)])
            (identity,) = visitor.ok("GET", "/notifications", params={"after": "0-0"})["messages"]
            unset.add("$MDNSent")
            visitor.no("GET", f"/messages/{identity}")
        assert count(mssante, "pharmacy") == 2, "the patient's message and the receipt"
        mssante.close()
        return str(identity)

    def after(mssante: Mssante, identity: str) -> None:
        with Visitor.of(mssante.running, "patient") as visitor:
            assert visitor.ok("GET", f"/messages/{identity}")["receipt"] == "returned"
        assert count(mssante, "pharmacy") == 2
        assert b"$MDNSent" in mssante.imap("patient").fetch("1", "(FLAGS)")[1][0]  # type: ignore[operator]
        mssante.close()

    async with inside() as stack:
        identity = await asyncio.to_thread(before, Mssante(stack.running))
    unset.clear()
    async with inside() as stack:
        await asyncio.to_thread(after, Mssante(stack.running), identity)


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
