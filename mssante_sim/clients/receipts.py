"""Read receipts that a sender asks the pharmacy for: a person decides, once for the whole team.  [RFC 3503 §3]"""

import asyncio
import secrets
from datetime import datetime
from typing import Final

from mssante_sim.clients.answering import PRODUCT, RECEIPT_SENT
from mssante_sim.clients.correspondence import Filed
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.submission import Refused, Unreachable
from mssante_sim.message.headers import Address
from mssante_sim.message.reports import Receipt, ReportLetter, compose_receipt, receipt_wanted

__all__ = ["decide_receipt", "receipt_due", "write_receipt"]

_TEXT: Final = """Bonjour,

Votre message a été ouvert par {pharmacy}.
Cet avis dit qu'il a été affiché, pas qu'il a été traité.
"""


def receipt_due(filed: Filed) -> Address | None:
    """Who waits for a receipt of this message; None if nobody does, or if the team has decided already.

    A receipt goes to the sender only: a field that names somebody else would make us tell a stranger  [RFC 8098 §2.1].
    """
    if filed.opened is None or filed.opened.report is not None or filed.sender is None or filed.has(RECEIPT_SENT):
        return None
    wanted = receipt_wanted(filed.opened.header)
    same = len(wanted) == 1 and wanted[0].address.lower() == filed.sender.address.lower()
    return filed.sender if same and filed.opened.message_id else None


def write_receipt(desk: Desk, filed: Filed, *, at: datetime) -> bytes:
    """The message that tells the sender of `filed` that a person has seen it; nothing of its content is in it."""
    opened = filed.require_opened()
    own = Address(desk.account.display_name, desk.account.address)
    assert filed.sender is not None  # noqa: S101  receipt_due() found one
    assert opened.message_id is not None  # noqa: S101  the same
    letter = ReportLetter(
        sender=own,
        to=filed.sender,
        subject="Accusé de lecture",
        text=_TEXT.format(pharmacy=own.name),
        date=at,
        message_id=f"<{secrets.token_hex(12)}@{own.address.rpartition('@')[2]}>",
        extra=(("X-MSS-NIL", PRODUCT),),
    )
    receipt = Receipt(opened.message_id, own.address, displayed=True, automatic=False)
    return compose_receipt(letter, receipt, reporting_ua=PRODUCT)


async def decide_receipt(desk: Desk, client: MailboxClient, filed: Filed, *, send: bool, at: datetime) -> bool:
    """Whether this decision counts: the receipt is sent, or refused for good, and the team is not asked again.

    Of two who decide at once the first counts, so that one receipt is sent: the message is marked before.
    It goes with an empty return path, so that nothing ever answers it.  [RFC 8098 §2]

    Raises:
        Refused, Unreachable: it was not sent, and may be asked for again.
    """
    recipient = receipt_due(filed)
    if recipient is None or not await client.claim(filed.uid, RECEIPT_SENT):
        return False
    if send:
        octets = write_receipt(desk, filed, at=at)
        try:
            await asyncio.to_thread(desk.submission().send, octets, sender="", recipients=[recipient.address])
        except (Refused, Unreachable):
            await client.change_flags(filed.uid, remove=[RECEIPT_SENT])
            raise
    return True
