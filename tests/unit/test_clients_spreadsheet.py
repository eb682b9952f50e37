"""Tables for a spreadsheet: it opens them as they are, and runs nothing that others wrote."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.clients.spreadsheet import inert, table


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Dominique", "Dominique"),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+33", "'+33"),
        ("-1", "'-1"),
        (" =1+1", "' =1+1"),
        ("\t=1+1", "' =1+1"),
        ("\r\n=1+1", "'  =1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("|calc", "'|calc"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_what_a_spreadsheet_would_run_is_text(cell: str, expected: str) -> None:
    assert inert(cell) == expected


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_a_table_has_its_cells_whatever_they_hold(rows: list[list[str]]) -> None:
    octets = table(("a", "b"), rows)
    assert octets.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(octets.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert read[0] == ["a", "b"]
    assert read[1:] == [[inert(cell).encode("utf-8", "replace").decode() for cell in row] for row in rows]
