"""Whose file a patient's message belongs to: by INS first, else by a person who compares.

A Mon espace santé address holds an INS number and a name, but no birth date and
no sex: it is no qualified identity, whatever it matches. [Référentiel MSSanté #2 ECO.2.2.6]
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final, Self

from mssante_sim.clients.correspondence import ins_of
from mssante_sim.directory.identifiers import IdentifierError, Ins
from mssante_sim.errors import SimulatorError, reason_in_french
from mssante_sim.message.headers import Address

__all__ = ["CAUTION", "IDENTITY_CHECKED", "Candidate", "Claimed", "Matching", "Register", "RegisterUnusable", "match",
           "read_register"]  # fmt: skip

IDENTITY_CHECKED: Final = "$mss_identite"
"""Keyword of a message that was attached to a file of the register.  [our choice]"""

CAUTION: Final = (
    "Une adresse Mon espace santé n'est pas une identité qualifiée (ni date de naissance, ni sexe) : "
    "vérifiez l'identité du patient à la délivrance."
)

_COLUMNS: Final = ("ins", "nom", "prenom", "naissance")
_SIMILAR: Final = 0.8  # of 1; 0.8 lets through one wrong letter in a name of six
_MOST_CANDIDATES: Final = 10
_LARGEST_OCTETS: Final = 50 * 1024 * 1024


class RegisterUnusable(SimulatorError):
    """The register's file cannot be read as one."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file of the pharmacy's register."""

    line: int  # of the file of the register
    ins: Ins | None  # None if it is absent or its key is wrong
    family: str
    given: str
    born: str  # as the register writes it


@dataclass(frozen=True, slots=True)
class Register:
    """The pharmacy's patients; `remarks` tell of lines whose INS was not usable."""

    candidates: tuple[Candidate, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a message says of its sender; sex, year and month are those that the INS number is made of."""

    name: str
    ins: Ins | None

    @classmethod
    def by(cls, sender: Address) -> Self:
        """What a Mon espace santé address says."""
        return cls(sender.name, ins_of(sender.address))

    @property
    def sex(self) -> str:
        """In French, or nothing where the number does not tell."""
        return {"1": "homme", "2": "femme", "7": "homme", "8": "femme"}.get(self.ins[0], "") if self.ins else ""

    @property
    def born(self) -> str:
        """Month and two digits of a year, "03/79"; nothing where the month is a register's code."""
        month = self.ins[3:5] if self.ins else ""
        return f"{month}/{self.ins[1:3]}" if self.ins and "01" <= month <= "12" else ""


@dataclass(frozen=True, slots=True)
class Matching:
    """What was found: `found` without a doubt, or `candidates` to compare with, the most similar first."""

    found: Candidate | None
    candidates: tuple[Candidate, ...]


def match(claimed: Claimed, register: Register) -> Matching:
    """The register's file of who `claimed` to be.

    1 one file has the same INS and a similar name: found
    2 several have, or the name is another: a person compares these
    3 none has: a person compares those with a similar name
    """
    same = [one for one in register.candidates if claimed.ins is not None and one.ins == claimed.ins]
    if len(same) == 1 and _similarity(claimed.name, same[0]) >= _SIMILAR:
        return Matching(same[0], ())
    if same:
        return Matching(None, tuple(same[:_MOST_CANDIDATES]))
    likely = [(_similarity(claimed.name, one), one) for one in register.candidates]
    ranked = sorted((pair for pair in likely if pair[0] >= _SIMILAR), key=lambda pair: (-pair[0], pair[1].line))
    return Matching(None, tuple(one for _, one in ranked[:_MOST_CANDIDATES]))


def _similarity(name: str, candidate: Candidate) -> float:
    """From 0 to 1, whatever the order of names, case, accents and hyphens."""
    one, other = _folded(name), _folded(f"{candidate.given} {candidate.family}")
    if not one or not other:
        return 0.0
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if min(matcher.real_quick_ratio(), matcher.quick_ratio()) < _SIMILAR:
        return 0.0
    return matcher.ratio()


def _folded(name: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name[:200]) if not unicodedata.combining(c)).casefold()
    return " ".join(sorted("".join(c if c.isalnum() else " " for c in plain).split()))


def read_register(path: Path) -> Register:
    """The register in the CSV file at `path`: columns ins, nom, prenom, naissance, in whatever order.

    Semicolons, commas or tabulations between them; UTF-8, with or without its mark, or Windows-1252, as Excel saves.

    Raises:
        RegisterUnusable: not to be read, too large, or without these columns.
    """
    try:
        with path.open("rb") as file:
            octets = file.read(_LARGEST_OCTETS + 1)
    except OSError as error:
        raise _unusable(path, reason_in_french(error)) from error
    if len(octets) > _LARGEST_OCTETS:
        raise _unusable(path, "plus de 50 Mo")
    if b"\0" in octets:
        raise _unusable(path, "ce n'est pas du texte CSV")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = octets.decode("cp1252", "replace")
    return _register(path, text)


def _register(path: Path, text: str) -> Register:
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    candidates: list[Candidate] = []
    remarks: list[str] = []
    try:
        places = _places(path, next(rows, []))
        for row in rows:
            if any(cell.strip() for cell in row):
                one, remark = _candidate(rows.line_num, row, places)
                candidates.append(one)
                remarks += remark
    except csv.Error as error:
        raise _unusable(path, f"ligne {rows.line_num} : {error}") from error
    return Register(tuple(candidates), tuple(remarks))


def _places(path: Path, headings: Sequence[str]) -> Mapping[str, int]:
    names = [_folded(one) for one in headings]
    missing = [column for column in _COLUMNS if column not in names]
    if missing:
        raise _unusable(path, f"il manque la colonne {', '.join(missing)} (attendues : {';'.join(_COLUMNS)})")
    return {column: names.index(column) for column in _COLUMNS}


def _candidate(line: int, row: Sequence[str], places: Mapping[str, int]) -> tuple[Candidate, Iterable[str]]:
    cells = {column: row[place].strip() if place < len(row) else "" for column, place in places.items()}
    number = "".join(cells["ins"].split()).upper()
    ins: Ins | None = None
    remarks: list[str] = []
    if number:
        try:
            ins = Ins(number)
        except IdentifierError:
            remarks.append(f"ligne {line} : INS de forme ou de clé fausse, non utilisé")
    return Candidate(line, ins, cells["nom"], cells["prenom"], _date(cells["naissance"])), remarks


def _date(written: str) -> str:
    """The French form of a date in either usual form; what is neither stays as it is."""
    try:
        return f"{date.fromisoformat(written):%d/%m/%Y}"
    except ValueError:
        return written


def _unusable(path: Path, why: str) -> RegisterUnusable:
    return RegisterUnusable(
        f"The register {path} cannot be used: {why}.", french=f"Le registre {path} est inutilisable : {why}."
    )
