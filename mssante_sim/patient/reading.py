"""Opening one message: its text, its files, who signed it; and the receipt that its sender asked for."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Final, Literal

from mssante_sim.crypto.unsealing import Unsealed, unseal
from mssante_sim.message.addresses import Address
from mssante_sim.message.compose import date_value
from mssante_sim.message.contents import files_of, text_of
from mssante_sim.message.fold import fold, phrase, unstructured
from mssante_sim.message.headers import fields, unfold
from mssante_sim.message.parts import Part, decoded, parse
from mssante_sim.message.reports import (
    Receipt,
    ReportLetter,
    compose_receipt,
    may_answer_automatically,
    receipt_wanted,
)
from mssante_sim.patient import api
from mssante_sim.patient.calls import Call, Content, Handlers
from mssante_sim.patient.documents import Document
from mssante_sim.patient.faults import Fault, NotSent, Unreached
from mssante_sim.patient.history import Fate, History
from mssante_sim.patient.house import House
from mssante_sim.patient.keys import Keys
from mssante_sim.patient.letters import Letter, Letters
from mssante_sim.patient.locker import new_message_id
from mssante_sim.patient.papers import Filed, Paper, safe_name
from mssante_sim.patient.picker import party_of
from mssante_sim.patient.shelf import Shelf, checked
from mssante_sim.storage.api import FlagChange, FlagMode

__all__ = ["Reading"]

_RECEIPT_SENT: Final = "$MDNSent"  # [RFC 3503]
_PRODUCT: Final = "Mon espace sante (simulateur); mssante-sim"
_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,127}")

_ReceiptState = Literal["none", "returned", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class _Open:
    """A letter with its content."""

    letter: Letter
    outer: Part
    unsealed: Unsealed
    root: Part
    octets: bytes = field(repr=False)


class Reading:
    """Messages, opened."""

    def __init__(self, house: House, keys: Keys, letters: Letters, history: History, shelf: Shelf) -> None:
        self._house = house
        self._keys = keys
        self._letters = letters
        self._history = history
        self._shelf = shelf
        self._returning = asyncio.Lock()  # one receipt at a time, so that none goes twice

    def handlers(self) -> Handlers:
        """Its operations."""
        return {
            "open_message": self.open,
            "read_attachment": self.read_attachment,
            "keep_attachment": self.keep_attachment,
            "read_source": self.read_source,
        }

    async def open(self, call: Call) -> api.Message:
        """The message; it is read from now on, and a receipt has gone if one was asked for."""
        message = await self._open(call)
        letter = message.letter
        receipt: _ReceiptState = "none"
        if letter.received:
            await self._flag(letter, "\\Seen")
            receipt = await self._receipt(call, message)
        thread = await self._history.thread_of(call.account, letter.id)
        fate = thread.fates[letter.id] if thread else Fate(("received",))
        signer = message.unsealed.signer
        return api.Message(
            id=letter.id,
            conversation=thread.letters[0].id if thread else letter.id,
            direction="received" if letter.received else "sent",
            date=letter.place.row.internal_date or self._house.clock.now(),
            pharmacy=self._history.party(letter),
            subject=letter.card.subject,
            text=(await self._house.work(text_of, message.unsealed.content, message.root)).replace("\r\n", "\n"),
            attachments=list(letter.card.attachments),
            octets=letter.place.row.octets,
            message_id=letter.card.message_id,
            encrypted=message.unsealed.encrypted,
            signer=self._signer(call, signer) if signer else None,
            doubt=message.unsealed.doubt,
            receipt=receipt,
            states=list(fate.states),
            opened=fate.opened,
            failure=fate.failure,
            may_answer=self._history.may_answer(thread) if thread else False,
        )

    async def read_attachment(self, call: Call) -> Content:
        """One of its files."""
        given = await self._attachment(await self._open(call), call.path["n"])
        return Content((given.content,), given.content_type, given.name)

    async def keep_attachment(self, call: Call) -> api.Document:
        """One of its files is among the documents, by the pharmacy's name."""
        query: api.KeepQuery = call.query
        message = await self._open(call)
        given = await self._attachment(message, str(query.attachment))
        label = self._history.party(message.letter).label
        paper = Paper(query.category, "", label, call.patient.display_name, None)
        kept = await self._house.work(checked, given.name, (given.content,))
        return await self._shelf.file(call.account, Filed(paper, kept))

    async def read_source(self, call: Call) -> Content:
        """The message as a mail program reads it, without its envelope; addresses of professionals are masked."""
        message = await self._open(call)
        party = self._history.party(message.letter)
        other = Address(party.label, f"{party.finess or 'correspondant'}@masque.invalid")
        patient = Address(call.patient.display_name, call.account)
        sender, to = (other, patient) if message.letter.received else (patient, other)
        head = await self._house.work(_source_head, message, sender, to)
        body = memoryview(message.unsealed.content)[message.root.body_start :]
        return Content((head, body), "message/rfc822", f"{message.letter.id}.eml")

    async def _open(self, call: Call) -> _Open:
        letter = await self._letters.find(call.account, call.path["message"])
        if letter is None or letter.card.report is not None:
            raise Fault("message-missing")
        octets = await self._house.read(letter.place.row)
        owned = await self._keys.of(call.account)
        arrived = letter.place.row.internal_date
        instants = (self._house.clock.now(), *((arrived,) if arrived else ()))

        def work() -> _Open:
            unsealed = unseal(octets, owned.identities, owned.trust, at=instants)
            return _Open(letter, parse(octets), unsealed, parse(unsealed.content), octets)

        return await self._house.work(work)

    async def _attachment(self, message: _Open, number: str) -> Document:
        files = files_of(message.root)
        wanted = int(number) if number.isascii() and number.isdecimal() and len(number) < 6 else 0
        if not 1 <= wanted <= len(files):
            raise Fault("attachment-missing")
        part = files[wanted - 1]
        try:
            name = safe_name(part.filename or "")
        except Fault:
            name = f"piece-{wanted}"
        kind = part.content_type if _TYPE.fullmatch(part.content_type) else "application/octet-stream"
        return Document(name, kind, await self._house.work(decoded, message.unsealed.content, part))

    def _signer(self, call: Call, address: str) -> str:
        if address.lower() == call.account:
            return call.patient.display_name
        return party_of(self._house.directory, address.lower()).label

    async def _flag(self, letter: Letter, flag: str) -> None:
        if flag not in letter.place.row.flags:
            change = FlagChange(FlagMode.ADD, frozenset({flag}))
            await self._house.store.change_flags(letter.place.folder.id, [letter.place.row.uid], change)

    async def _receipt(self, call: Call, message: _Open) -> _ReceiptState:
        """Mon espace santé always returns a receipt that may go by itself, once.  [Référentiel MSSanté #2 ECO.3.1.6]"""
        asked = receipt_wanted(message.outer.header)
        if not asked or message.letter.card.message_id is None:
            return "none"
        if not may_answer_automatically(message.outer.header, message.letter.return_path):
            return "refused"
        try:
            async with self._returning:
                letter = await self._letters.find(call.account, message.letter.id) or message.letter
                if _RECEIPT_SENT not in letter.place.row.flags:
                    await self._return(call, letter, asked[0])
        except (NotSent, Unreached) as error:
            self._house.audit.record("mes.receipt", user=call.account, result=type(error).__name__)
            return "failed"
        return "returned"

    async def _return(self, call: Call, letter: Letter, to: Address) -> None:
        assert letter.card.message_id is not None  # noqa: S101  `_receipt` looked
        note = ReportLetter(
            sender=Address(call.patient.display_name, call.account),
            to=to,
            subject="Accusé de lecture",
            text="Votre message a été ouvert dans Mon espace santé.\n",
            date=self._house.clock.now(),
            message_id=new_message_id(call.account),
        )
        receipt = Receipt(letter.card.message_id, call.account, displayed=True, automatic=True)
        octets = compose_receipt(note, receipt, reporting_ua=_PRODUCT)
        original = letter.card.message_id  # a crash before the flag is set must not make it two
        await self._house.return_receipt(call.account, to.address.lower(), octets, original)
        await self._flag(letter, _RECEIPT_SENT)
        self._house.audit.record("mes.receipt", user=call.account, result="returned")


def _source_head(message: _Open, sender: Address, to: Address) -> bytes:
    """Fields of ours, then what describes the content; the content follows."""
    header, content = message.outer.header, message.unsealed.content
    lines = [
        f"Date: {date_value(message.letter.place.row.internal_date)}"  # type: ignore[arg-type]
    ]
    lines += [f"{name}: {fold(len(name) + 2, [phrase(len(name) + 2, one.name), f' <{one.address}>'])}"
              for name, one in (("From", sender), ("To", to))]  # fmt: skip
    lines.append(f"Subject: {unstructured(9, message.letter.card.subject)}")
    for name in ("Message-ID", "In-Reply-To", "References"):
        found = re.findall(r"<[!-;=?-~]{1,250}>", unfold(header.get(name.lower(), b"")).decode("latin-1"))
        if found:
            lines.append(f"{name}: {fold(len(name) + 2, [found[0], *(' ' + one for one in found[1:])])}")
    lines.append("MIME-Version: 1.0")
    inner = [content[one.start : one.end] for one in fields(content) if one.name.startswith("content-")]
    head = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    return b"".join((head, *inner, b"\r\n"))
