"""Who may still write to whom in a conversation of Mon espace santé, and what a message changes about it.  Pure.

    what the message says                   who wrote         then
    answers nothing known                   either            a new exchange is open
    answers a message of an exchange        the patient       it belongs to it; refused if it is closed
    answers a message of an exchange        the professional  it belongs to it, which is open (again)
    X-MSS-MES: FIN                          the professional  this one exchange is closed
    Subject: [FIN]                          the professional  every exchange with this mailbox is closed
    Reply-To: another mailbox of the zone   the professional  answers go there, and it becomes the contact
    goes to the contact                     the patient       a new exchange, with the contact, is open
    a report (receipt, failure)             the professional  nothing changes

A closing withdraws the patient's right to answer what came before it; a patient
may always write first to a pharmacy.  [Référentiel MSSanté #2 ECO.2.2.8]
[ENS Messagerie V1.3 §7, §9]; that a later message opens the exchange again: [our choice].
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mssante_sim.message.headers import Field, content_type, decode_words, parse_addresses, unfold
from mssante_sim.message.threads import message_id_of, references_of
from mssante_sim.storage.exchanges import Closing, Exchange, Turn

__all__ = ["Writing", "closing_of", "may_answer", "read_writing", "turn_of", "wrote_first"]

_CLOSES_ALL = "[FIN]"
_CLOSES_THIS = b"FIN"


@dataclass(frozen=True, slots=True)
class Writing:
    """What the header of a message says of the conversation it belongs to; read before sealing may hide it."""

    message_id: str | None
    answers: tuple[str, ...] = ()  # Message-IDs, the nearest last
    closes: Closing | None = None  # if a professional wrote it
    reply_to: str | None = None  # a single address, in lower case
    is_report: bool = False


def read_writing(header: Iterable[Field]) -> Writing:
    """The first field of each name counts, as for every reader of ours."""
    first: dict[str, bytes] = {}
    for field in header:
        first.setdefault(field.name, field.raw)
    closes = Closing.THIS if unfold(first.get("x-mss-mes", b"")).upper() == _CLOSES_THIS else None
    if decode_words(first.get("subject", b"")).strip() == _CLOSES_ALL:
        closes = Closing.ALL
    reply_to = parse_addresses(first.get("reply-to", b""))
    return Writing(
        message_id=message_id_of(first),
        answers=references_of(first),
        closes=closes,
        reply_to=reply_to[0].address.lower() if len(reply_to) == 1 else None,
        is_report=content_type(first.get("content-type"))[0] == "multipart/report",
    )


def turn_of(
    writing: Writing, *, by: str, patient: str, professional: str, exchange: Exchange | None, at: datetime
) -> Turn:
    """What the message does to `exchange`, the one it belongs to, or to a new one if None.

    A patient's [FIN], X-MSS-MES and Reply-To mean nothing; who writes to the contact opens an exchange with it,
    so that the contact may answer whatever the professional says later.
    """
    spoken = by != patient
    contact = writing.reply_to if spoken and writing.reply_to != by else None
    if exchange is not None and not spoken and exchange.professional != professional:
        exchange, contact = None, professional
    return Turn(
        patient=patient,
        professional=professional,
        by=by,
        message_id=writing.message_id,
        at=at,
        exchange=exchange.id if exchange else None,
        contact=contact,
        closes=writing.closes if spoken else None,
    )


# Rights, read off the exchanges of one patient with one mailbox


def wrote_first(exchanges: Sequence[Exchange]) -> bool:
    """Whether the patient opened one of them: then the professional may answer, now and later."""
    return any(one.opened_by == one.patient for one in exchanges)


def may_answer(exchanges: Sequence[Exchange], mailbox: str) -> bool:
    """Whether a professional has opened one of them, or sent its answers, to `mailbox`, and nobody closed it."""
    return any(one.closed is None for one in _opened_to(exchanges, mailbox))


def closing_of(exchanges: Sequence[Exchange], mailbox: str) -> Exchange | None:
    """The exchange that was closed last, if `may_answer` fails for no other reason."""
    closed = [one for one in _opened_to(exchanges, mailbox) if one.closed is not None]
    if may_answer(exchanges, mailbox):
        return None
    return max(closed, key=lambda one: (one.closed, one.id), default=None)


def _opened_to(exchanges: Sequence[Exchange], mailbox: str) -> list[Exchange]:
    return [
        one
        for one in exchanges
        if one.answers_to == mailbox and (one.opened_by != one.patient or one.contact == mailbox)
    ]
