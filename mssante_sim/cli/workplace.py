"""What the commands of a pharmacy share: whose workplace it is, one connection, states as arguments."""

import asyncio
import functools
import unicodedata
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from mssante_sim.cli.dates import since_option
from mssante_sim.cli.options import home_option
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.running import Running
from mssante_sim.clients.states import OrderState
from mssante_sim.clock import SystemClock

__all__ = ["as_state", "at_desk", "now", "since_option", "state_slug", "with_mailbox"]

_T = TypeVar("_T")


def at_desk(command: Callable[..., None]) -> Callable[..., None]:
    """`--home`, `--as`, `--user` and `--server`, passed as `desk: Desk`."""

    @home_option
    @click.option(
        "--as", "who", metavar="PHARMACIE", required=True, help="FINESS, adresse, identifiant ou partie du nom."
    )
    @click.option("--user", metavar="LOGIN", help="Le membre de l'équipe qui agit (par défaut, le premier).")
    @click.option("--server", metavar="HOST", help="L'hôte d'IMAP et d'envoi, au lieu de celui que donne le DNS.")
    @functools.wraps(command)
    def run(home: Path, who: str, user: str | None, server: str | None, **given: Any) -> None:
        command(Desk.of(Running.read(home), who, user, server=server), **given)

    return run


def with_mailbox(desk: Desk, work: Callable[[MailboxClient], Awaitable[_T]]) -> _T:
    """What `work` returns, done over a connection of its own."""

    async def run() -> _T:
        client = await MailboxClient.connect(desk.access())
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(run())


def now() -> datetime:
    """The present instant."""
    return SystemClock().now()


def state_slug(state: OrderState) -> str:
    """How a state is written on the command line."""
    return state.label.lower().replace(" ", "-")


def _folded(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return plain.casefold().strip().replace(" ", "-").replace("_", "-")


def as_state(_ctx: click.Context, _param: click.Parameter, value: str | None) -> OrderState | None:
    """Callback of what names a state, with or without its accents."""
    if value is None:
        return None
    for state in OrderState:
        if _folded(state_slug(state)) == _folded(value):
            return state
    known = ", ".join(map(state_slug, OrderState))
    raise click.BadParameter(f"« {value} » n'est pas un état ; possibles : {known}.")
