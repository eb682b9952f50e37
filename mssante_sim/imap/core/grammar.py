"""Elements of the grammar that several commands share.

Each function reads what it is named after and raises `SyntaxFault` where that does not
stand.  The rule quoted in each is of [RFC 3501 §9], unless it says otherwise.
"""

import re
import unicodedata
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TypeVar

from mssante_sim.imap.core.cursor import LARGEST_NUMBER, Cursor, bounded_number
from mssante_sim.imap.core.faults import LimitReached, SyntaxFault
from mssante_sim.imap.core.octets import ATOM_CHARS, MONTHS, class_of
from mssante_sim.imap.core.sequence import STAR, SavedResult, SequenceSet, Targets
from mssante_sim.imap.core.utf7 import decode_name

__all__ = [
    "base64",
    "choice",
    "date_time",
    "day",
    "expect_word",
    "flag",
    "flag_list",
    "flags",
    "list_of",
    "mailbox",
    "name",
    "plain_set",
    "read_name",
    "sequence_set",
    "targets",
    "text",
    "utf8",
]

_Value = TypeVar("_Value")
_KEYWORD_OCTETS = 255

_FLAG = re.compile(rb"\\?%s+|\\\*" % class_of(ATOM_CHARS))
_SYSTEM_FLAGS = {flag.lower(): flag for flag in ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen")}
_SET = re.compile(rb"[0-9*:,]+")
_RANGE = re.compile(rb"([0-9]+|\*)(?::([0-9]+|\*))?")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]+")
_DAY = re.compile(rb"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})")
_DATE_TIME = re.compile(
    rb'"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-][0-9]{2})([0-9]{2})"'
)
_MONTHS = {name.lower().encode("ascii"): number for number, name in enumerate(MONTHS, start=1)}


def list_of(cursor: Cursor, element: Callable[[Cursor], _Value], *, may_be_empty: bool = False) -> list[_Value]:
    """``"(" element *(SP element) ")"``."""
    cursor.expect_octet(b"(")
    if may_be_empty and cursor.octet(b")"):
        return []
    values = [element(cursor)]
    while cursor.octet(b" "):
        values.append(element(cursor))
    cursor.expect_octet(b")")
    return values


def choice(cursor: Cursor, choices: dict[str, _Value], what: str) -> _Value:
    """What one of the words that are keys of `choices` stands for."""
    fault = cursor.unexpected(f"{what} ({', '.join(choices)})")
    value = choices.get(cursor.word() or "")
    if value is None:
        raise fault
    return value


def expect_word(cursor: Cursor, wanted: str) -> None:
    """`wanted`, in any case."""
    fault = cursor.unexpected(wanted)
    if cursor.word() != wanted:
        raise fault


# strings


def text(cursor: Cursor, what: str) -> str:
    """``astring``, in UTF-8."""
    return utf8(cursor.expect(cursor.astring(), what), what)


