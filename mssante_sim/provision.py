"""A home from nothing: a seeded directory, a trust domain, a password for everyone, and what users import.

`accounts.json` is written last. While it is missing, what lies there is of an
interrupted attempt and is made anew.
"""

import hmac
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from mssante_sim.clients.running import Account, Login
from mssante_sim.clock import Clock
from mssante_sim.config import Settings
from mssante_sim.crypto.exports import authority_files, revocation_files
from mssante_sim.crypto.key_lock import bundle_passphrase
from mssante_sim.crypto.keystore import MAIL, Holder, Keystore
from mssante_sim.crypto.pkcs12 import compatible_bundle, write_bundle
from mssante_sim.crypto.profiles import PATIENT_ORGANISATION, RECEIVING, SIGNING, Usage
from mssante_sim.directory.credentials import Verifier
from mssante_sim.directory.identifiers import IdNatStruct
from mssante_sim.directory.model import Mailbox, MailboxKind, Organisation, PatientProfile
from mssante_sim.directory.store import Directory, DirectoryError
from mssante_sim.directory.synthetic import CertificateFault, Seeded, generate
from mssante_sim.home import Home, HomeUnusable, alone, write_private, write_public
from mssante_sim.passphrase import given_passphrase
from mssante_sim.storage.sqlite.directory import DirectoryRows

__all__ = ["Provisioned", "Secrets", "provision"]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What `accounts.json` holds: readable by the owner of the home only.

    Attributes:
        passwords: by login; synthetic, for tests.
        passphrase: of every PKCS#12 of this home; empty if its keys have one of their own.
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

    @property
    def token_key(self) -> bytes:
        """Signs tokens."""
        return self._drawn(b"tokens")

    @property
    def decoy_key(self) -> bytes:
        """Where salts of unknown logins come from."""
        return self._drawn(b"decoys")

    def _drawn(self, purpose: bytes) -> bytes:
        """A key for one purpose, of a key that every home has, however old."""
        return hmac.digest(bytes.fromhex(self.submission_key), b"mssante-sim " + purpose, "sha256")

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

    @property
    def passphrase(self) -> str:
        """That of every PKCS#12 of the home."""
        key = self.keystore.password
        return self.secrets.passphrase if key is None else bundle_passphrase(key)

    def lock(self, passphrase: str) -> "Provisioned":
        """Every key is encrypted for whoever has `passphrase`, also in the PKCS#12 files; not while a stack is up."""
        self.keystore.lock(passphrase)
        return self._covered("")

    def unlock(self) -> "Provisioned":
        """No key has a passphrase any more; not while a stack is up."""
        self.keystore.unlock()
        return self._covered(secrets.token_urlsafe(9))

    def _covered(self, passphrase: str) -> "Provisioned":
        changed = replace(self, secrets=replace(self.secrets, passphrase=passphrase))
        changed.secrets.write(self.home)
        write_exports(self.home, self.keystore, changed.passphrase, shown=passphrase)
        return changed

    def close(self) -> None:
        """Its files are closed."""
        self.directory.close()

    def refresh_lists(self, at: datetime) -> None:
        """The revocation lists are good for a month from `at`, where they are served and where users import them."""
        self.keystore.issuers.publish(at=at)
        self.export_lists()

    def export_lists(self) -> None:
        """The latest lists lie where users import them, whoever else changes lists at the same time."""
        with alone(self.home.trust / "exports"):
            for name, content in revocation_files(self.keystore).items():
                write_public(self.home.exports / name, content)

    def reread(self) -> "Provisioned":
        """The same home with the passwords of now, which another process may have added to."""
        return replace(self, secrets=Secrets.read(self.home))

    def enrol(self, mailbox: Mailbox, place: Organisation | None, at: datetime) -> "Provisioned":
        """Whoever uses `mailbox` has a password, and it has certificates; it is for the caller to add it after.

        Raises: HomeUnusable, StoreError.
        """
        passwords = {user.login: secrets.token_urlsafe(9) for user in mailbox.users}
        changed = replace(self, secrets=replace(self.secrets, passwords={**self.secrets.passwords, **passwords}))
        changed.secrets.write(self.home)
        salted = {login: Verifier.create(one, secrets.token_bytes(16)) for login, one in passwords.items()}
        self.directory.set_verifiers(salted)
        self.keystore.issue([_mailbox_holder(mailbox, place)], at=at)
        _export_mailbox(self.home.exports / "pkcs12", self.keystore, self.passphrase, mailbox.address)
        return changed

    def issue(self, name: str, at: datetime, usages: Sequence[Usage] = ()) -> Holder:
        """The mailbox or organisation `name` has new certificates beside the old ones, also in its PKCS#12 files.

        Of every kind that it may have, unless `usages` are given. The old ones stay valid until they expire, and open
        what was encrypted to them.

        Raises: DirectoryError.
        """
        holder = self.holder(name.lower())
        self.keystore.issue([holder], at=at, usages=usages)
        for changed in {holder.name, *holder.addresses}:
            _export_mailbox(self.home.exports / "pkcs12", self.keystore, self.passphrase, changed)
        return holder

    def holder(self, name: str) -> Holder:
        """The mailbox or patient with the address `name`, or the organisation with that FINESS or IdNatStruct.

        Raises: DirectoryError.
        """
        if (profile := self.directory.patient(name)) is not None:
            return Holder(profile.address, PATIENT_ORGANISATION)
        if (mailbox := self.directory.mailbox(name)) is not None:
            return _mailbox_holder(mailbox, self.directory.organisation_of(mailbox))
        place = self.directory.organisation(name if len(name) == _FINESS_LENGTH else name.removeprefix("1"))
        if "@" in name or place is None:
            raise DirectoryError(f"No mailbox, patient or organisation is called {name[:254]}.")
        boxes = (box for box in self.directory.mailboxes_of(place.finess) if box.kind is MailboxKind.ORG)
        named = tuple(box.address for box in boxes if self.directory.mailbox(box.address) is not None)
        if not named:
            raise DirectoryError(f"{place.name} has no organisational mailbox that its certificates could name.")
        return replace(_place_holder(place), mailboxes=named)

    def roll_over(self, at: datetime) -> None:
        """A new issuing authority issues; what users import and what is served knows it and its list."""
        self.keystore.issuers.roll_over(at=at)
        for name, content in authority_files(self.keystore).items():
            write_public(self.home.exports / name, content)
        self.refresh_lists(at)

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
        folder = self.home.exports / "pkcs12"
        if not (folder / f"{address}.p12").exists():
            return {"pkcs12": None, "pkcs12_compatible": (), "pkcs12_client": None, "passphrase": None}
        compatible = (folder / f"{address}.{usage.value}.compatible.p12" for usage in MAIL)
        client = folder / f"{address}.client.p12"
        return {
            "pkcs12": str(folder / f"{address}.p12"),
            "pkcs12_client": str(client) if client.exists() else None,  # a home made before 0.2 has none
            "pkcs12_compatible": tuple(str(file) for file in compatible if file.exists()),
            "passphrase": self.secrets.passphrase or None,  # nowhere on the disk if the keys have one
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
        home, Secrets.read(home), Directory(DirectoryRows.open(home.path)), Keystore.open(home.trust, given_passphrase)
    )


