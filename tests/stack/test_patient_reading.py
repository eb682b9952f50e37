"""What pharmacies answer: told, read, answered, and told again as history and files."""

import csv
import json
import stat
import subprocess
import sys
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante
from tests.mes import pharmacy
from tests.stack.conftest import Cli

PDF = specimen("ordonnance").content
LILAS = "990000010"


def ask(patient: Cli, paper: str, finess: str = LILAS, *more: str) -> str:
    """Message-ID of an order sent to a pharmacy."""
    sent = patient("send", "--document", paper, "--pharmacy", finess, *more, "--json").json
    return str(sent["message_id"])


def answer(
    mssante: Mssante,
    to: str,
    text: str = "Votre commande est prête.",
    *,
    who: str = "pharmacy",
    name: str = "Réponse.pdf",
    extra: tuple[tuple[str, str], ...] = (),
    receipt: bool = False,
) -> str:
    """The pharmacy answers the message `to`; Message-ID of the answer, which has arrived."""
    asked = (("Disposition-Notification-To", mssante.account(who).address),) if receipt else ()
    files = [(name, "application/pdf", PDF)]
    message_id = pharmacy.answer(mssante, to, text, files=files, extra=(*extra, *asked), who=who)
    mssante.wait_for(message_id, to="patient")
    return message_id


def line(patient: Cli) -> dict[str, object]:
    """The only conversation, as it is listed."""
    (found,) = patient("conversations", "--json").json
    assert isinstance(found, dict)
    return found


def test_an_answer_is_listed_unread_read_saved_and_answered(
    patient: Cli, paper: str, mssante: Mssante, tmp_path: Path
) -> None:
    answer(mssante, ask(patient, paper))
    listed = line(patient)
    assert (listed["non_lus"], listed["messages"], listed["réponse_possible"]) == (1, 2, True)
    assert "1 non lu" in patient("conversations").out
    _, received = patient("history", "--json").json[0]["échanges"]
    read = patient("read", received["id"], "--save", "recu")
    assert "Votre commande est prête." in read.out
    assert "signature valide de PHARMACIE FICTIVE DES LILAS" in read.out
    assert "@" not in read.out
    (saved,) = (tmp_path / "recu").iterdir()
    assert (saved.name, saved.read_bytes(), stat.S_IMODE(saved.stat().st_mode)) == ("Réponse.pdf", PDF, 0o600)
    assert line(patient)["non_lus"] == 0
    replied = patient("reply", received["id"], "--message", "Merci, à demain.", "--json").json
    mssante.wait_for(replied["message_id"], to="pharmacy")
    assert (line(patient)["messages"], replied["finess"]) == (3, LILAS)


def test_no_command_of_the_patient_shows_a_pharmacy_s_mail_address(
    patient: Cli, paper: str, mssante: Mssante, tmp_path: Path
) -> None:
    answer(mssante, ask(patient, paper))
    number = str(line(patient)["id"])
    shown = ""
    for arguments in (
        ("send", "--document", paper, "--pharmacy", LILAS), ("conversations",), ("read", number), ("history",),
        ("pharmacies", "search", "--name", "lilas"), ("documents", "list"), ("history", "--export", "export"),
    ):  # fmt: skip
        for more in ((), ("--json",)):
            outcome = patient(*arguments, *more)
            assert outcome.status == 0, outcome.err
            shown += outcome.out + outcome.err
    files = [one.read_text(encoding="utf-8-sig", errors="replace") for one in (tmp_path / "export").rglob("*.[ce]*")]
    assert len(files) > 4
    address = mssante.account("pharmacy").address
    assert not [text for text in (shown, *files) if address in text]


def test_a_conversation_is_read_whole_by_its_number(patient: Cli, paper: str, mssante: Mssante) -> None:
    answer(mssante, ask(patient, paper, LILAS, "--message", "Première question."))
    whole = patient("read", str(line(patient)["id"]), "--json").json
    assert [one["sens"] for one in whole["lus"]] == ["envoyé", "reçu"]
    assert "Première question." in whole["lus"][0]["texte"]
    assert whole["lus"][1]["signataire"] == "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ )"


def test_to_answer_ones_own_message_answers_the_last_one_received(patient: Cli, paper: str, mssante: Mssante) -> None:
    answered = answer(mssante, ask(patient, paper))
    replied = patient("send", "--answer", str(line(patient)["id"]), "--message", "Merci.", "--json").json
    mssante.wait_for(replied["message_id"], to="pharmacy")
    fetched = mssante.imap("pharmacy").fetch("2", "(BODY.PEEK[HEADER])")[1][0][1]
    assert message_from_bytes(fetched)["In-Reply-To"] == answered


def test_a_piece_of_an_answer_is_kept_among_the_documents(
    patient: Cli, paper: str, mssante: Mssante, tmp_path: Path
) -> None:
    answer(mssante, ask(patient, paper))
    _, received = patient("history", "--json").json[0]["échanges"]
    kept = patient("documents", "keep", received["id"], "--category", "ORD_SOIN", "--json").json
    assert (kept["nom"], kept["auteur"]) == ("Réponse.pdf", "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ )")
    patient("documents", "show", kept["id"], "--save", "gardé.pdf")
    assert (tmp_path / "gardé.pdf").read_bytes() == PDF
    missing = patient("documents", "keep", received["id"], "--piece", "2")
    assert (missing.status, "n'a pas cette pièce" in missing.err) == (2, True)


