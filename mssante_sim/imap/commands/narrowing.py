"""How much of a search key the columns of the store answer, for all messages at once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from mssante_sim.imap.core import search_keys as k
from mssante_sim.imap.core.search_keys import DateTest, SearchKey
from mssante_sim.storage.api import Criteria

__all__ = ["Narrowed", "narrow"]

_SYSTEM_FLAGS: Final = frozenset({"\\seen", "\\answered", "\\flagged", "\\deleted", "\\draft"})
_ANYTHING: Final = Criteria()


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A search key in two: what columns tell, and what is to be tested of each message that is left."""

    criteria: Criteria
    rest: SearchKey

    @property
    def helps(self) -> bool:
        """Whether asking the store for `criteria` leaves less to do."""
        return self.criteria != _ANYTHING or isinstance(self.rest, k.Always)


def narrow(key: SearchKey) -> Narrowed:
    """`key` in its two parts; numbers and UIDs count as told, for `matching.candidates` looks at them."""
    parts = key.keys if isinstance(key, k.And) else (key,)
    criteria, rest = _ANYTHING, []
    for part in parts:
        told = _told(part, criteria)
        if told is None:
            rest.append(part)
        else:
            criteria = told
    return Narrowed(criteria, _all(rest))


def _all(keys: list[SearchKey]) -> SearchKey:
    match keys:
        case []:
            return k.Always()
        case [only]:
            return only
        case _:
            return k.And(tuple(keys))


def _told(key: SearchKey, so_far: Criteria) -> Criteria | None:
    """`so_far` and `key` as criteria; None if columns do not tell it."""
    match key:
        case k.Always() | k.HasUid() | k.IsNumbered():
            return so_far
        case k.HasFlag(flag) if flag.lower() in _SYSTEM_FLAGS:
            return replace(so_far, present=so_far.present | {flag})
        case k.Not(k.HasFlag(flag)) if flag.lower() in _SYSTEM_FLAGS:
            return replace(so_far, absent=so_far.absent | {flag})
        case k.ReceivedDate(test, day) if date.min < day < date.max:
            first, after = _midnight(day), _midnight(day + timedelta(days=1))
            since = first if test is not DateTest.BEFORE else None
            before = {DateTest.BEFORE: first, DateTest.ON: after, DateTest.SINCE: None}[test]
            return replace(so_far, since=_last((so_far.since, since)), before=_first((so_far.before, before)))
        case _:
            return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _last(times: Iterable[datetime | None]) -> datetime | None:
    return max((one for one in times if one is not None), default=None)


def _first(times: Iterable[datetime | None]) -> datetime | None:
    return min((one for one in times if one is not None), default=None)
