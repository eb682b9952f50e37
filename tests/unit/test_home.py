"""Files of a home: whole or as before, whatever the disk does."""

import os
from pathlib import Path

import pytest

from mssante_sim.home import HOME_VERSION, Home, write_private


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    write_private(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_written_is_its_owners_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "key.pem", b"key")
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


def test_a_home_of_an_earlier_version_goes_on_and_does_not_go_back(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    (home.path / "version").write_text("1\n")
    Home.open(home.path)
    assert (home.path / "version").read_text() == f"{HOME_VERSION}\n"
