"""What a user does once in Thunderbird's settings: trust an authority, import keys, create the account."""

import re
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Self

from mssante_sim.clients.running import Account, Login, Running
from mssante_sim.clients.thunderbird.marionette import Marionette

__all__ = ["SETUP_SCRIPT", "MailAccount", "Setup"]

SETUP_SCRIPT: Final = files(__package__).joinpath("setup.js").read_text(encoding="utf-8")
_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MailAccount:
    """What a user types into the account dialog.  The host must be a name of the server's certificate."""

    name: str
    address: str
    login: str
    password: str
    imaps: int
    submission: int  # STARTTLS
    host: str = "localhost"
    certificate: bool = False  # logs in by TLS certificate; then there is no password

    @classmethod
    def of(cls, running: Running, account: Account, login: Login, *, certificate: bool = False) -> Self:
        """The way of `login` into `account`."""
        return cls(
            account.display_name,
            account.address,
            login.login,
            "" if certificate else login.password,
            running.ports["imap_tls"],
            running.ports["submission"],
            running.host,
            certificate,
        )


class Setup:
    """Each call acts as a user would and returns when the effect is there; all raise `MarionetteError`."""

    def __init__(self, remote: Marionette) -> None:
        self._remote = remote

    def trust(self, authorities: Path) -> None:
        """The certificates in the PEM file `authorities` are trusted for servers and mail."""
        for block in _CERTIFICATE.findall(authorities.read_text(encoding="utf-8")):
            self._set_up("trustAuthority", "".join(block.split()))

    def import_identity(self, bundle: Path, passphrase: str) -> None:
        """The keys and certificates in the PKCS#12 file `bundle` can be used."""
        self._set_up("importIdentity", str(bundle.resolve()), passphrase)

    def create_account(self, account: MailAccount) -> None:
        """`account` exists, and signs and decrypts with what was imported for its address and fits the purpose."""
        self._set_up("createAccount", asdict(account))

    def open_inbox(self) -> None:
        """The server let us in, and the INBOX is on screen, also at the next start; new mail is pushed to it."""
        self._set_up("openInbox")

    def _set_up(self, name: str, *given: Any) -> None:
        self._remote.script(f"{SETUP_SCRIPT}\nreturn await SETUP.{name}(...given);", *given)
