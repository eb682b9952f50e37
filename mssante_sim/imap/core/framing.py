"""From octets to whole commands, before anything is parsed.

Lines and literals are found first, under limits, so that an oversized or broken
command can be thrown away without losing the place where the next one begins:
octets of a literal are never read as a command.

    command  = line *(literal line)     line ends with CRLF; all but the last announce a literal
    literal  = "{" number ["+"] "}" CRLF *CHAR8     [RFC 3501 §9] [RFC 7888 §8]

An announcement inside a quoted string is none.  Each octet is looked at a bounded
number of times, however the peer cuts its packets, and what comes out does not depend on
the cuts.
"""

import re
from dataclasses import dataclass, field

from mssante_sim.imap.core.faults import ImapFault, LimitReached, NotImap, SyntaxFault, TooBig
from mssante_sim.imap.core.limits import FrameLimits
from mssante_sim.imap.core.octets import TAG_CHARS, class_of

__all__ = ["CommandFramer", "ContinuationNeeded", "Event", "Frame", "Refused", "read_tag"]

_ANNOUNCED = re.compile(rb"\{([0-9]+)(\+?)\}")
# The rest of a quoted string. Unrolled: Python before 3.11.5 mismatches a possessive group that holds a choice.
_QUOTED_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_APPEND = re.compile(rb"[^ ]+ APPEND (\{?)", re.IGNORECASE)
_TAG = re.compile(b"(%s{1,128})(?: |\\Z)" % class_of(TAG_CHARS))
_TLS_RECORD = b"\x16\x03"  # a handshake begins so [RFC 8446 §5.1]
_LARGEST = 4_294_967_295  # number  [RFC 3501 §9]


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole command: `lines[0]`, `literals[0]`, `lines[1]`…; one line more than literals.

    Lines are without their CRLF and contain no CR, LF or NUL; all but the last end with
    the announcement of the literal that follows them.
    """

    lines: tuple[bytes, ...] = field(repr=False)  # may hold a password
    literals: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ContinuationNeeded:
    """The client waits for `+` before it sends a literal, which will be accepted."""

    octets: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A command was thrown away; the next one begins where it should, unless `closes`.

    After one that `closes` nothing comes any more: where the next command begins is in doubt.
    """

    tag: str | None
    fault: ImapFault
    closes: bool = False


Event = Frame | ContinuationNeeded | Refused


def read_tag(line: bytes) -> str | None:
    """The tag that `line` begins with, if it has one, of at most 128 octets.

    ``tag = 1*<any ASTRING-CHAR except "+">``
    """
    found = _TAG.match(line)
    return found[1].decode("ascii") if found else None


