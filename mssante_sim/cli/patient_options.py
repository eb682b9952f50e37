"""What the commands of a patient share: who acts, dates, categories."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final, TypeVar, get_args

import click

from mssante_sim.cli.completing import pharmacies, signed_in
from mssante_sim.patient.api import CategoryCode

__all__ = [
    "LINE", "as_patient_option", "category_option", "dated_option", "name_option", "pharmacy_options", "place_option",
]  # fmt: skip

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Line(click.ParamType[str]):
    """A text on one line, which the service would refuse without saying which one it was."""

    name = "text"

    def __init__(self, most: int) -> None:
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        if len(text) > self._most or not text.isprintable():
            self.fail(f"{self._most} caractères au plus, sur une seule ligne.", param, ctx)
        return text


LINE: Final = _Line(200)
"""A title, an author, a subject."""

_PLACE: Final = _Line(100)  # [ENS Messagerie V1.3]
_CATEGORIES: Final = get_args(CategoryCode)
_DAY: Final = click.DateTime(["%Y-%m-%d", "%d/%m/%Y"])


def as_patient_option(command: _Command) -> _Command:
    """`--as PATIENT`, passed as `who`."""
    return click.option(
        "--as",
        "who",
        metavar="PATIENT",
        shell_complete=signed_in,
        help="Le patient, s'ils sont plusieurs connectés : son INS ou une partie de son nom.",
    )(command)


def category_option(text: str) -> Callable[[_Command], _Command]:
    """`--category CODE`, passed as `category`."""
    codes = click.Choice(_CATEGORIES)
    return click.option("--category", type=codes, metavar="CATÉGORIE", help=f"{text} {', '.join(_CATEGORIES)}.")


def _day(_ctx: click.Context, _param: click.Parameter, value: Any) -> date | None:
    return None if value is None else value.date()


def dated_option(command: _Command) -> _Command:
    """`--dated DATE`, passed as `dated: date | None`."""
    return click.option("--dated", type=_DAY, callback=_day, metavar="DATE", help="La date du document.")(command)


def name_option(text: str) -> Callable[[_Command], _Command]:
    """`--name TEXT`, passed as `name`."""
    return click.option("--name", type=_PLACE, help=text)


def place_option(text: str) -> Callable[[_Command], _Command]:
    """`--place TEXT`, passed as `place`."""
    return click.option("--place", type=_PLACE, help=text)


def pharmacy_options(command: _Command) -> _Command:
    """`--pharmacy`, `--name` and `--place`, passed as `finess`, `name` and `place`."""
    for option in (
        place_option("Cherche la pharmacie par son lieu : ville, département ou code postal."),
        name_option("Cherche la pharmacie par son nom."),
        click.option(
            "--pharmacy",
            "finess",
            metavar="FINESS",
            shell_complete=pharmacies,
            help="La pharmacie, par son numéro FINESS, sans question.",
        ),
    ):
        command = option(command)
    return command
