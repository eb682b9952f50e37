"""Resources of the Annuaire Santé as plain dicts.  [Annuaire Santé FHIR v2, IG Annuaire 1.2]

Who is responsible for a mailbox, and mailboxes that are not public, never appear.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from mssante_sim.directory.identifiers import Finess, IdentifierError, IdNatStruct
from mssante_sim.directory.model import Mailbox, MailboxKind, Organisation, OrganisationKind

__all__ = [
    "FINESS", "IDNST", "ORGANIZATION_TYPE", "SECTOR", "SIRENE", "Resource", "bundle", "capabilities", "finess_of_id",
    "id_of", "identifiers", "organization", "outcome", "public", "types",
]  # fmt: skip

Resource = dict[str, Any]

IDNST: Final = "urn:oid:1.2.250.1.71.4.2.2"
FINESS: Final = "https://finess.esante.gouv.fr"
SIRENE: Final = "https://sirene.fr"
ORGANIZATION_TYPE: Final = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-3307"
SECTOR: Final = "https://mos.esante.gouv.fr/NOS/TRE_R02-SecteurActivite/FHIR/TRE-R02-SecteurActivite"
_IDENTIFIER_TYPE: Final = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
_EMAIL_TYPE: Final = "https://mos.esante.gouv.fr/NOS/TRE_R256-TypeMessagerie/FHIR/TRE-R256-TypeMessagerie"
_MAILBOX_TYPE: Final = "https://mos.esante.gouv.fr/NOS/TRE_R257-TypeBAL/FHIR/TRE-R257-TypeBAL"
_COMMUNE: Final = "https://mos.esante.gouv.fr/NOS/TRE_R13-Commune/FHIR/TRE-R13-Commune"
_HL7_FR: Final = "https://hl7.fr/ig/fhir/core/StructureDefinition"
_ANNUAIRE: Final = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition"
_ID_PREFIX: Final = "001-01-"  # technical, so that nobody takes it for a FINESS  [our choice]


def id_of(finess: str) -> str:
    """The technical identifier of an organisation."""
    return _ID_PREFIX + finess


def finess_of_id(technical: str) -> Finess | None:
    """The organisation that a technical identifier could name."""
    try:
        return Finess(technical.removeprefix(_ID_PREFIX)) if technical.startswith(_ID_PREFIX) else None
    except IdentifierError:
        return None


def public(mailboxes: Iterable[Mailbox]) -> list[Mailbox]:
    """Those that an Organization shows: open, published ORG and APP boxes that are not red-listed."""
    return [
        box
        for box in mailboxes
        if box.kind is not MailboxKind.PER and box.published and box.open and not box.red_listed
    ]


def identifiers(organisation: Organisation) -> list[tuple[str, str, str]]:
    """Type code, system and value of each number."""
    is_legal = organisation.kind is OrganisationKind.LEGAL
    found = [
        ("IDNST", IDNST, str(IdNatStruct.of(organisation.finess))),
        ("FINEJ" if is_legal else "FINEG", FINESS, str(organisation.finess)),
    ]
    found += (("SIREN", SIRENE, str(number)) for number in (organisation.siren,) if number)
    found += (("SIRET", SIRENE, str(number)) for number in (organisation.siret,) if number)
    return found


def types(organisation: Organisation) -> list[tuple[str, str, str]]:
    """Slice, system and code of each type."""
    is_legal = organisation.kind is OrganisationKind.LEGAL
    found = [("organizationType", ORGANIZATION_TYPE, "LEGAL-ENTITY" if is_legal else "GEOGRAPHICAL-ENTITY")]
    if organisation.sector:
        found.append(("secteurActiviteRASS", SECTOR, organisation.sector))
    return found


def organization(organisation: Organisation, mailboxes: Iterable[Mailbox]) -> Resource:
    """The Organization resource, with those of its mailboxes that are public."""
    resource: Resource = {
        "resourceType": "Organization",
        "id": id_of(organisation.finess),
        "meta": {"profile": [f"{_HL7_FR}/fr-core-organization", f"{_ANNUAIRE}/as-dp-organization"]},
        "language": "fr",
        "extension": _licence(organisation),
        "identifier": [_identifier(*one) for one in identifiers(organisation)],
        "active": organisation.active,
        "type": [_type(*one) for one in types(organisation)],
        "name": organisation.name,
        "alias": [organisation.enseigne] if organisation.enseigne else [],
        "telecom": [_telecom(box) for box in public(mailboxes)],
        "address": [_address(organisation)],
    }
    if organisation.part_of:
        resource["partOf"] = {"reference": f"Organization/{id_of(organisation.part_of)}"}
    return {name: value for name, value in resource.items() if value != []}  # FHIR knows no empty list


def _licence(organisation: Organisation) -> list[Resource]:
    url = f"{_ANNUAIRE}/as-ext-organization-pharmacy-licence"
    return [{"url": url, "valueString": organisation.licence}] if organisation.licence else []


def _identifier(code: str, system: str, value: str) -> Resource:
    coding = {"system": _IDENTIFIER_TYPE, "code": code}
    return {"use": "official", "type": {"coding": [coding]}, "system": system, "value": value}


def _type(part: str, system: str, code: str) -> Resource:
    extension = {"url": f"{_ANNUAIRE}/as-ext-organization-types", "valueCode": part}
    return {"extension": [extension], "coding": [{"system": system, "code": code}]}


def _telecom(mailbox: Mailbox) -> Resource:
    coding = {"system": _MAILBOX_TYPE, "code": mailbox.kind.value}
    about: list[Resource] = [
        {"url": "type", "valueCodeableConcept": {"coding": [coding]}},
        {"url": "description", "valueString": mailbox.name},
    ]
    if mailbox.service:
        about.append({"url": "service", "valueString": mailbox.service})
    about.append({"url": "listeRouge", "valueBoolean": mailbox.red_listed})
    email_type = {"system": _EMAIL_TYPE, "code": "MSSANTE"}
    return {
        "extension": [
            {"url": f"{_HL7_FR}/fr-core-contact-point-email-type", "valueCoding": email_type},
            {"url": f"{_ANNUAIRE}/as-ext-mailbox-mss-metadata", "extension": about},
        ],
        "system": "email",
        "value": mailbox.address,
        "rank": mailbox.rank,
    }


def _address(organisation: Organisation) -> Resource:
    address = organisation.address
    commune = {"system": _COMMUNE, "code": address.insee}
    return {
        "extension": [{"url": f"{_HL7_FR}/fr-core-address-insee-code", "valueCoding": commune}],
        "line": [address.line],
        "city": address.town,
        "district": address.department_code,
        "postalCode": address.postal_code,
    }


def bundle(
    base: str, resources: Sequence[Resource], *, itself: str, following: str | None, total: int | None
) -> Resource:
    """One page of a search; `total` only where it is known."""
    links = [{"relation": "next", "url": following}] if following else []
    page: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": [*links, {"relation": "self", "url": itself}],
        "entry": [{"fullUrl": f"{base}/Organization/{each['id']}", "resource": each} for each in resources],
    }
    return {name: value for name, value in page.items() if value is not None and value != []}


def outcome(diagnostics: str, *, code: str = "processing") -> Resource:
    """One error, in the server's form."""
    issue = {"severity": "error", "code": code, "diagnostics": diagnostics}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def capabilities(parameters: Iterable[tuple[str, str]], *, version: str) -> Resource:
    """What the façade can do; `parameters` are names and types of search parameters."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-23",
        "kind": "instance",
        "software": {"name": "mssante-sim", "version": version},
        "implementation": {"description": "Simulateur de l'Annuaire Santé : données fictives"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "resource": [{
                "type": "Organization",
                "profile": f"{_ANNUAIRE}/as-dp-organization",
                "interaction": [{"code": "read"}, {"code": "search-type"}],
                "searchParam": [{"name": name, "type": kind} for name, kind in parameters],
            }],
        }],
    }  # fmt: skip
