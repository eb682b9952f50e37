"""Which handler runs which command, and what a refusal of the store means to a client."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from mssante_sim.imap.commands import (
    authentication,
    changing,
    counting,
    extensions,
    fetching,
    folders,
    listing,
    quota,
    searching,
    selecting,
    sorting,
)
from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.capabilities import broken_promises
from mssante_sim.imap.core.faults import AlreadyExists, ImapFault, LimitReached, MailboxMissing, OverQuota, Unavailable
from mssante_sim.imap.core.session import ANSWERED_HERE, Done
from mssante_sim.storage.errors import FolderExists, FolderMissing, QuotaExceeded, StoreError, TooManyKeywords

__all__ = ["HANDLERS", "Handler", "check_promises", "perform"]

Handler = Callable[[Context, Any], Awaitable[Done]]

HANDLERS: Final[dict[type[c.Command], Handler]] = {
    c.Append: changing.append,
    c.Close: selecting.close,
    c.CopyMessages: changing.copy,
    c.Create: folders.create,
    c.Delete: folders.delete,
    c.Enable: extensions.enable,
    c.Expunge: changing.expunge,
    c.Fetch: fetching.fetch,
    c.GetQuota: quota.get_quota,
    c.GetQuotaRoot: quota.get_quota_root,
    c.Id: extensions.identify,
    c.List: listing.list_folders,
    c.Login: authentication.login,
    c.Lsub: listing.list_subscribed,
    c.MoveMessages: changing.move,
    c.Namespace: listing.namespace,
    c.Rename: folders.rename,
    c.Search: searching.search,
    c.Select: selecting.select,
    c.SetQuota: quota.set_quota,
    c.Sort: sorting.sort,
    c.Status: counting.status,
    c.StoreFlags: changing.store_flags,
    c.Subscribe: folders.subscribe,
    c.Thread: sorting.thread,
    c.Unselect: selecting.unselect,
    c.Unsubscribe: folders.unsubscribe,
}
"""Every command that the session does not answer itself."""


def check_promises(handlers: Mapping[type[c.Command], Handler] = HANDLERS) -> None:
    """Every capability that is advertised has what it needs.

    Raises:
        AssertionError: one would be a lie; the server must not start.
    """
    broken = broken_promises({*handlers, *ANSWERED_HERE})
    if broken:
        raise AssertionError(f"advertised without being implemented: {', '.join(broken)}")


async def perform(ctx: Context, command: c.Command) -> Done | ImapFault:
    """How `command` ended; the trace has who gave it and how it ended, never what it said."""
    outcome: Done | ImapFault
    try:
        outcome = await HANDLERS[type(command)](ctx, command)
    except ImapFault as fault:
        outcome = fault
    except StoreError as error:
        outcome = _as_fault(error)
    word = "OK" if isinstance(outcome, Done) else f"{outcome.status} {outcome.code or ''}".rstrip()
    user = ctx.services.doorkeeper.user(authentication.claim_of(command)) if isinstance(command, c.Login) else ctx.login
    ctx.services.audit.record(f"imap.{type(command).__name__.lower()}", user=user, result=word)
    return outcome


def _as_fault(error: StoreError) -> ImapFault:
    """What the client is told of a refusal of the store; the details stay in the log."""
    match error:
        case FolderMissing():
            return MailboxMissing("Mailbox does not exist.", detail=error.detail)
        case FolderExists():
            return AlreadyExists("Mailbox exists already.", detail=error.detail)
        case QuotaExceeded():
            return OverQuota("The account would hold more than it may.", detail=error.detail)
        case TooManyKeywords():
            return LimitReached(error.public, detail=error.detail)
        case _:
            return Unavailable("The store cannot do this now; try again later.", detail=error.detail)
