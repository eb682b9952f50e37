"""Prescriptions to play with: realistic on the page, marked as fictitious in every way.

The QR code of a real e-prescription is not public: ours encodes an invented,
marked string.  The same arguments give the same octets.
"""

import io
from dataclasses import dataclass
from datetime import date
from typing import Final

import segno
from reportlab.lib.colors import Color, black, grey
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from mssante_sim.patient.documents import Document, document

__all__ = ["SPECIMENS", "Prescriber", "Prescription", "Treatment", "prescription_pdf", "specimen"]

MARK: Final = "SPÉCIMEN – DOCUMENT FICTIF"
_WIDTH, _HEIGHT = A4
_LEFT: Final = 20 * mm
_RIGHT: Final = _WIDTH - 20 * mm


@dataclass(frozen=True, slots=True)
class Prescriber:
    """Who signs; RPPS in the range that is never given out."""

    name: str
    speciality: str
    rpps: str
    address: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Treatment:
    """One line of a prescription: what, and how to take it."""

    drug: str
    dosage: str


@dataclass(frozen=True, slots=True)
class Prescription:
    """What stands on one page."""

    title: str
    treatments: tuple[Treatment, ...]
    note: str = ""


_DOCTOR: Final = Prescriber(
    name="Docteur Camille EXEMPLE-FICTIF",
    speciality="Médecine générale",
    rpps="99700900006",
    address=("12 rue FICTIVE des Essais", "35000 RENNES"),
)

SPECIMENS: Final[dict[str, Prescription]] = {
    "ordonnance": Prescription(
        "Ordonnance",
        (
            Treatment("AMOXICILLINE 1 g, comprimé dispersible", "1 comprimé matin et soir pendant 6 jours"),
            Treatment(
                "PARACÉTAMOL 1 g, comprimé",
                "1 comprimé en cas de douleur, au plus 3 par jour, pendant 5 jours",
            ),
            Treatment("SÉRUM PHYSIOLOGIQUE, unidose nasale", "1 lavage de nez 4 fois par jour, 1 boîte"),
        ),
    ),
    "renouvellement": Prescription(
        "Ordonnance – traitement au long cours",
        (
            Treatment("RAMIPRIL 5 mg, comprimé", "1 comprimé le matin"),
            Treatment("ATORVASTATINE 20 mg, comprimé", "1 comprimé le soir"),
        ),
        note="À renouveler 5 fois, par périodes de 30 jours.",
    ),
    "pansements": Prescription(
        "Ordonnance – soins",
        (
            Treatment("Compresses stériles 10 × 10 cm", "2 boîtes de 50"),
            Treatment("Pansement hydrocellulaire 10 × 10 cm", "1 boîte de 16, à changer toutes les 48 heures"),
        ),
        note="Soins infirmiers à domicile, 3 fois par semaine pendant 3 semaines.",
    ),
}
"""By file name, without its ending."""


def specimen(name: str) -> Document:
    """The specimen of that name, for the published fictitious patient (DOMINIQUE PAT-TROIS).

    Raises:
        KeyError: `SPECIMENS` has no such name.
    """
    content = prescription_pdf(
        SPECIMENS[name],
        patient="Dominique PAT-TROIS",
        born=date(1979, 3, 28),
        ins="279035121518989",
        signed=date(2026, 11, 20),
    )
    return document(f"{name}.pdf", content)


def prescription_pdf(prescription: Prescription, *, patient: str, born: date, ins: str, signed: date) -> bytes:
    """One A4 page as PDF, marked across the page, in its metadata and in its QR code."""
    target = io.BytesIO()
    page = Canvas(target, pagesize=A4, invariant=True, pageCompression=1)
    page.setTitle(f"{prescription.title} – {MARK}")
    page.setAuthor(_DOCTOR.name)
    page.setSubject(MARK)
    _draw_mark(page)
    _draw_head(page, signed)
    _draw_patient(page, patient, born, ins)
    below = _draw_treatments(page, prescription)
    _draw_foot(page, below, f"FICTIF|SPECIMEN|mssante-sim|{_DOCTOR.rpps}|{ins}|{signed:%Y%m%d}")
    page.showPage()
    page.save()
    return target.getvalue()


def _draw_mark(page: Canvas) -> None:
    page.saveState()
    page.setFillColor(Color(0.8, 0.1, 0.1, alpha=0.18))
    page.setFont("Helvetica-Bold", 40)
    page.translate(_WIDTH / 2, _HEIGHT / 2)
    page.rotate(52)
    page.drawCentredString(0, 0, MARK)
    page.restoreState()


def _draw_head(page: Canvas, signed: date) -> None:
    page.setFillColor(black)
    page.setFont("Helvetica-Bold", 13)
    page.drawString(_LEFT, _HEIGHT - 25 * mm, _DOCTOR.name)
    page.setFont("Helvetica", 10)
    lines = (_DOCTOR.speciality, f"RPPS {_DOCTOR.rpps}", *_DOCTOR.address)
    for number, line in enumerate(lines):
        page.drawString(_LEFT, _HEIGHT - (31 + 5 * number) * mm, line)
    page.drawRightString(_RIGHT, _HEIGHT - 25 * mm, f"Le {signed:%d/%m/%Y}")


def _draw_patient(page: Canvas, patient: str, born: date, ins: str) -> None:
    page.setStrokeColor(grey)
    page.roundRect(_LEFT, _HEIGHT - 76 * mm, _RIGHT - _LEFT, 17 * mm, 2 * mm)
    page.setFont("Helvetica-Bold", 11)
    page.drawString(_LEFT + 4 * mm, _HEIGHT - 65.5 * mm, patient)
    page.setFont("Helvetica", 10)
    page.drawString(_LEFT + 4 * mm, _HEIGHT - 72 * mm, f"Naissance {born:%d/%m/%Y}   INS {ins} (fictif)")


def _draw_treatments(page: Canvas, prescription: Prescription) -> float:
    page.setFont("Helvetica-Bold", 15)
    page.drawCentredString(_WIDTH / 2, _HEIGHT - 92 * mm, prescription.title)
    height: float = _HEIGHT - 108 * mm
    for number, treatment in enumerate(prescription.treatments, 1):
        page.setFont("Helvetica-Bold", 11)
        page.drawString(_LEFT, height, f"{number}. {treatment.drug}")
        page.setFont("Helvetica", 10.5)
        page.drawString(_LEFT + 6 * mm, height - 5.5 * mm, treatment.dosage)
        height -= 15 * mm
    page.setFont("Helvetica-Oblique", 10)
    page.drawString(_LEFT, height, prescription.note)
    return height


def _draw_foot(page: Canvas, below: float, code: str) -> None:
    image = io.BytesIO()
    segno.make(code, error="m", micro=False).save(image, kind="png", scale=6)
    page.drawImage(ImageReader(image), _LEFT, 25 * mm, 32 * mm, 32 * mm)
    page.setFont("Helvetica", 8)
    page.drawString(_LEFT, 21 * mm, "Code FICTIF, sans valeur")
    page.setFont("Helvetica-Oblique", 11)
    page.drawRightString(_RIGHT, min(below, 60 * mm), f"Signé : {_DOCTOR.name}")
    page.setFont("Helvetica-Bold", 9)
    page.drawCentredString(_WIDTH / 2, 12 * mm, f"{MARK} – aucune valeur médicale ni légale")
