"""The live directory: questions of every other floor, answered from rows on disk.

Every call is synchronous and short, and reads the rows anew: what another
process has changed is seen at once. One thread at a time may call.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain
from typing import Final

from mssante_sim.directory.credentials import Verifier
from mssante_sim.directory.documents import mailbox_from, organisation_from, patient_from, text_of
from mssante_sim.directory.identifiers import Finess, require_fictitious
from mssante_sim.directory.model import (
    PHARMACY_SECTORS,
    Attachment,
    AttachmentKind,
    Mailbox,
    MailboxKind,
    MailboxUser,
    Organisation,
    OrganisationKind,
    PatientProfile,
    numbers_of,
)
from mssante_sim.directory.search import indexed_words, read_query
from mssante_sim.errors import SimulatorError
from mssante_sim.storage.rows import Row, RowStore

__all__ = ["Absence", "Directory", "DirectoryError", "Hit"]

_ORGANISATION: Final = "organisation"
_MAILBOX: Final = "mailbox"
_PATIENT: Final = "patient"
_VERIFIER: Final = "verifier"
_PICK: Final = "pick"  # no text, only words, and those only while the patient's picker shows the place


class DirectoryError(SimulatorError):
    """The directory holds nothing of that name."""

    exit_code = 3


class Absence(Enum):
    """Why the patient's picker does not show a place."""

    UNKNOWN = "unknown"
    NOT_PHARMACY = "not-pharmacy"
    NO_MAILBOX = "no-mailbox"
    NOT_PUBLISHED = "not-published"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that the picker shows, and the mailbox that writing to it uses."""

    organisation: Organisation
    mailbox: Mailbox


class Directory:
    """Organisations, mailboxes and patients. Addresses and logins are compared in lower case."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    def close(self) -> None:
        """The rows are closed with it."""
        self._rows.close()

    # What is there

    def mailbox(self, address: str) -> Mailbox | None:
        """The mailbox of an operator's domain with this address."""
        text = self._get(_MAILBOX, address)
        return None if text is None else mailbox_from(text)

    def mailboxes(self) -> list[Mailbox]:
        """All of them, in the order they came in."""
        return [mailbox_from(text) for text in self._rows.all(_MAILBOX)]

    def mailboxes_of(self, finess: str) -> list[Mailbox]:
        """Those that serve the place, the preferred first; unpublished, closed and red-listed ones too."""
        found = [mailbox_from(text) for text in self._find(_MAILBOX, "organisation", finess)]
        return sorted(found, key=lambda mailbox: (mailbox.rank, mailbox.address))

    def organisation(self, finess: str) -> Organisation | None:
        """The legal or geographic entity with this FINESS."""
        text = self._rows.get(_ORGANISATION, finess) if finess.isascii() else None
        return None if text is None else organisation_from(text)

    def organisation_of(self, mailbox: Mailbox) -> Organisation | None:
        """The place that `mailbox` serves."""
        return None if mailbox.organisation is None else self.organisation(mailbox.organisation)

    def organisations(
        self, name_words: tuple[str, ...] = (), place_words: tuple[str, ...] = (), *, limit: int, offset: int = 0
    ) -> list[Organisation]:
        """A page of all entities, or of those with such words, in the order they came in."""
        keys = self._rows.search(_ORGANISATION, name_words, place_words, limit=limit, offset=offset)
        return [found for key in keys if (found := self.organisation(key)) is not None]

    def registered_as(self, number: str) -> list[Organisation]:
        """Entities whose SIREN or SIRET this is."""
        found = self._find(_ORGANISATION, "siren", number) + self._find(_ORGANISATION, "siret", number)
        return [organisation_from(text) for text in found]

    def parts_of(self, finess: str) -> list[Organisation]:
        """The places that a legal entity runs."""
        return [organisation_from(text) for text in self._find(_ORGANISATION, "part-of", finess)]

    def knows(self, attachment: Attachment) -> bool:
        """Whether some entity has the number that a mailbox says it is attached to."""
        if attachment.kind is AttachmentKind.FINESS:
            return self.organisation(attachment.value) is not None
        return bool(self._find(_ORGANISATION, attachment.kind.value.lower(), attachment.value))

    def patient(self, address: str) -> PatientProfile | None:
        """The profile of Mon espace santé with this address."""
        text = self._get(_PATIENT, address)
        return None if text is None else patient_from(text)

    def patients(self) -> list[PatientProfile]:
        """All of them, in the order they came in."""
        return [patient_from(text) for text in self._rows.all(_PATIENT)]

    # Who may log in

    def user(self, login: str) -> tuple[str, MailboxUser | PatientProfile] | None:
        """The address that `login` opens, and whose login it is."""
        login = login.lower()
        for text in self._find(_MAILBOX, "login", login):
            mailbox = mailbox_from(text)
            return mailbox.address, next(user for user in mailbox.users if user.login == login)
        profile = self.patient(login)
        return None if profile is None else (profile.address, profile)

    def account(self, login: str) -> tuple[str, Verifier] | None:
        """The address that `login` opens and what its password is checked against."""
        user, text = self.user(login), self._get(_VERIFIER, login)
        return None if user is None or text is None else (user[0], Verifier.from_text(text))

    def set_verifiers(self, verifiers: Mapping[str, Verifier]) -> None:
        """Each login has this password from now on; all or none."""
        self._rows.put_many(Row(_VERIFIER, login.lower(), each.to_text()) for login, each in verifiers.items())

    # What the patient's picker shows

    def search(self, name: str | None, place: str | None, *, limit: int = 20, offset: int = 0) -> list[Hit]:
        """Pharmacies one can write to, by beginnings of words; in an order that pages can rely on.

        A place is a town, a department or its number, or the beginning of a postal code. Red-listed,
        unpublished and closed mailboxes do not exist here.

        Raises:
            SearchError: there is nothing to search for.
        """
        query = read_query(name, place)
        keys = self._rows.search(_PICK, query.name, query.place, limit=limit, offset=offset)
        return [hit for key in keys if isinstance(hit := self.pick(key), Hit)]

    def pick(self, finess: str) -> Hit | Absence:
        """The place with exactly this FINESS as the picker shows it, or why it is absent.

        A red-listed mailbox counts as none: its existence is not told.
        """
        organisation = self.organisation(finess)
        if organisation is None:
            return Absence.UNKNOWN
        chosen = _choose(organisation, self.mailboxes_of(finess))
        return Hit(organisation, chosen) if isinstance(chosen, Mailbox) else chosen

    def why_absent(self, finess: str) -> Absence | None:
        """Why the picker does not show this place; None if it does."""
        picked = self.pick(finess)
        return picked if isinstance(picked, Absence) else None

    # Changes

    def add(
        self,
        organisations: Iterable[Organisation] = (),
        mailboxes: Iterable[Mailbox] = (),
        patients: Iterable[PatientProfile] = (),
    ) -> None:
        """All of them are there, or none; what had the same FINESS or address is replaced.

        Raises:
            IdentifierError: a real person, company or establishment could bear one of their numbers.
        """
        places = {organisation.finess: organisation for organisation in organisations}
        boxes = {mailbox.address: mailbox for mailbox in mailboxes}
        patients = tuple(patients)
        everything: tuple[Organisation | Mailbox | PatientProfile, ...]
        everything = (*places.values(), *boxes.values(), *patients)
        for number in chain.from_iterable(map(numbers_of, everything)):
            require_fictitious(number)
        rows = [_organisation_row(organisation) for organisation in places.values()]
        rows += (_mailbox_row(box) for box in boxes.values())
        rows += (Row(_PATIENT, profile.address, text_of(profile)) for profile in patients)
        rows += self._pick_rows(places, boxes)
        self._rows.put_many(rows)

    def set_sealing(self, finess: str, *, on: bool) -> list[Mailbox]:
        """Mail to the place's mailboxes, which are returned, is encrypted from now on, or no longer.

        Raises:
            DirectoryError: the place is unknown or has no mailbox.
        """
        return self._change(finess, lambda mailbox: replace(mailbox, sealing=on))

    def set_published(self, finess: str, *, on: bool) -> list[Mailbox]:
        """The place's mailboxes are in the public directory from now on, or no longer.  Raises: DirectoryError."""
        return self._change(finess, lambda mailbox: replace(mailbox, published=on))

    def set_open(self, finess: str, *, on: bool) -> list[Mailbox]:
        """The place's mailboxes take mail from now on, or are closed.  Raises: DirectoryError."""
        return self._change(finess, lambda mailbox: replace(mailbox, open=on))

    def set_red_listed(self, finess: str, *, on: bool) -> list[Mailbox]:
        """The place's mailboxes are never shown from now on, or are again.  Raises: DirectoryError."""
        return self._change(finess, lambda mailbox: replace(mailbox, red_listed=on))

    def set_activated(self, address: str, *, on: bool) -> PatientProfile:
        """The patient has activated the profile, or not (again).  Raises: DirectoryError."""
        return self._change_patient(address, activated=on, opposed=False)

    def set_opposed(self, address: str) -> PatientProfile:
        """The patient has refused the profile, until it is activated.  Raises: DirectoryError."""
        return self._change_patient(address, activated=False, opposed=True)

    def _change_patient(self, address: str, *, activated: bool, opposed: bool) -> PatientProfile:
        profile = self.patient(address)
        if profile is None:
            raise DirectoryError("No patient has this address.")
        changed = replace(profile, activated=activated, opposed=opposed)
        self.add(patients=[changed])
        return changed

    def _change(self, finess: str, change: Callable[[Mailbox], Mailbox]) -> list[Mailbox]:
        changed = [change(mailbox) for mailbox in self.mailboxes_of(finess)]
        if not changed:
            raise DirectoryError(f"No mailbox serves a place with FINESS {finess[:20]}; search the directory for it.")
        self.add(mailboxes=changed)
        return changed

    def _pick_rows(self, places: Mapping[Finess, Organisation], boxes: Mapping[str, Mailbox]) -> Iterator[Row]:
        """What the picker shows of every place that these organisations and mailboxes concern."""
        concerned = set(places)
        for box in boxes.values():
            before = self.mailbox(box.address)
            concerned |= {each.organisation for each in (box, before) if each and each.organisation}
        serving: dict[str, list[Mailbox]] = {finess: [] for finess in concerned}
        for box in boxes.values():
            if box.organisation:
                serving[box.organisation].append(box)
        for finess in sorted(concerned):
            place = places.get(finess) or self.organisation(finess)
            if place is not None and place.kind is OrganisationKind.GEOGRAPHIC:
                others = (box for box in self.mailboxes_of(finess) if box.address not in boxes)
                yield _pick_row(place, [*serving[finess], *others])

    # Rows

    def _get(self, kind: str, key: str) -> str | None:
        return self._rows.get(kind, key.lower()) if key.isascii() else None

    def _find(self, kind: str, lookup: str, value: str) -> list[str]:
        return self._rows.find(kind, lookup, value) if value.isascii() else []


