"""Commands against a stack that is up."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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
