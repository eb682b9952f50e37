"""Whether a message answers a SEARCH, told from as little of it as will do.

`compiled` turns the tree of keys into one function, once for all messages. It knows
three answers: yes, no, and not without reading more. So a search by flag and
text reads only the messages that have the flag.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Final, cast

from mssante_sim.imap.core import search_keys as k
from mssante_sim.imap.core.search_keys import DateTest, SearchKey
from mssante_sim.imap.core.view import FolderView
from mssante_sim.imap.render.identity import email_id
from mssante_sim.message.headers import decode_text, decode_words, pairs, unfold
from mssante_sim.message.parts import Part, decoded, parse, walk
from mssante_sim.message.text import decode_charset
from mssante_sim.storage.api import MessageRow, Uid, Want

__all__ = ["Known", "Test", "candidates", "compiled", "may_stand_in", "octets_only", "wanted"]


@dataclass(frozen=True, slots=True)
class Known:
    """What has been read of a message so far."""

    row: MessageRow
    flags: frozenset[str]  # lower case, as this session shows them
    header: bytes | None = None
    body: bytes | None = None  # with its header, without the prefix of the delivery


Test = Callable[[Known], bool | None]
"""Whether the message answers; None if that cannot be told without reading more of it."""

OctetTest = Callable[[bytes, bytes | None], bool | None]
"""The same, told from its header (with the prefix of the delivery) and its body."""


def candidates(key: SearchKey, view: FolderView) -> list[Uid]:
    """The messages that can answer `key` by their number or UID, ascending."""
    match key:
        case k.HasUid(uids):
            return view.by_uid(uids)
        case k.IsNumbered(numbers):
            return view.by_number(numbers)
        case k.And(keys):
            found = [candidates(one, view) for one in keys]
            least = min(found, key=len)
            others = [frozenset(one) for one in found if one is not least and len(one) < len(view)]
            return [uid for uid in least if all(uid in other for other in others)]
        case _:
            return cast("list[Uid]", view.uids.tolist())


def wanted(key: SearchKey) -> Want:  # noqa: PLR0911 - a flat list of kinds
    """What a test of `key` looks at."""
    match key:
        case k.And(keys):
            want = Want.FLAGS
            for one in keys:
                want |= wanted(one)
            return want
        case k.Or(left, right):
            return wanted(left) | wanted(right)
        case k.Not(inner):
            return wanted(inner)
        case k.ReceivedDate() | k.SavedDate() | k.Older() | k.Younger():
            return Want.DATES
        case k.HasEmailId():
            return Want.PREFIX
        case k.HeaderHas() | k.SentDate():
            return Want.PREFIX | Want.HEADER
        case k.BodyHas() | k.TextHas():
            return Want.PREFIX | Want.BODY
        case _:
            return Want.FLAGS


def compiled(key: SearchKey, view: FolderView, now: datetime) -> Test:  # noqa: PLR0911 - a flat list of kinds
    """The test of `key` in the folder of `view`, at the instant `now`."""
    match key:
        case k.And(keys):
            return _all([compiled(one, view, now) for one in keys])
        case k.Or(left, right):
            return _not(_all([_not(compiled(left, view, now)), _not(compiled(right, view, now))]))
        case k.Not(inner):
            return _not(compiled(inner, view, now))
        case k.HeaderHas() | k.SentDate() | k.BodyHas() | k.TextHas():
            holds = _octet_test(key)
            return lambda known: None if known.header is None else holds(known.header, known.body)
        case k.HasUid() | k.IsNumbered():
            chosen = frozenset(candidates(key, view))
            return lambda known: known.row.uid in chosen
        case k.ReceivedDate() | k.SavedDate() | k.Older() | k.Younger():
            return _date_test(key, now)
        case _:
            return _row_test(key)


def octets_only(key: SearchKey) -> OctetTest | None:
    """The test of `key`, if it looks at nothing but octets of the message."""
    match key:
        case k.HeaderHas() | k.SentDate() | k.BodyHas() | k.TextHas():
            return _octet_test(key)
        case _:
            return None


def _octet_test(key: k.HeaderHas | k.SentDate | k.BodyHas | k.TextHas) -> OctetTest:
    match key:
        case k.HeaderHas():
            return _field_holds(key)
        case k.SentDate():
            return _sent(key)
        case k.BodyHas() | k.TextHas():
            return _text_holds(key.text.casefold(), in_header=isinstance(key, k.TextHas))


def _all(tests: list[Test]) -> Test:
    def test(known: Known) -> bool | None:
        answer: bool | None = True
        for one in tests:
            found = one(known)
            if found is False:
                return False
            if found is None:
                answer = None
        return answer

    return test


def _not(inner: Test) -> Test:
    def test(known: Known) -> bool | None:
        answer = inner(known)
        return None if answer is None else not answer

    return test


def _row_test(key: k.Always | k.HasFlag | k.Larger | k.Smaller | k.ModifiedSince | k.HasEmailId) -> Test:
    match key:
        case k.Always():
            return lambda _: True
        case k.HasFlag(flag):
            lower = flag.lower()
            return lambda known: lower in known.flags
        case k.Larger(octets):
            return lambda known: known.row.octets > octets
        case k.Smaller(octets):
            return lambda known: known.row.octets < octets
        case k.ModifiedSince(modseq):
            return lambda known: known.row.modseq >= modseq
        case k.HasEmailId(identity):
            return lambda known: email_id(known.row) == identity


def _date_test(key: k.ReceivedDate | k.SavedDate | k.Older | k.Younger, now: datetime) -> Test:
    match key:
        case k.ReceivedDate(test, day):
            return lambda known: _compares(known.row.internal_date, test, day)
        case k.SavedDate(test, day):
            return lambda known: _compares(known.row.saved_date, test, day)
        case k.Older(seconds):
            return lambda known: _age(known.row, now) >= seconds
        case k.Younger(seconds):
            return lambda known: _age(known.row, now) <= seconds


def _age(row: MessageRow, now: datetime) -> int:
    """Seconds since the message came, to the resolution of a second [RFC 5032 §2]."""
    assert row.internal_date is not None, "dates were not read"  # noqa: S101 - `wanted` asks for them
    return int(now.timestamp()) - int(row.internal_date.timestamp())


def _compares(found: datetime | None, test: DateTest, day: date) -> bool:
    if found is None:
        return False
    match test:
        case DateTest.BEFORE:
            return found.date() < day
        case DateTest.ON:
            return found.date() == day
        case DateTest.SINCE:
            return found.date() >= day


def _sent(key: k.SentDate) -> OctetTest:
    """Whether the Date field, as its writer saw it, is that day; without regard to zone [RFC 3501 §6.4.4]."""

    def holds(header: bytes, _: bytes | None) -> bool:
        raw = next((value for name, value in pairs(header, 0, len(header)) if name == "date"), None)
        try:
            sent = None if raw is None else parsedate_to_datetime(decode_text(unfold(raw)))
        except (ValueError, TypeError, OverflowError):
            sent = None
        return _compares(sent, key.test, key.day)

    return holds


def _field_holds(key: k.HeaderHas) -> OctetTest:
    name, text = key.name.lower(), key.text.casefold()
    may_hold = may_stand_in(text)

    def holds(header: bytes, _: bytes | None) -> bool:
        return may_hold(header) and any(
            text in decode_words(value).casefold() for found, value in pairs(header, 0, len(header)) if found == name
        )

    return holds


_LOWER: Final = bytes(range(256)).lower()


def may_stand_in(text: str) -> Callable[[bytes], bool]:
    """Whether `text` can stand in a header, at a fiftieth of the time that reading its fields takes.

    A header of ASCII without encoded words says what its octets say, once its lines are joined.
    """
    needle = text.encode()

    def test(header: bytes) -> bool:
        if needle in header.translate(_LOWER, b"\r\n\0"):
            return True
        return not header.isascii() or (b"?" in header and b"=?" in header)  # one octet is found ten times as fast

    return test


def _text_holds(text: str, *, in_header: bool) -> OctetTest:
    """Whether a part that people read holds `text` once decoded, or else a header does if those count.

    What is no text and no message is passed over, as it may be [RFC 3501 §6.4.4]; the headers are that of the
    message, and those of its parts [RFC 9051 §6.4.4].
    """

    def test(header: bytes, body: bytes | None) -> bool | None:
        if in_header and text in decode_words(header).casefold():
            return True
        if body is None:
            return None
        whole, *parts = walk(parse(body))
        return any(text in _words(body, part) for part in (whole, *parts)) or (
            in_header
            and any(text in decode_words(body[part.header_start : part.body_start]).casefold() for part in parts)
        )

    return test


def _words(body: bytes, part: Part) -> str:
    """What a leaf of the message says."""
    if part.children or not part.content_type.startswith(("text/", "message/")):
        return ""
    return decode_charset(decoded(body, part), part.params.get("charset") or "us-ascii").casefold()
