"""The patient's documents, and what a prescriber deposits among them."""

import stat
import zipfile
from pathlib import Path

import pytest

from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante
from tests.stack.conftest import Cli

PDF = specimen("ordonnance").content


def test_a_document_is_filed_listed_shown_saved_and_removed(patient: Cli, paper: str, tmp_path: Path) -> None:
    added = patient(
        "documents", "add", paper, "--category", "BIOLOGIE", "--title", "Bilan", "--author", "Labo", "--dated",
        "03/11/2026", "--json",
    ).json  # fmt: skip
    assert (added["catégorie"], added["titre"], added["auteur"], added["daté"]) == (
        "BIOLOGIE", "Bilan", "Labo", "2026-11-03",
    )  # fmt: skip
    assert patient("documents", "list", "--category", "BIOLOGIE", "--json").json == [added]
    assert patient("documents", "list", "--category", "ORD_SOIN", "--json").json == []
    assert "Bilan" in patient("documents", "list").out
    shown = patient("documents", "show", added["id"], "--save", "copie.pdf")
    assert "Daté du   : 03/11/2026" in shown.out
    assert (tmp_path / "copie.pdf").read_bytes() == PDF
    assert stat.S_IMODE((tmp_path / "copie.pdf").stat().st_mode) == 0o600
    assert patient("documents", "remove", added["id"], "--json").json == {"id": added["id"], "supprimé": True}
    gone = patient("documents", "show", added["id"])
    assert (gone.status, "n'existe pas" in gone.err) == (2, True)


def test_nothing_is_overwritten_when_a_document_is_saved(patient: Cli, paper: str, tmp_path: Path) -> None:
    added = patient("documents", "add", paper, "--json").json
    (tmp_path / "copie.pdf").write_text("mine")
    refused = patient("documents", "show", added["id"], "--save", "copie.pdf")
    assert (refused.status, "il existe déjà" in refused.err) == (6, True)
    assert (tmp_path / "copie.pdf").read_text() == "mine"
    into_folder = patient("documents", "show", added["id"], "--save", ".", "--json").json
    assert into_folder["enregistré"] == ["ordonnance (1).pdf"]
    assert (tmp_path / "ordonnance (1).pdf").read_bytes() == PDF


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("faux.pdf", b"not a PDF", "n'est pas un fichier PDF lisible"),
        ("gros.pdf", b"%PDF-" + bytes(6 * 1024 * 1024) + b"%%EOF", "6,0 Mo : la limite est de 5 Mo"),
        ("programme.exe", b"MZ", "ne peut pas être partagé"),
        ("vide.pdf", b"", "est vide"),
        ("photo.png", b"\xff\xd8\xff", "n'est pas un fichier PNG"),
    ],
)
def test_a_file_that_cannot_be_shared_is_refused_with_the_reason(
    name: str, content: bytes, words: str, patient: Cli, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    for arguments in (("documents", "add", name), ("send", "--document", name, "--pharmacy", "990000010")):
        outcome = patient(*arguments)
        assert (outcome.status, words in outcome.err) == (6, True), outcome.err
    assert patient("documents", "list", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["add", "absent.pdf"], 6, "ne peut pas être lu"),
        (["add", "ordonnance.pdf", "--category", "NIMPORTE"], 2, "Valeur refusée pour « --category »"),
        (["add", "ordonnance.pdf", "--dated", "hier"], 2, "« hier » n'est pas une date"),
        (["add", "ordonnance.pdf", "--title", "a\r\nBcc: x"], 2, "sur une seule ligne"),
        (["add", "ordonnance.pdf", "--author", "x" * 201], 2, "« --author » : 200 caractères au plus"),
        (["add"], 2, "Il manque l'argument"),
        (["show", "999-999"], 2, "n'existe pas"),
        (["show", "../../../etc/passwd"], 2, "n'existe pas"),
        (["remove", "n'importe quoi"], 2, "n'existe pas"),
    ],
)
def test_wrong_words_are_told_in_french(
    arguments: list[str], status: int, words: str, patient: Cli, paper: str
) -> None:
    outcome = patient("documents", *arguments)
    assert (outcome.status, words in outcome.err) == (status, True), outcome.err


def deposit(cli: Cli, *more: str, text: str = "") -> object:
    arguments = ("prescriber", "deposit", "--as", "dr.exemple", "--patient", "PAT-TROIS", *more)
    return cli(*arguments, "--json", text=text).json


def test_a_prescriber_deposits_a_pdf(cli: Cli, patient: Cli, mssante: Mssante, paper: str, tmp_path: Path) -> None:
    password = mssante.account("dr.exemple").logins[0].password
    deposit(cli, "--file", paper, "--title", "Antibiotique", "--password-stdin", text=password)
    (found,) = patient("documents", "list", "--json").json
    assert (found["catégorie"], found["titre"], found["auteur"], found["xdm"]) == (
        "ORD_SOIN", "Antibiotique", "Dr EXEMPLE-FICTIF", False,
    )  # fmt: skip
    patient("documents", "show", found["id"], "--save", "recu.pdf")
    assert (tmp_path / "recu.pdf").read_bytes() == PDF
    none = patient("documents", "show", found["id"], "--xdm", "x.zip")
    assert (none.status, "IHE_XDM.ZIP" in none.err) == (2, True)


