"""The preparation list, receipts and matching over the real ports."""

import csv
import io
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mssante_sim.message.compose import Attachment, Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.message.reports import (
    Failure,
    Receipt,
    ReportLetter,
    compose_failure,
    compose_receipt,
)
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
AS = ("--as", "990000010")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PATIENT = "279035121518989"


@pytest.fixture
def submit(mssante: Mssante) -> Callable[..., None]:
    """Sends a message of the story's patient, or of `who`, to the story's pharmacy."""

    def submitted(
        *attachments: Attachment, who: str = "patient", message_id: str = "<1@x>", name: str = "Dominique PAT-TROIS",
        header: tuple[tuple[str, str], ...] = (),
    ) -> None:  # fmt: skip
        sender, to = mssante.account(who).address, mssante.account("pharmacy").address
        octets = compose(
            Draft(
                Address(name, sender), (Address("", to),), "Sujet", "Texte", NOW, message_id, attachments, extra=header
            )
        )
        with mssante.smtp(who) as smtp:
            smtp.sendmail(sender, [to], octets)

    return submitted


def paper_called(name: str) -> Attachment:
    return Attachment(name, "application/pdf", b"%PDF-1.4\n%%EOF\n")


def keep(mssante: Mssante, octets: bytes) -> None:
    """Lays a message into the pharmacy's INBOX as a server that delivers reports would."""
    status, answer = mssante.imap("pharmacy").append("INBOX", "", "", octets)
    assert status == "OK", answer


def report_letter(sender: str, to: str) -> ReportLetter:
    return ReportLetter(Address("", sender), Address("", to), "Avis", "Texte pour les gens", NOW, f"<r-{sender}>")


def orders(here: Command, *arguments: str) -> list[dict[str, object]]:
    outcome = here("pharmacy", "orders", *AS, "--json", *arguments)
    assert outcome.returncode == 0, outcome.stderr
    listed: list[dict[str, object]] = json.loads(outcome.stdout)
    return listed


