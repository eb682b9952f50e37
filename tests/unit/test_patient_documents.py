import io
import os
from pathlib import Path

import pypdf
import pytest
import zxingcpp

from mssante_sim.patient.documents import MAX_DOCUMENT_OCTETS, DocumentRefused, document, read_document
from mssante_sim.patient.proposal import propose
from mssante_sim.patient.specimens import MARK, SPECIMENS, specimen

PDF = b"%PDF-1.7\n1 0 obj\nendobj\ntrailer\n%%EOF\n"


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("a.pdf", PDF, "application/pdf"),
        ("A.PDF", PDF, "application/pdf"),
        ("a.jpeg", b"\xff\xd8\xff\xe0....", "image/jpeg"),
        ("a.png", b"\x89PNG\r\n\x1a\n....", "image/png"),
        ("a.tif", b"II*\0....", "image/tiff"),
        ("a.rtf", b"{\\rtf1 }", "application/rtf"),
        ("a.txt", "été".encode(), "text/plain"),
    ],
)
def test_a_file_that_is_what_its_name_says_is_taken(name: str, content: bytes, content_type: str) -> None:
    assert document(name, content).content_type == content_type


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.pdf", b"", "vide"),
        ("a.pdf", b"not a PDF", "lisible"),
        ("a.pdf", b"%PDF-1.7 cut short", "lisible"),
        ("a.jpg", PDF, "lisible"),
        ("a.txt", b"\0\1", "lisible"),
        ("a.exe", b"MZ", "formats acceptés"),
        ("a", PDF, "formats acceptés"),
        ("a.pdf", PDF.ljust(MAX_DOCUMENT_OCTETS + 1), "5 Mo"),
    ],
)
def test_any_other_file_is_refused_with_its_reason(name: str, content: bytes, word: str) -> None:
    with pytest.raises(DocumentRefused, match=word) as refused:
        document(name, content)
    assert refused.value.exit_code == 6


def test_a_document_of_exactly_five_megabytes_is_taken() -> None:
    padding = b" " * (MAX_DOCUMENT_OCTETS - len(PDF))
    assert document("a.pdf", PDF[:9] + padding + PDF[9:]).name == "a.pdf"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentRefused, match="ne peut pas être lu"):
        read_document(tmp_path / "absent.pdf")


def test_of_a_file_that_is_too_big_nothing_is_read(tmp_path: Path) -> None:
    big = tmp_path / "gros.pdf"
    big.touch()
    os.truncate(big, 1 << 40)  # more than any memory holds
    with pytest.raises(DocumentRefused, match="1048576,0 Mo : la limite est de 5 Mo"):
        read_document(big)


def test_the_proposal_speaks_of_one_document_or_of_several() -> None:
    one = document("a.pdf", PDF)
    assert propose("Dominique PAT-TROIS", [one]).subject == "Document de Dominique PAT-TROIS"
    assert "mes documents" in propose("Dominique PAT-TROIS", [one, one]).text


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_specimen_is_a_pdf_marked_as_fictitious(name: str) -> None:
    page = pypdf.PdfReader(io.BytesIO(specimen(name).content)).pages[0]
    assert MARK in page.extract_text()
    assert SPECIMENS[name].treatments[0].drug in page.extract_text()


def test_its_qr_code_says_that_it_is_fictitious() -> None:
    (image,) = pypdf.PdfReader(io.BytesIO(specimen("ordonnance").content)).pages[0].images
    (code,) = zxingcpp.read_barcodes(image.image.convert("L"))
    assert code.text.startswith("FICTIF|SPECIMEN|")


def test_the_same_prescription_gives_the_same_octets() -> None:
    assert specimen("ordonnance") == specimen("ordonnance")
