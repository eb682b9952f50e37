"""XDM archives that we write, as others read them; archives of others, well-meant and hostile, as we read them."""

import base64
import contextlib
import hashlib
import io
import random
import re
import shutil
import stat
import struct
import subprocess
import tracemalloc
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from xml.etree import ElementTree as ET

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mssante_sim.directory.identifiers import Finess, IdNatStruct, Ins, Rpps
from mssante_sim.directory.model import PatientProfile
from mssante_sim.patient.cda import Author, PrescriptionFacts, write_cda
from mssante_sim.patient.documents import MAX_DOCUMENT_OCTETS, MAX_MESSAGE_OCTETS, DocumentRefused
from mssante_sim.patient.plain_xml import MAX_DEPTH, MAX_ELEMENTS
from mssante_sim.patient.specimens import specimen
from mssante_sim.patient.xdm import (
    MAX_FILES,
    MAX_RATIO,
    MAX_UNPACKED_OCTETS,
    XdmDocument,
    is_xdm,
    pdf_name,
    read_xdm,
    write_xdm,
    xdm_subject,
)

PDF = specimen("ordonnance").content
SMALL = b"%PDF-1.7\n1 0 obj\nendobj\ntrailer\n%%EOF\n"
INS, OTHER_INS = Ins("279035121518989"), Ins.synthetic(sex=1, year=1985, month=5, order=1)
PATIENT = PatientProfile(INS, f"{INS}@patient.mssante.test", "PAT-TROIS", "Dominique", date(1979, 3, 28))
FACTS = PrescriptionFacts(
    title="Ordonnance – traitement prolongé",
    signed=datetime(2026, 11, 20, 0, 30, tzinfo=timezone(timedelta(hours=1))),
    patient=PATIENT,
    author=Author(
        family_name="EXEMPLE-FICTIF",
        given_name="Camille",
        rpps=Rpps("99700900006"),
        structure=IdNatStruct.of(Finess.synthetic(1)),
        structure_name="Cabinet FICTIF des Essais",
    ),
)
METADATA, DOCUMENT = "IHE_XDM/SUBSET01/METADATA.XML", "IHE_XDM/SUBSET01/DOC00001.XML"
HL7 = "{urn:hl7-org:v3}"
RIM = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"


def sha1(octets: bytes) -> str:
    return hashlib.sha1(octets, usedforsecurity=False).hexdigest()


def xml(octets: bytes) -> ET.Element:
    return ET.fromstring(octets)  # noqa: S314 - our own octets, an independent reader


def unpacked(octets: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(octets)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return target.getvalue()


def changed(**changes: bytes | None) -> bytes:
    """Our archive with other files in it; METADATA announces the changed document rightly."""
    files = unpacked(write_xdm(FACTS, SMALL))
    document = changes.get("document", files[DOCUMENT])
    if isinstance(document, bytes):
        digest = sha1(document).encode()
        old = sha1(files[DOCUMENT]).encode()
        files[METADATA] = files[METADATA].replace(old, digest)
    for word, name in {"document": DOCUMENT, "metadata": METADATA}.items():
        if word in changes:
            files[name] = changes[word]
    return packed({name: content for name, content in files.items() if content is not None})


def cda(octets: bytes | None = None) -> bytes:
    return unpacked(write_xdm(FACTS, SMALL) if octets is None else octets)[DOCUMENT]


def metadata(*entries: tuple[str, bytes], more: str = "", mime: str = "text/xml") -> bytes:
    """The least that names documents: no hash unless `more` holds one."""
    objects = "".join(
        f'<ExtrinsicObject id="d{number}" mimeType="{mime}"><Slot name="URI"><ValueList><Value>{uri}</Value>'
        f'</ValueList></Slot><Slot name="size"><ValueList><Value>{len(content)}</Value></ValueList></Slot>{more}'
        "</ExtrinsicObject>"
        for number, (uri, content) in enumerate(entries)
    )
    return f'<SubmitObjectsRequest xmlns="{RIM.strip("{}")}">{objects}</SubmitObjectsRequest>'.encode()


# Writing ---------------------------------------------------------------------------------------------


def test_what_is_written_reads_back() -> None:
    content = read_xdm(write_xdm(FACTS, PDF))
    assert content.documents == (
        XdmDocument("DOC00001.pdf", PDF, FACTS.title, date(2026, 11, 20), "Camille EXEMPLE-FICTIF", INS, "57833-6"),
    )
    assert content.remarks == ()


def test_the_pdf_that_comes_out_is_one_for_others() -> None:
    (document,) = read_xdm(write_xdm(FACTS, PDF)).documents
    assert "AMOXICILLINE" in pypdf.PdfReader(io.BytesIO(document.content)).pages[0].extract_text()


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Zs", "Co", "Cn"])
    | st.sampled_from("é&<>\"'^|~\\]"),
    min_size=1,
    max_size=40,
)


