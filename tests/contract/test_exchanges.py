"""What the store remembers of conversations, whatever the engine."""

from datetime import timedelta

import pytest

from mssante_sim.storage.api import Closing, Copy, Exchange, FlagChange, FlagMode, OnceKey, Turn
from mssante_sim.storage.errors import ExchangeClosed

from .material import ALICE, BOB, NOW, inbox, parcel

PATIENT, OTHER = "patient@x", "other@x"
HOUR = timedelta(hours=1)


def turn(by=PATIENT, professional=ALICE, message_id="<1@x>", at=NOW, **more):
    return Turn(PATIENT, professional, by, message_id, at, **more)


async def take(store, *turns):
    await store.deliver([], received=NOW, turns=turns)


async def only(store):
    (exchange,) = await store.exchanges(PATIENT)
    return exchange


async def test_a_message_that_answers_none_opens_an_exchange(store):
    await take(store, turn())
    exchange = await only(store)
    assert exchange == Exchange(PATIENT, ALICE, PATIENT, NOW, id=exchange.id)
    assert exchange.answers_to == ALICE
    assert await store.exchanges(PATIENT, ALICE) == (exchange,)
    assert await store.exchanges(PATIENT, BOB) == ()
    assert await store.exchanges(ALICE) == ()


async def test_exchanges_come_newest_first(store):
    await take(store, turn(), turn(message_id="<2@x>", at=NOW + HOUR, professional=BOB), turn(at=NOW - HOUR))
    assert [found.opened for found in await store.exchanges(PATIENT)] == [NOW + HOUR, NOW, NOW - HOUR]


async def test_an_exchange_is_found_by_any_of_its_messages_and_only_between_its_two(store):
    await take(store, turn())
    exchange = await only(store)
    await take(store, turn(by=ALICE, message_id="<2@x>", exchange=exchange.id))
    for ids in (["<1@x>"], ["<2@x>"], ["<0@x>", "<2@x>"]):
        assert await store.exchange_of(PATIENT, ALICE, ids) == exchange
    assert await store.exchange_of(PATIENT, ALICE, ["<3@x>"]) is None
    assert await store.exchange_of(PATIENT, ALICE, []) is None
    assert await store.exchange_of(PATIENT, BOB, ["<1@x>"]) is None
    assert await store.exchange_of(OTHER, ALICE, ["<1@x>"]) is None


async def test_one_message_to_two_professionals_opens_two_exchanges(store):
    await take(store, turn(), turn(professional=BOB))
    assert (await store.exchange_of(PATIENT, ALICE, ["<1@x>"])).professional == ALICE
    assert (await store.exchange_of(PATIENT, BOB, ["<1@x>"])).professional == BOB


async def test_closing_this_one_leaves_the_others_open(store):
    await take(store, turn(), turn(message_id="<2@x>"))
    newest = (await store.exchanges(PATIENT))[0]
    await take(store, turn(by=ALICE, message_id="<3@x>", at=NOW + HOUR, exchange=newest.id, closes=Closing.THIS))
    closed, still_open = await store.exchanges(PATIENT)
    assert (closed.id, closed.closed, closed.closed_by) == (newest.id, NOW + HOUR, ALICE)
    assert (still_open.closed, still_open.closed_by) == (None, None)


async def test_closing_all_spares_other_professionals_and_keeps_earlier_closings(store):
    await take(store, turn(), turn(message_id="<2@x>"), turn(message_id="<3@x>", professional=BOB))
    first = await store.exchange_of(PATIENT, ALICE, ["<1@x>"])
    await take(store, turn(by=ALICE, message_id="<4@x>", exchange=first.id, closes=Closing.THIS))
    await take(store, turn(by=ALICE, message_id="<5@x>", at=NOW + HOUR, closes=Closing.ALL))
    closed = {message: (await store.exchange_of(PATIENT, ALICE, [message])).closed for message in ("<1@x>", "<2@x>")}
    assert closed == {"<1@x>": NOW, "<2@x>": NOW + HOUR}
    assert (await store.exchange_of(PATIENT, ALICE, ["<5@x>"])).closed == NOW + HOUR
    assert (await store.exchange_of(PATIENT, BOB, ["<3@x>"])).closed is None


