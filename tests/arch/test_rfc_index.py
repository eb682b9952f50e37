"""The table of standards says what is true: what is cited, what is offered, and by what it is proven."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mssante_sim.imap.core.capabilities import PROMISES

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "scripts" / "rfc_index.tsv"
CITED = re.compile(r"RFC (\d+)")


def rows() -> list[dict[str, str]]:
    with INDEX.open(encoding="utf-8", newline="") as index:
        return list(csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_rows_are_in_order_and_each_standard_has_one() -> None:
    numbers = [int(row["rfc"]) for row in rows()]
    assert numbers == sorted(set(numbers))


def test_every_standard_that_is_cited_has_a_row() -> None:
    cited = {
        int(number)
        for path in [
            *(ROOT / "mssante_sim").rglob("*.py"),
            *(ROOT / "tests").rglob("*.py"),
            *(ROOT / "tests").rglob("*.imap"),
        ]
        for number in CITED.findall(path.read_text(encoding="utf-8"))
    }
    assert cited - {int(row["rfc"]) for row in rows()} == set()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["rfc"])
def test_a_row_says_how_far_and_by_what_it_is_proven(row: dict[str, str]) -> None:
    assert row["status"] in {"yes", "partly", "no"}
    assert row["title"]
    if row["status"] != "yes":
        assert row["remark"], "the reason is missing"
    if row["status"] == "no":
        assert not row["tests"]
    else:
        assert row["tests"]
    for path in row["tests"].split():
        assert (ROOT / path).exists(), path


def test_what_is_offered_is_what_the_server_promises() -> None:
    """Nothing is advertised that the table does not explain, nothing claimed that is not advertised."""
    offered = [name for row in rows() if row["status"] != "no" for name in row["capabilities"].split()]
    refused = [name for row in rows() if row["status"] == "no" for name in row["capabilities"].split()]
    assert sorted(offered) == sorted(PROMISES)
    assert not set(refused) & set(PROMISES)


def test_the_table_for_readers_names_every_capability_once() -> None:
    script = ROOT / "scripts" / "capability_table"
    printed = subprocess.run([sys.executable, script], capture_output=True, check=True, text=True).stdout
    named = [name for line in printed.splitlines()[2:] for name in line.split("|")[1].strip().split(", ")]
    assert sorted(named) == sorted(name for row in rows() for name in row["capabilities"].split())
    assert all(line.count("|") == 5 for line in printed.splitlines())
