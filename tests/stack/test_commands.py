"""The command line against a stack that is up: what it prints, and its exit status."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.clients.prescription import Letter
from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante
from tests.stack.conftest import Command

pytestmark = pytest.mark.slow  # each command is a process of its own


def test_a_patient_sends_and_the_pharmacy_lists_opens_and_saves(run: Command, paper: str, tmp_path: Path) -> None:
    assert run("patient", "sign-in", "--as", "PAT-TROIS", "--synthetic").returncode == 0
    sent = run("patient", "send", "--document", paper, "--name", "lilas", "--place", "RENNES")
    assert sent.returncode == 0, sent.stderr
    assert "LILAS SANTÉ" in sent.stdout
    assert "Taille totale" in sent.stdout
    assert "Remis" in sent.stdout
    listed = json.loads(run("pharmacy", "list", "--as", "990000010", "--json").stdout)
    assert [(one["nom"], one["chiffré"], one["doute"]) for one in listed] == [("Dominique PAT-TROIS", True, None)]
    opened = run("pharmacy", "open", "--as", "990000010", "1", "--save", "recu")
    assert "signature valide" in opened.stdout
    assert (tmp_path / "recu" / "ordonnance.pdf").read_bytes() == specimen("ordonnance").content


def test_watch_prints_a_prescription_as_it_arrives(
    run: Command, mssante: Mssante, write: Callable[..., Letter]
) -> None:
    home = str(Path(mssante.running.ca_file).parents[1])
    command = [sys.executable, "-u", "-m", "mssante_sim", "pharmacy", "watch", "--as", "990000010", "--once"]
    with subprocess.Popen(
        command, env={**os.environ, "MSSANTE_SIM_HOME": home}, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("À l'écoute")
        letter = write()
        with mssante.smtp("patient") as smtp:
            smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
        said = watching.stdout.read()
    assert watching.returncode == 0
    assert "Nouveau message de Dominique PAT-TROIS : déchiffré, signature valide" in said
    assert "ordonnance.pdf" in said


def test_wait_tells_by_its_status_whether_the_message_came(
    run: Command, mssante: Mssante, write: Callable[..., Letter]
) -> None:
    absent = run("wait", "--to", "990000010", "--timeout", "0.2")
    assert (absent.returncode, json.loads(absent.stdout)) == (1, [])
    letter = write()
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
    came = run("wait", "--to", "990000010", "--message-id", letter.message_id)
    assert (came.returncode, json.loads(came.stdout)["message_id"]) == (0, letter.message_id)
    assert run("reset").returncode == 0
    assert run("wait", "--to", "990000010", "--timeout", "0.2").returncode == 1


def test_info_holds_all_that_a_harness_needs(run: Command, mssante: Mssante) -> None:
    facts = json.loads(run("info", "--json").stdout)
    assert set(facts["ports"]) == {"submission", "submission_tls", "mx", "imap", "imap_tls", "http", "dns"}
    assert Path(facts["ca_file"]).exists()
    assert Path(facts["crl_file"]).exists()
    (lilas,) = [a for a in facts["accounts"] if a["address"] == facts["roles"]["pharmacy"]]
    assert lilas["identifier"] == "990000010"
    assert [login["role"] for login in lilas["logins"]] == ["titulaire", "adjoint", "préparateur"]
    assert Path(lilas["pkcs12"]).exists()
    assert mssante.running.accounts[0].logins[0].password in run("info").stdout


def test_policy_explains_without_sending(run: Command, mssante: Mssante) -> None:
    patient, roles = mssante.account("patient").address, mssante.running.roles
    refused = run("policy", "explain", "--from", patient, "--to", roles["per"])
    assert refused.returncode == 4
    assert "not-organisational" in refused.stdout
    assert run("policy", "explain", "--from", patient, "--to", roles["pharmacy"]).returncode == 0
    assert mssante.imap("pharmacy").select("INBOX")[1] == [b"0"]


def test_a_change_in_the_directory_takes_effect_at_once(run: Command, mssante: Mssante) -> None:
    account = mssante.account("other-pharmacy")
    assert run("directory", "set", account.identifier or "", "--sealing", "off").returncode == 0
    try:
        assert "off" in run("directory", "show", account.identifier or "").stdout
    finally:
        assert run("directory", "set", account.identifier or "", "--sealing", "on").returncode == 0


def test_without_a_stack_the_sentence_says_how_to_start_one(run: Command, tmp_path: Path) -> None:
    outcome = run("pharmacy", "list", "--as", "x", "--home", str(tmp_path / "nothing"))
    assert outcome.returncode == 5
    assert "mssante-sim up" in outcome.stderr
    assert not (tmp_path / "nothing").exists()


def test_certificates_are_listed_with_their_state(run: Command) -> None:
    listed = run("certs", "list").stdout
    assert {"valid", "expired", "revoked"} <= set(listed.replace("until", " ").split())
    assert run("certs", "export", "out").returncode == 0
