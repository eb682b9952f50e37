"""What two spellings of a name have in common.

Accents, case, hyphens, apostrophes, ligatures and the abbreviations of
Saint do not matter; a query word matches a word that begins with it.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from mssante_sim.errors import SimulatorError

__all__ = [
    "MAX_QUERY_CHARACTERS",
    "Query",
    "SearchError",
    "begins",
    "contains",
    "folded_text",
    "indexed_words",
    "read_query",
    "unabbreviated",
    "words",
]

MAX_QUERY_CHARACTERS: Final = 100
"""Longest name or place one may search for.  [ENS Messagerie V1.3]."""

_WRITTEN_OTHERWISE = {"œ": "oe", "æ": "ae", "’": "'", "ʼ": "'", "‘": "'", "´": "'", "`": "'"}
_OTHERWISE = re.compile(f"[{''.join(_WRITTEN_OTHERWISE)}]")  # six times as fast as `str.translate`
_ABBREVIATIONS = {"st": "saint", "ste": "sainte", "sts": "saints", "stes": "saintes"}
_FILLERS = frozenset({"a", "au", "aux", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les"})
_WORD = re.compile(r"[a-z0-9]+")
_ELISION = re.compile(r"([a-z0-9]+)'(?=([a-z0-9]+))")


class SearchError(SimulatorError):
    """Nothing can be searched for with this name and place."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Query:
    """Words to look for; at least one tuple holds one."""

    name: tuple[str, ...]
    place: tuple[str, ...]


def words(text: str) -> tuple[str, ...]:
    """The words of `text`, lower-case ASCII letters and digits only, in their order."""
    return tuple([_ABBREVIATIONS.get(word, word) for word in _WORD.findall(folded_text(text))])


def indexed_words(*texts: str) -> tuple[str, ...]:
    """What a row is found by: the words of all `texts`, elided ones in one piece too (lhermine)."""
    found: list[str] = []
    for text in texts:
        folded = folded_text(text)
        found += [_ABBREVIATIONS.get(word, word) for word in _WORD.findall(folded)]
        if "'" in folded:
            found += [match[1] + match[2] for match in _ELISION.finditer(folded)]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=256)  # asked of one value for each thing that is looked at
def unabbreviated(text: str) -> tuple[str, ...]:
    """The words of `text` that stand for themselves only, so that each must begin a word of what `begins` with it."""
    return tuple(word for word in _WORD.findall(folded_text(text)) if word not in _ABBREVIATIONS)


def read_query(name: str | None, place: str | None) -> Query:
    """The words of a search form; articles and the like count only when there is nothing else.

    Raises:
        SearchError: both are empty, one is too long or has neither letter nor digit.
    """
    query = Query(_asked(name), _asked(place))
    if not query.name and not query.place:
        raise SearchError("Give a name, a place or both.", french="Indiquez un nom, un lieu ou les deux.")
    return query


def begins(text: str, value: str) -> bool:
    """Whether `text` begins with `value`, however either is spelt."""
    return any(whole.startswith(part) for whole, part in _spellings(text, value))


def contains(text: str, value: str) -> bool:
    """Whether `value` stands anywhere in `text`, however either is spelt."""
    return any(part in whole for whole, part in _spellings(text, value))


def _spellings(text: str, value: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Both as they are, and both in full: `st` may be short for Saint or the beginning of a word."""
    plain = [" ".join(_WORD.findall(folded_text(one))) for one in (text, value)]
    full = [" ".join(words(one)) for one in (text, value)]
    return (plain[0], plain[1]), (full[0], full[1])


def _asked(text: str | None) -> tuple[str, ...]:
    if text is None or not text.strip():
        return ()
    if len(text) > MAX_QUERY_CHARACTERS:
        raise SearchError(
            f"A name or a place to search for has at most {MAX_QUERY_CHARACTERS} characters.",
            french=f"Le nom ou le lieu recherché compte au plus {MAX_QUERY_CHARACTERS} caractères.",
        )
    found = words(text)
    if not found:
        raise SearchError(
            "A name or a place to search for has at least one letter or digit.",
            french="Le nom ou le lieu recherché contient au moins une lettre ou un chiffre.",
        )
    return tuple(word for word in found if word not in _FILLERS) or found


def folded_text(text: str) -> str:
    """`text` without case, accents and ligatures."""
    if text.isascii():
        return text.lower().replace("`", "'")
    plain = _OTHERWISE.sub(lambda found: _WRITTEN_OTHERWISE[found[0]], text.casefold())
    return _marks().sub("", unicodedata.normalize("NFKD", plain))


@cache
def _marks() -> re.Pattern[str]:
    """Every accent that stands apart from its letter; the planes beyond the first hold none that is written here."""
    marks = (chr(code) for code in range(0x300, 0x10000) if unicodedata.combining(chr(code)))
    return re.compile(f"[{''.join(marks)}]+")
