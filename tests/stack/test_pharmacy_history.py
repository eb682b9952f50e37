"""`pharmacy history`: everything exchanged, in order, by conversation; and its export."""

import csv
import email
import email.policy
import io
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.prescription import Letter
from mssante_sim.message.compose import Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.message.reports import Receipt, ReportLetter, compose_receipt
from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
AS = ("--as", "990000010")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def send(mssante: Mssante) -> Callable[..., None]:
    """A message of `who` to the story's pharmacy."""

    def sent(who: str, message_id: str, *, references: tuple[str, ...] = (), subject: str = "Sujet") -> None:
        account, to = mssante.account(who), mssante.account("pharmacy").address
        draft = Draft(
            Address(account.display_name, account.address), (Address("", to),), subject, "Texte", NOW, message_id,
            in_reply_to=references[-1] if references else None, references=references,
        )  # fmt: skip
        with mssante.smtp(who) as smtp:
            smtp.sendmail(account.address, [to], compose(draft))

    return sent


def told(here: Command, *arguments: str) -> list[dict[str, Any]]:
    outcome = here("pharmacy", "history", *AS, "--json", *arguments)
    assert outcome.returncode == 0, outcome.stderr
    conversations: list[dict[str, Any]] = json.loads(outcome.stdout)
    return conversations


def reply(here: Command, uid: int, *arguments: str) -> str:
    outcome = here("pharmacy", "reply", *AS, str(uid), *arguments, "--json")
    assert outcome.returncode == 0, outcome.stderr
    return str(json.loads(outcome.stdout)["message_id"])


def active_patient(mssante: Mssante) -> str:
    """Another patient than the story's, with an active profile."""
    story = mssante.account("patient").address
    return next(
        a.address for a in mssante.running.accounts if a.kind == "patient" and a.activated and a.address != story
    )


def test_a_conversation_tells_both_sides_in_order_with_what_became_of_each(
    here: Command, mssante: Mssante, send: Callable[..., None]
) -> None:
    patient, pharmacy = mssante.account("patient").address, mssante.account("pharmacy").address
    send("patient", "<1@x>")
    answer = reply(here, 1, "--template", "prête", "--user", "lilas.preparateur")
    receipt = Receipt(answer, patient, displayed=True, automatic=True)
    letter = ReportLetter(Address("", patient), Address("", pharmacy), "Lu", "Lu", NOW, "<r@x>")
    mssante.imap("pharmacy").append("INBOX", "", "", compose_receipt(letter, receipt, reporting_ua="x"))
    assert here("pharmacy", "close", *AS, "1").returncode == 0
    (conversation,) = told(here)
    first, second, third = conversation["messages"]
    assert (first["sens"], first["état"], first["répondu"], first["auteur"]) == ("reçu", "Prête", True, None)
    assert second["message_id"] == answer
    assert second["auteur"].endswith(", préparateur")
    assert [text.startswith("ouvert par le patient") for text in second["suivi"]] == [True]
    assert (third["sens"], third["clôture"], third["suivi"]) == ("envoyé", "exchange", [])
    assert conversation["clos"] == {"le": third["date"], "par": third["auteur"]}
    assert conversation["correspondant"] == {"nom": "Dominique PAT-TROIS", "adresse": patient}
    shown = here("pharmacy", "history", *AS).stdout
    assert shown.index("reçu, Prête, répondu") < shown.index("ouvert par le patient") < shown.index("Clos le ")


def test_a_reference_joins_no_two_patients(here: Command, mssante: Mssante, send: Callable[..., None]) -> None:
    send("patient", "<1@x>")
    send(active_patient(mssante), "<2@x>", references=("<1@x>",))
    send("patient", "<3@x>")
    joined = sorted([one["message_id"] for one in conversation["messages"]] for conversation in told(here))
    assert joined == [["<1@x>"], ["<2@x>"], ["<3@x>"]]


def test_a_patient_is_found_by_name_ins_or_address(here: Command, mssante: Mssante, send: Callable[..., None]) -> None:
    send("patient", "<1@x>")
    send(active_patient(mssante), "<2@x>")
    address = mssante.account("patient").address
    for wanted in ("pat-trois", address.partition("@")[0], address):
        assert [one["correspondant"]["adresse"] for one in told(here, "--patient", wanted)] == [address]
    assert told(here, "--patient", "nobody") == []
    assert told(here, "--since", "31/12/2099") == []


def test_what_was_archived_or_copied_is_told_once(here: Command, mssante: Mssante, send: Callable[..., None]) -> None:
    send("patient", "<1@x>")
    send("patient", "<2@x>")
    client = mssante.imap("pharmacy")
    client.uid("COPY", "1", "Archive")
    client.uid("MOVE", "2", "Archive")
    assert [(one["messages"][0]["message_id"], one["messages"][0]["dossier"]) for one in told(here)] == [
        ("<1@x>", "INBOX"), ("<2@x>", "Archive"),
    ]  # fmt: skip


def test_ending_everything_closes_what_began_before(here: Command, send: Callable[..., None]) -> None:
    send("patient", "<1@x>")
    send("patient", "<2@x>")
    assert here("pharmacy", "close", *AS, "1", "--all").returncode == 0
    assert [one["clos"] is not None for one in told(here)] == [True, True]
    assert told(here)[-1]["messages"][-1]["clôture"] == "all"