def utf8(octets: bytes, what: str) -> str:
    """`octets` decoded; `what` names them in the fault."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise SyntaxFault(f"Expected {what} in UTF-8, found octets that are not.") from None


def name(cursor: Cursor) -> str:
    """``astring`` that is a mailbox name or its beginning.  Raises also: Cannot."""
    return read_name(cursor, cursor.expect(cursor.astring(), "a mailbox name"))


def read_name(cursor: Cursor, octets: bytes) -> str:
    """The name that `octets` encode, in UTF-8 or modified UTF-7, whichever this client uses.  Raises also: Cannot.

    Modified UTF-7 that is not in normal form C is converted, as other servers do; a name in UTF-8 is as it is
    [RFC 9051 §5.1].
    """
    if cursor.utf8_names:
        return utf8(octets, "a mailbox name")
    return unicodedata.normalize("NFC", decode_name(octets))


def mailbox(cursor: Cursor) -> str:
    """``mailbox = "INBOX" / astring``; INBOX in any case.  Raises also: Cannot."""
    found = name(cursor)
    return "INBOX" if found.upper() == "INBOX" else found


def base64(cursor: Cursor, what: str) -> bytes:
    """``base64 / "="`` [RFC 4959 §7], decoded; ``=`` alone stands for nothing."""
    fault = cursor.unexpected(f"{what} in base64, with its padding")
    found = cursor.take(_BASE64)
    if found is None:
        raise fault
    if found[0] == b"=":
        return b""
    try:
        return a2b_base64(found[0], strict_mode=True)
    except Base64Error:
        raise fault from None


# flags


def flag(cursor: Cursor) -> str:
    r"""``flag = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension``.

    ``\Recent`` is the server's to set, and no flag-extension has been defined.
    """
    fault = cursor.unexpected("a flag that can be set (\\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or a keyword)")
    found = cursor.take(_FLAG)
    if found is None:
        raise fault
    given = found[0].decode("ascii")
    if not given.startswith("\\"):
        if len(given) > _KEYWORD_OCTETS:
            raise LimitReached(f"A keyword may have {_KEYWORD_OCTETS} characters, not more.")
        return given
    if (system := _SYSTEM_FLAGS.get(given.lower())) is None:
        raise fault
    return system


def flag_list(cursor: Cursor) -> frozenset[str]:
    """``flag-list = "(" [flag *(SP flag)] ")"``."""
    return frozenset(list_of(cursor, flag, may_be_empty=True))


def flags(cursor: Cursor) -> frozenset[str]:
    """``flag-list / (flag *(SP flag))``: STORE takes both."""
    if cursor.at(b"("):
        return flag_list(cursor)
    found = {flag(cursor)}
    while cursor.octet(b" "):
        found.add(flag(cursor))
    return frozenset(found)


# numbers


def targets(cursor: Cursor, what: str = "a set of message numbers") -> Targets:
    """``sequence-set =/ "$"`` [RFC 5182 §3]."""
    return SavedResult() if cursor.octet(b"$") else sequence_set(cursor, what)


def plain_set(cursor: Cursor, what: str) -> SequenceSet:
    """``sequence-set`` in which "*" is not allowed, as where UIDs of the past are named [RFC 7162 §7]."""
    fault = cursor.unexpected(f"{what} without *")
    found = sequence_set(cursor, what)
    if any(STAR in span for span in found.ranges):
        raise fault
    return found


def sequence_set(cursor: Cursor, what: str = "a set of message numbers") -> SequenceSet:
    """``sequence-set = (seq-number / seq-range) *("," sequence-set)``; as many ranges as the line holds.

    ``seq-number = nz-number / "*"``, ``seq-range = seq-number ":" seq-number``
    """
    fault = cursor.unexpected(what)
    found = cursor.take(_SET)
    if found is None:
        raise fault
    ranges = []
    for octets in found[0].split(b","):
        ends = _RANGE.fullmatch(octets)
        if ends is None:
            raise fault
        low = _seq_number(ends[1])
        ranges.append((low, low if ends[2] is None else _seq_number(ends[2])))
    return SequenceSet(tuple(ranges))


def _seq_number(octets: bytes) -> int:
    if octets == b"*":
        return STAR
    number = bounded_number(octets, LARGEST_NUMBER)
    if number == 0:
        raise SyntaxFault("No message has the number 0.")
    return number


# dates


def day(cursor: Cursor) -> date:
    """``date = date-text / DQUOTE date-text DQUOTE``; ``date-text = date-day "-" date-month "-" date-year``."""
    fault = cursor.unexpected("a date like 1-Feb-2026")
    quote = cursor.octet(b'"')
    found = cursor.take(_DAY)
    if found is None or (quote and not cursor.octet(b'"')):
        raise fault
    try:
        return date(int(found[3]), _month(found[2]), int(found[1]))
    except ValueError:
        raise fault from None


def date_time(cursor: Cursor) -> datetime:
    """``date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE``."""
    fault = cursor.unexpected('a date and time like " 1-Feb-2026 09:30:00 +0100"')
    found = cursor.take(_DATE_TIME)
    if found is None:
        raise fault
    try:
        return _aware(found)
    except (ValueError, OverflowError):
        raise fault from None


def _aware(found: re.Match[bytes]) -> datetime:
    hours, minutes = int(found[7]), int(found[8])
    if minutes > 59:
        raise ValueError(minutes)
    zone = timedelta(hours=hours, minutes=-minutes if found[7].startswith(b"-") else minutes)
    moment = datetime(
        int(found[3]), _month(found[2]), int(found[1]), int(found[4]), int(found[5]), int(found[6]),
        tzinfo=timezone(zone),
    )  # fmt: skip
    moment.astimezone(UTC)  # a store keeps it so: the first and the last hours of time do not fit
    return moment


def _month(name: bytes) -> int:
    try:
        return _MONTHS[name.lower()]
    except KeyError:
        raise ValueError(name) from None