def _make(home: Home, settings: Settings, at: datetime, http_port: int) -> None:
    _forget(home)
    seeded = generate(settings.seed, settings.pharmacies, settings.patients, settings.domains)
    hosts = list(dict.fromkeys((settings.host_name, "localhost", "127.0.0.1", "::1")))
    keystore = Keystore.create(home.trust, at=at, base=f"http://127.0.0.1:{http_port}", hosts=hosts)
    keystore.issue(list(_holders(seeded)), at=at)
    for address, fault in seeded.certificate_faults.items():
        if fault is CertificateFault.REVOKED:
            keystore.revoke(address, Usage.RECEIVE, at=at, reason="cessationOfOperation")
    logins = [user.login for mailbox in seeded.mailboxes for user in mailbox.users]
    logins += (profile.address for profile in seeded.patients)
    made = Secrets(
        passwords={login: secrets.token_urlsafe(9) for login in logins},
        passphrase=secrets.token_urlsafe(9),
        api_key=secrets.token_hex(16),
        control_token=secrets.token_hex(16),
        audit_key=secrets.token_hex(32),
        submission_key=secrets.token_hex(32),
        roles=dict(seeded.roles),
        http_port=http_port,
    )
    _fill_directory(home, seeded, made.passwords)
    write_exports(home, keystore, made.passphrase, shown=made.passphrase)
    made.write(home)


def _forget(home: Home) -> None:
    """What an interrupted attempt left behind is gone."""
    for folder in (home.trust, home.exports):
        shutil.rmtree(folder, ignore_errors=True)
    for suffix in ("", "-wal", "-shm"):
        home.directory_rows.with_name(home.directory_rows.name + suffix).unlink(missing_ok=True)


