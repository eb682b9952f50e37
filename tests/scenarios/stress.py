"""Several clients at random against one mailbox: each believes what it was told, and all must believe the same.

Beside the rules that `tests.scenarios.client` holds any server to, a run ends with these:

- what a message is (ENVELOPE, BODYSTRUCTURE, size, date) is the same in every session, at every time;
- a keyword that one client set and no other touched is there, whatever happened beside it: STORE +FLAGS is atomic;
- after NOOP all sessions see the same messages, flags and mod-sequences;
- the flags that a client was told of, or computed from its own silent STORE, are those that a FETCH then shows;
- a client that was away and asks with CHANGEDSINCE or QRESYNC for what it missed then knows what the others know.

A seed decides who does what; only the network decides in which order.
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from random import Random

from tests.scenarios.client import Broken, Client, Response, expanded
from tests.scenarios.matching import Item, Quoted, Word
from tests.scenarios.runner import Account, Server, standard_message

__all__ = ["Kind", "Plan", "stress"]

_FACTS = ("ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE")
_FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Draft", "$Work", "$Later")
_UNTOLD = {"\\RECENT"}  # differs between sessions


class Kind(Enum):
    """What a client has switched on, which decides what it is told."""

    PLAIN = "plain"
    CONDSTORE = "CONDSTORE"
    QRESYNC = "QRESYNC"


@dataclass(frozen=True, slots=True)
class Plan:
    """Who takes part, for how many commands each, and by which seed."""

    seed: int
    kinds: tuple[Kind, ...] = (Kind.PLAIN, Kind.PLAIN, Kind.CONDSTORE, Kind.QRESYNC, Kind.QRESYNC)
    rounds: int = 60
    messages: int = 12


async def stress(server: Server, plan: Plan) -> None:
    """Everything that `plan` says was done, and every rule held.  Raises: Broken: one did not."""
    account = await server.account("stress")
    transcript: list[str] = []
    known: dict[str, dict[str, Item]] = {}
    actors = [
        Actor(Client(await server.connect(), number, transcript), kind, Random(f"{plan.seed}/{number}"), known)
        for number, kind in enumerate(plan.kinds, 1)
    ]
    try:
        for number in range(plan.messages):
            await server.deliver(account, standard_message(f"message {number}"))
        for actor in actors:
            await actor.enter(account)
        await _together(_deliver(server, account, plan.rounds // 10), *(actor.act(plan.rounds) for actor in actors))
        await _together(*(actor.mark_all() for actor in actors))
        await _compare(actors)
    except (Broken, ValueError) as broken:
        talk = "\n".join(transcript[-120:])
        raise Broken(f"seed {plan.seed}: {broken}\n{talk}") from broken
    finally:
        for actor in actors:
            await actor.client.close()


async def _together(*works: Coroutine[None, None, None]) -> None:
    """All of `works` are done.  Raises: what the first that failed did."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as several:
        raise several.exceptions[0] from several


async def _deliver(server: Server, account: Account, messages: int) -> None:
    for number in range(messages):
        await server.deliver(account, standard_message(f"from outside {number}"))


async def _compare(actors: list["Actor"]) -> None:
    """Nobody changes anything any more: all know the same, and knew it before they asked."""
    truth = await actors[0].look()
    for actor in actors:
        seen = await actor.look()
        if seen != truth:
            raise Broken(f"client {actor.client.number} sees {seen}, client {actors[0].client.number} sees {truth}")
    marks = {actor.mark.upper() for actor in actors}
    for uid, facts in truth.items():
        if missing := marks - _flags(facts["FLAGS"]):
            raise Broken(f"message {uid} lost {missing}, which nobody took away")


