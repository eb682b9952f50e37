"""`mssante-sim certs`: the local trust domain, and what a user imports from it."""

import shutil
from dataclasses import asdict
from pathlib import Path

import click

from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.clock import SystemClock
from mssante_sim.config import Settings
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.errors import SimulatorError
from mssante_sim.home import Home, HomeUnusable
from mssante_sim.provision import provision

__all__ = ["certs", "export_to"]


class NotExported(SimulatorError):
    """The files could not be copied."""


@click.group()
def certs() -> None:
    """The local trust domain: authorities, mailboxes' certificates, what to import."""


@certs.command()
@home_option
def init(home: Path) -> None:
    """Makes the home's authorities and certificates, if they are not there yet."""
    opened = Home.open(home)
    lock = opened.lock()
    try:
        provision(opened, Settings(home=home), SystemClock()).close()
    finally:
        lock.release()
    click.echo(f"Authorities, certificates and keys: {opened.trust}\nTo import: {opened.exports}")


@certs.command("list")
@home_option
@as_json_option
def list_certificates(home: Path, as_json: bool) -> None:
    """Lists every certificate: whose, what for, until when, and in what state."""
    rows = Keystore.open(Home.open(home).trust).listing(at=SystemClock().now())
    if as_json:
        print_json([{**asdict(row), "not_after": row.not_after.isoformat()} for row in rows])
        return
    for row in rows:
        click.echo(f"{row.usage:<10}{row.state:<14}until {row.not_after:%Y-%m-%d}  {row.name}")


@certs.command()
@home_option
@click.argument("address")
def renew(home: Path, address: str) -> None:
    """Issues new certificates for the mailbox ADDRESS; the old ones stay valid and open old messages."""
    opened = Home.open(home)
    if not opened.accounts.exists():
        raise HomeUnusable(f"{home} has no certificates yet: mssante-sim certs init --home {home}")
    provisioned = provision(opened, Settings(home=home), SystemClock())
    try:
        provisioned.renew(address, SystemClock().now())
    finally:
        provisioned.close()
    click.echo(f"{address}: renewed; import its PKCS#12 file again: {opened.exports / 'pkcs12'}")


@certs.command()
@home_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export(home: Path, folder: Path) -> None:
    """Copies into FOLDER what a user imports: authority, trust store, CRL, PKCS#12 files."""
    export_to(Home.open(home), folder)
    click.echo(f"{folder.absolute()}: LISEZMOI.txt says what is what.")


def export_to(home: Home, folder: Path) -> None:
    """What lies in the home's `exports` lies in `folder` too.  Raises: NotExported."""
    if not home.exports.exists():
        raise NotExported(f"{home.path} has no certificates yet: mssante-sim certs init --home {home.path}")
    try:
        shutil.copytree(home.exports, folder, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise NotExported(f"{folder} cannot be written: {error}.") from error
