"""Files that others have named: nothing leaves its folder, nothing that exists is overwritten."""

import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.clients.files import harmless, new_file, new_folder


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ordonnance.pdf", "ordonnance.pdf"),
        ("pièce n° 1 (copie).pdf", "pièce n_ 1 (copie).pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\temp\\a.pdf", "C__temp_a.pdf"),
        ("..", "document"),
        ("", "document"),
        ("nul", "_nul"),
        ("NUL.pdf", "_NUL.pdf"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("a\r\nb\0c.pdf", "a__b_c.pdf"),
        ("a.pdf. . ", "a.pdf"),
        (".pdf", "pdf"),
        ("\u202efdp.exe", "_fdp.exe"),
        ("x" * 300 + ".pdf", "x" * 120 + ".pdf"),
        ("a.pdf" + "x" * 40, "a.pdf" + "x" * 40),
    ],
)
def test_a_name_becomes_one_that_any_system_takes(name: str, expected: str) -> None:
    assert harmless(name) == expected


@given(st.text(max_size=400))
def test_no_name_leaves_its_folder_or_is_too_long(name: str) -> None:
    made = harmless(name)
    assert made
    assert not set(made) & set('/\\:*?"<>|\0\r\n')
    assert made not in {".", ".."}
    assert not made.endswith((".", " "))
    assert len(made.encode()) <= 245
    assert Path("folder", made).parent == Path("folder")


def test_a_file_that_is_there_stays_and_the_new_one_gets_a_number(tmp_path: Path) -> None:
    made = [new_file(tmp_path, "a.pdf", content) for content in (b"1", b"2", b"3")]
    assert [one.name for one in made] == ["a.pdf", "a (1).pdf", "a (2).pdf"]
    assert [one.read_bytes() for one in made] == [b"1", b"2", b"3"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_a_new_file_is_its_owners_only_and_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").symlink_to(tmp_path / "elsewhere")
    made = new_file(tmp_path, "a.pdf", b"1")
    assert made.name == "a (1).pdf"
    assert not (tmp_path / "elsewhere").exists()
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_a_folder_that_is_there_is_not_filled(tmp_path: Path) -> None:
    assert [new_folder(tmp_path, "2026 Dominique").name for _ in range(2)] == ["2026 Dominique", "2026 Dominique (1)"]
