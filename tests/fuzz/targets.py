"""What is fuzzed, once for both drivers: hypothesis in the tests, atheris in ``scripts/fuzz``.

A target takes any octets and returns, or lets out what nobody foresaw. The promise of each is one sentence:
it parses, or raises our one error, and nothing that it says of the octets is impossible.
"""

import asyncio
import contextlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from mssante_sim.clock import SystemClock
from mssante_sim.crypto import der, smime
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.smime import NotSmime
from mssante_sim.imap.core.encode import encode
from mssante_sim.imap.core.faults import ImapFault
from mssante_sim.imap.core.framing import CommandFramer, ContinuationNeeded, Frame, Refused
from mssante_sim.imap.core.limits import FrameLimits
from mssante_sim.imap.core.parse import parse
from mssante_sim.imap.core.responses import reply_to
from mssante_sim.message import parts
from mssante_sim.message.parts import Part
from mssante_sim.message.summary import summarise
from mssante_sim.sasl.claims import Claim, SaslFault
from mssante_sim.sasl.exchange import begin, mechanisms
from mssante_sim.storage.api import NewMessage
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.scenarios.matching import read_items
from tests.scenarios.ours import PASSWORD, CoreStream, services_over
from tests.unit.sasl.parties import CERTIFICATE, Fixed

__all__ = ["STATES", "TARGETS", "House", "ber", "converse", "entity", "grammar", "house", "mime", "sasl", "session"]

SMALL: Final = FrameLimits(
    line_before_login=200, literal_before_login=20, line=400, literal=50, append_literal=80, literals=4
)


# The grammar of IMAP


def grammar(octets: bytes) -> None:
    """Framing says something of `octets`, and parsing ends in a command or one of our faults."""
    for logged_in in (False, True):
        converse(octets, logged_in=logged_in)
        converse(octets, logged_in=logged_in, limits=SMALL)


def converse(octets: bytes, *, logged_in: bool, limits: FrameLimits | None = None) -> list[object]:
    """Everything that is made of `octets`; raises what nobody foresaw."""
    framer = CommandFramer(limits or FrameLimits())
    framer.logged_in = logged_in
    framer.feed(octets)
    found: list[object] = []
    while (event := framer.next()) is not None:
        match event:
            case ContinuationNeeded():
                found.append(event)
            case Refused(tag, fault):
                found.append(encode(reply_to(tag, fault)))
            case Frame():
                try:
                    found.append(parse(event))
                except ImapFault as fault:
                    found.append(encode(reply_to(None, fault)))
    return found


# Whole sessions

_ACCOUNT: Final = "lilas{}@officine.mssante.test"
_LOGIN: Final = f"l LOGIN {_ACCOUNT} {PASSWORD}\r\n"
STATES: Final = {
    "not authenticated": "",
    "in the AUTHENTICATE exchange": "x AUTHENTICATE PLAIN\r\n",
    "authenticated": _LOGIN,
    "selected": _LOGIN + "s SELECT INBOX\r\n",
    "in IDLE": _LOGIN + "s SELECT INBOX\r\ni IDLE\r\n",
    "read-only, all on": _LOGIN + "e ENABLE QRESYNC IMAP4rev2\r\ns EXAMINE INBOX\r\n",
}
"""What brings a session there; the account's name has a number."""

_MESSAGES: Final = (
    b"Subject: a\r\n\r\nabc\r\n",
    b"",
    b"no header at all",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nx",
    b"Content-Transfer-Encoding: x-own\r\nFrom: \xff <a\0b@c>\r\nDate: never\r\nReferences: <a@b><c@\r\n\r\n\0",
)
_LITERAL: Final = re.compile(rb"\{(\d+)\}\r\n\Z")


