"""The run file: how a client finds the stack that is up in a home, and its synthetic accounts."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mssante_sim.crypto.key_lock import bundle_passphrase, is_locked, unlock
from mssante_sim.errors import SimulatorError

__all__ = ["RUN_FILE", "Account", "AccountNotFound", "Login", "Running", "StackNotRunning", "account_named"]

RUN_FILE = "run.json"


class StackNotRunning(SimulatorError):
    """No stack is up in that home, or its run file cannot be used."""

    exit_code = 5


class AccountNotFound(SimulatorError):
    """No synthetic account, or more than one, goes by that name."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Login:
    """One person's way into an account.  The password is synthetic, made for this home."""

    login: str
    password: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Account:
    """A synthetic mailbox, with all that a client needs to use it."""

    address: str
    kind: str  # patient, ORG, PER, APP
    display_name: str
    identifier: str | None  # INS or FINESS
    logins: tuple[Login, ...]
    pkcs12: str | None
    pkcs12_compatible: tuple[str, ...]  # one file a key, for old programs
    passphrase: str | None
    sealing: bool
    activated: bool = True
    pkcs12_client: str | None = None  # the key that stands for a password

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`."""
        logins = tuple(Login(**login) for login in value["logins"])
        return cls(**{**value, "logins": logins, "pkcs12_compatible": tuple(value["pkcs12_compatible"])})


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that is up."""

    version: str
    pid: int
    host: str  # a name the server certificates carry
    bind: str
    ports: dict[str, int]
    domains: dict[str, str]
    ca_file: str
    crl_file: str
    api_key: str  # for /fhir/v2
    control_token: str  # for /sim/v1
    roles: dict[str, str]  # what plays which part: "pharmacy", "red-listed"… → address or FINESS
    accounts: tuple[Account, ...]
    real_directory: bool = False  # an extraction was imported: some of what the directory shows may be real

    @property
    def http(self) -> str:
        """Base of everything served over HTTP."""
        return f"http://{self.bind}:{self.ports['http']}"

    @property
    def fhir_base(self) -> str:
        """Base of the directory's façade."""
        return f"{self.http}/fhir/v2"

    @classmethod
    def read(cls, home: Path) -> Self:
        """The stack that is up in `home`.

        Raises:
            StackNotRunning: no run file there, or one that is not ours.
        """
        return cls.read_file(home / RUN_FILE)

    @classmethod
    def read_file(cls, file: Path) -> Self:
        """The stack that `file` describes.  Raises: StackNotRunning."""
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            return cls(**{**value, "accounts": tuple(map(Account.from_json, value["accounts"]))})
        except FileNotFoundError as error:
            raise StackNotRunning(
                f"No stack is up in {file.parent}. Start one with: mssante-sim up --home {file.parent}",
                french=f"Aucun serveur n'est lancé dans {file.parent}. Lancez : mssante-sim up --home {file.parent}",
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StackNotRunning(
                f"{file} cannot be read as a run file; stop and start the stack.",
                french=f"{file} est illisible : arrêtez puis relancez le serveur.",
            ) from error

    def passphrase_of(self, account: Account, asked: Callable[[], str]) -> str:
        """That of the account's PKCS#12 files; if the home's keys have one of their own, it is `asked` for.

        Raises: KeysLocked, OSError.
        """
        trust = Path(self.ca_file).parents[1] / "trust"
        if account.passphrase is not None or not is_locked(trust):
            return account.passphrase or ""
        return bundle_passphrase(unlock(trust, asked()))

    def to_json(self) -> str:
        """The text of the run file."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"

    def account(self, wanted: str) -> Account:
        """The account with that address, login, INS or FINESS, or whose display name holds `wanted`.

        Raises:
            AccountNotFound: none, or several.
        """
        return account_named(self.accounts, wanted)


def account_named(accounts: Iterable[Account], wanted: str) -> Account:
    """As `Running.account`, among `accounts`.  Raises: AccountNotFound."""
    accounts = tuple(accounts)
    folded = wanted.casefold()
    exact = [a for a in accounts if folded in _names(a)]
    found = exact or [a for a in accounts if folded in a.display_name.casefold()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise AccountNotFound(
            f"No synthetic account goes by {wanted!r}. mssante-sim info lists them.",
            french=f"Aucun compte fictif ne répond à « {wanted} ». mssante-sim info les énumère.",
        )
    several = ", ".join(sorted(a.identifier or a.address for a in found)[:5])
    raise AccountNotFound(
        f"Several synthetic accounts go by {wanted!r}: {several}. Give one of these.",
        french=f"Plusieurs comptes fictifs répondent à « {wanted} » : {several}. Précisez lequel.",
    )


def _names(account: Account) -> set[str]:
    return {account.address, (account.identifier or "").casefold()} | {entry.login for entry in account.logins}
