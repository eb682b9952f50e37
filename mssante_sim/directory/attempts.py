"""How often a login may fail."""

from datetime import datetime, timedelta
from typing import Final

from mssante_sim.clock import Clock
from mssante_sim.recent import Recent

__all__ = ["Attempts"]

_MOST: Final = 10_000  # whose failed attempts are remembered
_MINUTE: Final = timedelta(minutes=1)


class Attempts:
    """Counts failed attempts to log in, of whatever `who` names; what exists counts like what does not.

    Who fails on another's behalf keeps the owner waiting for a minute; guessing a password costs more.  [our choice]
    """

    def __init__(self, clock: Clock, *, a_minute: int) -> None:
        self._clock = clock
        self._most = a_minute
        self._failed: Recent[str | tuple[str, str], tuple[datetime, int]] = Recent(_MOST)

    def spent(self, who: str | tuple[str, str]) -> bool:
        """Whether `who` may not be tried now."""
        return self._recent(who)[1] >= self._most

    def admit(self, who: str | tuple[str, str]) -> bool:
        """Whether `who` may be tried now; the attempt counts as failed until `forgive`."""
        since, count = self._recent(who)
        if count >= self._most:
            return False
        self._failed.put(who, (since, count + 1))
        return True

    def forgive(self, who: str | tuple[str, str]) -> None:
        """It was the right password."""
        self._failed.drop(who)

    def _recent(self, who: str | tuple[str, str]) -> tuple[datetime, int]:
        """Since when failures are counted, and how many there were."""
        now = self._clock.now()
        since, count = self._failed.get(who) or (now, 0)
        return (now, 0) if now - since >= _MINUTE else (since, count)
