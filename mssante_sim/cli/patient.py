"""`mssante-sim patient` : Mon espace santé, au clavier."""

from pathlib import Path

import click

from mssante_sim.cli.francais import FrenchGroup
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_contacts import contacts
from mssante_sim.cli.patient_documents import documents
from mssante_sim.cli.patient_drafts import drafts
from mssante_sim.cli.patient_history import history
from mssante_sim.cli.patient_reading import conversations, read, reply, watch
from mssante_sim.cli.patient_sending import send
from mssante_sim.cli.patient_session import activate, oppose, profiles, sign_in, sign_out
from mssante_sim.cli.picker import pharmacies
from mssante_sim.clients.running import Running

__all__ = ["patient"]


@click.group(cls=FrenchGroup)
def patient() -> None:
    """Le patient : ses documents, ses pharmacies, ses messages (Mon espace santé)."""


for _command in (
    sign_in, sign_out, profiles, activate, oppose,
    documents, pharmacies, contacts,
    send, drafts,
    conversations, read, reply, watch, history,
):  # fmt: skip
    patient.add_command(_command)


@patient.command("list")
@home_option
@as_json_option
def list_patients(home: Path, as_json: bool) -> None:
    """Énumère les patients fictifs."""
    patients = [a for a in Running.read(home).accounts if a.kind == "patient"]
    if as_json:
        print_json([{"ins": a.identifier, "nom": a.display_name, "activé": a.activated} for a in patients])
        return
    for account in patients:
        note = "" if account.activated else "  (profil non activé)"
        click.echo(f"{account.identifier}  {account.display_name}{note}")
