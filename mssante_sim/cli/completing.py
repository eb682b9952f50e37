"""What a shell proposes for the words that only a stack knows; silent where nothing can be known."""

from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.espace.visits import SignedInProfiles, visit
from mssante_sim.clients.running import Running
from mssante_sim.config import default_home
from mssante_sim.errors import SimulatorError

__all__ = ["documents", "patients", "pharmacies", "signed_in"]


def _home(ctx: click.Context) -> Path:
    given: Path | None = ctx.params.get("home")
    return given or default_home()


def _items(found: Iterable[tuple[str, str]], begun: str) -> list[CompletionItem]:
    return [CompletionItem(value, help=text) for value, text in found if value.startswith(begun)]


def patients(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """INS of every synthetic patient."""
    try:
        accounts = Running.read(_home(ctx)).accounts
    except SimulatorError:
        return []
    return _items(((a.identifier or "", a.display_name) for a in accounts if a.kind == "patient"), incomplete)


def signed_in(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """INS of whoever is signed in."""
    try:
        return _items(((one.ins, one.name) for one in SignedInProfiles(_home(ctx)).all()), incomplete)
    except SimulatorError:
        return []


def pharmacies(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """FINESS of every pharmacy of the synthetic accounts."""
    try:
        accounts = Running.read(_home(ctx)).accounts
    except SimulatorError:
        return []
    return _items(((a.identifier or "", a.display_name) for a in accounts if a.kind == "ORG"), incomplete)


def documents(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the documents of whoever is signed in."""
    try:
        with visit(_home(ctx), ctx.params.get("who")) as espace:
            return _items(_titles(espace), incomplete)
    except SimulatorError:
        return []


def _titles(espace: EspaceSante) -> Iterable[tuple[str, str]]:
    return [(one.id, one.title) for one in espace.documents().documents]
