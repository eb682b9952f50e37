"""`mssante-sim patient drafts`: messages that are written and not sent."""

from pathlib import Path
from typing import Any

import click

from mssante_sim.cli.display import plain, plain_text, size
from mssante_sim.cli.francais import FrenchGroup
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_options import as_patient_option
from mssante_sim.cli.patient_sending import send_kept
from mssante_sim.cli.printing import echo_table
from mssante_sim.clients.espace.history import moment
from mssante_sim.clients.espace.visits import visit
from mssante_sim.patient import api

__all__ = ["drafts"]


@click.group(cls=FrenchGroup)
def drafts() -> None:
    """Les brouillons : ce qui est écrit et n'est pas parti."""


def _facts(draft: api.Draft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "pharmacie": draft.to.label,
        "finess": draft.to.finess,
        "objet": draft.subject,
        "écrit": draft.created.isoformat(),
        "octets": draft.octets,
        "pièces": [{"nom": one.name, "octets": one.octets} for one in draft.attachments],
        "message_id": draft.message_id,
    }


@drafts.command("list")
@home_option
@as_patient_option
@as_json_option
def list_drafts(home: Path, who: str | None, as_json: bool) -> None:
    """Énumère les brouillons, le dernier écrit d'abord."""
    with visit(home, who) as espace:
        found = espace.drafts()
    if as_json:
        print_json([_facts(one) for one in found])
        return
    rows = [(one.id, moment(one.created), one.to.label, one.subject, size(one.octets)) for one in found]
    echo_table(("ID", "ÉCRIT LE", "PHARMACIE", "OBJET", "TAILLE"), rows, nothing="Aucun brouillon.")


@drafts.command("show")
@home_option
@as_patient_option
@click.argument("draft", metavar="ID")
@as_json_option
def show_draft(home: Path, who: str | None, draft: str, as_json: bool) -> None:
    """Montre un brouillon."""
    with visit(home, who) as espace:
        found = espace.draft(draft)
    if as_json:
        print_json(_facts(found) | {"texte": found.text})
        return
    click.echo(plain(f"À       : {found.to.label}"))
    click.echo(plain(f"Objet   : {found.subject}"))
    click.echo(f"\n{plain_text(found.text.rstrip())}\n")
    for one in found.attachments:
        click.echo(plain(f"Pièce   : {one.name} ({size(one.octets)})"))


@drafts.command("send")
@home_option
@as_patient_option
@click.argument("draft", metavar="ID")
@as_json_option
def send_draft(home: Path, who: str | None, draft: str, as_json: bool) -> None:
    """Envoie un brouillon ; il n'arrive qu'une fois, même envoyé deux fois."""
    send_kept(home, who, draft, as_json=as_json)


@drafts.command("remove")
@home_option
@as_patient_option
@click.argument("draft", metavar="ID")
@as_json_option
def remove_draft(home: Path, who: str | None, draft: str, as_json: bool) -> None:
    """Supprime un brouillon."""
    with visit(home, who) as espace:
        espace.remove_draft(draft)
    if as_json:
        print_json({"id": draft, "supprimé": True})
        return
    click.echo(f"Brouillon {draft} supprimé.")