class House:
    """One store and its loop, for all examples."""

    def __init__(self, home: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._number = 0
        self._loop.run_until_complete(self._open(home))

    async def _open(self, home: Path) -> None:
        self._store = SqliteStore.open(home, clock=SystemClock())
        self._services = services_over(self._store)

    def converse(self, state: str, octets: bytes) -> bytes:
        """All that the server says to `octets` in `state`, in an account of its own; raises what nobody foresaw."""
        return self._loop.run_until_complete(self._converse(state, octets))

    async def _converse(self, state: str, octets: bytes) -> bytes:
        self._number += 1
        account = _ACCOUNT.format(self._number)
        await self._store.open_account(account)
        inbox = await self._store.find_folder(account, "INBOX")
        now = SystemClock().now()
        await self._store.append(inbox.id, [NewMessage(one, summarise(one), now) for one in _MESSAGES])
        stream = CoreStream(self._services)
        stream.feed(STATES[state].format(self._number).encode() + octets)
        said = await stream.settled()
        await stream.close()
        return said

    def close(self) -> None:
        """Everything is closed."""
        self._loop.run_until_complete(self._store.close())
        self._loop.close()


@cache
def house() -> House:
    """The one of this process; it is never closed, and its folder goes with the process."""
    return House(Path(_folder().name))


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    memory = Path("/dev/shm")  # noqa: S108 - a commit waits for no disk there
    return tempfile.TemporaryDirectory(prefix="fuzz", dir=memory if memory.is_dir() else None)


def session(octets: bytes) -> None:
    """In every state a session goes on or hangs up, and says only IMAP."""
    for state in STATES:
        readable(house().converse(state, octets))


def readable(said: bytes) -> None:
    """`said` is whole responses that a client can read."""
    while said:
        end = said.index(b"\r\n") + 2
        while literal := _LITERAL.search(said[:end]):
            end = said.index(b"\r\n", end + int(literal[1])) + 2
        response, said = said[:end], said[end:]
        tag, _, rest = response.removesuffix(b"\r\n").partition(b" ")
        assert tag
        if tag != b"+":
            read_items(rest)


# What mail is made of


def ber(octets: bytes) -> None:
    """`octets` are BER, every value inside the one above it, or Malformed."""
    with contextlib.suppress(Malformed):
        _walk(der.parse(octets))


def _walk(element: Element) -> None:
    for read in (element.number, element.instant, element.string):
        with contextlib.suppress(Malformed):
            read()
    if element.tag & 0x20:
        for child in element.children():
            assert len(child.octets) <= len(element.octets)
            _walk(child)


def mime(octets: bytes) -> None:
    """Any octets are a message: its parts lie inside each other, in order, and all of them can be shown."""
    root = parts.parse(octets)
    assert (root.header_start, root.end) == (0, len(octets))
    for part in parts.walk(root):
        _inside(part)
        parts.decoded(octets, part)
        assert part.filename is None or isinstance(part.filename, str)
    for kind in ("", "HEADER", "TEXT"):
        assert parts.section(root, (), kind) is not None
    summary = summarise(octets)
    read_items(summary.envelope)
    read_items(summary.bodystructure)


def _inside(part: Part) -> None:
    assert part.header_start <= part.body_start <= part.end
    at = part.body_start
    for child in part.children:
        assert at <= child.header_start
        assert child.end <= part.end
        at = child.end


def entity(octets: bytes) -> None:
    """The splitter gives pieces of the entity itself, in order, or says that it is not S/MIME."""
    smime.classify(octets)
    try:
        found = smime.signature_of(octets)
    except NotSmime:
        return
    assert found.content is None or found.content in octets


# SASL

_PARTY: Final = Fixed(end_point=b"e" * 32, certificate=CERTIFICATE)


def sasl(octets: bytes) -> None:
    """Every mechanism goes on, ends in a claim, or raises our one error; an octet FE ends each answer of the client."""
    for mechanism in mechanisms(_PARTY):
        exchange = begin(mechanism, replace(_PARTY))
        with contextlib.suppress(SaslFault):
            for answer in octets.split(b"\xfe"):
                found = exchange.answer(answer)
                if not isinstance(found, bytes):
                    assert isinstance(found, Claim)
                    break


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "imap-grammar": grammar,
    "imap-session": session,
    "ber": ber,
    "mime": mime,
    "smime": entity,
    "sasl": sasl,
}
"""By the name of their folder in `corpus`."""
