"""`pharmacy reply`, `state` and `close` over the real ports: what the patient gets, and what the team sees."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from mssante_sim.cli.answering import said_to_pharmacists
from mssante_sim.clients.answering import Answer, FiledBadly, send_reply, write_reply
from mssante_sim.clients.correspondence import filed_message
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.prescription import Letter
from mssante_sim.clients.reading import Opened
from mssante_sim.clock import SystemClock
from mssante_sim.crypto.identity import read_certificate
from mssante_sim.crypto.pkcs12 import read_bundle, write_bundle
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.smime import Protection, classify
from mssante_sim.crypto.trust import accepts_usage
from mssante_sim.message.headers import parse_addresses
from mssante_sim.message.parts import parse
from mssante_sim.smtp.replies import REFUSALS
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
AS = ("--as", "990000010")
TOLD = (*AS, "--server", "localhost")  # at the ports of the home, instead of asking the stack's DNS
MARKER = "MARQUEUR-DE-TEXTE-7351"


@pytest.fixture
def letter(mssante: Mssante, write: Callable[..., Letter]) -> Letter:
    """A prescription that lies in the pharmacy's INBOX, the first message there."""
    written = write()
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(written.sender, [written.recipient], written.octets)
    return written


def flags(mssante: Mssante, uid: int = 1) -> set[str]:
    _, (answer,) = mssante.imap("pharmacy").uid("FETCH", str(uid), "(FLAGS)")
    return set(answer.decode().partition("FLAGS (")[2].partition(")")[0].split()) - {"\\Recent"}


def stored(mssante: Mssante, who: str, folder: str = "INBOX") -> list[bytes]:
    client = mssante.imap(who)
    client.select(folder)
    _, found = client.uid("SEARCH", "ALL")
    return [client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")[1][0][1] for uid in found[0].split()]


def received(mssante: Mssante) -> Opened:
    """The one message that the patient got."""
    (octets,) = stored(mssante, "patient")
    return mssante.open(octets, "patient")


def test_an_answer_reaches_the_patient_in_the_thread_and_names_who_wrote(
    here: Command, mssante: Mssante, letter: Letter
) -> None:
    team = {login.login: login for login in mssante.account("pharmacy").logins}
    sent = here("pharmacy", "reply", *AS, "--user", "lilas.adjoint", "1", "--message", MARKER, "--receipt", "--json")
    assert sent.returncode == 0, sent.stderr
    told = json.loads(sent.stdout)
    answer = received(mssante)
    pharmacy = mssante.account("pharmacy")
    assert (told["message_id"], told["destinataire"]) == (answer.message_id, letter.sender)
    assert answer.signer == pharmacy.address
    assert answer.sender is not None
    assert (answer.sender.name, answer.sender.address) == (pharmacy.display_name, pharmacy.address)
    header = {name: answer.header[name].decode().strip() for name in ("in-reply-to", "references", "x-mss-nil")}
    assert header["in-reply-to"] == header["references"] == letter.message_id
    assert header["x-mss-nil"].startswith("SIMULATEUR-mssante-sim/")
    assert parse_addresses(answer.header["disposition-notification-to"])[0].address == pharmacy.address
    assert not {"x-mss-ins", "x-mss-codecda", "x-mss-mes"} & set(answer.header)
    assert answer.subject == "Re: Document de Dominique PAT-TROIS"
    user = team["lilas.adjoint"]
    assert answer.text.split("\r\n") == [MARKER, "", f"{user.name}, adjoint", pharmacy.display_name, ""]
    assert flags(mssante) == {"\\Answered"}


def test_an_answer_to_an_answer_names_the_whole_thread(here: Command, mssante: Mssante, letter: Letter) -> None:
    for text in ("un", "deux"):
        assert here("pharmacy", "reply", *AS, "1", "--message", text).returncode == 0
    first, second = (mssante.open(octets, "patient") for octets in stored(mssante, "patient"))
    assert first.message_id != second.message_id
    assert second.header["references"].split() == [letter.message_id.encode()]


def test_the_copy_in_sent_is_sealed_to_the_pharmacy_itself(here: Command, mssante: Mssante, letter: Letter) -> None:
    assert here("pharmacy", "reply", *AS, "1", "--message", MARKER).returncode == 0
    (copy,) = stored(mssante, "pharmacy", "Sent")
    assert classify(copy) is Protection.ENVELOPED
    assert MARKER.encode() not in copy
    opened, got = mssante.open(copy, "pharmacy"), received(mssante)
    assert (opened.text, opened.message_id, opened.signer) == (got.text, got.message_id, got.signer)
    assert opened.header["to"] == got.header["to"]


def test_no_clear_text_of_an_answer_lies_in_the_home(
    here: Command, mssante: Mssante, letter: Letter, home: Path
) -> None:
    assert here("pharmacy", "reply", *AS, "1", "--message", MARKER).returncode == 0
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if MARKER.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("name", "keyword", "words"),
    [
        ("reçue", "$mss_recue", "bien reçu"),
        ("en-preparation", "$mss_prepa", "en cours de préparation"),
        ("prête", "$mss_prete", "est prête"),
        ("délivrée", "$mss_delivree", "délivrée"),
    ],
)
def test_a_template_sets_its_state(
    name: str, keyword: str, words: str, here: Command, mssante: Mssante, letter: Letter
) -> None:
    assert here("pharmacy", "reply", *AS, "1", "--template", name).returncode == 0
    assert flags(mssante) == {"\\Answered", keyword}
    assert words in received(mssante).text