def test_what_the_pharmacy_says_after_an_end_opens_the_exchange_again(here: Command, send: Callable[..., None]) -> None:
    send("patient", "<1@x>")
    assert here("pharmacy", "close", *AS, "1").returncode == 0
    assert [one["clos"] is not None for one in told(here)] == [True]
    reply(here, 1, "--message", "Encore un mot.")
    assert [one["clos"] for one in told(here)] == [None]


def test_a_conversation_that_moved_since_is_told_whole(
    here: Command, mssante: Mssante, send: Callable[..., None]
) -> None:
    patient = mssante.account("patient").address
    client = mssante.imap("pharmacy")
    long_ago = '"01-Jan-2026 10:00:00 +0000"'
    for message_id in ("<1@x>", "<2@x>"):
        octets = f"From: {patient}\r\nMessage-ID: {message_id}\r\nSubject: Avant\r\n\r\nx\r\n"
        client.append("INBOX", "", long_ago, octets.encode())
    end = f"From: {mssante.account('pharmacy').address}\r\nTo: {patient}\r\nMessage-ID: <fin@x>\r\nSubject: [FIN]\r\n"
    client.append("Sent", "", '"02-Jan-2026 10:00:00 +0000"', (end + "\r\nFin\r\n").encode())
    send("patient", "<3@x>", references=("<1@x>",))
    (conversation,) = told(here, "--since", "1h")
    assert [one["message_id"] for one in conversation["messages"]] == ["<1@x>", "<3@x>"]
    assert (conversation["objet"], conversation["clos"]["le"][:10]) == ("Avant", "2026-01-02")


def test_only_the_pharmacy_closes(here: Command, mssante: Mssante, send: Callable[..., None]) -> None:
    send("patient", "<1@x>", subject="[FIN]")
    patient = mssante.account("patient").address
    octets = f"From: {patient}\r\nMessage-ID: <2@x>\r\nX-MSS-MES: FIN\r\nReferences: <1@x>\r\n\r\nx\r\n"
    mssante.imap("pharmacy").append("INBOX", "", "", octets.encode())
    (conversation,) = told(here)
    assert conversation["clos"] is None
    assert [one["clôture"] for one in conversation["messages"]] == [None, None]
    assert "clôt" not in here("pharmacy", "history", *AS).stdout


def test_an_export_is_a_folder_of_readable_files(
    here: Command, mssante: Mssante, write: Callable[..., Letter], tmp_path: Path
) -> None:
    letter = write()
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
    reply(here, 1, "--message", "Bien reçu, merci.")
    assert here("pharmacy", "history", *AS, "--export", "out").returncode == 0
    (folder,) = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert folder.name.endswith("Dominique PAT-TROIS")
    received, paper, sent = sorted(folder.iterdir())
    assert (received.name[:4], received.name[-9:]) == ("001 ", " reçu.eml")
    assert (sent.name[:4], sent.name[-11:]) == ("002 ", " envoyé.eml")
    assert (paper.name, paper.read_bytes()) == ("001 ordonnance.pdf", specimen("ordonnance").content)
    for file, words in ((received, "Je souhaite vous partager"), (sent, "Bien reçu, merci.")):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        body = message.get_body(("plain",))
        assert body is not None
        assert words in body.get_content()
        assert message.get_content_type() == "multipart/signed"
    rows = csv.reader(io.StringIO((tmp_path / "out" / "index.csv").read_text(encoding="utf-8-sig")), delimiter=";")
    headings, first, second = rows
    assert [dict(zip(headings, row, strict=True))["fichier"] for row in (first, second)] == [received.name, sent.name]
    assert "en clair" in (tmp_path / "out" / "LISEZMOI.txt").read_text(encoding="utf-8")


def test_an_export_overwrites_nothing(here: Command, send: Callable[..., None], tmp_path: Path) -> None:
    send("patient", "<1@x>")
    for _ in range(2):
        assert here("pharmacy", "history", *AS, "--export", "out").returncode == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names[0] + " (1)" == names[1]
    assert names[2:] == ["LISEZMOI (1).txt", "LISEZMOI.txt", "index (1).csv", "index.csv"]


def test_an_export_that_cannot_be_written_is_told_in_french(
    here: Command, send: Callable[..., None], tmp_path: Path
) -> None:
    send("patient", "<1@x>")
    (tmp_path / "file").touch()
    assert here("pharmacy", "history", *AS, "--export", "file").returncode == 2
    outcome = here("pharmacy", "history", *AS, "--export", "file/below")
    assert (outcome.returncode, "Impossible d'enregistrer" in outcome.stderr) == (6, True), outcome.stderr


async def test_headers_of_more_messages_than_one_fetch_asks_for_all_come(mssante: Mssante) -> None:
    client = mssante.imap("pharmacy")
    for number in range(650):
        client.append("INBOX", "", "", f"Message-ID: <{number}@x>\r\n\r\nx\r\n".encode())
    reader = await MailboxClient.connect(Desk.of(mssante.running, "990000010").access())
    try:
        uids = await reader.uids()
        assert [one.uid async for one in reader.headers(uids)] == uids
        assert len(uids) == 650
        assert await reader.with_message_id("<649@x>") == [650]
    finally:
        await reader.close()
