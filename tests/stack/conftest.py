"""Commands against a stack that is up."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mssante_sim.cli.main import main
from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(mssante: Mssante) -> Path:
    return Path(mssante.running.ca_file).parents[1]


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Command:
    """`mssante-sim` in a process of its own, in the stack's home and an empty folder."""

    def command(*arguments: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mssante_sim", *arguments],
            env={**os.environ, "MSSANTE_SIM_HOME": str(home), **environment},
            cwd=tmp_path,
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )

    return command


@pytest.fixture
def here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """As `run`, but in this process: what many commands are tried with, without the second that a start takes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name, value in {"MSSANTE_SIM_HOME": str(home), **environment}.items():
                patch.setenv(name, value)
            capfd.readouterr()
            status = main(list(arguments))
        said = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, status, said.out, said.err)

    return command


@pytest.fixture
def paper(tmp_path: Path) -> str:
    (tmp_path / "ordonnance.pdf").write_bytes(specimen("ordonnance").content)
    return "ordonnance.pdf"


@pytest.fixture
def signed_out(home: Path) -> Iterator[None]:
    """Nobody is signed in, before and after."""
    sessions = home / "sessions.json"
    sessions.unlink(missing_ok=True)  # tests that sign in by other ways leave it
    yield
    sessions.unlink(missing_ok=True)


@pytest.fixture
def environment(home: Path, signed_out: None) -> dict[str, str]:
    """That of a process whose home is the stack's."""
    return {**os.environ, "MSSANTE_SIM_HOME": str(home)}


@dataclass(frozen=True)
class Outcome:
    """What a command that ran in this process did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, which is JSON and nothing else."""
        assert self.status == 0, self.err
        return json.loads(self.out)


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(here: Command, signed_out: None, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """As `here`, with a text on standard input."""

    def command(*arguments: str, text: str = "", **environment: str) -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        done = here(*arguments, **environment)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return command


@pytest.fixture
def patient(cli: Cli) -> Cli:
    """`mssante-sim patient …` in this process, the story's patient signed in, whose profile is activated."""
    assert cli("patient", "sign-in", "--as", "PAT-TROIS", "--synthetic").status == 0
    assert cli("patient", "activate").status == 0

    def command(*arguments: str, text: str = "") -> Outcome:
        return cli("patient", *arguments, text=text)

    return command
