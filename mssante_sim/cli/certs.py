"""`mssante-sim certs`: the local trust domain, and what a user imports from it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from mssante_sim.cli.broken import broken
from mssante_sim.cli.diagnosis import diagnosed
from mssante_sim.cli.directory_life import opened_home, tell_stack
from mssante_sim.cli.display import plain
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.clients.lookup import HttpLookup
from mssante_sim.clock import SystemClock
from mssante_sim.config import Settings
from mssante_sim.crypto.authority import HOLD, REASONS
from mssante_sim.crypto.identity import Certificate, certificate_in, key_name, read_certificate
from mssante_sim.crypto.key_lock import bundle_passphrase, is_locked
from mssante_sim.crypto.key_lock import unlock as unlock_keys
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.trust import CertificateState
from mssante_sim.errors import SimulatorError
from mssante_sim.home import Home
from mssante_sim.passphrase import given_passphrase, new_passphrase
from mssante_sim.provision import Provisioned, provision

__all__ = ["certs", "export_to"]


_SERVER = Usage.SERVER.value
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
@click.argument("name", required=False)
@as_json_option
def list_certificates(home: Path, name: str | None, as_json: bool) -> None:
    """Lists certificates, all or those whose holder's NAME contains this: what for, in what state, until when."""
    store = Keystore.open(Home.open(home).trust, given_passphrase)
    rows = [row for row in store.listing(at=SystemClock().now()) if (name or "").lower() in row.name.lower()]
    if as_json:
        print_json(
            [{**asdict(row), "not_after": row.not_after.isoformat(), "serial": f"{row.serial:x}"} for row in rows]
        )
        return
    if not rows:
        click.echo(f"Nobody called {name} has a certificate." if name else "Nobody has a certificate.")
    for row in rows:
        facts = f"{row.usage:<10}{row.state:<14}until {row.not_after:%Y-%m-%d}  {row.authority:<10}"
        click.echo(f"{facts}  {row.serial:<40x}  {row.name}")


@certs.command()
@home_option
@click.argument("name")
@click.option("--usage", "usages", type=click.Choice(_USAGES), multiple=True, help="Only this one; can be repeated.")
@as_json_option
def issue(home: Path, name: str, usages: tuple[str, ...], as_json: bool) -> None:
    """Issues certificates to NAME: a mailbox's or patient's address, or the FINESS of a place.

    Those of a place name all its ORG mailboxes: they seal and open for a mailbox that has none of its own.
    """
    _issue(home, name, tuple(map(Usage, usages)), as_json=as_json, word="issued")


@certs.command()
@home_option
@click.argument("name")
@as_json_option
def renew(home: Path, name: str, as_json: bool) -> None:
    """Issues new certificates to NAME, as `issue`; the old ones stay valid and open old messages.

    The NAME "server" is that of the servers of the stack: whoever connects from then on sees the new one.
    """
    if name == _SERVER:
        _renew_server(home, as_json=as_json)
    else:
        _issue(home, name, (), as_json=as_json, word="renewed")


def _renew_server(home: Path, *, as_json: bool) -> None:
    provisioned = opened_home(home)
    try:
        provisioned.keystore.renew_server(at=SystemClock().now())
        file = provisioned.keystore.server
    finally:
        provisioned.close()
    tell_stack(home)
    facts = read_certificate(certificate_in(file.read_bytes()))
    if as_json:
        print_json({"address": _SERVER, "renewed": True, "serial": f"{facts.serial:x}"})
        return
    click.echo(
        f"{_SERVER}: renewed until {facts.not_after:%Y-%m-%d}; nothing is to be imported, the authority is the same"
    )


def _issue(home: Path, name: str, usages: tuple[Usage, ...], *, as_json: bool, word: str) -> None:
    provisioned = opened_home(home)
    try:
        holder = provisioned.issue(name, SystemClock().now(), usages)
    finally:
        provisioned.close()
    tell_stack(home)
    folder = provisioned.home.exports / "pkcs12"
    issued = [one.value for one in usages or holder.usages]
    if as_json:
        print_json({"address": holder.name, word: True, "usages": issued, "pkcs12": str(folder)})
        return
    click.echo(f"{holder.name}: {word} ({', '.join(issued)}); import its PKCS#12 file again: {folder}")


@certs.command()
@home_option
@as_json_option
def rollover(home: Path, as_json: bool) -> None:
    """Makes a new issuing authority under the same root: all that is issued from now on is issued by it.

    What the former one issued stays good until it ends or is revoked; both lists are served. A stack that is up takes
    it over at once. Clients must import ca.pem again.
    """
    provisioned = opened_home(home)
    try:
        provisioned.roll_over(SystemClock().now())
        name = read_certificate(provisioned.keystore.authorities[-1]).name
    finally:
        provisioned.close()
    tell_stack(home)
    if as_json:
        print_json({"authority": name, "exports": str(provisioned.home.exports)})
        return
    click.echo(f"{name} issues from now on; certificates of before stay good until renewed: mssante-sim certs renew")
    click.echo(f"Import again: {provisioned.home.exports / 'ca.pem'}; a client that is open must be opened again.")


@certs.command()
@home_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@as_json_option
def export(home: Path, folder: Path, as_json: bool) -> None:
    """Copies into FOLDER what a user imports: authority, trust store, CRL, PKCS#12 files."""
    opened = Home.open(home)
    export_to(opened, folder)
    key = unlock_keys(opened.trust, given_passphrase()) if is_locked(opened.trust) else None
    if as_json:
        print_json({"folder": str(folder.absolute())} | ({"passphrase": bundle_passphrase(key)} if key else {}))
        return
    click.echo(f"{folder.absolute()}: LISEZMOI.txt says what is what.")
    if key is not None:
        click.echo(f"Passphrase of the PKCS#12 files, which stands nowhere else: {bundle_passphrase(key)}")


