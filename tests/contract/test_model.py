"""Whatever is done in whatever order, a store holds what a few dictionaries would."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mssante_sim.clock import FixedClock
from mssante_sim.storage.api import Arrived, Copy, Expunged, FlagChange, FlagMode, FlagsChanged
from mssante_sim.storage.errors import QuotaExceeded

from .material import ALICE, BOB, NOW, all_rows, new, octets, parcel

QUOTA = 1_800  # thirty messages
FLAG = st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "$one", "Two"])
FLAGS = st.frozensets(FLAG, max_size=3)
PLACE = st.tuples(st.sampled_from([ALICE, BOB]), st.sampled_from(["INBOX", "Sent"]))
UIDS = st.frozensets(st.integers(1, 12), max_size=6).map(sorted)
NUMBERS = st.lists(st.integers(1, 99), max_size=4)


@dataclass
class Message:
    number: int
    flags: frozenset[str]
    modseq: int


@dataclass
class Mailbox:
    """A folder, as anyone would write it down."""

    messages: dict[int, Message] = field(default_factory=dict)
    uidnext: int = 1
    recent_from: int = 1
    history: list[tuple[int, dict[int, frozenset[str]]]] = field(default_factory=list)  # modseq, flags by uid

    def add(self, number, flags):
        self.messages[self.uidnext] = Message(number, flags, 0)
        self.uidnext += 1
        return self.uidnext - 1

    def octets(self):
        return 60 * len(self.messages)

    def flags(self):
        return {uid: message.flags for uid, message in self.messages.items()}


class StoreMachine(RuleBasedStateMachine):
    """Runs each rule on the store and on the model."""

    engine = None

    @initialize()
    def open(self):
        self.loop = asyncio.new_event_loop()
        self.home = Path(tempfile.mkdtemp())
        self.clock = FixedClock(NOW)
        self.model = {(account, name): Mailbox() for account in (ALICE, BOB) for name in ("INBOX", "Sent")}
        self.heard = {place: {} for place in self.model}
        self.folders = {}
        self.run(self._open())

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    async def _open(self):
        self.store = self.engine.open(self.home, self.clock, quota_octets=QUOTA)
        for account, name in self.model:
            await self.store.open_account(account)
            self.folders[account, name] = (await self.store.find_folder(account, name)).id
        for place, folder in self.folders.items():
            self.store.watch(folder, lambda change, place=place: self.hear(place, change))

    def hear(self, place, change):
        known = self.heard[place]
        match change:
            case Arrived() | FlagsChanged():
                known.update({state.uid: state.flags for state in change.states})
            case Expunged():
                for uid in change.uids:
                    del known[uid]

    def held(self, account):
        return sum(self.model[account, name].octets() for name in ("INBOX", "Sent"))

    @rule(place=PLACE, numbers=NUMBERS, flags=FLAGS)
    def append(self, place, numbers, flags):
        call = self.store.append(self.folders[place], [new(number, *flags) for number in numbers])
        if self.held(place[0]) + 60 * len(numbers) > QUOTA:
            with pytest.raises(QuotaExceeded):
                self.run(call)
            return
        expected = [self.model[place].add(number, flags) for number in numbers]
        assert [done.uid for done in self.run(call)] == expected

    @rule(places=st.lists(PLACE, max_size=4), number=st.integers(1, 99), flags=FLAGS)
    def deliver(self, places, number, flags):
        copies = [Copy(account, name, flags=flags) for account, name in places]
        call = self.store.deliver([parcel(*copies, number=number)], received=NOW)
        accounts = [account for account, _ in places]
        if any(self.held(account) + 60 * accounts.count(account) > QUOTA for account in accounts):
            with pytest.raises(QuotaExceeded):
                self.run(call)
            return
        done = self.run(call)
        expected = [(*place, self.model[place].add(number, flags)) for place in places]
        assert [(account, name, uid) for account, name, _, uid in done.places] == expected

    @rule(place=PLACE, uids=UIDS, mode=st.sampled_from(FlagMode), flags=FLAGS)
    def change_flags(self, place, uids, mode, flags):
        outcome = self.run(self.store.change_flags(self.folders[place], uids, FlagChange(mode, flags)))
        messages = self.model[place].messages
        for uid in uids:
            if uid in messages:
                before = messages[uid].flags
                messages[uid].flags = {
                    FlagMode.ADD: before | flags,
                    FlagMode.REMOVE: before - flags,
                    FlagMode.REPLACE: flags,
                }[mode]
        expected = {uid: messages[uid].flags for uid in uids if uid in messages}
        assert {state.uid: state.flags for state in outcome.states} == expected

    @rule(place=PLACE, uids=st.none() | UIDS)
    def expunge(self, place, uids):
        messages = self.model[place].messages
        expected = [
            uid for uid in sorted(messages) if "\\Deleted" in messages[uid].flags and (uids is None or uid in uids)
        ]
        assert list(self.run(self.store.expunge(self.folders[place], uids))) == expected
        for uid in expected:
            del messages[uid]

    @rule(source=PLACE, goal=PLACE, uids=UIDS, move=st.booleans())
    def transfer(self, source, goal, uids, move):
        messages = self.model[source].messages
        there = [uid for uid in uids if uid in messages]
        act = self.store.move if move else self.store.copy
        call = act(self.folders[source], uids, self.folders[goal])
        grows = not move or source[0] != goal[0]
        if there and grows and self.held(goal[0]) + 60 * len(there) > QUOTA:
            with pytest.raises(QuotaExceeded):
                self.run(call)
            return
        expected = [(uid, self.model[goal].add(messages[uid].number, messages[uid].flags)) for uid in there]
        if move:
            for uid in there:
                del messages[uid]
        assert list(self.run(call).pairs) == expected

    @rule(place=PLACE)
    def claim_recent(self, place):
        snapshot = self.run(self.store.snapshot(self.folders[place], claim_recent=True))
        box = self.model[place]
        assert snapshot.status.recent_from == box.recent_from
        assert list(snapshot.uids) == sorted(box.messages)
        box.recent_from = box.uidnext

    @rule()
    def close_and_open(self):
        self.run(self.store.close())
        self.run(self._open())

    @rule(place=PLACE, back=st.integers(1, 10))
    def changed_since(self, place, back):
        """Flags then, with the changes since, are the flags now."""
        box = self.model[place]
        if not box.history:
            return
        modseq, then = box.history[-min(back, len(box.history))]
        states, gone = self.run(self.store.changed_since(self.folders[place], modseq))
        now = {uid: flags for uid, flags in then.items() if uid not in gone}
        now.update({state.uid: state.flags for state in states})
        assert now == box.flags()

    @invariant()
    def the_store_holds_what_the_model_holds(self):
        for place, box in getattr(self, "model", {}).items():
            self.run(self._compare(place, box))

    async def _compare(self, place, box):
        folder = self.folders[place]
        status = await self.store.status(folder)
        flags = box.flags()
        assert (status.messages, status.uidnext, status.octets) == (len(flags), box.uidnext, box.octets())
        assert status.unseen == sum("\\Seen" not in own for own in flags.values())
        assert status.deleted == sum("\\Deleted" in own for own in flags.values())
        assert status.recent_from == box.recent_from
        rows = await all_rows(self.store, folder)
        assert {row.uid: row.flags for row in rows} == flags == self.heard[place]
        for row in rows:
            assert await self.store.read(row.body) == octets(box.messages[row.uid].number)
        if box.history:
            before, then = box.history[-1]
            assert (status.highestmodseq > before) if then != flags else (status.highestmodseq >= before)
        box.history.append((status.highestmodseq, flags))

    def teardown(self):
        if hasattr(self, "store"):
            self.run(self.store.close())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.home)


@pytest.mark.slow
def test_a_store_behaves_as_its_model(engine):
    machine = type("Machine", (StoreMachine,), {"engine": engine})
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None))
