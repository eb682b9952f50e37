"""Choosing a pharmacy: those already visited, then a search by name and place; and `patient pharmacies`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from mssante_sim.cli.display import paint, plain
from mssante_sim.cli.francais import FrenchGroup
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_options import as_patient_option, name_option, place_option
from mssante_sim.cli.printing import echo_table, interactive
from mssante_sim.clients.espace.answers import Misused
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.espace.visits import visit
from mssante_sim.errors import SimulatorError
from mssante_sim.patient import api

__all__ = ["choose_pharmacy", "pharmacies", "pharmacy_facts", "place_of"]

_AGAIN: Final = "r"
_MORE: Final = "s"
_NOTHING: Final = "Aucune pharmacie ne répond à cette recherche ; élargissez le nom ou le lieu."


class PharmacyNotChosen(SimulatorError):
    """No pharmacy, or several, answer to what was asked."""

    exit_code = 3


def choose_pharmacy(espace: EspaceSante, *, finess: str | None, name: str | None, place: str | None) -> api.Pharmacy:
    """The pharmacy of that number, or the one found by name and place, asking where several are and someone can answer.

    Raises:
        PharmacyNotChosen: none, or several and nobody to ask.
        NotTaken: one cannot write to the one of that number; the sentence says why.
    """
    if finess is not None:
        return espace.pharmacy(finess.strip().upper())
    if not interactive():
        return _the_only_one(espace, name, place)
    return _ask(espace, name, place)


def place_of(pharmacy: api.Pharmacy) -> str:
    """Its address on one line."""
    return f"{', '.join(pharmacy.lines)}, {pharmacy.postal_code} {pharmacy.town}"


def _line(pharmacy: api.Pharmacy) -> str:
    return f"{pharmacy.label} · {place_of(pharmacy)} · FINESS {pharmacy.finess}"


def _the_only_one(espace: EspaceSante, name: str | None, place: str | None) -> api.Pharmacy:
    if not name and not place:
        raise PharmacyNotChosen("Indiquez la pharmacie : --pharmacy FINESS, ou --name et/ou --place.")
    found = espace.search(name, place)
    if len(found.pharmacies) == 1:
        return found.pharmacies[0]
    if not found.pharmacies:
        raise PharmacyNotChosen(_nothing(found))
    for pharmacy in found.pharmacies:
        click.echo(f"  {plain(_line(pharmacy))}", err=True)
    if found.next is not None:
        click.echo("  … et d'autres.", err=True)
    raise PharmacyNotChosen("Plusieurs pharmacies répondent : précisez avec --pharmacy FINESS.")


def _nothing(found: api.PharmacyPage) -> str:
    return f"{found.absent.label} : {found.absent.sentence}" if found.absent else _NOTHING


def _ask(espace: EspaceSante, name: str | None, place: str | None) -> api.Pharmacy:
    """What the patient chose, who may search again and again."""
    if not name and not place and (chosen := _among_visited(espace)) is not None:
        return chosen
    while True:
        if not name and not place:
            click.echo(paint("Rechercher une autre pharmacie", "cyan"), err=True)
            name = _typed("Nom de la pharmacie (Entrée pour passer)")
            place = _typed("Ville, département ou code postal (Entrée pour passer)")
        try:
            chosen = _among_found(espace, name, place)
        except Misused as error:  # nothing to search, or too long
            click.echo(error.french, err=True)
            chosen = None
        if chosen is not None:
            return chosen
        name = place = None


def _typed(question: str) -> str:
    answer: str = click.prompt(question, default="", show_default=False, err=True)
    return answer.strip()


def _among_visited(espace: EspaceSante) -> api.Pharmacy | None:
    """One of the pharmacies already visited; None to search another."""
    visited = espace.visited()
    if not visited:
        return None
    click.echo(paint("Pharmacies que j'ai déjà fréquentées", "cyan"), err=True)
    _show(visited, 1)
    answer = _answer(len(visited), {_AGAIN: "rechercher une autre pharmacie"})
    return visited[answer - 1] if isinstance(answer, int) else None


def _among_found(espace: EspaceSante, name: str | None, place: str | None) -> api.Pharmacy | None:
    """One of those found, page after page; None to search again."""
    page = espace.search(name, place)
    if not page.pharmacies:
        click.echo(plain(_nothing(page)), err=True)
        return None
    seen: list[api.Pharmacy] = []
    while True:
        _show(page.pharmacies, len(seen) + 1)
        seen += page.pharmacies
        more = {_MORE: "suite"} if page.next is not None else {}
        answer = _answer(len(seen), {**more, _AGAIN: "nouvelle recherche"})
        if isinstance(answer, int):
            return seen[answer - 1]
        if answer == _AGAIN or page.next is None:
            return None
        page = espace.search(name, place, page.next)


def _answer(most: int, letters: dict[str, str]) -> int | str:
    """A number up to `most`, or one of the letters."""
    ways = ", ".join(f"{letter} = {meaning}" for letter, meaning in letters.items())
    while True:
        answer = _typed(f"Votre choix (1{f' à {most}' if most > 1 else ''}, {ways})").lower()
        if answer in letters:
            return answer
        if answer.isdecimal() and 1 <= int(answer) <= most:
            return int(answer)
        click.echo("Ce choix n'est pas proposé.", err=True)


def _show(pharmacies: Sequence[api.Pharmacy], first: int) -> None:
    for number, pharmacy in enumerate(pharmacies, first):
        click.echo(f"{number:3}. {plain(_line(pharmacy))}", err=True)


@click.group(cls=FrenchGroup)
def pharmacies() -> None:
    """Les pharmacies : celles déjà fréquentées, et la recherche d'une autre."""


