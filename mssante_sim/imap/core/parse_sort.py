"""The arguments of SORT and THREAD [RFC 5256 §5]."""

from typing import Final

from mssante_sim.imap.core.arguments import SortCriterion, SortKey, ThreadAlgorithm
from mssante_sim.imap.core.commands import Sort, Thread
from mssante_sim.imap.core.cursor import Cursor
from mssante_sim.imap.core.grammar import choice, list_of
from mssante_sim.imap.core.parse_search import charset, search_keys
from mssante_sim.imap.core.search_keys import SearchKey

__all__ = ["sort", "thread"]

_KEYS: Final[dict[str, SortKey]] = {key.value: key for key in SortKey}
_KEYS_OR_REVERSE: Final[dict[str, SortKey | str]] = {"REVERSE": "REVERSE", **_KEYS}
_ALGORITHMS: Final = {algorithm.value: algorithm for algorithm in ThreadAlgorithm}


def sort(cursor: Cursor, tag: str, *, by_uid: bool = False) -> Sort:
    """``"SORT" SP "(" sort-criterion *(SP sort-criterion) ")" SP charset 1*(SP search-key)``."""
    cursor.sp()
    given = list_of(cursor, _criterion)
    first = {one.key: one for one in reversed(given)}  # the first of a kind decides, so that others need not be kept
    criteria = tuple(one for one in given if first[one.key] is one)
    return Sort(tag, criteria, _search(cursor), by_uid)


def _criterion(cursor: Cursor) -> SortCriterion:
    """``sort-criterion = ["REVERSE" SP] sort-key``."""
    key = choice(cursor, _KEYS_OR_REVERSE, "a sort key")
    if isinstance(key, SortKey):
        return SortCriterion(key)
    cursor.sp()
    return SortCriterion(choice(cursor, _KEYS, "a sort key"), reverse=True)


def thread(cursor: Cursor, tag: str, *, by_uid: bool = False) -> Thread:
    """``"THREAD" SP thread-alg SP charset 1*(SP search-key)``."""
    cursor.sp()
    algorithm = choice(cursor, _ALGORITHMS, "a way to thread")
    return Thread(tag, algorithm, _search(cursor), by_uid)


def _search(cursor: Cursor) -> SearchKey:
    """``SP charset 1*(SP search-key)``: here the charset must be given."""
    cursor.sp()
    charset(cursor)
    cursor.sp()
    return search_keys(cursor)
