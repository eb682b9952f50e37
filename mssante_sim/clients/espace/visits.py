"""Who is signed in on this side: the home's `sessions.json`, and going in as one of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from mssante_sim.clients.espace.answers import SessionOver
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.running import Account, Running
from mssante_sim.config import default_home
from mssante_sim.errors import SimulatorError
from mssante_sim.home import alone, write_private
from mssante_sim.patient import api

__all__ = [
    "NotSignedIn", "SeveralSignedIn", "SignedIn", "SignedInProfiles", "command_line", "patient_account", "sign_in",
    "sign_out", "visit",
]  # fmt: skip

_FILE: Final = "sessions.json"


class NotSignedIn(SimulatorError):
    """Nobody is signed in, or not who was asked for, or the session is over."""

    exit_code = 4


class SeveralSignedIn(SimulatorError):
    """Several are signed in, and it was not said who acts."""

    exit_code = 2


class NotAPatient(SimulatorError):
    """That account is no patient's."""

    exit_code = 2


def command_line(home: Path, command: str) -> str:
    """`command` of mssante-sim as it must be typed to act in `home`."""
    where = "" if home == default_home().expanduser().absolute() else f" --home {home}"
    return f"mssante-sim {command}{where}"


def patient_account(running: Running, who: str) -> Account:
    """The patient that `who` names.  Raises: AccountNotFound, NotAPatient."""
    account = running.account(who)
    if account.kind != "patient":
        raise NotAPatient(
            f"{who!r} is no patient. mssante-sim patient list names them.",
            french=f"« {who} » n'est pas un patient. mssante-sim patient list les énumère.",
        )
    return account


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A patient who signed in; `expires` is what was said then, each request moves it."""

    name: str
    ins: str
    token: str = field(repr=False)
    expires: str

    @classmethod
    def of(cls, opened: api.SessionOpened) -> Self:
        """Whose session was just opened."""
        profile = opened.profile
        return cls(profile.name, profile.ins or "", opened.token, opened.expires.isoformat())

    def goes_by(self, who: str) -> bool:
        """Whether `who` is the INS, or a part of the name."""
        folded = who.strip().casefold()
        return folded == self.ins.casefold() or folded in self.name.casefold()

    @property
    def until(self) -> datetime:
        """When it ends if nothing is asked any more."""
        return datetime.fromisoformat(self.expires)


@dataclass(frozen=True, slots=True)
class SignedInProfiles:
    """The patients who signed in from this home, each once."""

    home: Path

    @property
    def _file(self) -> Path:
        return self.home / _FILE

    def all(self) -> tuple[SignedIn, ...]:
        """By name.  Raises: NotSignedIn: the file cannot be read."""
        try:
            entries = json.loads(self._file.read_text(encoding="utf-8"))
            return tuple(sorted((SignedIn(**entry) for entry in entries), key=lambda one: (one.name, one.ins)))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError) as error:
            raise NotSignedIn(
                f"{self._file} cannot be read; delete it and sign in again.",
                french=f"{self._file} est illisible : supprimez ce fichier, puis reconnectez-vous.",
            ) from error

    def keep(self, one: SignedIn) -> None:
        """`one` is signed in, also if it was already."""
        with alone(self._file):
            self._write([*(other for other in self.all() if other.ins != one.ins), one])

    def forget(self, one: SignedIn) -> None:
        """That session is known no more; a newer one of the same patient stays."""
        with alone(self._file):
            self._write([other for other in self.all() if other.token != one.token])

    def _write(self, entries: list[SignedIn]) -> None:
        write_private(self._file, json.dumps([asdict(one) for one in entries], ensure_ascii=False, indent=2).encode())

    def find(self, running: Running, who: str | None) -> SignedIn:
        """Whoever `who` names, or the only one who is signed in.

        Raises:
            NotSignedIn: nobody, or not that patient.
            SeveralSignedIn: it must be said who.
            AccountNotFound, NotAPatient: no patient goes by that name.
        """
        everyone = self.all()
        found = [one for one in everyone if who is None or one.goes_by(who)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f"{one.name} ({one.ins})" for one in found)
            raise SeveralSignedIn(
                f"Several profiles are signed in: {names}. Say which with --as.",
                french=f"Plusieurs profils sont connectés : {names}. Précisez lequel avec --as.",
            )
        if who is not None:
            account = patient_account(running, who)
            whom = f"{account.display_name} n'est pas connecté(e)."
            raise _sign_in_first(self.home, whom, account.identifier or account.address)
        raise _sign_in_first(self.home, "Personne n'est connecté.", "PATIENT")


def _sign_in_first(home: Path, whom: str, who: str) -> NotSignedIn:
    command = command_line(home, f"patient sign-in --as {who}")
    return NotSignedIn(f"Sign in first: {command}", french=f"{whom} Connectez-vous d'abord : {command}")


@contextmanager
def visit(home: Path, who: str | None) -> Iterator[EspaceSante]:
    """Mon espace santé as the patient that `who` names, or the only one who is signed in.

    Raises:
        StackNotRunning: nothing is up in `home`.
        NotSignedIn: no session, or it is over; it is forgotten then.
        SeveralSignedIn, AccountNotFound, NotAPatient: it is not clear who.
    """
    running = Running.read(home)
    profiles = SignedInProfiles(home)
    one = profiles.find(running, who)
    with EspaceSante(running.http, one.token) as espace:
        try:
            yield espace
        except SessionOver as error:
            profiles.forget(one)
            command = command_line(home, f"patient sign-in --as {one.ins}")
            raise NotSignedIn(
                f"The session of {one.ins} is over. Sign in again: {command}",
                french=f"La session de {one.name} est terminée. Reconnectez-vous : {command}",
            ) from error


def sign_in(home: Path, login: str, password: str) -> api.SessionOpened:
    """A patient is signed in, beside others; an earlier session of the same is ended."""
    profiles = SignedInProfiles(home)
    running = Running.read(home)
    with EspaceSante(running.http) as espace:
        opened = espace.sign_in(login, password)
    one = SignedIn.of(opened)
    for earlier in (other for other in profiles.all() if other.ins == one.ins):
        _end(running, earlier)
    profiles.keep(one)
    return opened


def sign_out(home: Path, one: SignedIn) -> None:
    """The session is over, on both sides."""
    _end(Running.read(home), one)
    SignedInProfiles(home).forget(one)


def _end(running: Running, one: SignedIn) -> None:
    """The server knows the session no more, whether it knew it or not."""
    try:
        with EspaceSante(running.http, one.token) as espace:
            espace.sign_out()
    except SessionOver:
        return