@settings(max_examples=80)
@given(NAMES, NAMES, NAMES, NAMES, st.binary(max_size=200))
def test_any_names_and_any_pdf_read_back(title: str, family: str, given_name: str, place: str, inner: bytes) -> None:
    author = replace(FACTS.author, family_name=family, given_name=given_name, structure_name=place)
    patient = replace(PATIENT, family_name=family, given_name=given_name)
    pdf = b"%PDF-1.7\n" + inner + b"\n%%EOF\n"
    octets = write_xdm(replace(FACTS, title=title, author=author, patient=patient), pdf)
    (document,) = read_xdm(octets).documents
    assert (document.title, document.author, document.content) == (title, f"{given_name} {family}", pdf)


@settings(max_examples=60)
@given(NAMES, NAMES, NAMES)
def test_the_metadata_say_the_same_as_the_document(title: str, family: str, given_name: str) -> None:
    author = replace(FACTS.author, family_name=family, given_name=given_name)
    files = unpacked(write_xdm(replace(FACTS, title=title, author=author), SMALL))
    said = files[METADATA].replace(sha1(files[DOCUMENT]).encode(), sha1(SMALL).encode())
    (document,) = read_xdm(packed({METADATA: said, DOCUMENT: SMALL})).documents
    assert (document.title, document.author, document.ins, document.code) == (
        title, f"{given_name} {family}", INS, "57833-6",
    )  # fmt: skip
    assert document.day == date(2026, 11, 19)  # UTC, as XDS has it; the document itself knows the local day


def test_equal_arguments_give_equal_octets_and_others_give_other_identifiers() -> None:
    first = write_xdm(FACTS, PDF)
    assert write_xdm(replace(FACTS), bytes(PDF)) == first
    ids = {
        xml(cda(write_xdm(facts, pdf))).find(f"{HL7}id").attrib["root"]
        for facts, pdf in ((FACTS, PDF), (FACTS, SMALL), (replace(FACTS, title="Autre"), PDF))
    }
    assert len(ids) == 3
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_archive_has_the_files_and_names_of_the_profile() -> None:
    files = unpacked(write_xdm(FACTS, PDF))
    assert set(files) == {"README.TXT", "INDEX.HTM", METADATA, DOCUMENT}
    assert all(re.fullmatch(r"[A-Z0-9_]{1,8}(\.[A-Z]{3})?", step) for name in files for step in name.split("/"))
    index = xml(files["INDEX.HTM"])
    links = [one.attrib["href"] for one in index.iter("{http://www.w3.org/1999/xhtml}a")]
    assert links == [DOCUMENT, "README.TXT"]
    assert FACTS.title in files["README.TXT"].decode()


