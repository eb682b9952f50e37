"""Markers planted in a message are nowhere in the home, the logs or the database afterwards."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mssante_sim.clients.annuaire import Annuaire
from mssante_sim.clients.prescription import write_letter
from mssante_sim.clients.running import Running
from mssante_sim.clock import SystemClock
from mssante_sim.patient.documents import Document
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.slow  # each command is a process of its own

BODY, FILE, SUBJECT = "corps-marque-7Qx", "piece-marquee-8Ry", "objet-marque-9Sz"
CONTENT = b"%PDF-1.4 contenu-marque-3Ab\n" + b"x" * 400_000 + b"\n%%EOF"
MESSAGE_ID = "<marked@patient.mssante.test>"


@pytest.fixture
def persistent(tmp_path: Path) -> Iterator[tuple[Mssante, Path]]:
    """A stack that hides subjects, in a home that outlives it, its standard error in a file."""
    home = tmp_path / "home"
    options = [
        "--home",
        str(home),
        "--port-base",
        "0",
        "--pharmacies",
        "4",
        "--patients",
        "2",
        "--confidential-subject",
    ]
    with (tmp_path / "stderr").open("w") as errors:
        command = [sys.executable, "-X", "dev", "-m", "mssante_sim", "up", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            for line in process.stdout or ():
                if line.startswith("home"):
                    break
            stack = Mssante(Running.read(home))
            yield stack, tmp_path
            stack.close()
            process.terminate()
            assert process.wait(60) == 0


def test_nothing_of_a_message_is_in_clear_on_the_disk(persistent: tuple[Mssante, Path]) -> None:
    mssante, folder = persistent
    patient, running = mssante.account("patient"), mssante.running
    (pharmacy,) = Annuaire(running.fhir_base, running.api_key).by_finess(mssante.account("pharmacy").identifier or "")
    for paper in (Document(f"{FILE}.pdf", "application/pdf", CONTENT), Document(f"{FILE}.txt", "text/plain", b"court")):
        letter = write_letter(
            patient,
            pharmacy,
            subject=SUBJECT,
            text=f"{BODY}\n",
            documents=[paper],
            at=SystemClock().now(),
            message_id=MESSAGE_ID.replace("marked", f"marked-{len(paper.content)}"),
        )
        with mssante.smtp("patient") as smtp:
            smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
        mssante.wait_for(letter.message_id, to="pharmacy")
    imap = mssante.imap("pharmacy")
    assert imap.select("INBOX")[1] == [b"2"]
    opened = mssante.open(imap.fetch("1", "(BODY[])")[1][0][1], "pharmacy")
    assert (opened.subject, opened.text, opened.attachments[0].content) == (SUBJECT, f"{BODY}\r\n", CONTENT)

    files = [file for file in folder.rglob("*") if file.is_file()]
    assert any(file.parent.parent.name == "bodies" for file in files), "the large body lies in a file"
    passwords = [login.password for account in running.accounts for login in account.logins]
    for file in files:
        octets = file.read_bytes()
        found = [word for word in (BODY, FILE, SUBJECT, "contenu-marque-3Ab") if word.encode() in octets]
        assert not found, file
        if file.name in ("audit.log", "stderr"):
            assert not [word for word in passwords if word.encode() in octets], file
            assert patient.address.encode() not in octets, file