def _choose(place: Organisation, mailboxes: Iterable[Mailbox]) -> Mailbox | Absence:
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


def _pick_row(place: Organisation, mailboxes: Iterable[Mailbox]) -> Row:
    if isinstance(_choose(place, mailboxes), Absence):
        return Row(_PICK, place.finess, "")
    return Row(_PICK, place.finess, "", (), *_words(place))


def _organisation_row(organisation: Organisation) -> Row:
    numbers = {"siren": organisation.siren, "siret": organisation.siret, "part-of": organisation.part_of}
    lookups = tuple((name, str(value)) for name, value in numbers.items() if value)
    return Row(_ORGANISATION, organisation.finess, text_of(organisation), lookups, *_words(organisation))


def _mailbox_row(mailbox: Mailbox) -> Row:
    lookups = [("login", user.login.lower()) for user in mailbox.users]
    if mailbox.organisation:
        lookups.append(("organisation", str(mailbox.organisation)))
    return Row(_MAILBOX, mailbox.address, text_of(mailbox), tuple(lookups))


def _words(organisation: Organisation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What name and place an organisation is found by."""
    address = organisation.address
    return (
        indexed_words(organisation.name, organisation.enseigne or ""),
        indexed_words(address.town, address.postal_code, address.department, address.department_code),
    )