@pytest.mark.interop
def test_unzip_finds_no_fault(tmp_path: Path) -> None:
    assert shutil.which("unzip"), "unzip is missing: apt-get install unzip"
    (tmp_path / "a.zip").write_bytes(write_xdm(FACTS, PDF))
    done = subprocess.run(["unzip", "-t", tmp_path / "a.zip"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "No errors detected" in done.stdout


# What the header of every document must have  [CI-SIS, structuration minimale].
REQUIRED = {
    "realmCode[@code='FR']": 1,
    "typeId[@root='2.16.840.1.113883.1.3'][@extension='POCD_HD000040']": 1,
    "templateId": 3,
    "templateId[@root='2.16.840.1.113883.2.8.2.1']": 1,
    "templateId[@root='1.2.250.1.213.1.1.1.1']": 1,
    "templateId[@root='1.3.6.1.4.1.19376.1.2.20']": 1,
    "code[@code='57833-6'][@codeSystem='2.16.840.1.113883.6.1'][@displayName='Prescription de produits de santé']": 1,
    "effectiveTime[@value='20261120003000+0100']": 1,
    "confidentialityCode[@code='N'][@codeSystem='2.16.840.1.113883.5.25']": 1,
    "languageCode[@code='fr-FR']": 1,
    "recordTarget/patientRole/id[@root='1.2.250.1.213.1.4.10'][@extension='279035121518989']": 1,
    "recordTarget/patientRole/patient/administrativeGenderCode[@code='F']": 1,
    "recordTarget/patientRole/patient/birthTime[@value='19790328']": 1,
    "author/assignedAuthor/id[@root='1.2.250.1.71.4.2.1'][@extension='899700900006']": 1,
    "author/assignedAuthor/representedOrganization/id[@root='1.2.250.1.71.4.2.2'][@extension='1990000010']": 1,
    "custodian/assignedCustodian/representedCustodianOrganization/name": 1,
    "legalAuthenticator/signatureCode[@code='S']": 1,
    "documentationOf/serviceEvent/performer/assignedEntity/representedOrganization/standardIndustryClassCode": 1,
    "componentOf/encompassingEncounter/location/healthCareFacility/code[@codeSystem='1.2.250.1.71.4.2.4']": 1,
    "component/nonXMLBody/text[@mediaType='application/pdf'][@representation='B64']": 1,
}


@pytest.mark.parametrize(("path", "times"), REQUIRED.items())
def test_the_document_has_what_its_header_must_have(path: str, times: int) -> None:
    root = xml(cda())
    qualified = re.sub(r"(^|/)(?=\w)(?![^[]*\])", rf"\1{HL7}", path)
    assert root.tag == f"{HL7}ClinicalDocument"
    assert len(root.findall(qualified)) == times


def test_the_elements_of_the_header_stand_in_the_order_of_the_schema() -> None:
    order = [
        "realmCode", "typeId", "templateId", "id", "code", "title", "effectiveTime", "confidentialityCode",
        "languageCode", "recordTarget", "author", "custodian", "legalAuthenticator", "documentationOf",
        "componentOf", "component",
    ]  # fmt: skip
    found = [child.tag.removeprefix(HL7) for child in xml(cda())]
    assert found == sorted(found, key=order.index)
    assert set(found) == set(order)


def slots(entry: ET.Element) -> dict[str, list[str]]:
    return {
        slot.attrib["name"]: [value.text for value in slot.iter(f"{RIM}Value")] for slot in entry.findall(f"{RIM}Slot")
    }


def test_the_metadata_announce_the_document() -> None:
    files = unpacked(write_xdm(FACTS, PDF))
    (entry,) = xml(files[METADATA]).iter(f"{RIM}ExtrinsicObject")
    assert entry.attrib["mimeType"] == "text/xml"
    said = slots(entry)
    assert said["URI"] == ["DOC00001.XML"]
    assert said["size"] == [str(len(files[DOCUMENT]))]
    assert said["hash"] == [sha1(files[DOCUMENT])]
    assert said["creationTime"] == ["20261119233000"]  # UTC
    assert said["sourcePatientId"] == ["279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"]
    codes = {
        (one.attrib["classificationScheme"], one.attrib["nodeRepresentation"], slots(one).get("codingScheme", [""])[0])
        for one in entry.findall(f"{RIM}Classification")
    }
    assert codes >= {
        ("urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a", "42", "1.2.250.1.213.1.1.4.1"),
        ("urn:uuid:f0306f51-975f-434e-a61c-c59651d33983", "57833-6", "2.16.840.1.113883.6.1"),
        ("urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d", "urn:ihe:iti:xds-sd:pdf:2008", "1.3.6.1.4.1.19376.1.2.3"),
    }
    ids = {one.attrib["identificationScheme"]: one.attrib["value"] for one in entry.findall(f"{RIM}ExternalIdentifier")}
    identity = xml(files[DOCUMENT]).find(f"{HL7}id").attrib["root"]
    assert ids == {
        "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427": said["sourcePatientId"][0],
        "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab": identity,
    }


def test_the_submission_set_holds_the_document() -> None:
    root = xml(unpacked(write_xdm(FACTS, PDF))[METADATA])
    (entry,), (package,) = root.iter(f"{RIM}ExtrinsicObject"), root.iter(f"{RIM}RegistryPackage")
    (member,) = root.iter(f"{RIM}Association")
    assert (member.attrib["sourceObject"], member.attrib["targetObject"]) == (package.attrib["id"], entry.attrib["id"])
    assert slots(member) == {"SubmissionSetStatus": ["Original"]}
    names = {one.attrib["value"] for one in package.iter(f"{RIM}LocalizedString")}
    assert names >= {"XDSSubmissionSet.patientId", "XDSSubmissionSet.sourceId", "XDSSubmissionSet.uniqueId"}
    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert len(ids) == len(set(ids))
    owners = {one.attrib.get("classifiedObject") or one.attrib.get("registryObject") for one in root.iter()} - {None}
    assert owners == {package.attrib["id"], entry.attrib["id"]}


@pytest.mark.parametrize(
    ("pdf", "word"),
    [
        (b"", "vide"),
        (b"PK\x03\x04", "lisible"),
        (SMALL[:-7], "lisible"),
        (b"%PDF-1.7\n%%EOF".rjust(MAX_DOCUMENT_OCTETS + 1), "5 Mo"),
    ],
)
def test_only_a_pdf_is_wrapped(pdf: bytes, word: str) -> None:
    with pytest.raises(DocumentRefused, match=word):
        write_xdm(FACTS, pdf)


@pytest.mark.parametrize("character", ["\0", "\x1b", "\ufffe", "\ud800"])
def test_a_text_that_xml_cannot_hold_is_refused(character: str) -> None:
    for facts in (
        replace(FACTS, title=f"a{character}"),
        replace(FACTS, author=replace(FACTS.author, structure_name=f"a{character}")),
    ):
        with pytest.raises(DocumentRefused, match="interdit"):
            write_xdm(facts, SMALL)


def test_an_hour_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        replace(FACTS, signed=datetime(2026, 11, 20, 9))  # noqa: DTZ001 - the case


def test_the_texts_of_the_mail() -> None:
    assert xdm_subject("Prescription", PATIENT) == "XDM/1.0/DDM+Prescription PAT-TROIS Dominique 28/03/1979"
    name = pdf_name("Prescription de produits de santé", PATIENT, date(2026, 11, 20))
    assert name == "20261120_Prescription-de-produits-de-sante_PAT-TROIS_Dominique.pdf"


@pytest.mark.parametrize(
    ("kind", "family", "given_name", "name"),
    [
        ("a_b", "L'Œuvre", "Zoë Anaïs", "20260102_a-b_L-OEUVRE_Zoe-Anais.pdf"),
        ("../..", "a/b\\c", "\r\n", "20260102_X_A-B-C_X.pdf"),
        ("x" * 50, "日本", "é" * 90, f"20260102_{'x' * 40}_X_{'e' * 60}.pdf"),
        ("x" * 39 + " y", "ß", "Ǆ", f"20260102_{'x' * 39}_SS_DZ.pdf"),
    ],
)
def test_the_name_of_a_pdf_holds_nothing_that_a_system_minds(
    kind: str, family: str, given_name: str, name: str
) -> None:
    patient = replace(PATIENT, family_name=family, given_name=given_name)
    assert pdf_name(kind, patient, date(2026, 1, 2)) == name


# Reading what is odd ---------------------------------------------------------------------------------


def test_an_archive_is_told_by_its_content() -> None:
    assert is_xdm(write_xdm(FACTS, PDF))
    assert is_xdm(packed({"ihe_xdm/subset01/metadata.xml": b""}))
    assert is_xdm(packed({"IHE_XDM\\SUBSET01\\METADATA.XML": b""}))
    for octets in (b"", PDF, packed({"a/IHE_XDM.TXT": b"IHE_XDM/SUBSET01/"}), packed({}), b"IHE_XDM/SUBSET01/", cda()):
        assert not is_xdm(octets)


def only(octets: bytes) -> XdmDocument:
    (document,) = read_xdm(octets).documents
    return document


def test_missing_metadata_are_a_remark() -> None:
    content = read_xdm(changed(metadata=None))
    assert [(one.title, one.ins, one.content) for one in content.documents] == [(FACTS.title, INS, SMALL)]
    assert "METADATA.XML est absent" in content.remarks[0]


def test_several_documents_are_read_in_the_order_of_the_metadata() -> None:
    first, second = write_cda(FACTS, SMALL), write_cda(replace(FACTS, title="Deux"), PDF)
    names = {"IHE_XDM/SUBSET01/B.XML": second, "IHE_XDM/SUBSET01/A.XML": first, "IHE_XDM/SUBSET01/C.PDF": SMALL}
    listed = metadata(("A.XML", first), ("B.XML", second), ("C.PDF", SMALL), ("A.XML", first))
    content = read_xdm(packed(names | {METADATA: listed}))
    assert [(one.name, one.title) for one in content.documents] == [
        ("A.pdf", FACTS.title), ("B.pdf", "Deux"), ("C.pdf", "Document"),
    ]  # fmt: skip
    assert content.documents[2] == XdmDocument("C.pdf", SMALL, "Document", None, None, None, None)


def test_two_subsets_keep_their_documents_apart() -> None:
    files = {}
    for subset, title in (("SUBSET01", "Un"), ("SUBSET02", "Deux")):
        document = write_cda(replace(FACTS, title=title), SMALL)
        files |= {f"IHE_XDM/{subset}/D.XML": document, f"IHE_XDM/{subset}/METADATA.XML": metadata(("D.XML", document))}
    assert [(one.name, one.title) for one in read_xdm(packed(files)).documents] == [
        ("D.pdf", "Un"),
        ("D-2.pdf", "Deux"),
    ]


@pytest.mark.parametrize("mime", ["application/octet-stream", "application/xml", "text/plain", ""])
def test_a_label_decides_nothing(mime: str) -> None:
    document = cda()
    assert (
        only(packed({DOCUMENT: document, METADATA: metadata(("DOC00001.XML", document), mime=mime)})).content == SMALL
    )
    assert (
        only(packed({"IHE_XDM/SUBSET01/A.BIN": SMALL, METADATA: metadata(("A.BIN", SMALL), mime=mime)})).content
        == SMALL
    )


@pytest.mark.parametrize(
    "uri",
    ["DOC00001.XML", "doc00001.xml", "./DOC00001.XML", "SUBSET01/DOC00001.XML", "IHE_XDM/SUBSET01/DOC00001.XML",
     "SUBSET01\\DOC00001.XML", "file:///C:/DOC00001.XML"],
)  # fmt: skip
def test_the_address_of_a_document_is_found_as_it_is_meant(uri: str) -> None:
    assert only(packed({DOCUMENT: cda(), METADATA: metadata((uri, cda()))})).content == SMALL


def test_a_long_address_comes_in_pieces() -> None:
    pieces = "<Value>2|0001.XML</Value><Value>1|DOC0</Value>"
    listed = metadata(("X", cda())).replace(b"<Value>X</Value>", pieces.encode())
    assert only(packed({DOCUMENT: cda(), METADATA: listed})).content == SMALL


def test_an_entry_without_an_address_is_passed_over() -> None:
    assert only(packed({DOCUMENT: cda(), METADATA: metadata(("", b""), ("DOC00001.XML", cda()))})).content == SMALL


def test_numbers_beyond_all_measure_are_no_numbers() -> None:
    nines = "9" * 5_000
    sized = metadata(("DOC00001.XML", cda())).replace(f"{len(cda())}".encode(), nines.encode())
    assert only(packed({DOCUMENT: cda(), METADATA: sized})).content == SMALL
    refused(packed({DOCUMENT: cda(), METADATA: metadata((f"{nines}|DOC00001.XML", cda()))}), "manque un document")


@pytest.mark.parametrize("old", [b"<Value>279035121518989^", b'value="279035121518989^'])
def test_the_patient_of_the_metadata_is_named_in_either_place(old: bytes) -> None:
    files = unpacked(write_xdm(FACTS, SMALL))
    listed = files[METADATA].replace(sha1(files[DOCUMENT]).encode(), sha1(SMALL).encode())
    assert old in listed
    document = only(packed({METADATA: listed.replace(old, old.replace(INS.encode(), b"12345")), DOCUMENT: SMALL}))
    assert document.ins == INS


@pytest.mark.parametrize("name", ["IHE_XDM\\SUBSET01\\", "ihe_xdm/subset01/", "./IHE_XDM/SUBSET01/"])
def test_paths_are_read_as_other_systems_write_them(name: str) -> None:
    folders = {"IHE_XDM/": b"", "IHE_XDM/SUBSET01/": b""}
    files = folders | {f"{name}METADATA.XML": metadata(("DOC00001.XML", cda())), f"{name}DOC00001.XML": cda()}
    assert only(packed(files)).content == SMALL


@pytest.mark.parametrize(
    "octets",
    [
        cda().decode().replace("–", "-").encode("iso-8859-1"),  # says UTF-8
        cda().decode().replace("–", "-").replace("UTF-8", "ISO-8859-1").encode("iso-8859-1"),
        cda().decode().replace("–", "-").replace("UTF-8", "windows-1252").encode("cp1252"),
        cda().decode().replace("–", "-").replace("UTF-8", "x-unknown").encode(),
        cda().decode().replace("–", "-").replace("UTF-8", "UTF-16").encode(),  # says UTF-16
        cda().decode().replace("–", "-").replace("UTF-8", "utf-7").encode(),
        cda().decode().replace("–", "-").replace("UTF-8", "rot13").encode(),
        cda().decode().replace("–", "-").replace("UTF-8", "UTF-16").encode("utf-16"),
        cda().decode().replace("–", "-").replace("UTF-8", "UTF-16").encode("utf-16-be"),
        b"\xef\xbb\xbf" + cda().replace("–".encode(), b"-"),
        cda().decode().replace("–", "-").partition("\n")[2].encode(),
    ],
)  # fmt: skip
def test_a_wrong_or_rare_encoding_is_read(octets: bytes) -> None:
    document = only(changed(document=octets))
    assert (document.title, document.content) == (FACTS.title.replace("–", "-"), SMALL)


@pytest.mark.parametrize("target", ["http://127.0.0.1:9/a.xsl", "../../../etc/passwd", "ABSENT.XSL", ""])
def test_a_stylesheet_is_never_looked_at(target: str) -> None:
    instruction = f'<?xml-stylesheet type="text/xsl" href="{target}"?>'.encode()
    document = cda().replace(b"<ClinicalDocument", instruction + b"<ClinicalDocument", 1)
    document = document.replace(b"<nonXMLBody>", b'<nonXMLBody><reference value="http://127.0.0.1:9/"/>')
    assert only(changed(document=document)).content == SMALL


def test_a_bad_index_is_never_looked_at() -> None:
    files = unpacked(write_xdm(FACTS, SMALL)) | {"INDEX.HTM": b"<!DOCTYPE html><html><p>&oops;"}
    assert only(packed(files)).content == SMALL


def test_a_pdf_deep_in_a_structured_document_is_found() -> None:
    encoded = base64.encodebytes(SMALL).decode()
    value = f'<value representation="B64" mediaType="application/pdf">\n{encoded}</value>'
    body = f"<structuredBody><section>{value}</section></structuredBody>"
    document = re.sub(rb"<nonXMLBody>.*</nonXMLBody>", body.encode(), cda(), flags=re.DOTALL)
    assert only(changed(document=document)).content == SMALL


@pytest.mark.parametrize(
    ("document", "word"),
    [
        (b"\xff\xd8\xff\xe0 photo", "n'est ni un PDF ni un document CDA"),
        (b"<xsl:stylesheet xmlns:xsl='x'/>", "n'est pas un document CDA"),
        (re.sub(rb"<nonXMLBody>.*</nonXMLBody>", b"<nonXMLBody/>", cda(), flags=re.DOTALL), "ne contient pas de PDF"),
    ],
)
def test_what_is_no_pdf_is_a_remark_beside_one_and_a_refusal_alone(document: bytes, word: str) -> None:
    files = {"IHE_XDM/SUBSET01/A.XML": document, "IHE_XDM/SUBSET01/B.PDF": SMALL}
    beside = read_xdm(packed(files | {METADATA: metadata(("A.XML", document), ("B.PDF", SMALL))}))
    assert [one.name for one in beside.documents] == ["B.pdf"]
    assert len(beside.remarks) == 1
    assert word in beside.remarks[0]
    with pytest.raises(DocumentRefused, match="aucun document PDF"):
        read_xdm(changed(document=document))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'root="1.2.250.1.213.1.4.10"', b'root="1.2.3"'),
        (b'extension="279035121518989"', b'extension="27903512151898X"'),
        (b'extension="279035121518989"', b'extension="\xc2\xb279035121518989"'),
        (b'extension="279035121518989"', b'extension="ABCDEFGHIJKLM"'),
        (b'extension="279035121518989"', b""),
        (b"recordTarget>", b"recordTargets>"),
    ],
)
def test_what_a_header_does_not_say_rightly_is_not_known(old: bytes, new: bytes) -> None:
    document = cda().replace(old, new)
    assert document != cda()
    assert only(packed({DOCUMENT: document})).ins is None


