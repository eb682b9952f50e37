"""Conversations between patients and professional mailboxes, as far as the store remembers them.

An *exchange* begins with a message that answers no other one; whatever answers a
message of it belongs to it. What a patient may still answer is read off here.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

__all__ = ["Closing", "Exchange", "ExchangeId", "Turn"]

ExchangeId = NewType("ExchangeId", int)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One conversation: who opened it, and who withdrew the right to answer."""

    patient: str
    professional: str
    opened_by: str  # one of the two
    opened: datetime
    closed: datetime | None = None
    closed_by: str | None = None  # a mailbox; None while it is open
    contact: str | None = None  # where answers go, if not to `professional`  [ENS Messagerie V1.3 §9]
    id: ExchangeId = ExchangeId(0)

    @property
    def answers_to(self) -> str:
        """The mailbox that the patient's answers go to."""
        return self.contact or self.professional


class Closing(Enum):
    """Which exchanges a professional's message closes."""

    THIS = "this"  # X-MSS-MES: FIN  [Référentiel MSSanté #2 ECO.2.2.8]
    ALL = "all"  # the subject is [FIN]  [ENS Messagerie V1.3 §7]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one message does to the exchange it belongs to, between one patient and one professional.

    Closing ALL concerns every exchange in which `by` is the professional or the contact. Another message of a
    professional opens a closed exchange again: only earlier messages lost their answer.
    """

    patient: str
    professional: str
    by: str  # who wrote: the patient or the professional
    message_id: str | None
    at: datetime
    exchange: ExchangeId | None = None  # None: the message opens a new one
    contact: str | None = None  # of a professional's message: where answers go from now on, if not to its writer
    closes: Closing | None = None
