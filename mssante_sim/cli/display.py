"""How facts are shown to people: aligned, coloured on a terminal only, and nothing of a message obeyed by it."""

import os
import sys
import time
from collections.abc import Sequence
from itertools import zip_longest

import click

__all__ = ["ReadingProgress", "columns", "paint", "plain", "plain_text", "size"]


def plain(text: str) -> str:
    """`text` on one line, what a terminal would obey (escapes, changes of direction) replaced."""
    return "".join(c if c.isprintable() else "·" for c in " ".join(text.split()))


def plain_text(text: str) -> str:
    """`plain`, line by line; blanks stay."""
    return "\n".join(
        "".join(c if c.isprintable() else " " if c == "\t" else "·" for c in one) for one in text.splitlines()
    )


def paint(text: str, colour: str) -> str:
    """`text` in `colour` where a terminal shows it; click leaves colours out elsewhere, and NO_COLOR is honoured."""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=colour)


def columns(headings: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence[str | None] = ()) -> str:
    """A table: every column as wide as its widest cell, the last one as it comes; `colours` are those of the rows."""
    lines = [[plain(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headings) - 1)]
    shown = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1])).rstrip()
        for line in lines
    ]
    coloured = zip_longest(shown[1:], colours)
    return "\n".join((shown[0], *(paint(line, colour) if colour else line for line, colour in coloured)))


class ReadingProgress:
    """How much has been read, on a terminal's standard error, from the second second on; gone at the end."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` messages have been read."""
        if done < total and sys.stderr.isatty() and time.monotonic() - self._began > 1.0:
            click.echo(f"\rLecture des messages : {done}/{total} ", err=True, nl=False)
            self._shown = True
        elif done == total and self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._shown = False


def size(octets: int) -> str:
    """In kilo-octets, rounded up, or in mega-octets."""
    return f"{octets / 1024 / 1024:.1f} Mo".replace(".", ",") if octets >= 1024 * 1024 else f"{-(-octets // 1024)} ko"
