"""The documents of a patient, and what professionals deposit among them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import PurePath
from typing import Final

from msgspec import UNSET

from mssante_sim.crypto.unsealing import Unreadable
from mssante_sim.directory.model import PatientProfile
from mssante_sim.message.addresses import Address
from mssante_sim.patient import api
from mssante_sim.patient.calls import Call, Content, Handlers
from mssante_sim.patient.documents import MAX_DOCUMENT_OCTETS, Document, DocumentRefused, document
from mssante_sim.patient.faults import Fault
from mssante_sim.patient.house import House
from mssante_sim.patient.keys import Keys
from mssante_sim.patient.locker import Locker, Place, new_message_id
from mssante_sim.patient.papers import (
    CATEGORIES,
    Filed,
    Paper,
    compose_paper,
    content_of,
    read_paper,
    safe_name,
    xdm_of,
)
from mssante_sim.patient.xdm import is_xdm, pdf_name, read_xdm
from mssante_sim.recent import Recent
from mssante_sim.storage.api import FolderSpec

__all__ = ["Shelf"]

_FOLDER: Final = FolderSpec("Documents", subscribed=False)


class Shelf:
    """Documents, sealed in the folder of that name."""

    def __init__(self, house: House, keys: Keys) -> None:
        self._house = house
        self._locker = Locker(house, keys, _FOLDER, frozenset())
        self._papers: Recent[tuple[int, int], Paper] = Recent(20_000)

    def handlers(self) -> Handlers:
        """Its operations."""
        return {
            "list_documents": self.list,
            "add_document": self.add,
            "show_document": self.show,
            "read_document": self.read,
            "read_xdm": self.read_xdm,
            "remove_document": self.remove,
            "deposit": self.deposit,
        }

    async def list(self, call: Call) -> api.DocumentPage:
        """Those of one category, or all."""
        query: api.DocumentQuery = call.query
        found = [
            _described(place, paper)
            async for place in self._locker.places(call.account)
            if (paper := await self._paper(call.account, place)) is not None
            and query.category in (UNSET, paper.category)
        ]
        shelves = [api.Category(code, label) for code, label in CATEGORIES.items()]
        return api.DocumentPage(found[::-1], shelves)

    async def add(self, call: Call) -> api.Document:
        """The body is a document of the patient."""
        query: api.NewDocumentQuery = call.query
        paper = Paper(
            category=query.category,
            title=query.title.strip(),
            author=query.author.strip() or call.patient.display_name,
            added_by=call.patient.display_name,
            dated=query.dated or None,
        )
        given = await self._house.work(checked, query.name, call.chunks)
        return await self.file(call.account, Filed(paper, given))

    async def show(self, call: Call) -> api.Document:
        """One of them."""
        place, paper = await self._find(call.account, call.path["document"])
        return _described(place, paper)

    async def read(self, call: Call) -> Content:
        """Its octets."""
        place, paper = await self._find(call.account, call.path["document"])
        entity = await self._locker.open(call.account, place)
        return Content((await self._house.work(content_of, entity),), paper.content_type, paper.name)

    async def read_xdm(self, call: Call) -> Content:
        """The IHE_XDM.ZIP it came in, octet for octet."""
        place, _ = await self._find(call.account, call.path["document"])
        entity = await self._locker.open(call.account, place)
        octets = await self._house.work(xdm_of, entity)
        if octets is None:
            raise Fault("no-xdm")
        return Content((octets,), "application/zip", "IHE_XDM.ZIP")

    async def remove(self, call: Call) -> None:
        """It is gone."""
        place, _ = await self._find(call.account, call.path["document"])
        await self._locker.discard(place)

    async def deposit(self, call: Call) -> api.Document:
        """The body is a document of another: of the patient whom the professional names."""
        query: api.DepositQuery = call.query
        address = f"{query.patient.lower()}@{self._house.settings.domains.patients}"
        profile = self._house.directory.patient(address)
        if profile is None or not profile.activated:
            raise Fault("patient-unreachable")
        author = call.mailbox.name if call.mailbox else ""
        filed = await self._house.work(_deposited, query, call.chunks, author, profile, self._house.clock.now().date())
        described = await self.file(address, filed)
        self._house.audit.record("mes.deposit", user=call.held.login if call.held else "", result="done", to=address)
        return described

    # For others in the house

    async def file(self, account: str, filed: Filed) -> api.Document:
        """It is among the documents of `account`.  Raises: StoreError, CannotCompose."""
        profile = self._house.directory.patient(account)
        owner = Address(profile.display_name if profile else "", account)
        at, message_id = self._house.clock.now(), new_message_id(account)
        titled = _titled(filed)
        entity = await self._house.work(compose_paper, titled, owner, at=at, message_id=message_id)
        place = await self._locker.keep(account, entity)
        paper = await self._house.work(read_paper, entity)
        if paper is None:
            raise Fault("document-missing")
        self._papers.put(place.key, paper)
        return _described(place, paper)

    async def papers(self, account: str, wanted: Sequence[str]) -> Sequence[tuple[Place, Paper]]:
        """Those documents of `account`, in that order, each once.  Raises: Fault."""
        return [await self._find(account, one) for one in dict.fromkeys(wanted)]

    async def document(self, account: str, place: Place, paper: Paper) -> Document:
        """One with its octets.  Raises: Unreadable, StoreError."""
        entity = await self._locker.open(account, place)
        return Document(paper.name, paper.content_type, await self._house.work(content_of, entity))

    async def _find(self, account: str, wanted: str) -> tuple[Place, Paper]:
        place = await self._locker.find(account, wanted)
        paper = None if place is None else await self._paper(account, place)
        if place is None or paper is None:
            raise Fault("document-missing")
        return place, paper

    async def _paper(self, account: str, place: Place) -> Paper | None:
        known = self._papers.get(place.key)
        if known is None:
            try:
                known = await self._house.work(read_paper, await self._locker.open(account, place))
            except Unreadable:  # put here by some mail program, for another key
                return None
            if known is not None:
                self._papers.put(place.key, known)
        return known


def checked(name: str, chunks: Sequence[bytes]) -> Document:
    """The file as a document that may be kept.  Raises: Fault."""
    content = b"".join(chunks)
    if len(content) > MAX_DOCUMENT_OCTETS:
        raise Fault("document-too-big")
    try:
        return document(safe_name(name), content)
    except DocumentRefused as error:
        raise Fault("document-refused", error.public) from error


def _deposited(
    query: api.DepositQuery, chunks: Sequence[bytes], author: str, patient: PatientProfile, today: date
) -> Filed:
    """The file, or the one PDF of an IHE_XDM.ZIP, called by what the archive says of it.  Raises: Fault."""
    octets = b"".join(chunks)
    paper = Paper(query.category, query.title.strip(), author, author, query.dated or None)
    if not is_xdm(octets):
        return Filed(paper, checked(query.name, (octets,)))
    try:
        first, *others = read_xdm(octets).documents
    except DocumentRefused as error:
        raise Fault("document-refused", error.public) from error
    if others:
        raise Fault("document-refused", "Cette archive contient plusieurs documents : déposez-les un par un.")
    if first.ins is None or first.ins.upper() != query.patient.upper():
        raise Fault("other-patient")
    said = replace(
        paper, title=_line(first.title), author=_line(first.author or author), dated=first.day or paper.dated
    )
    name = pdf_name(first.title, patient, first.day or today)  # in the archive it is DOC00001
    return Filed(said, checked(name, (first.content,)), octets)


def _line(text: str) -> str:
    """What an archive says, as one line that a header can hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200].strip()


def _titled(filed: Filed) -> Filed:
    """A document without a title is called as its file."""
    if filed.paper.title:
        return filed
    return replace(filed, paper=replace(filed.paper, title=PurePath(filed.document.name).stem))


def _described(place: Place, paper: Paper) -> api.Document:
    added = place.row.internal_date
    assert added is not None  # noqa: S101  the locker asks for dates
    return api.Document(
        id=place.id,
        name=paper.name,
        content_type=paper.content_type,
        octets=paper.octets,
        category=paper.category,
        category_label=CATEGORIES[paper.category],
        title=paper.title,
        author=paper.author,
        added=added,
        added_by=paper.added_by,
        dated=paper.dated,
        xdm=paper.xdm,
    )
