"""`mssante-sim directory`: the life of a place and of its mailboxes, each step at once in SMTP and FHIR.

DNS knows domains, not mailboxes: that of a mailbox which is suspended or closed stays, and SMTP says why it refuses.
"""

from collections.abc import Callable
from pathlib import Path

import click

from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.clients.running import Running, StackNotRunning
from mssante_sim.clients.steering import Steering
from mssante_sim.clock import SystemClock
from mssante_sim.config import load_settings
from mssante_sim.crypto.profiles import Usage
from mssante_sim.directory.model import Mailbox
from mssante_sim.directory.newcomer import Newcomer, mailbox_at, newcomer
from mssante_sim.directory.store import Directory, DirectoryError
from mssante_sim.home import Home, HomeUnusable
from mssante_sim.provision import Provisioned, provision

__all__ = ["LIFE_COMMANDS", "opened_home", "tell_stack"]


def opened_home(home: Path) -> Provisioned:
    """The home, which exists.  Raises: HomeUnusable."""
    if not Home(home).accounts.exists():
        raise HomeUnusable(f"{home} has no directory yet: mssante-sim seed --home {home}")
    return provision(Home.open(home), load_settings(flags={"home": home}), SystemClock())


def tell_stack(home: Path) -> None:
    """A stack that is up in the home takes new mailboxes in; without one there is nothing to tell."""
    try:
        Steering.of(Running.read(home)).reload()
    except StackNotRunning:
        return


@click.command("add")
@home_option
@click.argument("name", required=False)
@click.option("--town", default="Rennes", show_default=True, help="One of the towns of the seeded directory.")
@click.option("--sector", default="SA33", show_default=True, help="TRE_R02: SA33 is a pharmacy.")
@click.option("--finess", help="Its FINESS, 99…; the next free one if not given.")
@click.option("--at", "place", metavar="FINESS", help="No new place: one more mailbox at this one.")
@as_json_option
def add(
    home: Path, name: str | None, town: str, sector: str, finess: str | None, place: str | None, as_json: bool
) -> None:
    """Adds a place called NAME (it must contain FICTIF or FICTIVE) with an ORG mailbox, a login and certificates."""
    if (name is None) == (place is None):
        raise click.UsageError("Give a NAME, or --at FINESS.")
    provisioned = opened_home(home)
    try:
        directory, domains = provisioned.directory, load_settings(flags={"home": home}).domains
        if name is not None:
            new = newcomer(directory, domains, name, town=town, sector=sector, finess=finess)
        else:
            found = directory.organisation(place or "")
            if found is None:
                raise DirectoryError(f"The directory holds no FINESS {(place or '')[:20]}.")
            new = Newcomer((found,), mailbox_at(directory, domains, found))
        enrolled = provisioned.enrol(new.mailbox, new.place, SystemClock().now())
        directory.add(new.organisations, [new.mailbox])
    finally:
        provisioned.close()
    tell_stack(home)
    login = new.mailbox.users[0].login
    password = enrolled.secrets.passwords[login]
    if as_json:
        facts = {"finess": new.place.finess, "name": new.place.name, "address": new.mailbox.address}
        print_json(facts | {"login": login, "password": password})
        return
    click.echo(f"{new.place.finess}  {new.place.name}\n{new.mailbox.address}")
    click.echo(f"login {login}  password {password}")


def _changing(name: str, doing: str, undoing: str | None, change: Callable[..., list[Mailbox]]) -> click.Command:
    """A command that changes all mailboxes of a place, and perhaps changes them back."""

    def run(home: Path, finess: str, as_json: bool, undo: bool = False) -> None:
        provisioned = opened_home(home)
        try:
            addresses = [box.address for box in change(provisioned.directory, finess, undo)]
        finally:
            provisioned.close()
        state = undoing if undo else doing
        if as_json:
            print_json([{"address": address, "state": state} for address in addresses])
            return
        for address in addresses:
            click.echo(f"{address}: {state}")

    run.__doc__ = f"The mailboxes of the place with this FINESS are {doing} from now on."
    decorated = click.argument("finess")(run)
    if undoing is not None:
        decorated = click.option("--undo", is_flag=True, help=f"They are {undoing} again.")(decorated)
    return click.command(name)(home_option(as_json_option(decorated)))


def _close(directory: Directory, finess: str, _undo: bool) -> list[Mailbox]:
    """For good: out of the public directory, and the place is inactive."""
    directory.set_open(finess, on=False)
    changed = directory.set_published(finess, on=False)
    directory.set_active(finess, on=False)
    return changed


suspend = _changing("suspend", "suspended", "open", lambda directory, finess, undo: directory.set_open(finess, on=undo))
close = _changing("close", "closed for good", None, _close)
publish = _changing(
    "publish", "published", "unpublished", lambda directory, finess, undo: directory.set_published(finess, on=not undo)
)
red_list = _changing(
    "red-list", "red-listed", "shown", lambda directory, finess, undo: directory.set_red_listed(finess, on=not undo)
)


@click.command("renew-certificate")
@home_option
@click.argument("finess")
@click.option("--revoke", is_flag=True, help="The old receiving certificates are revoked, not only replaced.")
@as_json_option
def renew_certificate(home: Path, finess: str, revoke: bool, as_json: bool) -> None:
    """Issues new certificates for the mailboxes of the place with this FINESS."""
    at = SystemClock().now()
    provisioned = opened_home(home)
    try:
        boxes = [
            box for box in provisioned.directory.mailboxes_of(finess) if provisioned.directory.mailbox(box.address)
        ]
        if not boxes:
            raise DirectoryError(f"No mailbox serves a place with FINESS {finess[:20]}; search the directory for it.")
        for box in boxes:
            if revoke and provisioned.keystore.identity(box.address, Usage.RECEIVE) is not None:
                provisioned.keystore.revoke(box.address, Usage.RECEIVE, at=at, reason="superseded")
            provisioned.issue(box.address, at)
        provisioned.export_lists()
    finally:
        provisioned.close()
    folder = provisioned.home.exports / "pkcs12"
    if as_json:
        print_json([{"address": box.address, "renewed": True, "pkcs12": str(folder)} for box in boxes])
        return
    for box in boxes:
        click.echo(f"{box.address}: renewed; import its PKCS#12 file again: {folder}")


LIFE_COMMANDS: tuple[click.Command, ...] = (add, suspend, close, publish, red_list, renew_certificate)
