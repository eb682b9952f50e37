"""The X-MSS fields: when they are written, and what is said when others did not write them."""

from datetime import UTC, date, datetime

import pytest

from mssante_sim.clients.conformity import warnings_about, xdm_fields
from mssante_sim.clients.reading import Opened, open_message
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.directory.identifiers import Finess, IdNatStruct, Ins, Rpps
from mssante_sim.directory.model import PatientProfile
from mssante_sim.message.compose import Attachment, Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.patient.cda import Author, PrescriptionFacts
from mssante_sim.patient.specimens import specimen
from mssante_sim.patient.xdm import write_xdm

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
INS = Ins("279035121518989")
PATIENT = PatientProfile(
    INS, f"{INS}@patient.mssante.test", "PAT-TROIS", "Dominique", date(1979, 3, 28), activated=True
)
STRUCTURE = IdNatStruct.of(Finess.synthetic(1))
AUTHOR = Author("EXEMPLE-FICTIF", "Anne", Rpps.synthetic(1), STRUCTURE, "CENTRE DE SANTÉ FICTIF")
PDF = Attachment("ordonnance.pdf", "application/pdf", specimen("ordonnance").content)


@pytest.fixture(scope="module")
def archive() -> Attachment:
    facts = PrescriptionFacts("Ordonnance", NOW, PATIENT, AUTHOR)
    return Attachment("IHE_XDM.ZIP", "application/octet-stream", write_xdm(facts, PDF.content))


def message(*attachments: Attachment, header: dict[str, str]) -> Opened:
    octets = compose(
        Draft(Address("", "a@x"), (Address("", "b@x"),), "s", "t", NOW, "<1@x>", attachments, extra=(*header.items(),))
    )
    return open_message(octets, (), TrustContext([]), at=NOW)


def test_the_fields_of_an_archive_say_its_codes_and_whether_the_ins_is_known(archive: Attachment) -> None:
    assert xdm_fields([PDF, archive]) == [("X-MSS-CODECDA", "57833-6"), ("X-MSS-INS", "O")]


def test_without_an_archive_there_are_none() -> None:
    assert xdm_fields([PDF]) == []
    assert xdm_fields([]) == []


NIL = {"X-MSS-NIL": "x"}
XDM = {"X-MSS-INS": "O", "X-MSS-CODECDA": "57833-6"}


@pytest.mark.parametrize(
    ("header", "with_archive", "missing"),
    [
        (NIL, False, []),
        ({}, False, ["X-MSS-NIL est absent"]),
        ({**NIL, **XDM}, True, []),
        (NIL, True, ["X-MSS-INS est absent", "X-MSS-CODECDA est absent"]),
        ({**NIL, "X-MSS-INS": "N"}, True, ["X-MSS-CODECDA est absent"]),
        ({**NIL, **XDM}, False, ["X-MSS-INS est présent", "X-MSS-CODECDA est présent"]),
        (XDM, True, ["X-MSS-NIL est absent"]),
    ],
)
def test_a_professionals_message_is_told_what_it_lacks(
    header: dict[str, str], with_archive: bool, missing: list[str], archive: Attachment
) -> None:
    opened = message(PDF, *([archive] if with_archive else []), header=header)
    found = warnings_about(opened, from_patient=False)
    assert [any(one.startswith(words) for one in found) for words in missing] == [True] * len(missing)
    assert len(found) == len(missing)


def test_a_patients_message_owes_no_x_mss_field(archive: Attachment) -> None:
    assert warnings_about(message(PDF, header={}), from_patient=True) == []
    assert warnings_about(message(archive, header={}), from_patient=True) == []


def test_a_message_without_a_message_id_is_told() -> None:
    opened = open_message(b"From: a@x\r\nX-MSS-NIL: x\r\n\r\nt\r\n", (), TrustContext([]), at=NOW)
    for from_patient in (True, False):
        assert warnings_about(opened, from_patient=from_patient) == ["le message n'a pas de Message-ID"]
