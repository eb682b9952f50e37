"""The items of a FETCH that need only a row: one small function each, and what they ask of the store."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.encode import date_time, encode_item
from mssante_sim.imap.core.fetch_items import BinarySection, BodySection, FetchItem, MessageItem, SectionText
from mssante_sim.imap.render.identity import email_id
from mssante_sim.message.summary import Summary
from mssante_sim.storage.api import MessageRow, Want

__all__ = ["RENDERERS", "flags_octets", "wanted"]

Renderer = Callable[[MessageRow, frozenset[str]], bytes]
"""From a row, and its flags as this session shows them, to ``NAME value``."""


@lru_cache(maxsize=4096)
def flags_octets(flags: frozenset[str]) -> bytes:
    """``FLAGS (…)``: ten thousand messages share a few sets."""
    return encode_item(r.FlagsItem(flags))


def _date(row: MessageRow, _flags: frozenset[str]) -> bytes:
    assert row.internal_date is not None, "dates were not read"  # noqa: S101 - `wanted` asks for them
    return b'INTERNALDATE "%b"' % date_time(row.internal_date)


def _saved(row: MessageRow, _flags: frozenset[str]) -> bytes:
    assert row.saved_date is not None, "dates were not read"  # noqa: S101 - `wanted` asks for them
    return b'SAVEDATE "%b"' % date_time(row.saved_date)


def _summary(row: MessageRow) -> Summary:
    assert row.summary is not None, "the summary was not read"  # noqa: S101 - `wanted` asks for it
    return row.summary


RENDERERS: Final[dict[MessageItem, Renderer]] = {
    MessageItem.UID: lambda row, _: b"UID %d" % row.uid,
    MessageItem.FLAGS: lambda _, flags: flags_octets(flags),
    MessageItem.INTERNAL_DATE: _date,
    MessageItem.SIZE: lambda row, _: b"RFC822.SIZE %d" % row.octets,
    MessageItem.ENVELOPE: lambda row, _: b"ENVELOPE " + _summary(row).envelope,
    MessageItem.BODY: lambda row, _: b"BODY " + _summary(row).body,
    MessageItem.BODY_STRUCTURE: lambda row, _: b"BODYSTRUCTURE " + _summary(row).bodystructure,
    MessageItem.MODSEQ: lambda row, _: b"MODSEQ (%d)" % row.modseq,
    MessageItem.EMAIL_ID: lambda row, _: b"EMAILID (%b)" % email_id(row).encode("ascii"),
    MessageItem.THREAD_ID: lambda _, __: b"THREADID NIL",  # messages are not grouped here [RFC 8474 §5.2]
    MessageItem.SAVE_DATE: _saved,
}
_WANTED: Final = {
    MessageItem.INTERNAL_DATE: Want.DATES,
    MessageItem.SAVE_DATE: Want.DATES,
    MessageItem.EMAIL_ID: Want.PREFIX,
    MessageItem.ENVELOPE: Want.SUMMARY,
    MessageItem.BODY: Want.SUMMARY,
    MessageItem.BODY_STRUCTURE: Want.SUMMARY,
}


def wanted(items: Sequence[FetchItem]) -> Want:
    """What `items` need; a part of the body needs where its header ends, and the prefix."""
    want = Want.FLAGS
    for item in items:
        want |= _WANTED.get(item, Want.FLAGS) if isinstance(item, MessageItem) else Want.PREFIX | _octets(item)
    return want


def _octets(item: BodySection | BinarySection) -> Want:
    """A header alone is read alone."""
    header = isinstance(item, BodySection) and not item.part and item.text not in (None, SectionText.TEXT)
    return Want.HEADER if header else Want.BODY
