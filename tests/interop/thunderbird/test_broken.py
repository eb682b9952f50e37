"""What Thunderbird shows of the broken cases is what we say that it shows."""

from pathlib import Path

import pytest

from mssante_sim.crypto.broken.measured import MEASURED, VERSIONS
from tests.crypto.measuring import made, version
from tests.interop.thunderbird.judging import verdicts

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(600)]


def test_thunderbird_makes_of_the_cases_what_the_table_says(tmp_path: Path) -> None:
    """For the version that was measured; with another, `python -m tests.crypto.measuring` writes the table anew."""
    found = verdicts(*made(), tmp_path)
    assert found.keys() == MEASURED.keys()
    assert found["signature-good"] == found["envelope-good"] == "accept"
    if version("thunderbird") == VERSIONS["thunderbird"]:
        assert found == {name: row["thunderbird"] for name, row in MEASURED.items()}
