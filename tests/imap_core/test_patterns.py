"""What LIST's wildcards match, and how long that takes."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.imap.core.patterns import ListPattern


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("*", ["INBOX", "a/b/c", ""], []),
        ("%", ["INBOX", "a", ""], ["a/b"]),
        ("a/%", ["a/b", "a/"], ["a", "a/b/c", "b/c"]),
        ("%/%", ["a/b"], ["a", "a/b/c"]),
        ("a*", ["a", "ab", "a/b"], ["b", "A"]),
        ("*b", ["b", "a/b", "abb"], ["a/bc"]),
        ("a%c*e", ["ace", "abcde", "abc/d/e"], ["a/ce", "abd"]),
        ("inbox", ["INBOX"], ["inBox", "inbox/a"]),
        ("In%", ["INBOX"], ["INTRAY"]),
        ("inbox/a", [], ["INBOX/a"]),
        ("", [""], ["a"]),
        ("*%", ["a/b", ""], []),
        ("%*%", ["a/b", ""], []),
        ("[ab].+", ["[ab].+"], ["ab", "a"]),
        ("é%", ["été"], ["ete"]),
    ],
)
def test_a_pattern_matches_what_the_standard_says(pattern: str, names: list[str], others: list[str]) -> None:
    assert [name for name in [*names, *others] if ListPattern(pattern).matches(name)] == names


parts = st.sampled_from(["a", "b", "/", "*", "%", "%%", "*%", "["])


@given(st.lists(parts, max_size=10).map("".join), st.text("ab/[", max_size=12))
def test_a_pattern_is_the_regular_expression_it_stands_for(pattern: str, name: str) -> None:
    expression = re.escape(pattern).replace(r"\*", ".*").replace("%", "[^/]*")
    assert ListPattern(pattern).matches(name) == bool(re.fullmatch(expression, name))


def test_no_pattern_takes_exponential_time() -> None:
    started = time.process_time()
    assert not ListPattern("*a" * 200 + "b").matches("a" * 1_000)
    assert not ListPattern("%a" * 200 + "b").matches("a" * 1_000)
    assert time.process_time() - started < 1
