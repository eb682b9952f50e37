"""STORE, COPY, MOVE, EXPUNGE, APPEND."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.fetching import announce
from mssante_sim.imap.core import codes
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import Append, CopyMessages, Expunge, MoveMessages, StoreFlags
from mssante_sim.imap.core.extensions import Extension
from mssante_sim.imap.core.faults import ImapFault
from mssante_sim.imap.core.session import Done
from mssante_sim.message.summary import Summary, summarise
from mssante_sim.storage.api import FlagChange, FlagState, ModSeq, NewMessage, Uid

__all__ = ["append", "copy", "expunge", "move", "store_flags"]

_SUMMARISED_HERE_OCTETS: Final = 256 * 1024


async def store_flags(ctx: Context, command: StoreFlags) -> Done:
    """The flags are changed; unless silent, each message is answered with its flags [RFC 3501 §6.4.6].

    With UNCHANGEDSINCE, messages that changed after it stay as they are, and are named [RFC 7162 §3.1.3].
    """
    limit = None if command.unchanged_since is None else ModSeq(command.unchanged_since)
    uids = ctx.chosen(command.targets, by_uid=command.by_uid)
    change = FlagChange(command.mode, command.flags, limit)
    outcome = await ctx.store.change_flags(ctx.view.folder.id, uids, change)
    failed = await _states(ctx, outcome.failed)
    await ctx.send(b"".join(announce(ctx, (state.flags for state in (*outcome.states, *failed)))))
    (ctx.view.made if command.silent else ctx.view.told)(outcome.states)
    ctx.view.saw(failed)
    ctx.view.told(failed)
    shows = _Echo(ctx, by_uid=command.by_uid)
    answers = [
        *shows.flags(failed),
        *(shows.modseqs(outcome.states) if command.silent else shows.flags(outcome.states)),
    ]
    code = codes.modified(_named(ctx, failed, by_uid=command.by_uid)) if failed else None
    return Done("Store completed.", code, untagged=tuple(answers))


async def _states(ctx: Context, uids: Sequence[Uid]) -> list[FlagState]:
    """How the messages stand that a STORE left alone: the client is told, lest it has to ask [RFC 7162 §3.1.3]."""
    if not uids:
        return []
    found = ctx.store.rows(ctx.view.folder.id, uids)
    return [FlagState(row.uid, row.flags, row.modseq) async for rows in found for row in rows]


def _named(ctx: Context, states: Iterable[FlagState], *, by_uid: bool) -> list[int]:
    if by_uid:
        return [state.uid for state in states]
    return [number for state in states if (number := ctx.view.number(state.uid)) is not None]


class _Echo:
    """FETCH answers of a STORE, with UID and MODSEQ for a client of CONDSTORE [RFC 7162 §3.2.4]."""

    def __init__(self, ctx: Context, *, by_uid: bool) -> None:
        self._view = ctx.view
        self._condstore = ctx.has(Extension.CONDSTORE)
        self._with_uid = by_uid or self._condstore

    def flags(self, states: Iterable[FlagState]) -> Iterator[r.Response]:
        """Flags of each message."""
        for state in states:
            yield from self._fetched(state, r.FlagsItem(self._view.shown(state.uid, state.flags)))

    def modseqs(self, states: Iterable[FlagState]) -> Iterator[r.Response]:
        """The mod-sequence of each message, which even a silent STORE tells who wants it; else nothing."""
        if self._condstore:
            for state in states:
                yield from self._fetched(state)

    def _fetched(self, state: FlagState, *items: r.FetchedItem) -> Iterator[r.Response]:
        number = self._view.number(state.uid)
        if number is not None:
            uid = (r.UidItem(state.uid),) if self._with_uid else ()
            modseq = (r.ModSeqItem(state.modseq),) if self._condstore else ()
            yield r.Fetched(number, (*uid, *items, *modseq))


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
    return Done("Move completed.", untagged=(r.Reply(r.Condition.OK, "Moved.", code),), removed=True)


async def expunge(ctx: Context, command: Expunge) -> Done:
    r"""Messages with ``\Deleted`` are gone; UID EXPUNGE looks at those it names only [RFC 3501 §6.4.3]."""
    uids: list[Uid] | None = None if command.uids is None else ctx.view.by_uid(command.uids)
    gone = await ctx.store.expunge(ctx.view.folder.id, uids)
    return Done("Expunge completed.", removed=bool(gone))


async def append(ctx: Context, command: Append) -> Done:
    """The messages are in the folder, octet for octet as they came, all or none [RFC 3501 §6.3.11].

    Raises:
        TryCreate: there is no such folder.
        ImapFault: a message has no octet, which is how a client takes its command back [RFC 3502 §6.3.11].
    """
    target = await ctx.target(command.mailbox)
    if not all(upload.octets for upload in command.uploads):
        raise ImapFault("A message must not be empty; nothing was stored.")
    now = ctx.services.clock.now()
    messages = []
    for upload in command.uploads:
        messages.append(NewMessage(upload.octets, await _summary(upload.octets), upload.date or now, upload.flags))
        await asyncio.sleep(0)  # others have their turn between two messages
    appended = await ctx.store.append(target.id, messages)
    code = codes.append_uid(appended[0].uidvalidity, [one.uid for one in appended])
    return Done("Append completed.", code)


async def _summary(octets: bytes) -> Summary:
    if len(octets) <= _SUMMARISED_HERE_OCTETS:
        return summarise(octets)
    return await asyncio.to_thread(summarise, octets)
