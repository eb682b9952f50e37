"""`mssante-sim patient history`: everything exchanged, in order, with its states; and its export."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mssante_sim.cli.dates import since_option
from mssante_sim.cli.display import ReadingProgress, paint, plain, size
from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_options import as_patient_option
from mssante_sim.cli.patient_reading import conversation_facts
from mssante_sim.cli.printing import progress
from mssante_sim.clients.espace.history import closing_of, export, moment, states_of
from mssante_sim.clients.espace.history import history as read_history
from mssante_sim.clients.espace.visits import visit
from mssante_sim.clock import SystemClock
from mssante_sim.patient import api

__all__ = ["history"]


@click.command(cls=FrenchCommand)
@home_option
@as_patient_option
@click.option("--pharmacy", metavar="FINESS|NOM", help="Seulement avec cette pharmacie.")
@since_option
@click.option("--conversation", metavar="ID", help="Seulement cette conversation, par son numéro.")
@click.option(
    "--export",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Enregistre tout dans ce dossier : un dossier par conversation, en clair.",
)
@as_json_option
def history(
    home: Path,
    who: str | None,
    pharmacy: str | None,
    since: datetime | None,
    conversation: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Raconte tout ce qui a été échangé, dans l'ordre, avec ce qu'il en est advenu."""
    if conversation is not None and (pharmacy is not None or since is not None):
        raise click.UsageError("Choisissez --conversation, ou bien --pharmacy et --since.")
    index = None
    with visit(home, who) as espace:
        if conversation is not None:
            found = [espace.conversation(conversation)]
        else:
            found = read_history(espace, pharmacy, since, read=ReadingProgress())
        if folder is not None:
            length = sum(line.octets for one in found for line in one.messages)
            with progress("Export", length) as update:
                index = export(espace, found, folder, at=SystemClock().now(), done=update)
    if as_json:
        told = [_facts(one) for one in found]
        print_json(told if index is None else {"conversations": told, "index": str(index)})
        return
    for one in found:
        _print(one)
    if not found:
        click.echo("Rien n'a été échangé.")
    if index is not None:
        click.echo(f"Exporté : {index}")


def _facts(one: api.Conversation) -> dict[str, Any]:
    messages = [
        {
            "id": line.id,
            "sens": "envoyé" if line.direction == "sent" else "reçu",
            "date": line.date.isoformat(),
            "objet": line.subject,
            "états": states_of(line),
            "ouvert": line.opened.isoformat() if line.opened else None,
            "pièces": [{"nom": file.name, "octets": file.octets} for file in line.attachments],
        }
        for line in one.messages
    ]
    return conversation_facts(one.conversation) | {"échanges": messages}


def _print(one: api.Conversation) -> None:
    head = one.conversation
    click.echo(paint(plain(f"{head.pharmacy.label} · {head.subject}"), "cyan"))
    for line in one.messages:
        way = "→" if line.direction == "sent" else "←"
        states = ", ".join(states_of(line))
        click.echo(f"  {way} {moment(line.date)}  {plain(f'{line.id}  {line.subject} : {states}')}")
        for file in line.attachments:
            click.echo(f"      {plain(file.name)} ({size(file.octets)})")
    if closed := closing_of(head):
        click.echo(f"  {plain(closed)}")
    click.echo()
