"""`mssante-sim directory`: what goes in and out as a file: extractions and the white list."""

import os
from collections.abc import Callable
from pathlib import Path

import click

from mssante_sim.cli.directory_life import opened_home, tell_stack
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.printing import progress
from mssante_sim.clock import SystemClock
from mssante_sim.config import load_settings
from mssante_sim.directory.daily import DailyExtraction
from mssante_sim.directory.extraction import (
    ExtractionError,
    SetAside,
    extraction_name,
    import_extraction,
    text_octets,
    write_extraction,
)
from mssante_sim.directory.model import Mailbox, MailboxUser
from mssante_sim.directory.trust_list import FAULTS, Operator, WhiteListService, peer_of
from mssante_sim.provision import Provisioned

__all__ = ["FILE_COMMANDS"]

_MOST_ACTIVATED = 100


@click.command("import")
@home_option
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--activate", multiple=True, metavar="ADDRESS", help="Give this imported mailbox a login and certificates."
)
@click.option("--forget", is_flag=True, help="Remove the imported list, and the mark it left.")
@as_json_option
def import_(home: Path, file: Path | None, activate: tuple[str, ...], forget: bool, as_json: bool) -> None:
    """Imports an extraction (zip or text) beside the home's own entries, in place of the one imported before.

    The home is marked contains-real-directory. Imported mailboxes are shown, but have neither login nor certificate,
    and take no mail until they are activated.
    """
    if file is None and not activate and not forget:
        raise click.UsageError("Give a FILE, --activate ADDRESS or --forget.")
    if len(activate) > _MOST_ACTIVATED:
        raise click.UsageError(f"At most {_MOST_ACTIVATED} mailboxes are activated at once.")
    facts: dict[str, object] = {}
    activated: list[dict[str, str]] = []
    say: Callable[[str], None] = (lambda _: None) if as_json else click.echo
    provisioned = opened_home(home)
    try:
        if forget:
            provisioned.directory.listing.forget()
            provisioned.home.set_aside.unlink(missing_ok=True)
            facts["forgotten"] = True
            say("The imported list and its mark are gone; mailboxes that were activated stay.")
        if file is not None:
            facts |= _import(provisioned, file, say)
        boxes = [_imported(provisioned, address) for address in dict.fromkeys(map(str.lower, activate))]
        for box in boxes:  # all of them exist: else none is activated
            provisioned, login = _activate(provisioned, box, say)
            activated.append(login)
    finally:
        provisioned.close()
    tell_stack(home)
    if as_json:
        print_json(facts | {"activated": activated})


def _import(provisioned: Provisioned, file: Path, say: Callable[[str], None]) -> dict[str, object]:
    with progress(file.name, text_octets(file)) as step:
        imported, aside = import_extraction(provisioned.directory, file, at=SystemClock().now(), progress=step)
    say(f"{imported.lines} lines imported; this home now contains-real-directory")
    provisioned.home.set_aside.unlink(missing_ok=True)  # that of the import before
    if aside.lines:
        _keep(provisioned.home.set_aside, aside)
        number, reason, _ = aside.lines[0]
        say(f"{len(aside.lines)} bad lines set aside in {provisioned.home.set_aside}, the first is {number}: {reason}")
    return {"imported": imported.lines, "set_aside": len(aside.lines)}


def _keep(path: Path, aside: SetAside) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as kept:
        aside.write(kept)


def _imported(provisioned: Provisioned, address: str) -> Mailbox:
    return provisioned.directory.imported_mailbox(address, MailboxUser(address, "titulaire", "Titulaire"))


def _activate(provisioned: Provisioned, box: Mailbox, say: Callable[[str], None]) -> tuple[Provisioned, dict[str, str]]:
    (user,) = box.users
    enrolled = provisioned.enrol(box, provisioned.directory.organisation_of(box), SystemClock().now())
    enrolled.directory.activate(box.address, user)
    password = enrolled.secrets.passwords[user.login]
    say(f"{box.address}: activated; login {user.login}  password {password}")
    return enrolled, {"address": box.address, "login": user.login, "password": password}


