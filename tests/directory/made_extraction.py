"""An extraction of any size, every number fictitious: as many kinds of lines as the real one has."""

import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mssante_sim.directory.identifiers import luhn_digit
from mssante_sim.directory.lines import HEADER

TOWNS = (
    ("35000", "RENNES", "Ille-et-Vilaine"), ("69003", "LYON", "Rhône"), ("33000", "BORDEAUX", "Gironde"),
    ("59000", "LILLE", "Nord"), ("20000", "AJACCIO", "Corse-du-Sud"), ("13001", "MARSEILLE", "Bouches-du-Rhône"),
)  # fmt: skip
_SYLLABLES = ("ba", "cor", "du", "fel", "gi", "jo", "ka", "lin", "mo", "nar", "pe", "quo", "ri", "sol", "tu", "vau")


def made_lines(count: int, *, seed: int = 1) -> Iterator[str]:
    """`count` lines: one in seven ORG, the others PER, a few addresses twice, some without place or person."""
    chance = random.Random(seed)
    places = max(count // 6, 1)
    previous = ""
    for number in range(count):
        if number % 3_000 == 2_999:
            yield previous.replace("|DR|", "|PR|", 1)  # the same mailbox once more
            continue
        previous = _line(chance, number, chance.randrange(places))
        yield previous


def _line(chance: random.Random, number: int, place: int) -> str:
    family, given = (_name(chance).upper(), _name(chance).capitalize())
    register, structure = _structure(place)
    postal_code, town, department = TOWNS[place % len(TOWNS)]
    if place % 10:  # most places are in small towns
        town = "".join(_SYLLABLES[place // step % 16] for step in (1, 16, 256)).upper()
    called = "PHARMACIE FICTIVE" if place % 4 == 0 else "CABINET FICTIF"
    address = (
        f"{called} {_SYLLABLES[place % 16].upper()}{place}|{'ENSEIGNE FICTIVE' if place % 9 == 0 else ''}|||"
        f"{place % 150 + 1}||RUE|FICTIVE {place % 977}||{postal_code} {town}|{postal_code}|{department}|France"
    )
    if number % 7 == 0:
        return f"ORG|org.{number}@structure-fictive.test||||{register}|{structure}|||||||||||O|{address}"
    rpps = f"997009{number % 10_000:04}"
    body = f"{number:010}"
    rpps = body + luhn_digit(body)
    person = f"8|{rpps}|8{rpps}" if number % 50 else "||"
    where = f"{register}|{structure}" if number % 11 else "|"
    profession = "C|Civil|10|Médecin|SM54|Médecine générale" if number % 2 else "C|Civil|60|Infirmier||"
    mailbox = f"{given.lower()}.{family.lower()}.{number}@medecin-fictif.test"
    return f"PER|{mailbox}|{person}|{where}||DR|{family}-FICTIF|{given}|{profession}|O|{address}"


def _structure(place: int) -> tuple[str, str]:
    if place % 5 == 4:
        siren = f"000{place % 100_000:05}"
        siren += luhn_digit(siren)
        return "SIRET", siren + "0001" + luhn_digit(siren + "0001")
    return "FINESS", f"99{place:07}"


def _name(chance: random.Random) -> str:
    return "".join(chance.choices(_SYLLABLES, k=3))


def made_text(count: int, *, seed: int = 1) -> str:
    """Header and lines."""
    return "".join(f"{line}\n" for line in (HEADER, *made_lines(count, seed=seed)))


def zipped(text: str | bytes, name: str = "Extraction_Correspondance_MSSante_202611250610.txt") -> bytes:
    """A zip that holds `text` under `name`."""
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return octets.getvalue()


def make_file(folder: Path, count: int) -> Path:
    """A zip of that many lines, as the real one is called."""
    file = folder / "Extraction_Correspondance_MSSante_202611250610.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(f"{file.stem}.txt", "w") as text:
        text.write(f"{HEADER}\n".encode())
        for line in made_lines(count):
            text.write(f"{line}\n".encode())
    return file
