"""The message that is proposed to a patient who shares documents.

The pattern is the real application's; the wording is ours.  [our choice]
"""

from collections.abc import Sized
from dataclasses import dataclass

__all__ = ["PAPER_REMINDER", "Proposal", "propose"]

PAPER_REMINDER = "Pensez à présenter l'ordonnance papier à la pharmacie : elle vous sera demandée à la délivrance."


@dataclass(frozen=True, slots=True)
class Proposal:
    """A subject and a text that the patient may change."""

    subject: str
    text: str


def propose(patient: str, documents: Sized) -> Proposal:
    """What `patient` (first name and name) would write to go with `documents`."""
    several = len(documents) > 1
    things = "mes documents" if several else "mon document"
    return Proposal(
        subject=f"{'Documents' if several else 'Document'} de {patient}",
        text=f"Bonjour,\n\nJe souhaite vous partager {things}.\n\nBonne réception.\n{patient}\n",
    )
