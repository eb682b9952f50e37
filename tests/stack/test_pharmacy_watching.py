"""`pharmacy watch --exec`: a command for each arrival, with the facts; whatever it does, the watch goes on."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from mssante_sim.clients.prescription import Letter
from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.slow  # each watch is a process of its own

Write = Callable[..., Letter]
Watching = Callable[..., AbstractContextManager[subprocess.Popen[str]]]


@pytest.fixture
def submit(mssante: Mssante, write: Write) -> Callable[..., Letter]:
    def submitted(subject: str | None = None) -> Letter:
        letter = write(subject=subject)
        with mssante.smtp("patient") as smtp:
            smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
        return letter

    return submitted


@pytest.fixture
def watching(home: Path, tmp_path: Path) -> Watching:
    @contextmanager
    def watch(*arguments: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-u", "-m", "mssante_sim", "pharmacy", "watch", "--as", "990000010", *arguments]
        with subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, "MSSANTE_SIM_HOME": str(home)}, text=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            stream = process.stderr if "--json" in arguments else process.stdout
            assert stream is not None
            try:
                assert stream.readline().startswith("À l'écoute")
                yield process
            finally:
                process.kill()

    return watch


def test_the_command_gets_the_facts_and_the_files(
    watching: Watching, submit: Callable[..., Letter], home: Path, tmp_path: Path,
    mssante: Mssante,
) -> None:  # fmt: skip
    command = 'env | grep ^MSSANTE_ > facts; printf "%s" "$MSSANTE_FILES" > files'
    with watching("--once", "--save", "recu", "--exec", command) as process:
        letter = submit(subject="a$(touch run)`touch run`; touch run")
        said, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")
    assert "ordonnance.pdf" in said
    facts = dict(line.split("=", 1) for line in (tmp_path / "facts").read_text(encoding="utf-8").splitlines())
    patient = mssante.account("patient")
    assert facts.items() >= {
        "MSSANTE_UID": "1", "MSSANTE_FROM": patient.address, "MSSANTE_FROM_NAME": patient.display_name,
        "MSSANTE_INS": patient.identifier, "MSSANTE_SUBJECT": "a$(touch run)`touch run`; touch run",
        "MSSANTE_MESSAGE_ID": letter.message_id, "MSSANTE_SIGNER": patient.address, "MSSANTE_ENCRYPTED": "1",
        "MSSANTE_ATTACHMENTS": "1", "MSSANTE_HOME": str(home),
    }.items()  # fmt: skip
    assert (tmp_path / (tmp_path / "files").read_text()).read_bytes() == specimen("ordonnance").content
    assert not (tmp_path / "run").exists()


def test_a_failing_or_slow_command_is_reported_and_no_arrival_is_lost(
    watching: Watching, submit: Callable[..., Letter], tmp_path: Path
) -> None:
    command = 'echo "$MSSANTE_UID" >> seen; [ "$MSSANTE_UID" = 1 ] && sleep 300; exit 3'
    with watching("--exec", command, "--exec-timeout", "5") as process:
        for _ in range(3):
            submit()
        shown = [line for line in (process.stdout.readline() for _ in range(6)) if "Nouveau message" in line]
        complaints = [process.stderr.readline() for _ in range(3)]
    assert [line.split()[0] for line in shown] == ["1", "2", "3"]
    assert [line.split()[0] for line in complaints] == ["1", "2", "3"]
    assert "arrêtée" in complaints[0]
    assert all("statut 3" in line for line in complaints[1:])
    assert (tmp_path / "seen").read_text().split() == ["1", "2", "3"]


def test_arrivals_are_one_json_object_a_line_for_programs(watching: Watching, submit: Callable[..., Letter]) -> None:
    with watching("--once", "--json") as process:
        letter = submit()
        (line,) = process.communicate(timeout=60)[0].splitlines()
    facts = json.loads(line)
    assert (facts["message_id"], facts["patient"], facts["pièces"][0]["nom"]) == (
        letter.message_id, True, "ordonnance.pdf",
    )  # fmt: skip
