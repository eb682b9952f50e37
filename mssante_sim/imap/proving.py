"""What the server contributes to SCRAM: nonces, verifiers and the certificate that clients see."""

import secrets
from typing import Protocol

from mssante_sim.imap.core.scram import Verifier

__all__ = ["Accounts", "ScramParty"]


class Accounts(Protocol):
    """Where verifiers of passwords are kept."""

    def verifier(self, login: str) -> Verifier:
        """The verifier of `login`; for an unknown one, a verifier that nothing proves, the same each time."""
        ...

    def address(self, login: str) -> str | None:
        """The address of the account that `login` opens, if there is one."""
        ...


class ScramParty:
    """A `Prover` over `accounts`; with -PLUS if the hash of the certificate is given."""

    def __init__(self, accounts: Accounts, end_point: bytes | None) -> None:
        self._accounts = accounts
        self._end_point = end_point

    @property
    def end_point(self) -> bytes | None:
        """See `Prover`."""
        return self._end_point

    def nonce(self) -> bytes:
        """See `Prover`."""
        return secrets.token_urlsafe(24).encode("ascii")

    def verifier(self, login: str) -> Verifier:
        """See `Prover`."""
        return self._accounts.verifier(login)

    def address(self, login: str) -> str | None:
        """The address of the account of a login that was proven."""
        return self._accounts.address(login)
