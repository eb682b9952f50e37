"""`mssante-sim pharmacy` : le poste de la pharmacie, au clavier."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import click

from mssante_sim.cli.francais import FrenchGroup
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.thunderbird import thunderbird
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.reading import Opened, Unreadable
from mssante_sim.clients.running import Running
from mssante_sim.clients.watching import Arrival, Interruption, Listening, watch
from mssante_sim.clock import SystemClock
from mssante_sim.errors import SimulatorError

__all__ = ["pharmacy"]

_T = TypeVar("_T")


class MessageMissing(SimulatorError):
    """The mailbox holds no such message."""

    exit_code = 2


@click.group(cls=FrenchGroup)
def pharmacy() -> None:
    """La pharmacie : être alertée, lire, enregistrer."""


pharmacy.add_command(thunderbird)


def _as_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--as", "who", metavar="PHARMACIE", required=True, help="FINESS, adresse, identifiant ou partie du nom."
    )(command)


@pharmacy.command("watch")
@home_option
@_as_option
@click.option("--once", is_flag=True, help="S'arrête après le premier message.")
def watch_mailbox(home: Path, who: str, once: bool) -> None:
    """Attend les ordonnances et affiche chacune dès son arrivée (Ctrl-C pour arrêter)."""
    desk = Desk.of(Running.read(home), who)
    asyncio.run(_watch(desk, once=once))


async def _watch(desk: Desk, *, once: bool) -> None:
    async with aclosing(watch(desk.access())) as events:
        async for event in events:
            match event:
                case Listening():
                    click.echo(f"À l'écoute de {desk.account.display_name} <{desk.account.address}>.")
                case Interruption(reason, pause_s):
                    click.echo(f"{reason.french} Nouvel essai dans {pause_s:.0f} s.", err=True)
                case Arrival(uid, octets):
                    _print_arrival(desk, uid, octets)
                    if once:
                        return


def _print_arrival(desk: Desk, uid: int, octets: bytes) -> None:
    try:
        opened = desk.open(octets, at=SystemClock().now())
    except Unreadable as error:
        click.echo(f"{uid:5}  {error.french}")
        return
    click.echo(f"{uid:5}  Nouveau message de {_sender(opened)} : {_protection(opened)} · {opened.subject}")
    for attachment in opened.attachments:
        click.echo(f"       {attachment.name} ({-(-len(attachment.content) // 1024)} ko)")


def _sender(opened: Opened) -> str:
    if opened.sender is None:
        return "(expéditeur illisible)"
    return opened.sender.name or opened.sender.address


def _protection(opened: Opened) -> str:
    secrecy = "déchiffré" if opened.encrypted else "reçu en clair"
    if opened.signer is not None:
        return f"{secrecy}, signature valide de {opened.signer}"
    return f"{secrecy}, " + (f"SIGNATURE DOUTEUSE ({opened.doubt})" if opened.doubt else "non signé")


@pharmacy.command("list")
@home_option
@_as_option
@as_json_option
def list_messages(home: Path, who: str, as_json: bool) -> None:
    """Énumère les messages reçus."""
    desk = Desk.of(Running.read(home), who)

    async def read(client: MailboxClient) -> list[tuple[int, bytes]]:
        fetched = [(uid, await client.fetch(uid)) for uid in await client.uids()]
        return [(uid, octets) for uid, octets in fetched if octets is not None]

    messages = [(uid, _opened(desk, octets)) for uid, octets in _with_mailbox(desk, read)]
    if as_json:
        print_json([{"uid": uid, **_summary(opened)} for uid, opened in messages])
        return
    for uid, opened in messages:
        what = f"{_sender(opened)} · {opened.subject} · {_protection(opened)}" if opened else "illisible avec ces clés"
        click.echo(f"{uid:5}  {what}")


def _opened(desk: Desk, octets: bytes) -> Opened | None:
    try:
        return desk.open(octets, at=SystemClock().now())
    except Unreadable:
        return None


def _summary(opened: Opened | None) -> dict[str, object]:
    if opened is None:
        return {"lisible": False}
    return {
        "lisible": True,
        "de": opened.sender.address if opened.sender else None,
        "nom": opened.sender.name if opened.sender else None,
        "objet": opened.subject,
        "date": opened.date,
        "message_id": opened.message_id,
        "chiffré": opened.encrypted,
        "signataire": opened.signer,
        "doute": opened.doubt,
        "pièces": [{"nom": a.name, "octets": len(a.content)} for a in opened.attachments],
    }


@pharmacy.command("open")
@home_option
@_as_option
@click.argument("uid", type=int)
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    help="Enregistre les pièces jointes dans ce dossier.",
)
@as_json_option
def open_one(home: Path, who: str, uid: int, save: Path | None, as_json: bool) -> None:
    """Déchiffre et vérifie un message, l'affiche et le marque comme lu."""
    desk = Desk.of(Running.read(home), who)

    async def read(client: MailboxClient) -> bytes:
        octets = await client.fetch(uid)
        if octets is None:
            raise MessageMissing(f"Il n'y a pas de message {uid} ; « pharmacy list » les énumère.")
        await client.flag(uid, "\\Seen")
        return octets

    opened = desk.open(_with_mailbox(desk, read), at=SystemClock().now())
    saved = desk.save(opened, save) if save is not None else []
    if as_json:
        print_json({"uid": uid, **_summary(opened), "texte": opened.text, "enregistré": [str(p) for p in saved]})
        return
    address = f" <{opened.sender.address}>" if opened.sender else ""
    click.echo(f"De      : {_sender(opened)}{address}\nDate    : {opened.date}\nObjet   : {opened.subject}")
    click.echo(f"Sécurité: {_protection(opened)}\n\n{opened.text.rstrip()}\n")
    for attachment in opened.attachments:
        click.echo(f"Pièce   : {attachment.name} ({attachment.content_type}, {len(attachment.content)} octets)")
    for path in saved:
        click.echo(f"Enregistré : {path}")


def _with_mailbox(desk: Desk, work: Callable[[MailboxClient], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        client = await MailboxClient.connect(desk.access())
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(run())
