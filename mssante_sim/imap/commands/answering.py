"""Octets of FETCH answers on their way to the client, however large they are."""

from collections.abc import Sequence

from mssante_sim.imap.commands.context import AnswerBroken, Context
from mssante_sim.imap.core.faults import UnknownEncoding
from mssante_sim.imap.core.fetch_items import BinarySection, BodySection
from mssante_sim.imap.render.sections import StoredMessage, Stretch
from mssante_sim.storage.api import MessageRow
from mssante_sim.storage.errors import StoreError

__all__ = ["Answers"]


class Answers:
    """Answers to one slice of messages, gathered into writes of about one slice of octets."""

    __slots__ = ("_ctx", "_octets", "_waiting")

    def __init__(self, ctx: Context, waiting: list[bytes]) -> None:
        self._ctx = ctx
        self._waiting = waiting
        self._octets = 0

    def add(self, octets: bytes) -> None:
        """`octets` follow; they are small."""
        self._waiting.append(octets)

    async def send(self) -> None:
        """What has gathered is sent."""
        octets = b"".join(self._waiting)
        self._waiting, self._octets = [], 0
        await self._ctx.send(octets)

    async def add_parts(self, head: bytes, row: MessageRow, parts: Sequence[BodySection | BinarySection]) -> None:
        """The answer that `head` begins follows, with `parts` of the message, to its end.

        Raises:
            UnknownEncoding: a part cannot be decoded; what was gathered before is sent, nothing of this message is.
            AnswerBroken: the store fails in the middle of the answer, which cannot be taken back.
        """
        message = StoredMessage(self._ctx.store, row)
        try:
            for item in parts:
                if isinstance(item, BinarySection):
                    await message.decoded(item.part)
        except (UnknownEncoding, StoreError):
            await self.send()
            raise
        self.add(head)
        separator = b"" if head.endswith(b"(") else b" "
        try:
            for item in parts:
                self.add(separator + item.label.encode("ascii"))
                if isinstance(item, BinarySection):
                    await self._add_binary(message, item)
                else:
                    await self._add_section(message, item)
                separator = b" "
        except StoreError as error:
            raise AnswerBroken(error.detail) from error
        self.add(b")\r\n")

    async def _add_section(self, message: StoredMessage, item: BodySection) -> None:
        stretch = await message.find(item)
        if stretch is None:
            self.add(b" NIL")
            return
        self.add(b" {%d}\r\n" % len(stretch))
        await self._add_stretch(message, stretch)

    async def _add_binary(self, message: StoredMessage, item: BinarySection) -> None:
        """A literal8 where there is a NUL, else a literal, so that the client need not look [RFC 3516 §4.3]."""
        found = await message.decoded(item.part)
        if item.size:
            self.add(b" %d" % len(found or b""))
            return
        if found is None:
            self.add(b" NIL")
            return
        stretch = found if isinstance(found, Stretch) else Stretch(found)
        if item.partial is not None:
            stretch = stretch.cut(*item.partial)
        has_nul = await message.has_nul(stretch, self._step)
        self.add(b" %b{%d}\r\n" % (b"~" if has_nul else b"", len(stretch)))
        await self._add_stretch(message, stretch)

    async def _add_stretch(self, message: StoredMessage, stretch: Stretch) -> None:
        async for piece in message.octets(stretch, self._step):
            await self._add_large(piece)

    @property
    def _step(self) -> int:
        return self._ctx.services.limits.slice_octets

    async def _add_large(self, octets: bytes) -> None:
        self._waiting.append(octets)
        self._octets += len(octets)
        if self._octets >= self._step:
            await self.send()
