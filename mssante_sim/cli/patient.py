"""`mssante-sim patient`: Mon espace santé, au clavier."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mssante_sim.cli.francais import FrenchGroup
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.clients.annuaire import Annuaire, Pharmacy
from mssante_sim.clients.prescription import Letter, read_draft, submission_for, write_letter
from mssante_sim.clients.running import Account, Running
from mssante_sim.clients.submission import Refused, Unreachable
from mssante_sim.clock import SystemClock
from mssante_sim.errors import SimulatorError
from mssante_sim.patient.documents import MAX_MESSAGE_OCTETS, Document, DocumentRefused, read_document
from mssante_sim.patient.proposal import PAPER_REMINDER, propose
from mssante_sim.smtp import replies

__all__ = ["choose_pharmacy", "patient"]


class PharmacyNotChosen(SimulatorError):
    """No pharmacy, or several, answer to what was asked."""

    exit_code = 3


@click.group(cls=FrenchGroup)
def patient() -> None:
    """Le patient : envoyer une ordonnance à une pharmacie."""


@patient.command("list")
@home_option
@as_json_option
def list_patients(home: Path, as_json: bool) -> None:
    """Énumère les patients fictifs."""
    patients = [a for a in Running.read(home).accounts if a.kind == "patient"]
    if as_json:
        print_json([{"ins": a.identifier, "nom": a.display_name, "activé": a.activated} for a in patients])
        return
    for account in patients:
        note = "" if account.activated else "  (profil non activé)"
        click.echo(f"{account.identifier}  {account.display_name}{note}")


@patient.command()
@home_option
@click.option("--as", "who", metavar="PATIENT", help="Le patient : son INS ou une partie de son nom.")
@click.option(
    "--document", "documents", multiple=True, type=click.Path(path_type=Path), help="L'ordonnance ; peut se répéter."
)
@click.option(
    "--attach", "attachments", multiple=True, type=click.Path(path_type=Path), help="Une autre pièce ; peut se répéter."
)
@click.option("--message", help="Le texte, à la place de celui qui est proposé.")
@click.option("--pharmacy", "finess", metavar="FINESS", help="La pharmacie, par son numéro FINESS, sans question.")
@click.option("--name", "name", help="Cherche la pharmacie par son nom.")
@click.option("--place", help="Cherche la pharmacie par sa ville.")
@click.option("--draft", type=click.Path(path_type=Path), help="Renvoie un brouillon gardé, sans le dédoubler.")
def send(
    home: Path,
    who: str | None,
    documents: Sequence[Path],
    attachments: Sequence[Path],
    message: str | None,
    finess: str | None,
    name: str | None,
    place: str | None,
    draft: Path | None,
) -> None:
    """Envoie une ordonnance à une pharmacie, choisie dans l'annuaire."""
    running = Running.read(home)
    if draft is not None:
        letter = read_draft(draft)
        _submit(running, running.account(letter.sender), letter, kept=draft)
        return
    if who is None or not documents:
        raise click.UsageError("Il faut --as PATIENT et au moins un --document (ou bien --draft).")
    account = running.account(who)
    pieces = [read_document(path) for path in (*documents, *attachments)]
    _announce(pieces)
    text = _text(account, pieces, message)
    annuaire = Annuaire(running.fhir_base, running.api_key)
    pharmacy = choose_pharmacy(annuaire, finess=finess, name=name, place=place)
    click.echo(f"Destinataire : {pharmacy.label}, {pharmacy.postal_code} {pharmacy.town}, FINESS {pharmacy.finess}")
    letter = write_letter(
        account,
        pharmacy,
        subject=propose(account.display_name, pieces).subject,
        text=text,
        documents=pieces,
        at=SystemClock().now(),
    )
    _submit(running, account, letter)


def _text(account: Account, pieces: Sequence[Document], message: str | None) -> str:
    text = propose(account.display_name, pieces).text if message is None else message
    if not text.strip():
        raise click.UsageError("Le message est vide : écrivez quelques mots.")
    return text


def _announce(pieces: Sequence[Document]) -> None:
    total = sum(len(piece.content) for piece in pieces)
    for piece in pieces:
        click.echo(f"Pièce jointe : {piece.name} ({_size(len(piece.content))})")
    click.echo(f"Taille totale : {_size(total)}")
    if total * 4 // 3 > MAX_MESSAGE_OCTETS:  # base64 makes four octets of three
        raise DocumentRefused("Ces documents dépassent ensemble 25 Mo une fois préparés : envoyez-en moins à la fois.")


def _size(octets: int) -> str:
    return f"{octets / 1024 / 1024:.1f} Mo".replace(".", ",") if octets >= 1024 * 1024 else f"{-(-octets // 1024)} ko"


def choose_pharmacy(annuaire: Annuaire, *, finess: str | None, name: str | None, place: str | None) -> Pharmacy:
    """The pharmacy of that number, or the one found by name and place, asking where several are and someone can answer.

    Raises:
        PharmacyNotChosen: none, or several and nobody to ask.
    """
    if finess is not None:
        found = annuaire.by_finess(finess)
        if not found:
            raise PharmacyNotChosen(
                f"Aucune pharmacie de FINESS {finess} n'a de messagerie dans l'annuaire :"
                " cherchez-en une par nom ou par ville."
            )
        return found[0]
    interactive = sys.stdin.isatty()
    if not name and not place and interactive:
        name = click.prompt("Nom de la pharmacie (Entrée pour passer)", default="", show_default=False) or None
        place = click.prompt("Ville (Entrée pour passer)", default="", show_default=False) or None
    if not name and not place:
        raise PharmacyNotChosen("Indiquez la pharmacie : --pharmacy FINESS, ou --name et/ou --place.")
    found = annuaire.search(name, place)
    if not found:
        raise PharmacyNotChosen("Aucune pharmacie ne répond à cette recherche ; élargissez le nom ou la ville.")
    if len(found) == 1:
        return found[0]
    return _ask(found, interactive)


def _ask(found: Sequence[Pharmacy], interactive: bool) -> Pharmacy:
    for number, pharmacy in enumerate(found, 1):
        address = f"{pharmacy.line}, {pharmacy.postal_code} {pharmacy.town}"
        click.echo(f"{number:3}. {pharmacy.label} · {address} · FINESS {pharmacy.finess}", err=not interactive)
    if not interactive:
        raise PharmacyNotChosen("Plusieurs pharmacies répondent : précisez avec --pharmacy FINESS.")
    number = click.prompt("Votre choix", type=click.IntRange(1, len(found)))
    return found[number - 1]


def _submit(running: Running, account: Account, letter: Letter, *, kept: Path | None = None) -> None:
    try:
        with click.progressbar(length=len(letter.octets), label="Envoi", file=sys.stderr) as bar:
            receipt = submission_for(running, account).send(
                letter.octets, sender=letter.sender, recipients=[letter.recipient], progress=bar.update
            )
    except (Refused, Unreachable) as error:
        if isinstance(error, Refused) and error.word:
            error.french = f"{replies.french(error.word)} [{error.public}]"
        path = kept or letter.keep(Path.cwd())
        error.french = f"{error.french or error.public}\nBrouillon gardé : {path} (à renvoyer avec --draft)"
        raise
    click.echo(f"Remis au serveur de la pharmacie ({receipt.reply}).")
    click.echo(PAPER_REMINDER)
