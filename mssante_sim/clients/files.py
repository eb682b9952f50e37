"""New files for what others have named: no way out of the folder, nothing that exists is overwritten."""

import os
from pathlib import Path
from typing import Final

__all__ = ["harmless", "new_file", "new_folder"]

_LONGEST: Final = 120  # characters, at most 480 octets; most systems take 255 octets
_LONGEST_OCTETS: Final = 200  # leaves room for a number
_DEVICES: Final = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


def harmless(name: str, otherwise: str = "document") -> str:
    """`name` as a file may be called on any system, its extension kept; `otherwise` if nothing of it can stay."""
    kept = "".join(c if c.isalnum() or c in " ._-()'" else "_" for c in name).strip(". ")
    stem, dot, extension = kept.rpartition(".")
    if not dot or len(extension) > 10:
        stem, extension = kept, ""
    stem = _cut(stem).rstrip(". ") or otherwise
    if stem.partition(".")[0].strip().lower() in _DEVICES:  # "nul.pdf" is a device on Windows
        stem = f"_{stem}"
    return f"{stem}.{extension}" if extension else stem


def _cut(stem: str) -> str:
    return stem[:_LONGEST].encode()[:_LONGEST_OCTETS].decode("utf-8", "ignore")


def new_file(folder: Path, name: str, content: bytes) -> Path:
    """A new file in `folder`, named as `name` allows, that only its owner can read.  Raises: OSError."""
    path = folder / harmless(name)
    for number in range(1, 10_000):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        except FileExistsError:
            path = _numbered(folder / harmless(name), number)
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return path
    raise FileExistsError(f"Too many files are called {path.name}.")


def new_folder(parent: Path, name: str) -> Path:
    """A new, empty folder in `parent`, named as `name` allows.  Raises: OSError."""
    path = parent / harmless(name, "dossier")
    for number in range(1, 10_000):
        try:
            path.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            path = _numbered(parent / harmless(name, "dossier"), number)
            continue
        return path
    raise FileExistsError(f"Too many folders are called {path.name}.")


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem} ({number}){path.suffix}")
