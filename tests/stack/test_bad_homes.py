"""A home or a port that cannot be used: one sentence, a status that is not 0, nothing half-written."""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stack.homes import make_home

pytestmark = pytest.mark.slow  # each command is a process of its own


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mssante_sim", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("seeded") / "home"
    make_home(home)
    return home


@pytest.fixture
def home(seeded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seeded, tmp_path / "home"))


def write(name: str, content: str) -> Callable[[Path], object]:
    return lambda home: (home / name).write_text(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (write("version", "9\n"), "later version"),
        (write("version", "one\n"), "damaged"),
        (write("mail.db", "not a database at all, but long enough to be looked at" * 40), "mail.db is damaged"),
        (
            write("directory.db", "not a database at all, but long enough to be looked at" * 40),
            "directory.db is damaged",
        ),
        (write("accounts.json", "{"), "cannot be read"),
        (write("trust/issuing/identity.pem", "x"), "trust domain"),
        (lambda home: (home / "trust/server/identity.pem").unlink(), "trust domain"),
        (lambda home: (home / "version").unlink(), "not a home"),
    ],
)
def test_a_home_that_cannot_be_used_is_told_in_one_sentence(
    damage: Callable[[Path], object], words: str, home: Path
) -> None:
    damage(home)
    outcome = run("up", "--home", str(home), "--port-base", "0")
    assert outcome.returncode != 0
    assert outcome.stderr.startswith("mssante-sim: ")
    assert words in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (home / "run.json").exists()


def test_a_busy_port_is_named_and_nothing_stays_up(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        outcome = run("up", "--home", str(home), "--port-base", str(number))
    assert outcome.returncode == 1
    named = re.search(r"Port (\d+) of 127\.0\.0\.1 cannot be opened for (\w+): .*--port-base", outcome.stderr)
    assert named, outcome.stderr
    assert int(named[1]) in range(number, number + 7)  # the one above, unless another program has taken a neighbour
    assert not (home / "run.json").exists()


def test_seeding_twice_is_refused(home: Path) -> None:
    outcome = run("seed", "--home", str(home))
    assert outcome.returncode == 2
    assert "seeded already" in outcome.stderr


def test_too_few_pharmacies_leave_no_home_that_looks_complete(tmp_path: Path) -> None:
    outcome = run("seed", "--home", str(tmp_path / "home"), "--pharmacies", "1")
    assert outcome.returncode == 2
    assert not (tmp_path / "home" / "accounts.json").exists()


def test_a_file_with_unknown_settings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sim.toml").write_text("colour = 1\n")
    outcome = run("up", "--home", str(tmp_path / "home"), "--config", str(tmp_path / "sim.toml"))
    assert outcome.returncode == 2
    assert "colour" in outcome.stderr
