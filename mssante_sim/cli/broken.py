"""`mssante-sim certs broken …` and `mssante-sim send-broken …`: what a vendor's program must refuse, by name."""

import imaplib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import click

from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.clients.running import Account, Running
from mssante_sim.clock import SystemClock
from mssante_sim.config import Settings
from mssante_sim.crypto.broken.case import Case, Kind
from mssante_sim.crypto.broken.corpus import CASES, Specimen, case_named, make
from mssante_sim.crypto.broken.export import expected, exported
from mssante_sim.crypto.broken.measured import MEASURED, VERSIONS
from mssante_sim.crypto.broken.report import BadAnswers, Finding, Level, blank, findings, read_answers, summary
from mssante_sim.crypto.broken.scene import Scene
from mssante_sim.crypto.profiles import Usage
from mssante_sim.errors import SimulatorError
from mssante_sim.home import Home
from mssante_sim.provision import provision
from mssante_sim.testing import Mssante

__all__ = ["broken", "send_broken"]


class NotWritten(SimulatorError):
    """The folder cannot be written."""


class NotDelivered(SimulatorError):
    """The mailbox did not take a message."""


@click.group()
def broken() -> None:
    """Certificates and messages with one thing wrong, each with the verdict that a correct client must reach."""


@broken.command("list")
@as_json_option
def list_cases(as_json: bool) -> None:
    """Lists every case: its name, the verdict that is right, what programs say, and why."""
    if as_json:
        print_json([asdict(expected(case)) for case in CASES])
        return
    width = max(len(case.name) for case in CASES)
    click.echo(f"{'':<{width}}  {'right':<16}{''.join(f'{program:<16}' for program in VERSIONS)}")
    for case in CASES:
        said = (MEASURED[case.name][program].partition(" (")[0] for program in VERSIONS)
        columns = "".join(f"{word:<16}" for word in (case.verdict.value, *said))
        click.echo(f"{case.name:<{width}}  {columns}{case.why} [{case.source}]")


@broken.command()
@click.argument("name")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@as_json_option
def export(name: str, folder: Path, as_json: bool) -> None:
    """Writes the case NAME, or "all", into FOLDER, with the authority, the CRL and the keys to read it with.

    A throw-away trust domain is made for it; no home is needed or changed.
    """
    cases = CASES if name == "all" else (case_named(name),)
    files = exported(cases, SystemClock().now())
    try:
        for file, content in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)
    except OSError as error:
        raise NotWritten(f"{folder} cannot be written: {error.strerror}.") from error
    if as_json:
        print_json({"folder": str(folder.absolute()), "cases": [case.name for case in cases]})
        return
    click.echo(
        f"{folder.absolute()}: {len(cases)} case(s); README.txt says what to do, expected.json what must come out."
    )


@broken.command()
@click.argument("answers", metavar="[FILE]", type=click.File(encoding="utf-8"), required=False)
@click.option("--blank", "wants_blank", is_flag=True, help="Prints the lines to fill in instead.")
@as_json_option
def report(answers: TextIO | None, wants_blank: bool, as_json: bool) -> None:
    """Compares what your program made of the cases with what is right.

    FILE ("-" is standard input) holds a line a case: its name, then what the program made of it; --blank prints them
    all to be filled in. What is more trusting than right is an error, what is stricter a warning. Ends with status 1
    if there is an error, so that it can stand in a pipeline.
    """
    if wants_blank:
        click.echo(blank(), nl=False)
        return
    if answers is None:
        raise click.UsageError("Name the file with the answers, or say --blank.")
    try:
        found = findings(read_answers(answers.read()))
    except UnicodeDecodeError as error:
        raise BadAnswers("The answers are not UTF-8 text.") from error
    if as_json:
        print_json([_row(one) for one in found])
    else:
        for one in found:
            if one.level is not Level.RIGHT:
                _print_finding(one)
        click.echo(summary(found))
    if any(one.level is Level.ERROR for one in found):
        raise click.exceptions.Exit(1)


def _row(finding: Finding) -> dict[str, object]:
    row = asdict(expected(finding.case))
    return {
        "level": finding.level.value,
        "name": row["name"],
        "expected": row.pop("verdict"),
        "found": finding.found,
    } | row


def _print_finding(finding: Finding) -> None:
    case = expected(finding.case)
    click.echo(f"{finding.level.value:<8} {case.name}: expected {case.verdict}, found {finding.found}")
    others = ", ".join(f"{program} {word}" for program, word in case.measured.items())
    click.echo(f"         {case.why} [{case.source}]" + (f" ({others})" if others else ""))


@click.command("send-broken")
@home_option
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@click.option("--to", "who", required=True, metavar="FINESS", help="FINESS, INS, address, login or part of a name.")
@click.option("--from", "author", metavar="ADDRESS", help="Whose name the messages bear (default: a patient).")
@as_json_option
def send_broken(home: Path, names: tuple[str, ...], who: str, author: str | None, as_json: bool) -> None:
    """Puts the cases NAME…, or "all", into the INBOX of a mailbox of the stack that is up.

    They are made with the home's own authorities and encrypted to the mailbox. They are stored as they are (by IMAP
    APPEND), so that no rule of the server stops them; a client that waits in IDLE is told. The subject of each says
    what must come out. Revocations and answers of responders that a case needs are published by the home, for good.
    """
    running = Running.read(home)
    account = running.account(who)
    writer = running.account(author or running.roles["patient"])
    cases = [case for case in CASES if case.kind is not Kind.RECIPIENT] if names == ("all",) else _named(names)
    specimens = _made(home, cases, account, writer)
    _deliver(running, account, specimens)
    if as_json:
        print_json([asdict(expected(case)) for case in cases])
        return
    for case in cases:
        click.echo(f"{case.name}: {case.verdict.value}. {case.why} [{case.source}]")


def _named(names: Sequence[str]) -> list[Case]:
    cases = [case_named(name) for name in names]
    for case in cases:
        if case.kind is Kind.RECIPIENT:
            raise click.UsageError(f"{case.name} is a certificate: mssante-sim certs broken export {case.name} FOLDER")
    return cases


def _made(home: Path, cases: Sequence[Case], account: Account, writer: Account) -> list[Specimen]:
    """`cases` in the home's own trust domain, whose lists know afterwards what the cases revoke."""
    now = SystemClock().now()
    provisioned = provision(Home.open(home), Settings(home=home), SystemClock())
    try:
        receiving = provisioned.keystore.identity(account.address, Usage.RECEIVE)
        if receiving is None:
            raise click.UsageError(f"{account.address} has no certificate to encrypt to.")
        root, *_, issuing = provisioned.keystore.issuers.all()
        scene = Scene(root, issuing, writer.address, account.address, receiving, now)
        specimens = [make(case, scene) for case in cases]
        provisioned.keystore.issuers.add_published(scene.published)
        provisioned.refresh_lists(now)
    finally:
        provisioned.close()
    return specimens


def _deliver(running: Running, account: Account, specimens: Sequence[Specimen]) -> None:
    stack = Mssante(running)
    try:
        client = stack.imap(account.address)
        for specimen in specimens:
            if specimen.message is not None:
                client.append("INBOX", "", "", specimen.message)  # a refusal raises
    except (OSError, imaplib.IMAP4.error) as error:
        raise NotDelivered(f"{account.address} does not take the messages.", detail=str(error)) from error
    finally:
        stack.close()
