"""`pharmacy list` et `pharmacy open`."""

import sys
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click

from mssante_sim.cli.display import ReadingProgress, columns, paint, plain, plain_text
from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import as_json_option, print_json
from mssante_sim.cli.workplace import at_desk, now, since_option, with_mailbox
from mssante_sim.clients.answering import ANSWERED
from mssante_sim.clients.conformity import warnings_about
from mssante_sim.clients.correspondence import Filed, filed_message, filed_messages, told_by
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.reading import Opened
from mssante_sim.clients.receipts import decide_receipt, receipt_due
from mssante_sim.clients.submission import Refused, Unreachable
from mssante_sim.message.ordering import sent_date

__all__ = ["list_messages", "open_one", "protection", "sender_of", "summary"]


def sender_of(filed: Filed) -> str:
    """Who wrote, as a person is told."""
    if filed.sender is None:
        return "(expéditeur illisible)"
    return plain(filed.sender.name or filed.sender.address)


def protection(opened: Opened) -> str:
    """How a message came, as a person is told."""
    secrecy = "déchiffré" if opened.encrypted else "reçu en clair"
    if opened.signer is not None:
        return f"{secrecy}, signature valide de {plain(opened.signer)}"
    return f"{secrecy}, " + (f"SIGNATURE DOUTEUSE ({opened.doubt})" if opened.doubt else "non signé")


def summary(filed: Filed) -> dict[str, object]:
    """The facts of a message for programs."""
    folder = {"uid": filed.uid, "arrivée": filed.received.isoformat()}
    opened = filed.opened
    if opened is None:
        return {**folder, "lisible": False}
    told = told_by(filed)
    return {
        **folder,
        "lisible": True,
        "de": filed.sender.address if filed.sender else None,
        "nom": filed.sender.name if filed.sender else None,
        "patient": filed.from_patient,
        "objet": opened.subject,
        "date": opened.date,
        "message_id": opened.message_id,
        "chiffré": opened.encrypted,
        "signataire": opened.signer,
        "vérifié_au": opened.verified_at.isoformat() if opened.verified_at else None,
        "doute": opened.doubt,
        "pièces": [{"nom": a.name, "octets": len(a.content)} for a in opened.attachments],
        "état": filed.state.label if filed.state else None,
        "répondu": filed.has(ANSWERED),
        "accusé_demandé": receipt_due(filed) is not None,
        "avis": {"sur": told.about, "texte": told.sentence} if told else None,
        "avertissements": warnings_about(opened, from_patient=filed.from_patient),
    }


@click.command("list", cls=FrenchCommand)
@at_desk
@since_option
@as_json_option
def list_messages(desk: Desk, since: datetime | None, as_json: bool) -> None:
    """Énumère les messages reçus."""

    async def read(client: MailboxClient) -> list[_Line]:
        found = filed_messages(client, desk, at=now(), since=since, progress=ReadingProgress())
        return [_Line(summary(one), _row(one), _colour(one)) async for one in found]

    lines = with_mailbox(desk, read)
    if as_json:
        print_json([one.facts for one in lines])
    elif lines:
        headings = ("UID", "Reçu le", "De", "État", "Objet", "Sécurité")
        click.echo(columns(headings, [one.row for one in lines], [one.colour for one in lines]))
    else:
        click.echo("Aucun message.")


class _Line(NamedTuple):
    facts: dict[str, object]
    row: tuple[str, ...]
    colour: str | None


def _colour(filed: Filed) -> str | None:
    return "red" if filed.opened is None or filed.opened.doubt else None


def _row(filed: Filed) -> tuple[str, ...]:
    opened = filed.opened
    start = (str(filed.uid), f"{filed.received.astimezone():%d/%m/%Y %H:%M}", sender_of(filed))
    if opened is None:
        return *start, "", "", "illisible avec ces clés"
    state = filed.state.label if filed.state else ("Répondu" if filed.has(ANSWERED) else "")
    if (told := told_by(filed)) is not None:
        return *start, "", f"Avis : message {told.sentence}", protection(opened)
    return *start, state, opened.subject, protection(opened)