def test_the_list_holds_patients_documents_and_nothing_else(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    submit(paper_called("ordonnance.pdf"), paper_called("mutuelle.pdf"))
    submit(message_id="<2@x>")
    submit(paper_called("stock.pdf"), who="other-pharmacy", message_id="<3@x>", name="")
    (one,) = orders(here)
    assert (one["uid"], one["patient"], one["ins"]) == (1, "Dominique PAT-TROIS", PATIENT)
    assert (one["documents"], one["état"], one["répondu"]) == (["ordonnance.pdf", "mutuelle.pdf"], None, False)
    assert (one["doute"], one["suivi"], one["message_id"]) == (None, [], "<1@x>")
    assert 0 <= int(str(one["depuis_s"])) < 600
    shown = here("pharmacy", "orders", *AS).stdout.splitlines()
    assert [line.index("ordonnance") for line in shown[1:]] == [shown[0].index("Documents")]
    assert "\x1b" not in "".join(shown)


def test_what_is_ready_or_delivered_is_not_to_be_prepared(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    keywords = ("", "$mss_recue", "$mss_prepa", "$mss_prete", "$mss_rupture", "$mss_delivree")
    client = mssante.imap("pharmacy")
    for number, keyword in enumerate(keywords, 1):
        submit(paper_called("o.pdf"), message_id=f"<{number}@x>")
        client.noop()
        if keyword:
            client.uid("STORE", str(number), "+FLAGS", f"({keyword})")
    assert [one["état"] for one in orders(here)] == [None, "Reçue", "En préparation", "Prête", "Rupture", "Délivrée"]
    assert [one["uid"] for one in orders(here, "--to-prepare")] == [1, 2, 3, 5]


def test_since_leaves_out_what_came_before(here: Command, submit: Callable[..., None]) -> None:
    submit(paper_called("o.pdf"))
    assert len(orders(here, "--since", "1h")) == 1
    assert orders(here, "--since", "31/12/2099") == []


def test_a_signature_that_does_not_hold_is_a_doubt_in_the_list(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    patient = mssante.account("patient").address
    part = b'Content-Disposition: attachment; filename="o.pdf"\r\n\r\n%PDF\r\n'
    keep(mssante, f"From: {patient}\r\nMessage-ID: <9@x>\r\n".encode() + part)
    assert [one["doute"] for one in orders(here)] == ["non signé"]
    assert "ATTENTION : non signé" in here("pharmacy", "orders", *AS).stdout


def test_an_order_that_no_key_opens_is_listed_with_its_sender_and_date(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    patient, colleague = mssante.account("patient").address, mssante.account("other-pharmacy").address
    sealed = b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx\r\n"
    for number, sender in enumerate((f"Dominique PAT-TROIS <{patient}>", colleague)):
        keep(mssante, f"From: {sender}\r\nMessage-ID: <{number}@x>\r\n".encode() + sealed)
    (one,) = orders(here, "--to-prepare")
    assert (one["uid"], one["patient"], one["ins"], one["documents"]) == (1, "Dominique PAT-TROIS", PATIENT, [])
    assert (one["doute"], one["message_id"]) == ("aucune des clés de cette messagerie ne l'ouvre", "<0@x>")
    assert 0 <= int(str(one["depuis_s"])) < 600
    assert "ATTENTION : aucune des clés" in here("pharmacy", "orders", *AS).stdout


def test_the_list_for_a_spreadsheet_runs_nothing(here: Command, mssante: Mssante, submit: Callable[..., None]) -> None:
    submit(paper_called('=cmd|"/c calc"!A1.pdf'), name="@Élodie; PAT-TROIS")
    octets = here("pharmacy", "orders", *AS, "--to-prepare", "--csv").stdout.encode()
    assert octets.startswith(b"\xef\xbb\xbf")
    headings, row = csv.reader(io.StringIO(octets.decode("utf-8-sig")), delimiter=";")
    cells = dict(zip(headings, row, strict=True))
    assert cells["patient"] == "'@Élodie; PAT-TROIS"
    assert cells["documents"] == '\'=cmd|"/c calc"!A1.pdf'
    assert cells["ins"] == PATIENT


def answered(here: Command) -> str:
    """Answers message 1; the Message-ID of the answer."""
    told = here("pharmacy", "reply", *AS, "1", "--template", "prête", "--receipt", "--json")
    assert told.returncode == 0, told.stderr
    return str(json.loads(told.stdout)["message_id"])


def test_a_receipt_tells_that_the_patient_opened_the_answer(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    submit(paper_called("o.pdf"))
    about = answered(here)
    patient, pharmacy = mssante.account("patient").address, mssante.account("pharmacy").address
    receipt = Receipt(about, patient, displayed=True, automatic=True)
    keep(mssante, compose_receipt(report_letter(patient, pharmacy), receipt, reporting_ua="x"))
    (one,) = orders(here)
    assert [str(text).startswith("ouvert par le patient le ") for text in one["suivi"]] == [True]  # type: ignore[attr-defined]
    listed = json.loads(here("pharmacy", "list", *AS, "--json").stdout)
    assert listed[1]["avis"]["sur"] == about
    assert "message ouvert par le patient le" in here("pharmacy", "list", *AS).stdout
    assert "message ouvert par le patient le" in here("pharmacy", "open", *AS, "2").stdout


def test_a_stranger_cannot_say_that_the_patient_opened_it(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    submit(paper_called("o.pdf"))
    receipt = Receipt(answered(here), mssante.account("patient").address, displayed=True, automatic=True)
    stranger, pharmacy = mssante.account("other-pharmacy").address, mssante.account("pharmacy").address
    keep(mssante, compose_receipt(report_letter(stranger, pharmacy), receipt, reporting_ua="x"))
    assert [one["suivi"] for one in orders(here)] == [[]]


def test_a_failure_tells_why_the_answer_did_not_arrive(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    submit(paper_called("o.pdf"))
    patient, pharmacy = mssante.account("patient").address, mssante.account("pharmacy").address
    failure = Failure(answered(here), patient, "5.2.1", "550 5.2.1 closed", "mx.patient.mssante.test")
    letter = report_letter("MAILER-DAEMON@patient.mssante.test", pharmacy)
    keep(mssante, b"Return-Path: <>\r\n" + compose_failure(letter, failure, original_header=None))
    assert [one["suivi"] for one in orders(here)] == [["non remis : messagerie fermée (5.2.1)"]]
    for arguments in (["reply", "2", "--message", "x"], ["state", "2", "prête"]):
        assert here("pharmacy", arguments[0], *AS, *arguments[1:]).returncode == 2


@pytest.mark.parametrize(
    ("who", "trace"),
    [
        ("other-pharmacy", "Return-Path: <>\r\n"),
        ("patient", "Return-Path: <>\r\n"),
        ("MAILER-DAEMON@patient.mssante.test", "Return-Path: <autre@officine.mssante.test>\r\nReturn-Path: <>\r\n"),
        ("MAILER-DAEMON@patient.mssante.test", ""),
        ("MAILER-DAEMON@officine.mssante.test", "Return-Path: <>\r\n"),
    ],
)
def test_only_the_patients_operator_can_say_that_an_answer_did_not_arrive(
    who: str, trace: str, here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    submit(paper_called("o.pdf"))
    patient, pharmacy = mssante.account("patient").address, mssante.account("pharmacy").address
    failure = Failure(answered(here), patient, "5.1.1", "550 5.1.1 unknown", "mx.patient.mssante.test")
    letter = report_letter(who if "@" in who else mssante.account(who).address, pharmacy)
    keep(mssante, trace.encode() + compose_failure(letter, failure, original_header=None))
    assert [one["suivi"] for one in orders(here)] == [[]]


def test_what_the_patients_operator_really_says_is_believed(here: Command, mssante: Mssante) -> None:
    box, nobody = mssante.account("pharmacy").address, "185059999900181@patient.mssante.test"
    lost = compose(Draft(Address("", box), (Address("", nobody),), "Objet", "Texte", NOW, "<perdu@x>"))
    with mssante.smtp("pharmacy") as smtp:
        smtp.sendmail(box, [nobody], lost)
    mssante.wait_for(to="pharmacy")
    (report,) = json.loads(here("pharmacy", "list", *AS, "--json").stdout)
    assert report["avis"] == {"sur": "<perdu@x>", "texte": "non remis : patient ou adresse inconnus (5.1.1)"}


# Receipts that the pharmacy is asked for


def asking(mssante: Mssante, who: str = "patient") -> tuple[tuple[str, str], ...]:
    return (("Disposition-Notification-To", mssante.account(who).address),)


def flags(mssante: Mssante) -> set[str]:
    _, (answer,) = mssante.imap("pharmacy").uid("FETCH", "1", "(FLAGS)")
    return set(answer.decode().partition("FLAGS (")[2].partition(")")[0].split()) - {"\\Recent"}


def test_a_script_is_told_of_the_wish_and_nothing_is_returned(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    submit(header=asking(mssante))
    opened = here("pharmacy", "open", *AS, "1")
    assert "--receipt yes" in opened.stderr
    assert json.loads(here("pharmacy", "open", *AS, "1", "--json").stdout)["accusé_demandé"] is True
    assert flags(mssante) == {"\\Seen"}


def test_a_wish_that_was_refused_is_not_told_again(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    submit(header=asking(mssante))
    assert "refusé" in here("pharmacy", "open", *AS, "1", "--receipt", "no").stdout
    assert flags(mssante) == {"\\Seen", "$MDNSent"}
    assert here("pharmacy", "open", *AS, "1").stderr == ""
    assert mssante.imap("patient").select("INBOX")[1] == [b"0"]


def test_a_receipt_that_would_go_to_somebody_else_is_never_offered(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    submit(header=asking(mssante, "other-pharmacy"))
    told = json.loads(here("pharmacy", "open", *AS, "1", "--receipt", "yes", "--json").stdout)
    assert (told["accusé_demandé"], told["accusé_renvoyé"]) == (False, False)
    assert mssante.imap("other-pharmacy").select("INBOX")[1] == [b"0"]


def test_what_a_professionals_message_lacks_is_a_warning(
    here: Command, mssante: Mssante, submit: Callable[..., None]
) -> None:
    submit(who="other-pharmacy", name="")
    submit(message_id="<2@x>")
    listed = json.loads(here("pharmacy", "list", *AS, "--json").stdout)
    assert [len(one["avertissements"]) for one in listed] == [1, 0]
    assert "Attention : X-MSS-NIL est absent" in here("pharmacy", "open", *AS, "1").stdout


# Matching


@pytest.fixture
def register(tmp_path: Path) -> str:
    rows = f"ins;nom;prenom;naissance\n{PATIENT};PAT-TROIS;Dominique;28/03/1979\n"
    (tmp_path / "registre.csv").write_text(rows, encoding="utf-8")
    return "registre.csv"


def test_a_message_is_matched_by_its_ins_and_the_caution_is_told(
    here: Command, mssante: Mssante, submit: Callable[..., None], register: str
) -> None:
    submit()
    matched = here("pharmacy", "match", *AS, "1", "--register", register)
    assert (matched.returncode, "pas une identité qualifiée" in matched.stdout) == (0, True), matched.stderr
    assert flags(mssante) == {"$mss_identite"}


def test_a_person_compares_where_the_ins_is_not_in_the_register(
    here: Command, mssante: Mssante, submit: Callable[..., None], tmp_path: Path
) -> None:
    submit()
    rows = "ins;nom;prenom;naissance\n;PAT-TROIX;Dominique;28/03/1979\n;PAT-TROIS;Dominique;01/01/1950\n"
    (tmp_path / "r.csv").write_text(rows, encoding="utf-8")
    compared = here("pharmacy", "match", *AS, "1", "--register", "r.csv")
    assert (compared.returncode, "--confirm" in compared.stderr) == (3, True)
    assert all(words in compared.stdout for words in ("03/79", "femme", "01/01/1950", "registre, ligne 2"))
    told = json.loads(here("pharmacy", "match", *AS, "1", "--register", "r.csv", "--json").stdout)
    assert ([one["ligne"] for one in told["candidats"]], told["retenu"]) == ([3, 2], None)
    assert told["identité_qualifiée"] is False
    assert flags(mssante) == set()
    assert here("pharmacy", "match", *AS, "1", "--register", "r.csv", "--confirm", "3").returncode == 3
    assert flags(mssante) == set()
    assert here("pharmacy", "match", *AS, "1", "--register", "r.csv", "--confirm", "2").returncode == 0
    assert flags(mssante) == {"$mss_identite"}


def test_what_cannot_be_matched_is_told_in_french(
    here: Command, mssante: Mssante, submit: Callable[..., None], register: str, tmp_path: Path
) -> None:
    submit(who="other-pharmacy", name="")
    (tmp_path / "image.csv").write_bytes(b"\x89PNG\0")
    for uid, file, status, words in (
        ("1", register, 2, "ne vient pas d'un patient"),
        ("7", register, 2, "pas de message 7"),
        ("1", "absent.csv", 6, "inutilisable"),
        ("1", "image.csv", 6, "inutilisable"),
    ):
        outcome = here("pharmacy", "match", *AS, uid, "--register", file)
        assert (outcome.returncode, words in outcome.stderr) == (status, True), outcome.stderr
    assert flags(mssante) == set()