async def test_a_later_message_of_the_professional_opens_the_exchange_again_and_one_of_the_patient_does_not(store):
    await take(store, turn())
    exchange = await only(store)
    await take(store, turn(by=ALICE, message_id="<2@x>", exchange=exchange.id, closes=Closing.THIS))
    with pytest.raises(ExchangeClosed):
        await take(store, turn(message_id="<3@x>", exchange=exchange.id))
    assert (await only(store)).closed == NOW
    await take(store, turn(by=ALICE, message_id="<4@x>", exchange=exchange.id))
    assert (await only(store)) == exchange


async def test_a_patients_message_in_an_exchange_that_was_closed_is_not_stored(store):
    folder = await inbox(store, ALICE)
    await take(store, turn())
    exchange = await only(store)
    await take(store, turn(by=ALICE, message_id="<2@x>", exchange=exchange.id, closes=Closing.THIS))
    late = turn(message_id="<3@x>", exchange=exchange.id)
    with pytest.raises(ExchangeClosed):
        await store.deliver([parcel(Copy(ALICE))], received=NOW, turns=[late])
    assert (await store.status(folder)).messages == 0
    assert await store.exchange_of(PATIENT, ALICE, ["<3@x>"]) is None


async def test_answers_go_where_the_professional_last_said(store):
    await take(store, turn())
    exchange = await only(store)
    await take(store, turn(by=ALICE, message_id="<2@x>", exchange=exchange.id, contact=BOB))
    redirected = await only(store)
    assert (redirected.professional, redirected.answers_to) == (ALICE, BOB)
    assert await store.exchanges(PATIENT, BOB) == await store.exchanges(PATIENT, ALICE) == (redirected,)
    await take(store, turn(by=BOB, professional=BOB, message_id="<3@x>", exchange=exchange.id))
    assert (await only(store)).answers_to == BOB
    await take(store, turn(by=ALICE, message_id="<4@x>", exchange=exchange.id))
    assert (await only(store)).answers_to == ALICE


async def test_a_forged_message_id_does_not_take_the_place_of_ones_own_exchange(store):
    """BOB claims ALICE's Message-ID, names ALICE as contact, and closes: ALICE's exchange is still ALICE's."""
    await take(store, turn())
    await take(store, turn(by=BOB, professional=BOB, contact=ALICE, at=NOW + HOUR, closes=Closing.THIS))
    found = await store.exchange_of(PATIENT, ALICE, ["<1@x>"])
    assert (found.professional, found.closed) == (ALICE, None)


async def test_the_contact_may_close_too(store):
    await take(store, turn(by=ALICE, contact=BOB))
    await take(store, turn(by=BOB, professional=BOB, message_id="<2@x>", at=NOW + HOUR, closes=Closing.ALL))
    assert {(found.closed, found.closed_by) for found in await store.exchanges(PATIENT)} == {(NOW + HOUR, BOB)}


async def test_a_repeated_submission_takes_no_turn(store):
    await store.open_account(ALICE)
    once = OnceKey(b"key", NOW + HOUR)
    for _ in range(2):
        await store.deliver([parcel(Copy(ALICE))], received=NOW, once=once, turns=[turn()])
    await only(store)


@pytest.mark.parametrize("keyword", ["$mss_delivree", "$MSS_Delivree"])
async def test_a_mark_is_found_wherever_the_message_lies_now(store, keyword):
    folder = await inbox(store, ALICE)
    await store.open_account(BOB)
    await store.deliver([parcel(Copy(ALICE))], received=NOW, turns=[turn()])
    await store.deliver([parcel(Copy(BOB))], received=NOW + HOUR, turns=[turn(professional=BOB, message_id="<2@x>")])
    assert await store.marked(PATIENT, "$mss_delivree") == ()
    await store.change_flags(folder, [1], FlagChange(FlagMode.ADD, frozenset({keyword, "$other"})))
    assert await store.marked(PATIENT, "$mss_delivree") == ((ALICE, NOW),)
    archive = (await store.find_folder(ALICE, "Archive")).id
    await store.move(folder, [1], archive)
    assert await store.marked(PATIENT, "$mss_delivree") == ((ALICE, NOW),)
    assert await store.marked(PATIENT, "$mss_deliv") == await store.marked(OTHER, "$mss_delivree") == ()


async def test_forgetting_the_mail_forgets_the_conversations(store):
    await take(store, turn())
    await store.forget_mail()
    assert await store.exchanges(PATIENT) == ()
    assert await store.exchange_of(PATIENT, ALICE, ["<1@x>"]) is None
