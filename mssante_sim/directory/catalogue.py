"""Resources drawn from the directory: one by its technical identifier, or those that may answer a search, in order.

The order is that in which things came into the directory, the home's own before
the imported; a `Position` in it stays valid whatever is added, changed or
deleted meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from mssante_sim.directory import fhir
from mssante_sim.directory.documents import mailbox_from
from mssante_sim.directory.fhir import Resource
from mssante_sim.directory.fhir_people import device, healthcare_service, person_of_id, practitioner, roles
from mssante_sim.directory.fhir_search import FhirSearch
from mssante_sim.directory.lines import Line, mailbox_of
from mssante_sim.directory.model import Mailbox
from mssante_sim.directory.records import (
    LISTED,
    LISTED_ORGANISATION,
    LISTED_PRACTITIONER,
    MAILBOX,
    ORGANISATION,
    PRACTITIONER,
)
from mssante_sim.directory.search import words
from mssante_sim.directory.store import Directory
from mssante_sim.storage.rows import Found

__all__ = ["BEGINNING", "Catalogue", "Position"]

_CHUNK: Final = 100  # things looked at between two breaths of the loop: a few milliseconds
_FEW: Final = 5_000  # more than these are looked at one after the other, as if nothing were known of them
_HEALTH_CENTRE: Final = "SA05"
_PLACES: Final = (ORGANISATION, LISTED_ORGANISATION)
_PEOPLE: Final = (PRACTITIONER, LISTED_PRACTITIONER)


class Position(NamedTuple):
    """Where something stands: own or imported, its place there, and which of several resources it gives."""

    stage: int = 0
    place: int = 0
    number: int = 0


BEGINNING: Final = Position()


class Catalogue:
    """Looks up rows, and shows what they stand for."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rows = directory.rows
        self._show: dict[str, Callable[[Found], list[Resource]]] = {
            "Organization": self._organization,
            "Practitioner": self._practitioner,
            "PractitionerRole": self._roles,
            "HealthcareService": self._service,
            "Device": self._device,
        }

    def read(self, type_: str, technical: str) -> Resource | None:
        """The resource of that type and technical identifier."""
        found = self._by_id(type_, technical)
        shown = [] if found is None else self._show[type_](found[1])
        return next((each for each in shown if each["id"] == technical), None)

    def candidates(
        self, type_: str, search: FhirSearch, begin: Position
    ) -> Iterator[Iterator[tuple[Position, Resource]]]:
        """Chunks of resources that may answer `search`, from `begin` on; each is drawn when it is its turn."""
        for found in self._found(type_, search, begin):
            yield (
                (position, resource)
                for stage, one in found
                for number, resource in enumerate(self._show[type_](one))
                if (position := Position(stage, one.place, number)) >= begin
            )

    def referring(self, include: str, target: Resource) -> Iterator[Resource]:
        """Resources that refer to `target` by the parameter that `include` names."""
        source, parameter = include.split(":")
        if source == "Organization":
            structure = fhir.structure_of_id(target["id"])
            for found in self._rows.look(ORGANISATION, "part-of", structure or ""):
                yield from self._organization(found)
        elif source in ("HealthcareService", "Device"):
            place = self._by_id("Organization", target["id"])
            if place is not None:
                yield from self._show[source](place[1])
        elif parameter == "practitioner":
            person = self._by_id("Practitioner", target["id"])
            yield from self._roles(person[1]) if person else ()
        else:
            reference = f"Organization/{target['id']}"
            numbers = self._numbers_at(str(fhir.structure_of_id(target["id"])))  # thousands, in a hospital
            shown = (role for _, one in self._each_of(_PEOPLE, numbers) for role in self._roles(one))
            yield from (role for role in shown if role["organization"]["reference"] == reference)

    # What may answer

    def _found(self, type_: str, search: FhirSearch, begin: Position) -> Iterator[list[tuple[int, Found]]]:
        if type_ in ("HealthcareService", "Device"):
            centres = self._rows.look(ORGANISATION, "sector", _HEALTH_CENTRE)
            yield [(0, one) for one in centres if one.place >= begin.place]
            return
        named = (self._named_places if type_ == "Organization" else self._named_people)(search)
        if named is not None:
            ordered = sorted({(stage, one.place): (stage, one) for stage, one in named}.items())
            few = [pair for place, pair in ordered if place >= begin[:2]]
            yield from (few[at : at + _CHUNK] for at in range(0, len(few), _CHUNK))
            return
        kinds = _PLACES if type_ == "Organization" else _PEOPLE
        narrowing = search.narrowing() if type_ == "Organization" else ()
        for stage in range(begin.stage, len(kinds)):
            after = begin.place - 1 if stage == begin.stage else 0
            while chunk := self._rows.scan(kinds[stage], *narrowing, after=after, limit=_CHUNK):
                yield [
                    (stage, one)
                    for one in chunk
                    if (not one.text or search.may_accept(one.text))
                    and (stage == 0 or self._rows.get(kinds[0], one.key) is None)
                ]
                after = chunk[-1].place

    def _named_places(self, search: FhirSearch) -> list[tuple[int, Found]] | None:
        """The few that an exact criterion leaves, None if there is no such criterion."""
        if (ids := search.values("_id")) is not None:
            return self._places(fhir.structure_of_id(one) for one in ids)
        numbers = search.values("identifier")
        if numbers is not None and not any(number.endswith("|") for number in numbers):
            return [found for number in numbers for found in self._numbered(number.rpartition("|")[2])]
        if (parents := search.values("partof")) is not None:
            keys = (fhir.structure_of_id(one.rpartition("/")[2]) for one in parents)
            return [(0, one) for key in keys for one in self._rows.look(ORGANISATION, "part-of", key or "")]
        boxes = self._boxes(search)
        return None if boxes is None else self._places(box.organisation for box in boxes)

    def _named_people(self, search: FhirSearch) -> list[tuple[int, Found]] | None:
        for parameter in ("_id", "practitioner"):
            if (ids := search.values(parameter)) is not None:
                return self._people(person_of_id(one.rpartition("/")[2]) for one in ids)
        numbers = search.values("identifier")
        if numbers is not None and not any(number.endswith("|") for number in numbers):
            plain = [number.rpartition("|")[2] for number in numbers]
            return self._people(f"{register}{number}" for number in plain for register in ("", "8", "0"))
        if (places := search.values("organization")) is not None:
            keys = (fhir.structure_of_id(one.rpartition("/")[2]) for one in places)
            return self._people(number for key in keys if key for number in self._numbers_at(key))
        if (boxes := self._boxes(search)) is not None:
            return self._people(box.person.number for box in boxes if box.person)
        for parameter, lookups in (("family", ("family",)), ("given", ("given",))):
            if (values := search.values(parameter, "", "exact")) is not None:
                return self._beginning(lookups, values)
        return None

    def _beginning(self, lookups: Iterable[str], values: Iterable[str]) -> list[tuple[int, Found]] | None:
        """People whose name begins so; None if they are too many to be sorted, or nothing is asked."""
        found: list[tuple[int, Found]] = []
        for lookup in lookups:
            for value in values:
                prefix = " ".join(words(value))
                for stage, kind in enumerate(_PEOPLE):
                    some = self._rows.beginning(kind, prefix, limit=_FEW, lookup=lookup) if prefix else []
                    if not prefix or len(some) == _FEW:
                        return None
                    found += ((stage, one) for one in some)
        return found

    def _boxes(self, search: FhirSearch) -> list[Mailbox] | None:
        """Mailboxes that `mailbox-mss` names or begins; None if it is not asked, or they are too many."""
        values = search.values("mailbox-mss", "", "exact")
        if values is None:
            return None
        found: list[Mailbox] = []
        for value in values:
            prefix = value.lower()
            own = self._rows.beginning(MAILBOX, prefix, limit=_FEW)
            listed = self._rows.beginning(LISTED, prefix, limit=_FEW)
            if _FEW in (len(own), len(listed)):
                return None
            found += (mailbox_from(one.text) for one in own)
            found += (mailbox_of(Line.from_text(one.text)) for one in listed)
        return found

    def _numbered(self, number: str) -> list[tuple[int, Found]]:
        """Places that have `number` as FINESS, SIREN or SIRET, or as IdNatStruct."""
        if not number.isascii():
            return []
        plain = number[1:] if len(number) in (10, 15) else number
        lookups = ((stage, kind, name) for stage, kind in enumerate(_PLACES) for name in ("siren", "siret"))
        return self._places((number, plain)) + [
            (stage, one) for stage, kind, name in lookups for one in self._rows.look(kind, name, plain)
        ]

    def _places(self, keys: Iterable[str | None]) -> list[tuple[int, Found]]:
        return self._of(_PLACES, keys)

    def _people(self, keys: Iterable[str | None]) -> list[tuple[int, Found]]:
        return self._of(_PEOPLE, keys)

    def _numbers_at(self, structure: str) -> list[str]:
        """National numbers of whoever has a personal mailbox for a place."""
        own = map(mailbox_from, self._rows.find(MAILBOX, "organisation", structure))
        listed = self._directory.listing.people_at(structure)
        return [*(box.person.number for box in own if box.person), *listed]

    def _of(self, kinds: tuple[str, ...], keys: Iterable[str | None]) -> list[tuple[int, Found]]:
        return list(self._each_of(kinds, keys))

    def _each_of(self, kinds: tuple[str, ...], keys: Iterable[str | None]) -> Iterator[tuple[int, Found]]:
        """Each key's row, the home's own if there are two; looked up when it is its turn."""
        known = (key for key in dict.fromkeys(keys) if key and key.isascii())
        rows = (((stage, self._rows.one(kind, key)) for stage, kind in enumerate(kinds)) for key in known)
        first = (next(((stage, one) for stage, one in each if one is not None), None) for each in rows)
        return (found for found in first if found is not None)

    def _by_id(self, type_: str, technical: str) -> tuple[int, Found] | None:
        key: str | None
        match type_:
            case "Organization":
                key = fhir.structure_of_id(technical)
            case "HealthcareService" | "Device":
                key = technical[4:] if technical[:4] in ("004-", "002-") else None
            case _:
                key = person_of_id(technical)
        kinds = _PEOPLE if type_.startswith("Practitioner") else _PLACES
        return next(iter(self._of(kinds, [key])), None)

    # What it looks like

    def _organization(self, found: Found) -> list[Resource]:
        place = self._directory.organisation(found.key)
        boxes = self._directory.mailboxes_of(found.key)
        return [] if place is None else [fhir.organization(place, boxes, updated=found.updated)]

    def _practitioner(self, found: Found) -> list[Resource]:
        boxes = self._directory.mailboxes_by(found.key)
        return [practitioner(boxes, updated=found.updated)] if boxes else []

    def _roles(self, found: Found) -> list[Resource]:
        return roles(self._directory.mailboxes_by(found.key), updated=found.updated)

    def _service(self, found: Found) -> list[Resource]:
        place = self._directory.organisation(found.key)
        is_centre = place is not None and place.sector == _HEALTH_CENTRE
        return [healthcare_service(place, updated=found.updated)] if place is not None and is_centre else []

    def _device(self, found: Found) -> list[Resource]:
        place = self._directory.organisation(found.key)
        is_centre = place is not None and place.sector == _HEALTH_CENTRE
        return [device(place, updated=found.updated)] if place is not None and is_centre else []
