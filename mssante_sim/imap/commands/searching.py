"""SEARCH."""

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.fetching import shown
from mssante_sim.imap.commands.matching import Known, Limits, judge
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import Search
from mssante_sim.imap.core.search_keys import SearchKey
from mssante_sim.imap.core.sequence import SeqNum
from mssante_sim.imap.core.session import Done
from mssante_sim.storage.api import MessageRow, Uid, Want

__all__ = ["search"]


async def search(ctx: Context, command: Search) -> Done:
    """Numbers, or UIDs, of the messages that answer, ascending.  [RFC 3501 §6.4.4]"""
    view = ctx.view
    uids: list[Uid] = [Uid(uid) for uid in view.uids]
    limits = Limits(len(uids), uids[-1] if uids else 0)
    found: list[int] = []
    async for rows in ctx.store.rows(view.folder.id, uids, Want.DATES | Want.PREFIX | Want.SUMMARY):
        for row in rows:
            number = view.number(row.uid)
            if number is not None and await _answers(ctx, command.key, row, number, limits):
                found.append(row.uid if command.by_uid else number)
    return Done("Search completed.", untagged=(r.Found(found),))


async def _answers(ctx: Context, key: SearchKey, row: MessageRow, number: SeqNum, limits: Limits) -> bool:
    """Whether the message answers, read only as far as it takes: row, header, body."""
    flags = frozenset(flag.lower() for flag in shown(ctx, row.uid, row.flags))
    answer = judge(key, Known(row, number, flags), limits)
    if answer is None and row.summary is not None and row.prefix is not None:
        header = row.prefix + await ctx.store.read(row.body, 0, row.summary.header_octets)
        answer = judge(key, Known(row, number, flags, header), limits)
        if answer is None:
            whole = await ctx.store.read(row.body)
            answer = judge(key, Known(row, number, flags, header, whole), limits)
    return bool(answer)
