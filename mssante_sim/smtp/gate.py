"""The policy applied to two addresses: facts are looked up, then judged."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mssante_sim.patient.conversation import Writing, turn_of
from mssante_sim.smtp import replies
from mssante_sim.smtp.facts import Facts
from mssante_sim.smtp.policy import Decision, Party, Patient, Policy, Refused, Stranger, decide
from mssante_sim.storage.api import Exchange, MailStore, Turn

__all__ = ["Gate"]


class Gate:
    """Decides without sending; `RCPT`, the last look before sealing and `policy explain` all ask here."""

    def __init__(self, facts: Facts, store: MailStore, policy: Policy) -> None:
        self._facts = facts
        self._store = store
        self._policy = policy

    async def decide(self, sender: str, recipient: str, at: datetime) -> Decision:
        """Whether `sender` (empty: the null sender) may write to `recipient` at that instant.

        A patient's sending always costs one look for exchanges, whether the recipient exists or not.
        Raises: StoreError.
        """
        writer = self._facts.sender(sender, at)
        exchanges = await self._exchanges(sender, writer, recipient)
        reader = self._facts.recipient(recipient, writer, exchanges, at)
        return decide(writer, reader, exchanges, policy=self._policy)

    def decide_report(self, recipient: str, at: datetime) -> Decision:
        """Whether Mon espace santé itself may write to `recipient` at that instant."""
        writer = Stranger.MON_ESPACE_SANTE
        return decide(writer, self._facts.recipient(recipient, writer, (), at), (), policy=self._policy)

    async def turn(self, writing: Writing, sender: str, recipient: str, at: datetime) -> Turn | Refused | None:
        """What the message does to the conversation between the two, or why it may not; None if there is none.

        Raises: StoreError.
        """
        by_patient = self._facts.is_patient_address(sender)
        if by_patient == self._facts.is_patient_address(recipient) or (writing.is_report and not by_patient):
            return None
        patient, professional = (sender, recipient) if by_patient else (recipient, sender)
        exchange = await self._store.exchange_of(patient, professional, writing.answers)
        if by_patient and exchange is not None and exchange.closed is not None:
            return Refused("R3", "the professional has closed the exchange", replies.exchange_closed(exchange))
        if not self._facts.is_operators(writing.reply_to or ""):
            writing = replace(writing, reply_to=None)
        return turn_of(writing, by=sender, patient=patient, professional=professional, exchange=exchange, at=at)

    async def _exchanges(self, sender: str, writer: Party, recipient: str) -> Sequence[Exchange]:
        if isinstance(writer, Patient):
            return await self._store.exchanges(sender, recipient)
        if self._facts.is_patient_address(recipient):
            return await self._store.exchanges(recipient, sender)
        return ()
