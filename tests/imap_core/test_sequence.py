"""Sets of numbers: resolved without being expanded, and written as short as they can be."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.imap.core.commands import Fetch
from mssante_sim.imap.core.parse import parse
from mssante_sim.imap.core.sequence import STAR, SequenceSet, format_set
from tests.imap_core.wire import frame


def a_set(text: str) -> SequenceSet:
    found = parse(frame(f"a FETCH {text} UID\r\n".encode()))
    assert isinstance(found, Fetch)
    return found.targets


@pytest.mark.parametrize(
    ("text", "maximum", "expected"),
    [
        ("1", 5, ((1, 1),)),
        ("6", 5, ()),
        ("1:3,5", 5, ((1, 3), (5, 5))),
        ("3:1", 5, ((1, 3),)),
        ("*", 5, ((5, 5),)),
        ("*", 0, ()),
        ("1:*", 0, ()),
        ("1:*", 5, ((1, 5),)),
        ("*:4", 5, ((4, 5),)),
        ("9:*", 5, ((5, 5),)),  # [RFC 3501 §6.4.8]: the last message, whatever the number
        ("*:9", 5, ((5, 5),)),
        ("4:9", 5, ((4, 5),)),
        ("1:4294967295", 3, ((1, 3),)),
        ("1:2,2:3", 5, ((1, 3),)),
        ("1:2,3:4", 5, ((1, 4),)),
        ("4,2,1", 5, ((1, 2), (4, 4))),
        ("1:4,2", 5, ((1, 4),)),
    ],
)
def test_a_set_is_resolved_against_the_largest_number(
    text: str, maximum: int, expected: tuple[tuple[int, int], ...]
) -> None:
    assert a_set(text).resolve(maximum) == expected


@pytest.mark.parametrize(
    ("text", "maximum", "beyond"),
    [("1:5", 5, False), ("6", 5, True), ("1:6", 5, True), ("*", 5, False), ("*", 0, True), ("1:*", 1, False),
     ("6:*", 5, True), ("1", 0, True)],
)  # fmt: skip
def test_a_set_knows_whether_it_names_what_is_not_there(text: str, maximum: int, *, beyond: bool) -> None:
    assert a_set(text).beyond(maximum) is beyond


numbers = st.integers(1, 40)
ends = numbers | st.just(STAR)
sets = st.lists(st.tuples(ends, ends), min_size=1, max_size=6).map(lambda ranges: SequenceSet(tuple(ranges)))


def members(ranges: SequenceSet, maximum: int) -> set[int]:
    """The definition, slowly."""
    found: set[int] = set()
    for one, other in ranges.ranges:
        low, high = sorted((one or maximum, other or maximum))
        found |= set(range(low, high + 1))
    return found


@given(sets, st.sets(numbers, max_size=25).map(sorted))
def test_select_finds_exactly_the_members(ranges: SequenceSet, present: list[int]) -> None:
    wanted = members(ranges, present[-1]) if present else set()
    assert ranges.select(present) == [number for number in present if number in wanted]


@given(sets, st.integers(0, 40))
def test_resolved_ranges_are_ascending_disjoint_and_not_adjacent(ranges: SequenceSet, maximum: int) -> None:
    resolved = ranges.resolve(maximum)
    flat = [number for low, high in resolved for number in range(low, high + 1)]
    assert flat == sorted(members(ranges, maximum) & set(range(1, maximum + 1)) if maximum else [])
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(resolved))


@given(st.sets(st.integers(1, 4_294_967_295) | numbers, min_size=1).map(sorted))
def test_a_formatted_set_reads_back(present: list[int]) -> None:
    written = format_set(present)
    assert a_set(written).resolve(4_294_967_295) == SequenceSet(tuple((n, n) for n in present)).resolve(4_294_967_295)
    assert "," not in format_set(range(present[0], present[0] + 3))


def test_the_order_of_a_formatted_set_is_kept() -> None:
    assert format_set([7, 8, 9, 3, 4, 9]) == "7:9,3:4,9"


def test_two_billion_numbers_cost_nothing() -> None:
    present = range(1, 4_000_000_000, 7)
    started = time.process_time()
    found = SequenceSet(((1, 2_000_000_000),)).resolve(4_000_000_000)
    few = SequenceSet(((3_999_999_900, STAR),)).select(present)
    assert time.process_time() - started < 0.5
    assert found == ((1, 2_000_000_000),)
    assert len(few) == 15