def test_a_prescriber_deposits_an_archive_whose_pdf_the_patient_sees(cli: Cli, patient: Cli, tmp_path: Path) -> None:
    deposit(cli, "--specimen", "renouvellement", "--xdm", "--synthetic")
    (found,) = patient("documents", "list", "--json").json
    assert found["xdm"]
    assert "au long cours" in found["titre"], "as its CDA says"
    assert found["auteur"] == "Camille EXEMPLE-FICTIF"
    patient("documents", "show", found["id"], "--save", "recu.pdf")
    assert (tmp_path / "recu.pdf").read_bytes().startswith(b"%PDF-")


def test_an_archive_comes_back_octet_for_octet(cli: Cli, patient: Cli, tmp_path: Path) -> None:
    names = ("--as", "dr.exemple", "--patient", "PAT-TROIS")
    cli("prescriber", "export", *names, "--specimen", "ordonnance", "--xdm", "ecrit")
    deposit(cli, "--file", "ecrit/IHE_XDM.ZIP", "--synthetic")
    (found,) = patient("documents", "list", "--json").json
    assert patient("documents", "show", found["id"], "--xdm", "recu.zip").status == 0
    assert (tmp_path / "recu.zip").read_bytes() == (tmp_path / "ecrit" / "IHE_XDM.ZIP").read_bytes()
    (pdf,) = (tmp_path / "ecrit").glob("*.pdf")
    patient("documents", "show", found["id"], "--save", "recu.pdf")
    assert (tmp_path / "recu.pdf").read_bytes() == pdf.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "text", "status", "words"),
    [
        (["--as", "dr.exemple", "--patient", "PAT-TROIS", "--specimen", "ordonnance"], "", 2, "--password-stdin"),
        (["--as", "dr.exemple", "--patient", "PAT-TROIS", "--synthetic"], "", 2, "--file FICHIER, ou --specimen"),
        (["--as", "dr.exemple", "--patient", "personne", "--file", "a.pdf", "--synthetic"], "", 2, "Aucun compte"),
        (["--as", "PAT-TROIS", "--patient", "PAT-TROIS", "--file", "a.pdf", "--synthetic"], "", 2, "professionnel"),
        (["--as", "dr.exemple", "--patient", "dr.modele", "--file", "a.pdf", "--synthetic"], "", 2, "pas un patient"),
        (["--as", "dr.exemple", "--patient", "PAT-TROIS", "--file", "a.pdf", "--synthetic"], "", 6, "être lu"),
        (
            ["--as", "dr.exemple", "--patient", "PAT-TROIS", "--specimen", "ordonnance", "--password-stdin"],
            "faux",
            4,
            "mot de passe",
        ),
        (
            ["--as", "990000010", "--patient", "PAT-TROIS", "--specimen", "ordonnance", "--xdm", "--synthetic"],
            "",
            2,
            "n'est pas une personne",
        ),
    ],
)
def test_a_deposit_that_makes_no_sense_is_told(
    arguments: list[str], text: str, status: int, words: str, cli: Cli
) -> None:
    outcome = cli("prescriber", "deposit", *arguments, text=text)
    assert (outcome.status, words in outcome.err) == (status, True), outcome.err


def test_nothing_is_deposited_where_no_profile_is_activated(cli: Cli, mssante: Mssante) -> None:
    inactive = mssante.account("patient-not-activated").identifier or ""
    outcome = cli(
        "prescriber", "deposit", "--as", "dr.exemple", "--patient", inactive, "--specimen", "ordonnance", "--synthetic"
    )
    assert (outcome.status, "Aucun profil activé" in outcome.err) == (4, True)


def test_a_vendor_gets_the_archive_as_a_file_with_its_pdf_beside(cli: Cli, tmp_path: Path) -> None:
    arguments = ("prescriber", "export", "--as", "dr.exemple", "--patient", "PAT-TROIS", "--specimen", "ordonnance")
    outcome = cli(*arguments, "--xdm", "archives")
    assert outcome.status == 0, outcome.err
    archive, pdf = (tmp_path / line for line in outcome.out.splitlines())
    assert archive.name == "IHE_XDM.ZIP"
    assert pdf.name.endswith("_Ordonnance_PAT-TROIS_Dominique.pdf")
    assert zipfile.ZipFile(archive).testzip() is None
    first = archive.read_bytes()
    assert cli(*arguments, "--xdm", "archives").out.splitlines()[0] == "archives/IHE_XDM (1).ZIP"
    assert archive.read_bytes() == first
    saved = cli(*arguments, "--xdm", "autres", "--json").json["enregistré"]
    assert [Path(one).name for one in saved] == ["IHE_XDM.ZIP", pdf.name]
