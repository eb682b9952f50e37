"""A pharmacy's workplace: its account, who sits there, its keys, and the authority it trusts."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self

from mssante_sim.clients.doors import door_of
from mssante_sim.clients.files import new_file
from mssante_sim.clients.lookup import HttpLookup
from mssante_sim.clients.mailbox import ImapAccess
from mssante_sim.clients.reading import Opened, open_message
from mssante_sim.clients.running import Account, AccountNotFound, Login, Running
from mssante_sim.clients.submission import Submission
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.pkcs12 import read_bundle
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.tls import client_context
from mssante_sim.crypto.trust import CertificateState, TrustFiles, accepts_usage
from mssante_sim.directory.dns_lookup import Door
from mssante_sim.errors import SimulatorError, reason_in_french
from mssante_sim.passphrase import given_passphrase

__all__ = ["Desk", "KeysMissing", "NotSaved"]


class KeysMissing(SimulatorError):
    """The account's PKCS#12 is not there or cannot be read."""


class NotSaved(SimulatorError):
    """A file could not be written."""

    exit_code = 6

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"Nothing can be written to {folder}: {error.strerror or error}.",
            french=f"Impossible d'enregistrer dans {folder} : {reason_in_french(error)}.",
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """All that a client needs to listen to one mailbox, to open what it gets and to answer."""

    running: Running
    account: Account
    user: Login
    identities: tuple[Identity, ...]
    judging: TrustFiles
    server: str | None = None  # the host of IMAP and submission, instead of what DNS says

    @classmethod
    def of(cls, running: Running, who: str, user: str | None = None, *, server: str | None = None) -> Self:
        """The workplace of the account that `who` names; its keys come from its PKCS#12, as in any mail program.

        `user` is the login of the member of the team who sits there; else the login that `who` is, else the first.

        Raises:
            AccountNotFound: no such account, or several; no such member.
            KeysMissing: its PKCS#12, the authority or the CRL cannot be read.
        """
        account = running.account(who)
        member = _member(account, who, user)
        try:
            identities = read_bundle(
                Path(account.pkcs12 or "").read_bytes(), running.passphrase_of(account, given_passphrase)
            )
            judging = TrustFiles(Path(running.ca_file), Path(running.crl_file), HttpLookup())
        except OSError as error:
            raise KeysMissing(
                f"The keys of {account.address} cannot be read: {error.strerror}. Restart the stack.",
                french=f"Les clés de {account.address} sont illisibles ({reason_in_french(error)})."
                " Relancez le serveur.",
            ) from error
        return cls(running, account, member, tuple(identities), judging, server)

    @property
    def signature(self) -> str:
        """Who acts, as the end of a message says it."""
        return f"{self.user.name}, {self.user.role}"

    def is_patient(self, address: str) -> bool:
        """Whether `address` is that of a Mon espace santé profile."""
        return address.lower().rpartition("@")[2] == self.running.domains["patients"].lower()

    def access(self) -> ImapAccess:
        """The way in of who sits there."""
        return ImapAccess(self._door("imaps"), self._context(), self.user.login, self.user.password)

    def submission(self) -> Submission:
        """The way out of who sits there."""
        return Submission(self._door("submission"), self._context(), self.user.login, self.user.password)

    def _door(self, service: str) -> Callable[[], Door]:
        return partial(door_of, self.running, self.account.address, service, self.server)

    def _context(self) -> ssl.SSLContext:
        return client_context(Path(self.running.ca_file).read_bytes())

    def open(self, octets: bytes, *, at: datetime, arrived: datetime | None = None) -> Opened:
        """A message decrypted with the account's keys and verified.  Raises: Unreadable."""
        return open_message(octets, self.identities, self.judging.current(), at=at, arrived=arrived)

    def identity(self, usage: Usage, *, at: datetime) -> Identity | None:
        """The newest of the account's keys that is valid for `usage` at `at`; to receive, else one that was."""
        able = [one for one in self.identities if accepts_usage(read_certificate(one.certificate), usage)]
        valid = (one for one in able if self._state(one, usage, at) is CertificateState.VALID)
        return next(valid, able[0] if able and usage is Usage.RECEIVE else None)

    def _state(self, identity: Identity, usage: Usage, at: datetime) -> CertificateState:
        return self.judging.current().state(identity.certificate, usage, self.account.address, at)

    def save(self, opened: Opened, folder: Path) -> list[Path]:
        """Every attachment is a new file in `folder`; nothing that exists is overwritten.  Raises: NotSaved."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return [new_file(folder, attachment.name, attachment.content) for attachment in opened.attachments]
        except OSError as error:
            raise NotSaved(folder, error) from error


def _member(account: Account, who: str, user: str | None) -> Login:
    wanted = user or who
    found = next((one for one in account.logins if one.login == wanted.lower()), None)
    if found is None and user is not None:
        team = ", ".join(one.login for one in account.logins)
        raise AccountNotFound(
            f"{account.address} has no user {user!r}; it has {team}.",
            french=f"{account.display_name} n'a pas d'utilisateur « {user} » ; l'équipe : {team}.",
        )
    return found or account.logins[0]
