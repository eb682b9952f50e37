"""`mssante-sim directory`: look into the simulated Annuaire Santé, and change what it says of a mailbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import click

from mssante_sim.cli.directory_files import FILE_COMMANDS
from mssante_sim.cli.directory_life import LIFE_COMMANDS
from mssante_sim.cli.display import plain
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.directory.model import Mailbox, Organisation
from mssante_sim.directory.store import Absence, Directory, DirectoryError
from mssante_sim.home import Home, HomeUnusable
from mssante_sim.storage.sqlite.directory import DirectoryRows

__all__ = ["directory", "opened_directory"]


@click.group()
def directory() -> None:
    """The simulated Annuaire Santé; a change takes effect at once, also in a stack that is up."""


@contextmanager
def opened_directory(home: Path) -> Iterator[Directory]:
    """The directory of `home`, also beside a stack that is up.  Raises: HomeUnusable."""
    if not Home(home).accounts.exists():
        raise HomeUnusable(f"{home} has no directory yet: mssante-sim seed --home {home}")
    opened = Directory(DirectoryRows.open(home))
    try:
        yield opened
    finally:
        opened.close()


@directory.command()
@home_option
@click.argument("name", required=False)
@click.option("--place", help="A town, a department, or the beginning of a postal code.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@as_json_option
def search(home: Path, name: str | None, place: str | None, limit: int, as_json: bool) -> None:
    """Finds pharmacies as the patient's picker does: only those that can be written to."""
    with opened_directory(home) as opened:
        hits = opened.search(name, place, limit=limit)
    if as_json:
        print_json([_organisation(hit.organisation) | {"mailbox": hit.mailbox.address} for hit in hits])
        return
    for hit in hits:
        place_ = hit.organisation
        sign = f" ( {place_.enseigne} )" if place_.enseigne else ""
        shown = plain(f"{place_.name}{sign}, {place_.address.postal_code} {place_.address.town}")
        click.echo(f"{place_.finess}  {shown}")


@directory.command()
@home_option
@click.argument("finess")
@as_json_option
def show(home: Path, finess: str, as_json: bool) -> None:
    """Shows a place, its mailboxes, and whether the picker shows it, or why not."""
    with opened_directory(home) as opened:
        found = opened.organisation(finess)
        if found is None:
            raise DirectoryError(f"The directory holds no FINESS {finess[:20]}.")
        absence = opened.why_absent(finess)
        mailboxes = opened.mailboxes_of(finess)
    if as_json:
        print_json(
            _organisation(found) | {"mailboxes": [_mailbox(box) for box in mailboxes], "picker": _picker(absence)}
        )
        return
    for label, value in _organisation(found).items():
        click.echo(f"{label:<12}{plain(str(value))}")
    click.echo(f"{'picker':<12}{_picker(absence)}")
    for box in mailboxes:
        facts = ", ".join(f"{name} {value}" for name, value in _mailbox(box).items() if name != "address")
        click.echo(f"{box.address}: {facts}")


@directory.command("set")
@home_option
@click.argument("finess")
@click.option("--sealing", type=click.Choice(["on", "off"]), help="Whether mail to it is encrypted.")
@click.option("--published", type=click.Choice(["on", "off"]), help="Whether the public directory shows it.")
@click.option("--open", "is_open", type=click.Choice(["on", "off"]), help="Whether it takes mail.")
@click.option("--red-listed", type=click.Choice(["on", "off"]), help="Whether it is never shown.")
@click.option("--idle", type=click.Choice(["on", "off"]), help="Whether IMAP offers IDLE, from the next login on.")
@click.option(
    "--shown-in", type=click.Choice(["both", "api", "extraction"]), help="Where, to make the two disagree on purpose."
)
@as_json_option
def change(
    home: Path, finess: str, sealing: str | None, published: str | None, is_open: str | None, red_listed: str | None,
    idle: str | None, shown_in: Literal["both", "api", "extraction"] | None, as_json: bool,
) -> None:  # fmt: skip
    """Changes what the directory says of the mailboxes of a place."""
    wanted = {"sealing": sealing, "published": published, "open": is_open, "red_listed": red_listed, "idle": idle}
    given = {name: value == "on" for name, value in wanted.items() if value is not None}
    if not given and shown_in is None:
        raise click.UsageError("Say what to change, for example --sealing off.")
    with opened_directory(home) as opened:
        setters = {
            "sealing": opened.set_sealing,
            "published": opened.set_published,
            "open": opened.set_open,
            "red_listed": opened.set_red_listed,
            "idle": opened.set_idle,
        }
        for name, on in given.items():
            changed = setters[name](finess, on=on)
        if shown_in is not None:
            changed = opened.set_shown_in(finess, shown_in)
    if as_json:
        print_json([_mailbox(box) for box in changed])
        return
    names = [*given, *(["shown_in"] if shown_in is not None else [])]
    for box in changed:
        click.echo(f"{box.address}: " + ", ".join(f"{name} {_mailbox(box)[name]}" for name in names))


def _organisation(found: Organisation) -> dict[str, Any]:
    return {
        "finess": found.finess,
        "kind": found.kind.value,
        "name": found.name,
        "enseigne": found.enseigne,
        "sector": found.sector,
        "siren": found.siren,
        "siret": found.siret,
        "part_of": found.part_of,
        "address": f"{found.address.line}, {found.address.postal_code} {found.address.town}",
    }


def _mailbox(box: Mailbox) -> dict[str, str]:
    flags = {
        "published": box.published,
        "open": box.open,
        "red_listed": box.red_listed,
        "sealing": box.sealing,
        "idle": box.idle,
    }
    attached = f"{box.attachment.kind.value} {box.attachment.value}" if box.attachment else "nothing"
    words = {name: "on" if value else "off" for name, value in flags.items()}
    return {"address": box.address, "kind": box.kind.value, "attached_to": attached, **words, "shown_in": box.shown_in}


def _picker(absence: Absence | None) -> str:
    return "shown" if absence is None else f"absent: {absence.value}"


for _command in (*LIFE_COMMANDS, *FILE_COMMANDS):
    directory.add_command(_command)
