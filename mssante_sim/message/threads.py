"""Which messages belong to one conversation, by what their header says.  [RFC 5322 §3.6.4]

A thread is everything that `References` and `In-Reply-To` join, directly or by
way of messages that are not there; subjects count for nothing. A header is
somebody else's claim: who shows one thread to one person calls `threads` with
that person's messages only, so that no reference can join two patients.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mssante_sim.message.text import unfold

__all__ = ["MAX_REFERENCES", "Entry", "answer_references", "message_id_of", "references_of", "threads"]

MAX_REFERENCES: Final = 100  # of one message; what stands between the first and the last ones is left out

_IDENTITY: Final = re.compile(rb"<[!-;=?-~]{1,250}+>")  # what `compose` would write again


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, as far as threading needs to know it.

    Attributes:
        key: the caller's name for it; nothing is done with it here.
        message_id: with angle brackets; None if it has none.
        references: what `references_of` returned.
        at: aware; when it was sent or came, as the caller prefers.
    """

    key: str
    message_id: str | None
    references: tuple[str, ...]
    at: datetime


def message_id_of(header: Mapping[str, bytes]) -> str | None:
    """The Message-ID of a header like `Part.header`, with its angle brackets; None if it has no usable one."""
    found = _identities(header.get("message-id", b""))
    return found[0] if found else None


def references_of(header: Mapping[str, bytes]) -> tuple[str, ...]:
    """What a message says that it answers, oldest first: its References, then its In-Reply-To, each once.

    Of more than MAX_REFERENCES the first and the last stay: the root of the thread and the nearest messages.
    What is no identifier (words, comments, addresses without brackets) is passed over.
    """
    found = (*_identities(header.get("references", b"")), *_identities(header.get("in-reply-to", b"")))
    return _bounded(tuple(dict.fromkeys(found)))


def answer_references(header: Mapping[str, bytes]) -> tuple[str | None, tuple[str, ...]]:
    """In-Reply-To and References of an answer to the message with `header`.  [RFC 5322 §3.6.4]

    (None, ()) when that message has no Message-ID and names none.
    """
    own = message_id_of(header)
    earlier = _identities(header.get("references", b""))
    if not earlier:
        named = _identities(header.get("in-reply-to", b""))
        earlier = named if len(named) == 1 else ()
    chain = (*(one for one in earlier if one != own), *((own,) if own else ()))
    return own, _bounded(tuple(dict.fromkeys(chain)))


def threads(entries: Iterable[Entry]) -> list[tuple[Entry, ...]]:
    """The conversations that `entries` make up: each in the order of time, the one that moved last at the end.

    Every entry is in exactly one of them. Missing parents join what names them, loops end, entries with the same
    Message-ID stand together, and one without any identifier stands alone. Equal instants keep the given order.
    Time is linear in the number of entries and references, but for the sorting.
    """
    joined = _Joined()
    rooted: list[tuple[Entry, str | int]] = []
    for number, entry in enumerate(entries):
        identities = [one for one in (entry.message_id, *entry.references) if one is not None]
        for other in identities[1:]:
            joined.join(identities[0], other)
        rooted.append((entry, identities[0] if identities else number))
    groups: dict[str | int, list[Entry]] = {}
    for entry, member in sorted(rooted, key=lambda pair: pair[0].at):
        root = joined.root(member) if isinstance(member, str) else member
        groups.setdefault(root, []).append(entry)
    return sorted((tuple(group) for group in groups.values()), key=lambda group: group[-1].at)


class _Joined:
    """Identifiers in disjoint sets; each set has one root."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._size: dict[str, int] = {}

    def root(self, member: str) -> str:
        """The one that stands for all that `member` was joined with."""
        parent = self._parent
        while (above := parent.get(member, member)) != member:
            parent[member] = parent.get(above, above)  # halves the path for whoever comes next
            member = above
        return member

    def join(self, one: str, other: str) -> None:
        """Both are in one set."""
        large, small = self.root(one), self.root(other)
        if large == small:
            return
        if self._size.get(large, 1) < self._size.get(small, 1):
            large, small = small, large
        self._parent[small] = large
        self._size[large] = self._size.get(large, 1) + self._size.get(small, 1)


def _identities(raw: bytes) -> tuple[str, ...]:
    return tuple(str(one, "ascii") for one in _IDENTITY.findall(unfold(raw)))


def _bounded(references: tuple[str, ...]) -> tuple[str, ...]:
    if len(references) <= MAX_REFERENCES:
        return references
    return references[0], *references[1 - MAX_REFERENCES :]
