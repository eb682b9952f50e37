"""From a received message to a durable delivery: all recipients or none.

1 every recipient is judged again, now
2 the header says which conversation the message belongs to, and what it changes there
3 in a worker thread: the header is checked, the message sealed, each form summarised
4 one transaction stores every copy, the sender's included, what Mon espace santé returns to the sender, and what
  became of each conversation
Only after its commit is anything acknowledged.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mssante_sim.clock import Clock
from mssante_sim.message.headers import Field, content_type, fields, parse_addresses, single_from
from mssante_sim.message.parts import MAX_HEADER_OCTETS
from mssante_sim.message.summary import summarise
from mssante_sim.patient.conversation import read_writing
from mssante_sim.smtp import replies
from mssante_sim.smtp.data import Message
from mssante_sim.smtp.facts import Facts
from mssante_sim.smtp.gate import Gate
from mssante_sim.smtp.plan import SealPlans
from mssante_sim.smtp.policy import Refused, Returned, same_mailbox
from mssante_sim.smtp.postmaster import Postmaster
from mssante_sim.smtp.replies import Refusal
from mssante_sim.smtp.sealing import SealedBody, SealingRefused, SealJob, seal
from mssante_sim.smtp.trace import Origin, loops, prefix
from mssante_sim.storage.api import Copy, MailStore, OnceKey, Parcel, Turn
from mssante_sim.storage.errors import ExchangeClosed, QuotaExceeded, StoreError, StoreFull

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

    sender: str  # return path, lower case; empty: the null sender
    author: str  # the mailbox that speaks: of a submission the account, else `sender`
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
        patient_octets: how large a message Mon espace santé sends and takes; a larger one to it is returned.
        key: keeps the marks of submissions from saying anything of their content; the same after a restart.
    """

    def __init__(
        self,
        *,
        store: MailStore,
        gate: Gate,
        facts: Facts,
        plans: SealPlans,
        postmaster: Postmaster,
        patient_octets: int,
        workers: Executor,
        clock: Clock,
        host: str,
        key: bytes,
    ) -> None:
        self._store = store
        self._gate = gate
        self._facts = facts
        self._plans = plans
        self._postmaster = postmaster
        self._patient_octets = patient_octets
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
        except StoreError as error:
            return next((refusal for kind, refusal in _STORE_REFUSALS if isinstance(error, kind)), replies.TEMPORARY)

    async def _take(self, letter: Letter) -> Stored:
        at = self._clock.now()
        ident = secrets.token_hex(6)
        if self._too_big(letter, letter.author):
            raise MessageRefused(replies.TOO_BIG)
        header = letter.message.head(MAX_HEADER_OCTETS)
        returned = await self._judge_again(letter, at)
        readers = tuple(one for one in letter.recipients if one not in returned)
        job = self._plans.job(letter.author, readers, submitted=letter.submitted, ident=ident, at=at)
        turns = await self._turns(header, letter.author, job)
        loop = asyncio.get_running_loop()
        parcels = await loop.run_in_executor(self._workers, self._prepare, letter, job, ident)
        delivered = await self._store.deliver(
            (*parcels, *self._failures(header, letter.author, returned, at)),
            received=at,
            once=OnceKey(self._mark(letter), at + _REPEATED_WITHIN),
            turns=turns,
        )
        return Stored(ident, delivered.repeated)

    async def _judge_again(self, letter: Letter, at: datetime) -> dict[str, Refusal]:
        """Who will not get the message, which is returned to the sender, and why.

        A certificate may have been revoked, a mailbox closed since RCPT; then the whole message is refused.
        """
        returned = {}
        for recipient in letter.recipients:
            decision = await self._gate.decide(letter.author, recipient, at)
            if isinstance(decision, Refused):
                raise MessageRefused(_for_all(decision.refusal))
            if isinstance(decision, Returned):
                returned[recipient] = decision.refusal
            elif self._too_big(letter, recipient):
                returned[recipient] = replies.PATIENT_TOO_BIG
        return returned

    def _too_big(self, letter: Letter, address: str) -> bool:
        """Whether the message is larger than Mon espace santé sends or takes, and `address` is a patient's."""
        return len(letter.message) > self._patient_octets and self._facts.is_patient_address(address)

    async def _turns(self, header: bytes, author: str, job: SealJob) -> list[Turn]:
        """What becomes of each conversation that the message belongs to."""
        writing = read_writing(fields(header))
        if writing.message_id is None:
            writing = replace(writing, message_id=job.message_id)
        turns = []
        for reader in job.recipients:
            turn = await self._gate.turn(writing, author, reader.address, job.at)
            if isinstance(turn, Refused):
                raise MessageRefused(_for_all(turn.refusal))
            if turn is not None:
                turns.append(turn)
        return turns

    def _failures(self, header: bytes, author: str, returned: Mapping[str, Refusal], at: datetime) -> Iterator[Parcel]:
        for patient, why in returned.items():
            yield self._postmaster.failure(header, author=author, patient=patient, why=why, at=at)

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
        return tuple(_parcel(body, letter.author, trace) for body in seal(replace(job, octets=octets)))

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
        if letter.submitted and not letter.sender and not _is_receipt(header):
            raise MessageRefused(replies.NULL_SENDER)

    def _may_name(self, author: str, letter: Letter) -> bool:
        """Whether From may hold `author`: the sender, or for the null sender of another operator, nobody of ours."""
        return same_mailbox(author, letter.author) if letter.author else not self._facts.is_local(author)

    def _mark(self, letter: Letter) -> bytes:
        """What two submissions share only if sender, recipients and every octet are the same."""
        mark = hashlib.blake2b(key=self._key, digest_size=32)
        for part in (letter.author, *sorted(letter.recipients)):
            mark.update(part.encode("ascii") + b"\n")
        mark.update(letter.message.digest)
        return mark.digest()


_STORE_REFUSALS = (
    (StoreFull, replies.DISK_FULL),
    (QuotaExceeded, replies.MAILBOX_FULL),
    (ExchangeClosed, replace(replies.EXCHANGE_CLOSED, code=554)),  # while the message was being sealed
)


def _for_all(refusal: Refusal) -> Refusal:
    """A recipient's refusal at the end of DATA, where it concerns the whole message."""
    return refusal if refusal.passing else replace(refusal, code=554)


def _is_receipt(header: Iterable[Field]) -> bool:
    """Whether the header is that of a disposition notification, which has the null sender.  [RFC 8098 §3]"""
    kind, parameters = content_type(next((field.raw for field in header if field.name == "content-type"), None))
    return kind == "multipart/report" and (parameters.get("report-type") or "") == "disposition-notification"


def _parcel(sealed: SealedBody, sender: str, trace: bytes) -> Parcel:
    copies: Iterable[Copy] = (Copy(recipient, prefix=trace) for recipient in sealed.recipients)
    own = (Copy(sender, folder="Sent", flags=frozenset({"\\Seen"})),) if sealed.for_sender else ()
    return Parcel(sealed.octets, summarise(sealed.octets), (*copies, *own))
