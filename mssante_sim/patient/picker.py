"""Choosing whom to write to, without ever seeing an address: visited pharmacies, and a search by name and place."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final, Literal, cast

from mssante_sim.directory.model import Mailbox, Organisation, OrganisationKind
from mssante_sim.directory.search import SearchError, read_query, words
from mssante_sim.directory.store import Absence, Directory, Hit
from mssante_sim.patient import api
from mssante_sim.patient.calls import Call, Handlers
from mssante_sim.patient.faults import Fault
from mssante_sim.patient.house import House

__all__ = ["DELIVERED", "Picker", "label_of", "party_of"]

DELIVERED: Final = "$mss_delivree"  # keyword that the pharmacy sets
_NAMESAKES: Final = 100  # of a place that is named, as many as are looked at
_PAGE: Final = 20
_STRANGER: Final = "Correspondant inconnu"
_VISITED_FOR: Final = timedelta(days=365)


class Picker:
    """The patient's recipient picker."""

    def __init__(self, house: House) -> None:
        self._house = house

    def handlers(self) -> Handlers:
        """Its operations."""
        return {
            "search_pharmacies": self.search,
            "visited_pharmacies": self.visited,
            "show_pharmacy": self.show,
        }

    async def search(self, call: Call) -> api.PharmacyPage:
        """A page of pharmacies, in an order that pages can rely on."""
        query: api.PharmacyQuery = call.query
        try:
            hits = self._house.directory.search(
                query.name, query.place, limit=_PAGE + 1, offset=(query.page - 1) * _PAGE
            )
        except SearchError as error:
            raise Fault("nothing-to-search", error.french) from error
        absent = self._absent(query, exactly=bool(hits)) if query.page == 1 else None
        following = query.page + 1 if len(hits) > _PAGE else None
        return api.PharmacyPage([_shown(hit.organisation) for hit in hits[:_PAGE]], query.page, following, absent)

    async def visited(self, call: Call) -> api.Visited:
        """Where an order of this patient was delivered within a year or, by a setting, whoever was written to."""
        if self._house.settings.visited == "written":
            addresses = await self._written_to(call.account)
        else:
            since = self._house.clock.now() - _VISITED_FOR
            marked = await self._house.store.marked(call.account, DELIVERED)
            latest = sorted(marked, key=lambda one: one[1], reverse=True)
            addresses = [address for address, at in latest if at >= since]
        return api.Visited([_shown(hit.organisation) for hit in self._hits(addresses)])

    async def show(self, call: Call) -> api.Pharmacy:
        """One of them, or why it is none."""
        return _shown(self.pick(call.path["finess"]).organisation)

    def pick(self, finess: str, *, status: int = 0) -> Hit:
        """The pharmacy with that FINESS.

        Raises:
            Fault: one cannot write to it; the word says why.
        """
        picked = self._house.directory.pick(finess)
        if isinstance(picked, Absence):
            raise Fault(picked.value, status=status)
        return picked

    async def _written_to(self, account: str) -> list[str]:
        exchanges = await self._house.store.exchanges(account)
        return [one.professional for one in exchanges if one.opened_by == account]

    def _hits(self, addresses: Iterable[str]) -> list[Hit]:
        """The places of these mailboxes, each once, as far as one can write to them."""
        directory = self._house.directory
        boxes = (directory.mailbox(address) for address in addresses)
        places = dict.fromkeys(box.organisation for box in boxes if box is not None and box.organisation)
        return [hit for finess in places if isinstance(hit := directory.pick(finess), Hit)]

    def _absent(self, query: api.PharmacyQuery, *, exactly: bool) -> api.Absent | None:
        """The one place that the search names and does not find, with the reason.

        A part of its name is enough where nothing else was found; else, or `exactly`, its name or sign in full.
        """
        asked = read_query(query.name, query.place)
        if not asked.name:
            return None
        found = self._house.directory.organisations(asked.name, asked.place, limit=_NAMESAKES)
        places = [place for place in found if place.kind is OrganisationKind.GEOGRAPHIC]
        named = [one for one in places if words(query.name) in (words(one.name), words(one.enseigne or ""))]
        places = named if named or exactly else places
        absent = [(one, why) for one in places if (why := self._house.directory.why_absent(one.finess)) is not None]
        if len(absent) != 1:
            return None
        ((place, why),) = absent
        word = cast("Literal['no-mailbox', 'not-published', 'closed', 'not-pharmacy']", why.value)
        return api.Absent(label_of(place), word, Fault(word).french)


def label_of(place: Organisation) -> str:
    """`NOM ( ENSEIGNE )`, as the picker shows it.  [ENS Messagerie V1.3]"""
    return f"{place.name} ( {place.enseigne} )" if place.enseigne else place.name


def party_of(directory: Directory, address: str | None, name: str = "") -> api.Party:
    """Whom a patient sees behind an address; `name` where the directory does not know it."""
    box: Mailbox | None = directory.mailbox(address) if address else None
    if box is None:
        return api.Party(_STRANGER if not name or "@" in name else name, None)
    place = directory.organisation_of(box)
    return api.Party(box.name if place is None else label_of(place), str(place.finess) if place else None)


def _shown(place: Organisation) -> api.Pharmacy:
    address = place.address
    return api.Pharmacy(str(place.finess), label_of(place), [address.line], address.postal_code, address.town)
