"""Options that several commands share, and the way they print."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mssante_sim.config import default_home

__all__ = ["as_json_option", "home_option", "print_json"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def home_option(command: _Command) -> _Command:
    """`--home DIR`, passed as `home: Path`, absolute."""
    return click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="MSSANTE_SIM_HOME",
        default=default_home,
        show_default=False,
        callback=lambda _ctx, _param, value: value.expanduser().absolute(),
        help="Where state lives (default: MSSANTE_SIM_HOME, else the platform's per-user data directory).",
    )(command)


def as_json_option(command: _Command) -> _Command:
    """`--json`, passed as `as_json: bool`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(value: object) -> None:
    """`value` on standard output, readable, accents kept."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
