"""One line of the flat extraction, and what it says of a mailbox, a place and a person.  [Annuaire Santé, extraction]

PER and ORG only, 31 columns. A place that an extraction names is known by its
FINESS, or else by its national number (`IdNatStruct`). The extraction holds no
sector: a place whose name says pharmacy counts as one  [our choice].
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple, Self

from mssante_sim.directory.identifiers import Finess, IdentifierError, IdNatPs, IdNatStruct, Siren, Siret
from mssante_sim.directory.model import (
    Attachment,
    AttachmentKind,
    Mailbox,
    MailboxKind,
    Organisation,
    OrganisationKind,
    Person,
    PostalAddress,
    Structure,
)
from mssante_sim.directory.nomenclature import CATEGORIES, EXPERTISES, PROFESSIONS, label
from mssante_sim.errors import SimulatorError

__all__ = [
    "HEADER", "Line", "LineError", "is_pharmacy", "line_of", "mailbox_of", "organisation_of", "read_line",
    "structure_of", "town_of",
]  # fmt: skip

_COLUMNS: Final = (
    "Type de BAL", "Adresse BAL", "Type Identifiant PP", "Identifiant PP", "Identification nationale PP",
    "Type identifiant structure", "Identification Structure", "Service de rattachement", "Civilité d'exercice",
    "Nom d'exercice", "Prénom d'exercice", "Catégorie profession", "Libellé de catégorie profession",
    "Code Profession", "Libellé Profession", "Code savoir-faire", "Libellé savoir-faire", "Dématérialisation",
    "Raison Sociale structure BAL", "Enseigne commerciale structure BAL", "L2COMPLEMENTLOCALISATION structure BAL",
    "L3COMPLEMENTDISTRIBUTION structure BAL", "L4NUMEROVOIE structure BAL", "L4COMPLEMENTNUMEROVOIE structure BAL",
    "NL4TYPEVOIE structure BAL", "L4LIBELLEVOIE structure BAL", "L5LIEUDITMENTION structure BAL",
    "L6LIGNEACHEMINEMENT structure BAL", "Code postal structure BAL", "Département structure BAL",
    "Pays structure BAL",
)  # fmt: skip
HEADER: Final = "|".join(_COLUMNS)

_LONGEST: Final = 4_000  # characters of a line; the longest real ones have some 600
_ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{}~.-]{1,64}+@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PHARMACY: Final = re.compile(r"\bPHARMAC|\bOFFICINE", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"(\d+) *(BIS|TER|QUATER|[A-Z])? +(\S+) +(.+)", re.IGNORECASE)
_REGISTERS: Final = {  # of the column "Type identifiant structure": what it may say, and the digit of IdNatStruct
    "FINESS": "1", "SIREN": "2", "SIRET": "3", "1": "1", "2": "2", "3": "3",
    "ADELI": "0", "RPPS": "4", "0": "0", "4": "4",
}  # fmt: skip


class LineError(SimulatorError):
    """The line is none of an extraction."""


class Line(NamedTuple):
    """Its columns, in their order."""

    kind: str
    address: str
    person_register: str
    person: str
    person_national: str
    structure_register: str
    structure: str
    service: str
    title: str
    family_name: str
    given_name: str
    category: str
    category_label: str
    profession: str
    profession_label: str
    expertise: str
    expertise_label: str
    paperless: str
    name: str
    enseigne: str
    complement: str
    distribution: str
    number: str
    number_complement: str
    street_type: str
    street: str
    locality: str
    town_line: str
    postal_code: str
    department: str
    country: str

    def to_text(self) -> str:
        """The line, without its end."""
        return "|".join(self)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The line that `to_text` wrote; nothing is checked, `read_line` has done so."""
        return cls._make(text.split("|"))


def read_line(text: str) -> Line:
    """The line that `text` is, letter for letter.

    Raises:
        LineError: it has other columns, another kind of mailbox, no address, or numbers that cannot be.
    """
    columns = text.split("|") if len(text) <= _LONGEST else []
    if len(columns) != len(_COLUMNS):
        raise LineError(f"{len(columns)} columns instead of {len(_COLUMNS)}" if columns else "longer than any line is")
    line = Line._make(columns)
    if line.kind not in ("PER", "ORG"):
        raise LineError(f"a mailbox of kind {line.kind[:20]!r}; an extraction holds PER and ORG")
    if not _ADDRESS.fullmatch(line.address):
        raise LineError("no mailbox address")
    if "\ufffd" in text or not (text.isprintable() or _CONTROL.search(text) is None):
        raise LineError("a character that no text has")
    try:
        structure_of(line)
        if line.person_national:
            IdNatPs(line.person_national)
    except IdentifierError as error:
        raise LineError(error.public) from error
    return line


