"""The live directory: questions of every other floor, answered from rows on disk.

Every call is synchronous and short, and reads the rows anew: what another
process has changed is seen at once. One thread at a time may call.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from mssante_sim.clock import Clock, SystemClock
from mssante_sim.directory.credentials import Verifier
from mssante_sim.directory.documents import mailbox_from, organisation_from, patient_from, text_of
from mssante_sim.directory.identifiers import require_fictitious
from mssante_sim.directory.lines import mailbox_of
from mssante_sim.directory.listing import Listing
from mssante_sim.directory.model import (
    Attachment,
    AttachmentKind,
    Mailbox,
    MailboxUser,
    Organisation,
    OrganisationKind,
    PatientProfile,
    Structure,
    numbers_of,
)
from mssante_sim.directory.records import (
    DOMAIN,
    LISTED_PICK,
    MAILBOX,
    ORGANISATION,
    PATIENT,
    PICK,
    VERIFIER,
    Absence,
    choose,
    domain_row,
    mailbox_row,
    organisation_row,
    pick_row,
    practitioner_row,
)
from mssante_sim.directory.search import read_query
from mssante_sim.errors import SimulatorError
from mssante_sim.storage.rows import Row, RowStore

__all__ = ["Absence", "Directory", "DirectoryError", "Hit"]


class DirectoryError(SimulatorError):
    """The directory holds nothing of that name."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that the picker shows, and the mailbox that writing to it uses."""

    organisation: Organisation
    mailbox: Mailbox


