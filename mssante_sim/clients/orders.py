"""The preparation list: which prescriptions came, for whom, how long ago, and how far they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from mssante_sim.clients.answering import ANSWERED
from mssante_sim.clients.correspondence import UNOPENED, Filed, Progress, Told, filed_messages, ins_of, told_by, untold
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import INBOX, SENT, MailboxClient
from mssante_sim.clients.spreadsheet import table
from mssante_sim.clients.states import OrderState
from mssante_sim.message.headers import parse_addresses
from mssante_sim.message.parts import parse
from mssante_sim.message.threads import message_id_of, references_of

__all__ = ["Order", "age_in_french", "orders_csv", "preparation_list"]

_TO_PREPARE: Final = frozenset({None, OrderState.RECUE, OrderState.EN_PREPARATION, OrderState.RUPTURE})


@dataclass(frozen=True, slots=True)
class Order:
    """One message of a patient with documents, or that may have some, for no key opens it.

    Attributes:
        ins: of the address, its key checked; empty if it is none.
        news: what became of the answers, as far as reports say.
    """

    uid: int
    patient: str
    address: str
    ins: str
    received: datetime
    documents: tuple[str, ...]
    state: OrderState | None
    answered: bool
    doubt: str | None
    message_id: str | None
    news: tuple[str, ...] = ()

    @property
    def to_prepare(self) -> bool:
        """Whether somebody still has to do something for it."""
        return self.state in _TO_PREPARE


async def preparation_list(
    client: MailboxClient,
    desk: Desk,
    *,
    at: datetime,
    since: datetime | None = None,
    progress: Progress = untold,
) -> list[Order]:
    """The orders of INBOX that arrived at `since` or later, the oldest first; a message without documents is none."""
    await client.select(INBOX)
    orders: list[Order] = []
    reports: list[Told] = []
    async for filed in filed_messages(client, desk, at=at, since=since, progress=progress):
        if (told := told_by(filed)) is not None:
            reports.append(told)
        elif (order := _order(filed)) is not None:
            orders.append(order)
    news = await _news(client, reports) if reports and orders else {}
    return [replace(one, news=tuple(news.get(one.message_id or "", ()))) for one in orders]


def _order(filed: Filed) -> Order | None:
    opened = filed.opened
    if filed.sender is None or not filed.from_patient or (opened is not None and not opened.attachments):
        return None
    return Order(
        uid=filed.uid,
        patient=filed.sender.name or filed.sender.address,
        address=filed.sender.address,
        ins=ins_of(filed.sender.address) or "",
        received=filed.received,
        documents=tuple(one.name for one in opened.attachments) if opened else (),
        state=filed.state,
        answered=filed.has(ANSWERED),
        doubt=(opened.doubt or (None if opened.signer else "non signé")) if opened else UNOPENED,
        message_id=filed.message_id,
    )


async def _news(client: MailboxClient, reports: Sequence[Told]) -> Mapping[str, list[str]]:
    """What the reports say of our answers, by the Message-ID of what was answered."""
    await client.select(SENT)
    answers: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {}
    async for sent in client.headers(await client.uids()):
        header = parse(sent.octets).header
        if (message_id := message_id_of(header)) is not None:
            to = frozenset(one.address.lower() for one in parse_addresses(header.get("to", b"")))
            answers[message_id] = (to, references_of(header))
    news: dict[str, list[str]] = {}
    for told in reports:
        recipients, answered = answers.get(told.about, (frozenset(), ()))
        if told.concerns(told.about, recipients):
            for message_id in answered:
                news.setdefault(message_id, []).append(told.sentence)
    return news


def age_in_french(age: timedelta) -> str:
    """How long ago, as people say it: "12 min", "3 h", "2 j"."""
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} j"


_HEADINGS: Final = ("uid", "patient", "ins", "reçu le", "depuis", "documents", "état", "répondu", "suivi", "doute")


def orders_csv(orders: Iterable[Order], *, at: datetime) -> bytes:
    """A spreadsheet, one line an order."""
    return table(_HEADINGS, [_row(one, at) for one in orders])


def _row(one: Order, at: datetime) -> tuple[str, ...]:
    return (
        str(one.uid), one.patient, one.ins, f"{one.received.astimezone():%d/%m/%Y %H:%M}",
        age_in_french(at - one.received), ", ".join(one.documents), one.state.label if one.state else "",
        "oui" if one.answered else "non", ", ".join(one.news), one.doubt or "",
    )  # fmt: skip
