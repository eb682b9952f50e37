"""What the directory knows, as frozen values.

French words of the domain, once: *BAL* a mailbox · *officine* a community
pharmacy · *EJ*/*EG* legal/geographic entity · *enseigne* the sign over the
door · *titulaire*, *adjoint*, *préparateur* the owner, the second pharmacist,
the technician · *liste rouge* never published · *INS* national health
identity · *RPPS* national number of a professional.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Literal

from mssante_sim.directory.identifiers import Finess, Identifier, IdNatPs, IdNatStruct, Ins, Rpps, Siren, Siret

__all__ = [
    "PHARMACY_SECTORS", "Attachment", "AttachmentKind", "Mailbox", "MailboxKind", "MailboxUser",
    "Organisation", "OrganisationKind", "PatientProfile", "Person", "PostalAddress", "Structure", "numbers_of",
]  # fmt: skip

Structure = Finess | IdNatStruct
"""What an organisation is known by: its FINESS; its national number if an extraction names it without one."""

PHARMACY_SECTORS = frozenset({"SA33", "SA38", "SA39", "SA55", "SA56"})
"""Sectors (TRE_R02) that the patient's picker searches.  [ENS Messagerie V1.3]."""


class MailboxKind(Enum):
    """Kinds of BAL.  [Annuaire Santé FHIR v2]."""

    ORG = "ORG"
    PER = "PER"
    APP = "APP"


class OrganisationKind(Enum):
    """An organisation is a legal entity or a place that one runs."""

    LEGAL = "EJ"
    GEOGRAPHIC = "EG"


class AttachmentKind(Enum):
    """Registers a BAL ORG may be attached to.  [Note Mon espace santé, mai 2023]."""

    FINESS = "FINESS"
    SIRET = "SIRET"
    SIREN = "SIREN"


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """An address in France; synthetic streets contain FICTIF or FICTIVE."""

    line: str
    postal_code: str
    town: str
    insee: str  # code of the commune, TRE_R13
    department: str  # its name

    @property
    def department_code(self) -> str:
        """Two characters, three overseas."""
        return self.insee[:3] if self.insee.startswith("97") else self.insee[:2]


@dataclass(frozen=True, slots=True)
class Organisation:
    """A legal entity, or a geographic entity that is part of one."""

    kind: OrganisationKind
    finess: Structure
    name: str  # raison sociale
    enseigne: str | None
    sector: str | None  # TRE_R02 code, geographic entities only
    siren: Siren | None
    siret: Siret | None
    part_of: Structure | None
    address: PostalAddress
    active: bool = True
    licence: str | None = None  # of an officine
    email: str | None = None  # an ordinary address, no mailbox of MSSanté


@dataclass(frozen=True, slots=True)
class Attachment:
    """The register entry a mailbox belongs to; need not exist (a seeded fault)."""

    kind: AttachmentKind
    value: str


@dataclass(frozen=True, slots=True)
class MailboxUser:
    """A person with a login of their own to a shared mailbox."""

    login: str
    role: str  # titulaire, adjoint, préparateur
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a personal mailbox belongs to, in the exercise it stands for."""

    number: IdNatPs
    family_name: str
    given_name: str
    title: str = ""  # civilité d'exercice: "DR"
    category: str = "C"  # TRE_R09: C civil
    profession: str = "10"  # TRE_G15: 10 médecin, 21 pharmacien, 60 infirmier
    expertise: str = ""  # savoir-faire, TRE_R38: "SM54"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A BAL.  Address and kind never change once created."""

    address: str  # lower case
    kind: MailboxKind
    name: str  # label of From: the patient sees only this  [Référentiel MSSanté #2 ECO.2.2.7]
    attachment: Attachment | None
    organisation: Structure | None  # the geographic entity it serves
    responsible: Rpps | None  # titular pharmacist; not in the public API
    users: tuple[MailboxUser, ...] = ()
    published: bool = True
    open: bool = True
    red_listed: bool = False
    sealing: bool = True
    rank: int = 1  # 1 = preferred
    service: str | None = None
    person: Person | None = None  # of a personal one
    shown_in: Literal["both", "api", "extraction"] = "both"  # on purpose: the two disagree in the field
    idle: bool = True  # whether IMAP offers IDLE; else its client has to poll  [our choice]


@dataclass(frozen=True, slots=True)
class PatientProfile:
    """A profile of Mon espace santé."""

    ins: Ins
    address: str
    family_name: str
    given_name: str
    born: date
    activated: bool = True
    opposed: bool = False  # the patient has refused the profile; never together with `activated`

    @property
    def display_name(self) -> str:
        """First name and name, as From: shows them.  [Référentiel MSSanté #2 ECO.3.1.1]."""
        return f"{self.given_name} {self.family_name}"


def numbers_of(one: Organisation | Mailbox | PatientProfile) -> Iterator[Identifier]:
    """Every register number in it."""
    match one:
        case Organisation():
            yield from (number for number in (one.finess, one.siren, one.siret, one.part_of) if number)
        case Mailbox():
            yield from (number for number in (one.organisation, one.responsible) if number)
            if one.person is not None:
                yield one.person.number
            if one.attachment is not None:
                yield _REGISTERS[one.attachment.kind](one.attachment.value)
        case PatientProfile():
            yield one.ins


_REGISTERS: dict[AttachmentKind, type[Identifier]] = {
    AttachmentKind.FINESS: Finess,
    AttachmentKind.SIRET: Siret,
    AttachmentKind.SIREN: Siren,
}