def test_a_shortage_proposes_something(here: Command, mssante: Mssante, letter: Letter) -> None:
    proposal = "un générique {demain} à 10 h"
    assert here("pharmacy", "reply", *AS, "1", "--template", "rupture", "--propose", proposal).returncode == 0
    assert f"Nous vous proposons : {proposal}" in received(mssante).text
    assert flags(mssante) == {"\\Answered", "$mss_rupture"}


def test_a_text_may_be_edited_before_it_goes(here: Command, mssante: Mssante, letter: Letter, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/est prête/vous attend/" "$1"\nsed -i "1i Modifié" "$1"\n')
    editor.chmod(0o755)
    sent = here("pharmacy", "reply", *AS, "1", "--template", "prête", "--edit", VISUAL=str(editor), EDITOR=str(editor))
    assert sent.returncode == 0, sent.stderr
    assert received(mssante).text.startswith("Modifié\r\nBonjour,")
    assert "vous attend" in received(mssante).text


def test_files_are_attached_octet_for_octet(
    here: Command, mssante: Mssante, letter: Letter, paper: str, tmp_path: Path
) -> None:
    (tmp_path / "notice.eml").write_bytes(b"Subject: x\r\n\r\n")
    sent = here("pharmacy", "reply", *AS, "1", "--message", "x", "--attach", paper, "--attach", "notice.eml")
    assert sent.returncode == 0, sent.stderr
    assert [(one.name, one.content_type, one.content) for one in received(mssante).attachments] == [
        (paper, "application/pdf", (tmp_path / paper).read_bytes()),
        ("notice.eml", "application/octet-stream", b"Subject: x\r\n\r\n"),
    ]


def test_a_state_replaces_the_one_before_and_can_be_taken_back(here: Command, mssante: Mssante, letter: Letter) -> None:
    mssante.imap("pharmacy").uid("STORE", "1", "+FLAGS", r"(\Flagged $mss_Recue)")
    assert here("pharmacy", "state", *AS, "1", "prête").returncode == 0
    assert flags(mssante) == {"\\Flagged", "$mss_prete"}
    told = json.loads(here("pharmacy", "state", *AS, "1", "en-préparation", "--json").stdout)
    assert told == {"uid": 1, "état": "En préparation"}
    assert flags(mssante) == {"\\Flagged", "$mss_prepa"}
    assert here("pharmacy", "state", *AS, "1", "--clear").returncode == 0
    assert flags(mssante) == {"\\Flagged"}
    assert stored(mssante, "patient") == []


def test_a_state_may_be_told_to_the_patient(here: Command, mssante: Mssante, letter: Letter) -> None:
    assert here("pharmacy", "state", *AS, "1", "prete", "--notify").returncode == 0
    assert "est prête" in received(mssante).text
    assert flags(mssante) == {"\\Answered", "$mss_prete"}


def test_closing_tells_the_patient_and_marks_this_exchange_only(
    here: Command, mssante: Mssante, letter: Letter
) -> None:
    assert here("pharmacy", "close", *AS, "1").returncode == 0
    end = received(mssante)
    assert end.header["x-mss-mes"].strip() == b"FIN"
    assert end.header["in-reply-to"].strip().decode() == letter.message_id
    assert "terminé" in end.text


def test_an_answer_may_close_its_exchange(here: Command, mssante: Mssante, letter: Letter) -> None:
    assert here("pharmacy", "reply", *AS, "1", "--template", "délivrée", "--close").returncode == 0
    assert received(mssante).header["x-mss-mes"].strip() == b"FIN"


def test_closing_everything_is_a_message_whose_subject_is_exactly_fin(
    here: Command, mssante: Mssante, letter: Letter
) -> None:
    assert here("pharmacy", "close", *AS, "1", "--all").returncode == 0
    end = received(mssante)
    assert end.header["subject"].strip() == b"[FIN]"
    assert "x-mss-mes" not in end.header


def test_a_patient_is_answered_at_the_address_that_is_the_patients(here: Command, mssante: Mssante) -> None:
    patient, colleague = mssante.account("patient").address, mssante.account("other-pharmacy").address
    to = mssante.account("pharmacy").address
    octets = f"From: {patient}\r\nTo: {to}\r\nReply-To: {colleague}\r\nMessage-ID: <1@x>\r\n\r\nx\r\n"
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(patient, [to], octets.encode())
    assert here("pharmacy", "reply", *AS, "1", "--message", "x").returncode == 0
    assert (len(stored(mssante, "patient")), stored(mssante, "other-pharmacy")) == (1, [])


def test_a_colleague_is_answered_where_the_message_says(here: Command, mssante: Mssante) -> None:
    colleague, to = mssante.account("other-pharmacy").address, mssante.account("pharmacy").address
    octets = f"From: {colleague}\r\nTo: {to}\r\nReply-To: {to}\r\nMessage-ID: <1@x>\r\n\r\nx\r\n"
    with mssante.smtp("other-pharmacy") as smtp:
        smtp.sendmail(colleague, [to], octets.encode())
    assert here("pharmacy", "reply", *AS, "1", "--message", "x").returncode == 0
    assert (len(stored(mssante, "pharmacy")), stored(mssante, "other-pharmacy")) == (2, [])


# What goes wrong


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["reply", "7", "--message", "x"], 2, "pas de message 7"),
        (["reply", "0", "--message", "x"], 2, "pas de message 0"),
        (["reply", "1"], 2, "--message"),
        (["reply", "--message", "x"], 2, "UID"),
        (["reply", "1", "--message", " \n"], 2, "vide"),
        (["reply", "1", "--template", "perdue"], 2, "n'est pas un état"),
        (["reply", "1", "--template", "prête", "--propose", "x"], 2, "rupture"),
        (["reply", "1", "--message", "x", "--attach", "absent.pdf"], 2, "ne peut pas être lu"),
        (["reply", "1", "--message", "x", "--user", "personne"], 2, "lilas.adjoint"),
        (["reply", "--draft", "absent.eml"], 6, "ne peut pas être lu"),
        (["state", "1", "perdue"], 2, "reçue, en-préparation, prête, rupture, délivrée"),
        (["state", "1"], 2, "--clear"),
        (["state", "1", "prête", "--clear"], 2, "--clear"),
        (["state", "7", "prête"], 2, "pas de message 7"),
        (["close", "7"], 2, "pas de message 7"),
        (["close", "1", "--message", ""], 2, "vide"),
    ],
)
def test_wrong_input_is_told_in_french_and_nothing_is_sent(
    arguments: list[str], status: int, words: str, here: Command, mssante: Mssante, letter: Letter
) -> None:
    command, *more = arguments
    outcome = here("pharmacy", command, *AS, *more)
    assert (outcome.returncode, words in outcome.stderr) == (status, True), outcome.stderr
    assert (stored(mssante, "patient"), flags(mssante)) == ([], set())


