"""A home from nothing: a seeded directory, a trust domain, a password for everyone, and what users import.

`accounts.json` is written last. While it is missing, what lies there is of an
interrupted attempt and is made anew.
"""

import json
import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from mssante_sim.clients.running import Account, Login
from mssante_sim.clock import Clock
from mssante_sim.config import Settings
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.directory.credentials import Verifier
from mssante_sim.directory.model import Mailbox, MailboxUser, PatientProfile
from mssante_sim.directory.store import Directory
from mssante_sim.directory.synthetic import Seeded, generate
from mssante_sim.home import Home, HomeUnusable, write_private
from mssante_sim.storage.sqlite.directory import DirectoryRows

__all__ = ["Provisioned", "Secrets", "provision"]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What `accounts.json` holds: readable by the owner of the home only.

    Attributes:
        passwords: by login; synthetic, for tests.
        passphrase: of every PKCS#12 of this home.
        audit_key: names patients in traces.
        submission_key: marks submissions, so that a repeated one is known.
        roles: which address or FINESS plays which part.
        http_port: where the certificates say that the CRL is.
    """

    passwords: dict[str, str]
    passphrase: str
    api_key: str
    control_token: str
    audit_key: str
    submission_key: str
    roles: dict[str, str]
    http_port: int

    @classmethod
    def read(cls, home: Home) -> Self:
        """Those of `home`.  Raises: HomeUnusable."""
        try:
            return cls(**json.loads(home.accounts.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise HomeUnusable(f"{home.accounts} cannot be read: remove the home, or restore the file.") from error

    def write(self, home: Home) -> None:
        """They are in `home`, which is complete by that."""
        write_private(home.accounts, json.dumps(asdict(self), indent=1).encode())


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A home that is complete."""

    home: Home
    secrets: Secrets
    directory: Directory
    keystore: Keystore

    def close(self) -> None:
        """Its files are closed."""
        self.directory.close()

    def accounts(self) -> Iterator[Account]:
        """Every synthetic account with all that its client needs."""
        for profile in self.directory.patients():
            yield self._patient(profile)
        for mailbox in self.directory.mailboxes():
            yield self._mailbox(mailbox)

    def _patient(self, profile: PatientProfile) -> Account:
        login = Login(profile.address, self.secrets.passwords[profile.address], profile.display_name, "patient")
        return Account(
            profile.address,
            "patient",
            profile.display_name,
            str(profile.ins),
            (login,),
            sealing=True,
            activated=profile.activated,
            **self._pkcs12(profile.address),
        )

    def _mailbox(self, mailbox: Mailbox) -> Account:
        logins = tuple(
            Login(user.login, self.secrets.passwords[user.login], user.name, user.role) for user in mailbox.users
        )
        return Account(
            mailbox.address,
            mailbox.kind.value,
            mailbox.name,
            str(mailbox.organisation) if mailbox.organisation else None,
            logins,
            sealing=mailbox.sealing,
            **self._pkcs12(mailbox.address),
        )

    def _pkcs12(self, address: str) -> dict[str, Any]:
        modern = self.home.exports / "pkcs12" / f"{address}.p12"
        compatible = self.home.exports / "pkcs12" / f"{address}.compatible.p12"
        if not modern.exists():
            return {"pkcs12": None, "pkcs12_compatible": None, "passphrase": None}
        return {
            "pkcs12": str(modern),
            "pkcs12_compatible": str(compatible),
            "passphrase": self.secrets.passphrase,
        }


def provision(home: Home, settings: Settings, clock: Clock, *, http_port: int | None = None) -> Provisioned:
    """`home` is complete: as it was, or made now from `settings` if it was not.

    `http_port` is the port at which a new home's certificates say that the CRL is; the setting's if not given.

    Raises:
        HomeUnusable: its accounts file is damaged.
        StoreError: its directory is damaged or of a later version.
        TrustDomainError: its trust domain is damaged.
    """
    if not home.accounts.exists():
        _make(home, settings, clock.now(), http_port or settings.ports.http)
    return Provisioned(
        home, Secrets.read(home), Directory(DirectoryRows.open(home.directory_rows)), Keystore.open(home.trust)
    )
