"""Conversations: what was written both ways, in order, with what became of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import UNSET

from mssante_sim.directory.model import PHARMACY_SECTORS, MailboxKind
from mssante_sim.message.reports import Failure, Receipt
from mssante_sim.message.threads import Entry, threads
from mssante_sim.patient import api
from mssante_sim.patient.calls import Call, Handlers
from mssante_sim.patient.faults import Fault
from mssante_sim.patient.house import House
from mssante_sim.patient.letters import Letter, Letters
from mssante_sim.patient.picker import party_of
from mssante_sim.storage.api import Exchange

__all__ = ["Fate", "History", "Thread"]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a letter."""

    states: tuple[api.MessageState, ...]
    opened: datetime | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation: its letters in order, and what is known of each."""

    other: str  # the address at the other end; a contact that it named may have written in its stead
    letters: tuple[Letter, ...]
    fates: dict[str, Fate]
    exchange: Exchange | None

    @property
    def other_name(self) -> str:
        """What the other end calls itself."""
        return next((one.card.other_name for one in reversed(self.letters) if one.card.other == self.other), "")

    @property
    def answers_to(self) -> str:
        """Where an answer goes."""
        return self.exchange.answers_to if self.exchange else self.other


class History:
    """The conversations of every patient."""

    def __init__(self, house: House, letters: Letters) -> None:
        self._house = house
        self._letters = letters

    def handlers(self) -> Handlers:
        """Its operations."""
        return {"list_conversations": self.list, "show_conversation": self.show}

    async def list(self, call: Call) -> api.ConversationPage:
        """All conversations, or those with one pharmacy, or with something new since a day of the local zone."""
        query: api.ConversationQuery = call.query
        lines = [self.line(thread) for thread in await self.threads(call.account)]
        return api.ConversationPage(
            [
                one
                for one in reversed(lines)
                if query.pharmacy in (UNSET, one.pharmacy.finess)
                and (query.since is UNSET or one.last.astimezone().date() >= query.since)
            ]
        )

    async def show(self, call: Call) -> api.Conversation:
        """The conversation that a message belongs to."""
        thread = await self.thread_of(call.account, call.path["message"])
        if thread is None:
            raise Fault("conversation-missing")
        return api.Conversation(self.line(thread), [_line(one, thread.fates[one.id]) for one in thread.letters])

    # For others in the house

    async def thread_of(self, account: str, wanted: str) -> Thread | None:
        """The conversation that the message of that id belongs to."""
        for thread in await self.threads(account, wanted):
            return thread
        return None

    async def threads(self, account: str, wanted: str | None = None) -> Sequence[Thread]:
        """Every conversation of `account`, or that of one message; the one that moved last at the end."""
        letters = await self._letters.all(account)
        ends = _ends(letters)
        fates = _fates(letters, ends, f"@{self._house.settings.domains.patients}")
        found = [
            Thread(end, group, fates, await self._exchange(account, end, group))
            for end, group in _groups(letters, ends)
            if wanted is None or wanted in {one.id for one in group}
        ]
        return sorted(found, key=lambda thread: _at(thread.letters[-1]))

    def line(self, thread: Thread) -> api.ConversationLine:
        """The conversation in the list."""
        first, last = thread.letters[0], thread.letters[-1]
        return api.ConversationLine(
            id=first.id,
            pharmacy=party_of(self._house.directory, thread.other, thread.other_name),
            subject=first.card.subject,
            last=_at(last),
            unread=sum(1 for one in thread.letters if one.received and "\\Seen" not in one.place.row.flags),
            messages=len(thread.letters),
            closed=self.closing(thread.exchange),
            may_answer=self.may_answer(thread),
        )

    def party(self, letter: Letter) -> api.Party:
        """Whom the letter came from or went to."""
        return party_of(self._house.directory, letter.card.other, letter.card.other_name)

    def closing(self, exchange: Exchange | None) -> api.Closing | None:
        """When it was closed, and by whom."""
        if exchange is None or exchange.closed is None:
            return None
        return api.Closing(exchange.closed, party_of(self._house.directory, exchange.closed_by).label)

    def may_answer(self, thread: Thread) -> bool:
        """Whether the mail server would take an answer now, as far as the directory and the exchange can tell."""
        directory = self._house.directory
        box = directory.mailbox(thread.answers_to)
        if box is None or box.kind is not MailboxKind.ORG or not box.open or not box.published:
            return False
        if thread.exchange is not None:
            return thread.exchange.closed is None
        place = directory.organisation_of(box)
        return place is not None and place.sector in PHARMACY_SECTORS

    async def _exchange(self, account: str, other: str, group: Sequence[Letter]) -> Exchange | None:
        identities = [one.card.message_id for one in group if one.card.message_id]
        return await self._house.store.exchange_of(account, other, identities) if other else None


def _at(letter: Letter) -> datetime:
    at = letter.place.row.internal_date
    assert at is not None  # noqa: S101  letters are read with their dates
    return at


def _ends(letters: Iterable[Letter]) -> dict[str, str]:
    """With whom the conversation is that each letter belongs to, by the letter's id.

    It is the address at the other end, but for the contact that a professional named: what the contact writes, and
    gets, in answer to that message or to what followed belongs to the conversation in which it was named.
    [ENS Messagerie V1.3 §9]  So a reference joins nothing that is not between the patient and the same address.
    """
    ends: dict[str, str] = {}
    known: dict[tuple[str, str], str] = {}  # the conversation of a Message-ID, for an address that is part of it
    for one in sorted(letters, key=_at):
        card = one.card
        named = (known[card.other, reference] for reference in reversed(card.references)
                 if (card.other, reference) in known)  # fmt: skip
        ends[one.id] = end = next(named, card.other)
        if card.message_id is not None and card.report is None:
            known[card.other, card.message_id] = end
            if card.contact is not None:
                known.setdefault((card.contact, card.message_id), end)
    return ends


def _groups(letters: Iterable[Letter], ends: Mapping[str, str]) -> Iterator[tuple[str, tuple[Letter, ...]]]:
    """By correspondent first, then by what answers what."""
    by_end: dict[str, dict[str, Letter]] = {}
    for one in letters:
        if one.card.report is None:
            by_end.setdefault(ends[one.id], {})[one.id] = one
    for end, written in by_end.items():
        entries = [Entry(one.id, one.card.message_id, one.card.references, _at(one)) for one in written.values()]
        for group in threads(entries):
            yield end, tuple(written[entry.key] for entry in group)


def _fates(letters: Iterable[Letter], ends: Mapping[str, str], own: str) -> dict[str, Fate]:
    """What is known of each letter that is no report.

    A report counts only if it came from the mailbox that the letter went to. A failure may also be told by Mon espace
    santé itself, whose addresses end with `own`. Who else says that a message was opened, or lost, does not know.
    """
    answered = {(ends[one.id], one.received, one.card.answers) for one in letters if one.card.report is None}
    about: dict[str, list[tuple[Letter, Receipt | Failure]]] = {}
    for one in letters:
        if (report := one.card.report) is not None and report.original_message_id:
            about.setdefault(report.original_message_id, []).append((one, report))
    fates: dict[str, Fate] = {}
    for one in letters:
        if one.card.report is None:
            answer = (ends[one.id], not one.received, one.card.message_id)
            is_answered = answer in answered and one.card.message_id is not None
            told = about.get(one.card.message_id or "", ())
            fates[one.id] = _received(one, is_answered) if one.received else _sent(one, told, is_answered, own)
    return fates


def _received(letter: Letter, is_answered: bool) -> Fate:
    states: list[api.MessageState] = ["received"]
    states += ["opened"] if "\\Seen" in letter.place.row.flags else []
    states += ["answered"] if is_answered else []
    return Fate(tuple(states))


def _sent(letter: Letter, told: Iterable[tuple[Letter, Receipt | Failure]], is_answered: bool, own: str) -> Fate:
    states: list[api.MessageState] = ["sent"]
    opened: datetime | None = None
    failure: str | None = None
    for source, report in told:
        if report.final_recipient.lower() != letter.card.other:
            continue
        is_theirs = source.card.other == letter.card.other
        if isinstance(report, Failure) and (is_theirs or _is_ours(source, own)):
            failure = f"Votre message n'a pas été remis ({report.status}) : contactez la pharmacie autrement."
        elif isinstance(report, Receipt) and report.displayed and is_theirs:
            opened = min(opened or _at(source), _at(source))
    states.append("failed" if failure else "delivered")
    states += ["opened"] if opened else []
    states += ["answered"] if is_answered else []
    return Fate(tuple(states), opened, failure)


def _is_ours(source: Letter, own: str) -> bool:
    """Only reports of the server itself have both: it lets no other operator write in our domain, no patient as <>."""
    return source.return_path == "<>" and source.card.other.endswith(own)


def _line(letter: Letter, fate: Fate) -> api.MessageLine:
    return api.MessageLine(
        id=letter.id,
        direction="received" if letter.received else "sent",
        date=_at(letter),
        subject=letter.card.subject,
        states=list(fate.states),
        opened=fate.opened,
        failure=fate.failure,
        attachments=list(letter.card.attachments),
        octets=letter.place.row.octets,
    )
