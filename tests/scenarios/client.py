"""A client that speaks raw IMAP, keeps the view a client must keep, and holds the server to it.

Whatever a script asks, these never break [RFC 9051 §7.5.1, §5.2, §2.3.1]:

- a message number lies within the mailbox as this client knows it;
- EXISTS never shrinks; only EXPUNGE removes, one message at a time, or VANISHED, known ones;
- neither comes while FETCH, STORE or SEARCH runs;
- a message keeps its UID, size, ENVELOPE and BODYSTRUCTURE; UIDs ascend;
- FETCH shows no keyword that FLAGS did not announce first;
- the MODSEQ of a message and the HIGHESTMODSEQ of the mailbox only grow;
- each command gets exactly one tagged reply.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tests.scenarios.matching import Item, Word, read_items

__all__ = ["Broken", "Client", "Response", "Stream", "expanded"]

_PATIENCE_S = 40.0
_LITERAL_AT_END = re.compile(rb"\{(\d+)\}\r\n\Z")
_PLACEHOLDER = re.compile(r"\{([a-z][\w-]*)(\+?)\}")
_VARIABLE = re.compile(r"\$(\w+)")
_STABLE = ("UID", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE")
_NO_EXPUNGE = {"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}
_RESELECTS = {"SELECT", "EXAMINE", "CLOSE", "UNSELECT"}


class Broken(AssertionError):
    """The server did what no server may do, or did not answer."""


class Stream(Protocol):
    """Octets to and from a server, TLS already done."""

    async def write(self, octets: bytes) -> None:
        """`octets` are on their way."""
        ...

    async def read(self) -> bytes:
        """Some octets; none at the end."""
        ...

    async def close(self) -> None:
        """The connection is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """One response: `tag` is ``*``, ``+`` or a command's; `items` are what follows."""

    tag: str
    items: tuple[Item, ...]
    octets: bytes


@dataclass(slots=True)
class _Message:
    label: int
    facts: dict[str, Item] = field(default_factory=dict)


