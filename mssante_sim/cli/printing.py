"""What commands in French show and ask beside `display`: who is there, what goes on while they wait."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click

from mssante_sim.cli.display import columns

__all__ = ["echo_table", "interactive", "progress", "waiting"]

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
    """What is called with each step forward moves a bar on a terminal, if `length`, in octets, is worth one."""
    if length < least or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def waiting(label: str, octets: int) -> Iterator[None]:
    """On a terminal `label` stands there meanwhile, if so many octets take a while; gone at the end."""
    if octets < _BAR_OCTETS or not sys.stderr.isatty():
        yield
        return
    click.echo(f"{label}…", err=True, nl=False)
    try:
        yield
    finally:
        click.echo("\r\x1b[K", err=True, nl=False)
