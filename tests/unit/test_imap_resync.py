"""A client that remembers a mailbox, is away, and comes back: what it believes is what there is [RFC 7162 §3.2]."""

import random
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.message.summary import summarise
from mssante_sim.storage.api import FlagChange, FlagMode, FolderId, NewMessage
from mssante_sim.storage.sqlite import messages as message_sql
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.scenarios.matching import Item, Word, read_items
from tests.scenarios.ours import CoreServer, services_over
from tests.unit.imap_talk import Talk

ACCOUNT = "lilas@officine.mssante.test"
NOTE = b"Subject: note\r\n\r\nBonjour\r\n"
FLAGS = ["\\Seen", "\\Flagged", "\\Deleted", "$Work"]
_HIGHEST = re.compile(rb"\[HIGHESTMODSEQ (\d+)\]")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path, clock=SystemClock())
    await opened.open_account(ACCOUNT)
    yield opened
    await opened.close()


async def fill(store: SqliteStore, count: int) -> FolderId:
    inbox = (await store.find_folder(ACCOUNT, "INBOX")).id
    note = NewMessage(NOTE, summarise(NOTE), SystemClock().now())
    await store.append(inbox, [note] * count)
    return inbox


async def removed(store: SqliteStore, inbox: FolderId, *uids: int) -> None:
    chosen = (await store.snapshot(inbox)).uids
    await store.change_flags(
        inbox, [uid for uid in chosen if uid in uids], FlagChange(FlagMode.ADD, frozenset({"\\Deleted"}))
    )
    await store.expunge(inbox, [uid for uid in chosen if uid in uids])


async def begin(store: SqliteStore) -> Talk:
    talk = await Talk.begin(CoreServer(services_over(store)), ACCOUNT)
    await talk.ask("ENABLE QRESYNC")
    return talk


def standing(said: bytes) -> tuple[int, int]:
    """UIDVALIDITY and HIGHESTMODSEQ that SELECT told."""
    validity = re.search(rb"UIDVALIDITY (\d+)", said)
    highest = _HIGHEST.search(said)
    assert validity
    assert highest
    return int(validity[1]), int(highest[1])


async def test_below_the_floor_what_went_is_found_by_comparing_uids(store, monkeypatch) -> None:
    """Removals so old that they are forgotten are told all the same, and those of long before with them."""
    monkeypatch.setattr(message_sql, "EXPUNGED_KEPT", 2)
    inbox = await fill(store, 12)
    await removed(store, inbox, 1)
    talk = await begin(store)
    validity, left = standing(await talk.ask("SELECT INBOX"))
    await talk.ask("UNSELECT")
    for uid in (3, 4, 5, 6, 9):
        await removed(store, inbox, uid)
    said = await talk.ask(f"SELECT INBOX (QRESYNC ({validity} {left}))")
    assert b"* VANISHED (EARLIER) 1,3:6,9\r\n" in said
    await talk.ask("UNSELECT")
    said = await talk.ask(f"SELECT INBOX (QRESYNC ({validity} {left} 2:5))")
    assert b"* VANISHED (EARLIER) 3:5\r\n" in said
    await talk.ask("UNSELECT")
    sample = await talk.ask(f"SELECT INBOX (QRESYNC ({validity} {left} 1:12 (1,2 2,7)))")
    assert b"* VANISHED (EARLIER) 9\r\n" in sample
    fetched = await talk.ask(f"UID FETCH 1:4 (FLAGS) (CHANGEDSINCE {left} VANISHED)")
    assert b"* VANISHED (EARLIER) 1,3:4\r\n" in fetched


async def test_thousands_that_went_are_told_in_one_set(store, monkeypatch) -> None:
    """Looked through beside the loop, and the same."""
    monkeypatch.setattr(message_sql, "EXPUNGED_KEPT", 2)
    inbox = await fill(store, 6_000)
    talk = await begin(store)
    validity, left = standing(await talk.ask("SELECT INBOX"))
    await talk.ask("UNSELECT")
    await removed(store, inbox, *range(2, 5_900), 5_950)
    said = await talk.ask(f"SELECT INBOX (QRESYNC ({validity} {left}))")
    assert b"* VANISHED (EARLIER) 2:5899,5950\r\n" in said


