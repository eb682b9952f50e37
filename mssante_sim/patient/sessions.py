"""Who is signed in: tokens known by their hashes only, in memory, until they are not used for a while."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mssante_sim.clock import Clock
from mssante_sim.patient.house import Recent

__all__ = ["Attempts", "Held", "Sessions"]

_TOKEN_OCTETS: Final = 32
_MOST_LOGINS: Final = 10_000  # whose failed attempts are remembered
_MINUTE: Final = timedelta(minutes=1)


@dataclass(slots=True)
class Held:
    """A session: whose it is, and until when it lasts if nothing more is asked."""

    login: str
    account: str  # address
    is_patient: bool
    expires: datetime


class Sessions:
    """Sessions that last `minutes` from their last use, at most `most` of one account."""

    def __init__(self, clock: Clock, *, minutes: int, most: int) -> None:
        self._clock = clock
        self._lasting = timedelta(minutes=minutes)
        self._most = most
        self._held: dict[bytes, Held] = {}

    def open(self, login: str, account: str, *, is_patient: bool) -> tuple[str, Held]:
        """A new token and its session; the account's session unused for longest may have ended for it."""
        self._forget_expired()
        own = sorted((held.expires, key) for key, held in self._held.items() if held.account == account)
        for _, key in own[: max(0, len(own) - self._most + 1)]:
            del self._held[key]
        token = secrets.token_urlsafe(_TOKEN_OCTETS)
        held = Held(login, account, is_patient, self._clock.now() + self._lasting)
        self._held[_hash(token)] = held
        return token, held

    def find(self, token: str) -> Held | None:
        """The session of `token`, which lasts anew; None if there is none, or none any more."""
        held = self._held.get(_hash(token))
        if held is None:
            return None
        now = self._clock.now()
        if held.expires <= now:
            del self._held[_hash(token)]
            return None
        held.expires = now + self._lasting
        return held

    def close(self, token: str) -> None:
        """`token` opens nothing."""
        self._held.pop(_hash(token), None)

    def _forget_expired(self) -> None:
        now = self._clock.now()
        self._held = {key: held for key, held in self._held.items() if held.expires > now}


class Attempts:
    """Counts failed attempts to sign in; an unknown login counts like any other.

    Who knows a login can keep its owner waiting for a minute; guessing a password costs more.  [our choice]
    """

    def __init__(self, clock: Clock, *, a_minute: int) -> None:
        self._clock = clock
        self._most = a_minute
        self._failed: Recent[str, tuple[datetime, int]] = Recent(_MOST_LOGINS)

    def admit(self, login: str) -> bool:
        """Whether `login` may be tried now; the attempt counts as failed until `forgive`."""
        now = self._clock.now()
        since, count = self._failed.get(login) or (now, 0)
        if now - since >= _MINUTE:
            since, count = now, 0
        if count >= self._most:
            return False
        self._failed.put(login, (since, count + 1))
        return True

    def forgive(self, login: str) -> None:
        """It was the right password."""
        self._failed.drop(login)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
