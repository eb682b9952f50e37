"""Dates of a search: a prefix and an instant as exact as it is written.  [FHIR R4 §3.1.1.4.4]"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from mssante_sim.errors import SimulatorError

__all__ = ["Period", "PeriodError", "instant_of", "period_of"]

_WRITTEN: Final = re.compile(
    r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.[0-9]{1,9})?)?"
    r"(?P<zone>Z|[ +-][0-9]{2}:[0-9]{2})?)?)?)?"
)
_ABOUT: Final = timedelta(days=1)  # what "approximately" adds on either side  [our choice]


class PeriodError(SimulatorError):
    """The text is no date of a search."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin` up to, but without, `end`, and how an instant stands to it; `ap` is `eq` of a wider one."""

    prefix: str
    begin: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether an instant answers it."""
        return _HOLDS[self.prefix](self, at)


_HOLDS: Final[Mapping[str, Callable[[Period, datetime], bool]]] = {
    "eq": lambda period, at: period.begin <= at < period.end,
    "ne": lambda period, at: not period.begin <= at < period.end,
    "gt": lambda period, at: at >= period.end,
    "sa": lambda period, at: at >= period.end,
    "lt": lambda period, at: at < period.begin,
    "eb": lambda period, at: at < period.begin,
    "ge": lambda period, at: at >= period.begin,
    "le": lambda period, at: at < period.end,
    "ap": lambda period, at: period.begin <= at < period.end,
}


def period_of(text: str) -> Period:
    """What `text`, a year, a month, a day, a minute or a second, spans; without a zone it is UTC.

    Raises:
        PeriodError: it is no date.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise PeriodError(f"{text[:40]!r} is no date such as ge2026-11-25 or lt2026-11-25T08:30:00Z")
    parts = written.groupdict()
    units = ("year", "month", "day", "hour", "minute", "second")
    given = [int(parts[unit]) for unit in units if parts[unit] is not None]
    zone = (parts["zone"] or "Z").replace(" ", "+")  # a plus that the query string did not escape
    prefix = parts["prefix"] or "eq"
    about = _ABOUT if prefix == "ap" else timedelta(0)
    try:
        begin = datetime.fromisoformat(_iso(given) + zone).astimezone(UTC)
        return Period(prefix, begin - about, _end(begin, len(given)) + about)
    except (ValueError, OverflowError) as error:
        raise PeriodError(f"{text[:40]!r} is a date that no calendar has") from error


def instant_of(text: str) -> datetime:
    """What a resource says of its last update."""
    return datetime.fromisoformat(text)


def _iso(given: list[int]) -> str:
    year, month, day, hour, minute, second = given + [1, 1, 1, 0, 0, 0][len(given) :]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def _end(begin: datetime, precision: int) -> datetime:
    match precision:
        case 1:
            return begin.replace(year=begin.year + 1)
        case 2:
            return (begin.replace(day=28) + timedelta(days=4)).replace(day=1)
        case 3:
            return begin + timedelta(days=1)
        case 5:
            return begin + timedelta(minutes=1)
    return begin + timedelta(seconds=1)