async def test_what_goes_while_select_runs_is_told_once_and_not_as_earlier(store) -> None:
    """Nor does a message that came while the client was away go before the client knows its UID."""
    inbox = await fill(store, 4)
    talk = await begin(store)
    validity, left = standing(await talk.ask("SELECT INBOX"))
    await talk.ask("UNSELECT")
    await fill(store, 1)
    real = store.snapshot

    async def then(folder, **asked):
        found = await real(folder, **asked)
        store.snapshot = real
        await removed(store, inbox, 2, 5)
        return found

    store.snapshot = then
    said = await talk.ask(f"SELECT INBOX (QRESYNC ({validity} {left}))")
    assert b"EARLIER" not in said
    assert b"* 5 EXISTS" in said
    assert b"* 5 FETCH (UID 5 " in said
    assert said.count(b"* VANISHED 2,5\r\n") == 1


async def test_a_mailbox_that_was_made_anew_tells_nothing(store) -> None:
    await fill(store, 3)
    talk = await begin(store)
    validity, left = standing(await talk.ask("SELECT INBOX"))
    await talk.ask("UNSELECT")
    await store.forget_mail()
    said = await talk.ask(f"SELECT INBOX (QRESYNC ({validity} {left}))")
    assert b"VANISHED" not in said
    assert b"* 0 EXISTS" in said


class Cache:
    """What a client remembers, kept by the rules for clients [RFC 7162 §6]."""

    def __init__(self) -> None:
        self.validity = 0
        self.highest = 0
        self.flags: dict[int, frozenset[str]] = {}
        self._own: frozenset[str] = frozenset()
        self.view: list[int | None] = []  # UIDs by number while the mailbox is selected

    def take(self, said: bytes, own: frozenset[str] = frozenset()) -> None:
        """Every response up to a tagged one is taken in; `own` are flags that a silent STORE of ours removed."""
        self._own = own
        seen = 0
        told: int | None = None
        for line in said.split(b"\r\n")[:-1]:
            if found := _HIGHEST.search(line):
                told = int(found[1])
            if line.startswith(b"* ") and not line.startswith((b"* OK", b"* FLAGS", b"* ENABLED")):
                seen = max(seen, self._respond(read_items(line[2:])))
        if told is not None:
            self.highest = told  # even if higher mod-sequences were seen
        elif seen > self.highest:
            self.highest = seen

    def _respond(self, items: tuple[Item, ...]) -> int:
        match items:
            case (Word(count), Word("EXISTS")):
                self.view += [None] * (int(count) - len(self.view))
            case (Word("VANISHED"), (Word("EARLIER"),), Word(uids)):
                for uid in members(uids):
                    self.flags.pop(uid, None)
            case (Word("VANISHED"), Word(uids)):
                for uid in members(uids):
                    del self.view[self._place(uid)]
                    self.flags.pop(uid, None)
            case (Word(number), Word("FETCH"), tuple(facts)):
                return self._fetched(int(number), dict(zip(facts[::2], facts[1::2], strict=True)))
        return 0

    def _place(self, uid: int) -> int:
        """Where `uid` stands; if its message was announced and never fetched, where it must stand."""
        if uid in self.view:
            return self.view.index(uid)
        before = max((place for place, known in enumerate(self.view) if known is not None and known < uid), default=-1)
        assert self.view[before + 1] is None, f"VANISHED {uid}, a message that was never announced"
        return before + 1

    def _fetched(self, number: int, facts: dict[Item, Item]) -> int:
        uid = facts[Word("UID")]
        assert isinstance(uid, Word)
        assert self.view[number - 1] in (None, int(uid.text))
        self.view[number - 1] = int(uid.text)
        flags, modseq = facts.get(Word("FLAGS")), facts.get(Word("MODSEQ"))
        if isinstance(flags, tuple):
            self.flags[int(uid.text)] = frozenset(flag.text for flag in flags if isinstance(flag, Word)) - {"\\Recent"}
        elif int(uid.text) in self.flags:
            self.flags[int(uid.text)] -= self._own
        if isinstance(modseq, tuple) and isinstance(modseq[0], Word):
            return int(modseq[0].text)
        return 0