def _fill_directory(home: Home, seeded: Seeded, passwords: Mapping[str, str]) -> None:
    directory = Directory(DirectoryRows.open(home.path))
    try:
        directory.add(seeded.organisations, seeded.mailboxes, seeded.patients)
        with ThreadPoolExecutor() as pool:
            verifiers = pool.map(lambda one: Verifier.create(one, secrets.token_bytes(16)), passwords.values())
            directory.set_verifiers(dict(zip(passwords, verifiers, strict=True)))
    finally:
        directory.close()


def _holders(seeded: Seeded) -> Iterator[Holder]:
    """Whoever gets certificates, with the faults that are seeded on purpose."""
    places = {organisation.finess: organisation for organisation in seeded.organisations}
    for mailbox in seeded.mailboxes:
        fault = seeded.fault(mailbox.address)
        receiving = {CertificateFault.MISSING: None, CertificateFault.WRONG_USAGE: SIGNING}.get(fault, RECEIVING)
        sound = _mailbox_holder(mailbox, places.get(mailbox.organisation) if mailbox.organisation else None)
        yield replace(sound, receiving=receiving, expired=fault is CertificateFault.EXPIRED)
    for profile in seeded.patients:
        yield Holder(profile.address, PATIENT_ORGANISATION)


def _mailbox_holder(mailbox: Mailbox, place: Organisation | None) -> Holder:
    return replace(_place_holder(place), name=mailbox.address) if place else Holder(mailbox.address, mailbox.name)


def _place_holder(place: Organisation) -> Holder:
    unit = IdNatStruct.of(place.finess)
    address = place.address  # an imported one has no code
    code = f" ({address.department_code})" if address.department_code else ""
    return Holder(unit, place.name, unit, f"{address.department}{code}")


def write_exports(home: Home, keystore: Keystore, passphrase: str, *, shown: str) -> None:
    """Everything a user imports lies in the home's `exports`, with a LISEZMOI.txt that says what is what.

    `shown` is the passphrase as that says it; empty if it must not lie beside what it covers.
    """
    folder = home.exports / "pkcs12"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**authority_files(keystore), **revocation_files(keystore)}.items():
        write_public(home.exports / name, content)
    for name in (*keystore.addresses(), *keystore.organisations()):
        _export_mailbox(folder, keystore, passphrase, name)
    (home.exports / "LISEZMOI.txt").write_text(_READ_ME.format(passphrase=shown or _NOT_SHOWN), encoding="utf-8")


def _export_mailbox(folder: Path, keystore: Keystore, passphrase: str, address: str) -> None:
    """The PKCS#12 files of one mailbox hold its identities, the newest first; old ones open old messages."""
    by_usage = {usage: keystore.speaking_for(address, usage) for usage in MAIL}
    everything = [identity for identities in by_usage.values() for identity in identities]
    write_private(folder / f"{address}.p12", write_bundle(everything, passphrase, address))
    for usage, identities in by_usage.items():
        for identity in identities[:1]:
            old = compatible_bundle(identity, passphrase, address)
            write_private(folder / f"{address}.{usage.value}.compatible.p12", old)
    # Apart: a program that has it may show it, or ask whether to, wherever a server asks for a certificate.
    if (client := keystore.identity(address, Usage.CLIENT)) is not None:
        write_private(folder / f"{address}.client.p12", write_bundle([client], passphrase, address))


_FINESS_LENGTH: Final = 9
_NOT_SHOWN: Final = "mssante-sim certs export l'affiche (les clés ont une phrase de passe)"
_READ_ME: Final = """\
mssante-sim : à importer dans un logiciel de messagerie
Données fictives uniquement. Ces clés ne protègent rien : ne les utilisez nulle part ailleurs.

ca.pem, ca.der            l'autorité (racine, puis intermédiaire ; racine seule en DER)
truststore.p12            la même pour Java, mot de passe « changeit »
crl.pem, *.crl            les listes de révocation
pkcs12/ADRESSE.p12        les deux clés d'une messagerie (signature et chiffrement) avec leurs certificats
pkcs12/ADRESSE.signing.compatible.p12, ADRESSE.receiving.compatible.p12
                          les mêmes, une clé par fichier, dans l'ancien format que lit gpgsm 2.2
pkcs12/ADRESSE.client.p12 la clé qui remplace le mot de passe (authentification « Certificat TLS », EXTERNAL)

Phrase de passe de tous les fichiers de pkcs12/ : {passphrase}
Identifiants et mots de passe : mssante-sim info

Thunderbird : importer d'abord ca.pem (onglet « Autorités », cocher les deux usages),
puis pkcs12/ADRESSE.p12 (onglet « Vos certificats »), puis choisir les deux certificats
dans Paramètres du compte › Chiffrement de bout en bout › S/MIME.
"""
