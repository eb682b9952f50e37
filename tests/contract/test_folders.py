"""Accounts, folders, subscriptions."""

import pytest

from mssante_sim.storage.api import STANDARD_FOLDERS, Copy, Expunged, FolderGone, FolderSpec
from mssante_sim.storage.errors import FolderExists, FolderMissing

from .material import ALICE, BOB, NOW, all_rows, bodies, inbox, new, octets, parcel


async def names(store, account=ALICE):
    return [folder.name for folder in await store.folders(account)]


async def test_an_account_has_the_standard_folders_inbox_first(store):
    await store.open_account(ALICE)
    folders = await store.folders(ALICE)
    assert [(f.name, f.special_use, f.subscribed) for f in folders] == [
        (spec.name, spec.special_use, True) for spec in STANDARD_FOLDERS
    ]


async def test_opening_an_account_again_changes_nothing(store):
    await store.open_account(ALICE)
    before = await store.folders(ALICE)
    await store.subscribe(ALICE, "Trash", subscribed=False)
    await store.open_account(ALICE)
    after = await store.folders(ALICE)
    assert [(f.id, f.uidvalidity) for f in after] == [(f.id, f.uidvalidity) for f in before]
    assert "Trash" not in await store.subscriptions(ALICE)


async def test_accounts_are_listed_in_order(store):
    for account in (BOB, ALICE):
        await store.open_account(account)
    assert await store.accounts() == (ALICE, BOB)


@pytest.mark.parametrize("ask", ["folders", "subscriptions", "usage"])
async def test_an_unknown_account_is_missing(store, ask):
    with pytest.raises(FolderMissing):
        await getattr(store, ask)("nobody@x")


@pytest.mark.parametrize("name", ["INBOX", "inbox", "InBox"])
async def test_inbox_is_found_in_any_case(store, name):
    folder = await inbox(store)
    assert (await store.find_folder(ALICE, name)).id == folder


async def test_other_names_are_found_as_written_only(store):
    await store.open_account(ALICE)
    with pytest.raises(FolderMissing):
        await store.find_folder(ALICE, "sent")


async def test_a_new_folder_brings_its_parents_which_are_not_subscribed(store):
    await store.open_account(ALICE)
    made = await store.create_folder(ALICE, FolderSpec("Dossiers/2026/Été"))
    assert (made.name, made.subscribed) == ("Dossiers/2026/Été", True)
    assert await names(store) == [
        "INBOX", "Archive", "Dossiers", "Dossiers/2026", "Dossiers/2026/Été", "Drafts", "Sent", "Trash",
    ]  # fmt: skip
    assert "Dossiers" not in await store.subscriptions(ALICE)


@pytest.mark.parametrize("name", ["Sent", "inbox"])
async def test_a_name_is_given_once(store, name):
    await store.open_account(ALICE)
    with pytest.raises(FolderExists):
        await store.create_folder(ALICE, FolderSpec(name))


async def test_deleting_leaves_children_and_the_subscription(store):
    await store.open_account(ALICE)
    await store.create_folder(ALICE, FolderSpec("A/B"))
    await store.subscribe(ALICE, "A", subscribed=True)
    await store.delete_folder(ALICE, "A")
    assert "A" not in await names(store)
    assert "A/B" in await names(store)
    assert "A" in await store.subscriptions(ALICE)
    with pytest.raises(FolderMissing):
        await store.delete_folder(ALICE, "A")


async def test_a_deleted_folder_is_gone_for_whoever_still_holds_it(store):
    await store.open_account(ALICE)
    old = await store.create_folder(ALICE, FolderSpec("A"))
    await store.append(old.id, [new()])
    heard = []
    store.watch(old.id, heard.append)
    await store.delete_folder(ALICE, "A")
    assert heard == [FolderGone(old.id)]
    made = await store.create_folder(ALICE, FolderSpec("A"))
    assert made.id != old.id
    assert made.uidvalidity > old.uidvalidity
    assert (await store.status(made.id)).messages == 0
    for call in (
        store.status(old.id),
        store.snapshot(old.id),
        store.append(old.id, [new()]),
        store.expunge(old.id),
        store.changed_since(old.id, 0),
    ):
        with pytest.raises(FolderMissing):
            await call
    with pytest.raises(FolderMissing):
        await anext(store.rows(old.id, [1]))


