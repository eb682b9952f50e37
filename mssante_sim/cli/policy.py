"""`mssante-sim policy`: who may write to whom, from the code that decides it."""

from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click

from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.clients.running import Running
from mssante_sim.clients.steering import Steering
from mssante_sim.config import PatientsReceive
from mssante_sim.smtp.matrix import as_markdown, cells
from mssante_sim.smtp.policy import RULES, Policy
from mssante_sim.smtp.replies import REFUSALS

__all__ = ["policy", "words_as_markdown"]


@click.group()
def policy() -> None:
    """Who may write to whom."""


@policy.command()
@click.option("--patients-receive", type=click.Choice(get_args(PatientsReceive)), default="answers", show_default=True)
@as_json_option
def table(patients_receive: PatientsReceive, as_json: bool) -> None:
    """Prints the rules, and the matrix of sender and recipient kinds computed from them."""
    if as_json:
        matrix = cells(Policy(patients_receive=patients_receive))
        print_json(
            {"rules": dict(RULES), "cells": [{"from": c.sender, "to": c.recipient, "decision": str(c)} for c in matrix]}
        )
        return
    for name, rule in RULES.items():
        click.echo(f"- **{name}** {rule}")
    click.echo("")
    click.echo(as_markdown(Policy(patients_receive=patients_receive)))


@policy.command()
@as_json_option
def words(as_json: bool) -> None:
    """Prints every refusal: its stable word, its codes, its sentence."""
    if as_json:
        print_json([asdict(one) for one in REFUSALS.values()])
        return
    click.echo(words_as_markdown())


def words_as_markdown() -> str:
    """The table of refusals."""
    rows = (f"| `{r.word}` | {r.code} {r.enhanced} | {r.sentence} |" for r in REFUSALS.values())
    return "\n".join(("| word | code | sentence |", "|---|---|---|", *rows))


@policy.command()
@home_option
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="Who would write.")
@click.option("--to", "recipient", required=True, metavar="ADDRESS", help="To whom.")
@as_json_option
def explain(home: Path, sender: str, recipient: str, as_json: bool) -> None:
    """Decides as the stack that is up would, without sending anything; exit status 4 if it would refuse."""
    decision = Steering.of(Running.read(home)).explain(sender, recipient)
    if as_json:
        print_json(decision)
    else:
        click.echo(decision["sentence"])
    if not decision["accepted"]:
        raise click.exceptions.Exit(4)
