"""Since when, as every French command takes it; apart, because the patient's commands need no mail program."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar

import click

from mssante_sim.clock import SystemClock

__all__ = ["since_option"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_UNITS: Final = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "j": timedelta(days=1)}
_AGO: Final = re.compile(r"(\d{1,5}) ?(min|h|j)")


def _as_instant(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    text = value.strip().lower()
    if ago := _AGO.fullmatch(text):
        return SystemClock().now() - int(ago[1]) * _UNITS[ago[2]]
    day = "-".join(reversed(text.split("/"))) if "/" in text else text
    try:
        return datetime.combine(date.fromisoformat(day), time()).astimezone()
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"« {value} » n'est pas une date ; écrivez 2026-11-25, 25/11/2026, 7j, 3h ou 30min."
        ) from error


def since_option(command: _Command) -> _Command:
    """`--since`, passed as `since: datetime | None`."""
    return click.option(
        "--since", metavar="DATE", callback=_as_instant, help="Depuis ce jour, ou depuis 7j, 3h, 30min."
    )(command)
