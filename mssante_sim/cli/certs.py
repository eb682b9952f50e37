"""`mssante-sim certs`: the local trust domain, and what a user imports from it."""

import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from mssante_sim.cli.broken import broken
from mssante_sim.cli.directory_life import opened_home
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.clock import SystemClock
from mssante_sim.config import Settings
from mssante_sim.crypto.authority import REASONS
from mssante_sim.crypto.identity import Certificate, certificate_in, key_name, read_certificate
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.trust import CertificateState
from mssante_sim.errors import SimulatorError
from mssante_sim.home import Home, HomeUnusable
from mssante_sim.provision import provision

__all__ = ["certs", "export_to"]


_USAGES = [Usage.SIGN.value, Usage.RECEIVE.value, Usage.CLIENT.value]


class NotExported(SimulatorError):
    """The files could not be copied."""


@click.group()
def certs() -> None:
    """The local trust domain: authorities, mailboxes' certificates, what to import."""


certs.add_command(broken)


@certs.command()
@home_option
@as_json_option
def init(home: Path, as_json: bool) -> None:
    """Makes the home's authorities and certificates, if they are not there yet."""
    opened = Home.open(home)
    lock = opened.lock()
    try:
        provision(opened, Settings(home=home), SystemClock()).close()
    finally:
        lock.release()
    if as_json:
        print_json({"trust": str(opened.trust), "exports": str(opened.exports)})
        return
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
@as_json_option
def renew(home: Path, address: str, as_json: bool) -> None:
    """Issues new certificates for the mailbox ADDRESS; the old ones stay valid and open old messages."""
    opened = Home.open(home)
    if not opened.accounts.exists():
        raise HomeUnusable(f"{home} has no certificates yet: mssante-sim certs init --home {home}")
    provisioned = provision(opened, Settings(home=home), SystemClock())
    try:
        provisioned.renew(address, SystemClock().now())
    finally:
        provisioned.close()
    folder = opened.exports / "pkcs12"
    if as_json:
        print_json({"address": address, "renewed": True, "pkcs12": str(folder)})
        return
    click.echo(f"{address}: renewed; import its PKCS#12 file again: {folder}")


@certs.command()
@home_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@as_json_option
def export(home: Path, folder: Path, as_json: bool) -> None:
    """Copies into FOLDER what a user imports: authority, trust store, CRL, PKCS#12 files."""
    export_to(Home.open(home), folder)
    if as_json:
        print_json({"folder": str(folder.absolute())})
        return
    click.echo(f"{folder.absolute()}: LISEZMOI.txt says what is what.")


@certs.command()
@home_option
@click.argument("address")
@click.option("--usage", type=click.Choice(_USAGES), required=True)
@click.option("--reason", type=click.Choice(REASONS), default="unspecified", show_default=True)
@as_json_option
def revoke(home: Path, address: str, usage: str, reason: str, as_json: bool) -> None:
    """Revokes the newest certificate of the mailbox ADDRESS for one usage; the lists say so at once, for good."""
    opened = Home.open(home)
    if not opened.accounts.exists():
        raise HomeUnusable(f"{home} has no certificates yet: mssante-sim certs init --home {home}")
    now = SystemClock().now()
    provisioned = provision(opened, Settings(home=home), SystemClock())
    try:
        provisioned.keystore.revoke(address.lower(), Usage(usage), at=now, reason=reason)
        provisioned.refresh_lists(now)
    finally:
        provisioned.close()
    if as_json:
        print_json({"address": address, "usage": usage, "revoked": True, "reason": reason})
        return
    click.echo(
        f"{address}: its {usage} certificate is revoked ({reason}); a new one: mssante-sim certs renew {address}"
    )


@certs.command()
@home_option
@click.argument("address")
@click.option("--usage", type=click.Choice(_USAGES), required=True)
@as_json_option
def release(home: Path, address: str, usage: str, as_json: bool) -> None:
    """Takes a certificate of the mailbox ADDRESS off hold: the next lists do not name it."""
    now = SystemClock().now()
    provisioned = opened_home(home)
    try:
        provisioned.keystore.release(address.lower(), Usage(usage), at=now)
        provisioned.refresh_lists(now)
    finally:
        provisioned.close()
    if as_json:
        print_json({"address": address, "usage": usage, "released": True})
        return
    click.echo(f"{address}: its {usage} certificate is good again")


@certs.command()
@home_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--address", required=True, help="The mailbox that it must be for.")
@click.option("--usage", type=click.Choice(_USAGES), required=True)
@click.option("--at", type=click.DateTime(), help="Another instant than now, UTC.")
@as_json_option
def check(home: Path, file: Path, address: str, usage: str, at: datetime | None, as_json: bool) -> None:
    """Says what the home's trust domain makes of the certificate in FILE (PEM or DER); exit status 1 if not valid."""
    instant = SystemClock().now() if at is None else at.replace(tzinfo=UTC)
    certificate = certificate_in(file.read_bytes())
    facts = read_certificate(certificate)
    state = Keystore.open(Home.open(home).trust).trust().state(certificate, Usage(usage), address, instant)
    if as_json:
        print_json(_certificate_facts(state, facts))
    else:
        click.echo(f"{state.value}: {facts.name or '(no common name)'}, serial {facts.serial:x}")
        click.echo(f"from {facts.not_before:%Y-%m-%d %H:%M} to {facts.not_after:%Y-%m-%d %H:%M} UTC")
        click.echo(f"mailboxes {', '.join(sorted(facts.mailboxes)) or 'none'}; key {key_name(facts)}")
    if state is not CertificateState.VALID:
        raise click.exceptions.Exit(1)


def _certificate_facts(state: CertificateState, facts: Certificate) -> dict[str, object]:
    return {
        "state": state.value,
        "name": facts.name,
        "serial": f"{facts.serial:x}",
        "not_before": facts.not_before.isoformat(),
        "not_after": facts.not_after.isoformat(),
        "mailboxes": sorted(facts.mailboxes),
        "key": key_name(facts),
    }


def export_to(home: Home, folder: Path) -> None:
    """What lies in the home's `exports` lies in `folder` too.  Raises: NotExported."""
    if not home.exports.exists():
        raise NotExported(f"{home.path} has no certificates yet: mssante-sim certs init --home {home.path}")
    try:
        shutil.copytree(home.exports, folder, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise NotExported(f"{folder} cannot be written: {error}.") from error
