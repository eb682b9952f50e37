"""One IMAP connection of a pharmacy's client: a folder over TLS, and IDLE that misses nothing.

A thin wall around aioimaplib 2, for four reasons measured there: its FETCH of
more than about 1,000 lines overflows the stack, and its work grows with the
square of the lines (we fetch whole messages one at a time and headers in small
slices), its idle_start may wait for ever (we bound it), and an EXISTS that
comes with the answer of another command is dropped (`_Protocol` keeps it).
"""

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import aioimaplib

from mssante_sim.clients.fetched import Stored, stored_messages
from mssante_sim.directory.dns_lookup import Door, NoService
from mssante_sim.errors import SimulatorError, reason_in_french

__all__ = ["ARCHIVE", "INBOX", "SENT", "ConnectionLost", "ImapAccess", "ImapRefused", "MailboxClient"]

INBOX: Final = "INBOX"
ARCHIVE: Final = "Archive"
SENT: Final = "Sent"
_SLICE: Final = 100  # headers of one FETCH: three lines each
_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 2.0  # where there is no IDLE
_GOODBYE_S: Final = 2.0  # for the two sides of TLS to part
_SILENCE_S: Final = 300.0  # the server says something every 2 minutes; twice that and it is dead


class ImapRefused(SimulatorError):
    """The server refused the login or a command."""

    exit_code = 4


class ConnectionLost(SimulatorError):
    """The server cannot be reached, or the connection broke."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class ImapAccess:
    """Where and as whom a mailbox is read; implicit TLS."""

    where: Callable[[], Door]  # may raise NoService; asked at each connection
    context: ssl.SSLContext
    login: str
    password: str


class _Protocol(aioimaplib.IMAP4ClientProtocol):
    """aioimaplib's protocol, which remembers that the server announced messages, whatever it was answering."""

    transport: asyncio.Transport | None  # type: ignore[assignment]  # the library's own is typed None

    def __init__(
        self, loop: asyncio.AbstractEventLoop, conn_lost_cb: Callable[[Exception | None], None] | None
    ) -> None:
        super().__init__(loop, conn_lost_cb)  # type: ignore[arg-type]  # None is its default
        self.announced = asyncio.Event()
        self.announced_at = 0.0  # time.monotonic

    def _untagged_response(self, line: bytes) -> Any:
        if line.endswith(b" EXISTS"):
            self.announced_at = time.monotonic()
            self.announced.set()
        return super()._untagged_response(line)


