"""Whatever command can exist can be sent, and is understood as it was meant."""

from hypothesis import given, settings

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.parse import parse
from tests.imap_core.commands_made import commands
from tests.imap_core.wire import frame, written


@settings(max_examples=400, deadline=None)
@given(commands)
def test_a_command_survives_the_wire(command: c.Command) -> None:
    assert parse(frame(written(command))) == command
