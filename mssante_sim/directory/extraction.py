"""The flat extraction "Correspondance MSSanté": written as the real one is, read with distrust.

[Annuaire Santé, extraction]. A zip with one text of the same name: UTF-8, columns parted by `|`, one header
row, LF at the end of every line. Its name tells when it was made, here in UTC
[our choice].
"""

import gc
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from mssante_sim.directory.lines import HEADER, Line, LineError, line_of, read_line
from mssante_sim.directory.listing import Imported
from mssante_sim.directory.model import Mailbox, MailboxKind
from mssante_sim.directory.store import Directory
from mssante_sim.errors import SimulatorError

__all__ = [
    "ExtractionError", "RealDirectory", "SetAside", "extraction_name", "import_extraction", "text_octets",
    "write_extraction",
]  # fmt: skip

MOST_OCTETS: Final = 1024 * 1024 * 1024  # of the text; the real one has 89 MB
HIGHEST_RATIO: Final = 200  # of text to zip; the real one has 4.4
LONGEST_LINE: Final = 64 * 1024
MOST_ASIDE: Final = 32 * 1024 * 1024  # of bad lines, in memory
_BESIDE: Final = 256  # what is kept of each beside its text
_BOM: Final = b"\xef\xbb\xbf"
_STEM: Final = "Extraction_Correspondance_MSSante_"
_NAMED: Final = re.compile(_STEM + r"[0-9]{12}\.zip")
_STEP: Final = 2_000  # lines between two words on progress

Progress = Callable[[int], None]
"""Told how many octets of the file have been read since it was last told."""


class ExtractionError(SimulatorError):
    """The file is no extraction that can be imported; the directory is as it was."""

    exit_code = 6


class RealDirectory(SimulatorError):
    """The home holds an imported list, which is not given away by accident."""

    exit_code = 4


@dataclass(slots=True)
class SetAside:
    """Lines that were not imported: number in the file, why, and the line."""

    lines: list[tuple[int, str, str]] = field(default_factory=list)

    def write(self, file: IO[str]) -> None:
        """One line each."""
        file.writelines(f"{number}|{reason}|{text}\n" for number, reason, text in self.lines)


def extraction_name(at: datetime) -> str:
    """The name of an extraction made at that instant, without its suffix."""
    return f"{_STEM}{at:%Y%m%d%H%M}"


def is_extraction_name(name: str) -> bool:
    """Whether a zip is called as an extraction is."""
    return _NAMED.fullmatch(name) is not None


