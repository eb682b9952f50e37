"""`mssante-sim prescriber` : le prescripteur dépose une ordonnance dans Mon espace santé."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Self

import click

from mssante_sim.cli.completing import patients
from mssante_sim.cli.directory import opened_directory
from mssante_sim.cli.display import plain, size
from mssante_sim.cli.francais import FrenchGroup
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_documents import document_facts
from mssante_sim.cli.patient_options import LINE, dated_option
from mssante_sim.cli.patient_session import password_of, password_options
from mssante_sim.cli.printing import progress
from mssante_sim.clients.espace.saving import save_all
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.espace.visits import patient_account
from mssante_sim.clients.prescribing import NoPrescriber, Order, archive, archive_at, specimen_order
from mssante_sim.clients.running import Running
from mssante_sim.clock import SystemClock
from mssante_sim.directory.model import Mailbox, Organisation, PatientProfile
from mssante_sim.patient.documents import read_document
from mssante_sim.patient.specimens import SPECIMENS
from mssante_sim.patient.xdm import XDM_NAME, pdf_name

__all__ = ["prescriber"]


@click.group(cls=FrenchGroup)
def prescriber() -> None:
    """Le prescripteur : déposer une ordonnance dans Mon espace santé."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """Who prescribes, for whom."""

    mailbox: Mailbox
    place: Organisation
    patient: PatientProfile

    @classmethod
    def of(cls, home: Path, running: Running, who: str, patient: str) -> Self:
        """As the directory of `home` knows them.  Raises: AccountNotFound, NotAPatient, NoPrescriber."""
        address, of_patient = running.account(who).address, patient_account(running, patient).address
        with opened_directory(home) as directory:
            mailbox, profile = directory.mailbox(address), directory.patient(of_patient)
            place = None if mailbox is None else directory.organisation_of(mailbox)
        if mailbox is None or place is None or profile is None:
            raise NoPrescriber(f"{who!r} is no professional.", french=f"« {who} » n'est pas un professionnel.")
        return cls(mailbox, place, profile)

    def order(self, file: Path | None, specimen: str | None, title: str | None, at: datetime) -> Order:
        """The file, or the specimen made out to the patient.  Raises: click.UsageError, DocumentRefused."""
        if (file is None) == (specimen is None):
            raise click.UsageError("Il faut --file FICHIER, ou --specimen NOM.")
        if specimen is not None:
            order = specimen_order(specimen, self.patient, at)
            return Order(title or order.title, order.file)
        given = read_document(file or Path())
        return Order(title or given.name.rpartition(".")[0], given)

    def archive(self, order: Order, at: datetime) -> bytes:
        """The order as IHE_XDM.ZIP."""
        return archive(order, self.patient, self.mailbox, self.place, at)


_who = click.option(
    "--as", "who", metavar="PRESCRIPTEUR", required=True, help="Son identifiant, par exemple dr.exemple."
)
_patient = click.option(
    "--patient", metavar="PATIENT", required=True, shell_complete=patients, help="Son INS ou une partie de son nom."
)
_file = click.option("--file", type=click.Path(path_type=Path), help="L'ordonnance, en PDF, ou son IHE_XDM.ZIP.")
_specimen = click.option("--specimen", type=click.Choice(tuple(SPECIMENS)), help="Une ordonnance SPÉCIMEN, à son nom.")
_title = click.option("--title", type=LINE, help="Le titre du document.")


@prescriber.command()
@home_option
@_who
@_patient
@_file
@_specimen
@click.option("--xdm", is_flag=True, help="Dépose l'IHE_XDM.ZIP avec son CDA, au lieu du PDF seul.")
@_title
@dated_option
@password_options
@as_json_option
def deposit(
    home: Path,
    who: str,
    patient: str,
    file: Path | None,
    specimen: str | None,
    xdm: bool,
    title: str | None,
    dated: date | None,
    password_stdin: bool,
    synthetic: bool,
    as_json: bool,
) -> None:
    """Dépose une ordonnance parmi les documents d'un patient."""
    running = Running.read(home)
    facts = _Facts.of(home, running, who, patient)
    now = SystemClock().now()
    name, octets = XDM_NAME, None if file is None or specimen else archive_at(file)
    if octets is None:
        order = facts.order(file, specimen, title, now)
        name, octets = (XDM_NAME, facts.archive(order, now)) if xdm else (order.file.name, order.file.content)
        title = order.title
    account = running.account(who)
    password = password_of(account, synthetic=synthetic, from_stdin=password_stdin)
    with EspaceSante(running.http) as door:
        token = door.sign_in(account.logins[0].login, password).token
    with EspaceSante(running.http, token) as espace:
        try:
            with progress("Dépôt", len(octets)) as update:
                deposited = espace.deposit(
                    octets, patient=str(facts.patient.ins), name=name, title=title, dated=dated, progress=update
                )
        finally:
            espace.sign_out()
    if as_json:
        print_json(document_facts(deposited))
        return
    told = f"Déposé pour {facts.patient.display_name} : {deposited.title} ({name}, {size(len(octets))})."
    click.echo(plain(told))


@prescriber.command("export")
@home_option
@_who
@_patient
@_file
@_specimen
@_title
@click.option(
    "--xdm",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Le dossier où écrire l'IHE_XDM.ZIP, et son PDF à côté.",
)
@as_json_option
def export_archive(
    home: Path,
    who: str,
    patient: str,
    file: Path | None,
    specimen: str | None,
    title: str | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Écrit sur le disque l'IHE_XDM.ZIP d'une ordonnance et son PDF, pour essayer un logiciel."""
    facts = _Facts.of(home, Running.read(home), who, patient)
    now = SystemClock().now()
    order = facts.order(file, specimen, title, now)
    named = pdf_name(order.title, facts.patient, now.date())
    saved = save_all(folder, ((XDM_NAME, facts.archive(order, now)), (named, order.file.content)))
    if as_json:
        print_json({"enregistré": [str(path) for path in saved]})
        return
    for path in saved:
        click.echo(str(path))
