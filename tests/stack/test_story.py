"""The story that `scripts/run` plays, twice in one home, and its transcript in README."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.loopback import free_ports

pytestmark = pytest.mark.slow

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CHANGING = re.compile(
    r"\+\d+\.\d+ |\d+[.,]\d+ ms|Stored as \w+|sha256 \w+…\w+|\d{8}_|\d\d/\d\d/\d{4} à \d\d( h |:)\d\d"
)


def play(home: Path, port_base: int) -> list[str]:
    options = ["--home", str(home), "--port-base", str(port_base)]
    command = [sys.executable, "-m", "mssante_sim", "demo", "--once", *options]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [CHANGING.sub("", line) for line in done.stdout.splitlines() if re.match(r" ?\d+ \+", line)]


def test_the_story_is_told_again_in_the_same_home_and_as_readme_tells_it(tmp_path: Path) -> None:
    (port_base, *_) = free_ports(7)  # the same twice: the home's certificates name the port of HTTP
    told = play(tmp_path / "home", port_base)
    again = play(tmp_path / "home", port_base)
    assert len(told) == len(again) == 19
    assert [line for line in told if "à préparer" not in line] == [line for line in again if "à préparer" not in line]
    transcript = [CHANGING.sub("", line) for line in README.splitlines() if re.match(r" ?\d+ \+\d", line)]
    assert transcript == told
