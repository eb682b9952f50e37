"""A place in a command, and the elements of the grammar that are one token.

A method named after an element takes it and answers with its value, or leaves the
cursor where it is and answers None; `expect_…` raises instead.  Above each stands its
rule of [RFC 3501 §9].
"""

import re
from typing import TypeVar

from mssante_sim.imap.core.faults import SyntaxFault
from mssante_sim.imap.core.framing import Frame
from mssante_sim.imap.core.octets import ASTRING_CHARS, ATOM_CHARS, LIST_CHARS, QUOTED_PLAIN, class_of

__all__ = ["LARGEST_NUMBER", "Cursor", "bounded_number", "quoted_back"]

LARGEST_NUMBER = 4_294_967_295
LARGEST_NUMBER64 = 9_223_372_036_854_775_807  # [RFC 9051 §9] number64

_Value = TypeVar("_Value")
_SHOWN = 40  # octets of an offending token that are quoted back


_ATOM = re.compile(class_of(ATOM_CHARS) + b"+")
_ASTRING_ATOM = re.compile(class_of(ASTRING_CHARS) + b"+")
_LIST_ATOM = re.compile(class_of(LIST_CHARS) + b"+")
# UTF-8 is allowed in quoted strings by [RFC 9051 §9]; many clients always sent it.  QUIRK utf8_in_quoted
_PLAIN = class_of(QUOTED_PLAIN | frozenset(range(0x80, 0x100)))
_QUOTED = re.compile(b'"(%b*+(?:\\\\["\\\\]%b*+)*+)"' % (_PLAIN, _PLAIN))
_ESCAPED = re.compile(rb'\\(["\\])')
_DIGITS = re.compile(rb"[0-9]+")
_TOKEN = re.compile(rb'"[^"]*"?|.[^ ()]*', re.DOTALL)