class Actor:
    """A client that does what chance says, and believes what it is told."""

    def __init__(self, client: Client, kind: Kind, chance: Random, known: dict[str, dict[str, Item]]) -> None:
        self.client = client
        self.mark = f"$mark{client.number}"
        self._kind = kind
        self._chance = chance
        self._known = known  # what each message is, by UID, for all clients
        self._numbers = itertools.count(1)
        self._modseq = 0  # all changes up to here are known
        self._validity = ""
        self._vanished: set[str] = set()

    async def enter(self, account: Account) -> None:
        """INBOX is selected, and known."""
        greeting = await self.client.receive()
        if greeting.items[:1] != (Word("OK"),):
            raise Broken(f"no greeting: {greeting.octets!r}")
        await self.order(f'LOGIN "{account.login}" "{account.password}"')
        if self._kind is not Kind.PLAIN:
            await self.order(f"ENABLE {self._kind.value}")
        await self.order("SELECT INBOX")
        await self.order("UID FETCH 1:* (FLAGS)")

    async def act(self, rounds: int) -> None:
        """`rounds` commands were given, each answered with OK, or with a word that another one was faster."""
        for _ in range(rounds):
            choices: list[Callable[[], str]] = [self._noop, self._append, self._uid_fetch, self._search, self._idle]
            if self.client.view:
                choices += [self._fetch, self._fetch, self._store, self._store, self._store, self._body, self._copy]
                choices += [self._expunge, self._move]
            choose = self._chance.choice(choices)
            if choose == self._idle:
                await self._wait_a_little()
            elif self._chance.random() < 0.2:
                await self.order(choose(), self._noop(), "UID SEARCH ALL")
            else:
                await self.order(choose())
            if self._kind is not Kind.PLAIN and self._chance.random() < 0.1:
                await self._go_and_come_back()

    async def mark_all(self) -> None:
        """Every message has this client's own keyword, set while the others set theirs."""
        await self.order("NOOP")
        await self._learn()
        uids = [_text(facts["UID"]) for facts in self.client.view]
        self._chance.shuffle(uids)
        for uid in uids:
            await self.order(f"UID STORE {uid} +FLAGS ({self.mark} $by{self.client.number})")
            for facts in self.client.view:
                if facts.get("UID") == Word(uid):
                    self._believe(facts, "-FLAGS.SILENT", [f"$by{self.client.number}"])
            await self.order(f"UID STORE {uid} -FLAGS.SILENT ($by{self.client.number})")

    async def look(self) -> dict[str, dict[str, Item]]:
        """What this client sees now, by UID.  Raises: Broken: it believed something else."""
        if self._kind is not Kind.PLAIN:
            await self._go_and_come_back()
        await self.order(self._chance.choice(["CHECK", "NOOP"]))
        believed = [dict(facts) for facts in self.client.view]
        await self.order(f"UID FETCH 1:* (FLAGS {' '.join(_FACTS)})")
        if len(believed) != len(self.client.view):
            raise Broken(f"{len(believed)} messages were told of, {len(self.client.view)} are there")
        for before, now in zip(believed, self.client.view, strict=True):
            if "FLAGS" in before and _flags(before["FLAGS"]) != _flags(now["FLAGS"]):
                raise Broken(f"client {self.client.number} believed {before}, and it is {now}")
        return {
            _text(facts["UID"]): {name: facts[name] for name in _FACTS} | {"FLAGS": _settled(facts["FLAGS"])}
            for facts in self.client.view
        }

    # orders and what they tell ---------------------------------------------------------------------------------

    async def order(self, *commands: str) -> None:
        """`commands` went out in one write, and each was answered.  Raises: Broken: one was refused."""
        tags = set(await self.client.send(*(command.encode() for command in commands)))
        while tags:
            response = await self._receive()
            if response.tag in tags:
                tags.remove(response.tag)
                if response.items[0] != Word("OK") and b"[EXPUNGEISSUED]" not in response.octets:
                    raise Broken(f"{commands}: {response.octets!r}")

    async def _receive(self) -> Response:
        response = await self.client.receive()
        match response.items:
            case (Word("OK"), (Word("HIGHESTMODSEQ"), Word(number))):
                self._modseq = int(number)
            case (Word("OK"), (Word("UIDVALIDITY"), Word(number))):
                self._validity = number
            case (Word("VANISHED"), *_, Word(spans)):
                self._vanished |= {str(uid) for uid in expanded(spans)}
            case (Word(number), Word("FETCH"), _):
                facts = self.client.view[int(number) - 1]
                if "MODSEQ" in facts:  # a lower HIGHESTMODSEQ follows if something older was not told yet
                    self._modseq = max(self._modseq, int(_text(facts["MODSEQ"])))
                self._compare_with_others(facts)
        return response

    def _compare_with_others(self, facts: dict[str, Item]) -> None:
        if "UID" in facts:
            shared = self._known.setdefault(_text(facts["UID"]), {})
            for name in _FACTS:
                if name in facts and shared.setdefault(name, facts[name]) != facts[name]:
                    raise Broken(f"{name} of UID {_text(facts['UID'])} is {facts[name]}, and was {shared[name]}")

    async def _wait_a_little(self) -> None:
        (tag,) = await self.client.send(b"IDLE")
        while (response := await self._receive()).tag != "+":
            pass
        for _ in range(self._chance.randrange(20)):
            await asyncio.sleep(0)
        await self.client.send(b"DONE", continues=True)
        while response.tag != tag:
            response = await self._receive()

    async def _learn(self) -> None:
        """The UID of every message is known; what comes meanwhile is asked for too."""
        while any("UID" not in facts for facts in self.client.view):
            await self.order("UID FETCH 1:* (FLAGS)")

    async def _go_and_come_back(self) -> None:
        """The mailbox was left and selected anew, and only what changed meanwhile was asked for."""
        await self._learn()
        cache = {_text(facts["UID"]): facts.get("FLAGS") for facts in self.client.view}
        since, self._vanished = self._modseq, set()
        await self.order("UNSELECT")
        if self._chance.random() < 0.5:
            await asyncio.sleep(0)
        if self._kind is Kind.QRESYNC:
            await self.order(f"SELECT INBOX (QRESYNC ({self._validity} {since}))")
            found = self.client.found
            told = {_text(facts["UID"]) for facts in found if "UID" in facts}
            there = sorted(set(cache) - self._vanished | told, key=int)
            if len(there) != len(found):
                raise Broken(f"client {self.client.number} knows of {there}, and {len(found)} messages are there")
            for facts, uid in zip(found, there, strict=True):
                facts["UID"] = Word(uid)
        else:
            await self.order("SELECT INBOX")
            if self.client.view:
                await self.order("FETCH 1:* (UID)")
            there = [_text(facts["UID"]) for facts in self.client.view if "UID" in facts]
            await self.order(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since})")
            await self.order("NOOP")  # of what went before that was read, nothing was told: now it is gone here too
        for facts in self.client.view:
            if "UID" in facts and "FLAGS" not in facts and (uid := _text(facts["UID"])) in there:
                if uid not in cache:
                    raise Broken(f"client {self.client.number} was not told of the new message {uid}")
                if (flags := cache[uid]) is not None:
                    facts["FLAGS"] = flags  # it did not change

    # what a client may do ----------------------------------------------------------------------------------------

    def _noop(self) -> str:
        return self._chance.choice(["NOOP", "CHECK", "STATUS Archive (MESSAGES)"])

    def _idle(self) -> str:
        return "IDLE"

    def _fetch(self) -> str:
        items = self._chance.sample(["FLAGS", "UID", *_FACTS], 4)
        return f"FETCH {self._some()} ({' '.join(items)})"

    def _uid_fetch(self) -> str:
        return f"UID FETCH 1:* (FLAGS {self._chance.choice(_FACTS)})"

    def _body(self) -> str:
        return f"FETCH {self._one()} ({self._chance.choice(['BODY[]', 'BODY[TEXT]', 'BODY.PEEK[HEADER]'])} UID FLAGS)"

    def _search(self) -> str:
        searches = ["SEARCH ALL", "SEARCH UNSEEN", "UID SEARCH KEYWORD $Work", "SEARCH RETURN (COUNT MAX) SEEN"]
        return self._chance.choice(searches)

    def _store(self) -> str:
        mode = self._chance.choice(["+FLAGS", "-FLAGS", "FLAGS", "+FLAGS.SILENT", "-FLAGS.SILENT", "FLAGS.SILENT"])
        flags = self._chance.sample([*_FLAGS, f"$new{self.client.number}x{next(self._numbers) % 20}"], 2)
        number = self._one()
        if mode.endswith(".SILENT"):
            self._believe(self.client.view[number - 1], mode, flags)
        elif self._kind is not Kind.PLAIN and self._chance.random() < 0.3:
            return f"STORE {number} (UNCHANGEDSINCE {self._modseq}) {mode} ({' '.join(flags)})"
        return f"STORE {number} {mode} ({' '.join(flags)})"

    def _believe(self, facts: dict[str, Item], mode: str, flags: list[str]) -> None:
        """What a silent STORE does is not told."""
        if "FLAGS" in facts:
            given, before = _flags(tuple(map(Word, flags))), _flags(facts["FLAGS"])
            after = before | given if mode[0] == "+" else before - given if mode[0] == "-" else given
            facts["FLAGS"] = tuple(map(Word, sorted(after)))

    def _append(self) -> str:
        content = standard_message(f"draft {self.client.number}.{next(self._numbers)}").decode()
        return f"APPEND INBOX (\\Seen) {{{len(content)}+}}\r\n{content}"

    def _copy(self) -> str:
        return f"COPY {self._one()} {self._chance.choice(['Archive', 'INBOX'])}"

    def _move(self) -> str:
        return f"MOVE {self._one()} Archive"

    def _expunge(self) -> str:
        if self._chance.random() < 0.5:
            number = self._one()
            self._believe(self.client.view[number - 1], "+FLAGS.SILENT", ["\\Deleted"])
            return f"STORE {number} +FLAGS.SILENT (\\Deleted)"
        return "EXPUNGE"

    def _one(self) -> int:
        return self._chance.randint(1, len(self.client.view))

    def _some(self) -> str:
        return self._chance.choice([f"{self._one()}", f"{self._one()}:*", f"{self._one()},{self._one()}", "1:*"])


def _text(item: Item) -> str:
    while isinstance(item, tuple):
        (item,) = item
    return item.text if isinstance(item, Word) else item.octets.decode()


def _flags(item: Item) -> frozenset[str]:
    assert isinstance(item, tuple)
    return frozenset(flag.text.upper() for flag in item if not isinstance(flag, tuple | Quoted)) - _UNTOLD


def _settled(item: Item) -> Item:
    return tuple(map(Word, sorted(_flags(item))))
