"""The MIME tree of a message as offsets into octets that are never copied or rebuilt.

A multipart is cut where its delimiter lines stand [RFC 2046 §5.1.1]; a delimiter
is the whole line, so that a boundary which starts like another one is no trap
[our choice; the RFC lets a reader look at the beginning only]. What lacks its
closing delimiter ends where its parent ends. What is broken or beyond the limits
is a leaf. Nothing here raises.
"""

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pybase64

from mssante_sim.message.headers import (
    Parameters,
    content_type,
    decode_text,
    header_end,
    pairs,
    parse_parameters,
)

__all__ = ["MAX_DELIMITERS", "MAX_DEPTH", "MAX_HEADER_OCTETS", "Part", "SectionKind", "decoded", "filename",
           "find", "parse", "section", "walk"]  # fmt: skip

MAX_DEPTH = 32  # of containers in containers; one pass over the octets is made for each
MAX_DELIMITERS = 2_000  # lines of one message that start like a delimiter, those that are none included
MAX_HEADER_OCTETS = 262_144  # of one header; fields beyond are not seen

SectionKind = Literal["", "HEADER", "TEXT", "MIME"]


@dataclass(frozen=True, slots=True)
class Part:
    """One entity: header from `header_start` to `body_start`, body from there to `end`.

    Offsets count from the first octet of the whole message.
    `children` are the parts of a multipart, or the one message inside a message/rfc822; a leaf has none.
    """

    header_start: int
    body_start: int  # behind the empty line
    end: int
    content_type: str  # lower case; the default of its place if there is none
    params: Parameters
    header: Mapping[str, bytes]  # name in lower case: raw value; the first of several, lists of addresses joined
    lines: int  # line ends in the body; counted for message/rfc822 and what IMAP shows as a text only
    children: tuple["Part", ...] = ()

    @property
    def encoding(self) -> str:
        """The transfer encoding in lower case, "7bit" if there is none [RFC 2045 §6.1]."""
        raw = self.header.get("content-transfer-encoding")
        return decode_text(parse_parameters(raw)[0]).lower() if raw else "7bit"

    @property
    def disposition(self) -> str | None:
        """The disposition in lower case, if there is one [RFC 2183]."""
        raw = self.header.get("content-disposition")
        return (raw and decode_text(parse_parameters(raw)[0]).lower()) or None

    @property
    def filename(self) -> str | None:
        """The name its sender gave it, decoded; any characters, never to be used as a path as it is."""
        return filename(self)

    @property
    def message(self) -> "Part | None":
        """The message inside, if this is a message/rfc822 that was opened."""
        return self.children[0] if self.children and self.content_type == "message/rfc822" else None

    @property
    def is_multipart(self) -> bool:
        """Whether the children are the parts of a multipart."""
        return bool(self.children) and self.content_type.startswith("multipart/")


# Merged as if one field held them all: a reader who looks at the last must not see another sender than we do.
_ADDRESS_FIELDS = frozenset({"from", "sender", "reply-to", "to", "cc", "bcc", "disposition-notification-to"})


def _header(octets: bytes, start: int, end: int) -> dict[str, bytes]:
    header: dict[str, bytes] = {}
    again: dict[str, list[bytes]] = {}
    for name, raw in pairs(octets, start, min(end, start + MAX_HEADER_OCTETS)):
        if header.setdefault(name, raw) is not raw and name in _ADDRESS_FIELDS:
            again.setdefault(name, [header[name]]).append(raw)
    for name, several in again.items():
        header[name] = b",".join(several)
    return header


_END_OF_LINE = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\Z)")


def parse(octets: bytes) -> Part:
    """The tree of a whole message."""
    return _Reader(octets).entity(0, len(octets), "text/plain", MAX_DEPTH)


