"""SELECT, EXAMINE, CLOSE, UNSELECT."""

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.listing import listing_of
from mssante_sim.imap.commands.resync import missed
from mssante_sim.imap.core import codes
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import Close, Select, Unselect
from mssante_sim.imap.core.encode import encode
from mssante_sim.imap.core.extensions import Extension
from mssante_sim.imap.core.flags import announcement
from mssante_sim.imap.core.session import Done
from mssante_sim.imap.core.view import FolderView
from mssante_sim.imap.render.identity import mailbox_id
from mssante_sim.storage.api import FolderSnapshot, FolderStatus, ModSeq

__all__ = ["close", "select", "unselect"]


async def select(ctx: Context, command: Select) -> Done:
    """The folder is selected, read-only for EXAMINE; the one before is closed without expunging [RFC 3501 §6.3.1].

    Raises:
        MailboxMissing: there is no such folder; none is selected then.
    """
    if ctx.selected is not None:
        ctx.release()
        await ctx.send(encode(r.Reply(r.Condition.OK, "Previous mailbox closed.", codes.CLOSED)))
    folder = await ctx.folder(command.mailbox)
    ctx.watch(folder)  # before reading: what is committed meanwhile must not be lost
    known = command.resync if command.resync and command.resync.uidvalidity == folder.uidvalidity else None
    since = ModSeq(known.modseq) if known else None
    snapshot = await ctx.store.snapshot(folder.id, claim_recent=not command.read_only, since=since)
    view = FolderView(folder, snapshot, read_only=command.read_only)
    code = "READ-ONLY" if command.read_only else "READ-WRITE"
    by_edition: tuple[r.Response, ...] = (r.Recent(view.recent), *_first_unseen(view, snapshot))
    if ctx.has(Extension.REV2):
        view.forget_recent()
        by_edition = (await listing_of(ctx, folder),)
    since_then = await missed(view, known, snapshot.missed) if known and snapshot.missed else ()
    untagged = (*_opened(view, snapshot.status), *by_edition, *since_then)
    return Done("Select completed.", code, untagged, view=view)


def _opened(view: FolderView, counters: FolderStatus) -> tuple[r.Response, ...]:
    """What every client is told of the folder it selects."""
    return (
        *announcement(view.keywords, read_only=view.read_only),
        r.Exists(len(view)),
        r.Reply(r.Condition.OK, "UIDs valid.", codes.uid_validity(counters.uidvalidity)),
        r.Reply(r.Condition.OK, "Predicted next UID.", codes.uid_next(counters.uidnext)),
        r.Reply(r.Condition.OK, "Highest.", codes.highest_modseq(counters.highestmodseq)),
        r.Reply(r.Condition.OK, "Its identifier.", codes.mailbox_id(mailbox_id(view.folder))),
    )


def _first_unseen(view: FolderView, snapshot: FolderSnapshot) -> tuple[r.Response, ...]:
    """The code that IMAP4rev2 dropped [RFC 9051 §E]."""
    number = None if snapshot.first_unseen is None else view.number(snapshot.first_unseen)
    return () if number is None else (r.Reply(r.Condition.OK, "First unseen.", codes.unseen(number)),)


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
