"""A DER writer and a bounded BER reader: as much of X.690 as CMS needs.

Writing is concatenation; the caller sorts what must be sorted (`set_of`).
Reading is lazy and copies nothing: an `Element` is a window on the octets it
came from. Whatever the octets are, reading gives elements or raises
`Malformed`, nothing else, in a time proportional to their number; what is read
of them comes to an end, however it is nested and however often it is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from mssante_sim.errors import SimulatorError

__all__ = [
    "BIT_STRING",
    "BOOLEAN",
    "INTEGER",
    "NULL",
    "OCTET_STRING",
    "OID",
    "SEQUENCE",
    "SET",
    "Element",
    "Malformed",
    "context",
    "generalized_time",
    "header",
    "indefinite",
    "integer",
    "object_identifier",
    "octet_string",
    "parse",
    "sequence",
    "set_of",
    "tlv",
    "utc_time",
]

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31

_CONSTRUCTED: Final = 0x20
_CONTEXT: Final = 0x80
_DEPTH_LIMIT: Final = 32
_MOST_VALUES: Final = 100_000  # read of one `parse`: 25 MB in pieces of 1000 octets are 26,000  [X.690 §9.2]
_LENGTH_OCTETS: Final = 4
_MOST_OCTETS: Final = 64 * 1024 * 1024  # twice a message of 25 MB, which nests a second one at most


class Malformed(SimulatorError):
    """The octets are not the structure they should be, or go past a limit."""

    def __init__(self, detail: str) -> None:
        super().__init__("The message's cryptographic data is damaged.", detail=detail)


def header(tag: int, length: int) -> bytes:
    """The identifier and length octets of a value of `length` octets.  [X.690 §10.1]"""
    if length < 0x80:
        return bytes((tag, length))
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big")


def tlv(tag: int, *parts: bytes | memoryview) -> bytes:
    """One value whose content is the concatenation of `parts`."""
    if len(parts) == 1:
        return header(tag, len(parts[0])) + parts[0]
    return b"".join((header(tag, sum(map(len, parts))), *parts))


def sequence(*parts: bytes | memoryview) -> bytes:
    """A SEQUENCE of already encoded `parts`."""
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """A SET OF with its members in the order that DER wants.  [X.690 §11.6]"""
    return tlv(SET, *sorted(parts))


def context(number: int, *parts: bytes | memoryview) -> bytes:
    """A constructed value with context tag `number` (at most 30)."""
    return tlv(_CONTEXT | _CONSTRUCTED | number, *parts)


def indefinite(tag: int, *parts: bytes | memoryview) -> bytes:
    """A constructed value of indefinite length: BER, written by nothing here but on purpose.  [X.690 §8.1.3.6]"""
    return b"".join((bytes((tag, 0x80)), *parts, b"\0\0"))


def integer(number: int) -> bytes:
    """An INTEGER, in the fewest octets."""
    return tlv(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def octet_string(octets: bytes) -> bytes:
    """An OCTET STRING, primitive."""
    return tlv(OCTET_STRING, octets)


def object_identifier(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form; the form is trusted.  [X.690 §8.19]"""
    first, second, *rest = map(int, dotted.split("."))
    octets = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        octets += bytes(reversed(groups))
    return tlv(OID, bytes(octets))


def utc_time(at: datetime) -> bytes:
    """`at` to the second, as UTCTime to 2049 and GeneralizedTime after.  [RFC 5652 §11.3]"""
    text = _to_the_second(at)
    return tlv(UTC_TIME, text[2:]) if b"1950" <= text[:4] < b"2050" else tlv(GENERALIZED_TIME, text)


def generalized_time(at: datetime) -> bytes:
    """`at` to the second, as GeneralizedTime."""
    return tlv(GENERALIZED_TIME, _to_the_second(at))


def _to_the_second(at: datetime) -> bytes:
    at = at.astimezone(UTC)
    # Not strftime, which takes ten times as long, and does not fill a year with zeros everywhere.
    return b"%04d%02d%02d%02d%02d%02dZ" % (at.year, at.month, at.day, at.hour, at.minute, at.second)