def test_a_terminal_shows_nothing_that_moves_its_cursor(patient: Cli, paper: str, mssante: Mssante) -> None:
    answer(mssante, ask(patient, paper), "Un\x1b[2Jdeux\u202etrois\x9bquatre\n", name="x\u202efdp.pdf")
    shown = patient("read", str(line(patient)["id"])).out + patient("history").out
    assert "Un" in shown
    assert "deux" in shown
    assert not [char for char in shown if char in "\x1b\u202e\x9b"]


def test_what_was_closed_says_when_and_by_whom_and_takes_no_answer(patient: Cli, paper: str, mssante: Mssante) -> None:
    answer(mssante, ask(patient, paper), extra=(("X-MSS-MES", "FIN"),))
    closed = line(patient)["clos"]
    assert isinstance(closed, dict)
    assert closed["par"].startswith("PHARMACIE FICTIVE DES LILAS")
    assert line(patient)["réponse_possible"] is False
    refused = patient("reply", str(line(patient)["id"]), "--message", "Encore une question.")
    assert refused.status == 4
    assert "PHARMACIE FICTIVE DES LILAS" in refused.err
    assert "Encore une question." in refused.err, "the text is given back"
    assert "clos le" in patient("history").out


def test_contacts_are_those_whose_exchange_is_open_each_once(patient: Cli, paper: str, mssante: Mssante) -> None:
    assert "Aucun échange n'est ouvert." in patient("contacts").out
    answer(mssante, ask(patient, paper))
    closing = ask(patient, paper)
    answer(mssante, closing)
    (contact,) = patient("contacts", "--json").json
    newest, oldest = patient("conversations", "--json").json
    assert (contact["nom"], contact["finess"]) == (newest["pharmacie"], LILAS)
    assert contact["conversation"] == newest["id"]
    assert contact["nom"] in patient("contacts").out
    answer(mssante, closing, extra=(("X-MSS-MES", "FIN"),))
    (contact,) = patient("contacts", "--json").json
    assert contact["conversation"] == oldest["id"]
    replied = patient("reply", contact["conversation"], "--message", "Merci.", "--json").json
    assert {one["id"]: one["messages"] for one in patient("conversations", "--json").json}[oldest["id"]] == 3, replied


def test_history_tells_everything_in_order_with_its_states(patient: Cli, paper: str, mssante: Mssante) -> None:
    first = ask(patient, paper)
    other = mssante.account("other-pharmacy").identifier or ""
    ask(patient, paper, other)
    answer(mssante, first)
    everything = patient("history", "--json").json
    assert [one["finess"] for one in everything] == [other, LILAS], "the one that moved last stands last"
    sent, received = everything[1]["échanges"]
    assert sent["états"][:2] == ["envoyé", "remis"]
    assert sent["états"][-1] == "répondu"
    assert received["états"][0] == "reçu"
    assert [one["finess"] for one in patient("history", "--pharmacy", "lilas", "--json").json] == [LILAS]
    assert [one["finess"] for one in patient("history", "--pharmacy", other, "--json").json] == [other]
    assert patient("history", "--since", "2999-01-01").out == "Rien n'a été échangé.\n"
    for named in (other, "lilas"):
        found = patient("conversations", "--pharmacy", named, "--json").json
        assert [one["finess"] for one in found] == [other if named == other else LILAS]


@pytest.mark.parametrize("command", ["history", "conversations"])
def test_since_takes_days_and_spans_as_the_pharmacy_s_does(command: str, patient: Cli, paper: str) -> None:
    ask(patient, paper)
    for since, count in (("7j", 1), ("3h", 1), ("30min", 1), ("0min", 0), ("25/11/2024", 1), ("2999-01-01", 0)):
        assert len(patient(command, "--since", since, "--json").json) == count, since


def test_a_receipt_is_returned_by_itself_and_told(patient: Cli, paper: str, mssante: Mssante) -> None:
    answer(mssante, ask(patient, paper), receipt=True)
    _, received = patient("history", "--json").json[0]["échanges"]
    assert patient("read", received["id"], "--json").json["lus"][0]["accusé"] == "returned"
    assert "confirmé la lecture" in patient("read", received["id"]).out