class CommandFramer:
    """Collects octets of one peer and cuts them into commands.

    Attributes:
        logged_in: which of the limits hold; set by the session.
    """

    def __init__(self, limits: FrameLimits) -> None:
        self.logged_in = False
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0  # octets of the buffer that hold no LF
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        """The next octet begins a command."""
        self._lines: list[bytes] = []
        self._literals: list[bytes] = []
        self._line_octets = 0
        self._literal_octets = 0
        self._awaited: int | None = None  # size of the literal that the next octets belong to
        self._fault: ImapFault | None = None  # why the command is being thrown away
        self._tag: str | None = None
        self._thrown = 0  # octets thrown away

    @property
    def pending(self) -> int:
        """Octets that were fed and belong to no event yet."""
        return len(self._buffer)

    def feed(self, octets: bytes) -> None:
        """`octets` follow those fed before."""
        if not self._closed:
            self._buffer += octets

    def next(self) -> Event | None:
        """The next thing that can be said, or None: more octets are needed."""
        event: Event | None = None
        progress = True
        while event is None and progress and not self._closed:
            if self._awaited is None:
                event, progress = self._next_line()
            else:
                event, progress = self._next_literal(self._awaited)
        return event

    # lines

    def _next_line(self) -> tuple[Event | None, bool]:
        if not self._lines and self._line_octets == 0 and self._buffer.startswith(_TLS_RECORD):
            return self._handshake(), True
        end = self._buffer.find(b"\n", self._searched)
        length = len(self._buffer) if end < 0 else end + 1
        self._searched = length if end < 0 else 0
        if self._line_octets + length > self._line_limit:
            return self._overlong_line(length, ended=end >= 0)
        if end < 0:
            return None, False
        line = self._take(length)
        if not line.endswith(b"\r\n"):
            return self._bare_lf(line), True
        self._line_octets += length
        return self._line(line[:-2]), True

    def _line(self, line: bytes) -> Event | None:
        if not self._lines and self._fault is None:
            self._tag = read_tag(line)
        if b"\r" in line or b"\0" in line:
            self._throw(SyntaxFault("A command line must not contain a bare CR or a NUL octet."))
        self._lines.append(line)
        announced = _announcement(line)
        if announced is not None:
            octets, asks = announced
            return self._literal_announced(octets, asks=asks)
        if self._fault is not None:
            return self._refuse()
        frame = Frame(tuple(self._lines), tuple(self._literals))
        self._begin()
        return frame

    def _overlong_line(self, length: int, *, ended: bool) -> tuple[Event | None, bool]:
        """A line is thrown away as it comes; its end is the end of the command.

        Its last octets tell whether a literal follows unasked; then the end is not known.
        """
        if not self._lines and self._fault is None:
            self._tag = read_tag(bytes(self._buffer[: self._line_limit]))
        self._throw(SyntaxFault(f"A command line must not be longer than {self._line_limit} octets."))
        keep = 0 if ended else min(length, 4)
        if ended and self._buffer[length - 2 : length] != b"\r\n":
            return self._bare_lf(b""), True
        unasked = ended and self._buffer[:length].endswith(b"+}\r\n")
        self._line_octets += length - keep
        self._thrown += length - keep
        del self._buffer[: length - keep]
        self._searched = keep
        if unasked or self._thrown > self._limits.swallowed:
            return self._refuse(closes=True), True
        return (self._refuse(), True) if ended else (None, False)

    def _bare_lf(self, line: bytes) -> Event:
        """Nobody can say whether a bare LF ends the line, so nothing after it can be trusted."""
        if not self._lines and self._fault is None:
            self._tag = read_tag(line.rstrip(b"\n"))
        self._throw(SyntaxFault("Every line must end with CR LF; there was an LF without CR."))
        return self._refuse(closes=True)

    def _handshake(self) -> Event:
        """The client began with TLS, has no line end to send, and would wait as long as we do."""
        self._throw(NotImap("This connection is in the clear; TLS begins after STARTTLS, or on the other port."))
        return self._refuse(closes=True)

    @property
    def _line_limit(self) -> int:
        return self._limits.line if self.logged_in else self._limits.line_before_login

    # literals

    def _literal_announced(self, octets: int, *, asks: bool) -> Event | None:
        if len(self._lines) > self._limits.literals:
            self._throw(LimitReached(f"A command must not have more than {self._limits.literals} literals."))
        elif octets > (room := self._literal_room):
            self._throw(TooBig(f"The literal is too big: here {max(room, 0)} octets are accepted."))
        if self._fault is None:
            self._awaited = octets
            return ContinuationNeeded(octets) if asks else None
        if asks:  # the client will not send it  [RFC 3501 §7.5]
            return self._refuse()
        self._thrown += octets
        if self._thrown > self._limits.swallowed or not self.logged_in:
            return self._refuse(closes=True)  # [RFC 7888 §4] leaves the choice
        self._awaited = octets
        return None

    def _next_literal(self, octets: int) -> tuple[Event | None, bool]:
        if self._fault is not None:
            gone = min(octets, len(self._buffer))
            del self._buffer[:gone]
            self._awaited = octets - gone or None
            return None, self._awaited is None
        if len(self._buffer) < octets:
            return None, False
        self._literals.append(self._take(octets))
        self._literal_octets += octets
        self._awaited = None
        return None, True

    @property
    def _literal_room(self) -> int:
        """Octets that the literal announced last may have; those of a command are counted together."""
        if not self.logged_in:
            return self._limits.literal_before_login - self._literal_octets
        append = _APPEND.match(self._lines[0])
        if append is None:
            return self._limits.literal - self._literal_octets
        if not append[1]:
            return self._limits.append_literal - self._literal_octets
        if not self._literals:  # the name of the mailbox
            return self._limits.literal
        return self._limits.append_literal - self._literal_octets + len(self._literals[0])

    # both

    def _take(self, length: int) -> bytes:
        """The first `length` octets, copied once; a bytearray forgets its front for free."""
        with memoryview(self._buffer) as view:
            octets = bytes(view[:length])
        del self._buffer[:length]
        self._searched = 0
        return octets

    def _throw(self, fault: ImapFault) -> None:
        """From here on the command is only followed to its end; the first reason counts."""
        if self._fault is None:
            self._fault = fault
            self._literals.clear()

    def _refuse(self, *, closes: bool = False) -> Refused:
        assert self._fault is not None  # noqa: S101 - only called once there is one
        refused = Refused(self._tag, self._fault, closes)
        self._begin()
        if closes:
            self._closed = True
            self._buffer.clear()
        return refused


def _announcement(line: bytes) -> tuple[int, bool] | None:
    """Size of the literal that `line` announces, and whether the client waits to be asked for it."""
    if not line.endswith(b"}"):
        return None
    found = _ANNOUNCED.fullmatch(line, max(line.rfind(b"{"), 0))
    if found is None or _ends_in_quotes(line):
        return None
    digits = found[1].lstrip(b"0")
    octets = int(digits or b"0") if len(digits) <= 10 else _LARGEST + 1
    return octets, not found[2]


def _ends_in_quotes(line: bytes) -> bool:
    """Whether a quoted string is still open at the end of `line`; takes time linear in its length."""
    quote = line.find(b'"')
    while quote >= 0:
        rest = _QUOTED_REST.match(line, quote + 1)
        if rest is None:
            return True
        quote = line.find(b'"', rest.end())
    return False
