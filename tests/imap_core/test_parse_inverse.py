"""Whatever command can exist can be sent, and is understood as it was meant."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.parse import parse
from tests.imap_core.commands_made import commands
from tests.imap_core.wire import frame, string, written


@settings(max_examples=400, deadline=None)
@given(commands)
def test_a_command_survives_the_wire(command: c.Command) -> None:
    assert parse(frame(written(command))) == command


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
def test_a_name_in_utf8_is_as_it_is(name: str) -> None:
    """No shift, no normal form; but INBOX is INBOX [RFC 9051 §5.1]."""
    found = parse(frame(b"a DELETE " + string(name.encode()) + b"\r\n"), utf8_names=True)
    assert found == c.Delete("a", "INBOX" if name.upper() == "INBOX" else name)