class Cursor:
    """Reads one frame from left to right, lines and literals in turn.

    Attributes:
        confidential: what is read may be a password, so that no fault quotes it.
        utf8_names: mailbox names are UTF-8, not modified UTF-7 [RFC 9051 §5.1].
    """

    def __init__(self, frame: Frame, *, utf8_names: bool = False) -> None:
        self.confidential = False
        self.utf8_names = utf8_names
        self._frame = frame
        self._index = -1
        self._enter_next_line()

    def _enter_next_line(self) -> None:
        self._index += 1
        self._at = 0
        self._line = self._frame.lines[self._index]
        if self._index < len(self._frame.literals):  # the announcement is not text
            self._line = self._line[: self._line.rindex(b"{")]

    # anything

    def take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """What `pattern` matches here; it must not match nothing."""
        found = pattern.match(self._line, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def at(self, wanted: bytes) -> bool:
        """Whether `wanted`, one octet, stands here."""
        return self._line.startswith(wanted, self._at)

    def octet(self, wanted: bytes) -> bool:
        """Whether `wanted`, one octet, stood here; it is taken then."""
        if not self.at(wanted):
            return False
        self._at += 1
        return True

    def expect_octet(self, wanted: bytes) -> None:
        """Raises: SyntaxFault: `wanted` does not stand here."""
        if not self.octet(wanted):
            raise self.unexpected(f"`{wanted.decode('ascii')}`")

    def sp(self) -> None:
        """``SP = %x20``; exactly one, with an argument behind it.  Raises: SyntaxFault."""
        if not self.octet(b" "):
            raise self.unexpected("a space" if self._at < len(self._line) else "more arguments")

    def word(self) -> str | None:
        """An atom, in capitals: the grammar's own words are not case-sensitive."""
        found = self.take(_ATOM)
        return found[0].decode("ascii").upper() if found else None

    def expect(self, value: _Value | None, what: str) -> _Value:
        """`value`, which an element's method just gave.  Raises: SyntaxFault: it is None."""
        if value is None:
            raise self.unexpected(what)
        return value

    def expect_end(self) -> None:
        """Raises: SyntaxFault: there is more."""
        if self._at < len(self._line) or self._index < len(self._frame.lines) - 1:
            raise self.unexpected("the end of the command")

    def unexpected(self, what: str) -> SyntaxFault:
        """The fault to raise when `what` should stand here."""
        if self.confidential:
            return SyntaxFault(f"Expected {what}.")
        return SyntaxFault(f"Expected {what}, found {self._found()}.")

    def _found(self) -> str:
        token = _TOKEN.match(self._line, self._at)
        if token is not None:
            return quoted_back(token[0])
        return "a literal" if self._index < len(self._frame.literals) else "the end of the command"

    # atoms and numbers

    def atom(self) -> str | None:
        """``atom = 1*ATOM-CHAR``."""
        found = self.take(_ATOM)
        return found[0].decode("ascii") if found else None

    def number(self) -> int | None:
        """``number = 1*DIGIT``, of 32 bits.  Raises: SyntaxFault: it is larger."""
        return self._number(LARGEST_NUMBER)

    def number64(self) -> int | None:
        """``number64 = 1*DIGIT``, of 63 bits [RFC 9051 §9].  Raises: SyntaxFault: it is larger."""
        return self._number(LARGEST_NUMBER64)

    def _number(self, largest: int) -> int | None:
        found = self.take(_DIGITS)
        return None if found is None else bounded_number(found[0], largest)

    def nz_number(self) -> int | None:
        """``nz-number = digit-nz *DIGIT``, of 32 bits.  Raises: SyntaxFault: it is larger, or 0."""
        return _not_zero(self.number())

    def nz_number64(self) -> int | None:
        """``nz-number64 = digit-nz *DIGIT``, of 63 bits [RFC 9051 §9].  Raises: SyntaxFault: it is larger, or 0."""
        return _not_zero(self.number64())

    # strings

    def quoted(self) -> bytes | None:
        """``quoted = DQUOTE *QUOTED-CHAR DQUOTE``, and UTF-8 inside."""
        found = self.take(_QUOTED)
        return _ESCAPED.sub(rb"\1", found[1]) if found else None

    def literal(self) -> bytes | None:
        """``literal = "{" number "}" CRLF *CHAR8``.

        Raises:
            SyntaxFault: it has a NUL; only `literal8` may.
        """
        literal = self._literal()
        if literal is not None and b"\0" in literal:
            raise SyntaxFault("A literal must not contain a NUL octet.")
        return literal

    def literal8(self) -> bytes | None:
        """``literal8 = "~{" number "}" CRLF *OCTET`` [RFC 3516 §7]; any octets."""
        if not self.at(b"~") or self._at + 1 < len(self._line):
            return None
        self._at += 1
        return self._literal()

    def _literal(self) -> bytes | None:
        if self._at < len(self._line) or self._index == len(self._frame.literals):
            return None
        literal = self._frame.literals[self._index]
        self._enter_next_line()
        return literal

    def string(self) -> bytes | None:
        """``string = quoted / literal``."""
        quoted = self.quoted()
        return self.literal() if quoted is None else quoted

    def astring(self) -> bytes | None:
        """``astring = 1*ASTRING-CHAR / string``."""
        found = self.take(_ASTRING_ATOM)
        return found[0] if found else self.string()

    def list_mailbox(self) -> bytes | None:
        """``list-mailbox = 1*list-char / string``."""
        found = self.take(_LIST_ATOM)
        return found[0] if found else self.string()


def _not_zero(number: int | None) -> int | None:
    if number == 0:
        raise SyntaxFault("The number here must not be 0.")
    return number


def bounded_number(digits: bytes, largest: int) -> int:
    """`digits` as a number.  Raises: SyntaxFault: it is above `largest`."""
    significant = digits.lstrip(b"0") or b"0"
    if len(significant) > 19 or (number := int(significant)) > largest:
        raise SyntaxFault(f"A number here must be at most {largest}, found {quoted_back(digits)}.")
    return number


def quoted_back(token: bytes) -> str:
    """`token` for a text: its beginning, in printable ASCII, between backticks."""
    shown = "".join(chr(octet) if 0x20 <= octet < 0x7F else "?" for octet in token[:_SHOWN])
    return f"`{shown}{'...' if len(token) > _SHOWN else ''}`"
