"""Header fields at exact octets; also the door to what reads their values.

Whatever the octets, nothing here raises: a header is somebody else's claim, and
what cannot be read is left out or returned as it stands. Every function takes
time linear in its input; patterns are possessive for that reason.

Lines end with CRLF, or with a bare LF in what a client stored itself.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from mssante_sim.message.addresses import (
    Address,
    AddressList,
    Mailbox,
    complete,
    parse_addresses,
    parse_mailboxes,
)
from mssante_sim.message.parameters import Parameters, content_type, parse_parameters
from mssante_sim.message.text import decode_text, decode_words, unfold

__all__ = [
    "Address", "Field", "Mailbox", "Parameters", "content_type", "decode_text", "decode_words", "fields",
    "header_end", "pairs", "parse_addresses", "parse_mailboxes", "parse_parameters", "single_from", "unfold",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One header field; ``octets[start:end]`` is all of it, line end included."""

    name: str  # lower case
    raw: bytes  # after the colon, folded as it came, without the last line end
    start: int
    end: int


# One field with its continuation lines, or one line that is no field [RFC 5322 §2.2, §4.5].
_FIELD = re.compile(
    rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)"
    rb"|[^\n]*+\n|[^\n]++"
)


def header_end(octets: bytes, start: int = 0, end: int | None = None) -> int:
    """Offset of the body: after the first empty line, or `end` if there is none."""
    end = len(octets) if end is None else end
    for empty in (b"\r\n", b"\n"):
        if octets.startswith(empty, start, end):
            return start + len(empty)
    crlf = octets.find(b"\n\r\n", start, end)
    lf = octets.find(b"\n\n", start, end if crlf < 0 else crlf)
    if lf >= 0:
        return lf + 2
    return end if crlf < 0 else crlf + 3


def fields(octets: bytes, start: int = 0, end: int | None = None) -> list[Field]:
    """The fields of the header that starts at `start`, in order; lines that are no field are passed over."""
    stop = header_end(octets, start, end)
    return [
        Field(str(name, "ascii").lower(), value.removesuffix(b"\r"), found.start(), found.end())
        for found in _FIELD.finditer(octets, start, stop)
        for name, value in (found.groups(),)
        if name
    ]


def pairs(octets: bytes, start: int, end: int) -> list[tuple[str, bytes]]:
    """Name (lower case) and raw value of each field between two offsets: `fields` without the offsets."""
    return [
        (_lower(name), value[:-1] if value[-1:] == b"\r" else value)
        for name, value in _FIELD.findall(octets, start, end)
        if name
    ]


def _lower(name: bytes) -> str:
    """The same few names come again and again; a long one is not worth keeping."""
    return _known_name(name) if len(name) <= _LONGEST_KNOWN else str(name, "ascii").lower()


_LONGEST_KNOWN = 40


@lru_cache(maxsize=1024)
def _known_name(name: bytes) -> str:
    return str(name, "ascii").lower()


def single_from(octets: bytes) -> Address | None:
    """The author of a message whose header names exactly one, without a doubt; else None [RFC 5322 §3.6.2].

    None for no From or two, for two mailboxes, a group, and anything that a
    lenient reader would have to guess: readers guess differently.
    """
    authors = [field for field in fields(octets) if field.name == "from"]
    if len(authors) != 1:
        return None
    read = AddressList(authors[0].raw)
    return complete(read.found[0]) if read.clean and len(read.found) == 1 else None
