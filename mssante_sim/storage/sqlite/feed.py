"""Telling watchers what was committed."""

import asyncio
from collections.abc import Callable, Container, Iterable

from mssante_sim.storage.api import Arrived, Change, FolderId

__all__ = ["Feed"]


class _Watch:
    """A listener of one folder; see `api.Watch`."""

    def __init__(self, watches: dict["_Watch", None], listener: Callable[[Change], None]) -> None:
        self._watches = watches
        self._listener = listener
        watches[self] = None

    def stop(self) -> None:
        self._watches.pop(self, None)

    def tell(self, change: Change) -> None:
        if self in self._watches:  # it may have been stopped since the call was scheduled
            self._listener(change)


class Feed:
    """Watchers by folder.  Lives in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watches: dict[FolderId, dict[_Watch, None]] = {}

    def watch(self, folder: FolderId, listener: Callable[[Change], None]) -> _Watch:
        """`listener` hears every change of `folder` published from now on."""
        return _Watch(self._watches.setdefault(folder, {}), listener)

    def publish(self, changes: Iterable[Change]) -> None:
        """Each watcher is scheduled to hear the changes of its folder, in their order.

        Scheduled, not called: a listener that fails then fails alone. What is scheduled after `publish` returns
        runs after the listeners.
        """
        for folder, own in _by_folder(changes, self._watches).items():
            for watch in self._watches[folder]:
                for change in own:
                    self._loop.call_soon(watch.tell, change)


def _by_folder(changes: Iterable[Change], watched: Container[FolderId]) -> dict[FolderId, list[Change]]:
    """Changes of watched folders; arrivals that follow each other become one, for they wake a client once."""
    grouped: dict[FolderId, list[Change]] = {}
    for change in changes:
        if change.folder not in watched:
            continue
        own = grouped.setdefault(change.folder, [])
        if own and isinstance(change, Arrived) and isinstance(own[-1], Arrived):
            own[-1] = Arrived(change.folder, own[-1].states + change.states)
        else:
            own.append(change)
    return grouped
