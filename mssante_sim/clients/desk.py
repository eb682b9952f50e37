"""A pharmacy's workplace: its account, its keys, and the authority it trusts."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from mssante_sim.clients.mailbox import ImapAccess
from mssante_sim.clients.reading import Opened, open_message
from mssante_sim.clients.running import Account, Running
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.pkcs12 import read_bundle
from mssante_sim.crypto.tls import client_context
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.errors import SimulatorError

__all__ = ["Desk", "KeysMissing", "NotSaved"]


class KeysMissing(SimulatorError):
    """The account's PKCS#12 is not there or cannot be read."""


class NotSaved(SimulatorError):
    """An attachment could not be written."""


@dataclass(frozen=True, slots=True)
class Desk:
    """All that a client needs to listen to one mailbox and to open what it gets."""

    running: Running
    account: Account
    identities: tuple[Identity, ...]
    trust: TrustContext

    @classmethod
    def of(cls, running: Running, who: str) -> Self:
        """The workplace of the account that `who` names; its keys come from its PKCS#12, as in any mail program.

        Raises:
            AccountNotFound: no such account, or several.
            KeysMissing: its PKCS#12, the authority or the CRL cannot be read.
        """
        account = running.account(who)
        try:
            identities = read_bundle(Path(account.pkcs12 or "").read_bytes(), account.passphrase or "")
            trust = TrustContext.from_files(Path(running.ca_file), Path(running.crl_file))
        except OSError as error:
            raise KeysMissing(
                f"The keys of {account.address} cannot be read: {error.strerror}. Restart the stack.",
                french=f"Les clés de {account.address} sont illisibles ({error.strerror}). Relancez le serveur.",
            ) from error
        return cls(running, account, tuple(identities), trust)

    def access(self) -> ImapAccess:
        """The way in of the account's first user."""
        login = self.account.logins[0]
        context = client_context(Path(self.running.ca_file).read_bytes())
        return ImapAccess(self.running.host, self.running.ports["imap_tls"], context, login.login, login.password)

    def open(self, octets: bytes, *, at: datetime) -> Opened:
        """A message decrypted with the account's keys and verified.  Raises: Unreadable."""
        return open_message(octets, self.identities, self.trust, at=at)

    def save(self, opened: Opened, folder: Path) -> list[Path]:
        """Every attachment is a new file in `folder`; nothing that exists is overwritten.  Raises: NotSaved."""
        saved: list[Path] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for attachment in opened.attachments:
                path = _free(folder, attachment.name)
                with path.open("xb") as file:
                    file.write(attachment.content)
                saved.append(path)
        except OSError as error:
            raise NotSaved(
                f"An attachment cannot be written to {folder}: {error.strerror}.",
                french=f"Une pièce jointe ne peut pas être enregistrée dans {folder} : {error.strerror}.",
            ) from error
        return saved


def _free(folder: Path, name: str) -> Path:
    """A path in `folder` for a file that a sender named `name`: no way out of the folder, no file in the way."""
    harmless = "".join(c if c.isalnum() or c in " ._-()'" else "_" for c in name).strip(". ") or "document"
    path = folder / harmless
    number = 1
    while path.exists():
        path = folder / f"{Path(harmless).stem} ({number}){Path(harmless).suffix}"
        number += 1
    return path
