"""Passwords as SCRAM-SHA-256 verifiers, and checking them without stopping the loop.

The directory keeps no password and nothing a password can be read from; the
same verifier serves PLAIN, LOGIN and SCRAM.  [RFC 5802, RFC 7677].
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import stringprep
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, Self

from mssante_sim.errors import SimulatorError

__all__ = ["ITERATIONS", "Accounts", "Authenticator", "CredentialError", "Verifier"]

ITERATIONS: Final = 4_096
"""Rounds of the key derivation; the least that SCRAM-SHA-256 allows.  [RFC 7677 §4]."""

_MECHANISM = "SCRAM-SHA-256"
_GRANT_S: Final = 60.0


class CredentialError(SimulatorError):
    """The password or the stored verifier cannot be used."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Verifier:
    """What proves a password known without being it.  [RFC 5802 §3]."""

    iterations: int
    salt: bytes = field(repr=False)
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    @classmethod
    def create(cls, password: str, salt: bytes, *, iterations: int = ITERATIONS) -> Self:
        """The verifier of `password`; `salt` is random, 16 octets or more.

        Raises:
            CredentialError: the password is empty or has characters that SASLprep forbids.
        """
        prepared = _prepared(password)
        if not prepared:
            raise CredentialError("The password is empty or contains characters that a password cannot have.")
        stored_key, server_key = _keys(prepared, salt, iterations)
        return cls(iterations, salt, stored_key, server_key)

    def check(self, password: str) -> bool:
        """Whether it is the password; takes the same time whatever it is."""
        prepared = _prepared(password)
        stored_key, _ = _keys(prepared or "", self.salt, self.iterations)
        return hmac.compare_digest(stored_key, self.stored_key) and bool(prepared)

    def to_text(self) -> str:
        """One line that `from_text` reads back.  [RFC 5803 §2]."""
        salt, stored, server = (
            base64.b64encode(octets).decode() for octets in (self.salt, self.stored_key, self.server_key)
        )
        return f"{_MECHANISM}${self.iterations}:{salt}${stored}:{server}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The verifier that `to_text` wrote.

        Raises:
            CredentialError: it is something else.
        """
        try:
            mechanism, rounds_and_salt, keys = text.split("$")
            rounds, salt = rounds_and_salt.split(":")
            octets = [base64.b64decode(part, validate=True) for part in (salt, *keys.split(":"))]
            salt_octets, stored_key, server_key = octets
            if mechanism != _MECHANISM or int(rounds) < 1 or {len(stored_key), len(server_key)} != {32}:
                raise ValueError(mechanism)
        except ValueError as error:
            raise CredentialError("A stored password verifier is damaged; set the password again.") from error
        return cls(int(rounds), salt_octets, stored_key, server_key)


class Accounts(Protocol):
    """Where logins are looked up."""

    def account(self, login: str) -> tuple[str, Verifier] | None:
        """The mailbox address and the verifier of a login, if there is one."""
        ...


class Authenticator:
    """Checks logins in a thread and remembers successes for a short while.

    An unknown login costs what a wrong password costs. A remembered success is
    a keyed hash under a key of this process; a changed password ends it at once.

    Args:
        accounts: looked up in the caller's thread at every check.
        iterations: the work for unknown logins; the same as the accounts' verifiers have.
        decoy_key: where salts of unknown logins come from; that of another run, or who asks twice sees the difference.
        remember_s: how long a success is remembered.
        now: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        accounts: Accounts,
        *,
        iterations: int = ITERATIONS,
        decoy_key: bytes | None = None,
        remember_s: float = 300.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._remember_s = remember_s
        self._now = now
        self._key = secrets.token_bytes(32)
        self._decoy_key = decoy_key or self._key
        self._decoy = Verifier.create(secrets.token_hex(16), secrets.token_bytes(16), iterations=iterations)
        self._known: dict[str, tuple[bytes, float]] = {}  # at most one entry for each existing login
        self._granted: dict[str, list[tuple[bytes, float]]] = {}  # what `grant` gave, hashed, while it holds

    def grant(self, login: str) -> str:
        """A password of this process that opens `login` once, within a minute, beside the login's own.

        So a service acts for whoever is signed in to it, over the same door as everybody else.
        """
        password = secrets.token_urlsafe(32)
        self._granted = {one: kept for one in self._granted if (kept := self._holding(one))}
        self._granted.setdefault(login, []).append((self._grant_mark(login, password), self._now() + _GRANT_S))
        return password

    async def check(self, login: str, password: str) -> str | None:
        """The address of the mailbox `login` opens, or None; why not is never told."""
        account = self._accounts.account(login)
        address, verifier = account or (None, self._decoy)
        if address is not None and self._redeems(login, password):
            return address
        mark = self._mark(login, verifier, password)
        if address is not None and self._remembers(login, mark):
            return address
        is_right = await asyncio.to_thread(verifier.check, password)
        if address is None or not is_right:
            return None
        self._known[login] = (mark, self._now() + self._remember_s)
        return address

    def _redeems(self, login: str, password: str) -> bool:
        """Whether `password` was granted, and not used yet; it is used now."""
        holding = self._holding(login)
        mark = self._grant_mark(login, password)
        left = [one for one in holding if not hmac.compare_digest(one[0], mark)]
        if login in self._granted:
            self._granted[login] = left
        return len(left) < len(holding)

    def _holding(self, login: str) -> list[tuple[bytes, float]]:
        now = self._now()
        return [one for one in self._granted.get(login, ()) if one[1] > now]

    def _grant_mark(self, login: str, password: str) -> bytes:
        return self._mark(login, self._decoy, password)

    def address(self, login: str) -> str | None:
        """The address of the mailbox `login` opens, for who has proven to know the password."""
        account = self._accounts.account(login)
        return None if account is None else account[0]

    def verifier(self, login: str) -> Verifier:
        """The verifier of `login` for SCRAM; of an unknown one, one that looks like it and that nothing proves.

        Its salt is the same each time, however the login is typed, as that of a real one is.
        """
        account = self._accounts.account(login)
        if account is not None:
            return account[1]
        typed = login.lower().encode("utf-8", "surrogatepass")
        salt = hashlib.blake2b(typed, key=self._decoy_key, digest_size=16).digest()
        return replace(self._decoy, salt=salt)

    def _remembers(self, login: str, mark: bytes) -> bool:
        known, until = self._known.get(login, (b"", 0.0))
        if until <= self._now():
            self._known.pop(login, None)
            return False
        return hmac.compare_digest(known, mark)

    def _mark(self, login: str, verifier: Verifier, password: str) -> bytes:
        typed = (text.encode("utf-8", "surrogatepass") for text in (login, password))
        parts = (verifier.stored_key, *typed)
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hashlib.blake2b(framed, key=self._key, digest_size=32).digest()


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """StoredKey and ServerKey.  [RFC 5802 §3]."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")


_FORBIDDEN = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def _prepared(password: str) -> str | None:
    """`password` after SASLprep, None if it holds what is forbidden.  [RFC 4013 §2].

    Bidirectional checks are left out: they protect eyes, and nobody reads a password.
    """
    spaced = "".join(" " if stringprep.in_table_c12(c) else c for c in password if not stringprep.in_table_b1(c))
    normal = unicodedata.normalize("NFKC", spaced)
    return None if any(forbids(c) for c in normal for forbids in _FORBIDDEN) else normal
