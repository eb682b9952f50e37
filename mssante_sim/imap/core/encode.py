"""The octets of responses.

Nothing that a peer or a message can choose ever ends a line: text is reduced to printable
ASCII, strings that cannot be quoted become literals.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import assert_never

from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import StatusItem
from mssante_sim.imap.core.octets import ATOM_CHARS, MONTHS, QUOTED_CHARS, class_of
from mssante_sim.imap.core.sequence import format_set
from mssante_sim.imap.core.utf7 import encode_name
from mssante_sim.message.thread_trees import Node

__all__ = ["date_time", "encode", "encode_item"]

_MONTHS = (b"", *(name.encode("ascii") for name in MONTHS))
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_ATOM = re.compile(class_of(ATOM_CHARS) + b"+")
_QUOTABLE = re.compile(class_of(QUOTED_CHARS) + b"{0,1000}")
_QUOTABLE_UTF8 = re.compile(class_of(QUOTED_CHARS | frozenset(range(0x80, 0x100))) + b"{0,4000}")
_SPECIAL = re.compile(rb'(["\\])')


def encode(response: r.Response, *, utf8_names: bool = False) -> bytes:
    """`response` as octets, CRLF included; mailbox names in UTF-8 only for who enabled IMAP4rev2 [RFC 9051 §A]."""
    match response:
        case r.Continuation():
            return _continuation(response)
        case r.Reply():
            return _reply(response)
        case _:
            return b"* " + _data(response, _mailbox_in_utf8 if utf8_names else _mailbox) + b"\r\n"


def _data(response: r.Data, mailbox: Callable[[str], bytes]) -> bytes:  # noqa: C901, PLR0911, PLR0912 - a flat list of kinds, one line each
    match response:
        case r.Exists(count):
            return b"%d EXISTS" % count
        case r.Recent(count):
            return b"%d RECENT" % count
        case r.Expunged(seqnum):
            return b"%d EXPUNGE" % seqnum
        case r.Vanished(uids, earlier):
            return b"VANISHED %b%b" % (b"(EARLIER) " if earlier else b"", _ascii(uids))
        case r.Flags(flags):
            return b"FLAGS " + _list(_ascii(flag) for flag in flags)
        case r.Found(numbers, modseq):
            return _found(b"SEARCH", numbers, modseq)
        case r.Capabilities(names):
            return b" ".join([b"CAPABILITY", *map(_ascii, names)])
        case r.Enabled(names):
            return b" ".join([b"ENABLED", *map(_ascii, names)])
        case r.Identity(fields):
            return b"ID " + _identity(fields)
        case r.Namespaces(delimiter):
            return b'NAMESPACE (("" %s)) NIL NIL' % _quoted(delimiter.encode("ascii"))
        case r.Listed():
            return _listed(response, mailbox)
        case r.MailboxStatus(name, values):
            counts = b" ".join(_status(item, value) for item, value in values)
            return b"STATUS %s (%s)" % (mailbox(name), counts)
        case r.Searched():
            return _searched(response)
        case r.Sorted(numbers, modseq):
            return _found(b"SORT", numbers, modseq)
        case r.Threads(roots):
            return b"THREAD" + (b" " + _threads(roots) if roots else b"")
        case r.Quota(root, resources):
            lines = b" ".join(b"%s %d %d" % (_ascii(name), used, limit) for name, used, limit in resources)
            return b"QUOTA %s (%s)" % (_astring(root.encode()), lines)
        case r.QuotaRoots(name, roots):
            return b" ".join([b"QUOTAROOT", mailbox(name), *(_astring(root.encode()) for root in roots)])
        case r.Fetched(seqnum, items):
            return b"%d FETCH " % seqnum + _list(map(encode_item, items))
        case _:
            assert_never(response)


def _found(name: bytes, numbers: Sequence[int], modseq: int | None) -> bytes:
    """``"SEARCH" [1*(SP nz-number) SP "(" "MODSEQ" SP mod-sequence-value ")"]`` [RFC 7162 §7]."""
    words = [name, *(b"%d" % number for number in numbers)]
    if numbers and modseq is not None:
        words.append(b"(MODSEQ %d)" % modseq)
    return b" ".join(words)


def _searched(found: r.Searched) -> bytes:
    """``"ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)`` [RFC 4731 §4]."""
    words = [b"ESEARCH (TAG %b)" % _quoted(found.tag.encode("ascii"))]
    if found.by_uid:
        words.append(b"UID")
    if found.lowest is not None:
        words.append(b"MIN %d" % found.lowest)
    if found.highest is not None:
        words.append(b"MAX %d" % found.highest)
    if found.numbers:
        words.append(b"ALL " + format_set(found.numbers).encode("ascii"))
    if found.count is not None:
        words.append(b"COUNT %d" % found.count)
    if found.modseq is not None:
        words.append(b"MODSEQ %d" % found.modseq)
    return b" ".join(words)


