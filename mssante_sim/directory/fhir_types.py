"""The resource types of the Annuaire, as data: parameters, where each looks, and what refers to what.

[Annuaire Santé FHIR v2]. Specified but refused by the live server, and so absent here: `mailbox-mss-type`, `_summary`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from mssante_sim.directory.fhir import ANNUAIRE, METADATA

__all__ = ["INCLUDES", "TYPES", "Parameter", "ResourceType"]

Kind = Literal["string", "token", "reference", "date", "uri"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter."""

    kind: Kind
    paths: tuple[str, ...]  # into the resource, lists are walked through; empty: no resource has such a value yet
    marked: str | None = None  # only elements of the first step that bear this extension
    as_written: bool = False  # punctuation counts


@dataclass(frozen=True, slots=True)
class ResourceType:
    """What can be asked of a type."""

    profile: str
    parameters: Mapping[str, Parameter]


def _type(profile: str, parameters: Mapping[str, Parameter]) -> ResourceType:
    return ResourceType(f"{ANNUAIRE}/as-dp-{profile}", MappingProxyType({**_COMMON, **parameters}))


_COMMON: Final = {
    "_id": Parameter("token", ("id",)),
    "_lastUpdated": Parameter("date", ("meta.lastUpdated",)),
    "_profile": Parameter("uri", ("meta.profile",)),
    "data-information-system": Parameter("token", ("meta.extension.extension.valueCode",)),
    "data-registration-authority": Parameter("token", ()),
    "identifier": Parameter("token", ("identifier",)),
}
_ACTIVE: Final = Parameter("token", ("active",))
_MAILBOX: Final = Parameter("string", ("telecom.value",), marked=METADATA, as_written=True)

TYPES: Final[Mapping[str, ResourceType]] = MappingProxyType({
    "Organization": _type("organization", {
        "active": _ACTIVE,
        "address": Parameter("string", ("address",)),
        "address-city": Parameter("string", ("address.city",)),
        "address-line": Parameter("string", ("address.line",)),
        "address-postalcode": Parameter("string", ("address.postalCode",)),
        "identifier-type": Parameter("token", ("identifier.type",)),
        "mailbox-mss": _MAILBOX,
        "name": Parameter("string", ("name", "alias")),
        "partof": Parameter("reference", ("partOf",)),
        "pharmacy-licence": Parameter("string", ("extension.valueString",), as_written=True),
        "type": Parameter("token", ("type",)),
    }),
    "Practitioner": _type("practitioner", {
        "active": _ACTIVE,
        "family": Parameter("string", ("name.family",)),
        "given": Parameter("string", ("name.given",)),
        "identifier-type": Parameter("token", ("identifier.type",)),
        "mailbox-mss": _MAILBOX,
        "name": Parameter("string", ("name",)),
        "number-smartcard": Parameter("string", (), as_written=True),
        "qualification-code": Parameter("token", ("qualification.code",)),
    }),
    "PractitionerRole": _type("practitionerrole", {
        "active": _ACTIVE,
        "mailbox-mss": _MAILBOX,
        "organization": Parameter("reference", ("organization",)),
        "practitioner": Parameter("reference", ("practitioner",)),
        "role": Parameter("token", ("code",)),
    }),
    "HealthcareService": _type("healthcareservice-healthcare-activity", {
        "active": _ACTIVE,
        "characteristic": Parameter("token", ("characteristic",)),
        "organization": Parameter("reference", ("providedBy",)),
        "service-category": Parameter("token", ("category",)),
        "service-type": Parameter("token", ("type",)),
    }),
    "Device": _type("device", {
        "manufacturer": Parameter("string", ("manufacturer",)),
        "model": Parameter("string", ("modelNumber",)),
        "organization": Parameter("reference", ("owner",)),
        "status": Parameter("token", ("status",)),
        "type": Parameter("token", ("type",)),
    }),
})  # fmt: skip

INCLUDES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    "Organization:partof": ("partOf", "Organization"),
    "PractitionerRole:organization": ("organization", "Organization"),
    "PractitionerRole:practitioner": ("practitioner", "Practitioner"),
    "HealthcareService:organization": ("providedBy", "Organization"),
    "Device:organization": ("owner", "Organization"),
})  # fmt: skip
"""Type and parameter of each reference: the element that holds it, and the type it leads to."""
