"""STORE, COPY, MOVE, EXPUNGE, APPEND."""

import asyncio
from typing import Final

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.fetching import announce, shown
from mssante_sim.imap.core import codes
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import Append, CopyMessages, Expunge, MoveMessages, StoreFlags
from mssante_sim.imap.core.session import Done
from mssante_sim.message.summary import Summary, summarise
from mssante_sim.storage.api import FlagChange, NewMessage, Uid

__all__ = ["append", "copy", "expunge", "move", "store_flags"]

_SUMMARISED_HERE_OCTETS: Final = 256 * 1024


async def store_flags(ctx: Context, command: StoreFlags) -> Done:
    """The flags are changed, for all or none; unless silent, each message is answered with its flags.

    [RFC 3501 §6.4.6]
    """
    change = FlagChange(command.mode, command.flags)
    outcome = await ctx.store.change_flags(
        ctx.view.folder.id, ctx.chosen(command.targets, by_uid=command.by_uid), change
    )
    new = b"".join(announce(ctx, (state.flags for state in outcome.states)))
    if new:
        await ctx.send(new)
    if command.silent:
        ctx.view.made(outcome.states)
        return Done("Store completed.")
    ctx.view.told(outcome.states)
    answers: list[r.Response] = []
    for state in outcome.states:
        number = ctx.view.number(state.uid)
        if number is not None:
            uid = (r.UidItem(state.uid),) if command.by_uid else ()
            answers.append(r.Fetched(number, (*uid, r.FlagsItem(shown(ctx, state.uid, state.flags)))))
    return Done("Store completed.", untagged=tuple(answers))


async def copy(ctx: Context, command: CopyMessages) -> Done:
    """The messages exist in the other folder too, all or none [RFC 3501 §6.4.7] [RFC 4315 §3].

    Raises:
        TryCreate: there is no such folder.
    """
    uids = ctx.chosen(command.targets, by_uid=command.by_uid)
    target = await ctx.target(command.mailbox)
    copied = await ctx.store.copy(ctx.view.folder.id, uids, target.id)
    code = codes.copy_uid(copied.uidvalidity, copied.pairs) if copied.pairs else None
    return Done("Copy completed.", code)


async def move(ctx: Context, command: MoveMessages) -> Done:
    """The messages are in the other folder and no longer here [RFC 6851 §3.3].

    The code comes untagged and first: the client must know the new UIDs before it sees the messages go.

    Raises:
        TryCreate: there is no such folder.
    """
    uids = ctx.chosen(command.targets, by_uid=command.by_uid)
    target = await ctx.target(command.mailbox)
    moved = await ctx.store.move(ctx.view.folder.id, uids, target.id)
    if not moved.pairs:
        return Done("Move completed.")
    code = codes.copy_uid(moved.uidvalidity, moved.pairs)
    return Done("Move completed.", untagged=(r.Reply(r.Condition.OK, "Moved.", code),))


async def expunge(ctx: Context, command: Expunge) -> Done:
    r"""Messages with ``\Deleted`` are gone; UID EXPUNGE looks at those it names only [RFC 3501 §6.4.3]."""
    uids: list[Uid] | None = None if command.uids is None else ctx.view.by_uid(command.uids)
    await ctx.store.expunge(ctx.view.folder.id, uids)
    return Done("Expunge completed.")


async def append(ctx: Context, command: Append) -> Done:
    """The messages are in the folder, octet for octet as they came, all or none [RFC 3501 §6.3.11].

    Raises:
        TryCreate: there is no such folder.
    """
    target = await ctx.target(command.mailbox)
    now = ctx.services.clock.now()
    messages = [
        NewMessage(upload.octets, await _summary(upload.octets), upload.date or now, upload.flags)
        for upload in command.uploads
    ]
    appended = await ctx.store.append(target.id, messages)
    code = codes.append_uid(appended[0].uidvalidity, [one.uid for one in appended])
    return Done("Append completed.", code)


async def _summary(octets: bytes) -> Summary:
    if len(octets) <= _SUMMARISED_HERE_OCTETS:
        return summarise(octets)
    return await asyncio.to_thread(summarise, octets)
