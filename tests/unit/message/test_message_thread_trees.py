"""Trees of messages, as THREAD makes them [RFC 5256 §3]."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.message.ordering import base_subject
from mssante_sim.message.thread_trees import Node, Threadable, by_references, by_subject, identities

START = datetime(2026, 11, 2, tzinfo=UTC)


def message(number: int, *references: str, own: str | None = "", subject: str = "", day: int = 0) -> Threadable:
    """Message `number`, whose identifier is its number unless told otherwise, sent on `day`, else on that day."""
    return Threadable(
        number,
        base_subject((subject or f"subject {number}").encode()),
        START + timedelta(days=day or number),
        (str(number) if own == "" else own).encode() if own is not None else None,
        tuple(one.encode() for one in references),
    )


def shown(nodes: list[Node]) -> str:
    """Trees as IMAP writes them, by the grammar and by recursion."""
    return "".join(f"({_members(node)})" for node in nodes)


def _members(node: Node) -> str:
    words = [] if node.number is None else [str(node.number)]
    if len(node.children) == 1:
        words.append(_members(node.children[0]))
    elif node.children:
        words.append(shown(node.children))
    return " ".join(words)


@pytest.mark.parametrize(
    ("name", "messages", "trees"),
    [
        ("nothing", [], ""),
        ("strangers", [message(1), message(2)], "(1)(2)"),
        ("a reply", [message(1), message(2, "1")], "(1 2)"),
        ("a reply that came first", [message(1, "2"), message(2)], "(2 1)"),
        ("a chain", [message(1), message(2, "1"), message(3, "1", "2")], "(1 2 3)"),
        ("two replies", [message(1), message(2, "1"), message(3, "1")], "(1 (2)(3))"),
        ("siblings by sent date", [message(1), message(2, "1", day=9), message(3, "1", day=8)], "(1 (3)(2))"),
        ("a missing parent of one", [message(1, "x")], "(1)"),
        ("a missing parent of two", [message(1, "x"), message(2, "x")], "((1)(2))"),
        ("a missing link", [message(1), message(2, "1", "x"), message(3, "1", "x")], "(1 (2)(3))"),
        ("missing all the way up", [message(1, "x", "y"), message(2, "x", "z")], "((1)(2))"),
        ("References that were cut", [message(1), message(2, "1"), message(3, "2"), message(4, "1", "3")], "(1 2 3 4)"),
        ("a loop", [message(1, "2"), message(2, "1")], "(2 1)"),
        ("itself", [message(1, "1")], "(1)"),
        ("a parent that is known better later", [message(1), message(2), message(3, "1", "2"), message(4, "3", "2")],
         "(1 2 (3)(4))"),
        ("the same identifier twice", [message(1, own="a"), message(2, own="a"), message(3, "a")], "(1 3)(2)"),
        ("no identifier", [message(1, own=None), message(2, "x", own=None), message(3, "x")], "(1)((2)(3))"),
        ("threads by sent date", [message(1, day=9), message(2, day=8), message(3, "1")], "(2)(1 3)"),
        # step 5
        ("same subject", [message(1, subject="a"), message(2, subject="A")], "((1)(2))"),
        ("same subject, three", [message(n, subject="a") for n in (1, 2, 3)], "((1)(2)(3))"),
        ("an answer by its subject", [message(1, subject="a"), message(2, subject="Re: a")], "(1 2)"),
        ("an answer that came first", [message(1, subject="Re: a"), message(2, subject="a")], "(2 1)"),
        ("two answers, no original", [message(1, subject="Re: a"), message(2, subject="Re: a")], "((1)(2))"),
        ("a missing parent with that subject", [message(1, "x", subject="a"), message(2, "x", subject="a"),
         message(3, subject="a")], "((1)(2)(3))"),
        ("two missing parents with that subject", [message(1, "x", subject="a"), message(2, "x", subject="b"),
         message(3, "y", subject="a"), message(4, "y", subject="c")], "((1)(2)(3)(4))"),
        ("no subject", [message(1, subject="Re:"), message(2, subject="Re:")], "(1)(2)"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_by_references(name, messages, trees) -> None:
    assert shown(by_references(messages)) == trees


@pytest.mark.parametrize(
    ("messages", "trees"),
    [
        ([], ""),
        ([message(1, subject="a"), message(2, subject="b"), message(3, subject="Re: a")], "(1 3)(2)"),
        ([message(n, subject="a", day=10 - n) for n in (1, 2, 3)], "(3 (2)(1))"),
        ([message(1, subject="b"), message(2, subject="a", day=9), message(3, subject="a", day=9)], "(1)(2 3)"),
        ([message(1, subject="b", day=5), message(2, subject="a", day=4)], "(2)(1)"),
    ],
)
def test_by_subject(messages, trees) -> None:
    assert shown(by_subject(messages)) == trees


names = st.sampled_from("abcdef")
anything = st.lists(
    st.builds(
        lambda own, references, subject, day: (own, references, subject, day),
        st.none() | names,
        st.lists(names, max_size=4),
        st.sampled_from(["", "x", "Re: x", "y", "Re: y"]),
        st.integers(1, 5),
    ),
    max_size=12,
)


@given(anything)
def test_every_message_is_in_one_place_and_siblings_are_in_order(made) -> None:
    messages = [
        Threadable(
            number,
            base_subject(subject.encode()),
            START + timedelta(days=day),
            None if own is None else own.encode(),
            tuple(one.encode() for one in references),
        )
        for number, (own, references, subject, day) in enumerate(made, 1)
    ]
    for trees in (by_references(messages), by_subject(messages)):
        seen, waiting = [], [trees]
        while waiting:
            siblings = waiting.pop()
            ages = [(node.first().sent, node.first().number) for node in siblings]
            assert ages == sorted(ages)
            waiting += [node.children for node in siblings]
            seen += [node.number for node in siblings if node.number is not None]
            assert all(node.number is not None or node in trees for node in siblings)
        assert sorted(seen) == [one.number for one in messages]


def test_a_chain_of_ten_thousand_answers_is_a_tree() -> None:
    messages = [message(number, *([str(number - 1)] if number > 1 else [])) for number in range(1, 10_001)]
    (root,) = by_references(messages)
    depth, node = 1, root
    while node.children:
        (node,) = node.children
        depth += 1
    assert depth == 10_000


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", []),
        (b"<a@b> <c@d>", [b"a@b", b"c@d"]),
        (b'<"01KF8JCEOCBS0045PS"@xxx.yyy.com>', [b"01KF8JCEOCBS0045PS@xxx.yyy.com"]),
        (b"Message of Monday <a@b> (was: x)", [b"a@b"]),
        (b"<a@b>\r\n <A@B>", [b"a@b", b"A@B"]),
        (b"a@b <c> <@d> <e@> <<f@g>>", [b"f@g"]),
    ],
)
def test_identifiers_are_read_in_one_form(raw, found) -> None:
    assert identities(raw) == found
