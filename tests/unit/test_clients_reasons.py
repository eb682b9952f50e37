"""Why the system refused, as a patient or a pharmacist reads it: the system's own words are English."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.clients.answering import AnswerRefused, Reply, read_attachment
from mssante_sim.clients.desk import NotSaved
from mssante_sim.clients.espace.saving import NotWritten, write_to
from mssante_sim.clients.matching import RegisterUnusable, read_register
from mssante_sim.clients.prescription import DraftUnusable
from mssante_sim.errors import SimulatorError, reason_in_french
from mssante_sim.patient.documents import DocumentRefused, read_document


def refused_connection(_folder: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        socket.create_connection(nobody.getsockname(), timeout=5)


@pytest.mark.parametrize(
    ("attempt", "french"),
    [
        (lambda folder: (folder / "absent").read_bytes(), "il n'y a pas de fichier ni de dossier de ce nom"),
        (lambda folder: folder.open("rb"), "c'est un dossier"),
        (lambda folder: (folder / ("x" * 300)).touch(), "le nom est trop long"),
        (lambda folder: (folder / "file" / "below").mkdir(), "un élément du chemin n'est pas un dossier"),
        (lambda folder: folder.mkdir(), "il existe déjà"),
        (refused_connection, "connexion refusée"),
    ],
)
def test_what_the_system_refuses_has_a_french_reason(
    attempt: Callable[[Path], object], french: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as refused:  # noqa: PT011  any of them
        attempt(tmp_path)
    assert reason_in_french(refused.value) == french


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ETIMEDOUT])
def test_a_common_reason_is_told_in_words(number: int) -> None:
    said = reason_in_french(OSError(number, os.strerror(number)))
    assert said
    assert not any(character.isdigit() for character in said)


def test_an_uncommon_reason_is_its_number() -> None:
    assert reason_in_french(OSError(errno.EMLINK, os.strerror(errno.EMLINK))) == f"erreur {errno.EMLINK} du système"
    assert reason_in_french(OSError("x")) == "erreur du système"


@pytest.mark.parametrize(
    ("attempt", "kind"),
    [
        (read_attachment, AnswerRefused),
        (read_document, DocumentRefused),
        (read_register, RegisterUnusable),
        (Reply.read, DraftUnusable),
        (lambda path: write_to(path / "below", "x", b""), NotWritten),
    ],
)
def test_the_sentences_of_people_hold_no_english(
    attempt: Callable[[Path], object], kind: type[SimulatorError], tmp_path: Path
) -> None:
    with pytest.raises(kind) as refused:
        attempt(tmp_path / "absent")
    french = refused.value.french or refused.value.public
    assert "il n'y a pas de fichier ni de dossier de ce nom" in french
    assert os.strerror(errno.ENOENT) not in french


def test_a_folder_that_takes_no_file_says_why() -> None:
    refused = NotSaved(Path("x"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert refused.french == "Impossible d'enregistrer dans x : le disque est plein."
