"""A search of Organization: what was asked, and whether an organisation answers it.  [FHIR R4 §3.1.1]"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mssante_sim.directory.fhir import finess_of_id, id_of, identifiers, public, types
from mssante_sim.directory.model import Mailbox, Organisation
from mssante_sim.directory.search import begins, contains, unabbreviated, words
from mssante_sim.errors import SimulatorError

__all__ = ["PARAMETERS", "Criterion", "FhirSearch", "SearchRefused", "finesses", "read_search"]

PARAMETERS: Final = {
    "_id": "token",
    "active": "token",
    "address-city": "string",
    "address-postalcode": "string",
    "identifier": "token",
    "mailbox-mss": "string",
    "name": "string",
    "partof": "reference",
    "type": "token",
}
"""Search parameters and their types, the subset that a patient's application needs."""

DEFAULT_COUNT: Final = 50
MAX_COUNT: Final = 200  # more is cut to it, as FHIR allows  [our choice]

_MODIFIERS: Final = {"string": ("", "contains", "exact"), "token": ("",), "reference": ("",)}
_UNESCAPED_COMMA: Final = re.compile(r"(?<!\\),")
_ESCAPED: Final = re.compile(r"\\([,|$\\])")


class SearchRefused(SimulatorError):
    """The search means nothing to this server."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter: any of its values will do."""

    name: str
    modifier: str
    values: tuple[str, ...]

    def accepts(self, organisation: Organisation, mailboxes: Sequence[Mailbox]) -> bool:
        """Whether the organisation, which `mailboxes` serve, has one of the values."""
        if PARAMETERS[self.name] == "string":
            texts = _texts(self.name, organisation, mailboxes)
            return any(self._says(text, value) for text in texts for value in self.values)
        if self.name == "partof":
            parent = organisation.part_of
            return parent is not None and id_of(parent) in {value.rsplit("/", 1)[-1] for value in self.values}
        tokens = _tokens(self.name, organisation)
        return any(_token_fits(value, system, code) for value in self.values for system, code in tokens)

    def _says(self, text: str, value: str) -> bool:
        if self.modifier == "exact":
            return text == value
        if self.name == "mailbox-mss" or not words(value):  # signs count
            text, value = text.casefold(), value.casefold()
            return value in text if self.modifier else text.startswith(value)
        return contains(text, value) if self.modifier else begins(text, value)


@dataclass(frozen=True, slots=True)
class FhirSearch:
    """All criteria hold, `count` to a page."""

    criteria: tuple[Criterion, ...]
    count: int

    def accepts(self, organisation: Organisation, mailboxes: Sequence[Mailbox]) -> bool:
        """Whether every criterion holds."""
        return all(criterion.accepts(organisation, mailboxes) for criterion in self.criteria)

    def exactly(self, name: str, modifier: str = "") -> tuple[str, ...] | None:
        """The values of the first criterion of that name, None if there is none."""
        return next((c.values for c in self.criteria if (c.name, c.modifier) == (name, modifier)), None)

    def beginnings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Words that some word of the name, and of the place, must begin with; narrows what is looked at."""
        name: tuple[str, ...] = ()
        place: tuple[str, ...] = ()
        for criterion in self.criteria:
            if criterion.modifier != "" or len(criterion.values) != 1:
                continue
            if criterion.name == "name":
                name += unabbreviated(criterion.values[0])
            elif criterion.name in ("address-city", "address-postalcode"):
                place += unabbreviated(criterion.values[0])
        return name, place


def read_search(parameters: Iterable[tuple[str, str]]) -> FhirSearch:
    """The search that a query string asks for; parameters without a value are passed over.

    Raises:
        SearchRefused: an unknown parameter or modifier, a count that is none.
    """
    criteria: list[Criterion] = []
    count = DEFAULT_COUNT
    for key, text in parameters:
        name, _, modifier = key.partition(":")
        if key == "_count":
            count = _count(text)
        elif key == "_format":
            if text not in ("json", "application/json", "application/fhir+json"):
                raise SearchRefused("Only the format application/fhir+json is served.")
        elif name not in PARAMETERS:
            raise SearchRefused(f"Parameter {name[:100]} not found")
        elif modifier not in _MODIFIERS[PARAMETERS[name]]:
            raise SearchRefused(f"Modifier :{modifier[:100]} is not supported for parameter {name}")
        elif values := _values(text):
            criteria.append(Criterion(name, modifier, values))
    return FhirSearch(tuple(criteria), count)


def finesses(search: FhirSearch) -> tuple[str, ...] | None:
    """FINESS numbers that `_id` confines the search to, None if it does not."""
    wanted = search.exactly("_id")
    return None if wanted is None else tuple(f for value in wanted if (f := finess_of_id(value)) is not None)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) == 0:
        raise SearchRefused("Parameter _count must be a positive number")
    return min(int(text), MAX_COUNT)


def _values(text: str) -> tuple[str, ...]:
    return tuple(_ESCAPED.sub(r"\1", value) for value in _UNESCAPED_COMMA.split(text) if value.strip())


def _texts(name: str, organisation: Organisation, mailboxes: Sequence[Mailbox]) -> list[str]:
    match name:
        case "name":
            return [text for text in (organisation.name, organisation.enseigne) if text]
        case "address-city":
            return [organisation.address.town]
        case "address-postalcode":
            return [organisation.address.postal_code]
        case _:
            return [box.address for box in public(mailboxes)]


def _tokens(name: str, organisation: Organisation) -> list[tuple[str, str]]:
    match name:
        case "_id":
            return [("", id_of(organisation.finess))]
        case "active":
            return [("http://hl7.org/fhir/special-values", str(organisation.active).lower())]
        case "identifier":
            return [(system, value) for _, system, value in identifiers(organisation)]
        case _:
            return [(system, code) for _, system, code in types(organisation)]


def _token_fits(value: str, system: str, code: str) -> bool:
    """`code`, `system|code`, `system|` or `|code` (of no system)."""
    wanted_system, bar, wanted_code = value.partition("|")
    if not bar:
        return value == code
    return wanted_system == system and wanted_code in ("", code)
