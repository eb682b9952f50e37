"""What a client missed while it was away [RFC 7162 §3.2.5] [RFC 7162 §3.2.6]."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.arguments import Resync
from mssante_sim.imap.core.flags import announcement
from mssante_sim.imap.core.sequence import SequenceSet, format_set
from mssante_sim.imap.core.view import FolderView
from mssante_sim.storage.api import FlagState, Missed, Uid

__all__ = ["missed", "vanished"]

_LOOKED_THROUGH_HERE: Final = 5_000  # UIDs, a millisecond


async def missed(view: FolderView, resync: Resync, since: Missed) -> tuple[r.Response, ...]:
    """VANISHED (EARLIER) and changed flags of a folder being selected.

    `since` is of the same moment as `view`: what goes after it is told later, with its UID known by then.
    """
    changed, gone = since
    known = _known_up_to(view, resync.sample)
    earlier = await vanished(view, resync.uids, [uid for uid in gone if uid > known] if known else gone)
    if resync.uids is not None:
        asked = frozenset(resync.uids.select([state.uid for state in changed], view.newest))
        changed = tuple(state for state in changed if state.uid in asked)
    return (*earlier, *_flags(view, changed))


async def vanished(view: FolderView, among: SequenceSet | None, gone: Sequence[Uid]) -> tuple[r.Response, ...]:
    """VANISHED (EARLIER) for what is `gone`, if anything is.

    Below the floor of the store that can be a million UIDs, which are looked through in a thread.
    """
    here = len(gone) <= _LOOKED_THROUGH_HERE
    uids = _strangers(view, among, gone) if here else await asyncio.to_thread(_strangers, view, among, gone)
    return (r.Vanished(uids, earlier=True),) if uids else ()


def _strangers(view: FolderView, among: SequenceSet | None, gone: Sequence[Uid]) -> str:
    """Those of `gone` that the client may be told of as earlier, as a set.

    Neither a message that it believes to be there, which goes by a VANISHED without EARLIER, nor one that
    came after all it knows of.
    """
    found = [uid for uid in gone if uid <= view.newest and view.number(uid) is None]
    if among is not None:
        found = among.select(found, view.newest)
    return format_set(found) if found else ""


def _known_up_to(view: FolderView, sample: tuple[SequenceSet, SequenceSet] | None) -> int:
    """The last UID of the sample that has its number still: nothing up to it is news to the client.

    [RFC 7162 §3.2.5.2]
    """
    if sample is None:
        return 0
    numbers, uids = sample
    pairs = zip(_members(numbers, len(view)), _members(uids, view.newest), strict=False)
    return max((uid for number, uid in pairs if view.uids[number - 1] == uid), default=0)


def _members(numbers: SequenceSet, maximum: int) -> Iterable[int]:
    for first, last in numbers.resolve(maximum):
        yield from range(first, last + 1)


def _flags(view: FolderView, states: Sequence[FlagState]) -> Iterable[r.Response]:
    """FETCH with UID, FLAGS and MODSEQ of messages that the client is told of."""
    view.saw(states)
    for state in states:
        number = view.number(state.uid)
        if number is None:
            continue
        if view.learns(state.flags):
            yield from announcement(view.keywords, read_only=view.read_only)
        flags = view.shown(state.uid, state.flags)
        yield r.Fetched(number, (r.UidItem(state.uid), r.FlagsItem(flags), r.ModSeqItem(state.modseq)))
