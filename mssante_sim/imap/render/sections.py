"""Which octets of a stored message a BODY[…] item asks for, read no further than needed.

A message is the prefix of its delivery followed by its body. Header and text
of the whole message are found by the offset that was stored with it; numbered
parts need the MIME tree, hence all of the body.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from mssante_sim.imap.core.faults import UnknownEncoding
from mssante_sim.imap.core.fetch_items import BodySection, SectionText
from mssante_sim.message.headers import fields
from mssante_sim.message.parts import Part, SectionKind, decoded, find, parse, section
from mssante_sim.storage.api import MailStore, MessageRow
from mssante_sim.storage.errors import StoreCorrupt

__all__ = ["StoredMessage", "Stretch"]

_PARSED_HERE_OCTETS: Final = 1024 * 1024  # up to here the MIME tree takes less than a millisecond
_CHOSEN_HERE_OCTETS: Final = 16 * 1024  # up to here picking fields does


@dataclass(frozen=True, slots=True)
class Stretch:
    """Octets that a section stands for: some at hand, then some of the body that are still to be read."""

    at_hand: bytes
    start: int = 0  # within the body
    length: int = 0

    def __len__(self) -> int:
        return len(self.at_hand) + self.length

    def cut(self, first: int, most: int) -> "Stretch":
        """The part of it that ``<first.most>`` names; nothing if it begins behind the end."""
        at_hand = self.at_hand[first : first + most]
        behind = max(0, first - len(self.at_hand))
        length = max(0, min(self.length - behind, most - len(at_hand)))
        return Stretch(at_hand, self.start + behind, length)


class StoredMessage:
    """One message as FETCH sees it; its MIME tree is made at most once."""

    def __init__(self, store: MailStore, row: MessageRow) -> None:
        assert row.prefix is not None, "the prefix was not read"  # noqa: S101 - items.wanted asks for both
        assert row.header_octets is not None, "no octets were read"  # noqa: S101
        self._store = store
        self._row = row
        self._prefix = row.prefix
        self._header_octets = row.header_octets
        self._body_octets = row.octets - len(row.prefix)
        self._root: Part | None = None
        self._decoded: dict[tuple[int, ...], bytes] = {}

    async def _read(self, start: int, length: int) -> bytes:
        """Octets of the body, from what was read along if they are among that."""
        known = self._row.start
        if known is not None and start + length <= len(known):
            return known[start : start + length]
        return await self._store.read(self._row.body, start, length)

    async def find(self, item: BodySection) -> Stretch | None:
        """What `item` asks for; None if the message has no such part."""
        found = await (self._of_part(item) if item.part else self._of_message(item.text, item))
        if found is None or item.partial is None:
            return found
        return found.cut(*item.partial)

    async def _of_message(self, text: SectionText | None, item: BodySection) -> Stretch:
        match text:
            case None:
                return Stretch(self._prefix, 0, self._body_octets)
            case SectionText.TEXT:
                return Stretch(b"", self._header_octets, self._body_octets - self._header_octets)
            case _:
                header = self._prefix + await self._read(0, self._header_octets)
                return Stretch(header if text is SectionText.HEADER else await _chosen(header, item))

    async def _of_part(self, item: BodySection) -> Stretch | None:
        listed = item.text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT)
        place = section(await self._tree(), item.part, "HEADER" if listed else _KINDS[item.text])
        if place is None:
            return None
        start, end = place
        if listed:
            return Stretch(await _chosen(await self._read(start, end - start), item))
        return Stretch(b"", start, end - start)

    async def _tree(self) -> Part:
        if self._root is None:
            whole = await self._read(0, self._body_octets)
            here = len(whole) <= _PARSED_HERE_OCTETS
            self._root = parse(whole) if here else await asyncio.to_thread(parse, whole)
        return self._root

    async def decoded(self, path: tuple[int, ...]) -> Stretch | bytes | None:
        """The part without its transfer encoding: decoded octets, or where they lie if there is nothing to decode.

        None if the message has no such part.  The whole message, a multipart and a message inside are their octets:
        they have no encoding of their own.  What is decoded is kept: leaves do not overlap, so that all of them
        together are no more than the message.

        Raises:
            UnknownEncoding: nobody knows how to decode the part.
        """
        if not path:
            return Stretch(self._prefix, 0, self._body_octets)
        part = find(await self._tree(), path)
        if part is None:
            return None
        if part.children or part.encoding in _IDENTITIES:
            return Stretch(b"", part.body_start, part.end - part.body_start)
        if part.encoding not in _ENCODED:
            raise UnknownEncoding("A part has a transfer encoding that is not known here.")
        if path not in self._decoded:
            whole = await self._read(0, self._body_octets)
            here = part.end - part.body_start <= _PARSED_HERE_OCTETS
            self._decoded[path] = decoded(whole, part) if here else await asyncio.to_thread(decoded, whole, part)
        return self._decoded[path]

    async def has_nul(self, stretch: Stretch, slice_octets: int) -> bool:
        """Whether a NUL is among the octets of `stretch`."""
        async for piece in self.octets(stretch, slice_octets):
            if b"\0" in piece:
                return True
        return False

    async def octets(self, stretch: Stretch, slice_octets: int) -> AsyncIterator[bytes]:
        """The octets of `stretch`, in pieces of at most `slice_octets` that are read one by one.

        Raises:
            StoreCorrupt: the body is shorter than its row says.
        """
        for at in range(0, len(stretch.at_hand), slice_octets):
            yield stretch.at_hand[at : at + slice_octets]
        at, end = stretch.start, stretch.start + stretch.length
        while at < end:
            piece = await self._read(at, min(slice_octets, end - at))
            if not piece:
                raise StoreCorrupt("A message is damaged.", detail=f"body {self._row.body} ends at {at}, not {end}")
            at += len(piece)
            yield piece


_KINDS: Final[dict[SectionText | None, SectionKind]] = {
    None: "",
    SectionText.HEADER: "HEADER",
    SectionText.TEXT: "TEXT",
    SectionText.MIME: "MIME",
}


_IDENTITIES: Final = frozenset({"7bit", "8bit", "binary"})
_ENCODED: Final = frozenset({"base64", "quoted-printable"})


async def _chosen(header: bytes, item: BodySection) -> bytes:
    """What `_fields_of` says; a header of a megabyte is looked through beside the loop."""
    if len(header) <= _CHOSEN_HERE_OCTETS:
        return _fields_of(header, item)
    return await asyncio.to_thread(_fields_of, header, item)


def _fields_of(header: bytes, item: BodySection) -> bytes:
    """The fields that HEADER.FIELDS (or .NOT) names, then the empty line [RFC 3501 §6.4.5]."""
    names = {name.lower() for name in item.fields}
    keep: Callable[[str], bool] = (
        names.__contains__ if item.text is SectionText.HEADER_FIELDS else lambda name: name not in names
    )
    chosen = [header[field.start : field.end] for field in fields(header) if keep(field.name)]
    return b"".join((*chosen, b"\r\n"))
