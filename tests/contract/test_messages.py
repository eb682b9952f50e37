"""Delivery, APPEND, COPY, MOVE, flags, EXPUNGE, and what readers see of them."""

import asyncio
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from mssante_sim.storage.api import (
    MAX_KEYWORDS,
    Appended,
    Copied,
    Copy,
    Criteria,
    Delivered,
    FlagChange,
    FlagMode,
    FlagState,
    OnceKey,
    Parcel,
    Turn,
    Usage,
    Want,
)
from mssante_sim.storage.errors import (
    BodyMissing,
    FolderExists,
    FolderMissing,
    QuotaExceeded,
    StoreError,
    TooManyKeywords,
)

from .material import ALICE, BOB, NOW, all_rows, bodies, flags, inbox, new, octets, parcel, summary

BLOB, FILE = 200_000, 300_000  # one size for each place an engine may put a body
EVERYTHING = Want.DATES | Want.SUMMARY | Want.PREFIX


def change(mode, *names, unchanged_since=None):
    return FlagChange(FlagMode[mode], frozenset(names), unchanged_since)


# delivery


@pytest.mark.parametrize("size", [0, 1, 60, BLOB, FILE])
async def test_a_delivered_body_is_read_back_octet_for_octet(store, size):
    folder = await inbox(store)
    await store.deliver([parcel(Copy(ALICE), size=size)], received=NOW)
    (row,) = await all_rows(store, folder)
    assert row.octets == size
    assert await store.read(row.body) == octets(1, size)


@pytest.mark.parametrize("size", [60, BLOB, FILE])
@pytest.mark.parametrize(("offset", "length"), [(0, 10), (50, 10), (55, 10), (59, None), (60, 5), (400_000, 5), (3, 0)])
async def test_a_part_of_a_body_is_that_part(store, size, offset, length):
    folder = await inbox(store)
    await store.append(folder, [new(size=size)])
    (row,) = await all_rows(store, folder)
    end = None if length is None else offset + length
    assert await store.read(row.body, offset, length) == octets(1, size)[offset:end]


async def test_each_copy_has_its_own_prefix_flags_and_uid_over_one_body(store):
    alice, bob = await inbox(store, ALICE), await inbox(store, BOB)
    copies = (Copy(ALICE, prefix=b"Return-Path: <a>\r\n"), Copy(BOB, "Sent", flags=frozenset({"\\Seen"})), Copy(BOB))
    delivered = await store.deliver([parcel(*copies)], received=NOW)
    assert [(account, folder, uid) for account, folder, _, uid in delivered.places] == [
        (ALICE, "INBOX", 1),
        (BOB, "Sent", 1),
        (BOB, "INBOX", 1),
    ]
    sent = (await store.find_folder(BOB, "Sent")).id
    rows = [row for folder in (alice, sent, bob) for row in await all_rows(store, folder, EVERYTHING)]
    assert len({row.body for row in rows}) == 1
    assert [(row.prefix, row.flags, row.octets) for row in rows] == [
        (b"Return-Path: <a>\r\n", set(), 78),
        (b"", {"\\Seen"}, 60),
        (b"", set(), 60),
    ]


async def test_a_row_says_what_was_wanted_and_nothing_else(store):
    folder = await inbox(store)
    await store.deliver([parcel(Copy(ALICE, prefix=b"R: x\r\n"))], received=NOW)
    (row,) = await all_rows(store, folder, EVERYTHING)
    assert (row.internal_date, row.saved_date, row.prefix, row.summary) == (NOW, NOW, b"R: x\r\n", summary())
    (row,) = await all_rows(store, folder)
    assert (row.internal_date, row.saved_date, row.prefix, row.summary) == (None, None, None, None)
    assert (row.uid, row.modseq, row.octets) == (1, (await store.status(folder)).highestmodseq, 66)


