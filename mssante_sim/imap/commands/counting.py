"""STATUS, of one folder or of all that are listed."""

from bisect import bisect_left
from collections.abc import Awaitable, Callable
from typing import Final

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import Status, StatusItem
from mssante_sim.imap.core.session import Done
from mssante_sim.imap.render.identity import mailbox_id
from mssante_sim.storage.api import Folder, FolderStatus

__all__ = ["counted", "status"]


async def status(ctx: Context, command: Status) -> Done:
    """Counters of a folder, selected or not [RFC 3501 §6.3.10].

    Raises:
        MailboxMissing: there is no such folder.
    """
    folder = await ctx.folder(command.mailbox)
    return Done("Status completed.", untagged=(await counted(ctx, folder, command.mailbox, command.items),))


async def counted(ctx: Context, folder: Folder, name: str, items: tuple[StatusItem, ...]) -> r.MailboxStatus:
    """What `items` ask of `folder`, which the client calls `name`."""
    counters = await ctx.store.status(folder.id)
    values: list[tuple[StatusItem, int | str]] = []
    for item in items:
        if item in _PLAIN:
            values.append((item, _PLAIN[item](counters)))
        else:
            values.append((item, await _WORKED_OUT[item](ctx, folder, counters)))
    return r.MailboxStatus(name, tuple(values))


async def _recent(ctx: Context, folder: Folder, counters: FolderStatus) -> int:
    """Messages that no session was shown yet; counted only if there can be some."""
    if counters.recent_from >= counters.uidnext:
        return 0
    uids = (await ctx.store.snapshot(folder.id)).uids
    return len(uids) - bisect_left(uids, counters.recent_from)


async def _deleted_octets(ctx: Context, folder: Folder, counters: FolderStatus) -> int:
    """What EXPUNGE would free; added up only if there is something [RFC 9208 §4.1.4]."""
    if not counters.deleted:
        return 0
    uids = (await ctx.store.snapshot(folder.id)).uids
    return sum(
        [row.octets async for rows in ctx.store.rows(folder.id, uids) for row in rows if "\\Deleted" in row.flags]
    )


async def _append_limit(ctx: Context, _: Folder, __: FolderStatus) -> int:
    return ctx.services.limits.frames.append_literal


async def _mailbox_id(_: Context, folder: Folder, __: FolderStatus) -> str:
    return mailbox_id(folder)


_PLAIN: Final[dict[StatusItem, Callable[[FolderStatus], int]]] = {
    StatusItem.MESSAGES: lambda counters: counters.messages,
    StatusItem.UID_NEXT: lambda counters: counters.uidnext,
    StatusItem.UID_VALIDITY: lambda counters: counters.uidvalidity,
    StatusItem.UNSEEN: lambda counters: counters.unseen,
    StatusItem.HIGHEST_MODSEQ: lambda counters: counters.highestmodseq,
    StatusItem.SIZE: lambda counters: counters.octets,
    StatusItem.DELETED: lambda counters: counters.deleted,
}
_WORKED_OUT: Final[dict[StatusItem, Callable[[Context, Folder, FolderStatus], Awaitable[int | str]]]] = {
    StatusItem.RECENT: _recent,
    StatusItem.DELETED_STORAGE: _deleted_octets,
    StatusItem.APPEND_LIMIT: _append_limit,
    StatusItem.MAILBOX_ID: _mailbox_id,
}
