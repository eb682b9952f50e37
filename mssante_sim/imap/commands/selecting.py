"""SELECT, EXAMINE, CLOSE, UNSELECT, STATUS."""

from bisect import bisect_left

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.resync import missed
from mssante_sim.imap.core import codes
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import Close, Select, Status, StatusItem, Unselect
from mssante_sim.imap.core.encode import encode
from mssante_sim.imap.core.flags import announcement
from mssante_sim.imap.core.session import Done
from mssante_sim.imap.core.view import FolderView
from mssante_sim.storage.api import Folder, FolderStatus

__all__ = ["close", "select", "status", "unselect"]


async def select(ctx: Context, command: Select) -> Done:
    """The folder is selected, read-only for EXAMINE; the one before is closed without expunging [RFC 3501 §6.3.1].

    No UNSEEN code is sent: finding the first unseen of 100,000 messages costs more than all the rest, IMAP4rev2
    dropped it, and a client that wants it searches.

    Raises:
        MailboxMissing: there is no such folder; none is selected then.
    """
    if ctx.selected is not None:
        ctx.release()
        await ctx.send(encode(r.Reply(r.Condition.OK, "Previous mailbox closed.", codes.CLOSED)))
    folder = await ctx.folder(command.mailbox)
    ctx.watch(folder)  # before reading: what is committed meanwhile must not be lost
    snapshot = await ctx.store.snapshot(folder.id, claim_recent=not command.read_only)
    view = FolderView(folder, snapshot, read_only=command.read_only)
    code = "READ-ONLY" if command.read_only else "READ-WRITE"
    untagged = (*_opened(view, snapshot.status), *await missed(ctx, view, command.resync))
    return Done("Select completed.", code, untagged, view=view)


def _opened(view: FolderView, counters: FolderStatus) -> tuple[r.Response, ...]:
    """What every client is told of the folder it selects."""
    return (
        *announcement(view.keywords, read_only=view.read_only),
        r.Exists(len(view)),
        r.Recent(view.recent),
        r.Reply(r.Condition.OK, "UIDs valid.", codes.uid_validity(counters.uidvalidity)),
        r.Reply(r.Condition.OK, "Predicted next UID.", codes.uid_next(counters.uidnext)),
        r.Reply(r.Condition.OK, "Highest.", codes.highest_modseq(counters.highestmodseq)),
    )


async def close(ctx: Context, _: Close) -> Done:
    r"""No folder is selected; messages with ``\Deleted`` are gone unless it was read-only [RFC 3501 §6.4.2]."""
    folder, read_only = ctx.view.folder, ctx.view.read_only
    ctx.release()
    if not read_only:
        await ctx.store.expunge(folder.id)
    return Done("Close completed.")


async def unselect(ctx: Context, _: Unselect) -> Done:
    """No folder is selected, nothing was removed [RFC 3691 §2]."""
    ctx.release()
    return Done("Unselect completed.")


async def status(ctx: Context, command: Status) -> Done:
    """Counters of a folder, selected or not [RFC 3501 §6.3.10].

    Raises:
        MailboxMissing: there is no such folder.
    """
    folder = await ctx.folder(command.mailbox)
    counters = await ctx.store.status(folder.id)
    values = []
    for item in command.items:
        recent = await _recent(ctx, folder, counters) if item is StatusItem.RECENT else 0
        values.append((item, _value(item, counters, recent)))
    return Done("Status completed.", untagged=(r.MailboxStatus(command.mailbox, tuple(values)),))


def _value(item: StatusItem, counters: FolderStatus, recent: int) -> int:
    match item:
        case StatusItem.MESSAGES:
            return counters.messages
        case StatusItem.RECENT:
            return recent
        case StatusItem.UID_NEXT:
            return counters.uidnext
        case StatusItem.UID_VALIDITY:
            return counters.uidvalidity
        case StatusItem.UNSEEN:
            return counters.unseen
        case StatusItem.HIGHEST_MODSEQ:
            return counters.highestmodseq


async def _recent(ctx: Context, folder: Folder, counters: FolderStatus) -> int:
    """Messages that no session was shown yet; counted only if there can be some."""
    if counters.recent_from >= counters.uidnext:
        return 0
    uids = (await ctx.store.snapshot(folder.id)).uids
    return len(uids) - bisect_left(uids, counters.recent_from)