def test_an_empty_file_and_too_much_of_them_are_refused_before_sending(
    here: Command, mssante: Mssante, letter: Letter, tmp_path: Path
) -> None:
    (tmp_path / "empty.pdf").touch()
    (tmp_path / "large.pdf").write_bytes(b"x" * (20 * 1024 * 1024))
    for name, words in (("empty.pdf", "est vide"), ("large.pdf", "25 Mo")):
        outcome = here("pharmacy", "reply", *AS, "1", "--message", "x", "--attach", name)
        assert (outcome.returncode, words in outcome.stderr) == (2, True), outcome.stderr
    assert stored(mssante, "patient") == []


@pytest.fixture
def from_a_colleague(mssante: Mssante) -> str:
    """Another pharmacy's message, the first in INBOX; its Message-ID."""
    sender, to = mssante.account("other-pharmacy").address, mssante.account("pharmacy").address
    octets = (
        f"From: {sender}\r\nTo: {to}\r\nReply-To: {sender}\r\nSubject: re : stock\r\nMessage-ID: <c@x>\r\n\r\nx\r\n"
    )
    with mssante.smtp("other-pharmacy") as smtp:
        smtp.sendmail(sender, [to], octets.encode())
    return "<c@x>"


def test_states_and_ends_are_for_patients_but_anyone_may_be_answered(
    here: Command, mssante: Mssante, from_a_colleague: str
) -> None:
    for arguments in (["state", "1", "prête"], ["reply", "1", "--template", "prête"], ["close", "1"]):
        outcome = here("pharmacy", arguments[0], *AS, *arguments[1:])
        assert (outcome.returncode, "ne vient pas d'un patient" in outcome.stderr) == (2, True), outcome.stderr
    assert flags(mssante) == set()
    assert here("pharmacy", "reply", *AS, "1", "--message", "x").returncode == 0
    (octets,) = stored(mssante, "other-pharmacy")
    assert parse(octets).header["in-reply-to"].strip().decode() == from_a_colleague
    assert mssante.open(octets, "other-pharmacy").subject == "re : stock"


