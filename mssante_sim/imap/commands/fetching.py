"""FETCH."""

from collections.abc import AsyncIterator, Iterable
from typing import Final

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.core.commands import Fetch
from mssante_sim.imap.core.encode import encode
from mssante_sim.imap.core.fetch_items import BodySection, FetchItem, MessageItem
from mssante_sim.imap.core.flags import RECENT, announcement
from mssante_sim.imap.core.session import Done
from mssante_sim.imap.render.items import RENDERERS, wanted
from mssante_sim.imap.render.sections import StoredMessage
from mssante_sim.storage.api import FlagChange, FlagMode, FlagState, MessageRow, Uid

__all__ = ["announce", "fetch", "shown"]

EXPUNGE_ISSUED: Final = "EXPUNGEISSUED"  # [RFC 5530 §3]


async def fetch(ctx: Context, command: Fetch) -> Done:
    r"""What was asked of each message is sent, in the order of numbers; BODY[…] without PEEK sets ``\Seen``.

    A message that another session has removed meanwhile is passed over, and the answer says so.  [RFC 3501 §6.4.5]
    """
    uids = ctx.chosen(command.targets, by_uid=command.by_uid)
    items = command.items
    if command.by_uid and MessageItem.UID not in items:
        items = (MessageItem.UID, *items)
    marks = any(isinstance(item, BodySection) and not item.peek for item in items)
    if marks and not ctx.view.read_only and uids:
        await ctx.store.change_flags(ctx.view.folder.id, uids, FlagChange(FlagMode.ADD, frozenset({"\\Seen"})))
    found = 0
    async for rows in ctx.store.rows(ctx.view.folder.id, uids, wanted(items)):
        found += len(rows)
        await _send_rows(ctx, rows, items)
    code = EXPUNGE_ISSUED if found < len(uids) else None
    return Done("Fetch completed.", code)


async def _send_rows(ctx: Context, rows: list[MessageRow], items: tuple[FetchItem, ...]) -> None:
    """The answers to `rows`, gathered into writes of about one slice."""
    waiting: list[bytes] = []
    octets = 0
    async for piece in _answers(ctx, rows, items):
        waiting.append(piece)
        octets += len(piece)
        if octets >= ctx.services.limits.slice_octets:
            await ctx.send(b"".join(waiting))
            waiting, octets = [], 0
    if waiting:
        await ctx.send(b"".join(waiting))


async def _answers(ctx: Context, rows: list[MessageRow], items: tuple[FetchItem, ...]) -> AsyncIterator[bytes]:
    simple = [RENDERERS[item] for item in items if isinstance(item, MessageItem)]
    sections = [item for item in items if isinstance(item, BodySection)]
    if MessageItem.FLAGS in items:
        ctx.view.told(FlagState(row.uid, row.flags, row.modseq) for row in rows)
        for octets in announce(ctx, (row.flags for row in rows)):
            yield octets
    for row in rows:
        number = ctx.view.number(row.uid)
        if number is None:
            continue
        flags = shown(ctx, row.uid, row.flags)
        head = b"* %d FETCH (%s" % (number, b" ".join([render(row, flags) for render in simple]))
        if not sections:
            yield head + b")\r\n"
            continue
        async for piece in _with_sections(ctx, row, sections, head, separator=b" " if simple else b""):
            yield piece


async def _with_sections(
    ctx: Context, row: MessageRow, sections: list[BodySection], head: bytes, *, separator: bytes
) -> AsyncIterator[bytes]:
    message = StoredMessage(ctx.store, row)
    line = head
    for item in sections:
        stretch = await message.find(item)
        label = item.label.encode("ascii")
        if stretch is None:
            line += separator + label + b" NIL"
        else:
            yield line + separator + b"%s {%d}\r\n" % (label, len(stretch))
            async for piece in message.octets(stretch, ctx.services.limits.slice_octets):
                yield piece
            line = b""
        separator = b" "
    yield line + b")\r\n"


def shown(ctx: Context, uid: Uid, flags: frozenset[str]) -> frozenset[str]:
    """`flags` as this session shows them."""
    return flags | {RECENT} if ctx.view.is_recent(uid) else flags


def announce(ctx: Context, flags: Iterable[frozenset[str]]) -> list[bytes]:
    """FLAGS and PERMANENTFLAGS, if a keyword is about to be shown that never stood there."""
    learnt = [ctx.view.learns(one) for one in set(flags)]  # all of them, not only up to the first
    if True not in learnt:
        return []
    return [
        piece
        for response in announcement(ctx.view.keywords, read_only=ctx.view.read_only)
        for piece in encode(response)
    ]
