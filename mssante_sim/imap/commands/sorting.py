"""SORT and THREAD."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.finding import find, header_of
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.arguments import SortKey, ThreadAlgorithm
from mssante_sim.imap.core.commands import Sort, Thread
from mssante_sim.imap.core.search_keys import ModifiedSince, SearchKey, mentions
from mssante_sim.imap.core.session import Done
from mssante_sim.message.headers import pairs
from mssante_sim.message.ordering import base_subject, first_mailbox, sent_date
from mssante_sim.message.thread_trees import Threadable, by_references, by_subject, identities
from mssante_sim.storage.api import MessageRow, Want

__all__ = ["sort", "thread"]

_HEADER: Final = Want.PREFIX | Want.HEADER
_DONE_HERE: Final = 200  # messages that are sorted or made into trees in the loop
_READ_AT_ONCE: Final = 50  # headers, 3 ms

_Entry = tuple[int, list[Any]]
"""The number of a message, and the values to compare it by."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Read:
    """A message that answers, and the fields of its header, if they were read."""

    row: MessageRow
    header: Mapping[str, bytes]  # the first field of each name


_WANTED: Final = {SortKey.ARRIVAL: Want.DATES, SortKey.SIZE: Want.FLAGS, SortKey.DATE: Want.DATES | _HEADER}


def _sent(read: _Read) -> Any:
    assert read.row.internal_date is not None, "dates were not read"  # noqa: S101 - both commands ask for them
    return sent_date(read.header.get("date"), read.row.internal_date)


_VALUES: Final[dict[SortKey, Callable[[_Read], Any]]] = {
    SortKey.ARRIVAL: lambda one: one.row.internal_date,
    SortKey.CC: lambda one: first_mailbox(one.header.get("cc", b"")),
    SortKey.DATE: _sent,
    SortKey.FROM: lambda one: first_mailbox(one.header.get("from", b"")),
    SortKey.SIZE: lambda one: one.row.octets,
    SortKey.SUBJECT: lambda one: base_subject(one.header.get("subject", b"")).base,
    SortKey.TO: lambda one: first_mailbox(one.header.get("to", b"")),
}


async def sort(ctx: Context, command: Sort) -> Done:
    """The messages that answer, by the criteria, and by their numbers where those do not decide [RFC 5256 §3].

    Only the values to compare are kept of each message, not its header.
    """
    keys = [(_VALUES[one.key], one.reverse) for one in command.criteria]
    want = Want.FLAGS
    for one in command.criteria:
        want |= _WANTED.get(one.key, _HEADER)
    found: list[_Entry] = []
    modseq = 0
    async for read in _messages(ctx, command.key, want):
        found.append((_number(ctx, read.row, by_uid=command.by_uid), [value(read) for value, _ in keys]))
        modseq = max(modseq, read.row.modseq)
    await _apart(len(found), partial(_put_in_order, found, [reverse for _, reverse in keys]))
    told = modseq if mentions(command.key, ModifiedSince) else None
    return Done("Sort completed.", untagged=(r.Sorted([number for number, _ in found], told),))


async def thread(ctx: Context, command: Thread) -> Done:
    """The messages that answer, as trees [RFC 5256 §3]."""
    found = [
        _threadable(read, _number(ctx, read.row, by_uid=command.by_uid))
        async for read in _messages(ctx, command.key, Want.DATES | _HEADER)
    ]
    grow = by_references if command.algorithm is ThreadAlgorithm.REFERENCES else by_subject
    roots = await _apart(len(found), partial(grow, found))
    return Done("Thread completed.", untagged=(r.Threads(roots),))


def _put_in_order(found: list[_Entry], reversals: Sequence[bool]) -> None:
    """By the last value first: sorting leaves what is equal as it was, so that the first value decides at the end."""
    for place, reverse in reversed(list(enumerate(reversals))):
        found.sort(key=lambda one: one[1][place], reverse=reverse)


async def _apart(how_many: int, work: Callable[[], _T]) -> _T:
    """What `work` on so many messages gives, in a thread if they are many."""
    return work() if how_many <= _DONE_HERE else await asyncio.to_thread(work)


async def _messages(ctx: Context, key: SearchKey, want: Want) -> AsyncIterator[_Read]:
    """The messages that answer `key`, their headers read if `want` asks for that; others have their turn often."""
    async for rows in find(ctx, key, want):
        for count, row in enumerate(rows, 1):
            yield await _read(ctx, row, want)
            if count % _READ_AT_ONCE == 0:
                await asyncio.sleep(0)


async def _read(ctx: Context, row: MessageRow, want: Want) -> _Read:
    if _HEADER not in want:
        return _Read(row, {})
    octets = await header_of(ctx, row)
    header: dict[str, bytes] = {}
    for name, raw in pairs(octets, 0, len(octets)):
        header.setdefault(name, raw)
    return _Read(row, header)


def _number(ctx: Context, row: MessageRow, *, by_uid: bool) -> int:
    return row.uid if by_uid else ctx.view.number(row.uid) or 0


def _threadable(read: _Read, number: int) -> Threadable:
    """What threading needs to know; References count, or else the first of In-Reply-To [RFC 5256 §3, REFERENCES]."""
    references = identities(read.header.get("references", b""))
    references = references or identities(read.header.get("in-reply-to", b""))[:1]
    own = identities(read.header.get("message-id", b""))
    return Threadable(
        number, base_subject(read.header.get("subject", b"")), _sent(read), own[0] if own else None, tuple(references)
    )
