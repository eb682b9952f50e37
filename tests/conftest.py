"""What several folders of tests share."""

import signal
from collections.abc import Callable

import hypothesis
import pytest

from mssante_sim.clients.annuaire import Annuaire
from mssante_sim.clients.prescription import Letter, write_letter
from mssante_sim.clock import SystemClock
from mssante_sim.patient.documents import Document
from mssante_sim.patient.proposal import propose
from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante

Write = Callable[..., Letter]

signal.signal(signal.SIGINT, signal.default_int_handler)
"""In the background of a shell it is ignored, and what a test starts and interrupts would ignore it too."""

UNHURRIED = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], derandomize=True
)
"""No test fails because the machine is slow, or by chance: what passed once is tried with the same examples again.

``--hypothesis-profile=random`` tries others each time.
"""

hypothesis.settings.register_profile("unhurried", UNHURRIED)
hypothesis.settings.register_profile("fast", UNHURRIED, max_examples=15)
hypothesis.settings.register_profile("random", UNHURRIED, derandomize=False)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture
def write(mssante: Mssante) -> Write:
    """Writes the letter of the story's patient to the story's pharmacy: ``write(document, text)``."""

    def written(paper: Document | None = None, text: str | None = None, *, subject: str | None = None) -> Letter:
        patient = mssante.account("patient")
        running = mssante.running
        (pharmacy,) = Annuaire(running.fhir_base, running.api_key).by_finess(
            mssante.account("pharmacy").identifier or ""
        )
        paper = paper or specimen("ordonnance")
        proposal = propose(patient.display_name, [paper])
        return write_letter(
            patient,
            pharmacy,
            subject=subject or proposal.subject,
            text=text or proposal.text,
            documents=[paper],
            at=SystemClock().now(),
        )

    return written
