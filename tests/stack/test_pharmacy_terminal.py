"""What the pharmacy's commands ask and colour when a person sits at a terminal."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.message.compose import Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.testing import Mssante

if sys.platform == "win32":
    pytest.skip("terminals of POSIX", allow_module_level=True)

import pty

pytestmark = pytest.mark.slow

AS = ("--as", "990000010")


@pytest.fixture
def typed(home: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs a command on a terminal where somebody types `answer`; its status, and what the terminal showed."""

    def run(answer: str, *arguments: str) -> tuple[int, str]:
        terminal, theirs = pty.openpty()
        environment = {**os.environ, "MSSANTE_SIM_HOME": str(home), "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        with subprocess.Popen(
            [sys.executable, "-m", "mssante_sim", *arguments],
            cwd=tmp_path, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
        ) as process:  # fmt: skip
            os.close(theirs)
            os.write(terminal, answer.encode())
            shown = b"".join(iter(lambda: _read(terminal), b""))
        os.close(terminal)
        return process.returncode, shown.decode()

    return run


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other side is closed
        return b""


@pytest.fixture
def submit(mssante: Mssante) -> None:
    """The story's patient asks for a receipt of a message; a forged one lies beside it."""
    patient, pharmacy = mssante.account("patient"), mssante.account("pharmacy")
    draft = Draft(
        Address(patient.display_name, patient.address), (Address("", pharmacy.address),), "\x07Sujet", "Texte",
        SystemClock().now(), "<1@x>", extra=(("Disposition-Notification-To", patient.address),),
    )  # fmt: skip
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(patient.address, [pharmacy.address], compose(draft))


@pytest.mark.usefixtures("submit")
def test_a_person_is_asked_whether_a_receipt_goes_and_the_default_is_no(
    mssante: Mssante, typed: Callable[..., tuple[int, str]]
) -> None:
    status, shown = typed("\n", "pharmacy", "open", *AS, "1")
    assert (status, "Le renvoyer ?" in shown, "refusé" in shown) == (0, True, True)
    assert "\x07" not in shown
    assert b"$MDNSent" in mssante.imap("pharmacy").uid("FETCH", "1", "(FLAGS)")[1][0]
    assert mssante.imap("patient").select("INBOX")[1] == [b"0"]
    assert "Le renvoyer ?" not in typed("", "pharmacy", "open", *AS, "1")[1]


@pytest.mark.usefixtures("submit")
@pytest.mark.parametrize(("answer", "status", "kept"), [("1\n", 0, True), ("0\n", 3, False), ("\n", 3, False)])
def test_a_person_chooses_among_files_of_the_register(
    answer: str, status: int, kept: bool, mssante: Mssante, typed: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    rows = "ins;nom;prenom;naissance\n;PAT-TROIS;Dominique;28/03/1979\n"
    (tmp_path / "r.csv").write_text(rows, encoding="utf-8")
    outcome, shown = typed(answer, "pharmacy", "match", *AS, "1", "--register", "r.csv")
    assert (outcome, "Votre choix" in shown) == (status, True)
    held = mssante.imap("pharmacy").uid("FETCH", "1", "(FLAGS)")[1][0]
    assert (b"$mss_identite" in held) is kept


def test_a_doubt_is_red_on_a_terminal(mssante: Mssante, typed: Callable[..., tuple[int, str]]) -> None:
    patient = mssante.account("patient").address
    forged = (
        f"From: {patient}\r\nMessage-ID: <2@x>\r\n".encode()
        + b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b\r\n\r\n'
        b"--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n"
    )
    mssante.imap("pharmacy").append("INBOX", "", "", forged)
    _, shown = typed("", "pharmacy", "list", *AS)
    (line,) = (one for one in shown.splitlines() if "SIGNATURE DOUTEUSE" in one)
    assert line.startswith("\x1b[31m1 ")
