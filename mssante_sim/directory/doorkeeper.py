"""The one door to mailboxes, for IMAP and SMTP: by a password, by proving to know it, by a certificate or a token.

It is the server's `Party` in exchanges of SASL, and the judge of the claims in which these end.
"""

import asyncio
import hashlib
import secrets
from typing import Final, Self
from weakref import WeakValueDictionary

from mssante_sim.clock import Clock, SystemClock
from mssante_sim.directory.attempts import Attempts
from mssante_sim.directory.credentials import Authenticator, Verifier
from mssante_sim.directory.holders import Holders
from mssante_sim.directory.tokens import Tokens
from mssante_sim.sasl.claims import ActingForAnother, Claim, Named, Password, Proof, TooManyFailures
from mssante_sim.sasl.party import TokenRefusal

__all__ = ["Doorkeeper"]

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
        self._authenticator = authenticator
        self._end_point = end_point
        self._holders = holders
        self._tokens = tokens
        self._token_refusal = token_refusal
        clock = clock or SystemClock()
        self._logins = Attempts(clock, a_minute=_OF_ONE_LOGIN)
        self._peers = Attempts(clock, a_minute=_OF_ONE_PEER)
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    # The server's part of an exchange

    @property
    def party(self) -> Self:
        """Itself."""
        return self

    @property
    def end_point(self) -> bytes | None:
        """See `Party`."""
        return self._end_point

    def nonce(self) -> bytes:
        """See `Party`."""
        return secrets.token_urlsafe(24).encode("ascii")

    def verifier(self, login: str) -> Verifier:
        """See `Party`."""
        return self._authenticator.verifier(login)

    def holder(self, certificate: bytes, name: str) -> Named:
        """See `Party`; `name` is the mailbox, or a login to it."""
        found = self._holders.addresses(certificate) if self._holders is not None else []
        if name:
            meant = self._authenticator.address(name) or name.lower()
            if found and meant not in found:
                raise ActingForAnother("Acting for another account is not possible.")
            found = [meant] if found else []
        return Named(name or "".join(found[:1]), found[0] if len(found) == 1 else None)

    @property
    def token_refusal(self) -> TokenRefusal:
        """See `Party`."""
        return self._token_refusal

    def bearer(self, token: str, name: str) -> Named:
        """See `Party`."""
        held = self._tokens.holder(token) if self._tokens is not None else None
        if held is None or self._authenticator.address(held.login) != held.mailbox:  # who has left opens nothing
            return Named("", None)
        opens = name.lower() in ("", held.mailbox) or self._authenticator.address(name) == held.mailbox
        return Named(held.login, held.mailbox if opens else None)

    # Claims

    async def admit(self, claim: Claim, peer: str) -> str | None:
        """The address of the account that `claim` opens to a client at `peer`, or None; why not is never told.

        Raises:
            TooManyFailures: it was not looked at; to try again in a minute is safe.
        """
        if isinstance(claim, Named):
            return claim.address
        who = peer, _mark(claim.login)
        async with self._turns.setdefault(who, asyncio.Lock()):  # or many could be tried before the first has failed
            if self._peers.spent(peer) or not self._logins.admit(who):
                raise TooManyFailures("Too many logins have failed; wait a minute and try again.")
            address = await self._check(claim)
        if address is None:
            self._peers.admit(peer)
        else:
            self._logins.forgive(who)
        return address

    async def _check(self, claim: Password | Proof) -> str | None:
        if isinstance(claim, Password):
            return await self._authenticator.check(claim.login, claim.password)
        return self._authenticator.address(claim.login) if claim.holds else None

    def user(self, claim: Claim) -> str:
        """Who claims, for traces; what is no login may be anything typed into the wrong field, a password or an INS."""
        known = isinstance(claim, Named) and claim.address is not None
        return claim.login if known or self._authenticator.address(claim.login) else "unknown"


def _mark(login: str) -> str:
    """Stands for what was typed, which may be long, or a password in the wrong field."""
    return hashlib.blake2b(login.lower().encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
