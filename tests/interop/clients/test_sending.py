"""Programs that submit a message: it arrives sealed, and what was sealed is what they were given."""

import subprocess
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from mssante_sim.testing import Mssante
from tests.interop.clients.recipes import SENDERS, Values, recipe

pytestmark = pytest.mark.interop

TEXT = "Ordonnance reçue :\n.\n..deux points\n"  # lines that a client must stuff
SCAN = bytes(range(256)) * 40


def letter(values: Values) -> EmailMessage:
    """From one pharmacy to another."""
    written = EmailMessage(policy=SMTP.clone(cte_type="8bit"))
    written["From"], written["To"] = values["SENDER"], values["RECIPIENT"]
    written["Subject"], written["Message-ID"] = "Ordonnance", "<by-program@officine.example>"
    written["Date"] = "Thu, 26 Nov 2026 09:00:00 +0100"
    written.set_content(TEXT, cte="8bit")
    written.add_attachment(SCAN, maintype="application", subtype="octet-stream", filename="scan.bin")
    return written


@pytest.mark.parametrize("name", SENDERS)
def test_what_is_submitted_arrives_sealed(name: str, mssante: Mssante, home: Path, values: Values) -> None:
    section = recipe(name, values)
    (home / "letter.eml").write_bytes(letter(values).as_bytes())
    *_, command = section.commands
    done = subprocess.run(
        ["sh", "-c", command], env=section.set_up(home), cwd=home, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    mssante.wait_for("<by-program@officine.example>", to="other-pharmacy")
    arrived = mssante.imap("other-pharmacy").fetch("1", "(BODY.PEEK[])")[1][0][1]
    assert b"scan.bin" not in arrived
    opened = mssante.open(arrived, "other-pharmacy")
    assert (opened.encrypted, opened.signer) == (True, values["SENDER"])
    assert opened.text.replace("\r\n", "\n") == TEXT
    assert [(part.name, part.content) for part in opened.attachments] == [("scan.bin", SCAN)]
