"""What arrives is announced once."""

import asyncio

import pytest

from mssante_sim.patient.letters import Letter, Letters
from mssante_sim.testing import Mssante
from tests.mes.conftest import Inside
from tests.mes.pharmacy import answer
from tests.mes.visitor import Visitor


async def test_what_arrives_while_news_are_gathered_is_announced_once(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[str] = []
    real = Letters.received_after

    async with inside() as stack:
        mssante = Mssante(stack.running)

        async def received_after(self: Letters, account: str, uid: int) -> list[Letter]:
            while late:
                await asyncio.to_thread(answer, mssante, late.pop())
            return await real(self, account, uid)

        monkeypatch.setattr(Letters, "received_after", received_after)

        def play() -> None:
            with Visitor.of(stack.running, "patient") as visitor:
                sent = visitor.send(pharmacy=mssante.account("pharmacy").identifier, text="Bonjour.")["message_id"]
                answer(mssante, sent)
                late.append(sent)
                news = visitor.ok("GET", "/notifications", params={"after": "0-0"})
                later = visitor.ok("GET", "/notifications", params={"after": news["after"]})
                told = news["messages"] + later["messages"]
                assert len(told) == len(set(told)) == 2
            mssante.close()

        await asyncio.to_thread(play)
