"""SEARCH."""

from collections.abc import Sequence

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.finding import Hit, hits
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.arguments import SearchReturn
from mssante_sim.imap.core.commands import Search
from mssante_sim.imap.core.extensions import Extension
from mssante_sim.imap.core.search_keys import ModifiedSince, mentions
from mssante_sim.imap.core.session import Done
from mssante_sim.storage.errors import StoreError

__all__ = ["search"]

_ALL = frozenset({SearchReturn.ALL})
_ENDS = frozenset({SearchReturn.MIN, SearchReturn.MAX})


async def search(ctx: Context, command: Search) -> Done:
    """Numbers, or UIDs, of the messages that answer, ascending [RFC 3501 §6.4.4].

    With RETURN, and for a client of IMAP4rev2, what was asked of them [RFC 4731 §3.1] [RFC 9051 §6.4.4].
    """
    returns = command.returns or (_ALL if ctx.has(Extension.REV2) else None)
    saves = returns is not None and SearchReturn.SAVE in returns
    try:
        found = await hits(ctx, command.key)
    except StoreError:
        if saves:
            ctx.view.saved = []
        raise
    with_modseq = mentions(command.key, ModifiedSince)
    if returns is None:
        numbers = _numbers(ctx, command, found)
        return Done("Search completed.", untagged=(r.Found(numbers, _highest(found) if with_modseq else None),))
    told = _of_interest(found, returns)
    if saves:
        ctx.view.saved = [uid for uid, _ in told]
    if returns == {SearchReturn.SAVE}:
        return Done("Search completed, its result saved.")
    numbers = _numbers(ctx, command, found)
    return Done(
        "Search completed.", untagged=(_searched(command, returns, numbers, _highest(told) if with_modseq else None),)
    )


def _numbers(ctx: Context, command: Search, hits: Sequence[Hit]) -> list[int]:
    """The UIDs of `hits` if those were asked for, else their numbers; the view knows all that it searched."""
    if command.by_uid:
        return [uid for uid, _ in hits]
    return [number for uid, _ in hits if (number := ctx.view.number(uid)) is not None]


def _of_interest(hits: Sequence[Hit], returns: frozenset[SearchReturn]) -> Sequence[Hit]:
    """What `$` stands for afterwards, and what MODSEQ is the highest of.

    The ends if only they are asked for, else everything [RFC 5182 §2.4] [RFC 4731 §3.2].
    """
    asked = returns - {SearchReturn.SAVE}
    if not asked or not asked <= _ENDS or not hits:
        return hits
    if asked == _ENDS:
        return [hits[0], hits[-1]] if len(hits) > 1 else hits
    return hits[:1] if SearchReturn.MIN in asked else hits[-1:]


def _searched(
    command: Search, returns: frozenset[SearchReturn], numbers: Sequence[int], modseq: int | None
) -> r.Searched:
    return r.Searched(
        command.tag,
        command.by_uid,
        lowest=numbers[0] if numbers and SearchReturn.MIN in returns else None,
        highest=numbers[-1] if numbers and SearchReturn.MAX in returns else None,
        numbers=numbers if SearchReturn.ALL in returns else (),
        count=len(numbers) if SearchReturn.COUNT in returns else None,
        modseq=modseq,
    )


def _highest(hits: Sequence[Hit]) -> int | None:
    return max((modseq for _, modseq in hits), default=None)
