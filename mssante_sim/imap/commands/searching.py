"""SEARCH."""

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.finding import find
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import Search
from mssante_sim.imap.core.search_keys import ModifiedSince, mentions
from mssante_sim.imap.core.session import Done

__all__ = ["search"]


async def search(ctx: Context, command: Search) -> Done:
    """Numbers, or UIDs, of the messages that answer, ascending [RFC 3501 §6.4.4]."""
    found = [(row.uid, row.modseq) async for rows in find(ctx, command.key) for row in rows]
    numbers = [uid if command.by_uid else ctx.view.number(uid) for uid, _ in found]
    modseq = max((modseq for _, modseq in found), default=None) if mentions(command.key, ModifiedSince) else None
    return Done("Search completed.", untagged=(r.Found([one for one in numbers if one is not None], modseq),))
