"""`mssante-sim up`: one stack in the foreground, until it is told to stop."""

import asyncio
import ipaddress
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, get_args

import click

from mssante_sim import __version__
from mssante_sim.cli.options import home_option
from mssante_sim.clients.running import Running
from mssante_sim.config import PatientsReceive, Ports, Settings, load_settings
from mssante_sim.home import write_private
from mssante_sim.stack import Stack

__all__ = ["banner", "settings_of", "stack_options", "stopped", "up"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

DISCLAIMER = "fictitious data only · not affiliated with MSSanté, Mon espace santé, ANS or CNAM"


def stack_options(command: _Command) -> _Command:
    """What `up` and `demo` share; passed to `settings_of`."""
    for option in (
        click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A TOML file."),
        click.option("--port-base", type=int, help="First of the consecutive ports to use; 0 for any free ones."),
        click.option("--host-name", help="Name by which clients reach the servers.  [default: localhost]"),
        click.option("--bind", metavar="ADDR", help="Address to listen on.  [default: 127.0.0.1]"),
    ):
        command = option(command)
    return home_option(command)


def settings_of(home: Path, *, config: Path | None, port_base: int | None, **flags: Any) -> Settings:
    """Settings from everything that was given; a bind outside loopback is warned about.  Raises: SettingsError."""
    ports = None if port_base is None else Ports.from_base(port_base)
    settings = load_settings(file=config, flags={"home": home, "ports": ports, **flags})
    if not _is_loopback(settings.bind):
        click.echo(
            f"Warning: listening on {settings.bind}, beyond this machine. Synthetic data only; the passwords are weak"
            " against a network.",
            err=True,
        )
    return settings


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def banner(running: Running, seconds: float) -> str:
    """The two lines that stand above everything else."""
    ports = running.ports
    listeners = (
        f"smtp {ports['submission']} {ports['submission_tls']} · imap {ports['imap']} {ports['imap_tls']}"
        f" · http {ports['http']} · dns {ports['dns']}"
    )
    if running.real_directory:
        listeners += " · contains-real-directory"
    reach = "127.0.0.1 only" if running.bind == "127.0.0.1" else running.bind
    return f"mssante-sim {__version__} · {DISCLAIMER}\nup      {listeners} ({reach}) ........ {seconds:.1f} s"


def stopped() -> asyncio.Event:
    """An event that SIGTERM and Ctrl-C set, once; a second one does what it always does."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, _stop_once, loop, number, event)
        except NotImplementedError:  # Windows: no SIGTERM; Ctrl-C arrives as an ordinary signal
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(event.set))
    return event


def _stop_once(loop: asyncio.AbstractEventLoop, number: signal.Signals, event: asyncio.Event) -> None:
    loop.remove_signal_handler(number)
    event.set()


@click.command()
@stack_options
@click.option("--ephemeral", is_flag=True, help="Use a home of its own that is deleted at the end.")
@click.option("--pharmacies", type=int, help="How many pharmacies a new home gets.")
@click.option("--patients", type=int, help="How many patients a new home gets.")
@click.option("--seed", type=int, help="What a new home's synthetic data are drawn from.")
@click.option("--sealing", type=click.Choice(["on", "off"]), help="Sign and encrypt what is submitted.  [default: on]")
@click.option("--patients-receive", type=click.Choice(get_args(PatientsReceive)), help="Rule R2.  [default: answers]")
@click.option(
    "--drop-refused-tokens/--challenge-refused-tokens", default=None, help="After a bad token, close the connection."
)
@click.option("--confidential-subject/--open-subject", default=None, help="Hide the Subject when sealing.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written, as run.json, once everything listens.")
def up(home: Path, ephemeral: bool, sealing: str | None, ready_file: Path | None, **given: Any) -> None:
    """Starts the stack and keeps it up until Ctrl-C or SIGTERM."""
    with ExitStack() as cleanup:
        if ephemeral:
            folder = cleanup.enter_context(TemporaryDirectory(prefix="mssante-sim-", ignore_cleanup_errors=True))
            home = Path(folder) / "home"
        on = None if sealing is None else sealing == "on"
        asyncio.run(_up(settings_of(home, sealing=on, **given), ready_file))


async def _up(settings: Settings, ready_file: Path | None) -> None:
    began = time.monotonic()
    stop = stopped()
    stack = await Stack.start(settings)
    try:
        click.echo(banner(stack.running, time.monotonic() - began))
        click.echo(f"home    {settings.home}\nCtrl-C stops.")
        if ready_file is not None:
            write_private(ready_file, stack.running.to_json().encode())
        await stop.wait()
    finally:
        await stack.stop()
