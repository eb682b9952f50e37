"""`mssante-sim info|seed|reset|wait`: what a tester asks of a stack."""

from dataclasses import asdict
from pathlib import Path

import click

from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.clients.running import Running
from mssante_sim.clients.steering import Steering
from mssante_sim.clock import SystemClock
from mssante_sim.config import Settings
from mssante_sim.home import Home
from mssante_sim.provision import provision

__all__ = ["info", "reset", "seed", "wait"]


@click.command()
@home_option
@as_json_option
def info(home: Path, as_json: bool) -> None:
    """Prints ports, files and synthetic accounts of the stack that is up, passwords included."""
    running = Running.read(home)
    if as_json:
        print_json(asdict(running))
        return
    click.echo(f"home {home} · pid {running.pid} · host {running.host}")
    click.echo(" ".join(f"{name} {port}" for name, port in running.ports.items()))
    if running.real_directory:
        click.echo("contains-real-directory: an imported list is shown beside the fictitious one")
    click.echo(f"CA {running.ca_file}\nCRL {running.crl_file}\nESANTE-API-KEY {running.api_key}")
    for account in running.accounts:
        click.echo(f"\n{account.kind:<8}{account.display_name} <{account.address}>  {account.identifier or ''}")
        click.echo(f"        sealing {'on' if account.sealing else 'off'}")
        click.echo(f"        PKCS#12 {account.pkcs12 or '-'}  {account.passphrase or ''}")
        click.echo(f"        to log in without a password {account.pkcs12_client or '-'}")
        for login in account.logins:
            click.echo(f"        {login.role:<12}{login.login}  {login.password}  ({login.name})")


@click.command()
@home_option
@click.option("--pharmacies", type=click.IntRange(min=1), default=40, show_default=True)
@click.option("--patients", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--seed", "number", type=int, default=1, show_default=True, help="Equal seeds give equal directories.")
@as_json_option
def seed(home: Path, pharmacies: int, patients: int, number: int, as_json: bool) -> None:
    """Makes a new home with that many synthetic pharmacies and patients."""
    settings = Settings(home=home, pharmacies=pharmacies, patients=patients, seed=number)
    opened = Home.open(home)
    lock = opened.lock()
    try:
        if opened.accounts.exists():
            raise click.UsageError(f"{home} is seeded already; remove it first, or choose another --home.")
        provision(opened, settings, SystemClock()).close()
    finally:
        lock.release()
    if as_json:
        print_json({"home": str(home), "pharmacies": pharmacies, "patients": patients, "seed": number})
        return
    click.echo(f"{home}: {pharmacies} pharmacies, {patients} patients, seed {number}")


@click.command()
@home_option
def reset(home: Path) -> None:
    """Empties every mailbox of the stack that is up; accounts and certificates stay."""
    Steering.of(Running.read(home)).reset()


@click.command()
@home_option
@click.option("--to", "who", required=True, metavar="FINESS", help="FINESS, INS, address, login or part of a name.")
@click.option("--message-id", help="Wait for this message; any if not given.")
@click.option("--timeout", type=float, default=10.0, show_default=True, help="Seconds.")
def wait(home: Path, who: str, message_id: str | None, timeout: float) -> None:
    """Waits until a message lies in the INBOX; exit status 1, and what does lie there, if it does not come."""
    running = Running.read(home)
    answer = Steering.of(running).wait(running.account(who).address, message_id, timeout)
    print_json(answer.present if answer.found is None else answer.found)
    if answer.found is None:
        raise click.exceptions.Exit(1)
