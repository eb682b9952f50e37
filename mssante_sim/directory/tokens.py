"""Access tokens that open a mailbox: signed, for one audience and one login, for a while, and revocable at once.

A stand-in for those of Pro Santé Connect [Référentiel MSSanté #2 ECO.1.2.5]: to software under test a token is a
word that the server takes or refuses. It is a JWT [RFC 7519] under HMAC-SHA-256, and beside it a row of the directory
says that it is still good; nothing that is stored opens anything.
"""

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mssante_sim.clock import Clock
from mssante_sim.crypto.secret import Secret
from mssante_sim.sasl.bearer import SCOPE
from mssante_sim.storage.rows import Row, RowStore

__all__ = ["AUDIENCE", "Issued", "Tokens"]

AUDIENCE: Final = "mssante-sim"
_KIND: Final = "token"
_HEADER: Final = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")


@dataclass(frozen=True, slots=True)
class Issued:
    """What a token is for; not the token."""

    ident: str
    mailbox: str  # address
    login: str  # who acts, for traces
    audience: str
    issued: datetime
    expires: datetime


class Tokens:
    """Issues, judges and revokes the tokens of one home.

    Args:
        rows: where it is noted which are good; shared with other processes.
        key: at least 32 octets, the same for all processes of the home.
    """

    def __init__(self, rows: RowStore, key: bytes, clock: Clock) -> None:
        self._rows = rows
        self._key = key
        self._clock = clock

    def issue(
        self, mailbox: str, login: str, *, lasting: timedelta, audience: str = AUDIENCE
    ) -> tuple[Issued, Secret[str]]:
        """A new token that opens `mailbox` as `login` would; those that have expired are forgotten."""
        now = self._clock.now().replace(microsecond=0)
        issued = Issued(secrets.token_hex(8), mailbox.lower(), login.lower(), audience, now, now + lasting)
        self._forget(one for one in self.issued() if one.expires <= now)
        self._rows.put_many([Row(_KIND, issued.ident, json.dumps(asdict(issued), default=datetime.isoformat))])
        signed = _HEADER + b"." + _encoded(_claims(issued))
        return issued, Secret((signed + b"." + self._signature(signed)).decode())

    def holder(self, token: str) -> Issued | None:
        """What `token` opens now, or None.

        1 it is signed with the home's key, so it is one of ours    [RFC 7519 §7.2]
        2 it was not revoked
        3 it is for this audience
        4 it has not expired
        """
        signed, _, signature = token.encode("ascii", "replace").rpartition(b".")
        if not hmac.compare_digest(self._signature(signed), signature):
            return None
        text = self._rows.get(_KIND, json.loads(_decoded(signed.rpartition(b".")[2]))["jti"])
        issued = None if text is None else _issued_from(text)
        if issued is None or issued.audience != AUDIENCE or issued.expires <= self._clock.now():
            return None
        return issued

    def issued(self) -> list[Issued]:
        """All that were neither revoked nor forgotten, in the order in which they were issued."""
        return [_issued_from(text) for text in self._rows.all(_KIND)]

    def revoke(self, *, ident: str | None = None, mailbox: str | None = None) -> list[Issued]:
        """The token, or all of a mailbox, open nothing from now on; they are returned."""
        wanted = [one for one in self.issued() if ident == one.ident or mailbox == one.mailbox]
        self._forget(wanted)
        return wanted

    def _forget(self, tokens: Iterable[Issued]) -> None:
        self._rows.delete_many(_KIND, [one.ident for one in tokens])

    def _signature(self, signed: bytes) -> bytes:
        return urlsafe_b64encode(hmac.digest(self._key, signed, "sha256")).rstrip(b"=")


def _claims(issued: Issued) -> dict[str, Any]:
    return {
        "sub": issued.login,
        "mailbox": issued.mailbox,
        "aud": issued.audience,
        "scope": SCOPE,
        "iat": int(issued.issued.timestamp()),
        "exp": int(issued.expires.timestamp()),
        "jti": issued.ident,
    }


def _issued_from(text: str) -> Issued:
    fields = json.loads(text)
    times = {name: datetime.fromisoformat(fields[name]).astimezone(UTC) for name in ("issued", "expires")}
    return Issued(**{**fields, **times})


def _encoded(claims: dict[str, Any]) -> bytes:
    return urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).rstrip(b"=")


def _decoded(payload: bytes) -> bytes:
    return urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
