"""`mssante-sim`: the root command, and the one place where an error becomes a sentence and an exit status."""

import sys
from importlib import import_module
from typing import Final

import click

from mssante_sim import __version__
from mssante_sim.cli.francais import in_french, translated
from mssante_sim.errors import SimulatorError

__all__ = ["main", "root", "run"]

_COMMANDS: Final = {
    "certs": "certs",
    "completion": "completion",
    "demo": "demo",
    "directory": "directory",
    "info": "tester",
    "patient": "patient",
    "pharmacy": "pharmacy",
    "policy": "policy",
    "prescriber": "prescriber",
    "reset": "tester",
    "seed": "tester",
    "send-broken": "broken",
    "token": "token",
    "up": "up",
    "wait": "tester",
}
"""Each command and the module of this package that holds it."""


class _LazyGroup(click.Group):
    """Imports a command's module when the command is used: `wait` needs no PDF writer."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"mssante_sim.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=_LazyGroup)
@click.version_option(__version__, prog_name="mssante-sim")
def root() -> None:
    """A whole MSSanté trust space on one machine: fictitious data, real protocols."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit status, after one sentence on standard error if it failed."""
    try:
        outcome = root.main(arguments, prog_name="mssante-sim", standalone_mode=False)
    except click.Abort:
        return 130  # as a shell reports an interrupt
    except click.UsageError as error:
        french = in_french(error.ctx)
        _say(translated(error.format_message()) if french else error.format_message())
        if error.ctx is not None:
            usage = f"{error.ctx.command_path} --help"
            _say(f"Aide : {usage}" if french else f"Help: {usage}")
        return error.exit_code
    except click.ClickException as error:
        _say(error.format_message())
        return error.exit_code
    except SimulatorError as error:
        _say(error.public)
        return error.exit_code
    return outcome if isinstance(outcome, int) else 0  # the status of click's Exit, or what a command returned


def _say(sentence: str) -> None:
    click.echo(f"mssante-sim: {sentence}", err=True)


def run() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    run()