@click.command("export")
@home_option
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Also if the home contains-real-directory.")
@click.option("--publish", "is_published", is_flag=True, help="Make the extraction that the stack serves anew.")
@as_json_option
def export(home: Path, folder: Path | None, force: bool, is_published: bool, as_json: bool) -> None:
    """Writes an extraction of all published mailboxes into FOLDER, called as the real one is."""
    if folder is None and not is_published:
        raise click.UsageError("Give a FOLDER, or --publish.")
    made: dict[str, str] = {}
    provisioned = opened_home(home)
    try:
        if is_published:
            made["published"] = str(DailyExtraction(home, SystemClock()).publish())
        if folder is not None:
            made["exported"] = str(_export(provisioned, folder, force))
    except OSError as error:
        raise ExtractionError(f"The extraction cannot be written: {error.strerror}.") from error
    finally:
        provisioned.close()
    if as_json:
        print_json(made)
        return
    click.echo("\n".join(made.values()))


def _export(provisioned: Provisioned, folder: Path, force: bool) -> Path:
    at = SystemClock().now()
    folder.mkdir(parents=True, exist_ok=True)
    file, new = folder / f"{extraction_name(at)}.zip", folder / f"{extraction_name(at)}.new"
    try:
        with new.open("wb") as octets:
            write_extraction(provisioned.directory, octets, at=at, forced=force)
        return new.replace(file)
    finally:
        new.unlink(missing_ok=True)


@click.command("white-list")
@home_option
@click.option(
    "--fault", "faults", multiple=True, type=click.Choice([*FAULTS, "none"]), help="How it is broken on purpose."
)
@click.option("--add", "domain", metavar="DOMAIN", help="An operator's domain, with --certificate, --dn or --issue.")
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM or DER.")
@click.option("--dn", multiple=True, help="Subject of the operator's certificate; several are possible.")
@click.option(
    "--issue",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Writes a new certificate for the operator's server, with its key, to this file (PEM).",
)
@click.option("--remove", metavar="DOMAIN", help="Takes an operator's domain off the list.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Writes the signed list to this file.")
@as_json_option
def white_list(
    home: Path, faults: tuple[str, ...], domain: str | None, certificate: Path | None, dn: tuple[str, ...],
    issue: Path | None, remove: str | None, output: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Shows the white list of the trust space, changes it, breaks it on purpose."""
    if domain is None and (certificate or dn or issue):
        raise click.UsageError("--certificate, --dn and --issue go with --add DOMAIN.")
    provisioned = opened_home(home)
    try:
        settings = load_settings(flags={"home": home})
        service = WhiteListService(provisioned.directory.rows, provisioned.keystore, settings.domains, SystemClock())
        if domain is not None:
            subjects = [*dn, *([peer_of(certificate)] if certificate else ())]
            subjects += [service.issue(domain, issue)] if issue else []
            service.add(Operator(domain, tuple(subjects)))
        if remove is not None:
            service.remove(remove)
        if faults:
            service.set_faults(faults)
        if output is not None:
            output.write_bytes(service.document())
        _show(service, as_json=as_json)
    except OSError as error:
        raise ExtractionError(f"The file cannot be read or written: {error.strerror}.") from error
    finally:
        provisioned.close()


def _show(service: WhiteListService, *, as_json: bool) -> None:
    operators, faults = service.operators(), sorted(service.faults())
    if as_json:
        told = [{"domain": one.domain, "subjects": list(one.subjects)} for one in operators]
        print_json({"operators": told, "faults": faults})
        return
    for one in operators:
        click.echo("\n    ".join((one.domain, *one.subjects)))
    click.echo("faults: " + (", ".join(f"{name} ({FAULTS[name]})" for name in faults) or "none"))


FILE_COMMANDS: tuple[click.Command, ...] = (import_, export, white_list)
