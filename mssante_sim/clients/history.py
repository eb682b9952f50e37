"""Everything that a pharmacy and its correspondents exchanged, by conversation, with what became of each message.

Read from the folders each time: nothing else is kept, so nothing can differ.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Final

from mssante_sim.clients.answering import ANSWERED, AUTHOR_FIELD, END_OF_ALL_SUBJECT, Closing
from mssante_sim.clients.correspondence import UNOPENED, Filed, Progress, Told, filed_messages, told_by, untold
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import ARCHIVE, INBOX, SENT, MailboxClient
from mssante_sim.clients.reading import Opened
from mssante_sim.clients.states import OrderState
from mssante_sim.message.headers import Address, decode_words
from mssante_sim.message.threads import Entry, references_of, threads

__all__ = ["Conversation", "Exchange", "history"]

_FOLDERS: Final = (INBOX, ARCHIVE, SENT)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message that was exchanged.

    Attributes:
        correspondent: the other side, whoever wrote.
        author: which member of the team wrote it, where the message says so.
        answered: a received message that was answered.
        closing: what it closed; only the pharmacy can.
        news: what reports say of it: opened, not delivered.
        doubt: why a signature is not proved, or that the message cannot be opened.
    """

    folder: str
    uid: int
    outgoing: bool
    correspondent: Address
    at: datetime
    message_id: str | None
    references: tuple[str, ...]
    subject: str
    documents: tuple[str, ...]
    author: str | None
    state: OrderState | None
    answered: bool
    closing: Closing
    signer: str | None
    doubt: str | None
    news: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages with one correspondent that answer each other, in the order of time; at least one."""

    correspondent: Address
    exchanges: tuple[Exchange, ...]
    closed: Exchange | None  # the message that closed it, if no later one of ours opened it again

    @property
    def subject(self) -> str:
        """What it began with."""
        return self.exchanges[0].subject


async def history(
    client: MailboxClient,
    desk: Desk,
    *,
    at: datetime,
    since: datetime | None = None,
    patient: str | None = None,
    progress: Progress = untold,
) -> list[Conversation]:
    """The conversations in which a message arrived or was sent at `since` or later; the one that moved last at the end.

    Such a conversation is there from its beginning, and ends of all exchanges count that were said before: so
    everything is read, whatever `since` is.
    `patient` is an INS, an address or a part of a name.
    """
    exchanges: dict[tuple[bool, str], Exchange] = {}
    reports: list[Told] = []
    async for folder, filed in _everything(client, desk, at, progress):
        if (told := told_by(filed)) is not None:
            reports.append(told)
        elif (one := _exchange(desk, folder, filed)) is not None:
            # A message that was copied to another folder is one message.
            exchanges.setdefault((one.outgoing, one.message_id or f"{folder}/{one.uid}"), one)
    wanted = [one for one in exchanges.values() if patient is None or _goes_by(one.correspondent, patient)]
    found = _conversations(_with_news(wanted, reports))
    return [one for one in found if since is None or one.exchanges[-1].at >= since]


async def _everything(
    client: MailboxClient, desk: Desk, at: datetime, progress: Progress
) -> AsyncIterator[tuple[str, Filed]]:
    for folder in _FOLDERS:
        await client.select(folder)
        async for filed in filed_messages(client, desk, at=at, progress=progress):
            yield folder, filed


def _exchange(desk: Desk, folder: str, filed: Filed) -> Exchange | None:
    """None for what is from nobody or to nobody."""
    own = desk.account.address.lower()
    opened = filed.opened
    outgoing = filed.sender is not None and filed.sender.address.lower() == own
    correspondent = next(iter(filed.recipients), None) if outgoing else filed.sender
    if correspondent is None:
        return None
    return Exchange(
        folder=folder,
        uid=filed.uid,
        outgoing=outgoing,
        correspondent=correspondent,
        at=filed.received,
        message_id=filed.message_id,
        references=references_of(filed.header),
        subject=opened.subject if opened else "(illisible)",
        documents=tuple(one.name for one in opened.attachments) if opened else (),
        author=_author(desk, opened) if opened and outgoing else None,
        state=None if outgoing else filed.state,
        answered=filed.has(ANSWERED),
        closing=_closing(filed, opened) if outgoing else Closing.NOTHING,
        signer=opened.signer if opened else None,
        doubt=opened.doubt if opened else UNOPENED,
    )


def _author(desk: Desk, opened: Opened) -> str | None:
    """Of our own messages, the field that says it; of others', the signature of somebody of the team."""
    said = decode_words(opened.header.get(AUTHOR_FIELD.lower(), b""))
    if said:
        return said
    lines = {line.strip() for line in opened.text.splitlines()}
    team = (f"{one.name}, {one.role}" for one in desk.account.logins)
    return next((one for one in team if one in lines), None)


