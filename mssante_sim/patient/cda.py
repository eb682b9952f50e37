"""A prescription as CDA R2 level 1: a header for programs around a PDF for people.

The header is that of a document with an unstructured body [CI-SIS]; the PDF travels
in base64.  Every text is the caller's, every identifier follows from the content:
equal arguments give equal octets.  [our choice] prescriber in a single practice (SA07).
"""

import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID
from xml.etree.ElementTree import Element

import pybase64

from mssante_sim.directory.identifiers import IdentifierError, IdNatStruct, Ins, Rpps, ins_key
from mssante_sim.directory.model import PatientProfile
from mssante_sim.patient.documents import DocumentRefused, document
from mssante_sim.patient.plain_xml import local_name, one_line, xml_text

__all__ = ["PRESCRIPTION_CODE", "PRESCRIPTION_NAME", "TEST_INS", "Author", "Described", "PrescriptionFacts",
           "day_of", "document_id", "hl7_time", "ins_of", "is_cda", "read_cda", "sex", "write_cda"]  # fmt: skip

PRESCRIPTION_CODE: Final = "57833-6"
PRESCRIPTION_NAME: Final = "Prescription de produits de santé"
TEST_INS: Final = "1.2.250.1.213.1.4.10"
_INS_ROOTS: Final = {f"1.2.250.1.213.1.4.{last}" for last in (8, 9, 10, 11)}  # NIR, NIA, test, demonstration


@dataclass(frozen=True, slots=True)
class Author:
    """Who prescribes, and where."""

    family_name: str
    given_name: str
    rpps: Rpps
    structure: IdNatStruct
    structure_name: str

    @property
    def national_id(self) -> str:
        """The IdNatPS: 8 stands for the RPPS."""
        return f"8{self.rpps}"


@dataclass(frozen=True, slots=True)
class PrescriptionFacts:
    """What is known of a prescription beside its PDF."""

    title: str
    signed: datetime  # aware
    patient: PatientProfile
    author: Author

    def __post_init__(self) -> None:
        if self.signed.tzinfo is None:
            raise ValueError("The hour of a signature needs its time zone.")


@dataclass(frozen=True, slots=True)
class Described:
    """What a document's header says of it; None for what it does not say."""

    title: str | None = None
    day: date | None = None
    author: str | None = None  # given name and family name
    ins: Ins | None = None
    code: str | None = None


_TEMPLATE: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
 <realmCode code="FR"/>
 <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
 <templateId root="2.16.840.1.113883.2.8.2.1"/>
 <templateId root="1.2.250.1.213.1.1.1.1"/>
 <templateId root="1.3.6.1.4.1.19376.1.2.20"/>
 <id root="{id}"/>
 <code code="{code}" codeSystem="2.16.840.1.113883.6.1" displayName="{code_name}"/>
 <title>{title}</title>
 <effectiveTime value="{time}"/>
 <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25" displayName="Normal"/>
 <languageCode code="fr-FR"/>
 <recordTarget>
  <patientRole>
   <id root="{ins_root}" extension="{ins}"/>
   <addr nullFlavor="UNK"/>
   <telecom nullFlavor="UNK"/>
   <patient>
    <name><family qualifier="BR">{family}</family><given>{given}</given><given qualifier="BR">{given}</given></name>
    <administrativeGenderCode code="{sex}" codeSystem="2.16.840.1.113883.5.1"/>
    <birthTime value="{born}"/>
    <birthplace><place><addr><county>{birthplace}</county></addr></place></birthplace>
   </patient>
  </patientRole>
 </recordTarget>
 <author>
  <time value="{time}"/>
  <assignedAuthor>
   {person}
   <representedOrganization>{structure}</representedOrganization>
  </assignedAuthor>
 </author>
 <custodian>
  <assignedCustodian>
   <representedCustodianOrganization>{structure}</representedCustodianOrganization>
  </assignedCustodian>
 </custodian>
 <legalAuthenticator>
  <time value="{time}"/>
  <signatureCode code="S"/>
  <assignedEntity>
   {person}
  </assignedEntity>
 </legalAuthenticator>
 <documentationOf>
  <serviceEvent>
   <code code="{code}" codeSystem="2.16.840.1.113883.6.1" displayName="{code_name}"/>
   <effectiveTime><low value="{time}"/></effectiveTime>
   <performer typeCode="PRF">
    <assignedEntity>
     {person}
     <representedOrganization>{structure}<standardIndustryClassCode code="AMBULATOIRE"
      codeSystem="1.2.250.1.213.1.1.4.9" displayName="Ambulatoire"/></representedOrganization>
    </assignedEntity>
   </performer>
  </serviceEvent>
 </documentationOf>
 <componentOf>
  <encompassingEncounter>
   <effectiveTime><low value="{time}"/></effectiveTime>
   <location>
    <healthCareFacility>
     <code code="SA07" codeSystem="1.2.250.1.71.4.2.4" displayName="Cabinet individuel"/>
    </healthCareFacility>
   </location>
  </encompassingEncounter>
 </componentOf>
 <component>
  <nonXMLBody><text mediaType="application/pdf" representation="B64">{pdf}</text></nonXMLBody>
 </component>