@pytest.mark.parametrize("ins", ["2790351215189", "2790351215189 89", "279035121518989"])
def test_an_ins_is_read_with_or_without_its_key(ins: str) -> None:
    document = cda().replace(b'extension="279035121518989"', f'extension="{ins}"'.encode())
    assert only(packed({DOCUMENT: document})).ins == INS


def test_of_two_titles_the_first_counts() -> None:
    document = cda().replace(b"</title>", b"</title><title>Autre</title>")
    assert only(packed({DOCUMENT: document})).title == FACTS.title


def test_a_title_cannot_speak_to_a_terminal() -> None:
    title = "a\u202e\u009b31m\u200b" + "b" * 5_000
    shown = only(packed({DOCUMENT: cda(write_xdm(replace(FACTS, title=title), SMALL))})).title
    assert shown == "a 31m " + "b" * 194
    assert shown.isprintable()


# Reading what is hostile -----------------------------------------------------------------------------


def refused(octets: bytes, word: str) -> None:
    with pytest.raises(DocumentRefused, match=word) as caught:
        read_xdm(octets)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    "octets", [b"", b"PK", b"PK\x05\x06" + bytes(17), PDF, write_xdm(FACTS, PDF)[:-30], write_xdm(FACTS, PDF)[30:]]
)
def test_what_is_no_archive_is_refused(octets: bytes) -> None:
    refused(octets, "n'est pas ouverte")


