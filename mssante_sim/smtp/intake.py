"""From a received message to a durable delivery: all recipients or none.

1 every recipient is judged again, now
2 in a worker thread: the header is checked, the message sealed, each form summarised
3 one transaction stores every copy, the sender's included, and remembers who opened which exchange
Only after its commit is anything acknowledged.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from mssante_sim.clock import Clock
from mssante_sim.message.headers import fields, parse_addresses, single_from
from mssante_sim.message.summary import summarise
from mssante_sim.smtp import replies
from mssante_sim.smtp.data import Message
from mssante_sim.smtp.facts import Facts
from mssante_sim.smtp.gate import Gate
from mssante_sim.smtp.policy import Refused, same_mailbox
from mssante_sim.smtp.replies import Refusal
from mssante_sim.smtp.trace import Origin, loops, prefix
from mssante_sim.storage.api import Copy, MailStore, OnceKey, Parcel
from mssante_sim.storage.errors import QuotaExceeded, StoreError, StoreFull

__all__ = ["Intake", "Letter", "MessageRefused", "Outgoing", "Sealed", "Sealer", "Stored"]

_REPEATED_WITHIN = timedelta(hours=24)  # [our choice]


class MessageRefused(Exception):
    """The message cannot be taken, for anyone."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.word)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Letter:
    """A message with its envelope, as a listener received it."""

    sender: str  # lower case; empty: the null sender
    submitted: bool  # by the sender itself, logged in; else handed over by another operator
    recipients: tuple[str, ...]  # lower case, each once
    message: Message
    origin: Origin


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sealed."""

    octets: bytes
    sender: str
    sign: bool  # in the sender's name
    recipients: tuple[str, ...]
    file_sent: bool  # the sender keeps a copy
    at: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """One form of the message, and who gets it."""

    octets: bytes
    recipients: tuple[str, ...]
    for_sender: bool = False  # it is also the copy that the sender keeps


class Sealer(Protocol):
    """Makes the forms in which a message is stored.  Called in a worker thread."""

    def __call__(self, outgoing: Outgoing) -> Sequence[Sealed]:
        """Forms that together cover every recipient, and the sender if `file_sent`.

        Raises: MessageRefused.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A message that is durable."""

    ident: str
    repeated: bool


class Intake:
    """Takes letters.

    Args:
        key: keeps the marks of submissions from saying anything of their content; the same after a restart.
        file_sent_of_professionals: whether their own copy is filed too; that of a patient always is.
    """

    def __init__(
        self,
        *,
        store: MailStore,
        gate: Gate,
        facts: Facts,
        sealer: Sealer,
        workers: Executor,
        clock: Clock,
        host: str,
        key: bytes,
        file_sent_of_professionals: bool,
    ) -> None:
        self._store = store
        self._gate = gate
        self._facts = facts
        self._sealer = sealer
        self._workers = workers
        self._clock = clock
        self._host = host
        self._key = key
        self._file_sent_of_professionals = file_sent_of_professionals

    async def take(self, letter: Letter) -> Stored | Refusal:
        """`letter` is durable for every recipient, or for none and the refusal says why."""
        at = self._clock.now()
        ident = secrets.token_hex(6)
        try:
            await self._judge_again(letter, at)
            parcels = await asyncio.get_running_loop().run_in_executor(self._workers, self._prepare, letter, at, ident)
            delivered = await self._store.deliver(
                parcels,
                received=at,
                once=OnceKey(self._mark(letter), at + _REPEATED_WITHIN),
                exchanges=self._gate.opened_by(letter.sender, letter.recipients, at),
            )
        except MessageRefused as refused:
            return refused.refusal
        except StoreFull:
            return replies.DISK_FULL
        except QuotaExceeded:
            return replies.MAILBOX_FULL
        except StoreError:
            return replies.TEMPORARY
        return Stored(ident, delivered.repeated)

    async def _judge_again(self, letter: Letter, at: datetime) -> None:
        """A certificate may have been revoked, a mailbox closed since RCPT; then the whole message is refused."""
        for recipient in letter.recipients:
            decision = await self._gate.decide(letter.sender, recipient, at)
            if isinstance(decision, Refused):
                raise MessageRefused(replace(decision.refusal, code=554))

    def _prepare(self, letter: Letter, at: datetime, ident: str) -> tuple[Parcel, ...]:
        octets = letter.message.octets()
        self._check_header(octets, letter)
        outgoing = Outgoing(
            octets=octets,
            sender=letter.sender,
            sign=letter.submitted,
            recipients=letter.recipients,
            file_sent=letter.submitted and self._files_sent(letter.sender),
            at=at,
        )
        trace = prefix(
            sender=letter.sender,
            origin=letter.origin,
            host=self._host,
            ident=ident,
            recipients=letter.recipients,
            at=at,
        )
        return tuple(_parcel(sealed, letter.sender, trace) for sealed in self._sealer(outgoing))

    def _check_header(self, octets: bytes, letter: Letter) -> None:
        header = fields(octets)
        if loops(header):
            raise MessageRefused(replies.MAIL_LOOP)
        written = [field for field in header if field.name == "from"]
        author = single_from(octets)
        if author is None:
            several = len(written) > 1 or any(len(parse_addresses(field.raw)) > 1 for field in written)
            raise MessageRefused(replies.FROM_REPEATED if several else replies.FROM_MISSING)
        if not self._may_name(author.address, letter):
            raise MessageRefused(replies.FROM_NOT_YOURS)

    def _may_name(self, author: str, letter: Letter) -> bool:
        """Whether From may hold `author`: the sender, or for the null sender of another operator, nobody of ours."""
        return same_mailbox(author, letter.sender) if letter.sender else not self._facts.is_local(author)

    def _files_sent(self, sender: str) -> bool:
        return self._file_sent_of_professionals or self._facts.is_patient_address(sender)

    def _mark(self, letter: Letter) -> bytes:
        """What two submissions share only if sender, recipients and every octet are the same."""
        mark = hashlib.blake2b(key=self._key, digest_size=32)
        for part in (letter.sender, *sorted(letter.recipients)):
            mark.update(part.encode("ascii") + b"\n")
        mark.update(letter.message.digest)
        return mark.digest()


def _parcel(sealed: Sealed, sender: str, trace: bytes) -> Parcel:
    copies: Iterable[Copy] = (Copy(recipient, prefix=trace) for recipient in sealed.recipients)
    own = (Copy(sender, folder="Sent", flags=frozenset({"\\Seen"})),) if sealed.for_sender else ()
    return Parcel(sealed.octets, summarise(sealed.octets), (*copies, *own))