</ClinicalDocument>
"""
_PERSON: Final = (
    '<id root="1.2.250.1.71.4.2.1" extension="{author_id}"/><addr nullFlavor="UNK"/><telecom nullFlavor="UNK"/>'
    "<assignedPerson><name><family>{author_family}</family><given>{author_given}</given></name></assignedPerson>"
)
_STRUCTURE: Final = (
    '<id root="1.2.250.1.71.4.2.2" extension="{structure_id}"/><name>{structure_name}</name>'
    '<telecom nullFlavor="UNK"/><addr nullFlavor="UNK"/>'
)


def write_cda(facts: PrescriptionFacts, pdf: bytes) -> bytes:
    """The prescription as one XML document in UTF-8.

    Raises:
        DocumentRefused: `pdf` is none or over 5 MB, or a text holds what XML cannot.
    """
    document("ordonnance.pdf", pdf)
    texts = {name: xml_text(value) for name, value in _texts(facts).items()}
    texts |= {"person": _PERSON.format_map(texts), "structure": _STRUCTURE.format_map(texts)}
    oid = f"2.25.{document_id(facts, pdf).int}"  # [ITU-T X.667 §7]
    return _TEMPLATE.format_map(texts | {"id": oid, "pdf": pybase64.b64encode(pdf).decode("ascii")}).encode()


def document_id(facts: PrescriptionFacts, pdf: bytes) -> UUID:
    """The identifier of this prescription: the same for the same content, and for no other."""
    known = "\0".join(_texts(facts).values())
    return UUID(bytes=hashlib.sha256(known.encode() + b"\0" + pdf).digest()[:16], version=5)


def _texts(facts: PrescriptionFacts) -> dict[str, str]:
    patient, author = facts.patient, facts.author
    return {
        "title": facts.title,
        "code": PRESCRIPTION_CODE,
        "code_name": PRESCRIPTION_NAME,
        "time": hl7_time(facts.signed),
        "ins_root": TEST_INS,
        "ins": patient.ins,
        "family": patient.family_name,
        "given": patient.given_name,
        "sex": sex(patient.ins),
        "born": f"{patient.born:%Y%m%d}",
        "birthplace": patient.ins.birthplace,
        "author_id": author.national_id,
        "author_family": author.family_name,
        "author_given": author.given_name,
        "structure_id": author.structure,
        "structure_name": author.structure_name,
    }


def hl7_time(at: datetime) -> str:
    """`at`, which is aware, to the second and with its offset."""
    return f"{at:%Y%m%d%H%M%S%z}"


def sex(ins: Ins) -> str:
    """M or F, as the first digit of the INS tells."""
    return "F" if ins[0] in "248" else "M"


# Reading ---------------------------------------------------------------------------------------------


def is_cda(root: Element) -> bool:
    """Whether `root` is that of a CDA document; a wrong namespace is forgiven."""
    return local_name(root) == "ClinicalDocument"


def read_cda(root: Element, name: str) -> tuple[Described, list[bytes]]:
    """What the header of a CDA document says, and the PDFs in its body, at whatever level.

    Raises:
        DocumentRefused: a PDF in base64 cannot be decoded.
    """
    header = {local_name(child): child for child in reversed(root)}  # the first of each name
    return _described(header), list(_pdfs(root, name))


def _described(header: dict[str, Element]) -> Described:
    return Described(
        title=_content(header.get("title")),
        day=day_of(_attribute(header.get("effectiveTime"), "value")),
        author=_author(header.get("author")),
        ins=_patient_ins(header.get("recordTarget")),
        code=_attribute(header.get("code"), "code"),
    )


def _content(element: Element | None) -> str | None:
    return one_line("".join(element.itertext())) if element is not None else None


def _attribute(element: Element | None, name: str) -> str | None:
    return one_line(element.get(name, "")) if element is not None else None


def _inside(element: Element | None, name: str) -> Iterator[Element]:
    if element is not None:
        yield from (one for one in element.iter() if local_name(one) == name)


def _author(author: Element | None) -> str | None:
    """Name of the person who wrote; of the device or the structure if no person did."""
    for person in _inside(author, "assignedPerson"):
        names = [_content(one) for part in ("given", "family") for one in _inside(person, part)]
        if whole := " ".join(filter(None, names)) or _content(person):
            return whole
    return next(filter(None, map(_content, _inside(author, "name"))), None)


def _patient_ins(target: Element | None) -> Ins | None:
    for one in _inside(target, "id"):
        if one.get("root") in _INS_ROOTS and (ins := ins_of(one.get("extension", ""))):
            return ins
    return None


def ins_of(text: str) -> Ins | None:
    """The INS that stands in `text`, with or without its key; None for anything else."""
    number = "".join(text.upper().split())
    try:
        return Ins(number if len(number) != 13 else number + ins_key(number))
    except (IdentifierError, ValueError):
        return None


def day_of(time: str | None) -> date | None:
    """The day of an HL7 time, in its own zone; None if there is none."""
    try:
        return datetime.strptime((time or "")[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def _pdfs(root: Element, name: str) -> Iterator[bytes]:
    for one in root.iter():
        if one.get("representation") != "B64":
            continue
        text = "".join((one.text or "").split())
        try:
            content = pybase64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise DocumentRefused(f"« {name} » est abîmé : son contenu en base64 est illisible.") from error
        if re.match(rb"%PDF-", content) or one.get("mediaType") == "application/pdf":
            yield content