def test_a_refused_answer_keeps_a_draft_that_can_be_sent_later(
    here: Command, mssante: Mssante, from_a_colleague: str, tmp_path: Path
) -> None:
    colleague = mssante.account("other-pharmacy").identifier or ""
    assert here("directory", "set", colleague, "--open", "off").returncode == 0
    try:
        refused = here("pharmacy", "reply", *AS, "1", "--message", MARKER)
    finally:
        assert here("directory", "set", colleague, "--open", "on").returncode == 0
    assert refused.returncode == 4
    assert "La messagerie de ce destinataire est fermée" in refused.stderr
    assert "Choisissez" not in refused.stderr  # a patient would
    (draft,) = tmp_path.glob("brouillon-*.eml")
    assert str(draft) in refused.stderr
    assert (flags(mssante), stored(mssante, "pharmacy", "Sent")) == (set(), [])
    assert here("pharmacy", "reply", *AS, "--draft", str(draft)).returncode == 0
    (octets,) = stored(mssante, "other-pharmacy")
    assert mssante.open(octets, "other-pharmacy").text.startswith(MARKER)
    assert flags(mssante) == {"\\Answered"}
    assert not draft.exists()


def test_a_server_that_is_away_keeps_a_draft_with_its_state_and_it_arrives_once(
    here: Command, mssante: Mssante, letter: Letter, home: Path, tmp_path: Path
) -> None:
    facts = json.loads((home / "run.json").read_text(encoding="utf-8"))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        facts["ports"]["submission"] = nobody.getsockname()[1]
        (tmp_path / "away").mkdir()
        (tmp_path / "away" / "run.json").write_text(json.dumps(facts), encoding="utf-8")
        lost = here("pharmacy", "reply", *TOLD, "1", "--template", "prête", MSSANTE_SIM_HOME=str(tmp_path / "away"))
        assert (lost.returncode, "injoignable" in lost.stderr) == (5, True), lost.stderr
        (draft,) = tmp_path.glob("brouillon-*.eml")
        again = here("pharmacy", "reply", *TOLD, "--draft", str(draft), MSSANTE_SIM_HOME=str(tmp_path / "away"))
        assert again.returncode == 5
        assert list(tmp_path.glob("brouillon-*.eml")) == [draft]
    assert flags(mssante) == set()
    kept = draft.read_bytes()
    assert here("pharmacy", "reply", *AS, "--draft", str(draft)).returncode == 0
    assert flags(mssante) == {"\\Answered", "$mss_prete"}
    draft.write_bytes(kept)
    told = json.loads(here("pharmacy", "reply", *AS, "--draft", str(draft), "--json").stdout)
    assert told["copie"] is False
    assert len(stored(mssante, "patient")) == len(stored(mssante, "pharmacy", "Sent")) == 1
    assert b"Brouillon" not in received(mssante).readable