def pharmacy_facts(pharmacy: api.Pharmacy) -> dict[str, object]:
    """As JSON."""
    return {
        "finess": pharmacy.finess,
        "nom": pharmacy.label,
        "adresse": pharmacy.lines,
        "code_postal": pharmacy.postal_code,
        "ville": pharmacy.town,
    }


def _print(found: Sequence[api.Pharmacy], nothing: str) -> None:
    rows = [(one.finess, one.label, place_of(one)) for one in found]
    echo_table(("FINESS", "PHARMACIE", "ADRESSE"), rows, nothing=nothing)


@pharmacies.command("visited")
@home_option
@as_patient_option
@as_json_option
def list_visited(home: Path, who: str | None, as_json: bool) -> None:
    """Énumère les pharmacies déjà fréquentées, la dernière d'abord."""
    with visit(home, who) as espace:
        found = espace.visited()
    if as_json:
        print_json([pharmacy_facts(one) for one in found])
        return
    _print(found, "Aucune pharmacie n'a encore délivré d'ordonnance envoyée d'ici.")


@pharmacies.command("search")
@home_option
@as_patient_option
@name_option("Le nom, ou une partie.")
@place_option("Le lieu : ville, département ou code postal.")
@click.option("--page", type=click.IntRange(min=1), default=1, help="Page de vingt pharmacies.")
@as_json_option
def search_pharmacies(
    home: Path, who: str | None, name: str | None, place: str | None, page: int, as_json: bool
) -> None:
    """Cherche une pharmacie par son nom, par son lieu, ou les deux."""
    with visit(home, who) as espace:
        found = espace.search(name, place, page)
    if as_json:
        absent = found.absent and {"nom": found.absent.label, "motif": found.absent.error}
        entries = [pharmacy_facts(one) for one in found.pharmacies]
        print_json({"pharmacies": entries, "page": found.page, "suite": found.next, "absente": absent})
        return
    _print(found.pharmacies, _nothing(found))
    if found.next is not None:
        click.echo(f"Suite : --page {found.next}")
