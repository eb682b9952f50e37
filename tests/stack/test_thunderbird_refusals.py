"""`pharmacy thunderbird` says in French why Thunderbird cannot be opened, and leaves nothing behind."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mssante_sim.clients.running import RUN_FILE
from mssante_sim.testing import Mssante

BROKEN = "#!/bin/sh\necho it is broken\nexit 7\n"


@pytest.fixture
def desk(tmp_path: Path, mssante: Mssante) -> "Desktop":
    return Desktop(tmp_path, Path(mssante.running.ca_file).parents[1])


class Desktop:
    """A user's environment, in which a program called thunderbird is installed that does not work."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.home = home
        self.programs = folder / "bin"
        self.temporary = folder / "tmp"
        self.programs.mkdir()
        self.temporary.mkdir()
        program = self.programs / "thunderbird"
        program.write_text(BROKEN)
        program.chmod(0o755)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"},
            "DISPLAY": ":0",
            "PATH": str(self.programs),
            "TMPDIR": str(self.temporary),
        }

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.home / RUN_FILE).read_text())
        return facts

    def move(self, home: Path, facts: dict[str, Any]) -> None:
        """The home is another one, whose run file says `facts`."""
        home.mkdir()
        (home / RUN_FILE).write_text(json.dumps(facts))
        self.home = home

    def refusal(self, *arguments: str) -> tuple[int, str]:
        """Exit status and words of the command, which leaves no file behind."""
        command = [sys.executable, "-m", "mssante_sim", "pharmacy", "thunderbird", "--home", str(self.home), *arguments]
        outcome = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert not list(self.temporary.iterdir())
        return outcome.returncode, outcome.stderr


def test_without_a_screen_it_says_so(desk: Desktop) -> None:
    del desk.environment["DISPLAY"]
    status, said = desk.refusal("990000010")
    assert status == 5
    assert "Aucun écran où ouvrir Thunderbird" in said


def test_without_thunderbird_it_says_what_to_install(desk: Desktop) -> None:
    (desk.programs / "thunderbird").unlink()
    status, said = desk.refusal("990000010")
    assert status == 5
    assert "Thunderbird n'est pas installé." in said


def test_a_user_who_is_not_of_that_mailbox_is_refused_with_those_who_are(desk: Desktop, mssante: Mssante) -> None:
    status, said = desk.refusal("990000010", "--user", "personne")
    assert status == 2
    assert all(login.login in said for login in mssante.account("pharmacy").logins)


def test_a_stack_that_is_no_longer_up_is_not_waited_for(desk: Desktop, tmp_path: Path) -> None:
    facts = desk.facts()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        facts["ports"]["imap_tls"] = nobody.getsockname()[1]
        desk.move(tmp_path / "home", facts)
        status, said = desk.refusal("990000010")
    assert status == 5
    assert "Le serveur IMAP est injoignable" in said


def test_missing_keys_are_noticed_before_anything_is_made(desk: Desktop, mssante: Mssante, tmp_path: Path) -> None:
    facts = desk.facts()
    for account in facts["accounts"]:
        account["pkcs12"] = str(tmp_path / "gone.p12")
    desk.move(tmp_path / "home", facts)
    status, said = desk.refusal("990000010", "--keep", str(tmp_path / "kept"))
    assert status == 1
    assert f"Le fichier PKCS#12 de {mssante.account('pharmacy').address} est introuvable." in said
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_exists_is_not_taken_for_the_profile(desk: Desktop, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    status, said = desk.refusal("990000010", "--keep", str(mine))
    assert status == 2
    assert "Indiquez un dossier qui n'existe pas encore." in said
    assert not list(mine.iterdir())


def test_a_thunderbird_that_ends_at_once_is_reported_with_its_status(desk: Desktop) -> None:
    status, said = desk.refusal("990000010")
    assert status == 5
    assert "Thunderbird n'a pas pu être préparé" in said
    assert "status 7" in said