@pytest.fixture
def misled(home: Path, tmp_path: Path) -> Callable[[str, int], str]:
    """A home whose stack is the real one, but for one service that it has at another port, for who is `TOLD`."""

    def written(service: str, port: int) -> str:
        facts = json.loads((home / "run.json").read_text(encoding="utf-8"))
        facts["ports"][service] = port
        (tmp_path / "misled").mkdir()
        (tmp_path / "misled" / "run.json").write_text(json.dumps(facts), encoding="utf-8")
        return str(tmp_path / "misled")

    return written


@pytest.fixture
def editor(tmp_path: Path) -> dict[str, str]:
    """Of an editor that adds MARKER, and writes down where the text lay."""
    program = tmp_path / "editor"
    program.write_text(f'#!/bin/sh\necho {MARKER} >> "$1"\necho "$1" > "{tmp_path}/where"\n')
    program.chmod(0o755)
    return {"VISUAL": str(program), "EDITOR": str(program)}


def test_what_was_written_comes_back_where_there_is_no_such_message(
    here: Command, mssante: Mssante, letter: Letter, editor: dict[str, str]
) -> None:
    outcome = here("pharmacy", "reply", *AS, "7", "--edit", **editor)
    assert (outcome.returncode, "pas de message 7" in outcome.stderr) == (2, True), outcome.stderr
    assert f"Bonjour,\n\n{MARKER}" in outcome.stderr
    assert "Rien n'a été envoyé" in outcome.stderr


