"""FETCH."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from mssante_sim.imap.commands.answering import Answers
from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.resync import vanished
from mssante_sim.imap.core.commands import Fetch
from mssante_sim.imap.core.encode import encode
from mssante_sim.imap.core.extensions import Extension
from mssante_sim.imap.core.fetch_items import FetchItem, MessageItem
from mssante_sim.imap.core.flags import announcement
from mssante_sim.imap.core.sequence import NOTHING, SequenceSet
from mssante_sim.imap.core.session import Done
from mssante_sim.imap.render.items import RENDERERS, wanted
from mssante_sim.storage.api import FlagChange, FlagMode, FlagState, MessageRow, ModSeq, Uid
from mssante_sim.storage.errors import StoreBusy

__all__ = ["announce", "fetch"]

EXPUNGE_ISSUED: Final = "EXPUNGEISSUED"  # [RFC 5530 §3]


async def fetch(ctx: Context, command: Fetch) -> Done:
    r"""What was asked of each message is sent, in the order of numbers; BODY[…] without PEEK sets ``\Seen``.

    A message that another session has removed meanwhile is passed over, and the answer says so [RFC 3501 §6.4.5].
    """
    uids = ctx.chosen(command.targets, by_uid=command.by_uid)
    if command.changed_since is not None:
        uids = await _changed(ctx, command, uids)
    items = _items(command)
    marks = any(not isinstance(item, MessageItem) and not item.peek for item in items)
    if marks and not ctx.view.read_only and uids:
        with suppress(StoreBusy):  # a store that cannot write can still be read
            change = FlagChange(FlagMode.ADD, frozenset({"\\Seen"}))
            await ctx.store.change_flags(ctx.view.folder.id, uids, change)
    found = 0
    async for rows in ctx.store.rows(ctx.view.folder.id, uids, wanted(items)):
        found += len(rows)
        await _send_rows(ctx, rows, items)
    code = EXPUNGE_ISSUED if found < len(uids) else None
    return Done("Fetch completed.", code)


def _items(command: Fetch) -> tuple[FetchItem, ...]:
    """What is asked for, and what belongs to it in every answer."""
    items = command.items
    if command.by_uid and MessageItem.UID not in items:
        items = (MessageItem.UID, *items)
    if command.changed_since is not None and MessageItem.MODSEQ not in items:
        items = (*items, MessageItem.MODSEQ)  # [RFC 7162 §3.1.4.1]
    return items


async def _changed(ctx: Context, command: Fetch, uids: list[Uid]) -> list[Uid]:
    """Those of `uids` that changed since; VANISHED (EARLIER) is sent first if it was asked for [RFC 7162 §3.2.6]."""
    assert command.changed_since is not None, "nothing was asked"  # noqa: S101 - the caller looked
    states, gone = await ctx.store.changed_since(ctx.view.folder.id, ModSeq(command.changed_since))
    if command.vanished:
        among = command.targets if isinstance(command.targets, SequenceSet) else NOTHING
        await ctx.send(b"".join(map(encode, await vanished(ctx.view, among, gone))))
    changed = frozenset(state.uid for state in states)
    return [uid for uid in uids if uid in changed]


_WITH_NEWS: Final = (MessageItem.UID, MessageItem.FLAGS, MessageItem.MODSEQ)  # [RFC 7162 §3.2.4]


async def _send_rows(ctx: Context, rows: list[MessageRow], items: tuple[FetchItem, ...]) -> None:
    """The answers to `rows`."""
    ctx.view.saw(rows)
    parts = [item for item in items if not isinstance(item, MessageItem)]
    simple = [item for item in items if isinstance(item, MessageItem)]
    added = _WITH_NEWS if ctx.has(Extension.CONDSTORE) else (MessageItem.FLAGS,)
    asked = [RENDERERS[item] for item in simple]
    with_news = [RENDERERS[item] for item in dict.fromkeys((*simple, *added))]
    # Flags that are news, such as the \Seen that this FETCH has set, are told in the same answer.
    news: set[Uid] = set()
    if parts or MessageItem.FLAGS in simple:
        news = {row.uid for row in rows if ctx.view.is_waiting(row.uid)}
    told = rows if MessageItem.FLAGS in simple else [row for row in rows if row.uid in news]
    ctx.view.told(FlagState(row.uid, row.flags, row.modseq) for row in told)
    answers = Answers(ctx, announce(ctx, (row.flags for row in told)))
    for row in rows:
        number = ctx.view.number(row.uid)
        if number is None:
            continue
        flags = ctx.view.shown(row.uid, row.flags)
        head = b" ".join([render(row, flags) for render in (with_news if row.uid in news else asked)])
        if parts:
            await answers.add_parts(b"* %d FETCH (%b" % (number, head), row, parts)
        else:
            answers.add(b"* %d FETCH (%b)\r\n" % (number, head))
    await answers.send()


def announce(ctx: Context, flags: Iterable[frozenset[str]]) -> list[bytes]:
    """FLAGS and PERMANENTFLAGS, if a keyword is about to be shown that never stood there."""
    learnt = [ctx.view.learns(one) for one in set(flags)]  # all of them, not only up to the first
    if True not in learnt:
        return []
    return [encode(response) for response in announcement(ctx.view.keywords, read_only=ctx.view.read_only)]
