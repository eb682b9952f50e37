"""LIST, LSUB and NAMESPACE."""

import asyncio
from collections.abc import Iterable, Sequence

from mssante_sim.imap.commands.context import Context
from mssante_sim.imap.commands.counting import counted
from mssante_sim.imap.core import responses as r
from mssante_sim.imap.core.commands import List, ListReturn, ListSelection, Lsub, Namespace
from mssante_sim.imap.core.patterns import ListPattern
from mssante_sim.imap.core.session import Done
from mssante_sim.storage.api import Folder

__all__ = ["list_folders", "list_subscribed", "listing_of", "namespace"]


async def namespace(_: Context, __: Namespace) -> Done:
    """One personal namespace, without a prefix [RFC 2342 §5]."""
    return Done("Namespace completed.", untagged=(r.Namespaces(),))


async def list_folders(ctx: Context, command: List) -> Done:
    """Folders whose name matches, with their attributes [RFC 3501 §6.3.8], [RFC 5258 §3].

    CHILDREN and SPECIAL-USE attributes are always told.
    """
    if not command.extended and command.patterns == ("",):
        root = r.Listed("", ("\\Noselect",))  # asks for the delimiter only
        return Done("List completed.", untagged=(root,))
    tree = _Tree(await ctx.store.folders(ctx.account), await ctx.store.subscriptions(ctx.account))
    patterns = [ListPattern(command.reference + pattern) for pattern in command.patterns]
    untagged: list[r.Response] = []
    for name in tree.names:
        listed = tree.listed(name, patterns, command)
        if listed is None:
            continue
        untagged.append(listed)
        folder = tree.folder(name)
        if command.status and folder is not None and not listed.child_info:  # [RFC 5819 §2]
            untagged.append(await counted(ctx, folder, name, command.status))
            await asyncio.sleep(0)  # others have their turn between two folders
    return Done("List completed.", untagged=tuple(untagged))


async def list_subscribed(ctx: Context, command: Lsub) -> Done:
    """Subscribed names that match, whether a folder has them or not [RFC 3501 §6.3.9].

    With ``%``, a parent that is not subscribed itself stands for its subscribed children.
    """
    written = command.reference + command.pattern
    pattern = ListPattern(written)
    subscribed = await ctx.store.subscriptions(ctx.account)
    listed = [r.Listed(name, lsub=True) for name in sorted(subscribed) if pattern.matches(name)]
    if written.endswith("%"):
        parents = _parents(subscribed) - subscribed
        listed += [r.Listed(name, ("\\Noselect",), lsub=True) for name in sorted(parents) if pattern.matches(name)]
    return Done("Lsub completed.", untagged=tuple(listed))


async def listing_of(ctx: Context, folder: Folder) -> r.Listed:
    """How `folder` is listed: SELECT tells it to a client of IMAP4rev2 [RFC 9051 §6.3.2]."""
    tree = _Tree(await ctx.store.folders(ctx.account), frozenset())
    return r.Listed(folder.name, tree.attributes(folder.name, with_subscribed=False))


class _Tree:
    """The folders of an account, the parents they imply, and names that are only subscribed."""

    def __init__(self, folders: Sequence[Folder], subscribed: frozenset[str]) -> None:
        self._folders = {folder.name: folder for folder in folders}
        self._subscribed = subscribed
        self._parents = _parents(self._folders)
        self.names = [*self._folders, *sorted((self._parents | subscribed) - self._folders.keys())]

    def folder(self, name: str) -> Folder | None:
        """The folder of that name, if it is one."""
        return self._folders.get(name)

    def listed(self, name: str, patterns: Sequence[ListPattern], command: List) -> r.Listed | None:
        """How `name` is listed, if it is."""
        if not any(pattern.matches(name) for pattern in patterns):
            return None
        child_info: tuple[str, ...] = ()
        if not self._selected(name, command.selection):
            if not self._has_subscribed_child(name, patterns, command.selection):
                return None
            child_info = ("SUBSCRIBED",)
        wants = ListReturn.SUBSCRIBED in command.returns or ListSelection.SUBSCRIBED in command.selection
        return r.Listed(name, self.attributes(name, with_subscribed=wants), child_info=child_info)

    def _selected(self, name: str, selection: frozenset[ListSelection]) -> bool:
        if ListSelection.SUBSCRIBED in selection and name not in self._subscribed:
            return False
        folder = self._folders.get(name)
        if ListSelection.SPECIAL_USE in selection and (folder is None or folder.special_use is None):
            return False
        return folder is not None or name in self._parents or ListSelection.SUBSCRIBED in selection

    def _has_subscribed_child(
        self, name: str, patterns: Sequence[ListPattern], selection: frozenset[ListSelection]
    ) -> bool:
        """Whether a child that is not listed itself is subscribed [RFC 5258 §3.1, RECURSIVEMATCH]."""
        return ListSelection.RECURSIVE_MATCH in selection and any(
            child.startswith(name + "/") and not any(pattern.matches(child) for pattern in patterns)
            for child in self._subscribed
        )

    def attributes(self, name: str, *, with_subscribed: bool) -> tuple[str, ...]:
        """What kind of name it is."""
        folder = self._folders.get(name)
        attributes = ["\\HasChildren" if name in self._parents else "\\HasNoChildren"]
        if folder is None:
            attributes += ["\\NonExistent", "\\Noselect"]
        elif folder.special_use is not None:
            attributes.append(folder.special_use)
        if with_subscribed and name in self._subscribed:
            attributes.append("\\Subscribed")
        return tuple(attributes)


def _parents(names: Iterable[str]) -> frozenset[str]:
    """Every name above one of `names`."""
    found = set()
    for name in names:
        while "/" in name:
            name = name.rpartition("/")[0]  # noqa: PLW2901 - climbs
            found.add(name)
    return frozenset(found)
