"""Texts that people write in an editor of their own; they lie in memory meanwhile, where the system can."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import click

__all__ = ["edited", "not_empty"]


def edited(text: str) -> str:
    """What the user's editor makes of `text`.  Raises: click.UsageError."""
    try:
        with TemporaryDirectory(prefix="mssante-sim-", dir=_memory_folder()) as folder:
            file = Path(folder) / "message.txt"
            file.write_text(text, encoding="utf-8")
            click.edit(filename=str(file))
            return file.read_text(encoding="utf-8", errors="replace")
    except (click.ClickException, OSError) as error:  # it cannot be started, says that it failed, or removed the file
        raise click.UsageError("L'éditeur de texte a échoué ($VISUAL ou $EDITOR) : rien n'a été envoyé.") from error


def not_empty(text: str) -> str:
    """`text`, which says something.  Raises: click.UsageError."""
    if not text.strip():
        raise click.UsageError("Le message est vide : écrivez quelques mots.")
    return text


def _memory_folder() -> str | None:
    """Where a file never reaches a disk, on systems that have such a place."""
    place = "/dev/shm"  # noqa: S108  the folder that is made in it is private
    return place if os.access(place, os.W_OK) else None
