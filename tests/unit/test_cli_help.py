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
LEAVES = {path: command for path, command in EVERY.items() if not isinstance(command, click.Group)}

WITHOUT_JSON = {
    ("certs", "lock"): "prints what comes next",
    ("certs", "unlock"): "prints what comes next",
    ("completion",): "prints a script",
    ("demo", "documents"): "writes files",
    ("pharmacy", "thunderbird"): "runs another program",
    ("reset",): "prints nothing",
    ("up",): "runs; --ready-file is its JSON",
    ("wait",): "prints nothing but JSON",
}
"""What prints no facts, or nothing else than JSON."""


def options(command: click.Command) -> set[str]:
    return {name for one in command.params for name in one.opts}


def test_every_command_that_prints_facts_prints_them_as_json_too() -> None:
    assert {path for path, command in LEAVES.items() if "--json" not in options(command)} == set(WITHOUT_JSON)


def test_no_command_of_the_patient_takes_a_password_as_an_argument() -> None:
    named = {
        (path, name): one.is_flag
        for path, command in LEAVES.items()
        if path[0] in ("patient", "prescriber")
        for one in command.params
        if isinstance(one, click.Option)
        for name in one.opts
        if any(word in name for word in ("pass", "secret", "pin", "token", "mot-de"))
    }
    assert set(named) == {
        (("patient", "sign-in"), "--password-stdin"), (("prescriber", "deposit"), "--password-stdin"),
    }  # fmt: skip
    assert all(named.values()), "a flag has no value"


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
