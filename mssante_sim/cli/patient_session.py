"""`mssante-sim patient sign-in|sign-out|profiles|activate|oppose`."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from mssante_sim.cli.completing import patients
from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_options import as_patient_option
from mssante_sim.cli.printing import echo_table, interactive
from mssante_sim.clients.espace.answers import SessionOver
from mssante_sim.clients.espace.history import moment
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.espace.visits import SignedIn, SignedInProfiles, command_line, patient_account, visit
from mssante_sim.clients.espace.visits import sign_in as open_session
from mssante_sim.clients.espace.visits import sign_out as end_session
from mssante_sim.clients.running import Account, Running
from mssante_sim.errors import SimulatorError
from mssante_sim.patient import api

__all__ = ["activate", "oppose", "password_of", "password_options", "profiles", "sign_in", "sign_out"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_STATES: Final = {"activated": "activé", "opposed": "opposition", "not-activated": "non activé"}


class NotConfirmed(SimulatorError):
    """The person said no, or nobody was there to say yes."""

    exit_code = 2


def password_of(account: Account, *, synthetic: bool, from_stdin: bool) -> str:
    """The account's password: typed without echo, from standard input, or the fictitious one of the run file.

    Raises:
        click.UsageError: nobody can type it, or there is nothing on standard input.
    """
    if synthetic and from_stdin:
        raise click.UsageError("Choisissez --synthetic ou --password-stdin, pas les deux.")
    if synthetic:
        return account.logins[0].password
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise click.UsageError("L'entrée standard est vide : donnez-y le mot de passe, sur une ligne.")
        return password
    if not interactive():
        raise click.UsageError("Personne ne peut taper le mot de passe : --password-stdin, ou --synthetic.")
    typed: str = click.prompt(f"Mot de passe de {account.display_name}", hide_input=True, err=True)
    return typed


def password_options(command: _Command) -> _Command:
    """`--password-stdin` and `--synthetic`, for `password_of`."""
    for option in (
        click.option("--synthetic", is_flag=True, help="Prend le mot de passe fictif que donne « mssante-sim info »."),
        click.option("--password-stdin", is_flag=True, help="Lit le mot de passe sur l'entrée standard."),
    ):
        command = option(command)
    return command


@click.command("sign-in", cls=FrenchCommand)
@home_option
@click.option("--as", "who", metavar="PATIENT", shell_complete=patients, help="Son INS ou une partie de son nom.")
@password_options
@as_json_option
def sign_in(home: Path, who: str | None, password_stdin: bool, synthetic: bool, as_json: bool) -> None:
    """Ouvre une session ; plusieurs profils peuvent être connectés côte à côte."""
    running = Running.read(home)
    if who is None:
        if not interactive():
            raise click.UsageError("Il manque l'option « --as ».")
        who = click.prompt("INS ou nom", err=True)
    account = patient_account(running, who)
    password = password_of(account, synthetic=synthetic, from_stdin=password_stdin)
    opened = open_session(home, account.address, password)
    if as_json:
        print_json(_session_facts(opened.profile, opened.expires))
        return
    profile = opened.profile
    click.echo(f"{profile.name} est connecté(e), jusqu'au {moment(opened.expires)} si rien n'est demandé d'ici là.")
    if profile.state != "activated":
        command = command_line(home, f"patient activate --as {profile.ins}")
        click.echo(f"Profil : {_state(profile)}. Pour l'activer : {command}")


@click.command("sign-out", cls=FrenchCommand)
@home_option
@as_patient_option
@as_json_option
def sign_out(home: Path, who: str | None, as_json: bool) -> None:
    """Ferme la session."""
    one = SignedInProfiles(home).find(Running.read(home), who)
    end_session(home, one)
    if as_json:
        print_json({"ins": one.ins, "nom": one.name, "connecté": False})
        return
    click.echo(f"{one.name} est déconnecté(e).")


@click.command(cls=FrenchCommand)
@home_option
@as_json_option
def profiles(home: Path, as_json: bool) -> None:
    """Énumère les profils connectés : qui, jusqu'à quand, activé ou non."""
    running = Running.read(home)
    known = SignedInProfiles(home)
    found = [session for one in known.all() if (session := _session(running, known, one)) is not None]
    if as_json:
        print_json([_session_facts(session.profile, session.expires) for session in found])
        return
    rows = [(one.profile.ins or "", one.profile.name, _state(one.profile), moment(one.expires)) for one in found]
    nothing = f"Personne n'est connecté. Pour se connecter : {command_line(home, 'patient sign-in --as PATIENT')}"
    echo_table(("INS", "NOM", "PROFIL", "JUSQU'AU"), rows, nothing=nothing)


def _session(running: Running, known: SignedInProfiles, one: SignedIn) -> api.Session | None:
    """What the service knows of it; one that is over is forgotten."""
    try:
        with EspaceSante(running.http, one.token) as espace:
            return espace.session()
    except SessionOver:
        known.forget(one)
        return None


def _state(profile: api.Profile) -> str:
    return _STATES[profile.state or "not-activated"]


def _facts(profile: api.Profile) -> dict[str, object]:
    return {"ins": profile.ins, "nom": profile.name, "profil": _state(profile)}


def _session_facts(profile: api.Profile, expires: datetime) -> dict[str, object]:
    return _facts(profile) | {"expire": expires.isoformat()}


@click.command(cls=FrenchCommand)
@home_option
@as_patient_option
@as_json_option
def activate(home: Path, who: str | None, as_json: bool) -> None:
    """Active le profil : il faut l'avoir fait pour tout le reste."""
    with visit(home, who) as espace:
        profile = espace.activate()
    if as_json:
        print_json(_facts(profile))
        return
    click.echo(f"Le profil de {profile.name} est activé.")


@click.command(cls=FrenchCommand)
@home_option
@as_patient_option
@click.option("--yes", is_flag=True, help="Sans demander confirmation.")
@as_json_option
def oppose(home: Path, who: str | None, yes: bool, as_json: bool) -> None:
    """S'oppose à Mon espace santé : la messagerie ferme, les documents restent."""
    with visit(home, who) as espace:
        name = espace.profile().name
        if not yes:
            _confirm(f"Fermer la messagerie de {name} ? Elle ne recevra plus rien ; les documents restent")
        profile = espace.oppose()
    if as_json:
        print_json(_facts(profile))
        return
    back = command_line(home, f"patient activate --as {profile.ins}")
    click.echo(f"Opposition enregistrée pour {profile.name}. Pour revenir : {back}")


def _confirm(question: str) -> None:
    if not interactive():
        raise NotConfirmed("Personne ne peut confirmer : ajoutez --yes.")
    answer: str = click.prompt(f"{question} [oui/non]", default="non", show_default=False, err=True)
    if answer.strip().lower() not in ("o", "oui"):
        raise NotConfirmed("Rien n'a été changé.")
