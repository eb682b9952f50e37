"""The arguments of SEARCH [RFC 3501 §6.4.4] [RFC 4731 §4]."""

import re
from collections.abc import Callable
from typing import Final

from mssante_sim.imap.core.arguments import SearchReturn
from mssante_sim.imap.core.commands import Search
from mssante_sim.imap.core.cursor import Cursor
from mssante_sim.imap.core.faults import BadCharset, LimitReached, SyntaxFault
from mssante_sim.imap.core.grammar import choice, day, list_of, targets, text
from mssante_sim.imap.core.search_keys import (
    Always,
    And,
    BodyHas,
    DateTest,
    HasEmailId,
    HasFlag,
    HasUid,
    HeaderHas,
    IsNumbered,
    Larger,
    ModifiedSince,
    Not,
    Older,
    Or,
    ReceivedDate,
    SavedDate,
    SearchKey,
    SentDate,
    Smaller,
    TextHas,
    Younger,
)

__all__ = ["DEEPEST", "charset", "search", "search_keys"]

DEEPEST: Final = 128
"""Keys inside NOT, OR and parentheses; programs write a choice of many as OR x OR y OR z …  [our choice]"""

_WORD = re.compile(rb"[A-Za-z]+")
_OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}")
_RETURNS: Final = {option.value: option for option in SearchReturn}
_Reader = Callable[[Cursor, int], SearchKey]


def search(cursor: Cursor, tag: str, *, by_uid: bool = False) -> Search:
    """``"SEARCH" [SP "RETURN" SP "(" [option *(SP option)] ")"] [SP "CHARSET" SP charset] 1*(SP search-key)``.

    Without CHARSET texts are UTF-8, as [RFC 9051 §6.4.4] has it; US-ASCII is part of it.

    Raises:
        BadCharset: another charset than UTF-8 and US-ASCII.
        LimitReached: keys nested deeper than `DEEPEST`.
    """
    cursor.sp()
    fault, word = cursor.unexpected("a search key"), _word(cursor)
    returns: frozenset[SearchReturn] | None = None
    if word == "RETURN":
        returns = _returns(cursor)
        cursor.sp()
        fault, word = cursor.unexpected("a search key"), _word(cursor)
    if word == "CHARSET":
        cursor.sp()
        charset(cursor, saving=returns is not None and SearchReturn.SAVE in returns)
        cursor.sp()
        fault, word = cursor.unexpected("a search key"), _word(cursor)
    return Search(tag, _keys(cursor, word, fault), by_uid, returns)


def _returns(cursor: Cursor) -> frozenset[SearchReturn]:
    """``SP "(" [search-return-opt *(SP search-return-opt)] ")"``; none stands for ALL [RFC 4731 §3.1]."""
    cursor.sp()
    found = list_of(cursor, lambda inner: choice(inner, _RETURNS, "a result option"), may_be_empty=True)
    return frozenset(found) or frozenset({SearchReturn.ALL})


def search_keys(cursor: Cursor) -> SearchKey:
    """``search-key *(SP search-key)``."""
    fault = cursor.unexpected("a search key")
    return _keys(cursor, _word(cursor), fault)


def _keys(cursor: Cursor, word: str | None, fault: SyntaxFault) -> SearchKey:
    keys = [_key(cursor, word, fault, 0)]
    while cursor.octet(b" "):
        keys.append(_search_key(cursor, 0))
    return _all_of(keys)


def charset(cursor: Cursor, *, saving: bool = False) -> None:
    """``charset``; `saving`: the result was to be saved, and there is none now.  Raises: BadCharset."""
    name = text(cursor, "a charset")
    if name.upper() not in ("UTF-8", "US-ASCII"):
        fault = BadCharset("Texts to search for are read in UTF-8 or US-ASCII only.", detail=f"charset {name!r}")
        fault.saving = saving
        raise fault


def _all_of(keys: list[SearchKey]) -> SearchKey:
    return keys[0] if len(keys) == 1 else And(tuple(keys))


def _word(cursor: Cursor) -> str | None:
    found = cursor.take(_WORD)
    return found[0].decode("ascii").upper() if found else None


def _search_key(cursor: Cursor, depth: int) -> SearchKey:
    fault = cursor.unexpected("a search key")
    return _key(cursor, _word(cursor), fault, depth)


def _key(cursor: Cursor, word: str | None, fault: SyntaxFault, depth: int) -> SearchKey:
    """``search-key``, of which `word` was just taken, or nothing: then it is a list or a set."""
    if depth > DEEPEST:
        raise LimitReached(f"Search keys can be nested {DEEPEST} deep, not deeper.")
    if word is None and cursor.at(b"("):
        return _all_of(list_of(cursor, lambda inner: _search_key(inner, depth + 1)))
    if word is None:
        return IsNumbered(targets(cursor, "a search key"))
    if (key := _PLAIN.get(word)) is not None:
        return key
    if (reader := _READERS.get(word)) is None:
        raise fault
    cursor.sp()
    return reader(cursor, depth)


def _without(flag: str) -> SearchKey:
    return Not(HasFlag(flag))


