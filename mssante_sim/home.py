"""The directory that holds one stack's state: where each thing lies, its version, its lock.

Forward only: a home written by a later version is refused, an older one is
migrated by whoever owns the file concerned (the databases carry their own
versions).
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from mssante_sim.errors import SimulatorError

__all__ = ["HOME_VERSION", "Home", "HomeLocked", "HomeUnusable", "alone", "write_private", "write_public"]

HOME_VERSION: Final = 2
"""2: several issuing authorities, which know what they have issued; keys may have a passphrase."""


class HomeUnusable(SimulatorError):
    """The directory cannot serve as a home."""


class HomeLocked(SimulatorError):
    """Another process has a stack up in this home."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths within one home."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> Self:
        """The home at `path`, made if it was not there, readable by its owner only.

        Raises:
            HomeUnusable: not a directory, not ours, not writable, or of a later version.
        """
        home = cls(path)
        try:
            if path.exists() and any(path.iterdir()) and not home._version_file.exists():
                raise HomeUnusable(f"{path} is not empty and not a home of mssante-sim; choose another --home.")
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o700)  # on Windows this only clears the read-only mark; the user's profile protects it
            if not home._version_file.exists():
                home._version_file.write_text(f"{HOME_VERSION}\n", encoding="ascii")
            version = int(home._version_file.read_text(encoding="ascii"))
        except OSError as error:
            raise HomeUnusable(f"The home {path} cannot be used: {error.strerror}.") from error
        except ValueError as error:
            raise HomeUnusable(f"The home {path} is damaged: its version file holds no number.") from error
        if version > HOME_VERSION:
            raise HomeUnusable(
                f"The home {path} was written by a later version of mssante-sim (home version {version}, this program"
                f" knows {HOME_VERSION}); update the program or choose another --home."
            )
        if version < HOME_VERSION:  # what is written from now on is more than the program of then can read
            write_private(home._version_file, f"{HOME_VERSION}\n".encode("ascii"))
        return home

    @property
    def _version_file(self) -> Path:
        return self.path / "version"

    @property
    def directory_rows(self) -> Path:
        """The directory's database."""
        return self.path / "directory.db"

    @property
    def trust(self) -> Path:
        """Authorities, certificates and private keys."""
        return self.path / "trust"

    @property
    def exports(self) -> Path:
        """What a user imports: authority, trust store, CRL, and one PKCS#12 a mailbox under `pkcs12`."""
        return self.path / "exports"

    @property
    def accounts(self) -> Path:
        """Logins, passwords and passphrases of the synthetic accounts; written last, so it marks a complete home."""
        return self.path / "accounts.json"

    @property
    def set_aside(self) -> Path:
        """Lines of the imported extraction that were not imported, each with its number and the reason."""
        return self.path / "set-aside.txt"

    @property
    def run_file(self) -> Path:
        """Describes the stack that is up; absent when none is."""
        return self.path / "run.json"

    @property
    def audit(self) -> Path:
        """Traces."""
        return self.path / "audit.log"

    def lock(self) -> "HomeLock":
        """The right to run a stack here, until released or the process ends.

        Raises:
            HomeLocked: another process has it.
        """
        return HomeLock(self.path)


class HomeLock:
    """An operating-system lock on a home."""

    def __init__(self, path: Path) -> None:
        self._file = (path / "lock").open("a+b")
        try:
            _lock(self._file.fileno())
        except OSError as error:
            self._file.close()
            raise HomeLocked(f"A stack is already up in {path}; stop it first, or choose another --home.") from error

    def release(self) -> None:
        """Another process may have the home from here on."""
        self._file.close()


if sys.platform == "win32":  # pragma: no cover  (not run on Windows yet)
    import msvcrt

    def _lock(descriptor: int, *, wait: bool = False) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)  # it waits for ten seconds at most
else:
    import fcntl

    def _lock(descriptor: int, *, wait: bool = False) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """No other process is in such a block for `path` at the same time; a file beside it, `….lock`, says so."""
    with path.with_name(path.name + ".lock").open("a+b") as file:
        _lock(file.fileno(), wait=True)
        yield


def write_private(path: Path, content: bytes) -> None:
    """`path` holds `content`, readable by its owner only, never half of it; a failure leaves nothing beside it."""
    _write_whole(path, content, 0o600)


def write_public(path: Path, content: bytes) -> None:
    """As `write_private`, but for whoever may read the user's other files."""
    _write_whole(path, content, 0o666)


def _write_whole(path: Path, content: bytes, mode: int) -> None:
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
