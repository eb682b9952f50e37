"""The policy applied to two addresses: facts are looked up, then judged."""

from collections.abc import Iterable
from datetime import datetime

from mssante_sim.smtp.facts import Facts
from mssante_sim.smtp.policy import Decision, Party, Patient, Policy, decide
from mssante_sim.storage.api import Exchange, MailStore

__all__ = ["Gate"]


class Gate:
    """Decides without sending; `RCPT`, the last look before sealing and `policy explain` all ask here."""

    def __init__(self, facts: Facts, store: MailStore, policy: Policy) -> None:
        self._facts = facts
        self._store = store
        self._policy = policy

    async def decide(self, sender: str, recipient: str, at: datetime) -> Decision:
        """Whether `sender` (empty: the null sender) may write to `recipient` at that instant.

        A patient's sending always costs one look for an exchange, whether the recipient exists or not.
        Raises: StoreError.
        """
        writer = self._facts.sender(sender, at)
        exchange = await self._exchange(sender, writer, recipient)
        reader = self._facts.recipient(recipient, writer, exchange, at)
        return decide(writer, reader, exchange, policy=self._policy)

    def opened_by(self, sender: str, recipients: Iterable[str], at: datetime) -> tuple[Exchange, ...]:
        """The conversations that an accepted message opens, as far as they do not exist yet: those of a patient."""
        if not self._facts.is_patient_address(sender):
            return ()
        return tuple(Exchange(patient=sender, professional=to, opened_by=sender, opened=at) for to in recipients)

    async def _exchange(self, sender: str, writer: Party, recipient: str) -> Exchange | None:
        if isinstance(writer, Patient):
            return await self._store.exchange(sender, recipient)
        if self._facts.is_patient_address(recipient):
            return await self._store.exchange(recipient, sender)
        return None