def test_a_document_that_was_altered_is_refused() -> None:
    files = unpacked(write_xdm(FACTS, PDF))
    files[DOCUMENT] = files[DOCUMENT].replace(b"Camille", b"Camilla")
    refused(packed(files), "empreinte différente")


def test_a_hash_in_capitals_is_the_same_hash() -> None:
    files = unpacked(write_xdm(FACTS, SMALL))
    digest = sha1(files[DOCUMENT])
    assert only(packed(files | {METADATA: files[METADATA].replace(digest.encode(), digest.upper().encode())}))


def test_without_a_hash_the_size_must_be_right() -> None:
    listed = metadata(("DOC00001.XML", cda() + b" "))
    refused(packed({DOCUMENT: cda(), METADATA: listed}), "empreinte différente")


def test_a_document_that_is_announced_and_absent_is_refused() -> None:
    refused(changed(document=None), "manque un document annoncé, « DOC00001.XML »")


def test_two_patients_are_refused() -> None:
    other = write_cda(replace(FACTS, patient=replace(PATIENT, ins=OTHER_INS)), SMALL)
    files = {DOCUMENT: cda(), "IHE_XDM/SUBSET01/DOC00002.XML": other}
    refused(packed(files), "plusieurs patients")
    refused(
        packed(files | {METADATA: metadata(("DOC00001.XML", cda()), ("DOC00002.XML", other))}), "plusieurs patients"
    )


