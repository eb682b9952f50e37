"""Whatever is sent in whatever state, a whole session over a real store goes on or hangs up, and says only IMAP."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mssante_sim.imap.core.commands import Command, Login, Logout
from tests.fuzz.targets import STATES, House, readable
from tests.fuzz.test_imap_grammar import CLIENTS, TOKENS
from tests.imap_core.commands_made import commands
from tests.imap_core.wire import written


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = House(tmp_path_factory.mktemp("fuzz"))
    yield opened
    opened.close()


stays = commands.filter(lambda command: not isinstance(command, Login | Logout))
pieces = st.lists(st.sampled_from([*TOKENS, *CLIENTS]) | stays.map(written), min_size=1, max_size=12)


@pytest.mark.parametrize("state", STATES)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(octets=pieces.map(b" ".join))
def test_anything_in_any_state(house: House, state: str, octets: bytes) -> None:
    readable(house.converse(state, b"a " + octets + b"\r\n"))


@pytest.mark.parametrize("state", [state for state in STATES if not state.startswith("in ")])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(made=st.lists(stays, min_size=1, max_size=4))
def test_every_command_in_every_state_is_answered(house: House, state: str, made: list[Command]) -> None:
    """Each gets its tagged answer, or an end that is said."""
    octets = b""
    for number, command in enumerate(made):
        _, _, rest = written(command).partition(b" ")
        octets += b"x%d " % number + rest
        if rest.upper().startswith((b"IDLE", b"AUTHENTICATE")):
            octets += b"DONE\r\n"
    said = house.converse(state, octets)
    readable(said)
    if b"* BYE" not in said:
        for number in range(len(made)):
            assert re.search(rb"(?:\A|\r\n)x%d (?:OK|NO|BAD) " % number, said)
