"""The few codes of the French nomenclatures (NOS) that a line or a resource spells out, with their labels."""

from collections.abc import Mapping
from typing import Final

__all__ = [
    "ACTIVITY", "CATEGORIES", "CATEGORY", "EQUIPMENT", "EXERCISE", "EXPERTISE", "EXPERTISES", "FUNCTION", "PROFESSION",
    "PROFESSIONS", "REGULATED_ACTIVITY", "label",
]  # fmt: skip


def _system(name: str) -> str:
    return f"https://mos.esante.gouv.fr/NOS/{name}/FHIR/{name.replace('_', '-')}"


PROFESSION: Final = _system("TRE_G15-ProfessionSante")
CATEGORY: Final = _system("TRE_R09-CategorieProfessionnelle")
EXPERTISE: Final = _system("TRE_R38-SpecialiteOrdinale")
ACTIVITY: Final = _system("TRE_R22-GenreActivite")
EXERCISE: Final = _system("TRE_R23-ModeExercice")
FUNCTION: Final = _system("TRE_R21-Fonction")
REGULATED_ACTIVITY: Final = _system("TRE_R277-ActiviteSanitaireRegulee")
EQUIPMENT: Final = _system("TRE_R272-EquipementMaterielLourd")

CATEGORIES: Final = {"C": "Civil", "E": "Etudiant", "M": "Militaire"}
PROFESSIONS: Final = {
    "10": "Médecin", "21": "Pharmacien", "26": "Audioprothésiste", "40": "Chirurgien-Dentiste", "50": "Sage-Femme",
    "60": "Infirmier", "70": "Masseur-Kinésithérapeute", "80": "Pédicure-Podologue",
}  # fmt: skip
EXPERTISES: Final = {"SM26": "Qualifié en Médecine Générale", "SM54": "Médecine générale"}


def label(labels: Mapping[str, str], code: str) -> str:
    """What `code` means; nothing if it is none of the few."""
    return labels.get(code, "")
