"""The only place that reads the wall clock.

Services receive a `Clock`; what is pure receives an instant. So a run with a
fixed clock can be repeated to the octet.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "FixedClock", "SystemClock"]


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that moves only when told to."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """The instant it was set to, plus every `advance` since."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """`now` is later by `by` from here on."""
        self._at += by