def write_extraction(directory: Directory, file: IO[bytes], *, at: datetime, forced: bool = False) -> int:
    """`file` is the zip of all published mailboxes of kind PER and ORG; returns how many lines it has.

    Raises:
        RealDirectory: the home holds an imported list, and nobody insists.
    """
    if directory.listing.imported is not None and not forced:
        raise RealDirectory(
            "This home contains an imported directory, which may be real (contains-real-directory): it is not"
            " exported unless you insist with --force."
        )
    name, count = extraction_name(at), 0
    entry = zipfile.ZipInfo(f"{name}.txt", at.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(file, "w") as archive, archive.open(entry, "w", force_zip64=True) as text:
        text.write(f"{HEADER}\n".encode())
        for count, line in enumerate(exported_lines(directory), start=1):  # noqa: B007 - the last is the number
            text.write(f"{line.to_text()}\n".encode())
    return count


def exported_lines(directory: Directory) -> Iterator[Line]:
    """The home's own, then the imported, without those that the home's own mailbox of that address hides."""
    hidden = set()
    for box in directory.mailboxes():
        if not _is_exported(box):
            hidden.add(box.address)
        elif not directory.listing.lines_of(box.address):
            yield line_of(box, directory.organisation_of(box))
    yield from (line for line in directory.listing.lines() if line.address.lower() not in hidden)


def _is_exported(box: Mailbox) -> bool:
    is_shown = box.published and box.open and not box.red_listed and box.shown_in != "api"
    return is_shown and box.kind is not MailboxKind.APP


def import_extraction(
    directory: Directory, file: Path, *, at: datetime, progress: Progress = lambda _octets: None
) -> tuple[Imported, SetAside]:
    """The directory's imported list is what `file`, a zip or its text, holds; bad lines are set aside.

    The list of before is seen by everybody until the very end.

    Raises:
        ExtractionError: the file cannot be read, is none, ends too early, or is mostly bad.
        StoreError: the list cannot be stored.
    """
    aside = SetAside()
    reading = _Reading(file, aside, progress)

    def mark() -> Iterator[Imported]:
        if len(aside.lines) > reading.good:
            number, reason, _ = aside.lines[0]
            raise ExtractionError(
                f"{file.name} has more bad lines than good ones, the first is line {number}: {reason}."
            )
        yield Imported(file.name, at.isoformat(), reading.good, len(aside.lines))

    with _without_collector():
        directory.listing.replace(reading.lines(), mark(), updated=int(at.timestamp()))
    imported = directory.listing.imported
    assert imported is not None  # noqa: S101  (it was just stored; tells the type checker)
    return imported, aside


def text_octets(file: Path) -> int:
    """How long the text of a file is, as far as the file says; what `import_extraction` reports progress against.

    Raises: ExtractionError.
    """
    with _explained(file):
        if not zipfile.is_zipfile(file):
            return file.stat().st_size
        with zipfile.ZipFile(file) as archive:
            return sum(one.file_size for one in archive.infolist())


@contextmanager
def _without_collector() -> Iterator[None]:
    """Rows come and go by the ten thousand and form no cycles; looking for some takes a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Reading:
    """One pass through a file."""

    def __init__(self, file: Path, aside: SetAside, progress: Progress) -> None:
        self._file = file
        self._aside = aside
        self._progress = progress
        self._aside_octets = 0
        self.good = 0

    def lines(self) -> Iterator[Line]:
        with _explained(self._file), _text_of(self._file) as (text, most):
            header = text.readline(LONGEST_LINE)
            self._check_header(header)
            told, read = 0, len(header)
            for number, octets in enumerate(iter(lambda: text.readline(LONGEST_LINE), b""), start=2):
                read += len(octets)
                if read > most:
                    raise ExtractionError(f"{self._file.name} unpacks to more than any extraction has.")
                line = self._line(number, octets)
                if line is not None:
                    self.good += 1
                    yield line
                if number % _STEP == 0:
                    self._progress(read - told)
                    told = read
            self._progress(read - told)

    def _line(self, number: int, octets: bytes) -> Line | None:
        if len(octets) >= LONGEST_LINE:
            raise ExtractionError(f"Line {number} of {self._file.name} has no end.")
        text = octets.decode("utf-8", "replace").rstrip("\r\n")
        try:
            return read_line(text)
        except LineError as error:
            if not octets.endswith(b"\n"):
                raise ExtractionError(
                    f"{self._file.name} ends in the middle of line {number}: it is cut off."
                ) from error
            self._set_aside(number, error.public, text)
            return None

    def _set_aside(self, number: int, reason: str, text: str) -> None:
        self._aside.lines.append((number, reason, text))
        self._aside_octets += len(text) + _BESIDE
        if self._aside_octets > MOST_ASIDE:
            first, why, _ = self._aside.lines[0]
            raise ExtractionError(f"{self._file.name} has too many bad lines, the first is line {first}: {why}.")

    def _check_header(self, octets: bytes) -> None:
        try:
            header = octets.removeprefix(_BOM).decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ExtractionError(f"{self._file.name} is not UTF-8; an extraction is.") from error
        if header.count("|") != HEADER.count("|") or not header.startswith("Type de BAL|Adresse BAL|"):
            raise ExtractionError(
                f"{self._file.name} does not begin with the header row of an extraction (31 columns)."
            )


@contextmanager
def _text_of(file: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The text, and how many octets of it are read at most."""
    if not zipfile.is_zipfile(file):
        with file.open("rb") as text:
            if text.read(4) == b"PK\x03\x04":
                raise ExtractionError(f"{file.name} is a zip that is cut off.")
            text.seek(0)
            yield text, MOST_OCTETS
        return
    with zipfile.ZipFile(file) as archive:
        members = [one for one in archive.infolist() if not one.is_dir()]
        if len(members) != 1 or not members[0].filename.endswith(".txt"):
            raise ExtractionError(f"{file.name} does not hold exactly one .txt, as an extraction does.")
        most = min(MOST_OCTETS, HIGHEST_RATIO * max(file.stat().st_size, LONGEST_LINE))
        if members[0].file_size > most:
            raise ExtractionError(f"{file.name} unpacks to more than any extraction has.")
        with archive.open(members[0]) as text:
            yield io.BufferedReader(text, LONGEST_LINE), most  # type: ignore[type-var]  # it reads as a raw one does


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """What the library says of a broken file, as a sentence."""
    try:
        yield
    except OSError as error:
        raise ExtractionError(f"{file.name} cannot be read: {error.strerror}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ExtractionError(f"{file.name} is a damaged zip or cut off.", detail=str(error)) from error
    except (NotImplementedError, RuntimeError) as error:
        raise ExtractionError(f"{file.name} is a zip of a kind that is not read.", detail=str(error)) from error