def test_what_was_written_comes_back_where_the_mailbox_is_away(
    here: Command, letter: Letter, editor: dict[str, str], misled: Callable[[str, int], str]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        home = misled("imap_tls", nobody.getsockname()[1])
        outcome = here("pharmacy", "reply", *TOLD, "1", "--edit", MSSANTE_SIM_HOME=home, **editor)
    assert (outcome.returncode, MARKER in outcome.stderr) == (5, True), outcome.stderr


def test_a_folder_that_takes_no_draft_loses_no_text(
    here: Command, letter: Letter, misled: Callable[[str, int], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        home = misled("submission", nobody.getsockname()[1])
        outcome = here("pharmacy", "reply", *TOLD, "1", "--message", MARKER, MSSANTE_SIM_HOME=home)
    assert (outcome.returncode, "injoignable" in outcome.stderr) == (5, True), outcome.stderr
    assert "Aucun brouillon n'a pu être gardé" in outcome.stderr
    assert MARKER in outcome.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_while_it_is_sent_keeps_a_draft_that_arrives_once(
    here: Command, mssante: Mssante, letter: Letter, misled: Callable[[str, int], str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        environment = {**os.environ, "MSSANTE_SIM_HOME": misled("submission", mute.getsockname()[1])}
        command = [sys.executable, "-m", "mssante_sim", "pharmacy", "reply", *TOLD, "1", "--template", "prête"]
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, encoding="utf-8"
        ) as process:
            mute.settimeout(30)
            connection, _ = mute.accept()
            process.send_signal(signal.SIGINT)
            connection.close()
            _, said = process.communicate(timeout=30)
    (draft,) = tmp_path.glob("brouillon-*.eml")
    assert (process.returncode, str(draft) in said, "Traceback" in said) == (130, True, False), said
    assert b"Message-ID: " in draft.read_bytes()
    assert here("pharmacy", "reply", *AS, "--draft", str(draft)).returncode == 0
    assert "est prête" in received(mssante).text
    assert flags(mssante) == {"\\Answered", "$mss_prete"}


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="a system without a folder in memory")  # noqa: S108
def test_the_text_that_is_edited_lies_in_memory_only(
    here: Command, mssante: Mssante, letter: Letter, editor: dict[str, str], tmp_path: Path
) -> None:
    assert here("pharmacy", "reply", *AS, "1", "--edit", **editor).returncode == 0
    assert MARKER in received(mssante).text
    where = Path((tmp_path / "where").read_text().strip())
    assert (where.parts[:3], where.exists()) == (("/", "dev", "shm"), False)


@pytest.mark.parametrize(("program", "words"), [("false", "L'éditeur de texte a échoué"), ("true", "pas changé")])
def test_an_editor_that_fails_or_saves_nothing_sends_nothing(
    program: str, words: str, here: Command, mssante: Mssante, letter: Letter
) -> None:
    outcome = here("pharmacy", "reply", *AS, "1", "--template", "prête", "--edit", VISUAL=program, EDITOR=program)
    assert (outcome.returncode, words in outcome.stderr) == (2, True), outcome.stderr
    assert stored(mssante, "patient") == []


async def test_what_was_sent_but_could_not_be_marked_is_filed_all_the_same(mssante: Mssante, letter: Letter) -> None:
    desk, at = Desk.of(mssante.running, "990000010"), SystemClock().now()
    client = await MailboxClient.connect(desk.access())
    try:
        written = write_reply(desk, await filed_message(client, desk, 1, at=at), Answer("x"), at=at)
        with pytest.raises(FiledBadly) as error:
            await send_reply(desk, client, written, uid=0, at=at)  # which no message has
    finally:
        await client.close()
    assert error.value.filed
    (copy,) = stored(mssante, "pharmacy", "Sent")
    assert mssante.open(copy, "pharmacy").message_id == written.letter.message_id


def test_what_was_sent_but_could_not_be_filed_stays_as_a_draft_that_files_it(
    here: Command, mssante: Mssante, letter: Letter, home: Path, tmp_path: Path
) -> None:
    account = mssante.account("pharmacy")
    clear = f"From: {mssante.account('patient').address}\r\nMessage-ID: <clear@x>\r\n\r\nx\r\n".encode()
    mssante.imap("pharmacy").append("INBOX", "", "", clear)
    facts = json.loads((home / "run.json").read_text(encoding="utf-8"))
    (told,) = (one for one in facts["accounts"] if one["address"] == account.address)
    told["pkcs12"] = str(tmp_path / "signs-only.p12")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    passphrase = account.passphrase or ""
    identities = read_bundle(Path(account.pkcs12 or "").read_bytes(), passphrase)
    signing = [one for one in identities if not accepts_usage(read_certificate(one.certificate), Usage.RECEIVE)]
    (tmp_path / "signs-only.p12").write_bytes(write_bundle(signing, passphrase, "x"))

    outcome = here("pharmacy", "reply", *AS, "2", "--message", MARKER, MSSANTE_SIM_HOME=str(tmp_path / "other"))
    assert (outcome.returncode, "Le message est parti" in outcome.stderr) == (5, True), outcome.stderr
    assert (flags(mssante, 2), stored(mssante, "pharmacy", "Sent")) == ({"\\Answered"}, [])
    (draft,) = tmp_path.glob("brouillon-*.eml")
    assert str(draft) in outcome.stderr
    assert here("pharmacy", "reply", *AS, "--draft", str(draft)).returncode == 0
    assert len(stored(mssante, "patient")) == len(stored(mssante, "pharmacy", "Sent")) == 1
    assert not draft.exists()


async def test_what_was_sent_but_could_not_be_marked_nor_filed_is_told(mssante: Mssante, letter: Letter) -> None:
    desk, at = Desk.of(mssante.running, "990000010"), SystemClock().now()
    client = await MailboxClient.connect(desk.access())
    written = write_reply(desk, await filed_message(client, desk, 1, at=at), Answer("x"), at=at)
    client.drop()
    with pytest.raises(FiledBadly) as error:
        await send_reply(desk, client, written, uid=1, at=at)
    assert "Le message est parti (250 " in error.value.french
    assert not error.value.filed
    assert received(mssante).message_id == written.letter.message_id


def test_a_message_that_none_of_the_keys_opens_can_be_listed_but_not_answered(
    here: Command, mssante: Mssante, letter: Letter
) -> None:
    assert here("pharmacy", "reply", *AS, "1", "--message", "x").returncode == 0
    stranger = stored(mssante, "patient")[0].replace(b"MIME-Version", b"X-MIME-Version", 1)
    sealed = stranger[: len(stranger) // 2]
    mssante.imap("pharmacy").append("INBOX", "", "", sealed)
    listed = json.loads(here("pharmacy", "list", *AS, "--json").stdout)
    assert [one["lisible"] for one in listed] == [True, False]
    for command in (["open", "2"], ["reply", "2", "--message", "x"]):
        outcome = here("pharmacy", command[0], *AS, *command[1:])
        assert (outcome.returncode, "ne peut pas être déchiffré" in outcome.stderr) == (1, True), outcome.stderr


def test_the_login_that_names_the_pharmacy_is_who_acts(here: Command, mssante: Mssante, letter: Letter) -> None:
    assert here("pharmacy", "reply", "--as", "lilas.preparateur", "1", "--message", "x").returncode == 0
    assert ", préparateur\r\n" in received(mssante).text


def test_every_refusal_of_an_answer_speaks_to_a_pharmacist() -> None:
    said = [said_to_pharmacists(word) for word in REFUSALS]
    assert all(said)
    patients = (
        "Choisissez",
        "à une pharmacie",
        "votre profil",
        "le professionnel",
        "Vous pouvez écrire",
        "Le brouillon",
    )
    assert [one for one in said if any(words.lower() in one.lower() for words in patients)] == []


def test_a_message_is_shown_in_french_typography(here: Command, mssante: Mssante, letter: Letter) -> None:
    assert here("pharmacy", "state", *AS, "1", "prête").returncode == 0
    shown = here("pharmacy", "open", *AS, "1").stdout
    head = dict(line.split(" : ", 1) for line in shown.partition("\n\n")[0].splitlines())
    assert [one.strip() for one in head] == ["De", "Date", "Objet", "État", "Sécurité"]
    sent = parsedate_to_datetime(parse(letter.octets).header["date"].decode().strip()).astimezone()
    assert head["Date".ljust(8)] == f"{sent:%d/%m/%Y à %H:%M}"


def test_an_empty_mailbox_says_so(here: Command, mssante: Mssante) -> None:
    assert here("pharmacy", "list", *AS).stdout == "Aucun message.\n"
    assert json.loads(here("pharmacy", "list", *AS, "--json").stdout) == []


def test_without_a_stack_the_status_is_5(here: Command, tmp_path: Path) -> None:
    for command in (["reply", "1", "--message", "x"], ["state", "1", "prête"], ["orders"], ["history"]):
        outcome = here("pharmacy", command[0], *AS, *command[1:], MSSANTE_SIM_HOME=str(tmp_path / "nothing"))
        assert (outcome.returncode, "mssante-sim up" in outcome.stderr) == (5, True), outcome.stderr