_PLAIN: Final[dict[str, SearchKey]] = {
    "ALL": Always(),
    "ANSWERED": HasFlag("\\Answered"),
    "DELETED": HasFlag("\\Deleted"),
    "DRAFT": HasFlag("\\Draft"),
    "FLAGGED": HasFlag("\\Flagged"),
    "RECENT": HasFlag("\\Recent"),
    "SEEN": HasFlag("\\Seen"),
    "UNANSWERED": _without("\\Answered"),
    "UNDELETED": _without("\\Deleted"),
    "UNDRAFT": _without("\\Draft"),
    "UNFLAGGED": _without("\\Flagged"),
    "UNSEEN": _without("\\Seen"),
    "OLD": _without("\\Recent"),
    "NEW": And((HasFlag("\\Recent"), _without("\\Seen"))),
    "SAVEDATESUPPORTED": Always(),  # [RFC 8514 §4.3]
}


def _not(cursor: Cursor, depth: int) -> SearchKey:
    """``"NOT" SP search-key``."""
    return Not(_search_key(cursor, depth + 1))


def _or(cursor: Cursor, depth: int) -> SearchKey:
    """``"OR" SP search-key SP search-key``."""
    left = _search_key(cursor, depth + 1)
    cursor.sp()
    return Or(left, _search_key(cursor, depth + 1))


def _field(name: str) -> _Reader:
    """``"FROM" SP astring`` and its kind."""
    return lambda cursor, _: HeaderHas(name, text(cursor, _TEXT))


def _header(cursor: Cursor, _: int) -> SearchKey:
    """``"HEADER" SP header-fld-name SP astring``."""
    name = text(cursor, "the name of a header field")
    cursor.sp()
    return HeaderHas(name, text(cursor, _TEXT))


def _keyword(cursor: Cursor, _: int) -> SearchKey:
    """``"KEYWORD" SP flag-keyword``; ``flag-keyword = atom``."""
    return HasFlag(cursor.expect(cursor.atom(), "a keyword"))


def _octets(cursor: Cursor) -> int:
    """``number``, of the 63 bits that [RFC 9051 §9] gives it."""
    return cursor.expect(cursor.number64(), "a number of octets")


def _seconds(cursor: Cursor) -> int:
    """``nz-number``: an interval [RFC 5032 §3]."""
    return cursor.expect(cursor.nz_number(), "a number of seconds")


def _identity(cursor: Cursor) -> str:
    """``objectid = 1*255(ALPHA / DIGIT / "_" / "-")`` [RFC 8474 §7]."""
    return cursor.expect(cursor.take(_OBJECT_ID), "an object identifier")[0].decode("ascii")


def _thread(cursor: Cursor, _: int) -> SearchKey:
    """``"THREADID" SP objectid``: messages have none here, so that none answers [RFC 8474 §5.2]."""
    _identity(cursor)
    return Not(Always())


def _modified(cursor: Cursor, _: int) -> SearchKey:
    """``"MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer``.

    All flags of a message share one mod-sequence, so that the entry says nothing [RFC 7162 §3.1.5].
    """
    if (entry := cursor.quoted()) is not None:
        if not entry.lower().startswith(b"/flags/"):
            raise SyntaxFault('An entry is named like "/flags/\\\\seen".')
        cursor.sp()
        choice(cursor, {"PRIV": "", "SHARED": "", "ALL": ""}, "a kind of entry")
        cursor.sp()
    return ModifiedSince(cursor.expect(cursor.number64(), "a mod-sequence"))


_TEXT: Final = "a text to search for"

_READERS: Final[dict[str, _Reader]] = {
    "BCC": _field("Bcc"),
    "BEFORE": lambda cursor, _: ReceivedDate(DateTest.BEFORE, day(cursor)),
    "BODY": lambda cursor, _: BodyHas(text(cursor, _TEXT)),
    "CC": _field("Cc"),
    "EMAILID": lambda cursor, _: HasEmailId(_identity(cursor)),
    "FROM": _field("From"),
    "HEADER": _header,
    "KEYWORD": _keyword,
    "LARGER": lambda cursor, _: Larger(_octets(cursor)),
    "MODSEQ": _modified,
    "NOT": _not,
    "OLDER": lambda cursor, _: Older(_seconds(cursor)),
    "ON": lambda cursor, _: ReceivedDate(DateTest.ON, day(cursor)),
    "OR": _or,
    "SAVEDBEFORE": lambda cursor, _: SavedDate(DateTest.BEFORE, day(cursor)),
    "SAVEDON": lambda cursor, _: SavedDate(DateTest.ON, day(cursor)),
    "SAVEDSINCE": lambda cursor, _: SavedDate(DateTest.SINCE, day(cursor)),
    "SENTBEFORE": lambda cursor, _: SentDate(DateTest.BEFORE, day(cursor)),
    "SENTON": lambda cursor, _: SentDate(DateTest.ON, day(cursor)),
    "SENTSINCE": lambda cursor, _: SentDate(DateTest.SINCE, day(cursor)),
    "SINCE": lambda cursor, _: ReceivedDate(DateTest.SINCE, day(cursor)),
    "SMALLER": lambda cursor, _: Smaller(_octets(cursor)),
    "SUBJECT": _field("Subject"),
    "TEXT": lambda cursor, _: TextHas(text(cursor, _TEXT)),
    "THREADID": _thread,
    "TO": _field("To"),
    "UID": lambda cursor, _: HasUid(targets(cursor)),
    "UNKEYWORD": lambda cursor, depth: Not(_keyword(cursor, depth)),
    "YOUNGER": lambda cursor, _: Younger(_seconds(cursor)),
}
