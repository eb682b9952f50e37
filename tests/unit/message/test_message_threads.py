"""Threads: what belongs together by References and In-Reply-To, and nothing else."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.message.threads import (
    MAX_REFERENCES,
    Entry,
    answer_references,
    message_id_of,
    references_of,
    threads,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def entry(key: str, message_id: str | None, *references: str, minute: int = 0) -> Entry:
    return Entry(key, message_id, references, NOON + timedelta(minutes=minute))


def keys(entries: list[Entry]) -> list[str]:
    return ["".join(one.key for one in thread) for thread in threads(entries)]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([entry("a", "<1>"), entry("b", "<2>", "<1>", minute=1)], ["ab"], id="an answer"),
        pytest.param([entry("b", "<2>", "<1>", minute=1), entry("a", "<1>")], ["ab"], id="by time, not as they came"),
        pytest.param(
            [entry("a", "<1>", minute=5), entry("b", "<2>", minute=1)], ["b", "a"], id="what moved last stands last"
        ),
        pytest.param(
            [entry("a", "<1>"), entry("b", "<2>", minute=1), entry("c", "<3>", "<1>", minute=2)],
            ["b", "ac"],
            id="an answer moves its thread",
        ),
        pytest.param(
            [entry("a", "<1>", "<0>"), entry("b", "<2>", "<0>", minute=1)], ["ab"], id="joined by a missing parent"
        ),
        pytest.param(
            [entry("a", "<1>"), entry("b", "<2>", minute=1), entry("c", "<3>", "<1>", "<2>", minute=2)],
            ["abc"],
            id="one that names two joins them",
        ),
        pytest.param([entry("a", "<1>", "<2>"), entry("b", "<2>", "<1>", minute=1)], ["ab"], id="a loop"),
        pytest.param([entry("a", "<1>", "<1>")], ["a"], id="an answer to itself"),
        pytest.param([entry("a", "<1>"), entry("b", "<1>", minute=1)], ["ab"], id="one Message-ID twice"),
        pytest.param([entry("a", None), entry("b", None, minute=1)], ["a", "b"], id="without identifiers, alone"),
        pytest.param(
            [entry("a", "<1>"), entry("b", None, "<1>", minute=1)], ["ab"], id="an answer without a Message-ID"
        ),
        pytest.param([entry("a", "<A@x>"), entry("b", "<2>", "<a@x>", minute=1)], ["a", "b"], id="case counts"),
        pytest.param([entry("a", "<1>"), entry("b", "<2>", "<1>")], ["ab"], id="equal instants keep their order"),
    ],
)
def test_a_thread_is_what_references_join(entries: list[Entry], expected: list[str]) -> None:
    assert keys(entries) == expected


_IDS = st.sampled_from([f"<{number}@x>" for number in range(8)])


@given(
    st.lists(
        st.builds(
            entry,
            st.uuids().map(str),
            st.none() | _IDS,
            minute=st.integers(0, 5),
        ).flatmap(
            lambda one: st.lists(_IDS, max_size=4).map(lambda refs: Entry(one.key, one.message_id, tuple(refs), one.at))
        ),
        max_size=25,
    )
)
def test_every_entry_is_in_one_thread_and_neighbours_are_together(entries: list[Entry]) -> None:
    found = threads(entries)
    assert Counter(one.key for thread in found for one in thread) == Counter(one.key for one in entries)
    place = {one.key: number for number, thread in enumerate(found) for one in thread}
    for one in entries:
        for other in entries:
            if {one.message_id, *one.references} & {other.message_id, *other.references} - {None}:
                assert place[one.key] == place[other.key]
    assert all(list(thread) == sorted(thread, key=lambda one: one.at) for thread in found)
    assert found == sorted(found, key=lambda thread: thread[-1].at)


class _Counted(str):
    """An identifier that counts how often it is looked up."""

    __slots__ = ()
    looked_up = 0

    def __hash__(self) -> int:
        type(self).looked_up += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)


@pytest.mark.parametrize("shape", ["chain", "star", "backwards"])
def test_a_long_thread_takes_work_in_proportion(shape: str) -> None:
    count = 20_000
    names = [_Counted(f"<{number}@x>") for number in range(count)]
    parents = {
        "chain": lambda number: max(number - 1, 0),
        "star": lambda _: 0,
        "backwards": lambda number: min(number + 1, count - 1),
    }[shape]
    _Counted.looked_up = 0
    (thread,) = threads(entry(str(n), names[n], names[parents(n)], minute=n) for n in range(count))
    assert len(thread) == count
    assert _Counted.looked_up < 40 * count


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, ()),
        ({"in-reply-to": b" <a@x>"}, ("<a@x>",)),
        ({"references": b" <a@x>\r\n <b@x>", "in-reply-to": b" <b@x>"}, ("<a@x>", "<b@x>")),
        ({"references": b" <a@x>", "in-reply-to": b" <c@x>"}, ("<a@x>", "<c@x>")),
        ({"references": b"<a@x><b@x>,<c@x>"}, ("<a@x>", "<b@x>", "<c@x>")),
        ({"references": b" <a@x> <a@x>"}, ("<a@x>",)),
        ({"in-reply-to": b" Your message of Monday <a@x> (really)"}, ("<a@x>",)),
        ({"references": b" a@x <b@x"}, ()),
        ({"references": b" <a @x> <\xe9@x> <b@x>"}, ("<b@x>",)),
        ({"references": b" <" + b"a" * 251 + b">"}, ()),
    ],
)
def test_references_are_read_as_they_are_written(header: dict[str, bytes], expected: tuple[str, ...]) -> None:
    assert references_of(header) == expected


def test_of_too_many_references_the_root_and_the_nearest_stay() -> None:
    names = [f"<{number}@x>" for number in range(MAX_REFERENCES + 50)]
    header = {"references": " ".join(names).encode()}
    assert references_of(header) == (names[0], *names[-(MAX_REFERENCES - 1) :])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"message-id": b" <b@x>"}, ("<b@x>", ("<b@x>",))),
        ({"message-id": b" <b@x>", "references": b" <a@x>"}, ("<b@x>", ("<a@x>", "<b@x>"))),
        ({"message-id": b" <b@x>", "in-reply-to": b" <a@x>"}, ("<b@x>", ("<a@x>", "<b@x>"))),
        ({"message-id": b" <c@x>", "in-reply-to": b" <a@x> <b@x>"}, ("<c@x>", ("<c@x>",))),
        ({"message-id": b" <b@x>", "references": b" <b@x> <a@x>"}, ("<b@x>", ("<a@x>", "<b@x>"))),
        ({"references": b" <a@x>"}, (None, ("<a@x>",))),
        ({}, (None, ())),
    ],
)
def test_an_answer_names_what_it_answers(
    header: dict[str, bytes], expected: tuple[str | None, tuple[str, ...]]
) -> None:
    assert answer_references(header) == expected


@given(st.dictionaries(st.sampled_from(["message-id", "references", "in-reply-to"]), st.binary()))
def test_no_header_is_too_odd(header: dict[str, bytes]) -> None:
    assert len(references_of(header)) <= MAX_REFERENCES
    own, chain = answer_references(header)
    assert own == message_id_of(header)
    assert own is None or chain[-1] == own
