"""Whatever is sent in whatever state, a whole session over a real store goes on or hangs up, and says only IMAP."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mssante_sim.clock import SystemClock
from mssante_sim.imap.core.commands import Command, Login, Logout
from mssante_sim.message.summary import summarise
from mssante_sim.storage.api import NewMessage
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.fuzz.test_imap_grammar import CLIENTS, TOKENS
from tests.imap_core.commands_made import commands
from tests.imap_core.wire import written
from tests.scenarios.matching import read_items
from tests.scenarios.ours import PASSWORD, CoreServer, services_over

ACCOUNT = "lilas@officine.mssante.test"
LOGIN = f"l LOGIN {ACCOUNT} {PASSWORD}\r\n".encode()
STATES = {
    "fresh": b"",
    "logged in": LOGIN,
    "selected": LOGIN + b"s SELECT INBOX\r\n",
    "read-only, all on": LOGIN + b"e ENABLE QRESYNC IMAP4rev2\r\ns EXAMINE INBOX\r\n",
}
MESSAGES = (
    b"Subject: a\r\n\r\nabc\r\n",
    b"",
    b"no header at all",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nx",
    b"Content-Transfer-Encoding: x-own\r\nFrom: \xff <a\0b@c>\r\nDate: never\r\nReferences: <a@b><c@\r\n\r\n\0",
)
_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


class House:
    """One store and its loop, for all examples."""

    def __init__(self, home: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._open(home))

    async def _open(self, home: Path) -> None:
        self.store = SqliteStore.open(home, clock=SystemClock())
        await self.store.open_account(ACCOUNT)
        inbox = await self.store.find_folder(ACCOUNT, "INBOX")
        now = SystemClock().now()
        await self.store.append(inbox.id, [NewMessage(one, summarise(one), now) for one in MESSAGES])
        self.server = CoreServer(services_over(self.store))

    def converse(self, octets: bytes) -> bytes:
        """All that the server says to `octets`; raises what nobody foresaw."""
        return self.loop.run_until_complete(self._converse(octets))

    async def _converse(self, octets: bytes) -> bytes:
        stream = await self.server.connect()
        await stream.write(octets)
        said = await stream.settled()
        await stream.close()
        return said

    def close(self) -> None:
        """Everything is closed."""
        self.loop.run_until_complete(self.store.close())
        self.loop.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = House(tmp_path_factory.mktemp("fuzz"))
    yield opened
    opened.close()


def check(said: bytes) -> None:
    """`said` is whole responses that a client can read."""
    while said:
        end = said.index(b"\r\n") + 2
        while literal := _LITERAL.search(said[:end]):
            end = said.index(b"\r\n", end + int(literal[1])) + 2
        response, said = said[:end], said[end:]
        tag, _, rest = response.removesuffix(b"\r\n").partition(b" ")
        assert tag
        if tag != b"+":
            read_items(rest)


stays = commands.filter(lambda command: not isinstance(command, Login | Logout))
pieces = st.lists(st.sampled_from([*TOKENS, *CLIENTS]) | stays.map(written), min_size=1, max_size=12)


@pytest.mark.parametrize("state", STATES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(octets=pieces.map(b" ".join))
def test_anything_in_any_state(house: House, state: str, octets: bytes) -> None:
    check(house.converse(STATES[state] + b"a " + octets + b"\r\n"))


@pytest.mark.parametrize("state", STATES)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(stays, min_size=1, max_size=4))
def test_every_command_in_every_state_is_answered(house: House, state: str, made: list[Command]) -> None:
    """Each gets its tagged answer, or an end that is said."""
    octets = STATES[state]
    for number, command in enumerate(made):
        _, _, rest = written(command).partition(b" ")
        octets += b"x%d " % number + rest
        if rest.upper().startswith((b"IDLE", b"AUTHENTICATE")):
            octets += b"DONE\r\n"
    said = house.converse(octets)
    check(said)
    if b"* BYE" not in said:
        for number in range(len(made)):
            assert re.search(rb"(?:\A|\r\n)x%d (?:OK|NO|BAD) " % number, said)
