"""The trust domain of one home on disk: its authorities (`issuers`), servers, mailboxes and organisations.

    server/                         identity.pem
    mailboxes/<address>/            signing-1.pem, receiving-1.pem, client-1.pem, then -2 … after a renewal
    organisations/<IdNatStruct>/    signing-1.pem, receiving-1.pem

Files are written whole or not at all; what another process changes is seen at the next look.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, unquote

from mssante_sim.crypto import profiles
from mssante_sim.crypto.identity import Certificate, Identity, read_certificate
from mssante_sim.crypto.issuers import SIMULATED, Issuers, TrustDomainError
from mssante_sim.crypto.issuing import hosts_of
from mssante_sim.crypto.key_files import KeyFiles, certificates_in, number_of
from mssante_sim.crypto.key_lock import KeysLocked, is_locked, lock, unlock
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.profiles import Profile, Subject, Usage
from mssante_sim.crypto.revocation import Lookup
from mssante_sim.crypto.secret import Secret
from mssante_sim.crypto.trust import TrustContext

__all__ = ["MAIL", "Holder", "Keystore", "Listed", "TrustDomainError"]

MAIL: Final = (Usage.SIGN, Usage.RECEIVE)
_PROFILES: Final = {
    Usage.SIGN: profiles.SIGNING,
    Usage.RECEIVE: profiles.RECEIVING,
    Usage.CLIENT: profiles.CLIENT,
}


@dataclass(frozen=True, slots=True)
class Holder:
    """A mailbox that is to have certificates to sign, to receive and to log in, or an organisation.

    `receiving` may be another profile, or None for no certificate, to make a fault on purpose; so may `expired`.
    """

    name: str  # the mailbox's address, or the organisation's IdNatStruct
    organisation: str
    unit: str | None = None
    department: str | None = None
    receiving: Profile | None = profiles.RECEIVING
    expired: bool = False  # the receiving one, since yesterday
    mailboxes: tuple[str, ...] = ()  # of an organisation: those that its certificates speak for

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every mailbox that the certificates name."""
        return (self.name,) if "@" in self.name else self.mailboxes

    @property
    def usages(self) -> tuple[Usage, ...]:
        """What it has certificates for; only a mailbox logs in."""
        return (*MAIL, Usage.CLIENT) if "@" in self.name else MAIL

    @property
    def subject(self) -> Subject:
        """Whom they name: the mailbox, or the organisation itself, as the application that seals for it."""
        common = self.name if "@" in self.name else self.organisation
        return Subject(common, self.organisation, self.unit, self.department)


@dataclass(frozen=True, slots=True)
class Listed:
    """One certificate, for people."""

    name: str
    usage: str
    state: str
    not_after: datetime
    serial: int
    authority: str  # "issuing", "issuing-2"…: who issued it