async def test_a_delivery_to_an_unknown_account_stores_nothing_anywhere(store):
    folder = await inbox(store)
    once = OnceKey(b"k", NOW + timedelta(days=1))
    turn = Turn(ALICE, BOB, ALICE, "<m@x>", NOW)
    with pytest.raises(FolderMissing):
        await store.deliver(
            [parcel(Copy(ALICE), Copy("nobody@x")), parcel(Copy(ALICE))],
            received=NOW,
            once=once,
            turns=[turn],
        )
    assert (await store.status(folder)).messages == 0
    assert await store.exchanges(ALICE) == ()
    delivered = await store.deliver([parcel(Copy(ALICE))], received=NOW, once=once)
    assert not delivered.repeated


async def test_a_submission_is_stored_once_until_its_key_expires(store, clock):
    folder = await inbox(store)

    async def submit(digest=b"key"):
        once = OnceKey(digest, clock.now() + timedelta(hours=24))
        return await store.deliver([parcel(Copy(ALICE))], received=NOW, once=once)

    first = await submit()
    assert not first.repeated
    assert await submit() == Delivered(repeated=True)
    assert not (await submit(b"other")).repeated
    clock.advance(timedelta(hours=23, minutes=59))
    assert (await submit()).repeated
    clock.advance(timedelta(minutes=1))
    assert not (await submit()).repeated
    assert (await store.status(folder)).messages == 3


async def test_the_same_submission_twice_at_once_is_stored_once(store):
    folder = await inbox(store)
    once = OnceKey(b"key", NOW + timedelta(hours=24))
    both = [store.deliver([parcel(Copy(ALICE), size=size)], received=NOW, once=once) for size in (FILE, FILE, 60)]
    assert sorted(delivered.repeated for delivered in await asyncio.gather(*both)) == [False, True, True]
    assert (await store.status(folder)).messages == 1


async def test_concurrent_writers_get_each_uid_once_and_in_order(store):
    alice, bob = await inbox(store, ALICE), await inbox(store, BOB)

    async def deliver(number):
        size = FILE if number % 20 == 0 else 60
        return await store.deliver([parcel(Copy(ALICE), Copy(BOB), number=number, size=size)], received=NOW)

    places = [place for done in await asyncio.gather(*map(deliver, range(200))) for place in done.places]
    for account, folder in ((ALICE, alice), (BOB, bob)):
        uids = [uid for place_account, _, _, uid in places if place_account == account]
        assert sorted(uids) == list(range(1, 201))
        rows = await all_rows(store, folder)
        assert [row.uid for row in rows] == list(range(1, 201))
        assert len({row.modseq for row in rows}) == 200
    expected = {octets(number, FILE if number % 20 == 0 else 60) for number in range(200)}
    assert set(await bodies(store, alice)) == expected