def _threads(roots: Sequence[Node]) -> bytes:
    """``1*thread-list``; trees may be deeper than Python's stack [RFC 5256 §5]."""
    words: list[bytes] = []
    waiting: list[Node | bytes] = list(reversed(roots))
    while waiting:
        node = waiting.pop()
        if isinstance(node, bytes):
            words.append(node)
            continue
        line = [node]
        while len(line[-1].children) == 1:
            line.append(line[-1].children[0])
        numbers = b" ".join([b"%d" % one.number for one in line if one.number is not None])
        words.append(b"(" + numbers)
        branches = line[-1].children
        if numbers and branches:
            words.append(b" ")
        waiting.append(b")")
        waiting.extend(reversed(branches))
    return b"".join(words)


def _status(item: StatusItem, value: int | str) -> bytes:
    """``status-att-val``; an identifier stands in parentheses [RFC 8474 §4.3]."""
    shown = b"(%b)" % _ascii(value) if isinstance(value, str) else b"%d" % value
    return b"%b %b" % (_ascii(item.value), shown)


def _reply(reply: r.Reply) -> bytes:
    """``resp-cond-state = ("OK" / "NO" / "BAD") SP ["[" resp-text-code "]" SP] text``."""
    code = "" if reply.code is None else f"[{reply.code}] "
    # A text must not be empty, and one that begins with a bracket would be read as a code.
    text = reply.text.lstrip("[ ") or "Done."
    return f"{_line(reply.tag or '*')} {reply.condition.value} {_line(code + text)}\r\n".encode("ascii")


def _continuation(continuation: r.Continuation) -> bytes:
    """``continue-req = "+" SP (resp-text / base64) CRLF``."""
    if continuation.challenge is not None:
        return b"+ " + b64encode(continuation.challenge) + b"\r\n"
    return b"+ " + _line(continuation.text).encode("ascii") + b"\r\n"


def _listed(listed: r.Listed, mailbox: Callable[[str], bytes]) -> bytes:
    """``"(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP mbox-list-extended]``."""
    delimiter = b"NIL" if listed.delimiter is None else _quoted(listed.delimiter.encode("ascii"))
    words = [
        b"LSUB" if listed.lsub else b"LIST",
        _list(_ascii(attribute) for attribute in listed.attributes),
        delimiter,
        mailbox(listed.name),
    ]
    if listed.child_info:
        words.append(b'("CHILDINFO" %s)' % _list(_quoted(_ascii(word)) for word in listed.child_info))
    return b" ".join(words)


def _identity(fields: tuple[tuple[str, str | None], ...]) -> bytes:
    if not fields:
        return b"NIL"
    words = []
    for name, value in fields:
        words += [_string(name.encode()), b"NIL" if value is None else _string(value.encode())]
    return _list(words)


def encode_item(item: r.FetchedItem) -> bytes:
    """One item of a FETCH answer."""
    match item:
        case r.UidItem(uid):
            return b"UID %d" % uid
        case r.FlagsItem(flags):
            return b"FLAGS " + _list(_ascii(flag) for flag in sorted(flags))
        case r.ModSeqItem(modseq):
            return b"MODSEQ (%d)" % modseq
        case _:
            assert_never(item)


def date_time(date: datetime) -> bytes:
    """``date-day-fixed "-" date-month "-" date-year SP time SP zone``; two digits, as Dovecot writes them.

    Not strftime: it would use the names of the locale, `%Y` without leading zeros, and half the time of a FETCH.
    """
    month, zone = _MONTHS[date.month], _zone(date.utcoffset())
    return b"%02d-%b-%04d %02d:%02d:%02d %b" % (
        date.day, month, date.year, date.hour, date.minute, date.second, zone
    )  # fmt: skip


@lru_cache(maxsize=64)
def _zone(offset: timedelta | None) -> bytes:
    minutes = round(offset.total_seconds() / 60) if offset else 0
    return b"%b%02d%02d" % (b"-" if minutes < 0 else b"+", *divmod(abs(minutes), 60))


def _mailbox(name: str) -> bytes:
    """``mailbox = "INBOX" / astring``; always quoted, as most servers do, except INBOX."""
    return b"INBOX" if name == "INBOX" else _string(encode_name(name))


def _mailbox_in_utf8(name: str) -> bytes:
    """``mailbox``, ``quoted`` of UTF-8 [RFC 9051 §9]."""
    octets = name.encode()
    return b"INBOX" if name == "INBOX" else _quoted(octets) if _QUOTABLE_UTF8.fullmatch(octets) else _string(octets)


def _astring(octets: bytes) -> bytes:
    """``astring = 1*ASTRING-CHAR / string``."""
    return octets if _ATOM.fullmatch(octets) and octets.upper() != b"NIL" else _string(octets)


def _string(octets: bytes) -> bytes:
    """``string = quoted / literal``."""
    return _quoted(octets) if _QUOTABLE.fullmatch(octets) else b"{%d}\r\n%s" % (len(octets), octets)


def _quoted(octets: bytes) -> bytes:
    return b'"' + _SPECIAL.sub(rb"\\\1", octets) + b'"'


def _list(words: Iterable[bytes]) -> bytes:
    return b"(" + b" ".join(words) + b")"


def _ascii(word: str) -> bytes:
    """A word of our own or one that the parser let pass.  Raises: UnicodeEncodeError."""
    return word.encode("ascii")


def _line(text: str) -> str:
    return _UNPRINTABLE.sub("?", text)