def _closing(filed: Filed, opened: Opened | None) -> Closing:
    if opened is not None and opened.subject == END_OF_ALL_SUBJECT:
        return Closing.ALL
    return Closing.EXCHANGE if filed.header.get("x-mss-mes", b"").strip().upper() == b"FIN" else Closing.NOTHING


def _goes_by(correspondent: Address, wanted: str) -> bool:
    folded = wanted.casefold().strip()
    address = correspondent.address.casefold()
    return folded in {address, address.partition("@")[0]} or folded in correspondent.name.casefold()


def _with_news(exchanges: Iterable[Exchange], reports: Iterable[Told]) -> list[Exchange]:
    """The exchanges, those that went out with what the reports say of them."""
    about: dict[str, list[Told]] = {}
    for told in reports:
        about.setdefault(told.about, []).append(told)

    def news_of(one: Exchange) -> tuple[str, ...]:
        heard = about.get(one.message_id or "", ()) if one.outgoing else ()
        recipients = (one.correspondent.address.lower(),)
        return tuple(told.sentence for told in heard if told.concerns(one.message_id, recipients))

    return [replace(one, news=news_of(one)) for one in exchanges]


def _conversations(exchanges: Iterable[Exchange]) -> list[Conversation]:
    """By correspondent first: no reference of one patient's joins a message of another's."""
    ordered = sorted(exchanges, key=_in_time)
    by_correspondent: dict[str, list[int]] = {}
    for place, one in enumerate(ordered):
        by_correspondent.setdefault(one.correspondent.address.lower(), []).append(place)
    found: list[tuple[int, Conversation]] = []
    for places in by_correspondent.values():
        members = [(place, ordered[place]) for place in places]
        entries = [Entry(str(place), one.message_id, one.references, one.at) for place, one in members]
        ends = [one for _, one in members if one.outgoing and one.closing is Closing.ALL]
        for thread in threads(entries):
            last = int(thread[-1].key)
            found.append((last, _conversation([ordered[int(one.key)] for one in thread], ends)))
    return [conversation for _, conversation in sorted(found, key=itemgetter(0))]


def _in_time(one: Exchange) -> tuple[datetime, int, int, int]:
    """A server tells whole seconds only: within one, an answer comes after what it answers."""
    return one.at, len(one.references), _FOLDERS.index(one.folder), one.uid


def _conversation(members: Sequence[Exchange], ends: Sequence[Exchange]) -> Conversation:
    """`ends` are the messages that withdrew the right to answer all that was earlier, in whatever thread."""
    sent = {reference for one in members if one.outgoing for reference in one.references}
    told = tuple(replace(one, answered=one.answered or one.message_id in sent) for one in members)
    # What the pharmacy says last counts: a message after an end opens the exchange again.
    said = [one for one in told if one.outgoing] + [one for one in ends if one.at >= told[0].at and one not in members]
    last = max(said, key=_in_time, default=None)
    named = next((one.correspondent for one in told if not one.outgoing), told[0].correspondent)
    return Conversation(named, told, last if last is not None and last.closing is not Closing.NOTHING else None)
