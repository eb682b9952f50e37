"""Writing to a pharmacy: what is proposed, drafts that are the very message, and sending them once."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import UNSET

from mssante_sim.crypto.base64_lines import encoded_size
from mssante_sim.crypto.unsealing import Unreadable
from mssante_sim.message.addresses import Address
from mssante_sim.message.compose import Attachment, Draft, compose
from mssante_sim.message.contents import text_of
from mssante_sim.message.headers import parse_addresses
from mssante_sim.message.parts import parse
from mssante_sim.message.threads import message_id_of, references_of
from mssante_sim.patient import api
from mssante_sim.patient.calls import Call, Handlers
from mssante_sim.patient.documents import Document
from mssante_sim.patient.faults import Fault, NotSent, Unreached
from mssante_sim.patient.form import Form, read_form
from mssante_sim.patient.history import History, Thread
from mssante_sim.patient.house import House
from mssante_sim.patient.keys import Keys
from mssante_sim.patient.letters import Letters, attachments_of, subject_of
from mssante_sim.patient.locker import Locker, Place, new_message_id
from mssante_sim.patient.picker import Picker, party_of
from mssante_sim.patient.proposal import PAPER_REMINDER, propose
from mssante_sim.patient.shelf import Shelf, checked
from mssante_sim.patient.wire import from_texts
from mssante_sim.recent import Recent
from mssante_sim.storage.api import FolderSpec
from mssante_sim.storage.errors import StoreError

__all__ = ["Writing"]

_FOLDER: Final = FolderSpec("Drafts", "\\Drafts")
_FILES: Final = "attachment"
_ALREADY: Final = "250 2.0.0 already taken"
_HEAD_OCTETS: Final = 2_000  # about what fields and delimiters of a message take
_KEPT: Final = "Votre brouillon est conservé."
_NO_ROOM: Final = "Le service n'a plus de place pour envoyer votre message : réessayez plus tard."
_CONTENT: Final = frozenset({
    "bare-newline", "nul-octet", "line-too-long", "from-missing", "from-repeated", "not-encrypted-for-recipient",
})  # fmt: skip
"""Refusals of what the message is, not of whom it is for."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Whom a message goes to, and what it answers."""

    to: Address
    subject: str = ""
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Written:
    """A draft, without its octets."""

    to: str
    to_name: str
    subject: str
    text: str
    attachments: tuple[api.Attachment, ...]
    octets: int
    message_id: str
    references: tuple[str, ...]


