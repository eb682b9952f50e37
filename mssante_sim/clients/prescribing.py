"""A prescriber's software: a prescription for one patient, as a PDF, and packed with its CDA for other software."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from mssante_sim.directory.identifiers import IdNatStruct
from mssante_sim.directory.model import Mailbox, MailboxKind, Organisation, PatientProfile
from mssante_sim.errors import SimulatorError
from mssante_sim.patient.cda import Author, PrescriptionFacts
from mssante_sim.patient.documents import Document
from mssante_sim.patient.specimens import SPECIMENS, prescription_pdf
from mssante_sim.patient.xdm import is_xdm, write_xdm

__all__ = ["NoPrescriber", "Order", "archive", "archive_at", "specimen_order"]

_GIVEN_NAME: Final = "Camille"  # the directory holds family names only; this one is on the specimens  [our choice]


class NoPrescriber(SimulatorError):
    """A prescription names a person; that account is none."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Order:
    """A prescription: its title and its PDF."""

    title: str
    file: Document = field(repr=False)


def specimen_order(name: str, patient: PatientProfile, at: datetime) -> Order:
    """The specimen of that name, made out to `patient`, signed `at`."""
    prescription = SPECIMENS[name]
    content = prescription_pdf(
        prescription, patient=patient.display_name, born=patient.born, ins=str(patient.ins), signed=at.date()
    )
    return Order(prescription.title, Document(f"{name}.pdf", "application/pdf", content))


def archive(order: Order, patient: PatientProfile, mailbox: Mailbox, place: Organisation, at: datetime) -> bytes:
    """The order as IHE_XDM.ZIP, prescribed by the person of `mailbox` at `place`.

    Raises:
        NoPrescriber: the mailbox is no person's.
        DocumentRefused: the order is no PDF, or over 5 MB.
    """
    if mailbox.kind is not MailboxKind.PER or mailbox.responsible is None:
        raise NoPrescriber(
            f"{mailbox.address} is no person's mailbox.",
            french=f"Une ordonnance nomme un prescripteur ; {mailbox.name} n'est pas une personne.",
        )
    author = Author(
        family_name=mailbox.name.removeprefix("Dr "),
        given_name=_GIVEN_NAME,
        rpps=mailbox.responsible,
        structure=IdNatStruct.of(place.finess),
        structure_name=place.name,
    )
    return write_xdm(PrescriptionFacts(order.title, at, patient, author), order.file.content)


def archive_at(path: Path) -> bytes | None:
    """The IHE_XDM.ZIP at `path`; None if there is none."""
    try:
        octets = path.read_bytes()
    except OSError:
        return None
    return octets if is_xdm(octets) else None
