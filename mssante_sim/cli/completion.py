"""`mssante-sim completion`: what a shell needs to complete commands, options, patients, documents and pharmacies."""

from typing import Final

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

_PROGRAM: Final = "mssante-sim"
_VARIABLE: Final = "_MSSANTE_SIM_COMPLETE"  # click derives it from the program's name
_HOW: Final = {
    "bash": 'in ~/.bashrc: eval "$(mssante-sim completion bash)"',
    "zsh": 'in ~/.zshrc, after compinit: eval "$(mssante-sim completion zsh)"',
    "fish": "once: mssante-sim completion fish > ~/.config/fish/completions/mssante-sim.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(tuple(_HOW)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Prints the completion script of SHELL (bash 4.4 or later, zsh, fish), with how to use it."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  click knows these three
    script = kind(ctx.find_root().command, {}, _PROGRAM, _VARIABLE)
    click.echo(f"# {_HOW[shell]}\n{script.source().strip()}")
