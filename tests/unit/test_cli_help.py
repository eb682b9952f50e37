"""Every command has a help text; a French one is French throughout."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from mssante_sim.cli.francais import in_french
from mssante_sim.cli.main import root


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY = dict(commands(root))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_a_command_explains_itself(path: tuple[str, ...]) -> None:
    outcome = CliRunner().invoke(root, [*path, "--help"])
    assert outcome.exit_code == 0, outcome.output
    assert EVERY[path].help


@pytest.mark.parametrize("path", [path for path in EVERY if in_french(click.Context(EVERY[path]))], ids=" ".join)
def test_a_french_command_says_nothing_in_english(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(root, [*path, "--help"]).output
    english = (
        "Usage:",
        "Show this",
        "Commands:",
        "[required]",
        "[default",
        "Print JSON",
        "Where state",
        "DIRECTORY",
        " TEXT ",
        " PATH ",
        "INTEGER",
    )
    assert not [words for words in english if words in text]
    assert not [one.name for one in EVERY[path].params if isinstance(one, click.Option) and not one.help]


def test_patients_pharmacies_and_prescribers_are_spoken_to_in_french() -> None:
    french = {path[0] for path in EVERY if in_french(click.Context(EVERY[path]))}
    assert french == {"patient", "pharmacy", "prescriber"}
    assert not [path for path in EVERY if path[0] in french and not in_french(click.Context(EVERY[path]))]
