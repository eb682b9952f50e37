"""What a patient's commands show and ask beside `display`: who is there, a bar while something goes."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click

from mssante_sim.cli.display import columns

__all__ = ["echo_table", "interactive", "progress"]

_BAR_OCTETS: Final = 512 * 1024  # less is over before anyone could read a bar


def interactive() -> bool:
    """Whether someone is there to answer questions."""
    return sys.stdin.isatty()


def echo_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence[str | None] = (), *, nothing: str
) -> None:
    """The table; `nothing` if it has no row."""
    click.echo(columns(headings, rows, colours) if rows else nothing)


@contextmanager
def progress(label: str, length: int, *, least: int = _BAR_OCTETS) -> Iterator[Callable[[int], None]]:
    """What is called with each step forward moves a bar on a terminal, if `length` is worth one."""
    if length < least or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update