def test_an_export_holds_opened_messages_their_files_and_an_index(
    patient: Cli, paper: str, mssante: Mssante, tmp_path: Path
) -> None:
    answer(mssante, ask(patient, paper), name="../../nul.pdf")
    ask(patient, paper, mssante.account("other-pharmacy").identifier or "")
    outcome = patient("history", "--export", "export")
    assert outcome.status == 0, outcome.err
    folder = tmp_path / "export"
    places = [one for one in folder.iterdir() if one.is_dir()]
    assert len(places) == 2
    (lilas,) = [one for one in places if "LILAS" in one.name]
    first, second = sorted(lilas.glob("*.eml"))
    assert [one.read_bytes() for one in lilas.glob("*.pdf")] == [PDF, PDF]
    assert {one.name[:4] for one in lilas.iterdir()} == {first.name[:4], second.name[:4]}, "a number for each message"
    opened = message_from_bytes(second.read_bytes(), policy=policy.default)
    assert "Votre commande est prête." in opened.get_body().get_content()  # type: ignore[union-attr]
    with (folder / "index.csv").open(encoding="utf-8-sig", newline="") as index:
        rows = list(csv.DictReader(index, delimiter=";"))
    assert {(row["dossier"], row["fichier"]) for row in rows} == {
        (place.name, file.name) for place in places for file in place.glob("*.eml")
    }
    assert "Dominique PAT-TROIS" in (folder / "LISEZMOI.txt").read_text(encoding="utf-8")
    assert not [one for one in folder.rglob("*") if one.is_file() and stat.S_IMODE(one.stat().st_mode) != 0o600]


def test_an_export_into_the_same_folder_overwrites_nothing(
    patient: Cli, paper: str, mssante: Mssante, tmp_path: Path
) -> None:
    ask(patient, paper)
    assert patient("history", "--export", "export").status == 0
    before = {one: one.read_bytes() for one in (tmp_path / "export").rglob("*") if one.is_file()}
    assert patient("history", "--export", "export").status == 0
    assert {one: one.read_bytes() for one in before} == before
    assert len([one for one in (tmp_path / "export").rglob("*") if one.is_file()]) == 2 * len(before)


def test_one_conversation_is_told_and_exported_by_its_number(
    patient: Cli, paper: str, mssante: Mssante, tmp_path: Path
) -> None:
    answer(mssante, ask(patient, paper))
    ask(patient, paper, mssante.account("other-pharmacy").identifier or "")
    (wanted,) = [one for one in patient("history", "--json").json if one["finess"] == LILAS]
    (told,) = patient("history", "--conversation", wanted["id"], "--json").json
    assert told == wanted
    exported = patient("history", "--conversation", wanted["id"], "--export", "export", "--json").json
    assert exported == {"conversations": [told], "index": str(Path("export", "index.csv"))}
    assert [one.name[11:] for one in (tmp_path / "export").iterdir() if one.is_dir()] == [
        "PHARMACIE FICTIVE DES LILAS ( LILAS SANTÉ )"
    ]


def test_an_export_that_cannot_be_written_is_told(patient: Cli, paper: str, tmp_path: Path) -> None:
    ask(patient, paper)
    (tmp_path / "fichier").write_text("x")
    outcome = patient("history", "--export", "fichier/export")
    assert (outcome.status, "ne peut pas être enregistré" in outcome.err) == (6, True)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["read", "r999-999"], 2, "n'existe pas"),
        (["read", "n'importe quoi"], 2, "n'existe pas"),
        (["read"], 2, "Il manque l'argument"),
        (["reply", "r999-999", "--message", "x"], 2, "n'existe pas"),
        (["reply", "r999-999", "--message", "  "], 2, "vide"),
        (["conversations", "--since", "demain"], 2, "n'est pas une date"),
        (["history", "--since", "32/13/2026"], 2, "n'est pas une date"),
        (["history", "--conversation", "999-999"], 2, "n'existe pas"),
        (["history", "--conversation", "1-1", "--since", "2026-11-25"], 2, "Choisissez --conversation, ou bien"),
    ],
)
def test_wrong_words_are_told_in_french(arguments: list[str], status: int, words: str, patient: Cli) -> None:
    outcome = patient(*arguments)
    assert (outcome.status, words in outcome.err) == (status, True), outcome.err


def test_an_answer_without_text_and_without_anyone_to_write_it_is_refused(
    patient: Cli, paper: str, mssante: Mssante
) -> None:
    answer(mssante, ask(patient, paper))
    refused = patient("reply", str(line(patient)["id"]))
    assert (refused.status, "--message ou --edit" in refused.err) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("as_json", [False, True])
def test_an_answer_is_told_as_it_arrives_and_stays_unread(
    as_json: bool, patient: Cli, paper: str, mssante: Mssante, environment: dict[str, str]
) -> None:
    asked = ask(patient, paper)
    command = [sys.executable, "-u", "-m", "mssante_sim", "patient", "watch", "--once", *(["--json"] * as_json)]
    with subprocess.Popen(
        command, env={**environment, "PYTHONIOENCODING": "utf-8"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, encoding="utf-8",
    ) as watching:  # fmt: skip
        assert watching.stdout is not None
        assert watching.stderr is not None
        said = watching.stderr if as_json else watching.stdout
        assert said.readline().startswith("À l'écoute des réponses à Dominique PAT-TROIS")
        answer(mssante, asked)
        told = watching.stdout.read()
    assert watching.returncode == 0
    if as_json:
        assert json.loads(told)["pièces"] == [{"nom": "Réponse.pdf", "octets": len(PDF)}]
    else:
        assert "Nouveau message de PHARMACIE FICTIVE DES LILAS" in told
        assert "Réponse.pdf" in told
    assert line(patient)["non_lus"] == 1
