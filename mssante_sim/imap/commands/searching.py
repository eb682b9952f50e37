"""SEARCH."""

import asyncio
from typing import Final

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.fetching import shown
from mssante_sim.imap.commands.matching import Known, Test, candidates, compiled, wanted
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import Search
from mssante_sim.imap.core.session import Done
from mssante_sim.storage.api import MessageRow

__all__ = ["search"]

_TESTED_HERE_OCTETS: Final = 64 * 1024
"""Up to here a message is decoded and looked through in the loop, in less than a millisecond."""


async def search(ctx: Context, command: Search) -> Done:
    """Numbers, or UIDs, of the messages that answer, ascending [RFC 3501 §6.4.4]."""
    view = ctx.view
    test = compiled(command.key, view)
    found: list[int] = []
    uids = candidates(command.key, view)
    async for rows in ctx.store.rows(view.folder.id, uids, wanted(command.key)):
        for row in rows:
            flags = frozenset([flag.lower() for flag in shown(ctx, row.uid, row.flags)])
            known = Known(row, flags)
            answer = test(known)
            if answer is None:
                answer = await _read_on(ctx, test, known)
            number = view.number(row.uid)
            if answer and number is not None:
                found.append(row.uid if command.by_uid else number)
        await asyncio.sleep(0)  # others have their turn between two slices
    return Done("Search completed.", untagged=(r.Found(found),))


async def _read_on(ctx: Context, test: Test, known: Known) -> bool:
    """Whether the message answers, its header read, and its body if that does not tell."""
    row = known.row
    header = await _header(ctx, row)
    answer = test(Known(row, known.flags, header))
    if answer is None:
        whole = Known(row, known.flags, header, await ctx.store.read(row.body))
        await asyncio.sleep(0)
        if row.octets <= _TESTED_HERE_OCTETS:
            answer = test(whole)
        else:
            answer = await asyncio.to_thread(test, whole)
    return bool(answer)


async def _header(ctx: Context, row: MessageRow) -> bytes:
    assert row.prefix is not None, "the prefix was not read"  # noqa: S101 - `wanted` asks for both
    assert row.summary is not None, "the summary was not read"  # noqa: S101
    return row.prefix + await ctx.store.read(row.body, 0, row.summary.header_octets)