class Writing:
    """Proposals and drafts."""

    def __init__(
        self, house: House, keys: Keys, *, shelf: Shelf, picker: Picker, letters: Letters, history: History
    ) -> None:
        self._house = house
        self._shelf = shelf
        self._picker = picker
        self._letters = letters
        self._history = history
        self._locker = Locker(house, keys, _FOLDER, frozenset({"\\Draft"}))
        self._written: Recent[tuple[int, int], _Written] = Recent(5_000)
        self._sending: dict[tuple[str, str], asyncio.Task[api.Sent]] = {}
        self._sent: Recent[tuple[str, str], api.Sent] = Recent(1_000)

    def handlers(self) -> Handlers:
        """Its operations."""
        return {
            "propose": self.propose,
            "list_drafts": self.drafts,
            "write_draft": self.write,
            "show_draft": self.show,
            "remove_draft": self.remove,
            "send_draft": self.send,
        }

    async def propose(self, call: Call) -> api.Proposal:
        """Subject and text to go with documents, and how large that will be."""
        query: api.ProposalQuery = call.query
        papers = [paper for _, paper in await self._shelf.papers(call.account, query.document)]
        proposed = propose(call.patient.display_name, papers)
        return api.Proposal(
            subject=proposed.subject,
            text=proposed.text,
            octets=sum(one.octets for one in papers),
            message_octets=_HEAD_OCTETS + sum(encoded_size(one.octets) for one in papers),
            limit=self._house.settings.max_patient_octets,
            reminder=PAPER_REMINDER,
        )

    async def drafts(self, call: Call) -> api.DraftPage:
        """All of them."""
        found = [
            self._shown(place, draft)
            async for place in self._locker.places(call.account)
            if (draft := await self._draft(call.account, place)) is not None
        ]
        return api.DraftPage(found[::-1])

    async def write(self, call: Call) -> api.Draft:
        """A message is composed, with everything that it needs to be sent, and kept; nothing is sent."""
        form = await self._house.work(read_form, call.content_type, call.chunks)
        fields = from_texts(form.fields, api.DraftForm, "bad-body")
        if not fields.text.strip():
            raise Fault("empty-text")
        target = await self._target(call.account, fields)
        pieces = await self._pieces(call.account, fields, form)
        draft = Draft(
            sender=Address(call.patient.display_name, call.account),
            to=(target.to,),
            subject=fields.subject.strip() or target.subject or propose(call.patient.display_name, pieces).subject,
            text=fields.text,
            date=self._house.clock.now(),
            message_id=new_message_id(call.account),
            attachments=tuple(Attachment(one.name, one.content_type, one.content) for one in pieces),
            in_reply_to=target.in_reply_to,
            references=target.references,
            extra=(("Disposition-Notification-To", call.account),),  # so that "opened" can be known  [our choice]
        )
        octets = await self._house.work(compose, draft)
        self._check_size(len(octets))
        place = await self._locker.keep(call.account, octets)
        written = await self._house.work(_read_draft, octets)
        if written is None:
            raise Fault("draft-missing")
        self._written.put(place.key, written)
        return self._shown(place, written)

    async def show(self, call: Call) -> api.Draft:
        """One of them."""
        return self._shown(*await self._find(call.account, call.path["draft"]))

    async def remove(self, call: Call) -> None:
        """It is gone, unsent."""
        place, _ = await self._find(call.account, call.path["draft"])
        await self._locker.discard(place)

    async def send(self, call: Call) -> api.Sent:
        """The mail server has the message, once, however often this is asked; the draft is gone.

        What was begun goes on to its end even if whoever asked for it is gone.
        """
        key = (call.account, call.path["draft"])
        if (done := self._sent.get(key)) is not None:
            if (left := await self._locker.find(*key)) is not None:
                await self._discard(call.account, left)
            return done
        task = self._sending.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._send(*key))
            self._sending[key] = task
            task.add_done_callback(lambda _: self._sending.pop(key, None))
        return await asyncio.shield(task)

    # Whom, and what with

    async def _target(self, account: str, fields: api.DraftForm) -> _Target:
        if (fields.pharmacy is UNSET) == (fields.answers is UNSET):
            raise Fault("no-recipient")
        if fields.pharmacy is not UNSET:
            hit = self._picker.pick(fields.pharmacy)
            return _Target(Address(hit.mailbox.name, hit.mailbox.address))
        assert fields.answers is not UNSET  # noqa: S101  one of the two is set
        thread = await self._history.thread_of(account, fields.answers)
        if thread is None:
            raise Fault("message-missing")
        if closed := self._closed(thread):
            raise Fault("exchange-closed", closed)
        if not self._history.may_answer(thread):
            raise Fault("no-answer")
        card = next(one for one in thread.letters if one.id == fields.answers).card
        in_reply_to, references = card.reply
        box = self._house.directory.mailbox(thread.answers_to)
        to = Address(box.name if box else "", thread.answers_to)
        subject = card.subject if card.subject[:3].lower() == "re:" else f"Re: {card.subject}"
        return _Target(to, _line(subject), in_reply_to, references)

    async def _pieces(self, account: str, fields: api.DraftForm, form: Form) -> list[Document]:
        """Documents, then files; what together is too big for a message is not even read."""
        if any(name != _FILES for name, _, _ in form.files):
            raise Fault("bad-body")
        papers = await self._shelf.papers(account, fields.document)
        self._check_size(
            sum(encoded_size(paper.octets) for _, paper in papers)
            + sum(encoded_size(len(octets)) for _, _, octets in form.files)
        )
        pieces = [await self._shelf.document(account, place, paper) for place, paper in papers]
        return pieces + [await self._house.work(checked, name, (octets,)) for _, name, octets in form.files]

    def _check_size(self, octets: int) -> None:
        if octets > self._house.settings.max_patient_octets:
            raise Fault("too-big")

    # Sending

    async def _send(self, account: str, wanted: str) -> api.Sent:
        place, draft = await self._find(account, wanted)
        sent = await self._letters.sent_with(account, draft.message_id)
        if sent is not None:  # an earlier attempt reached the server, and nobody heard of it
            result = api.Sent(_ALREADY, "", draft.octets, draft.message_id, sent)
        else:
            octets = await self._locker.open(account, place)
            try:
                said = await self._house.submit(account, draft.to, octets)
            except NotSent as error:
                self._house.audit.record("mes.send", user=account, result=error.word, octets=len(octets))
                raise await self._refused(account, draft, error) from error
            except Unreached as error:
                self._house.audit.record("mes.send", user=account, result="unreachable", octets=len(octets))
                raise Fault("unreachable") from error
            sent = await self._letters.sent_with(account, draft.message_id)
            result = api.Sent(said.reply, said.tls, len(octets), draft.message_id, sent)
        self._house.audit.record("mes.send", user=account, result="done", octets=draft.octets)
        self._sent.put((account, wanted), result)
        await self._discard(account, place)
        return result

    async def _discard(self, account: str, place: Place) -> None:
        """The draft of a message that went is gone; if that fails, the message has gone all the same."""
        try:
            await self._locker.discard(place)
        except StoreError as error:
            self._house.audit.record("mes.draft", user=account, result=type(error).__name__)

    async def _refused(self, account: str, draft: _Written, error: NotSent) -> Fault:
        sentence = _NO_ROOM if error.word == "disk-full" else _without_draft(error.french)
        if error.word == "exchange-closed":
            exchange = await self._house.store.exchange_of(account, draft.to, draft.references)
            if closing := self._history.closing(exchange):
                sentence = _closed_sentence(closing)
        status = 413 if error.word == "too-big" else 503 if error.temporary else 422 if error.word in _CONTENT else 409
        return Fault(error.word or "refused", f"{sentence} {_KEPT}", status=status)

    def _closed(self, thread: Thread) -> str | None:
        closing = self._history.closing(thread.exchange)
        return None if closing is None else _closed_sentence(closing)

    # Drafts

    async def _find(self, account: str, wanted: str) -> tuple[Place, _Written]:
        place = await self._locker.find(account, wanted)
        draft = None if place is None else await self._draft(account, place)
        if place is None or draft is None:
            raise Fault("draft-missing")
        return place, draft

    async def _draft(self, account: str, place: Place) -> _Written | None:
        known = self._written.get(place.key)
        if known is None:
            try:
                known = await self._house.work(_read_draft, await self._locker.open(account, place))
            except Unreadable:  # put here by some mail program, for another key
                return None
            if known is not None:
                self._written.put(place.key, known)
        return known

    def _shown(self, place: Place, draft: _Written) -> api.Draft:
        created: datetime | None = place.row.internal_date
        return api.Draft(
            id=place.id,
            to=party_of(self._house.directory, draft.to, draft.to_name),
            subject=draft.subject,
            text=draft.text,
            attachments=list(draft.attachments),
            octets=draft.octets,
            message_id=draft.message_id,
            created=created or self._house.clock.now(),
        )


def _read_draft(octets: bytes) -> _Written | None:
    root = parse(octets)
    to = parse_addresses(root.header.get("to", b""))
    message_id = message_id_of(root.header)
    if len(to) != 1 or message_id is None:
        return None  # begun in some mail program, not finished
    return _Written(
        to=to[0].address.lower(),
        to_name=to[0].name,
        subject=subject_of(root, root),
        text=text_of(octets, root).replace("\r\n", "\n"),
        attachments=attachments_of(octets, root),
        octets=len(octets),
        message_id=message_id,
        references=references_of(root.header),
    )


def _without_draft(sentence: str) -> str:
    """`sentence` without what is said of the draft behind it."""
    return sentence.removesuffix("Le brouillon est conservé.").rstrip()


def _line(text: str) -> str:
    """`text` without what a header field cannot hold."""
    return "".join(letter for letter in text if letter.isprintable())[:400]


def _closed_sentence(closing: api.Closing) -> str:
    when = closing.at.astimezone()
    return (
        f"{closing.by} a clos cet échange le {when:%d/%m/%Y} à {when:%H} h {when:%M} : vous ne pouvez plus y répondre. "
        "Vous pouvez écrire un nouveau message à une pharmacie."
    )
