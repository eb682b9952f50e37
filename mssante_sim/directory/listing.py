"""The list that was imported from an extraction: shown and found like the home's own entries, but not theirs.

An imported mailbox has neither login nor certificate, and mail does not know
it, until it is activated; then the home has a mailbox of that address of its own.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Final, TypeVar

from mssante_sim.directory.lines import Line, is_pharmacy, mailbox_of, organisation_of, structure_of
from mssante_sim.directory.model import Mailbox, Organisation
from mssante_sim.directory.records import (
    LISTED,
    LISTED_KINDS,
    LISTED_ORGANISATION,
    MARK,
    listed_organisation_row,
    listed_pick_row,
    listed_practitioner_row,
    listed_row,
)
from mssante_sim.storage.rows import Row, RowStore

__all__ = ["Imported", "Listing"]

_T = TypeVar("_T")
_KEY: Final = "contains-real-directory"
_CHUNK: Final = 1_000
_MOST_OF_ONE: Final = 1_000  # lines of one address


@dataclass(frozen=True, slots=True)
class Imported:
    """The mark of a home with an imported list."""

    file: str  # its name
    at: str  # ISO 8601
    lines: int
    set_aside: int


class Listing:
    """Lines of the imported extraction, letter for letter."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    @property
    def imported(self) -> Imported | None:
        """What was imported; None if nothing was."""
        text = self._rows.get(MARK, _KEY)
        return None if text is None else Imported(**json.loads(text))

    def replace(self, lines: Iterable[Line], mark: Iterator[Imported], *, updated: int) -> None:
        """The list is `lines` and nothing else, and marked; all or nothing.

        `mark` is asked once all lines were read, for it counts them.
        """
        self._rows.replace_kinds(LISTED_KINDS, _rows_of(lines, mark, updated))

    def forget(self) -> None:
        """There is no list, and no mark."""
        self._rows.replace_kinds(LISTED_KINDS, ())

    def lines(self) -> Iterator[Line]:
        """All of them, in their order."""
        after = 0
        while chunk := self._rows.scan(LISTED, after=after, limit=_CHUNK):
            yield from (Line.from_text(one.text) for one in chunk)
            after = chunk[-1].place

    def lines_of(self, address: str) -> list[Line]:
        """Those of a mailbox; some stand on several lines."""
        address = address.lower()
        if not address.isascii():
            return []
        first = self._rows.get(LISTED, address)
        others = self._rows.beginning(LISTED, address + " ", limit=_MOST_OF_ONE)
        return [Line.from_text(text) for text in (first, *(one.text for one in others)) if text is not None]

    def lines_by(self, person: str) -> list[Line]:
        """Those of a person, by the national number."""
        return [Line.from_text(text) for text in self._rows.find(LISTED, "practitioner", person)]

    def organisation(self, structure: str) -> Organisation | None:
        """The place, as the first line that names it describes it."""
        text = self._rows.get(LISTED_ORGANISATION, structure)
        return None if text is None else organisation_of(Line.from_text(text))

    def organisations(self, lookup: str, value: str) -> list[Organisation]:
        """Places with this SIREN or SIRET."""
        texts = self._rows.find(LISTED_ORGANISATION, lookup, value)
        return [place for text in texts if (place := organisation_of(Line.from_text(text))) is not None]

    def mailboxes_of(self, structure: str) -> list[Mailbox]:
        """Organisational mailboxes of a place, each address once; a hospital has thousands of personal ones."""
        boxes = (mailbox_of(Line.from_text(text)) for text in self._rows.find(LISTED, "organisation", structure))
        return list({box.address: box for box in boxes}.values())

    def people_at(self, structure: str) -> list[str]:
        """National numbers of whoever has a personal mailbox for a place."""
        lines = (Line.from_text(text) for text in self._rows.find(LISTED, "exercise", structure))
        return list(dict.fromkeys(line.person_national for line in lines if line.person_national))


def _rows_of(lines: Iterable[Line], mark: Iterator[Imported], updated: int) -> Iterator[Row]:
    addresses: set[int] = set()  # hashes, for half a million addresses weigh too much; two of one hash get longer keys
    places: set[str] = set()
    picked: set[str] = set()
    people: set[str] = set()
    for number, line in enumerate(lines):
        address, structure = line.address.lower(), structure_of(line)
        key = address if _add(addresses, hash(address)) else f"{address} {number}"
        yield listed_row(key, line, structure, updated)
        if structure is not None:
            if _add(places, structure):
                yield listed_organisation_row(line, structure, updated)
            if line.kind == "ORG" and is_pharmacy(line) and _add(picked, structure):
                yield listed_pick_row(line, structure)
        if line.person_national and _add(people, line.person_national):
            yield listed_practitioner_row(line, updated)
    yield Row(MARK, _KEY, json.dumps(asdict(next(mark)), ensure_ascii=False))


def _add(known: set[_T], value: _T) -> bool:
    """Whether `value` was not in `known`; it is from now on."""
    before = len(known)
    known.add(value)
    return len(known) > before
