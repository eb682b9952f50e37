"""A search: what was asked, and whether a resource answers it.  [FHIR R4 §3.1.1]

It is answered from the resource as it would be shown, so what is not shown cannot be found.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mssante_sim.directory.fhir import Resource
from mssante_sim.directory.fhir_dates import PeriodError, instant_of, period_of
from mssante_sim.directory.fhir_types import INCLUDES, TYPES, Parameter
from mssante_sim.directory.search import begins, contains, folded_text, unabbreviated, words
from mssante_sim.errors import SimulatorError

__all__ = ["Criterion", "FhirSearch", "SearchRefused", "read_search"]

DEFAULT_COUNT: Final = 50
MAX_COUNT: Final = 200  # more is cut to it, as FHIR allows  [our choice]
MOST_VALUES: Final = 500  # in one search  [our choice]

_MODIFIERS: Final = {
    "string": ("", "contains", "exact"),
    "token": ("", "not"),
    "reference": ("",),
    "date": ("",),
    "uri": ("",),
}
_ALIASES: Final = {"name:family": "family", "name:given": "given"}  # the API's own guide writes them so
_IGNORED: Final = frozenset({"_pretty"})
_NOT_TEXT: Final = frozenset({"use", "extension", "system", "type", "id"})
_VALUE: Final = re.compile(r"(?:\\.|[^,])+", re.DOTALL)  # up to a comma that no backslash escapes
_ESCAPED: Final = re.compile(r"\\([,|$\\])")


class SearchRefused(SimulatorError):
    """The search means nothing to this server."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter: any of its values will do."""

    name: str
    modifier: str
    values: tuple[str, ...]
    parameter: Parameter

    def accepts(self, resource: Resource) -> bool:
        """Whether the resource has one of the values."""
        found = list(_found(resource, self.parameter))
        match self.parameter.kind:
            case "string":
                texts = [text for one in found for text in _texts(one)]
                return any(self._says(text, value) for text in texts for value in self.values)
            case "token":
                tokens = [token for one in found for token in _tokens(one)]
                fits = any(_token_fits(value, *token) for value in self.values for token in tokens)
                return fits is not (self.modifier == "not")
            case "reference":
                return any(_refers(str(one.get("reference", "")), value) for one in found for value in self.values)
            case "uri":
                return any(value in found for value in self.values)
        periods = [period_of(value) for value in self.values]
        return any(period.holds(instant_of(one)) for period in periods for one in found)

    def _says(self, text: str, value: str) -> bool:
        if self.modifier == "exact":
            return text == value
        if self.parameter.as_written or not words(value):
            text, value = text.casefold(), value.casefold()
            return value in text if self.modifier else text.startswith(value)
        return contains(text, value) if self.modifier else begins(text, value)


