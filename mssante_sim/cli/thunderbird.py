"""`mssante-sim pharmacy thunderbird` : le poste de la pharmacie, dans Thunderbird."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import home_option
from mssante_sim.clients.running import Running
from mssante_sim.clients.thunderbird.launch import chosen_login, place, prepare, wait_for_end
from mssante_sim.clients.thunderbird.program import require_usable, started

__all__ = ["thunderbird"]


@click.command(cls=FrenchCommand)
@home_option
@click.argument("who", metavar="PHARMACIE")
@click.option("--user", metavar="IDENTIFIANT", help="Lequel des utilisateurs de la boîte (par défaut : le premier).")
@click.option(
    "--keep",
    metavar="DOSSIER",
    type=click.Path(path_type=Path),
    callback=lambda _ctx, _param, value: value and value.expanduser().absolute(),
    help="Conserve le profil, clés et mot de passe compris, dans ce dossier nouveau.",
)
def thunderbird(home: Path, who: str, user: str | None, keep: Path | None) -> None:
    """Ouvre Thunderbird sur la boîte d'une pharmacie, prêt à l'emploi, avec un profil jetable.

    PHARMACIE est un FINESS, une adresse, un identifiant ou une partie du nom. Le compte, l'autorité, les
    clés et le mot de passe sont en place ; les états d'une commande (« Prête »…) sont des étiquettes.
    Votre profil habituel n'est pas touché. Fermer Thunderbird, ou Ctrl-C ici, efface le profil.
    """
    require_usable(os.environ)
    running = Running.read(home)
    account = running.account(who)
    login = chosen_login(account, user)
    with _ended_by_any_signal(), place(keep) as profile:
        click.echo(f"Préparation de Thunderbird pour {account.display_name} <{account.address}>…")
        prepare(profile, running, account, login)
        with started(profile) as program:
            click.echo(f"Thunderbird est à vous, en tant que {login.name}. Le fermer, ou Ctrl-C ici, termine.")
            wait_for_end(program, profile)
    if keep is not None:
        click.echo(f"Profil conservé dans {keep} ; il contient les clés et le mot de passe de cette boîte fictive.")


@contextmanager
def _ended_by_any_signal() -> Iterator[None]:
    """SIGTERM and a closed terminal end the block as Ctrl-C does, so that what is to be deleted is."""
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for name in ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
        if (number := getattr(signal, name, None)) is not None
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
