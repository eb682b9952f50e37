"""What a client is told of a folder that changes under it: tables of changes and releases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.imap.core.sequence import SavedResult, SequenceSet
from mssante_sim.imap.core.view import FolderView, Updates
from mssante_sim.storage.api import (
    Arrived,
    Expunged,
    FlagsChanged,
    FlagState,
    Folder,
    FolderGone,
    FolderId,
    FolderSnapshot,
    FolderStatus,
    ModSeq,
    Uid,
)  # fmt: skip

HERE = FolderId(1)
START = 100  # highest modseq when the folder was selected


def view(*uids: int, recent_from: int = 10_000) -> FolderView:
    last = uids[-1] if uids else 0
    status = FolderStatus(7, Uid(last + 1), ModSeq(START), len(uids), 0, 0, 0, Uid(recent_from))
    folder = Folder(HERE, "INBOX", None, subscribed=True, uidvalidity=7)
    return FolderView(folder, FolderSnapshot(status, uids, frozenset({"$Known"})), read_only=False)


def state(uid: int, *flags: str, modseq: int = START + 1) -> FlagState:
    return FlagState(Uid(uid), frozenset(flags), ModSeq(modseq))


def arrived(*uids: int) -> Arrived:
    return Arrived(HERE, tuple(state(uid) for uid in uids))


def flagged(*states: FlagState) -> FlagsChanged:
    return FlagsChanged(HERE, states)


def expunged(*uids: int) -> Expunged:
    return Expunged(HERE, tuple(Uid(uid) for uid in uids), ModSeq(START + 9))


@pytest.mark.parametrize(
    ("name", "changes", "expunges", "told", "left"),
    [
        ("nothing", [], True, Updates(), [1, 3, 5]),
        ("arrival", [arrived(6)], True, Updates(exists=4, recent=0), [1, 3, 5, 6]),
        ("arrival while numbers are in use", [arrived(6)], False, Updates(exists=4, recent=0), [1, 3, 5, 6]),
        ("removal", [expunged(3)], True, Updates((2,), (3,)), [1, 5]),
        ("removal while numbers are in use", [expunged(3)], False, Updates(), [1, 3, 5]),
        ("removals, highest number first", [expunged(1, 5)], True, Updates((3, 1), (1, 5)), [3]),
        ("all", [expunged(1, 3, 5)], True, Updates((3, 2, 1), (1, 3, 5)), []),
        ("removal and arrival", [expunged(1), arrived(6)], True, Updates((1,), (1,), 3, 0), [3, 5, 6]),
        ("came and went untold", [arrived(6, 7), expunged(6)], True, Updates(exists=4, recent=0), [1, 3, 5, 7]),
        ("removal of a stranger", [expunged(2)], True, Updates(), [1, 3, 5]),
        ("flags", [flagged(state(3, "\\Seen"))], True, Updates(flags=((2, state(3, "\\Seen")),)), [1, 3, 5]),
        ("flags, shifted", [expunged(1), flagged(state(5))], True, Updates((1,), (1,), flags=((2, state(5)),)), [3, 5]),
        ("flags of a removed one", [flagged(state(3)), expunged(3)], True, Updates((2,), (3,)), [1, 5]),
        ("flags of one to come", [arrived(6), flagged(state(6))], True, Updates(exists=4, recent=0), [1, 3, 5, 6]),
        ("change before the snapshot", [flagged(state(3, modseq=START))], True, Updates(), [1, 3, 5]),
        ("arrival before the snapshot", [arrived(5)], True, Updates(), [1, 3, 5]),
        ("the newest flags only",
         [flagged(state(3, "a", modseq=101)), flagged(state(3, "b", modseq=102))], True,
         Updates(flags=((2, state(3, "b", modseq=102)),)), [1, 3, 5]),
        ("the folder itself", [FolderGone(HERE)], False, Updates(gone=True), [1, 3, 5]),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_release(name, changes, expunges, told, left) -> None:
    seen = view(1, 3, 5)
    for change in changes:
        seen.notice(change)
    assert seen.release(expunges=expunges) == told
    assert list(seen.uids) == left


def test_what_was_held_back_is_told_once_it_may_be() -> None:
    seen = view(1, 3, 5)
    seen.notice(expunged(3))
    assert not seen.release(expunges=False)
    assert seen.has_news()
    seen.notice(arrived(6))
    assert seen.release(expunges=False).exists == 4  # the removed one still counts
    assert seen.release(expunges=True) == Updates((2,), (3,))
    assert not seen.has_news()


def test_own_silent_store_is_not_echoed() -> None:
    seen = view(1, 3)
    own = state(3, "\\Seen", modseq=101)
    seen.notice(flagged(own))
    seen.made((own,))
    assert not seen.release(expunges=True)


def test_own_silent_store_of_several_is_not_echoed_even_where_some_had_the_flag_already() -> None:
    seen = view(1, 3, 5)
    had, own = state(1, "\\Seen", modseq=50), [state(uid, "\\Seen", modseq=101) for uid in (3, 5)]
    seen.notice(flagged(*own))
    seen.made((had, *own))
    assert not seen.has_news()
    assert seen.told_up_to == 101


def test_another_change_beside_a_silent_store_is_told() -> None:
    seen = view(1, 3)
    other, own = state(1, "\\Flagged", modseq=101), state(3, "\\Seen", modseq=102)
    seen.notice(flagged(other))
    seen.notice(flagged(own))
    seen.made((own,))
    assert seen.told_up_to == 100
    assert seen.release(expunges=True).flags == ((1, other),)


def test_what_another_changed_before_a_silent_store_is_told() -> None:
    seen = view(1, 3)
    own = state(3, "\\Flagged", "\\Seen", modseq=102)
    seen.notice(flagged(state(3, "\\Flagged", modseq=101)))
    seen.notice(flagged(own))
    seen.made((own,))
    assert seen.release(expunges=True).flags == ((2, own),)


def test_what_another_changed_after_a_silent_store_is_told() -> None:
    seen = view(1, 3)
    own, other = state(3, "\\Seen", modseq=101), state(3, modseq=102)
    seen.notice(flagged(own))
    seen.notice(flagged(other))
    seen.made((own,))
    assert seen.release(expunges=True).flags == ((2, other),)


def test_flags_shown_by_fetch_are_not_sent_again_but_newer_ones_are() -> None:
    seen = view(1, 3)
    seen.notice(flagged(state(1, modseq=101), state(3, modseq=105)))
    seen.told([state(1, modseq=103), state(3, modseq=103)])
    assert seen.release(expunges=True).flags == ((2, state(3, modseq=105)),)


def test_recent_is_what_nobody_saw_before() -> None:
    seen = view(1, 3, 5, recent_from=4)
    nothing: frozenset[str] = frozenset()
    assert [seen.shown(Uid(uid), nothing) for uid in (1, 3, 5)] == [nothing, nothing, {"\\Recent"}]
    assert seen.recent == 1
    seen.notice(arrived(6))
    assert seen.release(expunges=True).recent == 2


def test_a_keyword_is_learned_once() -> None:
    seen = view()
    assert not seen.learns(frozenset({"\\Seen", "$Known"}))
    assert seen.learns(frozenset({"$New"}))
    assert not seen.learns(frozenset({"$New"}))


def test_sets_by_number_and_by_uid() -> None:
    seen = view(10, 20, 30, 40)
    assert seen.by_number(SequenceSet(((2, 3),))) == [20, 30]
    assert seen.by_number(SequenceSet(((4, 0),))) == [40]
    assert seen.by_uid(SequenceSet(((15, 30),))) == [20, 30]
    assert seen.by_uid(SequenceSet(((99, 0),))) == [40]
    assert view().by_uid(SequenceSet(((1, 0),))) == []


def test_what_was_saved_is_gone_when_it_is_told_to_be_gone() -> None:
    seen = view(1, 3, 5)
    seen.saved = [Uid(1), Uid(3)]
    seen.notice(expunged(3))
    assert seen.by_number(SavedResult()) == seen.by_uid(SavedResult()) == [1, 3]
    seen.release(expunges=True)
    assert seen.by_number(SavedResult()) == [1]


def test_a_client_is_told_up_to_before_the_first_change_that_waits() -> None:
    """Or it would believe that it knows of what it was not told, and never ask again [RFC 7162 §3.2]."""
    seen = view(1, 3, 5)
    assert seen.told_up_to == START
    seen.notice(flagged(state(1, modseq=START + 3)))
    seen.notice(Expunged(HERE, (Uid(3),), ModSeq(START + 5)))
    seen.notice(Arrived(HERE, (state(6, modseq=START + 7),)))
    assert seen.told_up_to == START + 2
    seen.release(expunges=False)
    assert seen.told_up_to == START + 4
    seen.release(expunges=True)
    assert seen.told_up_to == START + 7


def test_what_a_client_saw_already_does_not_go_back() -> None:
    """A reader sees what a writer has committed before it is noticed; the older change behind it comes late."""
    seen = view(1, 3, 5)
    seen.saw([state(3, "\\Seen", modseq=START + 5)])
    assert seen.is_ahead
    assert seen.told_up_to == START
    seen.notice(flagged(state(3, "\\Draft", modseq=START + 2)))
    assert not seen.has_news()
    seen.notice(Expunged(HERE, (Uid(1),), ModSeq(START + 4)))
    assert seen.told_up_to == START + 3
    seen.notice(flagged(state(3, "\\Seen", modseq=START + 5)))
    assert not seen.is_ahead
    assert seen.release(expunges=True).flags == ((1, state(3, "\\Seen", modseq=START + 5)),)


def test_who_knows_no_recent_messages_is_shown_none() -> None:
    seen = view(1, 3, recent_from=2)
    seen.forget_recent()
    assert seen.recent == 0
    assert seen.shown(Uid(3), frozenset()) == frozenset()


uid_sets = st.sets(st.integers(1, 60)).map(sorted)


@given(uid_sets, uid_sets, st.integers(0, 5))
def test_a_client_that_counts_along_knows_every_number(known, gone, new) -> None:
    """Removals are applied as a client does: one by one, in the order they are told."""
    seen = view(*known)
    top = known[-1] if known else 0
    come = list(range(top + 1, top + 1 + new))
    seen.notice(expunged(*gone))
    if come:
        seen.notice(arrived(*come))
    client = list(known)
    updates = seen.release(expunges=True)
    for number in updates.expunged:
        del client[number - 1]
    client += come
    assert client == list(seen.uids)
    assert updates.exists in (None, len(client))
    assert [seen.number(uid) for uid in client] == list(range(1, len(client) + 1))
    assert all(seen.number(Uid(uid)) is None for uid in gone if uid in known)
