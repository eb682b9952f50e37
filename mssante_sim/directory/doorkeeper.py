"""The one door to mailboxes, for IMAP and SMTP: by a password, by proving to know it, by a certificate or a token.

It judges the claims in which exchanges of SASL end; a `Caller` is the server's part in those with one client.
"""

import asyncio
import hashlib
import secrets
from typing import Final
from weakref import WeakValueDictionary

from mssante_sim.clock import Clock, SystemClock
from mssante_sim.directory.attempts import Attempts
from mssante_sim.directory.credentials import Authenticator, Verifier
from mssante_sim.directory.holders import Holders
from mssante_sim.directory.tokens import Tokens
from mssante_sim.sasl.claims import ActingForAnother, Claim, Named, Proof, TooManyFailures
from mssante_sim.sasl.party import TokenRefusal

__all__ = ["Caller", "Doorkeeper"]

_OF_ONE_LOGIN: Final = 10  # failures in a minute, from one peer
_OF_ONE_PEER: Final = 100  # the same, with whatever logins
_NO_TOKENS: Final = TokenRefusal("")


class Doorkeeper:
    """Lets clients in.

    Whoever fails too often waits for a minute, whether or not the login exists; the peer is part of the count, so
    that nobody can lock out who comes from elsewhere. Certificates and tokens cannot be guessed, and are not counted.

    Args:
        end_point: the hash of the certificate that clients see (`server_end_point`); with it, -PLUS is offered.
        holders: judges certificates of clients; without it, none opens anything.
        tokens: judges tokens; without it, none opens anything.
        token_refusal: what follows on such a one.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        end_point: bytes | None = None,
        holders: Holders | None = None,
        tokens: Tokens | None = None,
        token_refusal: TokenRefusal = _NO_TOKENS,
        clock: Clock | None = None,
    ) -> None:
        self.authenticator = authenticator
        self.end_point = end_point
        self.holders = holders
        self.tokens = tokens
        self.token_refusal = token_refusal
        clock = clock or SystemClock()
        self._logins = Attempts(clock, a_minute=_OF_ONE_LOGIN)
        self._peers = Attempts(clock, a_minute=_OF_ONE_PEER)
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def party(self, peer: str, certificate: bytes | None) -> "Caller":
        """The server's part in exchanges with a client at `peer`, which has shown `certificate`."""
        return Caller(self, peer, certificate)

    async def admit(self, claim: Claim, peer: str) -> str | None:
        """The address of the account that `claim` opens to a client at `peer`, or None; why not is never told.

        Raises:
            TooManyFailures: it was not looked at; to try again in a minute is safe.
        """
        if isinstance(claim, Named):
            return claim.address
        if isinstance(claim, Proof):  # it was waited for, and noted, when it was looked at
            return self.authenticator.address(claim.login) if claim.holds else None
        who = peer, _mark(claim.login)
        async with self._turns.setdefault(who, asyncio.Lock()):  # or many could be tried before the first has failed
            if self.waits(peer, claim.login):
                raise TooManyFailures("Too many logins have failed; wait a minute and try again.")
            address = await self.authenticator.check(claim.login, claim.password)
            self.note(peer, claim.login, right=address is not None)
        return address

    def waits(self, peer: str, login: str) -> bool:
        """Whether no guess of `peer` at the password of `login` is looked at now."""
        return self._peers.spent(peer) or self._logins.spent((peer, _mark(login)))

    def note(self, peer: str, login: str, *, right: bool) -> None:
        """A guess of `peer` was looked at."""
        if right:
            self._logins.forgive((peer, _mark(login)))
        else:
            self._logins.admit((peer, _mark(login)))
            self._peers.admit(peer)

    def user(self, claim: Claim) -> str:
        """Who claims, for traces; what is no login may be anything typed into the wrong field, a password or an INS."""
        known = isinstance(claim, Named) and claim.address is not None
        return claim.login if known or self.authenticator.address(claim.login) else "unknown"


class Caller:
    """A client that wants to be let in: the `Party` in its exchanges."""

    def __init__(self, doorkeeper: Doorkeeper, peer: str, certificate: bytes | None) -> None:
        self._doorkeeper = doorkeeper
        self._peer = peer
        self._certificate = certificate

    @property
    def end_point(self) -> bytes | None:
        """See `Party`."""
        return self._doorkeeper.end_point

    def nonce(self) -> bytes:
        """See `Party`."""
        return secrets.token_urlsafe(24).encode("ascii")

    def verifier(self, login: str) -> Verifier:
        """See `Party`."""
        return self._doorkeeper.authenticator.verifier(login)

    def waits(self, login: str) -> bool:
        """See `Party`."""
        return self._doorkeeper.waits(self._peer, login)

    def note(self, login: str, *, right: bool) -> None:
        """See `Party`."""
        self._doorkeeper.note(self._peer, login, right=right)

    @property
    def certified(self) -> bool:
        """See `Party`."""
        return self._certificate is not None

    def holder(self, name: str) -> Named:
        """See `Party`; `name` is the mailbox, or a login to it."""
        holders, certificate = self._doorkeeper.holders, self._certificate
        found = holders.addresses(certificate) if holders is not None and certificate is not None else []
        if name:
            meant = self._doorkeeper.authenticator.address(name) or name.lower()
            if found and meant not in found:
                raise ActingForAnother("Acting for another account is not possible.")
            found = [meant] if found else []
        return Named(name or "".join(found[:1]), found[0] if len(found) == 1 else None)

    @property
    def token_refusal(self) -> TokenRefusal:
        """See `Party`."""
        return self._doorkeeper.token_refusal

    def bearer(self, token: str, name: str) -> Named:
        """See `Party`."""
        tokens, authenticator = self._doorkeeper.tokens, self._doorkeeper.authenticator
        held = tokens.holder(token) if tokens is not None else None
        if held is None or authenticator.address(held.login) != held.mailbox:  # who has left opens nothing
            return Named("", None)
        opens = name.lower() in ("", held.mailbox) or authenticator.address(name) == held.mailbox
        return Named(held.login, held.mailbox if opens else None)


def _mark(login: str) -> str:
    """Stands for what was typed, which may be long, or a password in the wrong field."""
    return hashlib.blake2b(login.lower().encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
