"""`mssante-sim demo`: the stack, the story once, then commands ready to paste."""

import asyncio
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from mssante_sim.cli.certs import export_to
from mssante_sim.cli.story import Story
from mssante_sim.cli.up import banner, settings_of, stack_options, stopped
from mssante_sim.clients.running import Running
from mssante_sim.clock import SystemClock
from mssante_sim.config import Settings
from mssante_sim.home import Home
from mssante_sim.patient.specimens import SPECIMENS, specimen
from mssante_sim.stack import Stack

__all__ = ["demo"]


@click.group(invoke_without_command=True)
@stack_options
@click.option("--once", is_flag=True, help="End after the story.")
@click.option(
    "--export", type=click.Path(file_okay=False, path_type=Path), help="Export what a user imports into this folder."
)
@click.pass_context
def demo(ctx: click.Context, /, home: Path, once: bool, export: Path | None, **given: Any) -> None:
    """Starts the stack, plays the story of one prescription, and stays up until Ctrl-C."""
    if ctx.invoked_subcommand is None:
        asyncio.run(_demo(settings_of(home, **given), once=once, export=export))


async def _demo(settings: Settings, *, once: bool, export: Path | None) -> None:
    began = time.monotonic()
    stop = stopped()
    stack = await Stack.start(settings)
    try:
        click.echo(banner(stack.running, time.monotonic() - began))
        await Story(stack.running, settings.home, SystemClock(), click.echo).play()
        if export is not None:
            await asyncio.to_thread(export_to, Home(settings.home), export)
            click.echo(f"To import into a mail program: {export} (LISEZMOI.txt says how)")
        if not once:
            click.echo(_commands(stack.running, settings.home))
            await stop.wait()
    finally:
        await stack.stop()


def _commands(running: Running, home: Path) -> str:
    """Commands ready to paste into another terminal, with their full path."""
    program = shlex.quote(str(Path(sys.argv[0]).absolute()))
    where = f"--home {shlex.quote(str(home))}"
    patient = running.account(running.roles["patient"])
    pharmacy = running.account(running.roles["pharmacy"])
    return f"""
The stack is up; Ctrl-C stops it. In another terminal:
  {program} pharmacy watch {where} --as {pharmacy.identifier}
  {program} demo documents ordonnances
  {program} patient sign-in {where} --as {patient.identifier} --synthetic
  {program} patient send {where} --pharmacy {pharmacy.identifier} --document ordonnances/ordonnance.pdf
  {program} patient watch {where}
  {program} pharmacy list {where} --as {pharmacy.identifier}
  {program} info {where}"""


@demo.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def documents(folder: Path) -> None:
    """Writes specimen prescriptions, marked as fictitious, into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SPECIMENS:
        paper = specimen(name)
        (folder / paper.name).write_bytes(paper.content)
        click.echo(str(folder / paper.name))
