"""What a team set lasts: for its other members, after a restart, and after the certificate was renewed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mssante_sim.directory.identifiers import Finess, IdNatStruct, Ins, Rpps
from mssante_sim.directory.model import PatientProfile
from mssante_sim.message.compose import Attachment, Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.message.parts import parse
from mssante_sim.patient.cda import Author, PrescriptionFacts
from mssante_sim.patient.specimens import specimen
from mssante_sim.patient.xdm import write_xdm
from mssante_sim.testing import Mssante
from tests.stack.victim import Victim

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

Command = Callable[..., subprocess.CompletedProcess[str]]
AS = ("--as", "990000010")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def send_order(mssante: Mssante) -> None:
    """The story's patient sends a prescription to the story's pharmacy, the first message there."""
    patient, pharmacy = mssante.account("patient"), mssante.account("pharmacy")
    paper = Attachment("ordonnance.pdf", "application/pdf", specimen("ordonnance").content)
    sender, to = Address(patient.display_name, patient.address), (Address("", pharmacy.address),)
    with mssante.smtp("patient") as smtp:
        octets = compose(Draft(sender, to, "Sujet", "Texte", NOW, "<1@x>", (paper,)))
        smtp.sendmail(patient.address, [pharmacy.address], octets)


def test_what_one_member_of_the_team_sets_another_sees(here: Command, mssante: Mssante) -> None:
    send_order(mssante)
    logins = [login.login for login in mssante.account("pharmacy").logins]
    assert logins[:2] == ["lilas.titulaire", "lilas.adjoint"]
    assert here("pharmacy", "state", *AS, "--user", "lilas.titulaire", "1", "prête").returncode == 0
    (order,) = json.loads(here("pharmacy", "orders", *AS, "--user", "lilas.adjoint", "--json").stdout)
    assert order["état"] == "Prête"
    (conversation,) = json.loads(here("pharmacy", "history", *AS, "--user", "lilas.adjoint", "--json").stdout)
    assert conversation["messages"][0]["état"] == "Prête"


def test_an_answer_with_an_archive_says_so_in_its_header(here: Command, mssante: Mssante, tmp_path: Path) -> None:
    """[Référentiel MSSanté #2 ECO.2.4.2, ECO.2.4.3]"""
    send_order(mssante)
    ins = Ins("279035121518989")
    patient = PatientProfile(
        ins, f"{ins}@patient.mssante.test", "PAT-TROIS", "Dominique", date(1979, 3, 28), activated=True
    )
    place = IdNatStruct.of(Finess.synthetic(1))
    author = Author("EXEMPLE-FICTIF", "Anne", Rpps.synthetic(1), place, "CENTRE DE SANTÉ FICTIF")
    archive = write_xdm(PrescriptionFacts("Ordonnance", NOW, patient, author), specimen("ordonnance").content)
    (tmp_path / "IHE_XDM.ZIP").write_bytes(archive)
    sent = here("pharmacy", "reply", *AS, "1", "--message", "x", "--attach", "IHE_XDM.ZIP")
    assert sent.returncode == 0, sent.stderr
    octets = mssante.imap("patient").uid("FETCH", "1", "(BODY.PEEK[])")[1][0][1]
    header = parse(octets).header
    assert (header["x-mss-ins"].strip(), header["x-mss-codecda"].strip()) == (b"O", b"57833-6")
    assert [(one.name, one.content) for one in mssante.open(octets, "patient").attachments] == [
        ("IHE_XDM.ZIP", archive)
    ]


# Over restarts and renewals


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    stack = Victim(tmp_path)
    yield stack
    stack.end(signal.SIGTERM)


def run(victim: Victim, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mssante_sim", *arguments],
        env={**os.environ, "MSSANTE_SIM_HOME": str(victim.home)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def history(victim: Victim) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(run(victim, "pharmacy", "history", *AS, "--json"))
    return told


def test_the_history_is_the_same_after_a_restart_and_after_a_renewal(victim: Victim) -> None:
    stack = victim.up()
    send_order(stack)
    run(victim, "pharmacy", "reply", *AS, "1", "--template", "prête", "--close")
    before = history(victim)
    assert [one["sens"] for one in before[0]["messages"]] == ["reçu", "envoyé"]
    assert [one["doute"] for one in before[0]["messages"]] == [None, None]
    assert before[0]["messages"][0]["état"] == "Prête"
    stack.close()
    victim.end(signal.SIGTERM)
    stack = victim.up()
    try:
        assert history(victim) == before
        for who in ("pharmacy", "patient"):
            run(victim, "certs", "renew", stack.account(who).address)
        assert history(victim) == before
        run(victim, "pharmacy", "reply", *AS, "1", "--message", "Encore un mot.")
        (conversation,) = history(victim)
        assert conversation["messages"][:2] == before[0]["messages"]
        assert conversation["messages"][2]["doute"] is None
    finally:
        stack.close()