class _Reader:
    """Reads one message within the limits."""

    __slots__ = ("_delimiters_left", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._delimiters_left = MAX_DELIMITERS

    def entity(self, start: int, end: int, default_type: str, depth: int) -> Part:
        """The entity between two offsets, with containers opened `depth` levels deep."""
        body = header_end(self._octets, start, end)
        header = _header(self._octets, start, body)
        kind, params = content_type(header.get("content-type"), default_type)
        children: tuple[Part, ...] = ()
        if depth > 0 and kind.startswith("multipart/"):
            inner_type = "message/rfc822" if kind == "multipart/digest" else "text/plain"  # [RFC 2046 §5.1.5]
            cuts = self._cuts(body, end, _boundary(params))
            children = tuple(self.entity(*cut, inner_type, depth - 1) for cut in cuts)
        elif depth > 0 and kind == "message/rfc822" and _is_identity(header):
            children = (self.entity(body, end, "text/plain", depth - 1),)
        counted = kind == "message/rfc822" or (kind.startswith(("text/", "multipart/")) and not children)
        lines = self._octets.count(b"\n", body, end) if counted else 0
        return Part(start, body, end, kind, params, header, lines, children)

    def _cuts(self, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
        """Start and end of each part; the line end before a delimiter belongs to the delimiter."""
        cuts: list[tuple[int, int]] = []
        if not boundary:
            return cuts
        octets, line, part_start = self._octets, b"\n--" + boundary, -1
        # The first delimiter may open the body; the line end before it is then the header's.
        opens = octets.startswith(line[1:], start, end)
        found = start - 1 if opens else octets.find(line, start, end)
        while found >= 0 and self._delimiters_left > 0:
            self._delimiters_left -= 1
            after = found + len(line)
            if rest := _END_OF_LINE.match(octets, after, end):
                if part_start >= 0:
                    before = found - (octets[found - 1] == 0x0D)
                    cuts.append((part_start, max(part_start, before)))
                if rest[1]:
                    return cuts
                part_start, after = rest.end(), rest.end() - 1
            found = octets.find(line, after, end)
        if part_start >= 0:
            cuts.append((part_start, end))
        return cuts


def _is_identity(header: Mapping[str, bytes]) -> bool:
    """Whether the body is not encoded; a message/rfc822 never may be [RFC 2046 §5.2.1]."""
    encoding = header.get("content-transfer-encoding", b"7bit").strip().lower()
    return encoding in {b"7bit", b"8bit", b"binary"}


def _boundary(params: Parameters) -> bytes:
    return next((value.rstrip(b" \t") for name, value in params.pairs if name == "boundary"), b"")


def walk(part: Part) -> Iterator[Part]:
    """`part` and everything in it, in the order of the octets."""
    yield part
    for child in part.children:
        yield from walk(child)


def find(root: Part, path: Sequence[int]) -> Part | None:
    """The part with IMAP's numbers `path`, `root` for none of them [RFC 9051 §6.4.5.1].

    A message that is no multipart has one part, number 1: itself. The numbers of a
    message/rfc822 go on inside its message.
    """
    part, message = root, root if path else None
    for number in path:
        holder = message or part
        if holder.is_multipart and 1 <= number <= len(holder.children):
            part = holder.children[number - 1]
        elif message and number == 1:
            part = holder
        else:
            return None
        message = part.message
    return part


def section(root: Part, path: Sequence[int], kind: SectionKind = "") -> tuple[int, int] | None:
    """Start and end of what BODY[path.kind] returns; None if there is no such section [RFC 9051 §6.4.5].

    HEADER and TEXT exist for the whole message and for a message/rfc822, MIME for numbered parts only.
    """
    part = find(root, path)
    if part is None or (kind == "MIME" and not path):
        return None
    if kind == "MIME":
        return part.header_start, part.body_start
    if kind == "":
        return part.body_start if path else part.header_start, part.end
    message = part.message if path else root
    if message is None:
        return None
    return (message.header_start, message.body_start) if kind == "HEADER" else (message.body_start, message.end)


def filename(part: Part) -> str | None:
    """The decoded file name of `part`: of its disposition, else of its type [RFC 2183 §2.3]."""
    raw = part.header.get("content-disposition")
    name = parse_parameters(raw)[1].get("filename") if raw else None
    return name or part.params.get("name") or None


# The blanks before a line end were added on the way [RFC 2045 §6.7 (3)].
_BLANKS_AT_LINE_END = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_PADDING = re.compile(rb"=++")


def decoded(octets: bytes, part: Part) -> bytes:
    """The body of `part` without its transfer encoding; an unknown one is left as it is [RFC 2045 §6]."""
    body = octets[part.body_start : part.end]
    match part.encoding:
        case "base64":
            return _from_base64(body)
        case "quoted-printable":
            return binascii.a2b_qp(_BLANKS_AT_LINE_END.sub(b"", body))
        case _:
            return body


def _from_base64(body: bytes) -> bytes:
    """Everything that is base64 in `body`: strangers are passed over, padding may stand anywhere."""
    padding = body.find(b"=")
    if padding < 0 or not body[padding:].strip(b"=\r\n\t "):
        try:
            return pybase64.b64decode(body)
        except ValueError:  # binascii.Error is one
            pass
    runs = _PADDING.split(body.translate(None, _NOT_BASE64))
    usable = [run[: len(run) - (len(run) % 4 == 1)] for run in runs]
    return b"".join([pybase64.b64decode(run + b"=="[: -len(run) % 4]) for run in usable])
