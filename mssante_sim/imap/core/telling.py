"""News of a selected folder as responses, in the form that the client has asked for."""

from collections.abc import Collection, Iterator

from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.extensions import Extension
from mssante_sim.imap.core.flags import announcement
from mssante_sim.imap.core.sequence import format_set
from mssante_sim.imap.core.view import FolderView, Updates

__all__ = ["news"]


def news(view: FolderView, updates: Updates, enabled: Collection[Extension]) -> Iterator[r.Response]:
    """`updates`, which `view` has just released, in the order in which they must be told."""
    if updates.vanished and Extension.QRESYNC in enabled:
        yield r.Vanished(format_set(updates.vanished))
    else:
        yield from map(r.Expunged, updates.expunged)
    if updates.exists is not None:
        yield r.Exists(updates.exists)
    if updates.recent is not None and Extension.REV2 not in enabled:
        yield r.Recent(updates.recent)
    for number, state in updates.flags:
        if view.learns(state.flags):
            yield from announcement(view.keywords, read_only=view.read_only)
        items: list[r.FetchedItem] = [r.UidItem(state.uid), r.FlagsItem(view.shown(state.uid, state.flags))]
        if Extension.CONDSTORE in enabled:
            items.append(r.ModSeqItem(state.modseq))
        yield r.Fetched(number, tuple(items))