@click.command("open", cls=FrenchCommand, short_help="Ouvre un message.")
@at_desk
@click.argument("uid", type=int)
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    help="Enregistre les pièces jointes dans ce dossier.",
)
@click.option(
    "--receipt",
    type=click.Choice(["yes", "no"]),
    help="Renvoie, ou refuse pour de bon, l'accusé de lecture demandé (sinon la question est posée).",
)
@as_json_option
def open_one(desk: Desk, uid: int, save: Path | None, receipt: str | None, as_json: bool) -> None:
    """Déchiffre et vérifie un message, l'affiche et le marque comme lu."""

    async def read(client: MailboxClient) -> Filed:
        filed = await filed_message(client, desk, uid, at=now())
        filed.require_opened()
        await client.change_flags(uid, add=["\\Seen"])
        return filed

    filed = with_mailbox(desk, read)
    opened = filed.require_opened()
    saved = desk.save(opened, save) if save is not None else []
    if not as_json:
        _print_opened(filed, opened, saved)
    answer = _receipt_answer(filed, receipt, ask=not as_json and sys.stdin.isatty())
    counts = answer is not None and _answer_receipt(desk, filed, send=answer)
    if as_json:
        files = [str(path) for path in saved]
        print_json(
            {**summary(filed), "texte": opened.text, "enregistré": files, "accusé_renvoyé": counts and answer is True}
        )
    elif counts:
        click.echo("Accusé de lecture renvoyé." if answer else "Accusé de lecture refusé.")
    elif answer is not None:
        click.echo("Un membre de l'équipe a déjà décidé de cet accusé de lecture.")


def _print_opened(filed: Filed, opened: Opened, saved: list[Path]) -> None:
    address = f" <{plain(filed.sender.address)}>" if filed.sender else ""
    click.echo(f"De       : {sender_of(filed)}{address}")
    click.echo(f"Date     : {sent_date(filed.header.get('date'), filed.received).astimezone():%d/%m/%Y à %H:%M}")
    click.echo(f"Objet    : {plain(opened.subject)}")
    if filed.state is not None:
        click.echo(f"État     : {filed.state.label}")
    click.echo(f"Sécurité : {paint(protection(opened), 'red') if opened.doubt else protection(opened)}")
    if (told := told_by(filed)) is not None:
        click.echo(f"Avis     : message {told.sentence}")
    for warning in warnings_about(opened, from_patient=filed.from_patient):
        click.echo(f"{paint('Attention', 'yellow')} : {warning}")
    click.echo(f"\n{plain_text(opened.text.rstrip())}\n")
    for attachment in opened.attachments:
        kind = plain(attachment.content_type)
        click.echo(f"Pièce    : {plain(attachment.name)} ({kind}, {len(attachment.content)} octets)")
    for path in saved:
        click.echo(f"Enregistré : {path}")


def _receipt_answer(filed: Filed, receipt: str | None, *, ask: bool) -> bool | None:
    """What to answer who asks for a receipt; None: nothing, not now."""
    due = receipt_due(filed)
    if due is None:
        return None
    if receipt is not None:
        return receipt == "yes"
    if not ask:
        told = "L'expéditeur demande un accusé de lecture : --receipt yes le renvoie, --receipt no le refuse."
        click.echo(told, err=True)
        return None
    return click.confirm("L'expéditeur demande un accusé de lecture. Le renvoyer ?", default=False)


def _answer_receipt(desk: Desk, filed: Filed, *, send: bool) -> bool:
    async def decide(client: MailboxClient) -> bool:
        return await decide_receipt(desk, client, filed, send=send, at=now())

    try:
        return with_mailbox(desk, decide)
    except (Refused, Unreachable) as error:
        error.french = f"L'accusé de lecture n'a pas été renvoyé : {error.french or error.public}"
        raise
