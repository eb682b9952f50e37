"""Telling a patient's application at once that something arrived."""

import asyncio
from collections import Counter

from msgspec import UNSET

from mssante_sim.patient import api
from mssante_sim.patient.calls import Call, Handlers
from mssante_sim.patient.faults import Fault
from mssante_sim.patient.house import House
from mssante_sim.patient.letters import Letters
from mssante_sim.storage.api import Change, Folder

__all__ = ["News"]


class News:
    """What came into INBOX."""

    def __init__(self, house: House, letters: Letters) -> None:
        self._house = house
        self._letters = letters
        self._waiting: Counter[str] = Counter()
        self._closing = asyncio.Event()

    def handlers(self) -> Handlers:
        """Its operation."""
        return {"wait_for_news": self.wait}

    def close(self) -> None:
        """Nobody is kept waiting any more."""
        self._closing.set()

    async def wait(self, call: Call) -> api.Notifications:
        """What arrived, at once if something did, else when it does, or with nothing when the wait is over."""
        query: api.NotificationQuery = call.query
        if self._waiting[call.account] >= self._house.limits.polls:
            raise Fault("too-many-at-once")
        self._waiting[call.account] += 1
        try:
            return await self._wait(call, query)
        finally:
            self._waiting[call.account] -= 1

    async def _wait(self, call: Call, query: api.NotificationQuery) -> api.Notifications:
        folder = await self._house.store.find_folder(call.account, "INBOX")
        changed = asyncio.Event()

        def note(_change: Change) -> None:
            changed.set()

        watch = self._house.store.watch(folder.id, note)
        try:
            after = await self._known(folder, query)
            last = await self._until(call, folder, after, changed, query.wait)
            return await self._news(call.account, folder, after, last)
        finally:
            watch.stop()

    async def _known(self, folder: Folder, query: api.NotificationQuery) -> int:
        """The UID up to which all is known; 0 if that was of a time before all mail was forgotten."""
        if query.after is UNSET:
            return (await self._house.store.status(folder.id)).uidnext - 1
        uidvalidity, _, uid = query.after.partition("-")
        return int(uid) if uidvalidity == str(folder.uidvalidity) else 0

    async def _until(self, call: Call, folder: Folder, after: int, changed: asyncio.Event, wait_s: int) -> int:
        """The last UID, once it is beyond `after`, the time is over, the client is gone or the service stops."""
        ends = [asyncio.ensure_future(call.gone()), asyncio.ensure_future(self._closing.wait())]
        deadline = asyncio.get_running_loop().time() + wait_s
        try:
            while (last := (await self._house.store.status(folder.id)).uidnext - 1) <= after:
                left = deadline - asyncio.get_running_loop().time()
                moved = asyncio.ensure_future(changed.wait())
                done, _ = await asyncio.wait([*ends, moved], timeout=max(0, left), return_when=asyncio.FIRST_COMPLETED)
                moved.cancel()
                if moved not in done:
                    break
                changed.clear()
            return last
        finally:
            for one in ends:
                one.cancel()

    async def _news(self, account: str, folder: Folder, after: int, last: int) -> api.Notifications:
        arrived = await self._letters.received_after(account, after)
        last = max([last, *(one.place.row.uid for one in arrived)])  # some may have come since `last` was read
        told = {one.card.report.original_message_id for one in arrived if one.card.report is not None}
        known = await self._letters.all(account) if told else []
        return api.Notifications(
            messages=[one.id for one in arrived if one.card.report is None],
            updated=[one.id for one in known if not one.received and one.card.message_id in told],
            after=f"{folder.uidvalidity}-{last}",
        )
