import json
from datetime import UTC, datetime
from pathlib import Path

from mssante_sim.audit import AuditFile, Pseudonyms
from mssante_sim.clock import FixedClock

PATIENT = "279035121518989@patient.mssante.test"


def test_a_trace_names_a_patient_by_a_stable_pseudonym_only(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    audit = AuditFile(file, FixedClock(datetime(2026, 11, 23, tzinfo=UTC)), Pseudonyms(b"key", "patient.mssante.test"))
    audit.record("smtp.data", user=PATIENT, result="250", recipient="lilas@officine.mssante.test", octets=20)
    audit.record("imap.fetch", user="lilas.titulaire", result="OK", sender=PATIENT.upper())
    audit.close()
    first, second = map(json.loads, file.read_text().splitlines())
    assert "279035121518989" not in file.read_text()
    assert first["user"] == second["sender"]
    assert first["user"].startswith("patient-")
    assert (first["recipient"], first["octets"]) == ("lilas@officine.mssante.test", 20)
    assert datetime.fromisoformat(first["time"]) == datetime(2026, 11, 23, tzinfo=UTC)


def test_another_home_gives_the_patient_another_name() -> None:
    one, two = Pseudonyms(b"one", "patient.mssante.test"), Pseudonyms(b"two", "patient.mssante.test")
    assert one.of(PATIENT) != two.of(PATIENT)
