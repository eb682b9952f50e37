"""Watchers hear of each committed change, in commit order, before the call that made it returns."""

import asyncio

from mssante_sim.storage.api import (
    Arrived,
    Copy,
    Expunged,
    FlagChange,
    FlagMode,
    FlagsChanged,
    FlagState,
)

from .material import ALICE, BOB, NOW, inbox, new, parcel

SEEN = FlagChange(FlagMode.ADD, frozenset({"\\Seen"}))
DELETED = FlagChange(FlagMode.ADD, frozenset({"\\Deleted"}))


async def modseq(store, folder):
    return (await store.status(folder)).highestmodseq


async def test_each_kind_of_change_is_told_when_its_call_returns(store):
    folder = await inbox(store)
    heard = []
    store.watch(folder, heard.append)

    await store.deliver([parcel(Copy(ALICE, flags=frozenset({"$k"})))], received=NOW)
    assert heard.pop() == Arrived(folder, (FlagState(1, frozenset({"$k"}), await modseq(store, folder)),))

    await store.change_flags(folder, [1], SEEN)
    assert heard.pop() == FlagsChanged(
        folder, (FlagState(1, frozenset({"$k", "\\Seen"}), await modseq(store, folder)),)
    )

    await store.change_flags(folder, [1], SEEN)
    assert heard == []

    await store.copy(folder, [1], folder)
    (arrived,) = heard
    assert [state.uid for state in arrived.states] == [2]
    heard.clear()

    await store.change_flags(folder, [1, 2], DELETED)
    heard.clear()
    await store.expunge(folder)
    assert heard.pop() == Expunged(folder, (1, 2), await modseq(store, folder))
    assert heard == []


async def test_a_move_is_told_in_both_folders(store):
    folder = await inbox(store)
    trash = (await store.find_folder(ALICE, "Trash")).id
    await store.append(folder, [new()])
    heard = []
    for place in (folder, trash):
        store.watch(place, heard.append)
    await store.move(folder, [1], trash)
    assert {(type(change), change.folder) for change in heard} == {(Expunged, folder), (Arrived, trash)}


async def test_a_refused_change_is_told_to_nobody(store):
    folder = await inbox(store)
    heard = []
    store.watch(folder, heard.append)
    delivery = store.deliver([parcel(Copy(ALICE), Copy("nobody@x"))], received=NOW)
    await asyncio.gather(delivery, return_exceptions=True)
    await store.append(folder, [new()])
    assert [state.uid for change in heard for state in change.states] == [1]


async def test_only_the_watched_folder_is_heard_and_only_while_watched(store):
    alice, bob = await inbox(store, ALICE), await inbox(store, BOB)
    first, second = [], []
    watch = store.watch(alice, first.append)
    store.watch(alice, second.append)
    await store.append(bob, [new()])
    assert (first, second) == ([], [])
    await store.append(alice, [new()])
    assert first == second != []
    watch.stop()
    watch.stop()
    await store.append(alice, [new()])
    assert len(second) == len(first) + 1


async def test_a_watch_stopped_by_its_own_listener_hears_nothing_more(store):
    folder = await inbox(store)
    heard = []

    def listener(change):
        heard.append(change)
        watch.stop()

    watch = store.watch(folder, listener)
    await asyncio.gather(store.append(folder, [new()]), store.change_flags(folder, [1], SEEN))
    await store.append(folder, [new()])
    assert len(heard) == 1


async def test_a_failing_listener_fails_alone(store):
    folder = await inbox(store)
    failures, heard = [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))

    def broken(_change):
        raise ZeroDivisionError

    store.watch(folder, broken)
    store.watch(folder, heard.append)
    await store.append(folder, [new()])
    assert len(heard) == 1
    assert [type(failure) for failure in failures] == [ZeroDivisionError]


async def test_changes_are_told_after_their_commit_and_in_commit_order(store):
    """Whoever replays what was told gets what is there, at every moment; mod-sequences only grow."""
    folder = await inbox(store)
    known: dict[int, FlagState] = {}
    latest = 0
    visible = []

    def listener(change):
        nonlocal latest
        if isinstance(change, Expunged):
            assert change.modseq > latest
            latest = change.modseq
            for uid in change.uids:
                del known[uid]
            return
        for state in change.states:
            assert state.modseq >= latest
            assert (state.uid in known) is isinstance(change, FlagsChanged)
            latest = max(latest, state.modseq)
            known[state.uid] = state
        visible.append((latest, asyncio.ensure_future(store.status(folder))))

    store.watch(folder, listener)

    async def writer(number):
        for round_ in range(6):
            (done,) = await store.append(folder, [new(number)])
            await store.change_flags(folder, [done.uid], SEEN)
            if round_ % 2:
                await store.change_flags(folder, [done.uid], DELETED)
                await store.expunge(folder, [done.uid])

    await asyncio.gather(*map(writer, range(12)))
    rows = [row async for rows in store.rows(folder, (await store.snapshot(folder)).uids) for row in rows]
    assert {row.uid: FlagState(row.uid, row.flags, row.modseq) for row in rows} == known
    assert latest == await modseq(store, folder)
    assert len(visible) > 12
    for modseq_told, status in visible:
        assert (await status).highestmodseq >= modseq_told