class _Imap(aioimaplib.IMAP4):
    """aioimaplib's client with that protocol, and a call when the connection is lost."""

    protocol: _Protocol  # type: ignore[assignment]  # the library's own is typed None

    def create_client(
        self,
        host: str,
        port: int,
        loop: asyncio.AbstractEventLoop | None,
        conn_lost_cb: Callable[[Exception | None], None] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        running = loop or asyncio.get_running_loop()
        self.protocol = _Protocol(running, conn_lost_cb)
        self._client_task = running.create_task(
            running.create_connection(lambda: self.protocol, host, port, ssl=ssl_context)
        )


class MailboxClient:
    """One folder of one account, selected; INBOX at first."""

    uidvalidity: int  # UIDs mean the same as long as this stays the same

    def __init__(self, imap: _Imap, lost: asyncio.Event) -> None:
        self._imap = imap
        self._lost = lost
        self._idling = asyncio.Event()

    @property
    def announced_at(self) -> float:
        """When, by `time.monotonic`, the server last announced messages."""
        return self._imap.protocol.announced_at

    @classmethod
    async def connect(cls, access: ImapAccess) -> Self:
        """A connection that is logged in, with INBOX selected.

        Raises:
            ConnectionLost: nobody knows where, no connection or no TLS.
            ImapRefused: bad credentials.
        """
        try:
            door = await asyncio.to_thread(access.where)
        except NoService as error:
            raise ConnectionLost(error.public, french=error.french) from error
        lost = asyncio.Event()
        imap = _Imap(
            door.host, door.port, timeout=_TIMEOUT_S, conn_lost_cb=lambda _: lost.set(), ssl_context=access.context
        )
        client = cls(imap, lost)
        try:
            await client._guarded(imap.wait_hello_from_server())
            client._expect(await client._guarded(imap.login(access.login, access.password)))
            await client._guarded(imap.protocol.capability())  # the library would go on believing those before it
            await client.select(INBOX)
        except BaseException:
            client.drop()
            raise
        return client

    async def select(self, folder: str) -> None:
        """`folder` is the one that everything from here on is about.  Raises: ImapRefused."""
        selected = self._expect(await self._guarded(self._imap.select(_quoted(folder))))
        self.uidvalidity = _uidvalidity(selected)

    async def uids(self, first: int = 1) -> list[int]:
        """UIDs from `first` on, ascending."""
        self._imap.protocol.announced.clear()
        found = await self._search(f"UID {first}:*")
        return [uid for uid in found if uid >= first]  # n:* holds the last message even if it lies below n

    async def with_message_id(self, message_id: str) -> list[int]:
        """UIDs of the messages whose Message-ID contains `message_id`, ascending."""
        return await self._search(f"HEADER Message-ID {_quoted(message_id)}")

    async def _search(self, criteria: str) -> list[int]:
        answer = self._expect(await self._guarded(self._imap.uid_search(criteria, charset=None)))
        return sorted({int(number) for line in answer[:-1] for number in bytes(line).split() if number.isdigit()})

    async def fetch(self, uid: int) -> bytes | None:
        """The octets of one message, its flags untouched; None if it is gone."""
        answer = self._expect(await self._guarded(self._imap.uid("fetch", str(uid), "(BODY.PEEK[])")))
        return next((bytes(line) for line in answer if isinstance(line, bytearray)), None)

    async def stored(self, uid: int) -> Stored | None:
        """One message with its flags and the date of its arrival, untouched; None if it is gone."""
        return next(iter(await self._fetch_stored(str(uid), "BODY.PEEK[]")), None)

    async def headers(self, uids: Sequence[int]) -> AsyncIterator[Stored]:
        """Those of `uids` that are still there, with their headers only."""
        for start in range(0, len(uids), _SLICE):
            wanted = ",".join(map(str, uids[start : start + _SLICE]))
            for one in await self._fetch_stored(wanted, "BODY.PEEK[HEADER]"):
                yield one

    async def _fetch_stored(self, wanted: str, section: str) -> list[Stored]:
        items = f"(UID FLAGS INTERNALDATE {section})"
        return list(stored_messages(self._expect(await self._guarded(self._imap.uid("fetch", wanted, items)))))

    async def change_flags(self, uid: int, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """The message carries `add` and not `remove`; added first, so that an interruption loses nothing."""
        for sign, flags in (("+", " ".join(add)), ("-", " ".join(remove))):
            if flags:
                self._expect(
                    await self._guarded(self._imap.uid("store", str(uid), f"{sign}FLAGS.SILENT", f"({flags})"))
                )

    async def claim(self, uid: int, flag: str) -> bool:
        """Whether the message carries `flag` from now on: of several clients who ask at once, one is told so.

        It is set only if nothing has changed since we saw it missing.  [RFC 7162 §3.1.3]
        """
        while True:
            seen = b" ".join(self._expect(await self._guarded(self._imap.uid("fetch", str(uid), "(FLAGS MODSEQ)"))))
            flags, modseq = re.search(rb"FLAGS \(([^)]*)\)", seen), re.search(rb"MODSEQ \((\d+)\)", seen)
            if flags is None or modseq is None or flag.lower().encode() in flags[1].lower().split():
                return False
            condition = f"(UNCHANGEDSINCE {int(modseq[1])}) +FLAGS.SILENT"
            stored = self._expect(await self._guarded(self._imap.uid("store", str(uid), condition, f"({flag})")))
            if b"[MODIFIED " not in bytes(stored[-1]).upper():
                return True

    async def append(self, folder: str, octets: bytes, flags: Iterable[str]) -> None:
        """`folder` holds one more message.  Raises: ImapRefused."""
        self._expect(await self._guarded(self._imap.append(octets, _quoted(folder), f"({' '.join(flags)})")))

    async def wait_for_arrival(self) -> None:
        """Returns when the server has announced messages since the last `uids` began.  Raises: ConnectionLost."""
        if self._imap.protocol.announced.is_set():
            return
        if not self._imap.has_capability("IDLE"):
            await self._poll()
            return
        idle = await self._guarded(self._imap.idle_start(_SILENCE_S))
        self._idling.set()
        while not self._imap.protocol.announced.is_set():
            await self._guarded(self._imap.wait_server_push(_SILENCE_S))
        self._idling.clear()
        self._imap.idle_done()
        await self._guarded(idle)

    async def _poll(self) -> None:
        """As `wait_for_arrival`, where the server offers no IDLE."""
        self._idling.set()
        while not self._imap.protocol.announced.is_set():
            await self._guarded(asyncio.sleep(_POLL_S))
            self._expect(await self._guarded(self._imap.noop()))
        self._idling.clear()

    async def idling(self) -> None:
        """Returns when a `wait_for_arrival` that runs is in IDLE, or polls.  Raises: ConnectionLost."""
        await self._guarded(self._idling.wait())

    async def close(self) -> None:
        """The session is logged out, whatever state it was in, and its socket is closed."""
        with contextlib.suppress(ConnectionLost, ImapRefused, aioimaplib.AioImapException):
            await self._guarded(self._imap.logout())
        self.drop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._lost.wait(), _GOODBYE_S)

    def drop(self) -> None:
        """The connection is cut."""
        self._imap._client_task.cancel()  # noqa: SLF001  no public way to end an attempt to connect
        if self._imap.protocol.transport is not None:
            self._imap.protocol.transport.close()

    async def _guarded(self, step: Any) -> Any:
        """The result of `step`, or ConnectionLost as soon as the connection is."""
        work = asyncio.ensure_future(step)
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait({work, lost}, return_when=asyncio.FIRST_COMPLETED, timeout=_SILENCE_S)
            if work.done():
                return work.result()
            raise _lost("the connection was closed by the server", "il a coupé la connexion")
        except OSError as error:
            raise _lost(str(error) or type(error).__name__, reason_in_french(error)) from error
        except aioimaplib.AioImapException as error:
            raise _lost(str(error) or type(error).__name__, "la connexion est coupée") from error
        finally:
            work.cancel()
            lost.cancel()

    @staticmethod
    def _expect(response: Any) -> list[bytes | bytearray]:
        lines: list[bytes | bytearray] = response.lines
        if response.result != "OK":
            said = bytes(lines[-1]).decode("utf-8", "replace") if lines else ""
            raise ImapRefused(
                f"The IMAP server refused: {response.result} {said}",
                french=f"Le serveur IMAP a refusé : {response.result} {said}",
            )
        return lines


def _quoted(text: str) -> str:
    """`text` as a quoted string  [RFC 9051 §4.3.2]."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _uidvalidity(lines: list[bytes | bytearray]) -> int:
    found = re.search(rb"\[UIDVALIDITY (\d+)\]", b"\n".join(map(bytes, lines)))
    return int(found[1]) if found else 0


def _lost(reason: str, french: str) -> ConnectionLost:
    return ConnectionLost(
        f"The IMAP server cannot be reached: {reason}. Is the stack up?",
        french=f"Le serveur IMAP est injoignable ({french}). Est-il lancé ?",
    )
