"""Spellings that must find each other, and forms that cannot be searched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.directory.search import (
    MAX_QUERY_CHARACTERS,
    Query,
    SearchError,
    begins,
    contains,
    indexed_words,
    read_query,
    words,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pharmacie de l'Église", "PHARMACIE DE L’EGLISE"),
        ("St-Malo", "SAINT MALO"),
        ("Ste Anne", "Sainte-Anne"),
        ("Sts Pères", "saints peres"),
        ("Cœur de ville", "COEUR DE VILLE"),
        ("Lætitia", "laetitia"),
        ("Villeneuve-d'Ascq", "villeneuve d ascq"),
        ("Sainte-Foy-lès-Lyon", "STE FOY LES LYON"),
        ("L'Haÿ", "l hay"),
        ("Fougères", "Fouge\u0300res"),
        ("ﬁctif", "fictif"),
        ("STRASSE", "straße"),
    ],
)
def test_spellings_meet_in_the_same_words(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_words_that_differ_stay_apart() -> None:
    assert words("Saint") != words("Sainte")
    assert words("Lille") != words("Lilas")
    assert words("!? 中文 -") == ()


@given(st.text(max_size=60))
def test_words_are_lower_case_ascii_and_stable(text: str) -> None:
    found = words(text)
    assert all(word.isascii() and word.isalnum() and word == word.lower() for word in found)
    assert words(" ".join(found)) == found


def test_an_elided_name_is_indexed_apart_and_in_one_piece() -> None:
    assert indexed_words("L'Hermine", "Pharmacie de l’Orme") == (
        "l",
        "hermine",
        "lhermine",
        "pharmacie",
        "de",
        "orme",
        "lorme",
    )


@given(st.text("aEé St'-", max_size=12), st.text("aEé St'-", max_size=4))
def test_what_begins_is_contained(text: str, value: str) -> None:
    if begins(text, value):
        assert contains(text, value)


def test_beginning_and_containing_ignore_spelling_but_not_order() -> None:
    assert begins("PHARMACIE FICTIVE DES LILAS", "pharmacie fict")
    assert not begins("PHARMACIE FICTIVE DES LILAS", "lilas")
    assert contains("PHARMACIE FICTIVE DES LILAS", "Lila")
    assert contains("PHARMACIE SAINT-MICHEL", "st michel")
    assert contains("PHARMACIE CASTEL", "st")
    assert begins("Strasbourg", "st")
    assert not contains("PHARMACIE DES LILAS", "lilas des")


@pytest.mark.parametrize(
    ("name", "place", "query"),
    [
        ("pharmacie du Lilas", None, Query(("pharmacie", "lilas"), ())),
        (None, " St Malo ", Query((), ("saint", "malo"))),
        ("", "35", Query((), ("35",))),
        ("les", "L'", Query(("les",), ("l",))),
        ("l'étoile", "2A", Query(("etoile",), ("2a",))),
    ],
)
def test_a_form_becomes_words_without_fillers(name: str | None, place: str | None, query: Query) -> None:
    assert read_query(name, place) == query


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (None, None),
        ("", "  "),
        ("x" * (MAX_QUERY_CHARACTERS + 1), None),
        ("lilas", "y" * 101),
        ("!?", None),
        ("lilas", "…"),
    ],
)
def test_a_form_that_says_nothing_or_too_much_is_refused(name: str | None, place: str | None) -> None:
    with pytest.raises(SearchError):
        read_query(name, place)


def test_the_longest_name_is_searched() -> None:
    assert read_query("x" * MAX_QUERY_CHARACTERS, None).name
