"""What a patient keeps, as messages sealed to the patient in folders of the patient's own account.

Inside the envelope lies a whole message with all its fields; outside stand only From,
Date, Message-ID and a subject that says nothing. So nothing is in clear on the disk,
a mail program that has the patient's key shows everything, and a renewed certificate
leaves what is old readable, for every key of the patient is tried.
"""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mssante_sim.crypto.smime import envelop
from mssante_sim.crypto.unsealing import opened
from mssante_sim.message.compose import date_value
from mssante_sim.message.summary import Summary, summarise
from mssante_sim.patient.house import House
from mssante_sim.patient.keys import Keys
from mssante_sim.storage.api import (
    FlagChange,
    FlagMode,
    Folder,
    FolderSpec,
    MessageRow,
    NewMessage,
    Uid,
    Want,
)
from mssante_sim.storage.errors import FolderExists, FolderMissing, StoreBusy

__all__ = ["Locker", "Place", "new_message_id"]

_DELETED: Final = FlagChange(FlagMode.ADD, frozenset({"\\Deleted"}))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kept message lies; `id` is its name outside."""

    folder: Folder
    row: MessageRow

    @property
    def id(self) -> str:
        """The same across restarts; of another one as soon as all mail was forgotten."""
        return f"{self.folder.uidvalidity}-{self.row.uid}"

    @property
    def key(self) -> tuple[int, int]:
        """What facts about the message may be cached by: it never changes."""
        return self.folder.id, self.row.uid


class Locker:
    """Sealed messages in one folder of each account, made when it is first needed."""

    def __init__(self, house: House, keys: Keys, folder: FolderSpec, flags: frozenset[str]) -> None:
        self._house = house
        self._keys = keys
        self._spec = folder
        self._flags = flags | {"\\Seen"}

    async def keep(self, account: str, entity: bytes) -> Place:
        """`entity` lies in the locker of `account`.

        Raises: NoKey, StoreError.
        """
        owned = await self._keys.of(account)
        at = self._house.clock.now()
        octets, summary = await self._house.work(_sealed, entity, owned.certificate, account, at)
        folder = await self._folder(account)
        (placed,) = await self._house.store.append(
            folder.id, [NewMessage(octets, summary, internal_date=at, flags=self._flags)]
        )
        place = await self.find(account, f"{placed.uidvalidity}-{placed.uid}")
        if place is None:
            raise StoreBusy("All mail was forgotten while this was being kept.")
        return place

    async def places(self, account: str) -> AsyncIterator[Place]:
        """Everything that `account` keeps, the oldest first."""
        try:
            folder = await self._house.store.find_folder(account, self._spec.name)
        except FolderMissing:
            return
        snapshot = await self._house.store.snapshot(folder.id)
        async for rows in self._house.store.rows(folder.id, snapshot.uids, Want.DATES):
            for row in rows:
                if "\\Deleted" not in row.flags:
                    yield Place(folder, row)

    async def find(self, account: str, wanted: str) -> Place | None:
        """The place that `wanted` names in the locker of `account`."""
        uidvalidity, _, uid = wanted.partition("-")
        if not (uid.isascii() and uid.isdecimal() and len(uid) <= 10):
            return None
        try:
            folder = await self._house.store.find_folder(account, self._spec.name)
        except FolderMissing:
            return None
        if str(folder.uidvalidity) != uidvalidity:
            return None
        async for rows in self._house.store.rows(folder.id, [Uid(int(uid))], Want.DATES):
            for row in rows:
                if "\\Deleted" not in row.flags:
                    return Place(folder, row)
        return None

    async def open(self, account: str, place: Place) -> bytes:
        """The entity that was kept.  Raises: Unreadable, StoreError."""
        octets = await self._house.read(place.row)
        owned = await self._keys.of(account)
        return await self._house.work(opened, octets, owned.identities)

    async def discard(self, place: Place) -> None:
        """It is gone."""
        await self._house.store.change_flags(place.folder.id, [place.row.uid], _DELETED)
        await self._house.store.expunge(place.folder.id, [place.row.uid])

    async def _folder(self, account: str) -> Folder:
        store = self._house.store
        try:
            return await store.find_folder(account, self._spec.name)
        except FolderMissing:
            try:
                return await store.create_folder(account, self._spec)
            except FolderExists:  # at the same time, for another request
                return await store.find_folder(account, self._spec.name)


def new_message_id(address: str) -> str:
    """A Message-ID in the domain of `address` that nobody has used."""
    return f"<{secrets.token_hex(12)}@{address.rpartition('@')[2]}>"


def _sealed(entity: bytes, certificate: bytes, account: str, at: datetime) -> tuple[bytes, Summary]:
    head = (
        f"Date: {date_value(at)}\r\nFrom: <{account}>\r\nSubject: [...]\r\n"
        f"Message-ID: {new_message_id(account)}\r\nMIME-Version: 1.0\r\n"
    )
    octets = b"".join((head.encode("ascii"), envelop(entity, [certificate])))
    return octets, summarise(octets)
