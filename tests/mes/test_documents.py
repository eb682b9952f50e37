"""Documents: what is taken, what is said of them, what professionals deposit."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mssante_sim.config import Domains
from mssante_sim.directory.identifiers import IdNatStruct, Rpps
from mssante_sim.directory.model import PatientProfile
from mssante_sim.directory.synthetic import generate
from mssante_sim.patient.cda import Author, PrescriptionFacts
from mssante_sim.patient.papers import CATEGORIES
from mssante_sim.patient.xdm import write_xdm
from mssante_sim.testing import Mssante
from tests.mes.visitor import PDF, Visitor, refusal

PNG, JPEG, TIFF, RTF = b"\x89PNG\r\n\x1a\n....", b"\xff\xd8\xff\xe0....", b"II*\0....", b"{\\rtf1 bonjour}"


def test_a_document_comes_back_as_it_is_with_all_that_was_said_of_it(mssante: Mssante, patient: Visitor) -> None:
    said = {"category": "BIOLOGIE", "title": "Bilan – été", "author": "Laboratoire « FICTIF »", "dated": "2026-07-14"}
    added = patient.add("Résultats d’analyse.pdf", **said)
    name = mssante.account("patient").display_name
    assert {
        **said,
        "category_label": "Résultats de biologie",
        "xdm": False,
        "octets": len(PDF),
    }.items() <= added.items()
    assert (added["name"], added["added_by"], added["content_type"]) == (
        "Résultats d’analyse.pdf",
        name,
        "application/pdf",
    )
    assert abs((datetime.fromisoformat(added["added"]) - datetime.now(UTC)).total_seconds()) < 60
    assert patient.ok("GET", f"/documents/{added['id']}") == added
    content = patient.ask("GET", f"/documents/{added['id']}/content")
    assert (content.content, content.headers["content-type"]) == (PDF, "application/pdf")
    assert content.headers["content-disposition"].startswith("attachment;")
    assert content.headers["x-content-type-options"] == "nosniff"
    assert patient.no("GET", f"/documents/{added['id']}/xdm") == (404, "no-xdm")


def test_what_nobody_says_is_taken_from_the_file_and_the_patient(mssante: Mssante, patient: Visitor) -> None:
    added = patient.add("ordonnance.du.jour.pdf")
    name = mssante.account("patient").display_name
    assert (added["title"], added["author"], added["dated"]) == ("ordonnance.du.jour", name, None)
    assert added["category"] == "AUTR_DOC"


def test_documents_are_listed_by_category_the_newest_first(patient: Visitor) -> None:
    ids = [patient.add(f"{number}.pdf", category=code)["id"] for number, code in enumerate(CATEGORIES)]
    page = patient.ok("GET", "/documents")
    assert [one["id"] for one in page["documents"]] == ids[::-1]
    assert {one["code"]: one["label"] for one in page["categories"]} == dict(CATEGORIES)
    for code, identity in zip(CATEGORIES, ids, strict=True):
        found = patient.ok("GET", "/documents", params={"category": code})["documents"]
        assert [one["id"] for one in found] == [identity]
    assert patient.no("GET", "/documents", params={"category": "AUTRE"}) == (422, "bad-parameter")


def test_a_document_that_was_removed_is_gone(patient: Visitor) -> None:
    kept, removed = patient.add("a.pdf")["id"], patient.add("b.pdf")["id"]
    patient.ok("DELETE", f"/documents/{removed}", 204)
    for method, path in (("GET", ""), ("GET", "/content"), ("GET", "/xdm"), ("DELETE", "")):
        assert patient.no(method, f"/documents/{removed}{path}") == (404, "document-missing")
    assert [one["id"] for one in patient.ok("GET", "/documents")["documents"]] == [kept]


def test_a_reset_empties_documents_too(mssante: Mssante, patient: Visitor) -> None:
    added = patient.add()
    mssante.reset()
    assert patient.ok("GET", "/documents")["documents"] == []
    assert patient.no("GET", f"/documents/{added['id']}") == (404, "document-missing")
    assert patient.add()["id"] != added["id"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.PDF", PDF), ("a.txt", "é".encode()), ("a.rtf", RTF), ("a.jpg", JPEG), ("a.jpeg", JPEG), ("a.png", PNG),
     ("a.tif", TIFF), ("a.tiff", b"MM\0*....")],
)  # fmt: skip
def test_every_kind_of_document_is_taken(patient: Visitor, name: str, content: bytes) -> None:
    added = patient.add(name, content)
    assert patient.ask("GET", f"/documents/{added['id']}/content").content == content


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.pdf", b"not a pdf", (422, "document-refused")),
        ("a.pdf", b"%PDF-1.4 cut off", (422, "document-refused")),
        ("a.pdf", JPEG, (422, "document-refused")),
        ("a.pdf", b"", (422, "document-refused")),
        ("a.exe", b"MZ", (422, "document-refused")),
        ("a.pdf.exe", PDF, (422, "document-refused")),
        ("a", PDF, (422, "document-refused")),
        ("a\u202efdp.exe.pdf", PDF, (422, "bad-name")),
        ("..", PDF, (422, "bad-name")),
        ("/", PDF, (422, "bad-name")),
        ("é" * 254 + ".pdf", PDF, (422, "bad-parameter")),
        ("é" * 200 + ".pdf", PDF, (422, "bad-name")),
        ("", PDF, (422, "bad-parameter")),
        ("a\nb.pdf", PDF, (422, "bad-parameter")),
        ("a.pdf\r\n", PDF, (422, "bad-parameter")),
        ("a\0.pdf", PDF, (422, "bad-parameter")),
    ],
)
def test_a_file_that_cannot_be_shared_is_refused(
    patient: Visitor, name: str, content: bytes, expected: tuple[int, str]
) -> None:
    assert patient.no("POST", "/documents", params={"name": name}, content=content) == expected
    assert patient.ok("GET", "/documents")["documents"] == []


@pytest.mark.parametrize("name", ["/etc/../a.pdf", "..\\..\\a.pdf", "C:\\Users\\x\\a.pdf", "../../../a.pdf", " a.pdf "])
def test_of_a_path_only_the_name_is_left(patient: Visitor, name: str) -> None:
    assert patient.add(name)["name"] == "a.pdf"


@pytest.mark.parametrize(
    "said",
    [{"title": "a\r\nBcc: b@c"}, {"author": "a\nb"}, {"title": "x" * 201}, {"category": "X"}, {"dated": "14/07/2026"},
     {"dated": "2026-02-30"}, {"more": "1"}, {"title": "a\u2028b"}],
)  # fmt: skip
def test_what_cannot_be_said_of_a_document_is_refused(patient: Visitor, said: dict[str, str]) -> None:
    params = {"name": "a.pdf", **said}
    assert patient.no("POST", "/documents", params=params, content=PDF) == (422, "bad-parameter")


def test_a_parameter_that_comes_twice_is_refused(patient: Visitor) -> None:
    assert patient.no("POST", "/documents?name=a.pdf&name=b.pdf", content=PDF) == (422, "bad-parameter")


@pytest.mark.parametrize("announced", [True, False])
def test_six_megabytes_are_too_much_announced_or_not(patient: Visitor, announced: bool) -> None:
    big = b"%PDF-1.4" + b"x" * 6 * 1024 * 1024 + b"%%EOF"

    def pieces() -> Iterator[bytes]:
        yield from (big[at : at + 65_536] for at in range(0, len(big), 65_536))

    answer = patient.ask("POST", "/documents", params={"name": "a.pdf"}, content=big if announced else pieces())
    assert refusal(answer) == (413, "document-too-big")


def test_five_megabytes_fit(patient: Visitor) -> None:
    content = b"%PDF-1.4" + b"x" * (5 * 1024 * 1024 - 13) + b"%%EOF"
    added = patient.add(content=content)
    assert added["octets"] == 5 * 1024 * 1024
    assert patient.ask("GET", f"/documents/{added['id']}/content").content == content


# Deposits


@pytest.fixture
def doctor(mssante: Mssante) -> Iterator[Visitor]:
    visitor = Visitor.of(mssante.running, "per")
    yield visitor
    visitor.close()


def profiles() -> list[PatientProfile]:
    """Those of the running stack: it is drawn from the same seed."""
    return list(generate(1, 14, 3, Domains()).patients)


def xdm(patient: PatientProfile) -> bytes:
    author = Author("EXEMPLE-FICTIF", "Camille", Rpps("99700900006"), IdNatStruct("1990000010"), "CABINET FICTIF")
    signed = datetime(2026, 11, 20, 9, tzinfo=UTC)
    return write_xdm(PrescriptionFacts("Ordonnance de renouvellement", signed, patient, author), PDF)


def test_a_professional_deposits_a_prescription(mssante: Mssante, patient: Visitor, doctor: Visitor) -> None:
    to = mssante.account("patient").identifier
    params = {"patient": to, "name": "ordonnance.pdf", "title": "Ordonnance"}
    deposited = doctor.ok("POST", "/deposits", 201, params=params, content=PDF)
    (found,) = patient.ok("GET", "/documents", params={"category": "ORD_SOIN"})["documents"]
    assert found == deposited
    assert (found["author"], found["added_by"], found["title"]) == ("Dr EXEMPLE-FICTIF",) * 2 + ("Ordonnance",)
    assert patient.ask("GET", f"/documents/{found['id']}/content").content == PDF


def test_an_archive_says_itself_what_it_is_and_comes_back_octet_for_octet(patient: Visitor, doctor: Visitor) -> None:
    story = profiles()[0]
    archive = xdm(story)
    params = {"patient": story.ins, "name": "autre.pdf", "title": "Autre titre"}
    found = doctor.ok("POST", "/deposits", 201, params=params, content=archive)
    assert (found["title"], found["dated"], found["author"]) == (
        "Ordonnance de renouvellement",
        "2026-11-20",
        "Camille EXEMPLE-FICTIF",
    )
    assert (found["added_by"], found["xdm"], found["category"]) == ("Dr EXEMPLE-FICTIF", True, "ORD_SOIN")
    assert patient.ask("GET", f"/documents/{found['id']}/content").content == PDF
    came = patient.ask("GET", f"/documents/{found['id']}/xdm")
    assert (came.content, came.headers["content-type"]) == (archive, "application/zip")


def test_an_archive_about_another_patient_is_refused(mssante: Mssante, doctor: Visitor) -> None:
    other = next(one for one in profiles()[1:] if one.activated)
    params = {"patient": mssante.account("patient").identifier}
    answer = doctor.ask("POST", "/deposits", params=params, content=xdm(other))
    assert refusal(answer) == (409, "other-patient")


def test_a_damaged_archive_is_refused_with_the_reason(mssante: Mssante, doctor: Visitor) -> None:
    damaged = bytearray(xdm(profiles()[0]))
    damaged[200] ^= 1
    answer = doctor.ask(
        "POST", "/deposits", params={"patient": mssante.account("patient").identifier}, content=bytes(damaged)
    )
    assert refusal(answer) == (422, "document-refused")
    assert "IHE_XDM.ZIP" in answer.json()["sentence"]


def test_who_has_no_activated_profile_is_told_apart_from_nobody(mssante: Mssante, doctor: Visitor) -> None:
    inactive = mssante.account("patient-not-activated").identifier
    answers = [
        doctor.ask("POST", "/deposits", params={"patient": ins}, content=PDF) for ins in (inactive, "185059999900181")
    ]
    assert {refusal(one) for one in answers} == {(404, "patient-unreachable")}
    assert answers[0].content == answers[1].content