class Client:
    """One connection."""

    def __init__(self, stream: Stream, number: int, transcript: list[str]) -> None:
        self._stream = stream
        self.number = number
        self._transcript = transcript
        self._buffer = b""
        self._tags = 0
        self._running: list[tuple[str, str]] = []  # tag and name of commands not yet answered
        self._view: list[_Message] = []
        self._before: list[_Message] = []  # the view before the last response
        self._labels = 0
        self._keywords: set[str] = set()
        self._selecting = ""  # tag of the last SELECT, and how many messages it found
        self._selected = 0
        self._highest = 0  # of the HIGHESTMODSEQ codes since the mailbox was selected

    async def send(self, *commands: bytes, continues: bool = False) -> list[str]:
        """Each of `commands` went out under a tag of its own, all in one write; the tags.

        `continues`: there is one command, and it answers a ``+``, so that it has no tag.
        """
        octets, tags = b"", []
        for command in commands:
            if not continues:
                self._tags += 1
                tag = f"c{self.number}x{self._tags}"
                tags.append(tag)
                name = command.split(b" ")[1 if command[:4].upper() == b"UID " else 0].upper().decode(errors="replace")
                self._running.append((tag, f"UID {name}" if command[:4].upper() == b"UID " else name))
                octets += tag.encode() + b" "
            octets += command + b"\r\n"
        self._note(">", octets)
        await self._stream.write(octets)
        return tags

    def expand(self, text: str, messages: Mapping[str, bytes], look_up: Callable[[str], str]) -> list[bytes]:
        """`text` as octets, cut where a synchronising literal waits for its ``+``."""
        text = _VARIABLE.sub(lambda found: look_up(found[1]), text)
        pieces, at = [b""], 0
        for found in _PLACEHOLDER.finditer(text):
            content = messages[found[1]]
            pieces[-1] += text[at : found.start()].encode() + b"{%d%s}" % (len(content), found[2].encode())
            if found[2]:
                pieces[-1] += b"\r\n" + content
            else:
                pieces.append(content)
            at = found.end()
        pieces[-1] += text[at:].encode()
        return pieces

    async def receive(self) -> Response:
        """The next response, its effect on the view already taken.

        Raises:
            Broken: a rule was broken, nothing came for ten seconds, or the connection ended.
        """
        octets = await self._response_octets()
        self._note("<", octets)
        tag, _, rest = octets.removesuffix(b"\r\n").partition(b" ")
        if tag == b"+":
            return Response("+", (), rest)
        response = Response(tag.decode(errors="replace"), read_items(rest), rest)
        self._before = list(self._view)
        self._highest_modseq(response)
        if response.tag == "*":
            self._take(response)
        elif done := [one for one in self._running if one[0] == response.tag]:
            self._running.remove(done[0])
        else:
            raise Broken(f"a reply to nothing: {octets!r}")
        return response

    async def hung_up(self) -> bool:
        """The server has closed the connection, perhaps after some last words."""
        while octets := await self._read():
            self._note("<", octets)
        return True

    async def close(self) -> None:
        """The connection is dropped."""
        await self._stream.close()

    @property
    def view(self) -> list[dict[str, Item]]:
        """What is known of each message, in the order of their numbers, by the names of FETCH."""
        return [message.facts for message in self._view]

    @property
    def found(self) -> list[dict[str, Item]]:
        """Those of `view` that SELECT found; the others came later."""
        return [message.facts for message in self._view if message.label <= self._selected]

    def number_of(self, label: int, *, before: bool = False) -> int:
        """The number that message `label` has now, or had `before` the last response.

        Raises:
            Broken: it is not there.
        """
        for index, message in enumerate(self._before if before else self._view, 1):
            if message.label == label:
                return index
        raise Broken(f"message {label} is not in the view of client {self.number}")

    # what the server says, and whether it may ------------------------------------------------------------------

    def _take(self, response: Response) -> None:
        match response.items:
            case (Word(count), Word(word)) if word.upper() == "EXISTS":
                self._exists(int(count))
            case (Word(number), Word(word)) if word.upper() == "EXPUNGE":
                self._expunge(int(number))
            case (Word(word), Word(uids)) if word.upper() == "VANISHED":
                self._vanish(uids)
            case (Word(number), Word(word), tuple(facts)) if word.upper() == "FETCH":
                self._fetch(int(number), facts)
            case (Word(word), tuple(flags)) if word.upper() == "FLAGS":
                self._keywords = {flag.text.upper() for flag in flags if isinstance(flag, Word)}

    def _current(self) -> str:
        return self._running[0][1] if self._running else ""

    def _exists(self, count: int) -> None:
        tag, name = self._running[0] if self._running else ("", "")
        if name in _RESELECTS and tag != self._selecting:  # the first of this SELECT; a second one is news
            self._view, self._labels, self._highest = [], 0, 0
            self._selecting, self._selected = tag, count
        if count < len(self._view):
            raise Broken(f"EXISTS {count} below the {len(self._view)} messages that are known")
        while len(self._view) < count:
            self._labels += 1
            self._view.append(_Message(self._labels))

    def _expunge(self, number: int) -> None:
        if self._current() in _NO_EXPUNGE:
            raise Broken(f"EXPUNGE or VANISHED during {self._current()}")
        self._at(number)
        del self._view[number - 1]

    def _vanish(self, uids: str) -> None:
        """Messages are gone by UID: ones that this client knows, or one of those in whose place the UID fits."""
        for uid in expanded(uids):
            known = [_number(facts["UID"]) if "UID" in facts else None for facts in self.view]
            if uid in known:
                self._expunge(known.index(uid) + 1)
                continue
            after = next((index for index, one in enumerate(known) if one is not None and one > uid), len(known))
            if after == 0 or known[after - 1] is not None:
                raise Broken(f"VANISHED {uid}, a message that is not known here")
            nameless = after - 1
            while nameless >= 0 and known[nameless] is None:
                self.view[nameless].clear()  # it may be this one, or its neighbour
                nameless -= 1
            self._expunge(after)

    def _fetch(self, number: int, facts: tuple[Item, ...]) -> None:
        known = self._at(number).facts
        for name, value in zip(facts[::2], facts[1::2], strict=True):
            key = name.text.upper() if isinstance(name, Word) else ""
            before = known.get(key, value)
            if key in _STABLE and before != value:
                raise Broken(f"{key} of message {number} was {before}, is {value}")
            if key == "MODSEQ" and _number(value) < _number(before):
                raise Broken(f"MODSEQ of message {number} was {before}, is {value}")
            if key == "FLAGS" and isinstance(value, tuple):
                self._announced(value)
            known[key] = value
        numbers = [_number(facts["UID"]) for facts in self.view if "UID" in facts]
        if numbers != sorted(set(numbers)):
            raise Broken(f"UIDs do not ascend: {numbers}")

    def _highest_modseq(self, response: Response) -> None:
        match response.items:
            case (Word("OK"), (Word("HIGHESTMODSEQ"), Word(number))):
                if int(number) < self._highest:
                    raise Broken(f"HIGHESTMODSEQ was {self._highest}, is {number}")
                self._highest = int(number)

    def _announced(self, flags: tuple[Item, ...]) -> None:
        for flag in flags:
            if isinstance(flag, Word) and not flag.text.startswith("\\") and flag.text.upper() not in self._keywords:
                raise Broken(f"keyword {flag.text} was never announced in FLAGS")

    def _at(self, number: int) -> _Message:
        if not 1 <= number <= len(self._view):
            raise Broken(f"message number {number} of {len(self._view)}")
        return self._view[number - 1]

    # octets ------------------------------------------------------------------------------------------------------

    async def _response_octets(self) -> bytes:
        """One response with all its literals."""
        end = 0
        while True:
            while (found := self._buffer.find(b"\r\n", end)) < 0:
                await self._fill()
            end = found + 2
            literal = _LITERAL_AT_END.search(self._buffer[:end])
            if literal is None:
                octets, self._buffer = self._buffer[:end], self._buffer[end:]
                return octets
            end += int(literal[1])
            while len(self._buffer) < end:
                await self._fill()

    async def _fill(self) -> None:
        octets = await self._read()
        if not octets:
            raise Broken(f"the server hung up on client {self.number}")
        self._buffer += octets

    async def _read(self) -> bytes:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._stream.read()
        except TimeoutError:
            raise Broken(f"client {self.number} waits in vain") from None

    def _note(self, way: str, octets: bytes) -> None:
        shown = octets.decode("utf-8", "replace").rstrip()
        if self.number:  # 0 only fills mailboxes
            self._transcript.append(f"{self.number}{way} {shown if len(shown) < 300 else shown[:300] + ' …'}")


def _number(item: Item) -> int:
    """The number that `item` is, or that stands alone in its parentheses."""
    return int(item.text) if isinstance(item, Word) else _number(item[0]) if isinstance(item, tuple) else 0


def expanded(uids: str) -> list[int]:
    """The UIDs of a set like ``3,5:7``."""
    ends = [span.partition(":") for span in uids.split(",")]
    return [uid for low, _, high in ends for uid in range(int(low), int(high or low) + 1)]