class Keystore:
    """The trust domain under `path`."""

    def __init__(self, path: Path, files: KeyFiles, issuers: Issuers) -> None:
        self.path = path
        self.issuers = issuers
        self._files = files
        self._judging: tuple[tuple[int, ...], TrustContext] | None = None  # as of a stamp

    @classmethod
    def create(cls, path: Path, *, at: datetime, base: str, hosts: Sequence[str]) -> Self:
        """A new root, an issuing authority, a certificate for a server that is reached as any of `hosts`.

        `base`, such as ``http://127.0.0.1:2080``, is where the certificates say that lists and responders are.
        """
        files = KeyFiles()
        store = cls(path, files, Issuers.create(path, files, base, at=at))
        store.renew_server(hosts, at=at)
        return store

    @classmethod
    def open(cls, path: Path, passphrase: Callable[[], str] | None = None) -> Self:
        """The trust domain that `create` made; `passphrase` is asked if its keys have one.

        Raises:
            TrustDomainError: a file is missing or damaged.
            KeysLocked: the passphrase is wrong, or nobody can be asked for it.
        """
        try:
            files = KeyFiles(_key_of(path, passphrase))
            store = cls(path, files, Issuers.open(path, files))
            files.read(store.server)
        except (OSError, ValueError) as error:
            raise TrustDomainError(
                f"The trust domain in {path} is missing or damaged; restore it, or make a new home.", detail=str(error)
            ) from error
        return store

    # What is there

    @property
    def password(self) -> Secret[bytes] | None:
        """What the key in `server` is encrypted with."""
        return self._files.password

    @property
    def server(self) -> Path:
        """The PEM file that TLS servers serve."""
        return self.path / "server" / "identity.pem"

    @property
    def authorities(self) -> tuple[bytes, ...]:
        """The certificates, DER, of the root and of every issuing authority, the one that issues now last."""
        return tuple(one.identity.certificate for one in self.issuers.all())

    def crls(self) -> dict[str, bytes]:
        """The latest list of each authority, DER, by its file name in a distribution point."""
        return self.issuers.lists()

    def trust(self, lookup: Lookup | None = None) -> TrustContext:
        """What this domain's certificates are judged by, as of the latest lists."""
        root, *issuing = self.authorities
        return TrustContext([root], issuing, list(self.crls().values()), lookup)

    def current_trust(self) -> TrustContext:
        """As `trust`, made anew only when something has changed, also by another process: for who asks often."""
        stamp = self.stamp("")
        if self._judging is None or self._judging[0] != stamp:
            self._judging = stamp, self.trust()
        return self._judging[1]

    def identities(self, name: str, usage: Usage) -> list[Identity]:
        """Every identity of a mailbox or organisation for `usage`, the newest first; old ones open old messages."""
        files = self._folder(name).glob(f"{usage.value}-*.pem")
        return [self._files.read(file) for file in sorted(files, key=number_of, reverse=True)]

    def identity(self, name: str, usage: Usage) -> Identity | None:
        """The newest of them."""
        return next(iter(self.identities(name, usage)), None)

    def speaking_for(self, address: str, usage: Usage) -> list[Identity]:
        """Every identity that names the mailbox `address`: its own, then those of organisations."""
        shared = (one for name in self.organisations() for one in self.identities(name, usage))
        named = (one for one in shared if address.lower() in read_certificate(one.certificate).mailboxes)
        return [*self.identities(address, usage), *named]

    def stamp(self, address: str) -> tuple[int, ...]:
        """Another value after every change of the certificates of `address`, an organisation or a revocation list."""
        shared = (self.path, self.path / "organisations", *(self.path / name for name in self.issuers.names()))
        watched = (self._folder(address), *shared)  # a new file alters its folder
        return tuple(folder.stat().st_mtime_ns if folder.exists() else 0 for folder in watched)

    def addresses(self) -> list[str]:
        """Every mailbox that has a certificate, sorted."""
        return sorted(unquote(folder.name) for folder in (self.path / "mailboxes").glob("*@*"))

    def organisations(self) -> list[str]:
        """The IdNatStruct of every organisation that has a certificate of its own, sorted."""
        return sorted(folder.name for folder in (self.path / "organisations").glob("*"))

    def listing(self, *, at: datetime) -> Iterator[Listed]:
        """Every certificate of a mailbox or organisation and its state at `at`."""
        trust = self.trust()
        for name in (*self.addresses(), *self.organisations()):
            for usage in _PROFILES:
                for certificate in self._certificates(name, usage):
                    facts = read_certificate(certificate)
                    state = trust.state(certificate, usage, name if "@" in name else None, at)
                    authority = self.issuers.name_of(facts)
                    yield Listed(name, usage.value, state.value, facts.not_after, facts.serial, authority)

    # Changes

    def issue(self, holders: Sequence[Holder], *, at: datetime, usages: Sequence[Usage] = ()) -> None:
        """Every holder has new certificates, of each kind or for `usages`; keys are made on all cores at once."""
        wanted = [(holder, usage) for holder in holders for usage in usages or holder.usages]
        with ThreadPoolExecutor() as pool:
            keys = pool.map(lambda one: new_key(_PROFILES[one[1]].key_bits, _PROFILES[one[1]].curve), wanted)
            for (holder, usage), key in zip(wanted, keys, strict=True):
                self._issue_one(holder, usage, key, at)
        self.issuers.note_issued()

    def _issue_one(self, holder: Holder, usage: Usage, key: Secret[bytes], at: datetime) -> None:
        profile = holder.receiving if usage is Usage.RECEIVE else _PROFILES[usage]
        if profile is None:
            return
        over = usage is Usage.RECEIVE and holder.expired
        identity = self.issuers.current.issue(
            profile,
            holder.subject,
            at=at,
            names=holder.addresses,
            key=key,
            validity=(at - profile.validity, at - timedelta(days=1)) if over else None,
        )
        folder = self._folder(holder.name)
        number = 1 + max(map(number_of, folder.glob(f"{usage.value}-*.pem")), default=0)
        self._files.write(folder / f"{usage.value}-{number}.pem", identity)
        if "@" not in holder.name:
            os.utime(folder.parent)  # for `stamp`

    def issue_client(self, name: str, organisation: str, file: Path, *, at: datetime) -> None:
        """`file` is the PEM identity of another operator's server, by which it proves itself to the mx listener."""
        identity = self.issuers.current.issue(profiles.SERVER, Subject(name, organisation), at=at, names=[name])
        KeyFiles().write(file, identity)
        self.issuers.note_issued()

    def renew_server(self, hosts: Sequence[str] = (), *, at: datetime) -> None:
        """The servers have a new certificate, for `hosts` or those of before; who listens shows it after `tls.show`."""
        hosts = hosts or hosts_of(read_certificate(self._files.read(self.server).certificate))
        identity = self.issuers.current.issue(profiles.SERVER, Subject(hosts[0], SIMULATED), at=at, names=hosts)
        self._files.write(self.server, identity)
        self.issuers.note_issued()

    def revoke(
        self, name: str, usage: Usage, *, at: datetime, reason: str = "unspecified", serial: int | None = None
    ) -> Certificate:
        """The newest certificate of `name` for `usage`, or the one with `serial`, is on a new list.

        Raises: TrustDomainError.
        """
        facts = self._one(name, usage, serial)
        self.issuers.of(facts).revoke(facts.serial, at=at, reason=reason)
        self.issuers.publish(at=at)
        return facts

    def release(self, name: str, usage: Usage, *, at: datetime, serial: int | None = None) -> Certificate:
        """The same certificate, which was on hold, is on no list any more.

        Raises: TrustDomainError: it was not on hold.
        """
        facts = self._one(name, usage, serial)
        if not self.issuers.of(facts).release(facts.serial):
            raise TrustDomainError(f"The {usage.value} certificate {facts.serial:x} of {name} is not on hold.")
        self.issuers.publish(at=at)
        return facts

    def lock(self, passphrase: str) -> None:
        """Every key is encrypted, for whoever has `passphrase`; not while a stack is up.

        What was in clear may still be found on the disk: lock a home before its keys are used for anything.
        """
        self._cover_with(KeyFiles(lock(self.path, passphrase)))

    def unlock(self) -> None:
        """No key has a passphrase any more; not while a stack is up."""
        self._cover_with(KeyFiles())
        (self.path / "lock.json").unlink(missing_ok=True)

    def _cover_with(self, files: KeyFiles) -> None:
        """In whichever form each key is found, so that what was interrupted can be done again."""
        for file in self.path.rglob("*.pem"):
            files.write(file, self._files.read(file))
        self._files = files
        self.issuers = Issuers.open(self.path, files)

    # How

    def _one(self, name: str, usage: Usage, serial: int | None) -> Certificate:
        for certificate in self._certificates(name, usage):
            if serial in (None, read_certificate(certificate).serial):
                return read_certificate(certificate)
        which = "" if serial is None else f" with the serial number {serial:x}"
        raise TrustDomainError(f"{name} has no {usage.value} certificate{which}; mssante-sim certs list shows them.")

    def _certificates(self, name: str, usage: Usage) -> list[bytes]:
        """As `identities`, without the keys."""
        files = sorted(self._folder(name).glob(f"{usage.value}-*.pem"), key=number_of, reverse=True)
        return [certificates_in(file.read_bytes())[0] for file in files]

    def _folder(self, name: str) -> Path:
        kind = "mailboxes" if "@" in name else "organisations"
        return self.path / kind / quote(name.lower(), safe="@+")  # a local part may hold a slash


def _key_of(path: Path, passphrase: Callable[[], str] | None) -> Secret[bytes] | None:
    """Raises: KeysLocked, OSError, ValueError."""
    if not is_locked(path):
        return None
    if passphrase is None:
        raise KeysLocked("The keys of this home have a passphrase.", french="Les clés ont une phrase de passe.")
    return unlock(path, passphrase())
