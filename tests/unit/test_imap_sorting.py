"""SORT and THREAD of more messages than are handled in the loop."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.message.summary import summarise
from mssante_sim.storage.api import NewMessage
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.scenarios.ours import CoreServer, services_over
from tests.unit.imap_talk import Talk

ACCOUNT = "lilas@officine.mssante.test"
COUNT = 450
START = datetime(2026, 11, 2, tzinfo=UTC)


def written(number: int) -> bytes:
    """Every message answers the one three before it; subjects and dates go their own ways."""
    head = (
        f"From: {chr(97 + number * 7 % 26)}@a.test\r\nMessage-ID: <{number}@a.test>\r\n"
        f"Subject: Re: {number * 11 % 13}\r\n"
        f"Date: {START + timedelta(minutes=number * 37 % 101):%a, %d %b %Y %H:%M:%S} +0000\r\n"
    )
    parent = f"References: <{number - 3}@a.test>\r\n" if number > 3 else ""
    return (head + parent + "\r\nx\r\n").encode()


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    store = SqliteStore.open(tmp_path, clock=SystemClock())
    await store.open_account(ACCOUNT)
    inbox = await store.find_folder(ACCOUNT, "INBOX")
    made = [(START - timedelta(hours=number), written(number)) for number in range(1, COUNT + 1)]
    await store.append(inbox.id, [NewMessage(octets, summarise(octets), date) for date, octets in made])
    session = await Talk.begin(CoreServer(services_over(store)), ACCOUNT)
    await session.ask("SELECT INBOX")
    yield session
    await session.close()
    await store.close()


def numbers(said: bytes) -> list[int]:
    return list(map(int, re.findall(rb"\d+", said.splitlines()[0])))


async def test_the_first_criterion_counts_most_and_numbers_decide_the_rest(talk) -> None:
    said = await talk.ask("SORT (SUBJECT REVERSE FROM DATE) UTF-8 ALL")
    expected = sorted(
        range(1, COUNT + 1),
        key=lambda number: (str(number * 11 % 13), -(number * 7 % 26), number * 37 % 101, number),
    )
    assert numbers(said) == expected


async def test_arrival_and_its_reverse(talk) -> None:
    assert numbers(await talk.ask("SORT (ARRIVAL) UTF-8 ALL")) == list(range(COUNT, 0, -1))
    assert numbers(await talk.ask("SORT (REVERSE ARRIVAL) UTF-8 1:400")) == list(range(1, 401))


async def test_trees_hold_every_message_once(talk) -> None:
    for algorithm in ("REFERENCES", "ORDEREDSUBJECT"):
        said = await talk.ask(f"THREAD {algorithm} UTF-8 ALL")
        assert sorted(numbers(said)) == list(range(1, COUNT + 1))
    assert b" 1 4 7 10 13 " in (await talk.ask("THREAD REFERENCES UTF-8 ALL")).replace(b"(", b" ")