@certs.command()
@home_option
def lock(home: Path) -> None:
    """Puts a passphrase on every private key of the home, which no stack is up in.

    It is typed, or given by MSSANTE_SIM_KEY_PASSPHRASE_FILE (the name of a file; /dev/fd/N for a descriptor) or
    MSSANTE_SIM_KEY_PASSPHRASE; so it is to `up` and to every command that needs keys from then on. It does not cover
    the passwords of logins, in accounts.json.
    """
    with _at_rest(home) as provisioned:
        if provisioned.keystore.password is not None:
            raise click.UsageError("The keys have a passphrase already; to change it: certs unlock, then certs lock.")
        provisioned.lock(new_passphrase())
    click.echo(
        "The keys have a passphrase. The PKCS#12 files have another, new one: mssante-sim certs export shows it."
    )


@certs.command()
@home_option
def unlock(home: Path) -> None:
    """Takes the passphrase off the private keys of the home, which no stack is up in."""
    with _at_rest(home) as provisioned:
        if provisioned.keystore.password is None:
            raise click.UsageError("The keys have no passphrase.")
        provisioned.unlock()
    click.echo("The keys have no passphrase any more. The PKCS#12 files have a new one: see LISEZMOI.txt among them.")


@contextmanager
def _at_rest(home: Path) -> Iterator[Provisioned]:
    """The home, in which no stack is up.  Raises: HomeLocked, HomeUnusable."""
    held = Home.open(home).lock()
    try:
        provisioned = opened_home(home)
        try:
            yield provisioned
        finally:
            provisioned.close()
    finally:
        held.release()


def _choosing(command: Callable[..., None]) -> Callable[..., None]:
    """What says which certificate is meant."""
    for option in (
        click.option("--serial", metavar="HEX", callback=_serial, help="Another than the newest; certs list shows it."),
        click.option("--usage", type=click.Choice(_USAGES), required=True),
        click.argument("name"),
    ):
        command = option(command)
    return home_option(as_json_option(command))


def _serial(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else int(value, 16)
    except ValueError as error:
        raise click.BadParameter("a serial number is written in hexadecimal digits") from error


@certs.command()
@click.option("--reason", type=click.Choice(REASONS), default="unspecified", show_default=True)
@_choosing
def revoke(home: Path, name: str, usage: str, serial: int | None, reason: str, as_json: bool) -> None:
    """Revokes the newest certificate of NAME for one usage; lists and responder say so at once.

    For good, but for the reason certificateHold, which `certs release` takes back.
    """
    facts = _changed_list(home, lambda keystore, at: keystore.revoke(
        name.lower(), Usage(usage), at=at, reason=reason, serial=serial
    ))  # fmt: skip
    if as_json:
        print_json({"address": name, "usage": usage, "revoked": True, "reason": reason, "serial": f"{facts.serial:x}"})
        return
    then = "release it" if reason == HOLD else "a new one"
    command = f"release {name} --usage {usage}" if reason == HOLD else f"renew {name}"
    click.echo(f"{name}: its {usage} certificate is revoked ({reason}); {then}: mssante-sim certs {command}")


@certs.command()
@_choosing
def release(home: Path, name: str, usage: str, serial: int | None, as_json: bool) -> None:
    """Takes a certificate of NAME off hold: the next lists do not name it."""
    facts = _changed_list(home, lambda keystore, at: keystore.release(name.lower(), Usage(usage), at=at, serial=serial))
    if as_json:
        print_json({"address": name, "usage": usage, "released": True, "serial": f"{facts.serial:x}"})
        return
    click.echo(f"{name}: its {usage} certificate is good again")


def _changed_list(home: Path, change: Callable[[Keystore, datetime], Certificate]) -> Certificate:
    provisioned = opened_home(home)
    try:
        changed = change(provisioned.keystore, SystemClock().now())
        provisioned.export_lists()
    finally:
        provisioned.close()
    return changed


@certs.command()
@home_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--address", help="The mailbox that it must be for; any if not given.")
@click.option("--usage", type=click.Choice(_USAGES), required=True)
@click.option("--at", type=click.DateTime(), help="Another instant than now, UTC.")
@as_json_option
def check(home: Path, file: Path, address: str | None, usage: str, at: datetime | None, as_json: bool) -> None:
    """Says what is wrong with the certificate in FILE (PEM or DER), and what to do; exit status 1 if not valid."""
    instant = SystemClock().now() if at is None else at.replace(tzinfo=UTC)
    certificate = certificate_in(file.read_bytes())
    facts = read_certificate(certificate)
    keystore = Keystore.open(Home.open(home).trust, given_passphrase)
    state, why = diagnosed(keystore, HttpLookup(), facts, Usage(usage), address, instant)
    if as_json:
        print_json({**_certificate_facts(state, facts), "why": why})
    else:
        click.echo("\n".join((
            f"{state.value}: {plain(facts.name) or '(no common name)'}, serial {facts.serial:x}",
            f"issued by {plain(facts.parsed.issuer.rfc4514_string())}",
            f"from {facts.not_before:%Y-%m-%d %H:%M} to {facts.not_after:%Y-%m-%d %H:%M} UTC",
            f"mailboxes {plain(', '.join(sorted(facts.mailboxes))) or 'none'}; key {key_name(facts)}",
        )))  # fmt: skip
    if state is not CertificateState.VALID:
        if not as_json:
            click.echo(plain(why))
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
