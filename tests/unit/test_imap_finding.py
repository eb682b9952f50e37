"""A search finds the same, whether the store answers for all messages at once or each is looked at."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.base64mime import body_encode
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import example, given
from hypothesis import strategies as st

from mssante_sim.clock import SystemClock
from mssante_sim.imap.commands.matching import may_stand_in
from mssante_sim.message.headers import decode_words, pairs
from mssante_sim.message.summary import summarise
from mssante_sim.storage.api import NewMessage
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.scenarios.ours import CoreServer, services_over
from tests.unit.imap_talk import Talk

ACCOUNT = "lilas@officine.mssante.test"
COUNT = 450
START = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$one")


def written(number: int) -> NewMessage:
    """Each says what its number is divisible by, in an encoding of its own; one in ninety is large."""
    text = f"Bonjour {number % 5} Été\r\n" + "x" * (100_000 if number % 90 == 0 else 10)
    body = body_encode(text.encode()) if number % 2 else text
    octets = (
        f"From: =?utf-8?q?C=C3=A9dric?= <c{number % 7}@a.test>\r\nSubject: numéro\r\n {number % 3}\r\n"
        f"Date: {START + timedelta(days=number % 11):%a, %d %b %Y %H:%M:%S} +0000\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {'base64' if number % 2 else '8bit'}\r\n\r\n{body}"
    ).encode()
    flags = frozenset(flag for place, flag in enumerate(FLAGS, 2) if number % place == 0)
    return NewMessage(octets, summarise(octets), START + timedelta(hours=number), flags)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talk]:
    home: Path = tmp_path_factory.mktemp("finding")
    store = SqliteStore.open(home, clock=SystemClock())
    await store.open_account(ACCOUNT)
    inbox = await store.find_folder(ACCOUNT, "INBOX")
    await store.append(inbox.id, [written(number) for number in range(1, COUNT + 1)])
    session = await Talk.begin(CoreServer(services_over(store)), ACCOUNT)
    await session.ask("EXAMINE INBOX")
    yield session
    await session.close()
    await store.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("present", [10, 300], ids=["looked at one by one", "all at once"])
async def test_what_the_client_was_not_told_of_is_not_found(tmp_path: Path, present: int) -> None:
    store = SqliteStore.open(tmp_path, clock=SystemClock())
    await store.open_account(ACCOUNT)
    inbox = await store.find_folder(ACCOUNT, "INBOX")
    await store.append(inbox.id, [written(1)] * present)
    session = await Talk.begin(CoreServer(services_over(store)), ACCOUNT)
    await session.ask("EXAMINE INBOX")
    await store.append(inbox.id, [written(1)])
    said = await session.ask("UID SEARCH ALL")
    assert numbers(said) == [*range(1, present + 1)]
    assert b"* %d EXISTS" % (present + 1) in said
    await session.close()
    await store.close()


def numbers(said: bytes) -> list[int]:
    (line,) = re.findall(rb"\* SEARCH([ \d]*)", said)
    return list(map(int, line.split()))


def literal(text: str) -> str:
    return f"{{{len(text.encode())}+}}\r\n{text}"


KEYS = {
    "ALL": COUNT,
    "SEEN": 225,
    "UNSEEN ANSWERED": 75,
    "SEEN UNSEEN": 0,
    "NOT FLAGGED": 338,
    "KEYWORD $one": 64,
    "UNKEYWORD $ONE SEEN": 193,
    "OR SEEN ANSWERED": 300,
    "NOT (SEEN DELETED)": 405,
    "NEW": 225,
    "OLD SEEN": 0,
    "SINCE 5-Jan-2026": 378,
    "BEFORE 5-Jan-2026": 72,
    "ON 5-Jan-2026": 24,
    "NOT ON 5-Jan-2026": 426,
    "SEEN SINCE 5-Jan-2026 BEFORE 9-Jan-2026 SINCE 3-Jan-2026": 48,
    "SINCE 1-Jan-9999": 0,
    "BEFORE 31-Dec-9999": COUNT,
    "FROM c3@A.test": 64,
    f"FROM {literal('cédric')}": COUNT,
    f"SUBJECT {literal('NUMÉRO ')}": COUNT,
    'SUBJECT "o 2"': 150,
    "FROM zz": 0,
    "SENTON 5-Jan-2026": 41,
    'BODY "jour 3"': 90,
    f"BODY {literal('été')}": COUNT,
    "TEXT c3": 64,
    f"TEXT {literal('4 été')}": 90,
    'SEEN FROM c3 BODY "jour 3"': 6,
    'OR FROM c3 BODY "jour 3"': 141,
    'NOT BODY "jour 3"': 360,
    "LARGER 50000": 5,
    "MODSEQ 2 SEEN": 225,
    "1:430 SEEN": 215,
    "UID 20:* SEEN NOT UID 30": 215,
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("key", "count"), KEYS.items(), ids=KEYS)
async def test_all_at_once_is_as_one_by_one(talk: Talk, key: str, count: int) -> None:
    found = numbers(await talk.ask(f"UID SEARCH CHARSET UTF-8 {key}"))
    apart = [
        number
        for first in range(1, COUNT + 1, 150)
        for number in numbers(await talk.ask(f"UID SEARCH CHARSET UTF-8 {first}:{first + 149} {key}"))
    ]
    assert found == apart
    assert len(found) == count


PIECES = [
    b"From", b"subject", b":", b" ", b"\r\n", b"\r\n ", b"\n\t", b"Ab", b"c", b"=?utf-8?q?a=42?=", b"=?utf-8?b?YWI=?=",
    "ſß".encode(), b"\xe9", b"\0", b"\r",
]  # fmt: skip
TEXTS = ["ab", "c", "bc", " ", "s", "é", "", "abab", "b c"]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join), st.sampled_from(TEXTS))
@example(b"Subject: A\r\n b", "a b")
def test_a_header_that_is_passed_over_has_no_such_field(header: bytes, text: str) -> None:
    stands = any(text in decode_words(value).casefold() for _, value in pairs(header, 0, len(header)))
    assert may_stand_in(text)(header) >= stands
