"""METADATA.XML: what an IHE XDM archive says of itself and of its documents, in ebRIM  [CI-SIS, IHE ITI TF-3 §4.2].

One submission set with one document is written; any number of entries is read, by
the local names of elements, for senders differ in namespaces more than in content.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5
from xml.etree.ElementTree import Element

from mssante_sim.directory.identifiers import Ins
from mssante_sim.patient.cda import (
    PRESCRIPTION_CODE,
    PRESCRIPTION_NAME,
    TEST_INS,
    Described,
    PrescriptionFacts,
    day_of,
    ins_of,
    sex,
)
from mssante_sim.patient.plain_xml import local_name, one_line, xml_text

__all__ = ["Entry", "read_metadata", "write_metadata"]

_SOURCE: Final = f"2.25.{uuid5(NAMESPACE_URL, 'https://mssante.test/simulateur').int}"  # [our choice]
_LOINC: Final = "2.16.840.1.113883.6.1"
_TYPE_SCHEME: Final = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983"
_AUTHOR_SCHEME: Final = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
_PATIENT_SCHEME: Final = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"

# scheme, code, system of the code, display name
_ENTRY_CODES: Final = (
    ("urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a", "42", "1.2.250.1.213.1.1.4.1", "Prescription"),
    (_TYPE_SCHEME, PRESCRIPTION_CODE, _LOINC, PRESCRIPTION_NAME),
    ("urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d", "urn:ihe:iti:xds-sd:pdf:2008", "1.3.6.1.4.1.19376.1.2.3",
     "Document à corps non structuré en PDF/A-1"),
    ("urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f", "N", "2.16.840.1.113883.5.25", "Normal"),
    ("urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "SA07", "1.2.250.1.71.4.2.4", "Cabinet individuel"),
    ("urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead", "AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire"),
)  # fmt: skip
_SET_CODES: Final = (
    ("urn:uuid:aa543740-bdda-424e-8c96-df4873be8500", "07", "1.2.250.1.213.2.2", "Consultation"),  # [our choice]
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One document as METADATA.XML announces it."""

    uri: str
    sha1: str | None  # hexadecimal, lower case
    size: int | None
    described: Described


# Writing ---------------------------------------------------------------------------------------------


_FRAME: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<SubmitObjectsRequest xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0">
<RegistryObjectList xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">
<ExtrinsicObject id="{entry}" mimeType="text/xml" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
 status="urn:oasis:names:tc:ebxml-regrep:StatusType:Approved">
{described}</ExtrinsicObject>
<RegistryPackage id="{members}" status="urn:oasis:names:tc:ebxml-regrep:StatusType:Approved">
{submitted}</RegistryPackage>
<Classification id="{set_id}" classifiedObject="{members}"
 classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"/>
