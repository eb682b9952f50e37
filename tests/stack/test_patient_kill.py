"""A server that dies while a patient sends: the draft is there afterwards, and goes out once."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mssante_sim.clients.espace.answers import Unreached
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.espace.visits import SignedInProfiles
from mssante_sim.patient.documents import document
from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante
from tests.stack.victim import Victim

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LILAS = "990000010"
SIGN_IN = ("sign-in", "--as", "PAT-TROIS", "--synthetic")
Patient = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    stack = Victim(tmp_path)
    yield stack
    stack.end(signal.SIGTERM)


@pytest.fixture
def patient(victim: Victim) -> Patient:
    """Starts `mssante-sim patient …` in the home of the stack that is killed."""

    def started(*arguments: str, editor: str = "") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mssante_sim", "patient", *arguments],
            env={**os.environ, "MSSANTE_SIM_HOME": str(victim.home), "VISUAL": editor},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    return started


def done(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def draft_of(stack: Mssante, home: Path) -> str:
    """A draft that takes a while to send."""
    (one,) = SignedInProfiles(home).all()
    files = [document(f"{n}.pdf", b"%PDF-" + secrets.token_bytes(4_000_000) + b"%%EOF") for n in range(4)]
    with EspaceSante(stack.running.http, one.token) as espace:
        return espace.write_draft(text="Bonjour.", pharmacy=LILAS, attachments=files).id


def received(stack: Mssante) -> int:
    (count,) = stack.imap("pharmacy").select("INBOX")[1]
    return int(count or b"0")


def kill_at(action: str, victim: Victim) -> None:
    """The stack is killed as soon as its traces tell of `action`; returns when it is dead."""
    with (victim.home / "audit.log").open(encoding="utf-8") as traces:
        traces.seek(0, os.SEEK_END)
        limit = time.monotonic() + 60
        while f'"action": "{action}"' not in traces.readline():
            assert time.monotonic() < limit, f"{action} never happened"
    victim.end(signal.SIGKILL)


@pytest.mark.parametrize("action", ["smtp.auth", "smtp.rcpt", "smtp.data"])
def test_a_server_that_dies_while_sending_keeps_the_draft_which_goes_out_once(
    action: str, victim: Victim, patient: Patient
) -> None:
    stack = victim.up()
    assert done(patient(*SIGN_IN))[0] == 0
    draft = draft_of(stack, victim.home)
    sending = patient("drafts", "send", draft)
    kill_at(action, victim)
    stack.close()
    status, _, err = done(sending)
    if action != "smtp.data":  # then the answer may have come through before
        assert status == 5, err
    if status:
        assert f"Brouillon {draft} gardé. Le renvoyer ne fera pas de double." in err
        assert f"mssante-sim patient drafts send {draft}" in err
    stack = victim.up()
    assert done(patient("drafts", "list"))[0] == 4, "sessions do not survive a restart"
    assert done(patient(*SIGN_IN))[0] == 0
    again, _, err = done(patient("drafts", "send", draft))
    # Killed after the message was stored, it may have told so, or have discarded the draft.
    assert again == 0 or (action == "smtp.data" and again == 2), err
    stack.wait_for(to="pharmacy")
    assert received(stack) == 1
    assert done(patient("drafts", "list"))[1] == "Aucun brouillon.\n"
    stack.close()


def test_a_server_that_dies_before_it_has_the_letter_leaves_the_text_to_the_patient(
    victim: Victim, patient: Patient, tmp_path: Path
) -> None:
    stack = victim.up()
    assert done(patient(*SIGN_IN))[0] == 0
    paper = tmp_path / "ordonnance.pdf"
    paper.write_bytes(specimen("ordonnance").content)
    editor = tmp_path / "editeur"
    editor.write_text(f'#!/bin/sh\nkill -9 {stack.running.pid}\necho "Longuement écrit." > "$1"\n', encoding="utf-8")
    editor.chmod(0o700)
    sending = patient("send", "--document", str(paper), "--pharmacy", LILAS, "--edit", editor=str(editor))
    status, _, err = done(sending)
    victim.end(signal.SIGKILL)
    stack.close()
    assert status == 5
    assert "injoignable" in err or "coupée" in err, err
    assert "Longuement écrit." in err
    stack = victim.up()
    assert done(patient(*SIGN_IN))[0] == 0
    assert "ordonnance" in done(patient("documents", "list"))[1], "what had been filed is still there"
    assert received(stack) == 0
    stack.close()


def test_a_server_that_dies_while_it_gets_the_letter_has_none(victim: Victim, patient: Patient) -> None:
    stack = victim.up()
    assert done(patient(*SIGN_IN))[0] == 0
    (one,) = SignedInProfiles(victim.home).all()
    big = document("1.pdf", b"%PDF-" + secrets.token_bytes(4_000_000) + b"%%EOF")

    def killing(_: int) -> None:
        victim.end(signal.SIGKILL)

    with EspaceSante(stack.running.http, one.token) as espace, pytest.raises(Unreached) as broken:
        espace.write_draft(text="Bonjour.", pharmacy=LILAS, attachments=[big], progress=killing)
    stack.close()
    assert "coupée" in broken.value.french
    stack = victim.up()
    assert done(patient(*SIGN_IN))[0] == 0
    assert done(patient("drafts", "list"))[1] == "Aucun brouillon.\n"
    stack.close()
