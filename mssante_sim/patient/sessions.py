"""Who is signed in: tokens known by their hashes only, in memory, until they are not used for a while."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mssante_sim.clock import Clock

__all__ = ["Held", "Sessions"]

_TOKEN_OCTETS: Final = 32


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


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
