"""The completion scripts, used by the shells themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.conftest import Cli
from tests.stack.terminal import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.interop]

TAB = "\t"


@pytest.fixture
def path(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment in which `mssante-sim` is a command."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "mssante-sim").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mssante_sim "$@"\n')
    (folder / "mssante-sim").chmod(0o755)
    return {**environment, "PATH": f"{folder}:{environment['PATH']}", "HOME": str(tmp_path), "PS1": "$ "}


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(mssante-sim completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u; eval "$(mssante-sim completion zsh)"'),
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("mssante-sim pati", "mssante-sim patient"),
        ("mssante-sim patient docu", "mssante-sim patient documents"),
        ("mssante-sim patient documents list --as 2790", "--as 279035121518989"),
        ("mssante-sim patient documents list --category CERT", "--category CERT_MED"),
        ("mssante-sim patient send --pharmacy 99000001", "--pharmacy 990000010"),
    ],
)
def test_the_tab_key_completes(
    shell: str, typed: str, completed: str, path: dict[str, str], tmp_path: Path, patient: Cli
) -> None:
    assert patient("profiles").status == 0
    program, setup = SHELLS[shell]
    with Terminal([], path, tmp_path, program) as terminal:
        terminal.types(f"{setup}; echo re''ady")
        terminal.sees("ready")
        terminal.presses(typed + TAB)
        terminal.sees(completed)


def fish(path: dict[str, str], folder: Path, line: str) -> str:
    command = f'mssante-sim completion fish | source; complete -C "{line}"'
    return subprocess.run(
        ["fish", "--no-config", "-c", command], env=path, cwd=folder, capture_output=True, text=True, check=True,
        timeout=60,
    ).stdout  # fmt: skip


def test_fish_completes_commands_and_patients(path: dict[str, str], tmp_path: Path, patient: Cli) -> None:
    assert patient("profiles").status == 0
    assert "patient" in fish(path, tmp_path, "mssante-sim pati").split()
    assert "279035121518989\tDominique PAT-TROIS" in fish(path, tmp_path, "mssante-sim patient history --as 2")


def test_documents_are_proposed_by_number(path: dict[str, str], tmp_path: Path, patient: Cli, paper: str) -> None:
    added = patient("documents", "add", paper, "--json").json
    assert f"{added['id']}\tordonnance" in fish(path, tmp_path, "mssante-sim patient documents share ")


def test_without_a_stack_completion_is_silent(path: dict[str, str], tmp_path: Path) -> None:
    nowhere = {**path, "MSSANTE_SIM_HOME": str(tmp_path / "nowhere")}
    for line in (
        "patient history --as ",
        "patient documents show ",
        "patient send --pharmacy ",
        "patient sign-in --as ",
    ):
        assert fish(nowhere, tmp_path, f"mssante-sim {line}") == ""