async def test_a_cancelled_caller_gets_all_or_nothing(store):
    folder = await inbox(store)
    for size in (60, FILE):
        tasks = [
            asyncio.create_task(store.deliver([parcel(Copy(ALICE), Copy(ALICE, "Sent"), size=size)], received=NOW))
            for _ in range(20)
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 10
    await store.append(folder, [new()])  # comes after all of them
    sent = (await store.find_folder(ALICE, "Sent")).id
    assert len(await bodies(store, folder)) == len(await bodies(store, sent)) + 1 >= 21


# APPEND


async def test_appended_messages_keep_order_flags_and_date(store):
    folder = await inbox(store)
    at = NOW.replace(year=2019, microsecond=7, tzinfo=timezone(timedelta(hours=2)))
    done = await store.append(folder, [new(1, "\\Draft", "$Label", size=FILE), new(2, at=at)])
    uidvalidity = (await store.status(folder)).uidvalidity
    assert done == (Appended(uidvalidity, 1), Appended(uidvalidity, 2))
    first, second = await all_rows(store, folder, EVERYTHING)
    assert (first.flags, first.internal_date) == ({"\\Draft", "$Label"}, NOW)
    assert (second.flags, second.internal_date, second.saved_date) == (set(), at, NOW)
    assert await bodies(store, folder) == [octets(1, FILE), octets(2)]


async def test_appending_nothing_changes_nothing(store):
    folder = await inbox(store)
    before = await store.status(folder)
    assert await store.append(folder, []) == ()
    assert await store.status(folder) == before


async def test_the_recent_flag_is_not_stored(store):
    folder = await inbox(store)
    await store.append(folder, [new(1, "\\Recent", "\\seen")])
    assert await flags(store, folder) == {1: {"\\Seen"}}


# quota


async def test_nothing_is_stored_beyond_the_quota(engine, clock, tmp_path):
    store = engine.open(tmp_path / "home", clock, quota_octets=300)
    folder = await inbox(store)
    await store.append(folder, [new(size=100), new(size=100)])
    assert await store.usage(ALICE) == Usage(200, 300)
    sent = (await store.find_folder(ALICE, "Sent")).id
    for call in (
        store.append(folder, [new(size=50), new(size=51)]),
        store.deliver([parcel(Copy(ALICE), Copy(ALICE, "Sent"), size=51)], received=NOW),
        store.deliver([parcel(Copy(ALICE, prefix=b"x" * 50), size=51)], received=NOW),
        store.copy(folder, [1, 2], sent),
    ):
        with pytest.raises(QuotaExceeded):
            await call
    assert await store.usage(ALICE) == Usage(200, 300)
    assert (await store.status(sent)).uidnext == 1
    await store.move(folder, [1, 2], sent)
    await store.copy(sent, [1], folder)
    assert await store.usage(ALICE) == Usage(300, 300)
    await store.close()


# COPY and MOVE


async def test_a_copy_shares_the_body_and_keeps_flags_and_date_but_not_the_saved_date(store, clock):
    folder = await inbox(store)
    sent = (await store.find_folder(ALICE, "Sent")).id
    await store.deliver([parcel(Copy(ALICE, prefix=b"R: x\r\n", flags=frozenset({"$a", "\\Seen"})))], received=NOW)
    clock.advance(timedelta(hours=1))
    copied = await store.copy(folder, [1], sent)
    assert copied == Copied((await store.status(sent)).uidvalidity, ((1, 1),))
    (source,), (target,) = await all_rows(store, folder, EVERYTHING), await all_rows(store, sent, EVERYTHING)
    assert target == source._replace(modseq=target.modseq, saved_date=NOW + timedelta(hours=1))


async def test_uids_that_are_gone_are_left_out_of_a_copy(store):
    folder = await inbox(store)
    sent = (await store.find_folder(ALICE, "Sent")).id
    await store.append(folder, [new(n, "\\Deleted") if n == 2 else new(n) for n in (1, 2, 3)])
    await store.expunge(folder)
    assert (await store.copy(folder, [1, 2, 3, 9], sent)).pairs == ((1, 1), (3, 2))
    assert (await store.copy(folder, [2], sent)).pairs == ()
    assert (await store.copy(folder, [], sent)).pairs == ()


async def test_a_copy_into_the_same_folder_gets_new_uids(store):
    folder = await inbox(store)
    await store.append(folder, [new(1), new(2)])
    assert (await store.copy(folder, [1, 2], folder)).pairs == ((1, 3), (2, 4))
    assert await bodies(store, folder) == [octets(1), octets(2)] * 2


@pytest.mark.parametrize("same", [False, True])
async def test_a_move_leaves_nothing_behind(store, same):
    folder = await inbox(store)
    target = folder if same else (await store.find_folder(ALICE, "Trash")).id
    await store.append(folder, [new(1), new(2, "\\Seen", "\\Deleted"), new(3)])
    before = (await store.status(folder)).highestmodseq
    moved = await store.move(folder, [2, 3], target)
    assert moved.pairs == (((2, 4), (3, 5)) if same else ((2, 1), (3, 2)))
    assert list((await store.snapshot(folder)).uids) == ([1, 4, 5] if same else [1])
    assert (await store.changed_since(folder, before))[1] == (2, 3)
    assert await flags(store, target) == ({1: set(), 4: {"\\Seen", "\\Deleted"}, 5: set()} if same else
                                          {1: {"\\Seen", "\\Deleted"}, 2: set()})  # fmt: skip
    status = await store.status(target)
    assert (status.deleted, status.messages, status.octets) == ((1, 3, 180) if same else (1, 2, 120))


async def test_a_copy_to_a_folder_that_is_gone_is_refused(store):
    folder = await inbox(store)
    await store.append(folder, [new()])
    for call in (store.copy(folder, [1], 999), store.move(folder, [1], 999), store.copy(999, [1], folder)):
        with pytest.raises(FolderMissing):
            await call
    assert (await store.status(folder)).messages == 1


# flags


@pytest.mark.parametrize(
    ("mode", "names", "expected"),
    [
        ("ADD", ["\\Flagged", "$new"], {"\\Seen", "$old", "\\Flagged", "$new"}),
        ("REMOVE", ["\\Seen", "\\Draft", "$OLD"], set()),
        ("REPLACE", ["\\Answered"], {"\\Answered"}),
        ("REPLACE", [], set()),
        ("ADD", ["\\SEEN"], {"\\Seen", "$old"}),
    ],
)
async def test_flags_are_added_removed_or_replaced(store, mode, names, expected):
    folder = await inbox(store)
    await store.append(folder, [new(1, "\\Seen", "$old")])
    outcome = await store.change_flags(folder, [1, 7], change(mode, *names))
    assert await flags(store, folder) == {1: expected}
    assert outcome.states == (FlagState(1, frozenset(expected), (await store.status(folder)).highestmodseq),)
    assert outcome.failed == ()


async def test_only_a_real_change_gets_a_new_modseq(store):
    folder = await inbox(store)
    await store.append(folder, [new(1, "\\Seen"), new(2)])
    before = await store.status(folder)
    rows = {row.uid: row.modseq for row in await all_rows(store, folder)}
    outcome = await store.change_flags(folder, [1, 2], change("ADD", "\\Seen"))
    after = await store.status(folder)
    assert after.highestmodseq > before.highestmodseq
    assert [(state.uid, state.modseq) for state in outcome.states] == [(1, rows[1]), (2, after.highestmodseq)]
    await store.change_flags(folder, [1, 2], change("ADD", "\\Seen"))
    assert await store.status(folder) == after


async def test_messages_changed_meanwhile_fail_and_the_others_are_changed(store):
    folder = await inbox(store)
    await store.append(folder, [new(1), new(2), new(3)])
    seen = (await store.status(folder)).highestmodseq
    await store.change_flags(folder, [2], change("ADD", "\\Flagged"))
    outcome = await store.change_flags(folder, [1, 2, 3, 4], change("ADD", "\\Seen", unchanged_since=seen))
    assert outcome.failed == (2,)
    assert [state.uid for state in outcome.states] == [1, 3]
    assert await flags(store, folder) == {1: {"\\Seen"}, 2: {"\\Flagged"}, 3: {"\\Seen"}}


async def test_concurrent_flag_changes_all_take_effect(store):
    folder = await inbox(store)
    await store.append(folder, [new()])
    await asyncio.gather(*(store.change_flags(folder, [1], change("ADD", f"$k{n}")) for n in range(50)))
    assert await flags(store, folder) == {1: {f"$k{n}" for n in range(50)}}


async def test_a_keyword_is_spelt_as_it_was_first_written_in_the_folder(store):
    folder = await inbox(store)
    sent = (await store.find_folder(ALICE, "Sent")).id
    await store.append(folder, [new(1, "$Important")])
    await store.append(folder, [new(2, "$IMPORTANT")])
    await store.append(sent, [new(3, "$important")])
    await store.copy(folder, [1], sent)
    assert await flags(store, folder) == {1: {"$Important"}, 2: {"$Important"}}
    assert await flags(store, sent) == {1: {"$important"}, 2: {"$important"}}


async def test_keywords_of_a_folder_are_all_that_it_ever_saw(store):
    folder = await inbox(store)
    await store.append(folder, [new(1, "$a")])
    await store.change_flags(folder, [1], change("REPLACE", "$b"))
    await store.change_flags(folder, [1], change("REMOVE", "$b", "$never"))
    assert (await store.snapshot(folder)).keywords == {"$a", "$b"}


async def test_a_folder_takes_so_many_keywords_and_no_more(store):
    folder = await inbox(store)
    await store.append(folder, [new(1)])
    await store.change_flags(folder, [1], change("ADD", *(f"$k{number}" for number in range(MAX_KEYWORDS))))
    with pytest.raises(TooManyKeywords):
        await store.change_flags(folder, [1], change("REPLACE", "\\Seen", "$new"))
    (row,) = await all_rows(store, folder)
    assert len(row.flags) == MAX_KEYWORDS, "nothing of it was done"


# EXPUNGE


async def test_expunge_takes_what_is_flagged_as_deleted_among_the_given(store):
    folder = await inbox(store)
    await store.append(folder, [new(n, "\\Deleted") if n != 3 else new(n, "\\Seen") for n in (1, 2, 3, 4)])
    assert await store.expunge(folder, [2, 3, 9]) == (2,)
    assert await store.expunge(folder) == (1, 4)
    assert await store.expunge(folder) == ()
    status = await store.status(folder)
    assert (status.messages, status.deleted, status.unseen, status.octets, status.uidnext) == (1, 0, 0, 60, 5)


async def test_a_uid_is_never_given_again(store, engine, clock, tmp_path):
    folder = await inbox(store)
    await store.append(folder, [new(1, "\\Deleted"), new(2, "\\Deleted")])
    await store.expunge(folder)
    await store.close()
    store = engine.open(tmp_path / "home", clock)
    assert (await store.append(folder, [new(3)]))[0].uid == 3
    await store.close()


async def test_a_body_stays_while_any_copy_does_and_some_time_longer(store, clock):
    folder = await inbox(store)
    sent = (await store.find_folder(ALICE, "Sent")).id
    await store.deliver([parcel(Copy(ALICE), Copy(ALICE, "Sent"), size=FILE)], received=NOW)
    (row,) = await all_rows(store, sent)
    for place in (folder, sent):
        await store.change_flags(place, [1], change("ADD", "\\Deleted"))
        await store.expunge(place)
        assert await store.read(row.body) == octets(1, FILE)


async def test_a_body_that_never_was_is_missing(store):
    await store.open_account(ALICE)
    with pytest.raises(BodyMissing):
        await store.read(999)


# what a session starts from


async def test_a_snapshot_is_the_folder_at_one_instant(store):
    folder = await inbox(store)
    await store.append(folder, [new(1, "$k"), new(2, "\\Seen"), new(3, "\\Deleted")])
    snapshot = await store.snapshot(folder)
    assert snapshot.status == await store.status(folder)
    assert (snapshot.status.messages, snapshot.status.unseen, snapshot.status.deleted) == (3, 2, 1)
    assert list(snapshot.uids) == [1, 2, 3]
    await store.expunge(folder)
    await store.append(folder, [new(4)])
    assert list(snapshot.uids) == [1, 2, 3]
    assert list((await store.snapshot(folder)).uids) == [1, 2, 4]


async def test_recent_messages_are_claimed_once(store):
    folder = await inbox(store)
    await store.append(folder, [new(1), new(2)])
    assert (await store.snapshot(folder)).status.recent_from == 1
    claims = await asyncio.gather(*(store.snapshot(folder, claim_recent=True) for _ in range(4)))
    assert sorted(claim.status.recent_from for claim in claims) == [1, 3, 3, 3]
    await store.append(folder, [new(3)])
    assert (await store.snapshot(folder, claim_recent=True)).status.recent_from == 3
    assert (await store.status(folder)).recent_from == 4


async def test_rows_come_ascending_in_slices_of_200_and_leave_out_what_is_gone(store):
    folder = await inbox(store)
    await store.append(folder, [new(n, "\\Deleted") if n % 50 == 0 else new(n) for n in range(1, 651)])
    await store.expunge(folder)
    slices = [rows async for rows in store.rows(folder, range(1, 700))]
    assert max(map(len, slices)) <= 200
    assert [row.uid for rows in slices for row in rows] == [n for n in range(1, 651) if n % 50]


async def test_heavy_rows_come_in_slices_of_a_megabyte(store):
    folder = await inbox(store)
    heavy = replace(summary(), bodystructure=b"x" * 300_000)
    await store.deliver([Parcel(octets(), heavy, (Copy(ALICE),)) for _ in range(10)], received=NOW)
    uids = [*range(1, 11), 99]
    slices = [[row.uid for row in rows] async for rows in store.rows(folder, uids, Want.SUMMARY)]
    assert slices == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


@pytest.mark.parametrize(("want", "known"), [(Want.HEADER, 19), (Want.BODY, 60), (Want.BODY | Want.SUMMARY, 60)])
async def test_octets_are_read_along_unless_the_body_is_large(store, want, known):
    folder = await inbox(store)
    small, large = Copy(ALICE, prefix=b"Received: x\r\n"), Copy(ALICE)
    await store.deliver([parcel(small), parcel(large, number=2, size=BLOB)], received=NOW)
    rows = await all_rows(store, folder, want)
    assert [(row.start, row.header_octets) for row in rows] == [(octets()[:known], 19), (None, 19)]
    assert [row.start for row in await all_rows(store, folder, EVERYTHING)] == [None, None]


async def test_what_is_skimmed_off_is_left_out_but_never_a_large_body(store):
    folder = await inbox(store)
    await store.deliver([parcel(Copy(ALICE, prefix=b"X"), number=n) for n in range(1, 451)], received=NOW)
    await store.deliver([parcel(Copy(ALICE), number=451, size=FILE)], received=NOW)
    seen = []

    def skim(prefix, start, header_octets):
        seen.append((prefix, start, header_octets))
        return len(seen) % 3 == 0

    slices = [rows async for rows in store.rows(folder, range(1, 500), Want.BODY, skim)]
    assert [row.uid for rows in slices for row in rows] == [*range(3, 451, 3), 451]
    assert seen == [(b"X", octets(n), 19) for n in range(1, 451)]
    assert [rows async for rows in store.rows(folder, range(1, 451), Want.HEADER, lambda *_: False)] == []
    everything = [len(rows) async for rows in store.rows(folder, range(1, 452), Want.HEADER, lambda *_: True)]
    assert everything == [200, 200, 51]


CHOICES = [
    (Criteria(), [1, 2, 3, 4, 5, 6]),
    (Criteria(present=frozenset({"\\Seen"})), [2, 4, 6]),
    (Criteria(absent=frozenset({"\\seen"})), [1, 3, 5]),
    (Criteria(present=frozenset({"\\Seen", "\\Draft"})), [6]),
    (Criteria(present=frozenset({"\\Seen"}), absent=frozenset({"\\Draft", "\\Flagged"})), [2, 4]),
    (Criteria(present=frozenset({"\\Seen"}), absent=frozenset({"\\Seen"})), []),
    (Criteria(since=NOW + timedelta(days=3)), [3, 4, 5, 6]),
    (Criteria(before=NOW + timedelta(days=3)), [1, 2]),
    (Criteria(since=NOW + timedelta(days=2), before=NOW + timedelta(days=5)), [2, 3, 4]),
    (Criteria(present=frozenset({"\\Seen"}), since=NOW + timedelta(days=3)), [4, 6]),
]


@pytest.mark.parametrize(("criteria", "uids"), CHOICES)
async def test_messages_are_chosen_by_flags_and_dates(store, criteria, uids):
    folder, other = await inbox(store), await inbox(store, BOB)
    flags = [(), ("\\Seen",), (), ("\\Seen", "kept"), (), ("\\Seen", "\\Draft")]
    days = [NOW + timedelta(days=day) for day in range(1, 7)]
    await store.append(folder, [new(1, *own, at=at) for own, at in zip(flags, days, strict=True)])
    await store.append(other, [new(9, "\\Seen", "\\Draft", at=days[5])])
    states = {row.uid: row.modseq for row in await all_rows(store, folder)}
    assert await store.choose(folder, criteria) == [(uid, states[uid]) for uid in uids]


async def test_nothing_is_chosen_in_a_folder_that_is_gone(store):
    folder = await inbox(store)
    await store.forget_mail()
    with pytest.raises(FolderMissing):
        await store.choose(folder, Criteria())


async def test_a_slow_reader_of_rows_sees_later_changes_and_stops_nobody(store):
    folder = await inbox(store)
    await store.append(folder, [new(n) for n in range(1, 401)])
    rows = store.rows(folder, range(1, 401))
    await anext(rows)
    await store.change_flags(folder, [400], change("ADD", "\\Seen"))
    assert (await anext(rows))[-1].flags == {"\\Seen"}
    await rows.aclose()


async def test_changes_since_a_modseq_are_exactly_those(store):
    folder = await inbox(store)
    await store.append(folder, [new(n) for n in range(1, 6)])
    since = (await store.status(folder)).highestmodseq
    assert await store.changed_since(folder, since) == ((), ())
    await store.change_flags(folder, [2, 3], change("ADD", "\\Deleted"))
    between = (await store.status(folder)).highestmodseq
    await store.expunge(folder, [3])
    await store.append(folder, [new(6)])
    states, gone = await store.changed_since(folder, since)
    assert ([state.uid for state in states], gone) == ([2, 6], (3,))
    states, gone = await store.changed_since(folder, between)
    assert ([state.uid for state in states], gone) == ([6], (3,))
    for claim in (True, False):
        assert (await store.snapshot(folder, claim_recent=claim, since=between)).missed == (states, gone)
    assert (await store.snapshot(folder)).missed is None


async def test_everything_is_there_after_closing_and_opening(store, engine, clock, tmp_path):
    folder = await inbox(store)
    await store.append(folder, [new(1, "\\Seen", "$k", size=BLOB), new(2, size=FILE), new(3, "\\Deleted")])
    await store.expunge(folder)
    rows, status = await all_rows(store, folder, EVERYTHING), await store.status(folder)
    await store.close()
    store = engine.open(tmp_path / "home", clock)
    assert await all_rows(store, folder, EVERYTHING) == rows
    assert await store.status(folder) == status
    assert await bodies(store, folder) == [octets(1, BLOB), octets(2, FILE)]
    await store.close()


async def test_what_was_asked_before_closing_is_done_and_what_comes_after_is_refused(store, engine, clock, tmp_path):
    folder = await inbox(store)
    asked = [asyncio.ensure_future(store.append(folder, [new(n, size=FILE if n == 3 else 60)])) for n in range(5)]
    await asyncio.sleep(0)
    await store.close()
    assert sorted(done[0].uid for done in await asyncio.gather(*asked)) == [1, 2, 3, 4, 5]
    await store.close()
    for call in (store.append(folder, [new()]), store.status(folder), store.snapshot(folder), store.accounts()):
        with pytest.raises(StoreError):
            await call
    store = engine.open(tmp_path / "home", clock)
    assert len(await bodies(store, folder)) == 5
    await store.close()


async def test_a_refused_item_leaves_its_neighbours_alone(store):
    folder = await inbox(store)
    calls = [
        store.append(folder, [new(1)]),
        store.deliver([parcel(Copy(ALICE), Copy("nobody@x"), number=9)], received=NOW),
        store.rename_folder(ALICE, "Sent", "Trash"),
        store.append(folder, [new(2)]),
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [tuple, FolderMissing, FolderExists, tuple]
    assert await bodies(store, folder) == [octets(1), octets(2)]