def structure_of(line: Line) -> Structure | None:
    """What the place of the mailbox is known by, None if the line names no place.  Raises: IdentifierError."""
    return _structure(line.structure_register, line.structure) if line.structure else None


@lru_cache(maxsize=16_384)  # many lines name one place, and an import asks three times for each line
def _structure(register: str, number: str) -> Structure:
    digit = _REGISTERS.get(register.strip().upper())
    if digit is None:
        raise IdentifierError(f"a structure of the register {register[:20]!r}, which is not known")
    return Finess(number) if digit == "1" else IdNatStruct(digit + number)


def is_pharmacy(line: Line) -> bool:
    """Whether the place's name says so."""
    return bool(_PHARMACY.search(line.name) or _PHARMACY.search(line.enseigne))


def town_of(line: Line) -> str:
    """The last line of the postal address without its code."""
    return line.town_line.removeprefix(line.postal_code).strip()


def organisation_of(line: Line) -> Organisation | None:
    """The place that a line of `read_line` describes."""
    structure = structure_of(line)
    if structure is None:
        return None
    return Organisation(
        kind=OrganisationKind.GEOGRAPHIC if structure[:1] != "2" or isinstance(structure, Finess)
        else OrganisationKind.LEGAL,
        finess=structure,
        name=line.name,
        enseigne=line.enseigne or None,
        sector="SA33" if is_pharmacy(line) else None,
        siren=Siren(line.structure) if structure[:1] == "2" and not isinstance(structure, Finess) else None,
        siret=Siret(line.structure) if structure[:1] == "3" and not isinstance(structure, Finess) else None,
        part_of=None,
        address=PostalAddress(_street(line), line.postal_code, town_of(line), "", line.department),
    )  # fmt: skip


def mailbox_of(line: Line) -> Mailbox:
    """The mailbox that a line of `read_line` describes: published and open, for else it would not stand there."""
    structure, kind = structure_of(line), MailboxKind(line.kind)
    person = None
    if kind is MailboxKind.PER and line.person_national:
        person = Person(
            IdNatPs(line.person_national), line.family_name, line.given_name, line.title, line.category,
            line.profession, line.expertise,
        )  # fmt: skip
    name = line.name if kind is MailboxKind.ORG else f"{line.given_name} {line.family_name}".strip()
    return Mailbox(
        address=line.address.lower(),
        kind=kind,
        name=name or line.address,
        attachment=_attachment(structure),
        organisation=structure,
        responsible=None,
        service=line.service or None,
        person=person,
    )


def line_of(mailbox: Mailbox, place: Organisation | None) -> Line:
    """The line of a published mailbox of kind PER or ORG."""
    person, attached = mailbox.person, mailbox.attachment
    blank = Line._make([""] * len(_COLUMNS))._replace(
        kind=mailbox.kind.value,
        address=mailbox.address,
        structure_register=attached.kind.value if attached else "",
        structure=attached.value if attached else "",
        service=mailbox.service or "",
        paperless="O" if mailbox.kind is MailboxKind.PER else "",
    )
    if person is not None:
        blank = blank._replace(
            person_register=person.number[0], person=person.number[1:], person_national=person.number,
            title=person.title, family_name=person.family_name, given_name=person.given_name,
            category=person.category, category_label=label(CATEGORIES, person.category),
            profession=person.profession, profession_label=label(PROFESSIONS, person.profession),
            expertise=person.expertise, expertise_label=label(EXPERTISES, person.expertise),
        )  # fmt: skip
    return blank if place is None else _with_address(blank, place)


def _with_address(line: Line, place: Organisation) -> Line:
    address = place.address
    numbered = _NUMBERED.fullmatch(address.line)
    number, repetition, street_type, street = numbered.groups("") if numbered else ("", "", "", address.line)
    return line._replace(
        name=place.name, enseigne=place.enseigne or "", number=number, number_complement=repetition,
        street_type=street_type, street=street, town_line=f"{address.postal_code} {address.town}",
        postal_code=address.postal_code, department=address.department, country="France",
    )  # fmt: skip


def _street(line: Line) -> str:
    parts = (line.number, line.number_complement, line.street_type, line.street)
    return " ".join(part for part in parts if part) or line.locality or line.complement


def _attachment(structure: Structure | None) -> Attachment | None:
    if isinstance(structure, Finess):
        return Attachment(AttachmentKind.FINESS, structure)
    kinds = {"2": AttachmentKind.SIREN, "3": AttachmentKind.SIRET}
    return Attachment(kinds[structure[0]], structure[1:]) if structure and structure[0] in kinds else None
