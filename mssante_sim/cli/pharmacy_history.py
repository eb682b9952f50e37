"""`pharmacy history` : tout ce qui a été échangé."""

from datetime import datetime
from pathlib import Path

import click

from mssante_sim.cli.display import ReadingProgress, paint, plain
from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import as_json_option, print_json
from mssante_sim.cli.printing import progress
from mssante_sim.cli.workplace import at_desk, now, since_option, with_mailbox
from mssante_sim.clients.answering import Closing
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.export import export_conversations
from mssante_sim.clients.history import Conversation, Exchange, history
from mssante_sim.clients.mailbox import MailboxClient

__all__ = ["show_history"]


@click.command("history", cls=FrenchCommand, short_help="Tout ce qui a été échangé.")
@at_desk
@click.option("--patient", metavar="QUI", help="Un correspondant : INS, adresse ou partie du nom.")
@since_option
@click.option(
    "--export",
    type=click.Path(file_okay=False, path_type=Path),
    help="Écrit aussi chaque conversation, en clair, dans ce dossier.",
)
@as_json_option
def show_history(desk: Desk, patient: str | None, since: datetime | None, export: Path | None, as_json: bool) -> None:
    """Tout ce qui a été échangé, par conversation, dans l'ordre du temps."""

    async def read(client: MailboxClient) -> tuple[list[Conversation], Path | None]:
        found = await history(client, desk, at=now(), since=since, patient=patient, progress=ReadingProgress())
        if export is None:
            return found, None
        length = sum(len(one.exchanges) for one in found)
        with progress("Export", length, least=1) as step:
            index = await export_conversations(client, desk, found, export, at=now(), done=lambda _: step(1))
        return found, index

    conversations, index = with_mailbox(desk, read)
    if as_json:
        told = [_facts(one) for one in conversations]
        print_json(told if index is None else {"conversations": told, "index": str(index)})
        return
    for one in conversations:
        _print(one)
    if not conversations:
        click.echo("Aucun échange.")
    if index is not None:
        click.echo(f"Exporté : {index}")


def _print(conversation: Conversation) -> None:
    who = conversation.correspondent
    click.echo(f"{plain(who.name or who.address)} <{plain(who.address)}> · {plain(conversation.subject)}")
    for one in conversation.exchanges:
        line = f"  {one.at.astimezone():%d/%m/%Y %H:%M}  {'→' if one.outgoing else '←'} {', '.join(_states(one))}"
        click.echo(paint(line, "red") if one.doubt else line)
        if one.documents:
            click.echo(f"      {plain(', '.join(one.documents))}")
    if (closed := conversation.closed) is not None:
        by = f", par {plain(closed.author)}" if closed.author else ""
        click.echo(f"  Clos le {closed.at.astimezone():%d/%m/%Y à %H:%M}{by}")


def _states(one: Exchange) -> list[str]:
    """What became of a message, in the order in which it does."""
    own = ["envoyé" + (f" par {plain(one.author)}" if one.author else "")] if one.outgoing else ["reçu"]
    return [
        *own,
        *([one.state.label] if one.state else []),
        *(["répondu"] if one.answered else []),
        *one.news,
        *(["clôt l'échange"] if one.closing is Closing.EXCHANGE else []),
        *(["clôt tous les échanges"] if one.closing is Closing.ALL else []),
        *([f"DOUTE : {one.doubt}"] if one.doubt else []),
    ]


def _facts(conversation: Conversation) -> dict[str, object]:
    closed = conversation.closed
    return {
        "correspondant": {"nom": conversation.correspondent.name, "adresse": conversation.correspondent.address},
        "objet": conversation.subject,
        "clos": {"le": closed.at.isoformat(), "par": closed.author} if closed else None,
        "messages": [_exchange_facts(one) for one in conversation.exchanges],
    }


def _exchange_facts(one: Exchange) -> dict[str, object]:
    return {
        "dossier": one.folder,
        "uid": one.uid,
        "sens": "envoyé" if one.outgoing else "reçu",
        "date": one.at.isoformat(),
        "message_id": one.message_id,
        "objet": one.subject,
        "pièces": list(one.documents),
        "auteur": one.author,
        "état": one.state.label if one.state else None,
        "répondu": one.answered,
        "suivi": list(one.news),
        "clôture": None if one.closing is Closing.NOTHING else one.closing.value,
        "signataire": one.signer,
        "doute": one.doubt,
    }
