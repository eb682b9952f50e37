"""What Mon espace santé itself sends to professionals: failures of delivery, and receipts of what patients have read.

Both have the null sender and hold nothing of a message but its identifier; they
travel in clear, for it is a program that reads them  [our choice].
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from mssante_sim.clock import Clock
from mssante_sim.errors import SimulatorError
from mssante_sim.message.headers import Address, fields
from mssante_sim.message.reports import Failure, ReportLetter, compose_failure
from mssante_sim.message.summary import summarise
from mssante_sim.message.threads import message_id_of
from mssante_sim.smtp.gate import Gate
from mssante_sim.smtp.policy import Accepted
from mssante_sim.smtp.replies import Refusal, french
from mssante_sim.storage.api import Copy, MailStore, OnceKey, Parcel

__all__ = ["Postmaster", "ReceiptRefused"]

_NAME = "Mon espace santé"
_LOCAL_PART = "MAILER-DAEMON"
_SUBJECT = "Undelivered Mail Returned to Sender"  # as the real one writes it  [ENS Messagerie V1.3 §6]
_NO_BRACKETS = {ord("<"): "?", ord(">"): "?"}  # of a quoted local part, which no patient has
_RECEIPT_ONCE_WITHIN: Final = timedelta(days=366)  # beside the flag that says so for ever  [our choice]
_TRACE = b"Return-Path: <>\r\n"


class ReceiptRefused(SimulatorError):
    """The mailbox that asked for a receipt cannot have one."""


class Postmaster:
    """Writes and delivers reports in the name of the patients' domain."""

    def __init__(self, store: MailStore, gate: Gate, clock: Clock, *, patients_domain: str) -> None:
        self._store = store
        self._gate = gate
        self._clock = clock
        self._domain = patients_domain

    def failure(self, header: bytes, *, author: str, patient: str, why: Refusal, at: datetime) -> Parcel:
        """The mail that tells `author` that the message with `header` did not reach `patient`.  [RFC 3464]"""
        first: dict[str, bytes] = {}
        for field in fields(header):
            first.setdefault(field.name, field.raw)
        letter = ReportLetter(
            sender=Address(_NAME, f"{_LOCAL_PART}@{self._domain}"),
            to=Address("", author),
            subject=_SUBJECT,
            text=f"Votre message n'a pas été remis à {patient}.\n\n{french(why.word)}\n",
            date=at,
            message_id=f"<{secrets.token_hex(12)}@{self._domain}>",
        )
        failure = Failure(
            original_message_id=message_id_of(first),
            final_recipient=patient.translate(_NO_BRACKETS),
            status=why.enhanced,
            diagnostic=why.line(),
            reporting_mta=self._domain,
        )
        return _parcel(compose_failure(letter, failure, original_header=header), author)

    async def deliver_receipt(self, mailbox: str, octets: bytes, *, patient: str, original: str) -> None:
        """The receipt `octets` is durable in `mailbox`; once for each message of Message-ID `original` to `patient`.

        Raises:
            ReceiptRefused: no rule lets it in.
            StoreError: it could not be stored.
        """
        at = self._clock.now()
        decision = self._gate.decide_report(mailbox, at)
        if not isinstance(decision, Accepted):
            raise ReceiptRefused("The mailbox that asked for the receipt takes none.", detail=decision.because)
        mark = hashlib.blake2b(digest_size=32, person=b"receipt")
        for part in (patient, mailbox, original):
            mark.update(part.encode() + b"\n")
        once = OnceKey(mark.digest(), at + _RECEIPT_ONCE_WITHIN)
        await self._store.deliver([_parcel(octets, mailbox)], received=at, once=once)


def _parcel(octets: bytes, account: str) -> Parcel:
    return Parcel(octets, summarise(octets), (Copy(account, prefix=_TRACE),))
