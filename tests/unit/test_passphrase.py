"""Where the passphrase of the keys comes from: a file, the environment, or the terminal."""

import getpass
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from mssante_sim.passphrase import PassphraseMissing, given_passphrase, new_passphrase

VALUE, FILE = "MSSANTE_SIM_KEY_PASSPHRASE", "MSSANTE_SIM_KEY_PASSPHRASE_FILE"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What somebody types at a terminal, line by line; nothing of it is shown."""
    lines: list[str] = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: lines.pop(0))
    yield lines
    assert lines == []


def test_a_file_comes_first_then_the_environment_then_the_terminal(tmp_path: Path, typed: list[str]) -> None:
    file = tmp_path / "passphrase"
    file.write_text("du fichier\r\nautre ligne\n")
    assert given_passphrase({FILE: str(file), VALUE: "autre"}) == "du fichier"
    assert given_passphrase({VALUE: "de l'environnement"}) == "de l'environnement"
    typed.append("du clavier")
    assert given_passphrase({}) == "du clavier"


def test_without_any_of_them_the_sentence_says_how_to_give_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(PassphraseMissing, match=FILE) as caught:
        given_passphrase({})
    assert FILE in caught.value.french
    with pytest.raises(PassphraseMissing, match="cannot be read: No such file"):
        given_passphrase({FILE: str(tmp_path / "nowhere")})
    (tmp_path / "latin").write_bytes(b"\xe9t\xe9")
    with pytest.raises(PassphraseMissing, match="not UTF-8"):
        given_passphrase({FILE: str(tmp_path / "latin")})


def test_a_new_one_is_typed_twice_and_long_enough(typed: list[str]) -> None:
    typed.extend(("assez longue", "assez longue"))
    assert new_passphrase({}) == "assez longue"
    typed.extend(("assez longue", "assez lonque"))
    with pytest.raises(PassphraseMissing, match="differ"):
        new_passphrase({})
    with pytest.raises(PassphraseMissing, match="8 characters"):
        new_passphrase({VALUE: "courte"})
