"""Resources of the Annuaire Santé as plain dicts.  [Annuaire Santé FHIR v2, IG Annuaire 1.2]

Who is responsible for a mailbox, and mailboxes that are not public, never appear.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from mssante_sim.directory.identifiers import Finess, IdentifierError, IdNatStruct
from mssante_sim.directory.model import Mailbox, MailboxKind, Organisation, OrganisationKind, Structure

__all__ = [
    "ANNUAIRE", "FINESS", "HL7_FR", "IDNST", "METADATA", "ORGANIZATION_TYPE", "SECTOR", "SIRENE", "Resource",
    "id_of", "identifier", "meta", "organization", "public", "structure_of_id", "telecom", "without_empty",
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
HL7_FR: Final = "https://hl7.fr/ig/fhir/core/StructureDefinition"
ANNUAIRE: Final = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition"
METADATA: Final = f"{ANNUAIRE}/as-ext-mailbox-mss-metadata"
_ID_PREFIX: Final = "001-01-"  # technical, so that nobody takes it for a FINESS  [our choice]


def id_of(structure: str) -> str:
    """The technical identifier of an organisation."""
    return _ID_PREFIX + structure


def structure_of_id(technical: str) -> Structure | None:
    """The organisation that a technical identifier could name."""
    number = technical.removeprefix(_ID_PREFIX)
    try:
        return Finess(number) if len(number) == 9 else IdNatStruct(number)
    except IdentifierError:
        return None


def public(mailboxes: Iterable[Mailbox]) -> list[Mailbox]:
    """Those that the API shows: open, published, not red-listed, and not in the extraction only."""
    return [
        box for box in mailboxes if box.published and box.open and not box.red_listed and box.shown_in != "extraction"
    ]


def meta(profiles: Iterable[str], source: str, updated: int) -> Resource:
    """What every resource says of itself; `source` is the information system that the data come from."""
    trace = {"url": f"{ANNUAIRE}/as-ext-data-trace", "extension": [{"url": "systeme-information", "valueCode": source}]}
    found: Resource = {"extension": [trace], "source": "https://annuaire.sante.fr", "profile": list(profiles)}
    if updated:
        found["lastUpdated"] = datetime.fromtimestamp(updated, UTC).isoformat()
    return found


def without_empty(resource: Resource) -> Resource:
    """`resource` as JSON may hold it: FHIR knows no empty list."""
    return {name: value for name, value in resource.items() if value != []}


def organization(organisation: Organisation, mailboxes: Iterable[Mailbox], *, updated: int = 0) -> Resource:
    """The Organization resource, with those of its mailboxes that are public; personal ones are their owner's."""
    shown = [box for box in public(mailboxes) if box.kind is not MailboxKind.PER]
    ordinary = [{"system": "email", "value": organisation.email}] if organisation.email else []
    source = "FINESS" if isinstance(organisation.finess, Finess) else "RPPS"
    resource: Resource = {
        "resourceType": "Organization",
        "id": id_of(organisation.finess),
        "meta": meta((f"{HL7_FR}/fr-core-organization", f"{ANNUAIRE}/as-dp-organization"), source, updated),
        "language": "fr",
        "extension": _licence(organisation),
        "identifier": [identifier(*one) for one in _identifiers(organisation)],
        "active": organisation.active,
        "type": [_type(*one) for one in _types(organisation)],
        "name": organisation.name,
        "alias": [organisation.enseigne] if organisation.enseigne else [],
        "telecom": [*map(telecom, shown), *ordinary],
        "address": [_address(organisation)],
    }
    if organisation.part_of:
        resource["partOf"] = {"reference": f"Organization/{id_of(organisation.part_of)}"}
    return without_empty(resource)


def _identifiers(organisation: Organisation) -> list[tuple[str, str, str]]:
    """Type code, system and value of each number."""
    is_legal = organisation.kind is OrganisationKind.LEGAL
    found = [("IDNST", IDNST, str(IdNatStruct.of(organisation.finess)))]
    if isinstance(organisation.finess, Finess):
        found.append(("FINEJ" if is_legal else "FINEG", FINESS, str(organisation.finess)))
    found += (("SIREN", SIRENE, str(number)) for number in (organisation.siren,) if number)
    found += (("SIRET", SIRENE, str(number)) for number in (organisation.siret,) if number)
    return found


def _types(organisation: Organisation) -> list[tuple[str, str, str]]:
    """Slice, system and code of each type."""
    is_legal = organisation.kind is OrganisationKind.LEGAL
    found = [("organizationType", ORGANIZATION_TYPE, "LEGAL-ENTITY" if is_legal else "GEOGRAPHICAL-ENTITY")]
    if organisation.sector:
        found.append(("secteurActiviteRASS", SECTOR, organisation.sector))
    return found


def _licence(organisation: Organisation) -> list[Resource]:
    url = f"{ANNUAIRE}/as-ext-organization-pharmacy-licence"
    return [{"url": url, "valueString": organisation.licence}] if organisation.licence else []


def identifier(code: str, system: str, value: str) -> Resource:
    """A number, and of which kind it is."""
    coding = {"system": _IDENTIFIER_TYPE, "code": code}
    return {"use": "official", "type": {"coding": [coding]}, "system": system, "value": value}


def _type(part: str, system: str, code: str) -> Resource:
    extension = {"url": f"{ANNUAIRE}/as-ext-organization-types", "valueCode": part}
    return {"extension": [extension], "coding": [{"system": system, "code": code}]}


def telecom(mailbox: Mailbox) -> Resource:
    """A mailbox of MSSanté: an e-mail address with two extensions."""
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
            {"url": f"{HL7_FR}/fr-core-contact-point-email-type", "valueCoding": email_type},
            {"url": METADATA, "extension": about},
        ],
        "system": "email",
        "value": mailbox.address,
        "rank": mailbox.rank,
    }


def _address(organisation: Organisation) -> Resource:
    address = organisation.address
    commune = {"system": _COMMUNE, "code": address.insee}
    found: Resource = {
        "extension": [{"url": f"{HL7_FR}/fr-core-address-insee-code", "valueCoding": commune}] if address.insee else [],
        "line": [address.line] if address.line else [],
        "city": address.town,
        "district": address.department_code or address.department,
        "postalCode": address.postal_code,
    }
    return {name: value for name, value in found.items() if value}