async def test_renaming_moves_children_and_keeps_messages_and_uidvalidity(store):
    await store.open_account(ALICE)
    made = await store.create_folder(ALICE, FolderSpec("A/B"))
    await store.create_folder(ALICE, FolderSpec("AB"))
    await store.append(made.id, [new()])
    await store.rename_folder(ALICE, "A", "X/Y")
    assert [name for name in await names(store) if name[0] in "AX"] == ["AB", "Archive", "X", "X/Y", "X/Y/B"]
    found = await store.find_folder(ALICE, "X/Y/B")
    assert (found.id, found.uidvalidity) == (made.id, made.uidvalidity)
    assert await bodies(store, found.id) == [octets()]


async def test_a_folder_may_move_below_itself(store):
    await store.open_account(ALICE)
    inner = await store.create_folder(ALICE, FolderSpec("A/C"))
    await store.rename_folder(ALICE, "A", "A/B")
    assert [name for name in await names(store) if name.startswith("A/")] == ["A/B", "A/B/C"]
    assert (await store.find_folder(ALICE, "A/B/C")).id == inner.id


async def test_renaming_onto_a_folder_changes_nothing(store):
    await store.open_account(ALICE)
    for name in ("A/B", "X/B"):
        await store.create_folder(ALICE, FolderSpec(name))
    before = await store.folders(ALICE)
    for target in ("X", "Sent", "inbox"):
        with pytest.raises(FolderExists):
            await store.rename_folder(ALICE, "A", target)
    await store.delete_folder(ALICE, "X")
    with pytest.raises(FolderExists):
        await store.rename_folder(ALICE, "A", "X")  # A/B would become X/B, which is there
    with pytest.raises(FolderMissing):
        await store.rename_folder(ALICE, "none", "X")
    assert await store.folders(ALICE) == tuple(f for f in before if f.name != "X")


async def test_renaming_inbox_moves_its_messages_and_leaves_it_and_its_children(store):
    folder = await inbox(store)
    await store.create_folder(ALICE, FolderSpec("INBOX/Ordonnances"))
    await store.append(folder, [new(1, "\\Seen"), new(2)])
    heard = []
    store.watch(folder, heard.append)
    await store.rename_folder(ALICE, "inbox", "Old")
    assert (await store.status(folder)).messages == 0
    target = await store.find_folder(ALICE, "Old")
    assert await bodies(store, target.id) == [octets(1), octets(2)]
    assert (await all_rows(store, target.id))[0].flags == {"\\Seen"}
    assert isinstance(heard[0], Expunged)
    assert heard[0].uids == (1, 2)
    assert "INBOX/Ordonnances" in await names(store)


async def test_subscriptions_outlive_folders_and_need_none(store):
    await store.open_account(ALICE)
    await store.subscribe(ALICE, "Later", subscribed=True)
    assert "Later" in await store.subscriptions(ALICE)
    await store.create_folder(ALICE, FolderSpec("Later", subscribed=False))
    assert (await store.find_folder(ALICE, "Later")).subscribed
    await store.subscribe(ALICE, "Later", subscribed=False)
    await store.subscribe(ALICE, "Later", subscribed=False)
    assert not (await store.find_folder(ALICE, "Later")).subscribed


async def test_a_delivery_makes_the_folder_that_is_gone(store):
    await store.open_account(ALICE)
    await store.delete_folder(ALICE, "Sent")
    delivered = await store.deliver([parcel(Copy(ALICE, "Sent"))], received=NOW)
    sent = await store.find_folder(ALICE, "Sent")
    assert sent.special_use == "\\Sent"
    assert delivered.places == ((ALICE, "Sent", sent.uidvalidity, 1),)


async def test_forgetting_mail_empties_everything_but_accounts_folders_and_subscriptions(store):
    folder = await inbox(store)
    await store.create_folder(ALICE, FolderSpec("A/B"))
    await store.subscribe(ALICE, "Trash", subscribed=False)
    await store.deliver([parcel(Copy(ALICE)), parcel(Copy(ALICE, "Sent"), size=300_000)], received=NOW)
    before = {f.name: f for f in await store.folders(ALICE)}
    heard = []
    store.watch(folder, heard.append)
    await store.forget_mail()
    after = {f.name: f for f in await store.folders(ALICE)}
    assert heard == [FolderGone(folder)]
    assert [(f.name, f.special_use, f.subscribed) for f in after.values()] == [
        (f.name, f.special_use, f.subscribed) for f in before.values()
    ]
    assert all(f.uidvalidity > max(b.uidvalidity for b in before.values()) for f in after.values())
    assert (await store.usage(ALICE)).octets == 0
    assert not (await store.snapshot(after["INBOX"].id)).uids
    await store.deliver([parcel(Copy(ALICE), number=2)], received=NOW)
    assert await bodies(store, after["INBOX"].id) == [octets(2)]
