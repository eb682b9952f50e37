"""Octets of FETCH answers on their way to the client, however large they are."""

from collections.abc import Sequence

from mssante_sim.imap.commands.context import AnswerBroken, Context
from mssante_sim.imap.core.faults import UnknownEncoding
from mssante_sim.imap.core.fetch_items import BinarySection, BodySection
from mssante_sim.imap.render.sections import StoredMessage
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
            decoded = {item: await message.decoded(item) for item in parts if isinstance(item, BinarySection)}
        except (UnknownEncoding, StoreError):
            await self.send()
            raise
        self.add(head)
        separator = b"" if head.endswith(b"(") else b" "
        try:
            for item in parts:
                self.add(separator + item.label.encode("ascii"))
                if isinstance(item, BinarySection):
                    await self._add_binary(item, decoded[item])
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
        async for piece in message.octets(stretch, self._ctx.services.limits.slice_octets):
            await self._add_large(piece)

    async def _add_binary(self, item: BinarySection, octets: bytes | None) -> None:
        """A literal8 where there is a NUL, else a literal, so that the client need not look [RFC 3516 §4.3]."""
        if item.size:
            self.add(b" %d" % len(octets or b""))
        elif octets is None:
            self.add(b" NIL")
        else:
            self.add(b" %b{%d}\r\n" % (b"~" if b"\0" in octets else b"", len(octets)))
            step = self._ctx.services.limits.slice_octets
            for at in range(0, len(octets), step):
                await self._add_large(octets[at : at + step])

    async def _add_large(self, octets: bytes) -> None:
        self._waiting.append(octets)
        self._octets += len(octets)
        if self._octets >= self._ctx.services.limits.slice_octets:
            await self.send()
