"""What the server contributes to the exchanges with one client; all of it is quick."""

from dataclasses import dataclass
from typing import Protocol

from mssante_sim.sasl.claims import Named

__all__ = ["Party", "TokenRefusal", "Verifier"]


@dataclass(frozen=True, slots=True)
class TokenRefusal:
    """What follows on a token that opens nothing."""

    openid_configuration: str  # the URL that says where tokens come from
    drops: bool = False  # the connection, after the reason, as an operator of the real network was seen to


class Verifier(Protocol):
    """What a password is proven against [RFC 5802 §3]."""

    @property
    def iterations(self) -> int:
        """Rounds of the key derivation."""
        ...

    @property
    def salt(self) -> bytes:
        """What the password was derived with."""
        ...

    @property
    def stored_key(self) -> bytes:
        """Proves the client."""
        ...

    @property
    def server_key(self) -> bytes:
        """Proves the server."""
        ...


class Party(Protocol):
    """The accounts of a server, as the exchanges with one client ask for them."""

    @property
    def end_point(self) -> bytes | None:
        """The hash of the certificate that clients see, for SCRAM-SHA-256-PLUS; None if it is not known."""
        ...

    def nonce(self) -> bytes:
        """Printable octets without a comma that nobody can guess."""
        ...

    def verifier(self, login: str) -> Verifier:
        """The verifier of `login`; for an unknown one, a verifier that nothing proves, the same each time."""
        ...

    def waits(self, login: str) -> bool:
        """Whether no guess at the password of `login` is looked at now, as too many were wrong."""
        ...

    def note(self, login: str, *, right: bool) -> None:
        """A guess at the password of `login` was looked at."""
        ...

    @property
    def certified(self) -> bool:
        """Whether the client has shown a certificate."""
        ...

    def holder(self, name: str) -> Named:
        """Whose mailbox that certificate opens now; `name` is whom the client wants to be, "" for the holder.

        Raises:
            ActingForAnother: the mailbox is not that of `name`.
        """
        ...

    @property
    def token_refusal(self) -> TokenRefusal:
        """What follows on a token that opens nothing."""
        ...

    def bearer(self, token: str, name: str) -> Named:
        """What `token` opens now for `name`, a mailbox or a login to it; "" is whoever the token is for."""
        ...
