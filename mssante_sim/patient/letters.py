"""A patient's messages, received and sent, with the facts that threads and lists are made of.

To know the names of attachments a message must be decrypted; what was learnt is
remembered in memory, for a message never changes.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from mssante_sim.crypto.unsealing import Unreadable, unseal
from mssante_sim.message.contents import files_of
from mssante_sim.message.headers import decode_words, fields, parse_addresses, single_from, unfold
from mssante_sim.message.parts import Part, decoded, parse
from mssante_sim.message.reports import Failure, Receipt, read_report
from mssante_sim.message.threads import answer_references, message_id_of, references_of
from mssante_sim.patient.api import Attachment
from mssante_sim.patient.conversation import read_writing
from mssante_sim.patient.house import House
from mssante_sim.patient.keys import Keys, Owned
from mssante_sim.patient.locker import Place
from mssante_sim.recent import Recent
from mssante_sim.storage.api import Folder, Uid, Want
from mssante_sim.storage.errors import FolderMissing

__all__ = ["Card", "Letter", "Letters", "attachments_of", "subject_of"]

_FOLDERS: Final = {"r": "INBOX", "s": "Sent"}  # by the first letter of an id


@dataclass(frozen=True, slots=True)
class Card:
    """What never changes of a message.

    Attributes:
        other: the address at the other end, in lower case; "" if it cannot be told.
        other_name: what that end calls itself.
        answers: the Message-ID that it answers, if it says so.
        reply: In-Reply-To and References of an answer to it.
        contact: the address that answers to it should go to, if the other end wrote it and named another one.
        report: what it says of another message, if it is a receipt or tells of a failure.
    """

    other: str
    other_name: str
    subject: str
    message_id: str | None
    references: tuple[str, ...]
    reply: tuple[str | None, tuple[str, ...]]
    attachments: tuple[Attachment, ...]
    contact: str | None
    report: Receipt | Failure | None

    @property
    def answers(self) -> str | None:
        """The nearest of what it refers to."""
        return self.references[-1] if self.references else None


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in its folder."""

    place: Place
    received: bool
    card: Card

    @property
    def id(self) -> str:
        """Its name outside."""
        return ("r" if self.received else "s") + self.place.id

    @property
    def return_path(self) -> str | None:
        """Where the server that delivered it would report a failure: "<>" nowhere; None if none delivered it."""
        for one in fields(self.place.row.prefix or b""):
            if one.name == "return-path":
                return unfold(one.raw).decode("latin-1").strip()
        return None


class Letters:
    """The letters of every patient."""

    def __init__(self, house: House, keys: Keys) -> None:
        self._house = house
        self._keys = keys
        self._cards: Recent[tuple[int, int], Card] = Recent(50_000)

    async def all(self, account: str) -> list[Letter]:
        """Everything received and sent, reports too."""
        return [
            await self._letter(account, place, received=first == "r")
            for first in _FOLDERS
            async for place in self._places(account, first)
        ]

    async def received_after(self, account: str, uid: int) -> list[Letter]:
        """What came into INBOX with a greater UID, the oldest first."""
        folder = await self._folder(account, "r")
        known = (await self._house.store.snapshot(folder.id)).uids if folder else ()
        later = [one for one in known if one > uid]
        return [await self._letter(account, place, received=True) async for place in self._places(account, "r", later)]

    async def find(self, account: str, wanted: str) -> Letter | None:
        """The letter of that id."""
        first, (uidvalidity, _, uid) = wanted[:1], wanted[1:].partition("-")
        if first not in _FOLDERS or not (uid.isascii() and uid.isdecimal() and len(uid) <= 10):
            return None
        async for place in self._places(account, first, [Uid(int(uid))]):
            if str(place.folder.uidvalidity) == uidvalidity:
                return await self._letter(account, place, received=first == "r")
        return None

    async def sent_with(self, account: str, message_id: str) -> str | None:
        """The id of the message sent with that Message-ID."""
        folder = await self._folder(account, "s")
        if folder is None:
            return None
        snapshot = await self._house.store.snapshot(folder.id)
        found = None
        async for rows in self._house.store.rows(folder.id, snapshot.uids, Want.SUMMARY):
            for row in rows:
                if row.summary is not None and row.summary.message_id == message_id:
                    found = f"s{folder.uidvalidity}-{row.uid}"
        return found

    async def _places(self, account: str, first: str, uids: Sequence[Uid] | None = None) -> AsyncIterator[Place]:
        folder = await self._folder(account, first)
        if folder is None:
            return
        if uids is None:
            uids = (await self._house.store.snapshot(folder.id)).uids
        async for rows in self._house.store.rows(folder.id, uids, Want.DATES | Want.PREFIX):
            for row in rows:
                if "\\Deleted" not in row.flags:
                    yield Place(folder, row)

    async def _folder(self, account: str, first: str) -> Folder | None:
        try:
            return await self._house.store.find_folder(account, _FOLDERS[first])
        except FolderMissing:
            return None

    async def _letter(self, account: str, place: Place, *, received: bool) -> Letter:
        card = self._cards.get(place.key)
        if card is None:
            octets = await self._house.read(place.row)
            owned = await self._keys.of(account)
            card = await self._house.work(_card, octets, owned, received=received)
            self._cards.put(place.key, card)
        return Letter(place, received, card)


def attachments_of(octets: bytes, root: Part) -> tuple[Attachment, ...]:
    """The files of a message, without their octets."""
    return tuple(
        Attachment(number, part.filename or "", part.content_type, len(decoded(octets, part)))
        for number, part in enumerate(files_of(root), start=1)
    )


def subject_of(root: Part, outer: Part) -> str:
    """The subject inside, which the one outside may hide."""
    return decode_words(root.header.get("subject", b"")) or decode_words(outer.header.get("subject", b""))


def _card(octets: bytes, owned: Owned, *, received: bool) -> Card:
    outer = parse(octets)
    try:
        entity = unseal(octets, owned.identities, owned.trust, at=()).content  # who signed is for who opens it
    except Unreadable:  # for a key that is gone; what stands outside is known all the same
        entity = b""
    root = parse(entity)
    end = single_from(octets) if received else next(iter(parse_addresses(outer.header.get("to", b""))), None)
    reply_to = read_writing(fields(octets)).reply_to if received else None
    return Card(
        other=end.address.lower() if end else "",
        other_name=end.name if end else "",
        subject=subject_of(root, outer),
        message_id=message_id_of(outer.header),
        references=references_of(outer.header),
        reply=answer_references(outer.header),
        attachments=attachments_of(entity, root),
        contact=reply_to,
        report=read_report(_outer(octets) + entity) if received else None,
    )


def _outer(octets: bytes) -> bytes:
    """Fields that tell of the message, not of its envelope; where none was, those of the content come first."""
    return b"".join(octets[one.start : one.end] for one in fields(octets) if not one.name.startswith("content-"))