@dataclass(frozen=True, slots=True)
class Element:
    """One BER value; `octets` and `content` are windows on what was parsed.

    Attributes:
        tag: the identifier octet.
        octets: the whole value as it came, header included.
        content: without header, and without the end-of-contents octets of an indefinite length.
    """

    tag: int
    octets: memoryview
    content: memoryview
    _depth: int
    _budget: "_Budget" = field(compare=False, repr=False)
    _nested: "tuple[Element, ...] | None" = None  # known already when the length was indefinite

    @property
    def definite(self) -> bool:
        """Whether the length was given in front; signed attributes must be so."""
        return self._nested is None

    def children(self, at_least: int = 0) -> "tuple[Element, ...]":
        """The values inside this constructed one, `at_least` so many.

        Raises:
            Malformed: it is primitive, broken, too deep, or holds too many or too few.
        """
        if not self.tag & _CONSTRUCTED:
            raise Malformed("a primitive value where a constructed one belongs")
        found = self._nested
        if found is None:
            found = _Reader(self.content, self._budget).until_end(self._depth + 1)
        if len(found) < at_least:
            raise Malformed("fields are missing")
        return found

    def expect(self, tag: int) -> "Element":
        """This element, which has `tag`.

        Raises:
            Malformed: it has another.
        """
        if self.tag != tag:
            raise Malformed(f"tag {self.tag:#04x} where {tag:#04x} belongs")
        return self

    def pieces(self) -> Iterator[memoryview]:
        """The content of a string, in as many windows as it was cut into.  [X.690 §8.7.3]

        Raises:
            Malformed: a piece is not an OCTET STRING.
        """
        if not self.tag & _CONSTRUCTED:
            yield self.content
            return
        for child in self.children():
            if child.tag & ~_CONSTRUCTED != OCTET_STRING:
                raise Malformed("a string is made of something else")
            yield from child.pieces()

    def string(self) -> bytes:
        """The content of a short string, joined."""
        return b"".join(self.pieces())

    def number(self) -> int:
        """The value of an INTEGER of at most 64 octets, which holds any serial number.

        Raises:
            Malformed: it is not one.
        """
        if self.tag != INTEGER or not 1 <= len(self.content) <= 64:
            raise Malformed("an integer is missing or too long")
        return int.from_bytes(self.content, "big", signed=True)

    def instant(self) -> datetime:
        """The value of a UTCTime or GeneralizedTime in UTC, to the second.  [RFC 5652 §11.3]

        Raises:
            Malformed: it is neither.
        """
        form = {UTC_TIME: "%y%m%d%H%M%SZ", GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(self.tag)
        if form is None or len(self.content) > 15:
            raise Malformed("a time is missing or too long")
        try:
            at = datetime.strptime(bytes(self.content).decode("ascii"), form).replace(tzinfo=UTC)
        except ValueError as error:
            raise Malformed("a time has another form") from error
        if self.tag == UTC_TIME and at.year >= 2050:  # strptime turns at 69, X.509 at 50  [RFC 5280 §4.1.2.5.1]
            return at.replace(year=at.year - 100)
        return at


def parse(octets: bytes | memoryview) -> Element:
    """The one value that `octets` hold, with nothing after it.

    Raises:
        Malformed: there is none, something follows, or they are more than 64 MB.
    """
    if len(octets) > _MOST_OCTETS:
        raise Malformed("more than 64 MB")
    reader = _Reader(memoryview(octets), _Budget())
    element = reader.element(0)
    if reader.position != reader.end:
        raise Malformed("octets follow the value")
    return element


class _Budget:
    """How many values may still be read of what was parsed."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _MOST_VALUES


class _Reader:
    """Walks once over a window; what has a definite length is stepped over."""

    __slots__ = ("budget", "end", "position", "view")

    def __init__(self, view: memoryview, budget: _Budget) -> None:
        self.view, self.position, self.end, self.budget = view, 0, len(view), budget

    def until_end(self, depth: int) -> tuple[Element, ...]:
        found: list[Element] = []
        while self.position < self.end:
            found.append(self.element(depth))
        return tuple(found)

    def element(self, depth: int) -> Element:
        if depth > _DEPTH_LIMIT:
            raise Malformed("nested too deeply")
        self.budget.left -= 1
        if self.budget.left < 0:
            raise Malformed("too many values")
        start = self.position
        tag, length = self._header()
        body = self.position
        if length is None:
            nested = self._until_end_of_contents(depth + 1)
            content = self.view[body : self.position - 2]
            return Element(tag, self.view[start : self.position], content, depth, self.budget, nested)
        if length > self.end - body:
            raise Malformed("a value ends after its container")
        self.position = body + length
        return Element(tag, self.view[start : self.position], self.view[body : self.position], depth, self.budget)

    def _header(self) -> tuple[int, int | None]:
        """Tag and length; None is an indefinite length.  [X.690 §8.1.2-8.1.3]"""
        view, at = self.view, self.position
        if self.end - at < 2:
            raise Malformed("a value is cut short")
        tag, length = view[at], view[at + 1]
        if tag & 0x1F == 0x1F:
            raise Malformed("a tag number above 30")
        self.position = at + 2
        if length < 0x80:
            return tag, length
        if length == 0x80:
            if not tag & _CONSTRUCTED:
                raise Malformed("a primitive value of indefinite length")
            return tag, None
        size = length & 0x7F
        if size > _LENGTH_OCTETS or size > self.end - self.position:
            raise Malformed("a length is too long")
        self.position += size
        return tag, int.from_bytes(view[at + 2 : self.position], "big")

    def _until_end_of_contents(self, depth: int) -> tuple[Element, ...]:
        found: list[Element] = []
        while True:
            element = self.element(depth)
            if element.tag == 0:
                if len(element.octets) != 2:
                    raise Malformed("end of contents with contents")
                return tuple(found)
            found.append(element)
