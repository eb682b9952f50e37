"""Which documents stand for the directory's values, and by what each is found."""

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import Final

from mssante_sim.directory.documents import text_of
from mssante_sim.directory.identifiers import Finess
from mssante_sim.directory.lines import Line, town_of
from mssante_sim.directory.model import PHARMACY_SECTORS, Mailbox, MailboxKind, Organisation, Person, Structure
from mssante_sim.directory.search import indexed_words, words
from mssante_sim.storage.rows import Row

__all__ = [
    "DOMAIN",
    "LISTED",
    "LISTED_KINDS",
    "LISTED_ORGANISATION",
    "LISTED_PICK",
    "LISTED_PRACTITIONER",
    "MAILBOX",
    "MARK",
    "ORGANISATION",
    "PATIENT",
    "PICK",
    "PRACTITIONER",
    "VERIFIER",
    "Absence",
    "choose",
    "domain_row",
    "listed_organisation_row",
    "listed_pick_row",
    "listed_practitioner_row",
    "listed_row",
    "mailbox_row",
    "organisation_row",
    "pick_row",
    "practitioner_row",
]

ORGANISATION: Final = "organisation"
MAILBOX: Final = "mailbox"
PATIENT: Final = "patient"
VERIFIER: Final = "verifier"
PICK: Final = "pick"  # no text, only words, and those only while the patient's picker shows the place
PRACTITIONER: Final = "practitioner"  # no text: what is known of a person stands with the mailboxes
LISTED: Final = "listed"  # a line of the imported extraction
LISTED_ORGANISATION: Final = "listed-organisation"  # the first line that names a place
LISTED_PRACTITIONER: Final = "listed-practitioner"
LISTED_PICK: Final = "listed-pick"
MARK: Final = "mark"
_REGISTERS: Final = {"2": "siren", "3": "siret"}  # first digit of an IdNatStruct
DOMAIN: Final = "domain"  # of a mailbox that was imported and activated: mail for it comes here
LISTED_KINDS: Final = (MARK, LISTED_PICK, LISTED_ORGANISATION, LISTED_PRACTITIONER, LISTED)  # the largest last


class Absence(Enum):
    """Why the patient's picker does not show a place."""

    UNKNOWN = "unknown"
    NOT_PHARMACY = "not-pharmacy"
    NO_MAILBOX = "no-mailbox"
    NOT_PUBLISHED = "not-published"
    CLOSED = "closed"


def choose(place: Organisation, mailboxes: Iterable[Mailbox]) -> Mailbox | Absence:
    """The mailbox by which the picker reaches `place`, or why there is none."""
    if place.sector not in PHARMACY_SECTORS:
        return Absence.NOT_PHARMACY
    shown = [box for box in mailboxes if box.kind is MailboxKind.ORG and not box.red_listed]
    if not shown:
        return Absence.NO_MAILBOX
    if not any(box.published for box in shown):
        return Absence.NOT_PUBLISHED
    usable = [box for box in shown if box.published and box.open and place.active]
    return min(usable, key=lambda box: (box.rank, box.address)) if usable else Absence.CLOSED


def organisation_row(organisation: Organisation, updated: int) -> Row:
    """Found by number, by the entity it is part of, by sector and by words."""
    lookups = _numbers(organisation)
    if organisation.sector and organisation.sector not in PHARMACY_SECTORS:
        lookups += (("sector", organisation.sector),)
    return Row(ORGANISATION, organisation.finess, text_of(organisation), lookups, *_words(organisation), updated)


def mailbox_row(mailbox: Mailbox, updated: int) -> Row:
    """Found by login, by the place it serves and by the person it belongs to."""
    lookups = [("login", user.login.lower()) for user in mailbox.users]
    if mailbox.organisation:
        lookups.append(("organisation", str(mailbox.organisation)))
    if mailbox.person is not None:
        lookups.append(("practitioner", str(mailbox.person.number)))
    return Row(MAILBOX, mailbox.address, text_of(mailbox), tuple(lookups), updated=updated)


def domain_row(address: str) -> Row:
    """The mail domain of `address` is one of ours."""
    domain = address.rpartition("@")[2].lower()
    return Row(DOMAIN, domain, domain)


def practitioner_row(person: Person, updated: int) -> Row:
    """Found by the beginning of a name."""
    return Row(PRACTITIONER, person.number, "", _names(person.family_name, person.given_name), updated=updated)


def pick_row(place: Organisation, mailboxes: Iterable[Mailbox]) -> Row:
    """Found by words while the picker shows the place."""
    if isinstance(choose(place, mailboxes), Absence):
        return Row(PICK, place.finess, "")
    return Row(PICK, place.finess, "", (), *_words(place))


def listed_row(key: str, line: Line, structure: Structure | None, updated: int) -> Row:
    """Found by the person it names, and by the place, apart for its own mailboxes and those of people who work there.

    `key` begins with the address.
    """
    lookups: tuple[tuple[str, str], ...] = ()
    if structure is not None:
        lookups = (("organisation" if line.kind == "ORG" else "exercise", structure),)
    if line.person_national:
        lookups += (("practitioner", line.person_national),)
    return Row(LISTED, key, line.to_text(), lookups, updated=updated)


def listed_organisation_row(line: Line, structure: Structure, updated: int) -> Row:
    """What the first line of a place adds."""
    lookups: tuple[tuple[str, str], ...] = ()
    if not isinstance(structure, Finess) and structure[0] in _REGISTERS:
        lookups = ((_REGISTERS[structure[0]], structure[1:]),)
    return Row(LISTED_ORGANISATION, structure, line.to_text(), lookups, *_listed_words(line), updated)


def listed_pick_row(line: Line, structure: Structure) -> Row:
    """What the first line of a pharmacy's own mailbox adds: the picker reaches it by that."""
    return Row(LISTED_PICK, structure, "", (), *_listed_words(line))


def listed_practitioner_row(line: Line, updated: int) -> Row:
    """What the first line of a person adds."""
    names = _names(line.family_name, line.given_name)
    return Row(LISTED_PRACTITIONER, line.person_national, "", names, updated=updated)


def _numbers(place: Organisation) -> tuple[tuple[str, str], ...]:
    numbers = {"siren": place.siren, "siret": place.siret, "part-of": place.part_of}
    return tuple((name, str(value)) for name, value in numbers.items() if value)


def _names(family: str, given: str) -> tuple[tuple[str, str], ...]:
    return ("family", _folded(family)), ("given", _folded(given))


@lru_cache(maxsize=16_384)  # names are shared by many
def _folded(name: str) -> str:
    return " ".join(words(name))


def _listed_words(line: Line) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """As `_words`, of the place that a line describes."""
    return indexed_words(line.name, line.enseigne), _place_words(town_of(line), line.postal_code, line.department)


_place_words = lru_cache(maxsize=16_384)(indexed_words)  # few towns, many times


def _words(organisation: Organisation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What name and place an organisation is found by."""
    address = organisation.address
    return (
        indexed_words(organisation.name, organisation.enseigne or ""),
        indexed_words(address.town, address.postal_code, address.department, address.department_code),
    )
