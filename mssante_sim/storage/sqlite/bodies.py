"""Bodies too large for the database, as files under `bodies/`.

A body's file is complete and synced, its folder too, before a row names it: a file that no row names is
nobody's, whatever it holds, and goes at the next start. So it is written under its final, random name; a rename
would add nothing.
"""

import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LARGEST_BLOB", "Placed", "Vault"]

LARGEST_BLOB = 256 * 1024
"""Octets of the largest body inside the database: above it a file is faster to write and to read in part."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A body that is ready to be named by a row."""

    octets: int
    content: bytes | None  # what the row takes in, or
    file: str | None  # the name of a durable file


class Vault:
    """The folder of large bodies.  Its methods block; names are relative and have one level of fan-out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)

    def place(self, body: bytes) -> Placed:
        """`body` lies durably in a file if it is large.

        Raises:
            OSError: it could not be written or synced; nothing is left of it.
        """
        if len(body) <= LARGEST_BLOB:
            return Placed(len(body), body, None)
        token = secrets.token_hex(16)
        name = f"{token[:2]}/{token[2:]}"
        try:
            self._write(self._folder / name, body)
        except OSError:
            self.remove([name])
            raise
        return Placed(len(body), None, name)

    def _write(self, file: Path, body: bytes) -> None:
        if not file.parent.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self._folder)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            view = memoryview(body)
            while view:
                view = view[os.write(descriptor, view) :]
            _sync(descriptor)
        finally:
            os.close(descriptor)
        _sync_folder(file.parent)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """At most `length` octets from `offset` on."""
        with open(self._folder / name, "rb", buffering=0) as file:
            file.seek(offset)
            chunks = []
            while length > 0 and (chunk := file.read(length)):
                chunks.append(chunk)
                length -= len(chunk)
        return b"".join(chunks)

    def remove(self, names: Iterable[str]) -> None:
        """The files are gone, as far as the system lets them go: what stays is swept at the next start."""
        for name in names:
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError:  # for example open elsewhere, on Windows
                continue

    def sweep(self, named: frozenset[str]) -> None:
        """Only files of `named` remain."""
        self.remove(name for name in self._names() if name not in named)

    def _names(self) -> Iterator[str]:
        for folder in self._folder.iterdir():
            if folder.is_dir():
                yield from (f"{folder.name}/{file.name}" for file in folder.iterdir())


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415  exists on POSIX only

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # there, fsync stops at the drive's cache
    else:
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows cannot open a folder; NTFS journals the entry itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
