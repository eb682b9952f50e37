"""A fictitious directory, the same to the octet for the same seed.

Beside sound pharmacies it holds one of each thing that goes wrong in the
field; `ROLES` names them and `Seeded.roles` says which one plays the part.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from types import MappingProxyType
from typing import Final

from mssante_sim.config import Domains
from mssante_sim.directory.identifiers import Finess, IdNatPs, Ins, Rpps, Siren, Siret, require_fictitious
from mssante_sim.directory.invented import FAMILY_NAMES, GIVEN_NAMES, STREETS, THEMES, TOWNS
from mssante_sim.directory.model import (
    Attachment,
    AttachmentKind,
    Mailbox,
    MailboxKind,
    MailboxUser,
    Organisation,
    OrganisationKind,
    PatientProfile,
    Person,
    PostalAddress,
)
from mssante_sim.errors import SimulatorError

__all__ = [
    "FEWEST_PATIENTS", "FEWEST_PHARMACIES", "ROLES", "CertificateFault", "SeedError", "Seeded", "generate",
]  # fmt: skip

FEWEST_PHARMACIES: Final = 4
FEWEST_PATIENTS: Final = 2

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pharmacy": "the first sound pharmacy, PHARMACIE FICTIVE DES LILAS",
        "other-pharmacy": "a second sound one",
        "no-mailbox": "a pharmacy without mailbox (its FINESS; every other role is an address)",
        "two-mailboxes": "the preferred of a pharmacy's two mailboxes",
        "red-listed": "never shown",
        "closed": "no longer open",
        "not-published": "not yet in the directory's public part",
        "expired-certificate": "its receiving certificate is over",
        "revoked-certificate": "its receiving certificate is on the CRL",
        "wrong-usage-certificate": "its receiving certificate is not for e-mail",
        "no-certificate": "it has none",
        "sealing-off": "what it receives is not encrypted",
        "unattached": "attached to no register entry",
        "unknown-attachment": "attached to a FINESS that no organisation has",
        "not-pharmacy": "a laboratory's mailbox",
        "per": "a person's mailbox",
        "app": "an application's mailbox",
        "patient": "a patient with an activated profile, DOMINIQUE PAT-TROIS",
        "patient-not-activated": "a patient who has not activated the profile",
    }
)

# Each needs a mailbox of its own. From 3 + 11 pharmacies on each has a pharmacy of its own too; below, they share.
_IRREGULAR: Final = (
    "two-mailboxes", "red-listed", "closed", "not-published", "expired-certificate", "revoked-certificate",
    "wrong-usage-certificate", "no-certificate", "sealing-off", "unattached", "unknown-attachment",
)  # fmt: skip
_LEGAL_ENTITIES_FROM: Final = 500_000  # FINESS numbers below are places
_UNKNOWN_FINESS: Final = Finess.synthetic(999_999)
_TEAM: Final = (("titulaire", "titulaire"), ("adjoint", "adjoint"), ("préparateur", "preparateur"))


class SeedError(SimulatorError):
    """So few of something cannot show what a seeded directory has to show."""

    exit_code = 2


class CertificateFault(Enum):
    """What is wrong with the receiving certificate that a mailbox shall get."""

    NONE = "none"
    MISSING = "missing"
    EXPIRED = "expired"
    REVOKED = "revoked"
    WRONG_USAGE = "wrong-usage"


_FAULTS: Final = {
    "expired-certificate": CertificateFault.EXPIRED,
    "revoked-certificate": CertificateFault.REVOKED,
    "wrong-usage-certificate": CertificateFault.WRONG_USAGE,
    "no-certificate": CertificateFault.MISSING,
}


@dataclass(frozen=True, slots=True)
class Seeded:
    """Everything one seed gives.

    Attributes:
        certificate_faults: by mailbox address, only those that have one.
        roles: label of `ROLES` to mailbox address, to FINESS for `no-mailbox`.
    """

    organisations: tuple[Organisation, ...]
    mailboxes: tuple[Mailbox, ...]
    patients: tuple[PatientProfile, ...]
    certificate_faults: Mapping[str, CertificateFault]
    roles: Mapping[str, str]

    def fault(self, address: str) -> CertificateFault:
        """What shall be wrong with the receiving certificate of `address`."""
        return self.certificate_faults.get(address, CertificateFault.NONE)


def generate(seed: int, pharmacies: int, patients: int, domains: Domains) -> Seeded:
    """`pharmacies` pharmacies, the irregular ones among them, a few other organisations, `patients` patients.

    Equal arguments give equal results, whatever the machine and the Python.

    Raises:
        SeedError: fewer than `FEWEST_PHARMACIES` or `FEWEST_PATIENTS`.
        IdentifierError: more than the safe ranges hold (about 99,000 pharmacies).
    """
    if pharmacies < FEWEST_PHARMACIES:
        raise SeedError(f"A seeded directory needs at least {FEWEST_PHARMACIES} pharmacies.")
    if patients < FEWEST_PATIENTS:
        raise SeedError(f"A seeded directory needs at least {FEWEST_PATIENTS} patients.")
    return _Builder(random.Random(seed), domains).build(pharmacies, patients)  # noqa: S311 - nothing secret is drawn


class _Builder:
    """Draws everything from one generator, in one order."""

    def __init__(self, chance: random.Random, domains: Domains) -> None:
        self._chance = chance
        self._domains = domains
        self._organisations: list[Organisation] = []
        self._mailboxes: list[Mailbox] = []
        self._faults: dict[str, CertificateFault] = {}
        self._roles: dict[str, str] = {}

    def build(self, pharmacies: int, patients: int) -> Seeded:
        for number in range(1, pharmacies + 1):
            self._pharmacy(number, _parts(number, pharmacies))
        self._laboratory(pharmacies + 1)
        self._health_centre(pharmacies + 2)
        profiles = tuple(self._patients(patients))
        self._roles["patient"] = profiles[0].address
        self._roles["patient-not-activated"] = profiles[1].address
        return Seeded(
            tuple(self._organisations),
            tuple(self._mailboxes),
            profiles,
            MappingProxyType(self._faults),
            MappingProxyType(self._roles),
        )

    def _pharmacy(self, number: int, parts: tuple[str, ...]) -> None:
        theme = THEMES[(number - 1) % len(THEMES)]
        namesake = (number - 1) // len(THEMES)
        slug = theme.slug + (str(namesake + 1) if namesake else "")
        sector = "SA39" if number % 20 == 19 else "SA38" if number % 10 == 7 else "SA33"
        place = self._organisation(number, "PHARMACIE FICTIVE", theme.name, sector)
        if parts == ("no-mailbox",):
            self._roles["no-mailbox"] = place.finess
            return
        for rank, part in enumerate(parts, start=1):
            self._irregular(self._team_mailbox(number, place, slug, rank), part)

    def _irregular(self, sound: Mailbox, part: str) -> None:
        """Adds `sound` as `part` wants it."""
        match part:
            case "red-listed":
                mailbox = replace(sound, red_listed=True)
            case "closed":
                mailbox = replace(sound, open=False)
            case "not-published":
                mailbox = replace(sound, published=False)
            case "sealing-off":
                mailbox = replace(sound, sealing=False)
            case "unattached":
                mailbox = replace(sound, attachment=None)
            case "unknown-attachment":
                mailbox = replace(sound, attachment=Attachment(AttachmentKind.FINESS, _UNKNOWN_FINESS))
            case _:
                mailbox = sound
        self._mailboxes.append(mailbox)
        if part in ROLES:
            self._roles[part] = mailbox.address
        if fault := _FAULTS.get(part):
            self._faults[mailbox.address] = fault
        if part == "two-mailboxes":
            self._mailboxes.append(_second(sound))

    def _organisation(self, number: int, what: str, called: str, sector: str) -> Organisation:
        """The place, after the legal entity that runs it; both are in the directory then."""
        town = TOWNS[(number - 1) % len(TOWNS)]
        street = f"{self._chance.randrange(1, 150)} {self._chance.choice(STREETS)} {called}"
        address = PostalAddress(street, town.postal_code, town.name, town.insee, town.department)
        siren = Siren.synthetic(number)
        is_pharmacy = what.startswith("PHARMACIE")
        company = "SELARL" if is_pharmacy else "ASSOCIATION"
        legal = Organisation(
            OrganisationKind.LEGAL, Finess.synthetic(_LEGAL_ENTITIES_FROM + number),
            f"{company} FICTIVE {called}", None, None, siren, None, None, address,
        )  # fmt: skip
        place = Organisation(
            OrganisationKind.GEOGRAPHIC, Finess.synthetic(number), f"{what} {called}",
            _enseigne(number, called) if is_pharmacy else None, sector, None, Siret.synthetic(siren),
            legal.finess, address, licence=f"99#{number:06}" if is_pharmacy else None,
        )  # fmt: skip
        self._organisations += (legal, place)
        return place

    def _team_mailbox(self, number: int, place: Organisation, slug: str, rank: int) -> Mailbox:
        """A sound ORG mailbox; its register is FINESS, SIRET and SIREN in turn."""
        siret = Siret.synthetic(Siren.synthetic(number))
        registers = (
            Attachment(AttachmentKind.FINESS, place.finess),
            Attachment(AttachmentKind.SIRET, siret),
            Attachment(AttachmentKind.SIREN, siret.siren),
        )
        families = self._chance.sample(FAMILY_NAMES, len(_TEAM))
        local, prefix = f"pharmacie.{slug}.{place.finess}", slug
        if rank > 1:
            local, prefix = f"{local}.{rank}", f"{slug}.{rank}"
        return Mailbox(
            address=f"{local}@{self._domains.operator}",
            kind=MailboxKind.ORG,
            name=place.name,
            attachment=registers[(number + rank - 2) % len(registers)],
            organisation=place.finess,
            responsible=Rpps.synthetic(number % 10_000),
            users=tuple(
                MailboxUser(f"{prefix}.{login}", role, self._person(family))
                for (role, login), family in zip(_TEAM, families, strict=True)
            ),
            rank=rank,
        )

    def _laboratory(self, number: int) -> None:
        place = self._organisation(number, "LABORATOIRE FICTIF", "DES ÉPROUVETTES", "SA25")
        sound = self._team_mailbox(number, place, "laboratoire", 1)
        address = sound.address.replace("pharmacie.laboratoire", "laboratoire")
        users = (MailboxUser("laboratoire.responsable", "responsable", sound.users[0].name),)
        self._organisations[-1] = replace(place, email="accueil@laboratoire-fictif.test")
        self._mailboxes.append(replace(sound, address=address, users=users))
        self._roles["not-pharmacy"] = address

    def _health_centre(self, number: int) -> None:
        """A centre with two practitioners' mailboxes and an application's."""
        place = self._organisation(number, "CENTRE DE SANTÉ FICTIF", "DES QUATRE VENTS", "SA05")
        attachment = Attachment(AttachmentKind.FINESS, place.finess)
        for rank, (login, kind, role, name) in enumerate((
            ("dr.exemple", MailboxKind.PER, "médecin", "Dr EXEMPLE-FICTIF"),
            ("dr.modele", MailboxKind.PER, "médecin", "Dr MODELE-FICTIF"),
            ("logiciel.exemple", MailboxKind.APP, "logiciel", "LOGICIEL FICTIF"),
        )):  # fmt: skip
            address = f"{login}@{self._domains.operator}"
            rpps = Rpps.synthetic((number + rank) % 10_000)
            user = MailboxUser(login, role, name)
            person = _doctor(rpps, name) if kind is MailboxKind.PER else None
            self._mailboxes.append(Mailbox(address, kind, name, attachment, place.finess, rpps, (user,), person=person))
            self._roles.setdefault(kind.value.lower(), address)

    def _person(self, family: str) -> str:
        return f"{self._chance.choice(GIVEN_NAMES)} FICTIF-{family}"

    def _patients(self, count: int) -> Iterator[PatientProfile]:
        """The published fictitious patient first; the second and every fifth after have no activated profile."""
        published = require_fictitious(Ins("279035121518989"))
        yield self._profile(published, "PAT-TROIS", "Dominique", date(1979, 3, 28), activated=True)
        taken: set[Ins] = set()
        while len(taken) < count - 1:
            number = len(taken)
            born = date(
                self._chance.randrange(1930, 2021),
                self._chance.randrange(1, 13),
                self._chance.randrange(1, 29),
            )
            ins = Ins.synthetic(
                sex=self._chance.randrange(1, 3), year=born.year, month=born.month, order=number % 999 + 1,
                birthplace="2A999" if number % 10 == 3 else "99999",
            )  # fmt: skip
            if ins in taken:  # by chance, beyond 999 patients
                continue
            taken.add(ins)
            family = f"PAT-{self._chance.choice(FAMILY_NAMES)}-FICTIF"
            yield self._profile(ins, family, self._chance.choice(GIVEN_NAMES), born, activated=number % 5 != 0)

    def _profile(self, ins: Ins, family: str, given: str, born: date, *, activated: bool) -> PatientProfile:
        address = f"{ins.lower()}@{self._domains.patients}"
        return PatientProfile(ins, address, family, given, born, activated)


def _parts(number: int, pharmacies: int) -> tuple[str, ...]:
    """The roles that pharmacy `number` (from 1) plays, one mailbox each."""
    match number:
        case 1:
            return ("pharmacy",)
        case 2:
            return ("no-mailbox",)
        case 3:
            return ("other-pharmacy",)
        case _:
            return _IRREGULAR[number - 4 :: pharmacies - 3] or ("sound",)


def _doctor(rpps: Rpps, name: str) -> Person:
    """A general practitioner; the given name is what the mailbox's name has no room for."""
    return Person(IdNatPs.of(rpps), name.removeprefix("Dr "), "Camille", "DR", expertise="SM54")


def _second(first: Mailbox) -> Mailbox:
    """Another mailbox of the same pharmacy, less preferred."""
    local, domain = first.address.split("@")
    users = tuple(replace(user, login=f"locations.{user.login}") for user in first.users)
    return replace(
        first,
        address=f"{local}.locations@{domain}",
        rank=first.rank + 1,
        service="Location de matériel",
        users=users,
    )


def _enseigne(number: int, called: str) -> str | None:
    """The sign over the door; every third pharmacy has none."""
    if number % 3 == 0:
        return None
    theme = called.removeprefix("DES ").removeprefix("DU ").removeprefix("DE ")
    return f"{theme} SANTÉ" if number % 3 == 1 else f"GRANDE PHARMACIE FICTIVE {called}"