@dataclass(frozen=True, slots=True)
class FhirSearch:
    """All criteria hold, `count` to a page."""

    criteria: tuple[Criterion, ...] = ()
    count: int = DEFAULT_COUNT
    include: tuple[str, ...] = ()  # keys of INCLUDES
    revinclude: tuple[str, ...] = ()
    elements: frozenset[str] = frozenset()  # empty: all
    total: bool | None = None  # to be counted, or not told; None: told where it is known anyway

    def accepts(self, resource: Resource) -> bool:
        """Whether every criterion holds."""
        return all(criterion.accepts(resource) for criterion in self.criteria)

    def values(self, name: str, *modifiers: str) -> tuple[str, ...] | None:
        """The values of the first criterion of that name and one of `modifiers` (or none), None without one."""
        wanted = modifiers or ("",)
        return next((c.values for c in self.criteria if c.name == name and c.modifier in wanted), None)

    def narrowing(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Words that some word of the name, and of the place, must begin with, and what some word of the name holds."""
        name: tuple[str, ...] = ()
        place: tuple[str, ...] = ()
        pieces: tuple[str, ...] = ()
        for criterion in self.criteria:
            if len(criterion.values) != 1:
                continue
            if criterion.name == "name" and criterion.modifier == "contains":
                pieces += unabbreviated(criterion.values[0])
            elif criterion.name == "name":
                name += unabbreviated(criterion.values[0])
            elif criterion.name in ("address-city", "address-postalcode") and criterion.modifier != "contains":
                place += unabbreviated(criterion.values[0])
        return name, place, pieces

    def may_accept(self, text: str) -> bool:
        """Whether a resource drawn from a document with this text can answer; spares drawing those that cannot.

        A word asked for stands somewhere in the text, unless it or its counterpart may be an abbreviation of Saint.
        """
        folded = folded_text(text)
        return all(
            any(all(word in folded or word in "saintes" for word in unabbreviated(value)) for value in criterion.values)
            for criterion in self.criteria
            if criterion.parameter.kind == "string" and not criterion.parameter.as_written
        )

    def shown(self, resource: Resource) -> Resource:
        """`resource` as far as `_elements` wants it, marked if that is not all.  [FHIR R4 §3.1.1.5.9]"""
        if not self.elements:
            return resource
        kept = {"resourceType", "id", "meta"} | self.elements
        tag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
        found = {name: value for name, value in resource.items() if name in kept}
        return {**found, "meta": {**resource["meta"], "tag": [tag]}}


def read_search(type_: str, parameters: Iterable[tuple[str, str]]) -> FhirSearch:
    """The search of a type that a query string asks for; parameters without a value are passed over.

    Raises:
        SearchRefused: an unknown parameter, modifier or reference; a count or a date that is none; too much.
    """
    criteria: list[Criterion] = []
    controls: dict[str, Any] = {}
    for key, text in parameters:
        if key in _IGNORED or not text.strip():
            continue
        if key in _CONTROLS:
            name, value = _CONTROLS[key](type_, text)
            if name:
                controls[name] = controls.get(name, ()) + value if isinstance(value, tuple) else value
        elif text.strip(" ,"):
            criteria.append(_criterion(type_, _ALIASES.get(key, key), text))
    if sum(len(criterion.values) for criterion in criteria) > MOST_VALUES:
        raise SearchRefused(f"A search has at most {MOST_VALUES} values")
    return FhirSearch(tuple(criteria), **controls)


def _criterion(type_: str, key: str, text: str) -> Criterion:
    name, _, modifier = key.partition(":")
    parameter = TYPES[type_].parameters.get(name)
    if parameter is None and name not in _CONTROLS:
        raise SearchRefused(f"Parameter {name[:100]} not found")
    if parameter is None or modifier not in _MODIFIERS[parameter.kind]:
        raise SearchRefused(f"Modifier :{modifier[:100]} is not supported for parameter {name}")
    values = tuple(_ESCAPED.sub(r"\1", value) for value in _VALUE.findall(text) if value.strip())
    if parameter.kind == "date":
        try:
            for value in values:
                period_of(value)
        except PeriodError as error:
            raise SearchRefused(f"Parameter {name}: {error.public}") from error
    return Criterion(name, modifier, values, parameter)


def _count(_type: str, text: str) -> tuple[str, object]:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) == 0:
        raise SearchRefused("Parameter _count must be a positive number")
    return "count", min(int(text), MAX_COUNT)


def _format(_type: str, text: str) -> tuple[str, object]:
    if text.replace(" ", "+") not in ("json", "application/json", "application/fhir+json"):  # a plus left unescaped
        raise SearchRefused("Only the format application/fhir+json is served.")
    return "", None


def _include(type_: str, text: str) -> tuple[str, object]:
    own = tuple(key for key in INCLUDES if key.startswith(f"{type_}:"))
    if text == "*":
        return "include", own
    return "include", _known(text, own, "_include")


def _revinclude(type_: str, text: str) -> tuple[str, object]:
    return "revinclude", _known(
        text, tuple(key for key, (_, target) in INCLUDES.items() if target == type_), "_revinclude"
    )


def _known(text: str, keys: tuple[str, ...], parameter: str) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(text.split(",")))
    for one in wanted:
        if one not in keys:
            known = ", ".join(keys) or "none"
            raise SearchRefused(f"Invalid {parameter} parameter value: {one[:100]}. Valid values are: {known}")
    return wanted


def _elements(_type: str, text: str) -> tuple[str, object]:
    return "elements", frozenset(one.strip().partition(".")[0] for one in text.split(",") if one.strip())


def _total(_type: str, text: str) -> tuple[str, object]:
    if text not in ("none", "estimate", "accurate"):
        raise SearchRefused("Parameter _total must be none, estimate or accurate")
    return "total", text != "none"


_CONTROLS: Final = {
    "_count": _count,
    "_elements": _elements,
    "_format": _format,
    "_include": _include,
    "_revinclude": _revinclude,
    "_total": _total,
}


def _found(resource: Resource, parameter: Parameter) -> Iterator[Any]:
    """What stands where the parameter looks."""
    for path in parameter.paths:
        first, *rest = path.split(".")
        elements = _listed(resource.get(first))
        if parameter.marked is not None:
            elements = [one for one in elements if _is_marked(one, parameter.marked)]
        for step in rest:
            elements = [inner for one in elements if isinstance(one, Mapping) for inner in _listed(one.get(step))]
        yield from elements


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_marked(element: Any, url: str) -> bool:
    return any(extension.get("url") == url for extension in element.get("extension", ()))


def _texts(value: Any) -> Iterator[str]:
    """A string, or every string of a name or an address."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _NOT_TEXT:
                for one in _listed(inner):
                    yield from _texts(one)


def _tokens(value: Any) -> Iterator[tuple[str, str]]:
    """System and code of a boolean, a code, an identifier, a coding, a concept."""
    match value:
        case bool():
            yield "http://hl7.org/fhir/special-values", str(value).lower()
        case str():
            yield "", value
        case {"coding": [*codings]}:
            yield from ((coding["system"], coding["code"]) for coding in codings)
        case {"system": str(system), "value": str(code)}:
            yield system, code


def _refers(reference: str, value: str) -> bool:
    """Whether `value`, an id, a type and an id, or a whole address, is what `reference` (type and id) leads to."""
    return f"/{reference}".endswith(f"/{value}") or value.endswith(f"/{reference}")


def _token_fits(value: str, system: str, code: str) -> bool:
    """`code`, `system|code`, `system|` or `|code` (of no system)."""
    wanted_system, bar, wanted_code = value.partition("|")
    if not bar:
        return value == code
    return wanted_system == system and wanted_code in ("", code)
