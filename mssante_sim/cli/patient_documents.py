"""`mssante-sim patient documents`: the patient's documents, by category."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from mssante_sim.cli.completing import documents as document_ids
from mssante_sim.cli.display import plain, size
from mssante_sim.cli.francais import FrenchGroup
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_options import LINE, as_patient_option, category_option, dated_option
from mssante_sim.cli.patient_sending import letter_options, share_pieces
from mssante_sim.cli.printing import echo_table, progress, waiting
from mssante_sim.clients.espace.history import moment
from mssante_sim.clients.espace.saving import write_to
from mssante_sim.clients.espace.visits import visit
from mssante_sim.patient import api
from mssante_sim.patient.documents import read_document

__all__ = ["document_facts", "documents"]


@click.group(cls=FrenchGroup)
def documents() -> None:
    """Les documents du patient : les ranger, les lire, les partager."""


def document_facts(one: api.Document) -> dict[str, Any]:
    """As JSON."""
    return {
        "id": one.id,
        "nom": one.name,
        "titre": one.title,
        "catégorie": one.category,
        "type": one.content_type,
        "octets": one.octets,
        "auteur": one.author,
        "daté": one.dated.isoformat() if one.dated else None,
        "ajouté": one.added.isoformat(),
        "ajouté_par": one.added_by,
        "xdm": one.xdm,
    }


def _day(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""


@documents.command("list")
@home_option
@as_patient_option
@category_option("Seulement cette catégorie.")
@as_json_option
def list_documents(home: Path, who: str | None, category: str | None, as_json: bool) -> None:
    """Énumère les documents, le dernier ajouté d'abord."""
    with visit(home, who) as espace:
        found = espace.documents(category).documents
    if as_json:
        print_json([document_facts(one) for one in found])
        return
    rows = [(one.id, one.category_label, one.title, one.author, _day(one.dated), size(one.octets)) for one in found]
    echo_table(("ID", "CATÉGORIE", "TITRE", "AUTEUR", "DATE", "TAILLE"), rows, nothing="Aucun document.")


@documents.command("add")
@home_option
@as_patient_option
@click.argument("file", metavar="FICHIER", type=click.Path(path_type=Path))
@category_option("La catégorie ; AUTR_DOC si rien n'est dit.")
@click.option("--title", type=LINE, help="Le titre ; le nom du fichier si rien n'est dit.")
@click.option("--author", type=LINE, help="Qui l'a écrit.")
@dated_option
@as_json_option
def add_document(
    home: Path,
    who: str | None,
    file: Path,
    category: str | None,
    title: str | None,
    author: str | None,
    dated: date | None,
    as_json: bool,
) -> None:
    """Ajoute un fichier aux documents : pdf, txt, rtf, jpg, png ou tif, 5 Mo au plus."""
    with visit(home, who) as espace:
        given = read_document(file)
        with progress("Ajout", len(given.content)) as update:
            added = espace.add(given, category=category, title=title, author=author, dated=dated, progress=update)
    if as_json:
        print_json(document_facts(added))
        return
    click.echo(_added(added))


def _added(document: api.Document) -> str:
    return f"Document {document.id} ajouté : {plain(document.title)} ({size(document.octets)})."


@documents.command("show")
@home_option
@as_patient_option
@click.argument("document", metavar="ID", shell_complete=document_ids)
@click.option("--save", type=click.Path(path_type=Path), help="Enregistre le document dans ce fichier ou ce dossier.")
@click.option("--xdm", type=click.Path(path_type=Path), help="Enregistre l'IHE_XDM.ZIP dont il vient.")
@as_json_option
def show_document(
    home: Path, who: str | None, document: str, save: Path | None, xdm: Path | None, as_json: bool
) -> None:
    """Montre ce que l'on sait d'un document, et l'enregistre sans rien écraser."""
    saved: list[Path] = []
    with visit(home, who) as espace:
        found = espace.document(document)
        with waiting("Réception", found.octets):
            if save is not None:
                saved.append(write_to(save, found.name, espace.content(document)))
            if xdm is not None:
                saved.append(write_to(xdm, "IHE_XDM.ZIP", espace.xdm(document)))
    if as_json:
        print_json(document_facts(found) | {"enregistré": [str(path) for path in saved]})
        return
    facts = (
        ("Titre", found.title),
        ("Catégorie", f"{found.category_label} ({found.category})"),
        ("Fichier", f"{found.name} ({found.content_type}, {size(found.octets)})"),
        ("Auteur", found.author),
        ("Daté du", _day(found.dated)),
        ("Ajouté", f"le {moment(found.added)} par {found.added_by}"),
        ("Archive", "reçu dans un IHE_XDM.ZIP (--xdm l'enregistre)" if found.xdm else ""),
    )
    for label, value in facts:
        if value:
            click.echo(f"{label:<10}: {plain(value)}")
    for path in saved:
        click.echo(f"Enregistré : {path}")


@documents.command("remove")
@home_option
@as_patient_option
@click.argument("document", metavar="ID", shell_complete=document_ids)
@as_json_option
def remove_document(home: Path, who: str | None, document: str, as_json: bool) -> None:
    """Supprime un document."""
    with visit(home, who) as espace:
        espace.remove(document)
    if as_json:
        print_json({"id": document, "supprimé": True})
        return
    click.echo(f"Document {document} supprimé.")


@documents.command("keep")
@home_option
@as_patient_option
@click.argument("message", metavar="MESSAGE")
@click.option("--piece", type=click.IntRange(min=1), default=1, show_default=True, help="Laquelle de ses pièces.")
@category_option("La catégorie ; AUTR_DOC si rien n'est dit.")
@as_json_option
def keep(home: Path, who: str | None, message: str, piece: int, category: str | None, as_json: bool) -> None:
    """Range une pièce jointe d'un message parmi les documents."""
    with visit(home, who) as espace:
        kept = espace.keep(message, piece, category)
    if as_json:
        print_json(document_facts(kept))
        return
    click.echo(_added(kept))


@documents.command("share")
@home_option
@as_patient_option
@click.argument("shared", metavar="ID...", nargs=-1, required=True, shell_complete=document_ids)
@letter_options
@as_json_option
def share(home: Path, who: str | None, shared: Sequence[str], **given: Any) -> None:
    """Partage des documents : choisir la pharmacie, relire le message, envoyer."""
    share_pieces(home, who, shared, **given)
