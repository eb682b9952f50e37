"""What happens to a folder, as watchers are told: after its commit, in commit order."""

from dataclasses import dataclass
from typing import NamedTuple, NewType, Protocol

__all__ = [
    "Arrived", "Change", "Expunged", "FlagState", "FlagsChanged", "FolderGone", "FolderId", "ModSeq", "Uid", "Watch",
]  # fmt: skip

FolderId = NewType("FolderId", int)
Uid = NewType("Uid", int)
ModSeq = NewType("ModSeq", int)


class FlagState(NamedTuple):
    """Flags of one message at one mod-sequence.  A tuple, as `MessageRow` is, and for the same reason."""

    uid: Uid
    flags: frozenset[str]  # system flags "\\Seen"…, keywords as first written; never "\\Recent"
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Arrived:
    """Messages came into the folder, ascending by UID."""

    folder: FolderId
    states: tuple[FlagState, ...]


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    """Flags of messages were changed."""

    folder: FolderId
    states: tuple[FlagState, ...]


@dataclass(frozen=True, slots=True)
class Expunged:
    """Messages are gone for good."""

    folder: FolderId
    uids: tuple[Uid, ...]
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class FolderGone:
    """The folder was deleted."""

    folder: FolderId


Change = Arrived | FlagsChanged | Expunged | FolderGone


class Watch(Protocol):
    """A subscription to the changes of one folder."""

    def stop(self) -> None:
        """No listener call happens after this; a second call does nothing."""
        ...