<Association id="{member_id}" sourceObject="{members}" targetObject="{entry}"
 associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember">
{original}</Association>
</RegistryObjectList>
</SubmitObjectsRequest>
"""


def write_metadata(facts: PrescriptionFacts, document: bytes, *, uri: str, identity: UUID) -> bytes:
    """The metadata of an archive that holds the CDA document `document` of `facts` at `uri`.

    Raises:
        DocumentRefused: a text holds what XML cannot.
    """
    members = uuid5(identity, "submission set")
    return _FRAME.format_map(
        {
            "entry": identity.urn,
            "described": "".join(_described(facts, document, uri, identity)),
            "members": members.urn,
            "submitted": "".join(_submitted(facts, members)),
            "set_id": uuid5(members, "is a submission set").urn,
            "member_id": uuid5(members, "has member").urn,
            "original": _slot("SubmissionSetStatus", "Original"),
        }
    ).encode()


def _described(facts: PrescriptionFacts, document: bytes, uri: str, identity: UUID) -> Iterator[str]:
    created, patient = _utc(facts), _patient(facts)
    yield _slot("creationTime", created)
    yield _slot("hash", hashlib.sha1(document, usedforsecurity=False).hexdigest())  # what XDS prescribes
    yield _slot("languageCode", "fr-FR")
    yield _slot("legalAuthenticator", _person(facts))
    yield _slot("serviceStartTime", created)
    yield _slot("size", str(len(document)))
    yield _slot("sourcePatientId", patient)
    yield _slot(
        "sourcePatientInfo",
        f"PID-3|{patient}",
        f"PID-5|{_hl7(facts.patient.family_name)}^{_hl7(facts.patient.given_name)}^^^^^L",
        f"PID-7|{facts.patient.born:%Y%m%d}",
        f"PID-8|{sex(facts.patient.ins)}",
    )
    yield _slot("URI", uri)
    yield _name(facts.title)
    yield _author(facts, identity, _AUTHOR_SCHEME)
    yield from _codes(_ENTRY_CODES, identity)
    yield _external(identity, _PATIENT_SCHEME, patient, "XDSDocumentEntry.patientId")
    scheme = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
    yield _external(identity, scheme, f"2.25.{identity.int}", "XDSDocumentEntry.uniqueId")


def _submitted(facts: PrescriptionFacts, members: UUID) -> Iterator[str]:
    yield _slot("submissionTime", _utc(facts))
    yield _name(facts.title)
    yield _author(facts, members, "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d")
    yield from _codes(_SET_CODES, members)
    for scheme, value, name in (
        ("urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446", _patient(facts), "XDSSubmissionSet.patientId"),
        ("urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832", _SOURCE, "XDSSubmissionSet.sourceId"),
        ("urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8", f"2.25.{members.int}", "XDSSubmissionSet.uniqueId"),
    ):
        yield _external(members, scheme, value, name)


def _utc(facts: PrescriptionFacts) -> str:
    """The hour of signature as XDS writes times: without a zone, for it is UTC."""
    return f"{facts.signed.astimezone(UTC):%Y%m%d%H%M%S}"


def _patient(facts: PrescriptionFacts) -> str:
    return f"{facts.patient.ins}^^^&{TEST_INS}&ISO^NH"


def _author(facts: PrescriptionFacts, owner: UUID, scheme: str) -> str:
    where = f"{_hl7(facts.author.structure_name)}^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^{facts.author.structure}"
    return _classification(owner, scheme, "", _slot("authorInstitution", where) + _slot("authorPerson", _person(facts)))


def _person(facts: PrescriptionFacts) -> str:
    author = facts.author
    names = f"{_hl7(author.family_name)}^{_hl7(author.given_name)}"
    return f"{author.national_id}^{names}^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"


def _codes(table: tuple[tuple[str, str, str, str], ...], owner: UUID) -> Iterator[str]:
    for scheme, code, system, name in table:
        yield _classification(owner, scheme, code, _slot("codingScheme", system) + _name(name))


def _classification(owner: UUID, scheme: str, code: str, inner: str) -> str:
    return (
        f'<Classification id="{uuid5(owner, scheme).urn}" classificationScheme="{scheme}" '
        f'classifiedObject="{owner.urn}" nodeRepresentation="{code}">\n{inner}</Classification>\n'
    )


def _external(owner: UUID, scheme: str, value: str, name: str) -> str:
    return (
        f'<ExternalIdentifier id="{uuid5(owner, scheme).urn}" registryObject="{owner.urn}" '
        f'identificationScheme="{scheme}" value="{xml_text(value)}">{_name(name)}</ExternalIdentifier>\n'
    )


def _slot(name: str, *values: str) -> str:
    inner = "".join(f"<Value>{xml_text(value)}</Value>" for value in values)
    return f'<Slot name="{name}"><ValueList>{inner}</ValueList></Slot>\n'


def _name(text: str) -> str:
    return f'<Name><LocalizedString value="{xml_text(text)}"/></Name>\n'


# HL7 V2 gives these a meaning, and an escape  [HL7 V2.5 §2.7.1]
_HL7_CHARACTERS: Final = {"\\E\\": "\\", "\\F\\": "|", "\\S\\": "^", "\\R\\": "~", "\\T\\": "&"}
_HL7_ESCAPES: Final = str.maketrans({character: escape for escape, character in _HL7_CHARACTERS.items()})


def _hl7(text: str) -> str:
    return text.translate(_HL7_ESCAPES)


# Reading ---------------------------------------------------------------------------------------------


def read_metadata(root: Element) -> list[Entry]:
    """The documents that the metadata announce, in their order; what names no file is passed over."""
    entries = (_entry(one) for one in root.iter() if local_name(one) == "ExtrinsicObject")
    return [entry for entry in entries if entry.uri]


def _entry(element: Element) -> Entry:
    slots: dict[str, list[str]] = {}
    for one in _children(element, "Slot"):
        slots.setdefault(one.get("name", ""), _values(one))
    sha1, size = _first(slots, "hash").lower(), _first(slots, "size")
    return Entry(
        uri=_uri(slots.get("URI", [])),
        sha1=sha1 or None,
        size=int(size) if re.fullmatch(r"[0-9]{1,12}", size) else None,
        described=Described(
            title=next((one_line(one.get("value", "")) for one in _names(element)), None),
            day=day_of(_first(slots, "creationTime")),
            author=_author_name(element),
            ins=_ins(element) or ins_of(_first(slots, "sourcePatientId").partition("^")[0]),
            code=_classified(element, _TYPE_SCHEME),
        ),
    )


def _children(element: Element, name: str) -> list[Element]:
    return [one for one in element if local_name(one) == name]


def _values(slot: Element) -> list[str]:
    return [(one.text or "").strip() for one in slot.iter() if local_name(one) == "Value"]


def _first(slots: dict[str, list[str]], name: str) -> str:
    return next(iter(slots.get(name, [])), "")


def _uri(values: list[str]) -> str:
    """The address of the file; a long one comes in pieces, each behind its number and a bar."""
    pieces = [re.fullmatch(r"([0-9]{1,3})\|(.*)", value) for value in values]
    numbered = sorted((int(piece[1]), piece[2]) for piece in pieces if piece)
    return "".join(text for _, text in numbered) if numbered else next(iter(values), "")


def _names(element: Element) -> Iterator[Element]:
    for name in _children(element, "Name"):
        yield from _children(name, "LocalizedString")


def _classified(element: Element, scheme: str) -> str | None:
    for one in _children(element, "Classification"):
        if one.get("classificationScheme") == scheme:
            return one.get("nodeRepresentation", "").strip() or None
    return None


def _author_name(element: Element) -> str | None:
    for one in _children(element, "Classification"):
        for slot in _children(one, "Slot"):
            if slot.get("name") == "authorPerson" and (values := _values(slot)):
                fields = [_plain(field) for field in values[0].split("^")] + ["", "", ""]
                return one_line(f"{fields[2]} {fields[1]}")
    return None


def _plain(field: str) -> str:
    return re.sub(r"\\[EFSRT]\\", lambda found: _HL7_CHARACTERS[found[0]], field)


def _ins(element: Element) -> Ins | None:
    for one in _children(element, "ExternalIdentifier"):
        if one.get("identificationScheme") == _PATIENT_SCHEME:
            return ins_of(one.get("value", "").partition("^")[0])
    return None
