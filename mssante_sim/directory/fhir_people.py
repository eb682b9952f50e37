"""Practitioner and PractitionerRole: a person, and each place where the person has a mailbox.

HealthcareService and Device: what a health centre of the seeded directory offers.  [IG Annuaire 1.2]
"""

from collections.abc import Sequence
from typing import Final

from mssante_sim.directory.fhir import (
    ANNUAIRE,
    HL7_FR,
    Resource,
    id_of,
    identifier,
    meta,
    public,
    telecom,
    without_empty,
)
from mssante_sim.directory.identifiers import IdentifierError, IdNatPs
from mssante_sim.directory.model import Mailbox, Organisation
from mssante_sim.directory.nomenclature import (
    ACTIVITY,
    CATEGORIES,
    CATEGORY,
    EQUIPMENT,
    EXERCISE,
    EXPERTISE,
    EXPERTISES,
    FUNCTION,
    PROFESSION,
    PROFESSIONS,
    REGULATED_ACTIVITY,
    label,
)

__all__ = ["device", "healthcare_service", "person_of_id", "practitioner", "roles"]

_IDNPS: Final = "urn:oid:1.2.250.1.71.4.2.1"
_REGISTERS: Final = {"8": ("RPPS", "https://rpps.esante.gouv.fr"), "0": ("ADELI", "https://adeli.esante.gouv.fr")}
_PERSON: Final = "003-"
_ROLE: Final = "005-"


def person_of_id(technical: str) -> IdNatPs | None:
    """The person that the technical identifier of a Practitioner or a PractitionerRole could name."""
    if technical.startswith(_ROLE):
        technical = technical.rpartition("-")[0]
    elif not technical.startswith(_PERSON):
        return None
    number = technical[len(_PERSON) :]
    employer = {"3": 10, "4": 10, "5": 15}.get(number[:1])  # the slash after it cannot stand in an id
    if employer is not None:
        number = f"{number[:employer]}/{number[employer + 1 :]}"
    try:
        return IdNatPs(number)
    except IdentifierError:
        return None


def practitioner(boxes: Sequence[Mailbox], *, updated: int = 0) -> Resource:
    """Whom personal mailboxes, one at least, belong to."""
    person = next(box.person for box in boxes if box.person is not None)
    numbers = [("IDNPS", _IDNPS, str(person.number))]
    if person.number[0] in _REGISTERS:
        numbers.append((*_REGISTERS[person.number[0]], person.number[1:]))
    name = {"use": "usual", "family": person.family_name, "given": [person.given_name], "prefix": [person.title]}
    shown = {box.address: telecom(box) for box in public(boxes)}
    return without_empty(
        {
            "resourceType": "Practitioner",
            "id": _PERSON + _plain(person.number),
            "meta": meta((f"{HL7_FR}/fr-core-practitioner", f"{ANNUAIRE}/as-dp-practitioner"), "RPPS", updated),
            "language": "fr",
            "identifier": [identifier(*number) for number in numbers],
            "active": True,
            "name": [{key: value for key, value in name.items() if value not in ("", [""])}],
            "telecom": list(shown.values()),
            "qualification": list({str(each): each for box in boxes for each in _qualifications(box)}.values()),
        }
    )


def roles(boxes: Sequence[Mailbox], *, updated: int = 0) -> list[Resource]:
    """One for each place, in their order: a technical identifier ends with the number in it."""
    places: dict[str, list[Mailbox]] = {}
    for box in boxes:
        if box.organisation and box.person:
            places.setdefault(box.organisation, []).append(box)
    return [_role(place, at, number, updated) for number, (place, at) in enumerate(places.items(), start=1)]


def _role(place: str, boxes: Sequence[Mailbox], number: int, updated: int) -> Resource:
    person = next(box.person for box in boxes if box.person is not None)
    plain = _plain(person.number)
    codes = ((ACTIVITY, "GENR01"), (EXERCISE, "L"), (FUNCTION, "FON-AU"))
    return without_empty(
        {
            "resourceType": "PractitionerRole",
            "id": f"{_ROLE}{plain}-{number}",
            "meta": meta(
                (f"{HL7_FR}/fr-core-practitioner-role", f"{ANNUAIRE}/as-dp-practitionerrole"), "RPPS", updated
            ),
            "language": "fr",
            "identifier": [{"system": "https://annuaire.sante.fr", "value": f"{plain}-{number}"}],
            "active": True,
            "practitioner": {"reference": f"Practitioner/{_PERSON}{plain}"},
            "organization": {"reference": f"Organization/{id_of(place)}"},
            "code": [{"coding": [{"system": system, "code": code}]} for system, code in codes],
            "telecom": [telecom(box) for box in public(boxes)],
        }
    )


def healthcare_service(place: Organisation, *, updated: int = 0) -> Resource:
    """General medicine in a health centre  [our choice: its number is invented]."""
    return {
        "resourceType": "HealthcareService",
        "id": f"004-{place.finess}",
        "meta": meta((f"{ANNUAIRE}/as-dp-healthcareservice-healthcare-activity",), "FINESS", updated),
        "language": "fr",
        "identifier": [{"system": "https://arhgos.ars.sante.fr", "value": f"99-99-{place.finess[-5:]}"}],
        "active": place.active,
        "providedBy": {"reference": f"Organization/{id_of(place.finess)}"},
        "type": [{"coding": [{"system": REGULATED_ACTIVITY, "code": "01"}]}],
    }


def device(place: Organisation, *, updated: int = 0) -> Resource:
    """The scanner of a health centre  [our choice: maker and number are invented]."""
    return {
        "resourceType": "Device",
        "id": f"002-{place.finess}",
        "meta": meta((f"{ANNUAIRE}/as-dp-device",), "FINESS", updated),
        "language": "fr",
        "identifier": [{"system": "https://arhgos.ars.sante.fr", "value": f"99-98-{place.finess[-5:]}"}],
        "status": "active" if place.active else "inactive",
        "manufacturer": "FABRICANT FICTIF",
        "modelNumber": "MODELE FICTIF 1",
        "type": {"coding": [{"system": EQUIPMENT, "code": "05602"}]},
        "owner": {"reference": f"Organization/{id_of(place.finess)}"},
    }


def _qualifications(box: Mailbox) -> list[Resource]:
    person = box.person
    if person is None:
        return []
    exercise = [(PROFESSION, PROFESSIONS, person.profession), (CATEGORY, CATEGORIES, person.category)]
    known = [
        [one for one in exercise if one[2]],
        [(EXPERTISE, EXPERTISES, person.expertise)] if person.expertise else [],
    ]
    return [{"code": {"coding": [_coding(*one) for one in group]}} for group in known if group]


def _coding(system: str, labels: dict[str, str], code: str) -> Resource:
    display = label(labels, code)
    return {"system": system, "code": code, **({"display": display} if display else {})}


def _plain(number: str) -> str:
    """`number` as a technical identifier may hold it."""
    return number.replace("/", ".", 1)
