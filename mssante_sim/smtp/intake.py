"""From a received message to a durable delivery: all recipients or none.

1 every recipient is judged again, now
2 in a worker thread: the header is checked, the message sealed, each form summarised
3 one transaction stores every copy, the sender's included, and remembers who opened which exchange
Only after its commit is anything acknowledged.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mssante_sim.clock import Clock
from mssante_sim.message.headers import fields, parse_addresses, single_from
from mssante_sim.message.summary import summarise
from mssante_sim.smtp import replies
from mssante_sim.smtp.data import Message
from mssante_sim.smtp.facts import Facts
from mssante_sim.smtp.gate import Gate
from mssante_sim.smtp.plan import SealPlans
from mssante_sim.smtp.policy import Refused, same_mailbox
from mssante_sim.smtp.replies import Refusal
from mssante_sim.smtp.sealing import SealedBody, SealingRefused, SealJob, seal
from mssante_sim.smtp.trace import Origin, loops, prefix
from mssante_sim.storage.api import Copy, MailStore, OnceKey, Parcel
from mssante_sim.storage.errors import QuotaExceeded, StoreError, StoreFull

__all__ = ["Intake", "Letter", "MessageRefused", "Stored"]

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
class Stored:
    """A message that is durable."""

    ident: str
    repeated: bool


class Intake:
    """Takes letters.

    Args:
        key: keeps the marks of submissions from saying anything of their content; the same after a restart.
    """

    def __init__(
        self,
        *,
        store: MailStore,
        gate: Gate,
        facts: Facts,
        plans: SealPlans,
        workers: Executor,
        clock: Clock,
        host: str,
        key: bytes,
    ) -> None:
        self._store = store
        self._gate = gate
        self._facts = facts
        self._plans = plans
        self._workers = workers
        self._clock = clock
        self._host = host
        self._key = key

    async def take(self, letter: Letter) -> Stored | Refusal:
        """`letter` is durable for every recipient, or for none and the refusal says why."""
        try:
            return await self._take(letter)
        except MessageRefused as refused:
            return refused.refusal
        except SealingRefused as refused:
            return _for_all(replies.REFUSALS[refused.word])
        except StoreFull:
            return replies.DISK_FULL
        except QuotaExceeded:
            return replies.MAILBOX_FULL
        except StoreError:
            return replies.TEMPORARY

    async def _take(self, letter: Letter) -> Stored:
        at = self._clock.now()
        ident = secrets.token_hex(6)
        await self._judge_again(letter, at)
        job = self._plans.job(letter.sender, letter.recipients, submitted=letter.submitted, ident=ident, at=at)
        loop = asyncio.get_running_loop()
        delivered = await self._store.deliver(
            await loop.run_in_executor(self._workers, self._prepare, letter, job, ident),
            received=at,
            once=OnceKey(self._mark(letter), at + _REPEATED_WITHIN),
            exchanges=self._gate.opened_by(letter.sender, letter.recipients, at),
        )
        return Stored(ident, delivered.repeated)

    async def _judge_again(self, letter: Letter, at: datetime) -> None:
        """A certificate may have been revoked, a mailbox closed since RCPT; then the whole message is refused."""
        for recipient in letter.recipients:
            decision = await self._gate.decide(letter.sender, recipient, at)
            if isinstance(decision, Refused):
                raise MessageRefused(_for_all(decision.refusal))

    def _prepare(self, letter: Letter, job: SealJob, ident: str) -> tuple[Parcel, ...]:
        """What is stored.  In a worker thread: touches nothing but its arguments."""
        octets = letter.message.octets()
        self._check_header(octets, letter)
        trace = prefix(
            sender=letter.sender,
            origin=letter.origin,
            host=self._host,
            ident=ident,
            recipients=letter.recipients,
            at=job.at,
        )
        return tuple(_parcel(body, letter.sender, trace) for body in seal(replace(job, octets=octets)))

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

    def _mark(self, letter: Letter) -> bytes:
        """What two submissions share only if sender, recipients and every octet are the same."""
        mark = hashlib.blake2b(key=self._key, digest_size=32)
        for part in (letter.sender, *sorted(letter.recipients)):
            mark.update(part.encode("ascii") + b"\n")
        mark.update(letter.message.digest)
        return mark.digest()


def _for_all(refusal: Refusal) -> Refusal:
    """A recipient's refusal at the end of DATA, where it concerns the whole message."""
    return refusal if refusal.passing else replace(refusal, code=554)


def _parcel(sealed: SealedBody, sender: str, trace: bytes) -> Parcel:
    copies: Iterable[Copy] = (Copy(recipient, prefix=trace) for recipient in sealed.recipients)
    own = (Copy(sender, folder="Sent", flags=frozenset({"\\Seen"})),) if sealed.for_sender else ()
    return Parcel(sealed.octets, summarise(sealed.octets), (*copies, *own))