class Directory:
    """Organisations, mailboxes and patients. Addresses and logins are compared in lower case.

    Places and their mailboxes are the home's own and those of the imported list; a single mailbox, a login and
    a patient is always the home's own.
    """

    def __init__(self, rows: RowStore, clock: Clock | None = None) -> None:
        self.rows = rows
        self._clock = clock or SystemClock()
        self.listing = Listing(rows)

    def close(self) -> None:
        """The rows are closed with it."""
        self.rows.close()

    # What is there

    def mailbox(self, address: str) -> Mailbox | None:
        """The mailbox of an operator's domain with this address."""
        text = self._get(MAILBOX, address)
        return None if text is None else mailbox_from(text)

    def mailboxes(self) -> list[Mailbox]:
        """All of them, in the order they came in."""
        return [mailbox_from(text) for text in self.rows.all(MAILBOX)]

    def mailboxes_of(self, finess: str) -> list[Mailbox]:
        """Those that serve the place, the preferred first; unpublished, closed and red-listed ones too.

        Of the imported list only the organisational ones.
        """
        listed = self.listing.mailboxes_of(finess) if finess.isascii() else ()
        own = self._own_at(finess)
        found = {box.address: box for box in (*listed, *own)}.values()
        return sorted(found, key=lambda mailbox: (mailbox.rank, mailbox.address))

    def mailboxes_by(self, person: str) -> list[Mailbox]:
        """Personal mailboxes of a person, by the national number; the imported ones too."""
        own = [mailbox_from(text) for text in self._find(MAILBOX, "practitioner", person)]
        taken = {box.address for box in own}
        listed = map(mailbox_of, self.listing.lines_by(person) if person.isascii() else ())
        return own + [box for box in listed if box.address not in taken]

    def organisation(self, finess: str) -> Organisation | None:
        """The legal or geographic entity with this FINESS."""
        if not finess.isascii():
            return None
        text = self.rows.get(ORGANISATION, finess)
        return self.listing.organisation(finess) if text is None else organisation_from(text)

    def organisation_of(self, mailbox: Mailbox) -> Organisation | None:
        """The place that `mailbox` serves."""
        return None if mailbox.organisation is None else self.organisation(mailbox.organisation)

    def organisations(
        self, name_words: tuple[str, ...] = (), place_words: tuple[str, ...] = (), *, limit: int, offset: int = 0
    ) -> list[Organisation]:
        """A page of the home's own entities, or of those with such words, in the order they came in."""
        keys = self.rows.search(ORGANISATION, name_words, place_words, limit=limit, offset=offset)
        return [found for key in keys if (found := self.organisation(key)) is not None]

    def registered_as(self, number: str) -> list[Organisation]:
        """Entities whose SIREN or SIRET this is."""
        if not number.isascii():
            return []
        registers = ("siren", "siret")
        own = [organisation_from(text) for name in registers for text in self._find(ORGANISATION, name, number)]
        return own + [place for name in registers for place in self.listing.organisations(name, number)]

    def parts_of(self, finess: str) -> list[Organisation]:
        """The places that a legal entity runs."""
        return [organisation_from(text) for text in self._find(ORGANISATION, "part-of", finess)]

    def knows(self, attachment: Attachment) -> bool:
        """Whether some entity has the number that a mailbox says it is attached to."""
        if attachment.kind is AttachmentKind.FINESS:
            return self.organisation(attachment.value) is not None
        return bool(self.registered_as(attachment.value))

    def hosts(self, domain: str) -> bool:
        """Whether mail for this domain comes here since a mailbox of it was imported and activated."""
        return self._get(DOMAIN, domain) is not None

    def patient(self, address: str) -> PatientProfile | None:
        """The profile of Mon espace santé with this address."""
        text = self._get(PATIENT, address)
        return None if text is None else patient_from(text)

    def patients(self) -> list[PatientProfile]:
        """All of them, in the order they came in."""
        return [patient_from(text) for text in self.rows.all(PATIENT)]

    # Who may log in

    def user(self, login: str) -> tuple[str, MailboxUser | PatientProfile] | None:
        """The address that `login` opens, and whose login it is."""
        login = login.lower()
        for text in self._find(MAILBOX, "login", login):
            mailbox = mailbox_from(text)
            return mailbox.address, next(user for user in mailbox.users if user.login == login)
        profile = self.patient(login)
        return None if profile is None else (profile.address, profile)

    def account(self, login: str) -> tuple[str, Verifier] | None:
        """The address that `login` opens and what its password is checked against."""
        user, text = self.user(login), self._get(VERIFIER, login)
        return None if user is None or text is None else (user[0], Verifier.from_text(text))

    def set_verifiers(self, verifiers: Mapping[str, Verifier]) -> None:
        """Each login has this password from now on; all or none."""
        self.rows.put_many(Row(VERIFIER, login.lower(), each.to_text()) for login, each in verifiers.items())

    # What the patient's picker shows

    def search(self, name: str | None, place: str | None, *, limit: int = 20, offset: int = 0) -> list[Hit]:
        """Pharmacies one can write to, by beginnings of words; in an order that pages can rely on.

        A place is a town, a department or its number, or the beginning of a postal code. Red-listed,
        unpublished and closed mailboxes do not exist here.

        Raises:
            SearchError: there is nothing to search for.
        """
        query = read_query(name, place)
        keys = self.rows.search(PICK, query.name, query.place, limit=offset + limit)
        if len(keys) < offset + limit:
            keys += self.rows.search(LISTED_PICK, query.name, query.place, limit=offset + limit - len(keys))
        keys = keys[offset:]
        return [hit for key in keys if isinstance(hit := self.pick(key), Hit)]

    def pick(self, finess: str) -> Hit | Absence:
        """The place with exactly this FINESS as the picker shows it, or why it is absent.

        A red-listed mailbox counts as none: its existence is not told.
        """
        organisation = self.organisation(finess)
        if organisation is None:
            return Absence.UNKNOWN
        chosen = choose(organisation, self.mailboxes_of(finess))
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
            DirectoryError: an address is there already, of another kind: its kind never changes.
        """
        places = {organisation.finess: organisation for organisation in organisations}
        boxes = {mailbox.address: mailbox for mailbox in mailboxes}
        patients = tuple(patients)
        everything: tuple[Organisation | Mailbox | PatientProfile, ...]
        everything = (*places.values(), *boxes.values(), *patients)
        for number in chain.from_iterable(map(numbers_of, everything)):
            require_fictitious(number)
        for box in boxes.values():
            if (known := self.mailbox(box.address)) is not None and known.kind is not box.kind:
                raise DirectoryError(f"{box.address} is a mailbox {known.kind.value}: choose another address.")
        self._put(places, boxes, (Row(PATIENT, profile.address, text_of(profile)) for profile in patients))

    def imported_mailbox(self, address: str, user: MailboxUser) -> Mailbox:
        """What `activate` would make of an imported mailbox.

        Raises:
            DirectoryError: no such mailbox was imported, or the home has one of that address itself.
        """
        if self.mailbox(address) is not None:
            raise DirectoryError(f"{address[:254]} is a mailbox of this home already.")
        lines = self.listing.lines_of(address)
        if not lines:
            raise DirectoryError(f"The imported list holds no mailbox {address[:254]}.")
        return replace(mailbox_of(lines[0]), users=(user,))

    def activate(self, address: str, user: MailboxUser) -> Mailbox:
        """The imported mailbox takes mail from now on, and `user` may log in to it once a password is set.

        The one way for what may be real to become the home's own; the home is marked already.  Raises: DirectoryError.
        """
        box = self.imported_mailbox(address, user)
        self._put({}, {box.address: box}, [domain_row(box.address)])
        return box

    def _put(
        self, places: Mapping[Structure, Organisation], boxes: Mapping[str, Mailbox], others: Iterable[Row] = ()
    ) -> None:
        """In one transaction; the places that mailboxes concern count as changed too."""
        now = int(self._clock.now().timestamp())
        served = self._concerned(places, boxes)
        rows = [organisation_row(place, now) for place in (*places.values(), *served.values())]
        rows += (mailbox_row(box, now) for box in boxes.values())
        rows += (practitioner_row(box.person, now) for box in boxes.values() if box.person is not None)
        rows += self._pick_rows({**places, **served}, boxes)
        rows += others
        self.rows.put_many(rows)

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

    def set_idle(self, finess: str, *, on: bool) -> list[Mailbox]:
        """IMAP offers IDLE for the place's mailboxes from the next login on, or no longer.  Raises: DirectoryError."""
        return self._change(finess, lambda mailbox: replace(mailbox, idle=on))

    def set_shown_in(self, finess: str, where: Literal["both", "api", "extraction"]) -> list[Mailbox]:
        """The place's mailboxes are in the API, the extraction, or both.  Raises: DirectoryError."""
        return self._change(finess, lambda mailbox: replace(mailbox, shown_in=where))

    def set_active(self, finess: str, *, on: bool) -> Organisation:
        """The place, one of the home's own, is active from now on, or no longer.  Raises: DirectoryError."""
        text = self.rows.get(ORGANISATION, finess) if finess.isascii() else None
        if text is None:
            raise DirectoryError(f"No place of this home has the FINESS {finess[:20]}.")
        place = replace(organisation_from(text), active=on)
        self.add([place])
        return place

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
        changed = [change(mailbox) for mailbox in self._own_at(finess)]
        if not changed:
            raise DirectoryError(f"No mailbox serves a place with FINESS {finess[:20]}; search the directory for it.")
        self._put({}, {box.address: box for box in changed})
        return changed

    def _own_at(self, finess: str) -> list[Mailbox]:
        found = [mailbox_from(text) for text in self._find(MAILBOX, "organisation", finess)]
        return sorted(found, key=lambda mailbox: (mailbox.rank, mailbox.address))

    def _concerned(
        self, places: Mapping[Structure, Organisation], boxes: Mapping[str, Mailbox]
    ) -> dict[Structure, Organisation]:
        """The home's own places beside `places` that `boxes` serve or have served."""
        served: set[Structure] = set()
        for box in boxes.values():
            before = self.mailbox(box.address)
            served |= {each.organisation for each in (box, before) if each and each.organisation}
        own = ((finess, self.rows.get(ORGANISATION, finess)) for finess in sorted(served - set(places)))
        return {finess: organisation_from(text) for finess, text in own if text is not None}

    def _pick_rows(self, places: Mapping[Structure, Organisation], boxes: Mapping[str, Mailbox]) -> Iterator[Row]:
        """What the picker shows of `places` once `boxes` are what they will be."""
        serving: dict[str, list[Mailbox]] = {finess: [] for finess in places}
        for box in boxes.values():
            if box.organisation in serving:
                serving[box.organisation].append(box)
        for finess, place in places.items():
            if place.kind is OrganisationKind.GEOGRAPHIC:
                others = (box for box in self._own_at(finess) if box.address not in boxes)
                yield pick_row(place, [*serving[finess], *others])

    # Rows

    def _get(self, kind: str, key: str) -> str | None:
        return self.rows.get(kind, key.lower()) if key.isascii() else None

    def _find(self, kind: str, lookup: str, value: str) -> list[str]:
        return self.rows.find(kind, lookup, value) if value.isascii() else []