def members(uids: str) -> list[int]:
    spans = [span.partition(":") for span in uids.split(",")]
    return [uid for low, _, high in spans for uid in range(int(low), int(high or low) + 1)]


async def synchronise(talk: Talk, cache: Cache) -> None:
    """As a client does after a time away: SELECT with what it knows, then what is new to it."""
    known = f" (QRESYNC ({cache.validity} {cache.highest}))" if cache.validity else ""
    cache.view = []
    said = await talk.ask("SELECT INBOX" + known)
    cache.take(said)
    cache.validity = standing(said)[0]
    cache.take(await talk.ask("UID FETCH 1:* (UID)"))  # so that VANISHED can be counted
    new = [str(uid) for uid in cache.view if uid not in cache.flags]
    if new:
        cache.take(await talk.ask(f"UID FETCH {','.join(new)} (FLAGS)"))


async def truth(talk: Talk) -> dict[int, frozenset[str]]:
    fresh = Cache()
    fresh.take(await talk.ask("SELECT INBOX"))
    fresh.take(await talk.ask("UID FETCH 1:* (FLAGS)"))
    return fresh.flags


async def change(talk: Talk, chance: random.Random) -> None:
    """Another client does something."""
    target = f"{chance.randint(1, 12)}:{chance.randint(1, 12)}"
    await talk.ask(
        chance.choice(
            [
                f"UID STORE {target} +FLAGS.SILENT ({chance.choice(FLAGS)})",
                f"UID STORE {target} -FLAGS.SILENT ({chance.choice(FLAGS)})",
                "EXPUNGE",
                f"UID MOVE {chance.randint(1, 30)} Archive",
                b"APPEND INBOX {%d+}\r\n%b" % (len(NOTE), NOTE),
                "NOOP",
            ]
        )
    )


OWN = [
    "FETCH {number} (UID FLAGS)",
    "FETCH {number} (UID MODSEQ)",
    "STORE {number} +FLAGS (\\Answered)",
    "STORE {number} (UNCHANGEDSINCE {highest}) -FLAGS.SILENT ($Work)",
    "NOOP",
]


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_others_do_and_whenever_the_line_breaks_nothing_is_missed(store, monkeypatch, seed) -> None:
    """The cached HIGHESTMODSEQ is never ahead of what was told, though removals wait during FETCH and STORE."""
    monkeypatch.setattr(message_sql, "EXPUNGED_KEPT", 3)
    chance = random.Random(seed)
    await fill(store, 8)
    other, cache = await begin(store), Cache()
    await other.ask("SELECT INBOX")
    for _ in range(6):
        mine = await begin(store)
        await synchronise(mine, cache)
        for _ in range(chance.randint(0, 8)):
            await change(other, chance)
            if cache.view and chance.random() < 0.7:
                number = chance.randint(1, len(cache.view))
                command = chance.choice(OWN).format(number=number, highest=cache.highest)
                cache.take(await mine.ask(command), frozenset({"$Work"} if ".SILENT" in command else ()))
        await mine.close()  # the line breaks
        back = await begin(store)
        await synchronise(back, cache)
        assert cache.flags == await truth(other)
        await other.ask("NOOP")
        await back.close()


async def test_a_change_behind_a_waiting_removal_is_no_proof_that_all_is_known(store) -> None:
    """The rule of `told_up_to`, end to end: the client comes back with what it was told, and hears of the removal."""
    inbox = await fill(store, 3)
    talk, cache = await begin(store), Cache()
    await synchronise(talk, cache)
    await removed(store, inbox, 2)
    cache.take(await talk.ask("STORE 1 +FLAGS (\\Flagged)"))
    assert 2 in cache.flags
    await talk.close()
    back = await begin(store)
    await synchronise(back, cache)
    assert 2 not in cache.flags
