"""The two ways in which IMAP groups messages into trees [RFC 5256 §3, THREAD].

Unlike `threads`, which joins whatever refers to each other, these have parents, children and
subjects, and follow the steps of the RFC to the letter, for clients compare.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, pairwise
from typing import Final

from mssante_sim.message.ordering import Subject
from mssante_sim.message.text import unfold

__all__ = ["Node", "Threadable", "by_references", "by_subject", "identities"]

_IDENTITY: Final = re.compile(rb'<(?:"((?:[^"\\<>]|\\.)*+)"|([^<>"@\s]++))@([^<>@\s]++)>')


def identities(raw: bytes) -> list[bytes]:
    """The message identifiers in a field, in order; one that is quoted needlessly is the same as one that is not."""
    return [(quoted or plain) + b"@" + domain for quoted, plain, domain in _IDENTITY.findall(unfold(raw))]


@dataclass(frozen=True, slots=True)
class Threadable:
    """One message, as far as threading needs to know it."""

    number: int
    subject: Subject
    sent: datetime  # aware
    message_id: bytes | None = None
    references: tuple[bytes, ...] = ()  # of References, else the first of In-Reply-To


@dataclass(slots=True, eq=False)
class Node:
    """A place in a tree: a message, or one that is missing and holds its children together."""

    message: Threadable | None = None
    children: "list[Node]" = field(default_factory=list)
    parent: "Node | None" = None

    @property
    def number(self) -> int | None:
        """The message's number, if it is there."""
        return None if self.message is None else self.message.number

    def first(self) -> Threadable:
        """The message, or that of the first child: a missing one has children, and they are there."""
        return self.message if self.message is not None else self.children[0].first()


def _age(node: Node) -> tuple[datetime, int]:
    """What siblings are sorted by: sent date, then number."""
    message = node.first()
    return message.sent, message.number


def by_subject(messages: Iterable[Threadable]) -> list[Node]:
    """ORDEREDSUBJECT: messages of one base subject, all but the first being children of the first."""
    ordered = sorted(messages, key=lambda one: (one.subject.base, one.sent, one.number))
    roots = []
    for _, group in groupby(ordered, key=lambda one: one.subject.base):
        first, *others = map(Node, group)
        first.children = others
        roots.append(first)
    return sorted(roots, key=_age)


def by_references(messages: Iterable[Threadable]) -> list[Node]:
    """REFERENCES: trees by what messages refer to, joined by subject; `messages` come by ascending number."""
    roots = _pruned(_linked(messages))  # (1) to (3)
    for root in roots:
        root.children.sort(key=_age)
    roots.sort(key=_age)  # (4)
    roots = _joined_by_subject(roots)  # (5)
    for node in _from_the_leaves(roots):
        node.children.sort(key=_age)  # (6)
    return sorted(roots, key=_age)


# (1) and (2): parents and children


def _linked(messages: Iterable[Threadable]) -> list[Node]:
    """Nodes without a parent, of all that is there or is referred to."""
    known: dict[bytes, Node] = {}
    nodes: list[Node] = []

    def named(identity: bytes) -> Node:
        if identity not in known:
            known[identity] = Node()
            nodes.append(known[identity])
        return known[identity]

    for message in messages:
        node = named(message.message_id) if message.message_id is not None else None
        if node is None or node.message is not None:  # without an identifier, or with one that is taken
            node = Node()
            nodes.append(node)
        node.message = message
        chain = [named(identity) for identity in message.references]
        for parent, child in pairwise(chain):  # (A)
            if child.parent is None:
                _link(parent, child)
        if node.parent is not None:  # (B)
            node.parent.children.remove(node)
            node.parent = None
        if chain:
            _link(chain[-1], node)
    return [node for node in nodes if node.parent is None]


def _link(parent: Node, child: Node) -> None:
    """`child` hangs below `parent`, unless that would make a loop."""
    above: Node | None = parent
    while above is not None:
        if above is child:
            return
        above = above.parent
    child.parent = parent
    parent.children.append(child)


# (3): missing messages


def _pruned(roots: Sequence[Node]) -> list[Node]:
    """The trees without missing messages, but for roots that hold several children together."""
    for node in _from_the_leaves(roots):
        node.children = [kept for child in node.children for kept in ([child] if child.message else child.children)]
    return [
        kept for root in roots for kept in (root.children if not root.message and len(root.children) < 2 else [root])
    ]


def _from_the_leaves(roots: Sequence[Node]) -> Iterator[Node]:
    """Every node, each behind all that is below it; however deep the trees are."""
    order = list(roots)
    for node in order:
        order.extend(node.children)
    return reversed(order)


# (5): subjects


def _joined_by_subject(roots: Sequence[Node]) -> list[Node]:
    """Trees with the same base subject are one."""
    table = _subject_table(roots)
    kept: list[Node] = []
    replaced: dict[Node, Node] = {}
    for node in roots:
        subject = node.first().subject.base
        holder = table.get(subject, node)  # no subject, no holder
        if holder is node or node in replaced:
            kept.append(node)
        elif holder.message is None:
            holder.children += node.children if node.message is None else [node]
        elif _is_reply(node) and not _is_reply(holder):
            holder.children.append(node)
        else:
            table[subject] = replaced[holder] = Node(children=[holder, node])
    return [replaced.get(node, node) for node in kept]


def _subject_table(roots: Iterable[Node]) -> dict[str, Node]:
    table: dict[str, Node] = {}
    for node in roots:
        subject = node.first().subject.base
        holder = table.get(subject)
        if not subject:
            continue
        if holder is None or (holder.message and (node.message is None or (_is_reply(holder) and not _is_reply(node)))):
            table[subject] = node
    return table


def _is_reply(node: Node) -> bool:
    return node.message is not None and node.message.subject.is_reply
