"""A refusal says in its code why, so that a program can act on it [RFC 5530 §3]."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.scenarios.ours import CoreServer, services_over
from tests.unit.imap_talk import Talk

ACCOUNT = "lilas@officine.mssante.test"
LARGE = b"APPEND INBOX {1000+}\r\n" + b"Subject: large\r\n\r\n".ljust(1000, b"x")
REFUSALS: list[tuple[bytes, bytes]] = [
    (b"SELECT Missing", b"NONEXISTENT"),
    (b"EXAMINE Missing", b"NONEXISTENT"),
    (b"STATUS Missing (MESSAGES)", b"NONEXISTENT"),
    (b"DELETE Missing", b"NONEXISTENT"),
    (b"RENAME Missing Other", b"NONEXISTENT"),
    (b"SUBSCRIBE Missing", b"NONEXISTENT"),
    (b"GETQUOTA Missing", b"NONEXISTENT"),
    (b"CREATE Sent", b"ALREADYEXISTS"),
    (b"CREATE inbox", b"ALREADYEXISTS"),
    (b"RENAME Sent Archive", b"ALREADYEXISTS"),
    (b"RENAME Sent INBOX", b"ALREADYEXISTS"),
    (b"RENAME Sent Sent/Child", b"CANNOT"),
    (b"DELETE INBOX", b"CANNOT"),
    (b"CREATE a//b", b"CANNOT"),
    (b'CREATE ""', b"CANNOT"),
    (b'CREATE "a*b"', b"CANNOT"),
    (b"CREATE " + b"x" * 10_000, b"CANNOT"),
    (b"CREATE " + b"/".join([b"x"] * 1_000), b"CANNOT"),
    (b"SETQUOTA INBOX (STORAGE 1)", b"NOPERM"),
    (LARGE, b"OVERQUOTA"),
    (b"APPEND Missing {1+}\r\nx", b"TRYCREATE"),
    (b"STORE 1 +FLAGS (%b)" % (b"k" * 256), b"LIMIT"),
    (b"APPEND Sent {100000000}", b"TOOBIG"),
]


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    """A client of an account that may hold little, and holds one message."""
    store = SqliteStore.open(tmp_path, clock=SystemClock(), quota_octets=500)
    await store.open_account(ACCOUNT)
    client = await Talk.begin(CoreServer(services_over(store)), ACCOUNT)
    await client.ask("APPEND INBOX {17+}\r\nSubject: a\r\n\r\nabc")
    await client.ask("SELECT INBOX")
    yield client
    await client.close()
    await store.close()


async def test_each_refusal_has_its_code_and_changes_nothing(talk: Talk) -> None:
    before = await talk.ask('LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT SIZE))')
    for command, code in REFUSALS:
        said = await talk.ask(command)
        if b"SELECT" in command or b"EXAMINE" in command:
            await talk.ask("SELECT INBOX")
        assert said.splitlines()[-1].startswith(b"t NO [%b] " % code), (command[:40], said)
    assert await talk.ask('LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT SIZE))') == before


async def test_a_copy_to_a_full_account_or_to_nowhere_has_its_code(talk: Talk) -> None:
    for _ in range(28):
        await talk.ask("COPY 1 Sent")
    for verb in (b"COPY", b"UID COPY"):
        assert (await talk.ask(verb + b" 1 Sent")).startswith(b"t NO [OVERQUOTA] ")
        assert (await talk.ask(verb + b" 1 Missing")).startswith(b"t NO [TRYCREATE] ")
    assert (await talk.ask("MOVE 1 Missing")).startswith(b"t NO [TRYCREATE] ")
    assert b"* 1 EXPUNGE" in await talk.ask("MOVE 1 Sent")  # what stays in the account is no more than before