def test_metadata_of_another_patient_are_refused() -> None:
    files = unpacked(write_xdm(FACTS, SMALL))
    refused(packed(files | {METADATA: files[METADATA].replace(INS.encode(), OTHER_INS.encode())}), "plusieurs patients")


@pytest.mark.parametrize(
    "name",
    ["../a", "IHE_XDM/../../a", "/etc/passwd", "\\a", "..\\a", "C:a", "C:\\a", "IHE_XDM/a\x01", "IHE_XDM/a\x1b[2J",
     "IHE_XDM/a\u202eb"],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(name: str) -> None:
    refused(packed(unpacked(write_xdm(FACTS, SMALL)) | {name: b"x"}), "chemin de fichier dangereux")


def test_a_path_cut_by_nul_is_refused() -> None:
    octets = packed(unpacked(write_xdm(FACTS, SMALL)) | {"IHE_XDM/aXb": b"x"}).replace(b"IHE_XDM/aXb", b"IHE_XDM/a\0b")
    refused(octets, "chemin de fichier dangereux")


def test_a_link_is_refused() -> None:
    member = zipfile.ZipInfo("IHE_XDM/SUBSET01/LINK")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    target = io.BytesIO(write_xdm(FACTS, SMALL))
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(member, "/etc/passwd")
    refused(target.getvalue(), "chemin de fichier dangereux")


@pytest.mark.parametrize("second", [DOCUMENT, DOCUMENT.lower(), DOCUMENT.replace("/", "\\"), "./" + DOCUMENT])
def test_two_files_of_one_name_are_refused(second: str) -> None:
    same = packed(unpacked(write_xdm(FACTS, SMALL)) | {"X" * len(second): cda()})
    refused(same.replace(b"X" * len(second), second.encode()), "le même nom")


@pytest.mark.parametrize(
    "inner",
    [packed({"a": b"b"}), packed({}), zlib.compress(b"", wbits=31), b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x00", b"BZh9",
     b"\xfd7zXZ\0"],
)  # fmt: skip
def test_an_archive_in_the_archive_is_refused_whatever_its_name(inner: bytes) -> None:
    refused(packed(unpacked(write_xdm(FACTS, SMALL)) | {"IHE_XDM/SUBSET01/DOC00002.XML": inner}), "une autre archive")


def test_too_many_files_are_refused() -> None:
    some = {f"IHE_XDM/A{number}": b"" for number in range(MAX_FILES - 4)}
    ours = unpacked(write_xdm(FACTS, SMALL))
    assert only(packed(ours | some)).content == SMALL
    refused(packed(ours | some | {"IHE_XDM/B": b""}), "trop de fichiers")


def test_an_archive_longer_than_a_message_is_refused() -> None:
    refused(write_xdm(FACTS, SMALL).rjust(MAX_MESSAGE_OCTETS + 1), "25 Mo")


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = packed(unpacked(write_xdm(FACTS, SMALL)) | {"IHE_XDM/A": bytes(MAX_UNPACKED_OCTETS)})
    peak = peak_of(lambda: refused(bomb, "démesuré"))
    assert peak < 4 * 1024 * 1024


def peak_of(work) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_many_files_are_weighed_together() -> None:
    chance = random.Random(1)
    sparse = b"".join(chance.randbytes(20) + bytes(980) for _ in range(MAX_UNPACKED_OCTETS // 4_000))  # ratio about 25
    files = unpacked(write_xdm(FACTS, SMALL))
    assert only(packed(files | {f"IHE_XDM/A{number}": sparse for number in range(3)})).content == SMALL
    refused(packed(files | {f"IHE_XDM/A{number}": sparse for number in range(5)}), "démesuré")


def test_a_ratio_no_document_has_is_refused() -> None:
    allowed = 1024 * 1024 + MAX_RATIO * 100
    files = unpacked(write_xdm(FACTS, SMALL))
    assert only(packed(files | {"IHE_XDM/A": bytes(allowed)})).content == SMALL
    refused(packed(files | {"IHE_XDM/A": bytes(3 * allowed)}), "démesuré")


def test_a_bomb_that_lies_about_its_size_stays_small() -> None:
    bomb = bytearray(packed({"IHE_XDM/A": bytes(200_000_000)}))
    for start, place in ((bomb.index(b"PK\x03\x04"), 22), (bomb.index(b"PK\x01\x02"), 24)):
        struct.pack_into("<L", bomb, start + place, 1_000)
    peak = peak_of(lambda: refused(bytes(bomb), "abîmée"))
    assert peak < 4 * 1024 * 1024


def test_an_altered_file_is_refused_by_its_checksum() -> None:
    octets = bytearray(packed(unpacked(write_xdm(FACTS, SMALL)), zipfile.ZIP_STORED))
    octets[octets.index(b"Camille")] ^= 1
    refused(bytes(octets), "abîmée")


def test_an_encrypted_file_is_refused() -> None:
    octets = bytearray(write_xdm(FACTS, SMALL))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        octets[octets.index(mark) + place] |= 1
    refused(bytes(octets), "mot de passe")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_rare_compression_is_refused(compression: int) -> None:
    refused(packed(unpacked(write_xdm(FACTS, SMALL)), compression), "compression")


DTDS = {
    "billion laughs": '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;"><!ENTITY n "&m;&m;&m;&m;">]>',
    "a file": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "the network": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">',
    "a parameter entity": '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]>',
    "only a name": "<!DOCTYPE ClinicalDocument>",
}


@pytest.mark.parametrize("dtd", DTDS.values(), ids=DTDS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "iso-8859-1"])
@pytest.mark.parametrize("place", ["document", "metadata"])
def test_a_dtd_is_refused_in_every_encoding(dtd: str, encoding: str, place: str) -> None:
    files = unpacked(write_xdm(FACTS, SMALL))
    text = {"document": files[DOCUMENT], "metadata": files[METADATA]}[place].decode().replace("–", "-")
    declared = re.sub(r"UTF-8", {"utf-8-sig": "utf-8", "utf-16-be": "utf-16"}.get(encoding, encoding), text, count=1)
    hostile = declared.replace("?>\n", f"?>\n{dtd}\n", 1).encode(encoding)
    refused(changed(**{place: hostile}), "DOCTYPE")


def test_an_entity_that_nobody_declared_is_refused() -> None:
    refused(changed(document=cda().replace(b"<title>", b"<title>&lol;")), "lisible")


@pytest.mark.parametrize(
    "body",
    [
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" * 100_000,
        b"<a/>" * (MAX_ELEMENTS + 1),
    ],
    ids=["deep", "deeper, never closed", "rich"],
)  # fmt: skip
def test_xml_beyond_any_document_is_refused(body: bytes) -> None:
    refused(changed(document=b"<ClinicalDocument>" + body + b"</ClinicalDocument>"), "trop complexe")
    refused(changed(metadata=b"<SubmitObjectsRequest>" + body + b"</SubmitObjectsRequest>"), "trop complexe")


@pytest.mark.parametrize("document", [b"<", b"<ClinicalDocument>", cda()[:-30], cda().replace(b"</title>", b"")])
def test_broken_xml_is_refused(document: bytes) -> None:
    refused(changed(document=document), "n'est pas un document XML lisible")
    refused(changed(metadata=document), "n'est pas un document XML lisible")


def test_broken_base64_is_refused() -> None:
    refused(changed(document=cda().replace(b'"B64">', b'"B64">%')), "base64")


def test_a_pdf_that_is_none_is_refused() -> None:
    encoded = base64.b64encode(b"not a PDF")
    refused(changed(document=re.sub(rb'"B64">[^<]*', b'"B64">' + encoded, cda())), "n'est pas un fichier PDF lisible")


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_read_or_refused(data: st.DataObject) -> None:
    compression = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    octets = bytearray(packed(unpacked(write_xdm(FACTS, SMALL)), compression))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(octets) - 1) | st.integers(len(octets) - 400, len(octets) - 1))
        octets[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=4))
    assert is_xdm(bytes(octets)) in (True, False)
    with contextlib.suppress(DocumentRefused):
        assert read_xdm(bytes(octets)).documents


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_xml_is_read_or_refused(data: st.DataObject) -> None:
    files = unpacked(write_xdm(FACTS, SMALL))
    octets = bytearray(files[data.draw(st.sampled_from([DOCUMENT, METADATA]))])
    pieces = st.sampled_from(
        [b"<!DOCTYPE a>", b"&a;", b"&#0;", b"<a", b"UTF-16", b"utf-7", b"rot13", b"zip", b"\xff", b"9" * 5_000]
    )
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(octets) - 1) | st.integers(0, 60))
        octets[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=4) | pieces)
    for archive in (packed({DOCUMENT: bytes(octets)}), packed({DOCUMENT: files[DOCUMENT], METADATA: bytes(octets)})):
        with contextlib.suppress(DocumentRefused):
            assert read_xdm(archive).documents
