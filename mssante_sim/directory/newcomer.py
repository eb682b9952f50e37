"""A new place with its mailbox, or one more mailbox at a place, from few words; fictitious, or refused."""

import re
from dataclasses import dataclass, replace
from typing import Final

from mssante_sim.config import Domains
from mssante_sim.directory.identifiers import Finess, Rpps, Siren, Siret
from mssante_sim.directory.invented import TOWNS
from mssante_sim.directory.model import (
    Attachment,
    AttachmentKind,
    Mailbox,
    MailboxKind,
    MailboxUser,
    Organisation,
    OrganisationKind,
    PostalAddress,
)
from mssante_sim.directory.search import words
from mssante_sim.directory.store import Directory, DirectoryError
from mssante_sim.errors import SimulatorError

__all__ = ["EntryRefused", "Newcomer", "mailbox_at", "newcomer"]

_FROM: Final = 200_000  # numbers below are seeded places
_LEGAL_FROM: Final = 700_000
_MOST: Final = 99_999  # as many SIREN are safe
_LONGEST_NAME: Final = 100  # what one may search for
_SECTOR: Final = re.compile(r"SA[0-9]{2}")


class EntryRefused(SimulatorError):
    """The name does not show that it is invented, or cannot stand in a directory; or the sector is none."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What is to be added, together."""

    organisations: tuple[Organisation, ...]
    mailbox: Mailbox

    @property
    def place(self) -> Organisation:
        """Where the mailbox is."""
        return self.organisations[-1]


def newcomer(
    directory: Directory, domains: Domains, name: str, *, town: str, sector: str, finess: str | None = None
) -> Newcomer:
    """A legal entity, its place called `name` in a town that the seeded directory knows, and an ORG mailbox.

    Raises:
        EntryRefused: the name does not contain FICTIF or FICTIVE, or it or the sector is none.
        DirectoryError: the town is not known, or the FINESS is taken.
        IdentifierError: the FINESS is none, or not fictitious.
    """
    name = " ".join(name.split())
    if "FICTIF" not in name.upper() and "FICTIVE" not in name.upper():
        raise EntryRefused("A new entry shows that it is invented: put FICTIF or FICTIVE in its name.")
    if len(name) > _LONGEST_NAME or not name.isprintable() or "|" in name:  # which parts the columns of an extraction
        raise EntryRefused(f"A name has at most {_LONGEST_NAME} characters, all printable, and no |.")
    if not _SECTOR.fullmatch(sector):
        raise EntryRefused(f"{sector[:20]!r} is no sector such as SA33 (TRE_R02).")
    number = _free_number(directory)
    place_number = Finess.strict(finess) if finess else Finess.synthetic(_FROM + number)
    if directory.organisation(place_number) is not None:
        raise DirectoryError(f"The directory holds FINESS {place_number} already.")
    address = _address(town)
    siren = Siren.synthetic(_MOST - number)
    legal = Organisation(
        OrganisationKind.LEGAL, Finess.synthetic(_LEGAL_FROM + number), f"SELARL {name}", None, None, siren, None, None,
        address,
    )  # fmt: skip
    place = Organisation(
        OrganisationKind.GEOGRAPHIC, place_number, name, None, sector, None, Siret.synthetic(siren), legal.finess,
        address, licence=f"99#{_FROM + number:06}" if sector in ("SA33", "SA38", "SA39") else None,
    )  # fmt: skip
    return Newcomer((legal, place), mailbox_at(directory, domains, place))


def mailbox_at(directory: Directory, domains: Domains, place: Organisation) -> Mailbox:
    """One more ORG mailbox of `place`, the last in rank, with a user of its own."""
    rank = 1 + max((box.rank for box in directory.mailboxes_of(place.finess)), default=0)
    slug = "-".join(words(place.name)[-2:])[:40] or "bal"  # with the rest at most 64  [RFC 5321 §4.5.3.1.1]
    suffix = f".{rank}" if rank > 1 else ""
    local = f"{slug}.{place.finess}{suffix}"
    user = MailboxUser(f"{local}.titulaire", "titulaire", "Camille FICTIF-TITULAIRE")
    box = Mailbox(
        f"{local}@{domains.operator}", MailboxKind.ORG, place.name, Attachment(AttachmentKind.FINESS, place.finess),
        place.finess, Rpps.synthetic(9_999), (user,), rank=rank,
    )  # fmt: skip
    return replace(box, address=box.address.lower())


def _free_number(directory: Directory) -> int:
    taken = (Finess.synthetic(_LEGAL_FROM + number) for number in range(_MOST))
    return next(number for number, finess in enumerate(taken) if directory.organisation(finess) is None)


def _address(town: str) -> PostalAddress:
    found = next((one for one in TOWNS if words(one.name) == words(town)), None)
    if found is None:
        known = ", ".join(one.name for one in TOWNS)
        raise DirectoryError(f"The town {town[:40]} is not known; choose one of {known}.")
    return PostalAddress("1 RUE FICTIVE", found.postal_code, found.name, found.insee, found.department)
