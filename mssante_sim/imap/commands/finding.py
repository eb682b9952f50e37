"""Which messages of the selected folder answer a search key.

Columns are compared by the store, for all messages at once; what only octets tell is looked for where they are
read, and of what is left a slice at a time is tested here.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from operator import itemgetter
from typing import Final

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.matching import Known, OctetTest, Test, candidates, compiled, octets_only, wanted
from mssante_sim.imap.commands.narrowing import narrow
from mssante_sim.imap.core.search_keys import Always, SearchKey
from mssante_sim.storage.api import Criteria, MessageRow, ModSeq, Skim, Uid, Want

__all__ = ["Hit", "find", "header_of", "hits"]

Hit = tuple[Uid, ModSeq]
"""A message that answers."""

_FEW: Final = 200  # messages that are tested one by one rather than by a look at all of the folder
_TESTED_HERE_OCTETS: Final = 64 * 1024
"""Up to here a message is decoded and looked through in the loop, in less than a millisecond."""


async def hits(ctx: Context, key: SearchKey) -> list[Hit]:
    """The messages that answer `key`, in the order of their numbers."""
    uids, narrowed = candidates(key, ctx.view), narrow(key)
    if len(uids) > _FEW and isinstance(narrowed.rest, Always):
        return await _chosen(ctx, uids, narrowed.criteria)
    return [(row.uid, row.modseq) async for rows in find(ctx, key) for row in rows]


async def find(ctx: Context, key: SearchKey, want: Want = Want.FLAGS) -> AsyncIterator[list[MessageRow]]:
    """The messages that answer `key`, in the order of their numbers, a slice at a time; with the columns of `want`."""
    uids, rest = candidates(key, ctx.view), key
    if len(uids) > _FEW and (narrowed := narrow(key)).helps:
        uids, rest = [uid for uid, _ in await _chosen(ctx, uids, narrowed.criteria)], narrowed.rest
    want |= wanted(rest)
    octet_test = octets_only(rest)
    test = compiled(rest, ctx.view, ctx.services.clock.now())
    skim = None if octet_test is None else _skim(octet_test, whole=Want.BODY in want)
    async for rows in ctx.store.rows(ctx.view.folder.id, uids, want, skim):
        answers = (
            await _tested(ctx, rows, test, want) if skim is None else [row.start is not None or None for row in rows]
        )
        yield [
            row
            for row, answer in zip(rows, answers, strict=True)
            if answer or (answer is None and await _read_on(ctx, test, row))
        ]
        await asyncio.sleep(0)  # others have their turn between two slices


async def _chosen(ctx: Context, uids: Sequence[Uid], criteria: Criteria) -> list[Hit]:
    """Those of `uids` that meet `criteria`."""
    if len(uids) == len(ctx.view):  # what the client does not know of yet comes after them
        found = await ctx.store.choose(ctx.view.folder.id, criteria)
        return found[: bisect_right(found, uids[-1], key=itemgetter(0))]
    among = frozenset(uids)
    return [hit for hit in await ctx.store.choose(ctx.view.folder.id, criteria) if hit[0] in among]


def _skim(test: OctetTest, *, whole: bool) -> Skim:
    """`test` for the store; what it reads along is enough for an answer."""
    return lambda prefix, start, header: test(prefix + start[:header], start if whole else None) is True


async def _tested(ctx: Context, rows: Sequence[MessageRow], test: Test, want: Want) -> list[bool | None]:
    """What `test` says of each row; in a thread if that looks through bodies."""
    known = [_known(ctx, row, want) for row in rows]
    if Want.BODY in want:
        return await asyncio.to_thread(lambda: [test(one) for one in known])
    return [test(one) for one in known]


def _known(ctx: Context, row: MessageRow, want: Want) -> Known:
    flags = frozenset([flag.lower() for flag in ctx.view.shown(row.uid, row.flags)])
    if row.start is None:
        return Known(row, flags)
    return Known(row, flags, _header(row, row.start), row.start if Want.BODY in want else None)


def _header(row: MessageRow, start: bytes) -> bytes:
    """The header of a message as it was delivered; its prefix must have been read."""
    assert row.prefix is not None, "the prefix was not read"  # noqa: S101 - who calls asks for both
    return row.prefix + start[: row.header_octets]


async def header_of(ctx: Context, row: MessageRow) -> bytes:
    """The same of any message that was read with its prefix and header, or summary."""
    if row.start is not None:
        return _header(row, row.start)
    return _header(row, await ctx.store.read(row.body, 0, row.header_octets))


async def _read_on(ctx: Context, test: Test, row: MessageRow) -> bool:
    """Whether the message answers, its header read, and its body if that does not tell."""
    known = _known(ctx, row, Want.FLAGS)
    header = await header_of(ctx, row)
    answer = test(Known(row, known.flags, header))
    if answer is None:
        whole = Known(row, known.flags, header, await ctx.store.read(row.body))
        await asyncio.sleep(0)
        if row.octets <= _TESTED_HERE_OCTETS:
            answer = test(whole)
        else:
            answer = await asyncio.to_thread(test, whole)
    return bool(answer)
