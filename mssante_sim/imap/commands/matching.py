"""Whether a message answers a SEARCH, told from as little of it as will do.

`judge` knows three answers: yes, no, and not without reading more. So a search
by flag and text reads only the messages that have the flag.
"""

from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime

from mssante_sim.imap.core import search_keys as k
from mssante_sim.imap.core.search_keys import DateTest, SearchKey
from mssante_sim.imap.core.sequence import SeqNum, SequenceSet
from mssante_sim.message.headers import decode_text, decode_words, fields, unfold
from mssante_sim.message.parts import decoded, parse, walk
from mssante_sim.message.text import decode_charset
from mssante_sim.storage.api import MessageRow

__all__ = ["Known", "Limits", "judge"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What ``*`` stands for in this folder."""

    last_number: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class Known:
    """What has been read of a message so far."""

    row: MessageRow
    number: SeqNum
    flags: frozenset[str]  # lower case
    header: bytes | None = None
    whole: bytes | None = None


def judge(key: SearchKey, known: Known, limits: Limits) -> bool | None:  # noqa: PLR0911 - a flat list of kinds
    """Whether the message answers `key`; None if that cannot be told without reading more of it."""
    match key:
        case k.Always():
            return True
        case k.And(keys):
            return _all([judge(one, known, limits) for one in keys])
        case k.Or(left, right):
            return _negated(_all([_negated(judge(one, known, limits)) for one in (left, right)]))
        case k.Not(inner):
            return _negated(judge(inner, known, limits))
        case k.HeaderHas() | k.SentDate():
            return None if known.header is None else _by_header(key, known.header)
        case k.BodyHas() | k.TextHas():
            return None if known.whole is None else _by_text(key, known)
        case _:
            return _by_row(key, known, limits)


def _all(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _by_row(key: SearchKey, known: Known, limits: Limits) -> bool:
    match key:
        case k.HasFlag(flag):
            return flag.lower() in known.flags
        case k.Larger(octets):
            return known.row.octets > octets
        case k.Smaller(octets):
            return known.row.octets < octets
        case k.IsNumbered(numbers):
            return _holds(numbers, known.number, limits.last_number)
        case k.HasUid(uids):
            return _holds(uids, known.row.uid, limits.last_uid)
        case k.ReceivedDate(test, day):
            return known.row.internal_date is not None and _compares(known.row.internal_date.date(), test, day)
        case _:
            raise AssertionError("judge handles every other kind")


def _holds(numbers: SequenceSet, number: int, last: int) -> bool:
    return any(low <= number <= high for low, high in numbers.resolve(last))


def _compares(found: date, test: DateTest, day: date) -> bool:
    match test:
        case DateTest.BEFORE:
            return found < day
        case DateTest.ON:
            return found == day
        case DateTest.SINCE:
            return found >= day


def _by_header(key: k.HeaderHas | k.SentDate, header: bytes) -> bool:
    if isinstance(key, k.SentDate):
        sent = next((_day(field.raw) for field in fields(header) if field.name == "date"), None)
        return sent is not None and _compares(sent, key.test, key.day)
    wanted, text = key.name.lower(), key.text.casefold()
    values = (field.raw for field in fields(header) if field.name == wanted)
    return any(text in decode_words(unfold(value)).casefold() for value in values)


def _day(raw: bytes) -> date | None:
    """The day in a Date field as its writer saw it, without regard to zone.  [RFC 3501 §6.4.4]"""
    try:
        return parsedate_to_datetime(decode_text(unfold(raw))).date()
    except (ValueError, TypeError):
        return None


def _by_text(key: k.BodyHas | k.TextHas, known: Known) -> bool:
    """Whether a text part, decoded, holds the text; for TEXT also whether the header does, raw or decoded."""
    text = key.text.casefold()
    whole = known.whole or b""
    if (
        isinstance(key, k.TextHas)
        and known.header is not None
        and text in decode_words(unfold(known.header)).casefold()
    ):
        return True
    return any(
        text in decode_charset(decoded(whole, part), part.params.get("charset") or "us-ascii").casefold()
        for part in walk(parse(whole))
        if not part.children and part.content_type.startswith("text/")
    )
