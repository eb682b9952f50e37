"""Tables that a French spreadsheet opens as they are, and in which nothing that others wrote is run."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["inert", "table"]

_FORMULAS: Final = tuple("=+-@|%\uff1d\uff0b\uff0d\uff20")  # their full-width forms are taken for the same


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """CSV in UTF-8 with its mark, semicolons, CRLF, every cell inert."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")


def inert(cell: str) -> str:
    """`cell` on one line; what begins a formula gets an apostrophe in front."""
    line = "".join(c if c.isprintable() else " " for c in cell)
    return f"'{line}" if line.lstrip().startswith(_FORMULAS) else line
