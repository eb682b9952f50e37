"""Which messages of the selected folder answer a search key."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.matching import Known, Test, candidates, compiled, wanted
from mssante_sim.imap.core.search_keys import SearchKey
from mssante_sim.storage.api import MessageRow, Want

__all__ = ["find", "header_of"]

_TESTED_HERE_OCTETS: Final = 64 * 1024
"""Up to here a message is decoded and looked through in the loop, in less than a millisecond."""


async def find(ctx: Context, key: SearchKey, want: Want = Want.FLAGS) -> AsyncIterator[list[MessageRow]]:
    """The messages that answer `key`, in the order of their numbers, a slice at a time; with the columns of `want`."""
    view = ctx.view
    test = compiled(key, view, ctx.services.clock.now())
    async for rows in ctx.store.rows(view.folder.id, candidates(key, view), want | wanted(key)):
        found = []
        for row in rows:
            flags = frozenset([flag.lower() for flag in view.shown(row.uid, row.flags)])
            known = Known(row, flags)
            answer = test(known)
            if answer is None:
                answer = await _read_on(ctx, test, known)
            if answer:
                found.append(row)
        yield found
        await asyncio.sleep(0)  # others have their turn between two slices


async def header_of(ctx: Context, row: MessageRow) -> bytes:
    """The header of a message as it was delivered; its prefix and summary must have been read."""
    assert row.prefix is not None, "the prefix was not read"  # noqa: S101 - who calls asks for both
    assert row.summary is not None, "the summary was not read"  # noqa: S101
    return row.prefix + await ctx.store.read(row.body, 0, row.summary.header_octets)


async def _read_on(ctx: Context, test: Test, known: Known) -> bool:
    """Whether the message answers, its header read, and its body if that does not tell."""
    row = known.row
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
