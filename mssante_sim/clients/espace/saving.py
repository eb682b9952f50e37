"""Where the user wants a file to be written: at a name of their own, or into a folder; nothing is overwritten."""

import os
from collections.abc import Iterable
from pathlib import Path

from mssante_sim.clients.files import new_file
from mssante_sim.errors import SimulatorError, reason_in_french

__all__ = ["NotWritten", "save_all", "write_to"]


class NotWritten(SimulatorError):
    """A file could not be written; those before it are there."""

    exit_code = 6

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be written: {error.strerror}.",
            french=f"{path} ne peut pas être enregistré : {reason_in_french(error)}.",
        )


def write_to(path: Path, name: str, content: bytes) -> Path:
    """A new file that only its owner can read: `path` itself, or one called `name` in the folder `path`.

    Raises:
        NotWritten: there is such a file already, or the disk says no.
    """
    try:
        if path.is_dir():
            return new_file(path, name, content)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise NotWritten(path, error) from error
    return path


def save_all(folder: Path, files: Iterable[tuple[str, bytes]]) -> list[Path]:
    """Each a new file in `folder`, which is made if it is not there.  Raises: NotWritten."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [new_file(folder, name, content) for name, content in files]
    except OSError as error:
        raise NotWritten(folder, error) from error
