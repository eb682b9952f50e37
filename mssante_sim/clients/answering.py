"""Answers of a pharmacy: written in the thread of what they answer, submitted, then filed and marked, in this order.

Nothing is marked before the server has taken the message; what cannot be marked
is filed all the same. Sent twice, an answer arrives once: its Message-ID stays
the same, also by way of a draft.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from mimetypes import MimeTypes
from pathlib import Path
from typing import Final, Self

from mssante_sim import __version__
from mssante_sim.clients.conformity import xdm_fields
from mssante_sim.clients.correspondence import Filed, set_state
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import SENT, ConnectionLost, ImapRefused, MailboxClient
from mssante_sim.clients.prescription import DraftUnusable, Letter, letter_of
from mssante_sim.clients.sent_copy import NotSealed, sealed_copy
from mssante_sim.clients.states import OrderState
from mssante_sim.clients.submission import SubmissionReceipt
from mssante_sim.errors import SimulatorError, reason_in_french
from mssante_sim.message.compose import Attachment, Draft, compose
from mssante_sim.message.headers import Address, parse_addresses
from mssante_sim.message.parts import parse
from mssante_sim.message.threads import answer_references, references_of

__all__ = ["ANSWERED", "AUTHOR_FIELD", "END_OF_ALL_SUBJECT", "PRODUCT", "RECEIPT_SENT", "Answer", "AnswerRefused",
           "Closing", "FiledBadly", "Outcome", "Reply", "read_attachment", "send_reply", "write_reply"]  # fmt: skip

PRODUCT: Final = f"SIMULATEUR-mssante-sim/{__version__}"
"""Value of X-MSS-NIL, which every message of a professional's software bears.  [Référentiel MSSanté #2 ECO.2.4.1]"""

AUTHOR_FIELD: Final = "X-Mssante-Sim-Auteur"
"""Which member of the team wrote; From shows the organisation only.  [our choice]"""

END_OF_ALL_SUBJECT: Final = "[FIN]"
ANSWERED: Final = "\\Answered"
RECEIPT_SENT: Final = "$MDNSent"
"""No receipt is to be sent for the message any more.  [RFC 3503 §3]"""

MAX_MESSAGE_OCTETS: Final = 25 * 1024 * 1024  # of a message to Mon espace santé  [ENS Messagerie V1.3 §6]


class AnswerRefused(SimulatorError):
    """This cannot be answered, or not like that; nothing was sent."""

    exit_code = 2


class FiledBadly(SimulatorError):
    """The message was taken by the server, but the mailbox does not show it as it should.

    Sent again it arrives no second time, and is filed; `filed` says that it need not be.
    """

    exit_code = 5

    def __init__(self, receipt: SubmissionReceipt, reasons: Sequence[SimulatorError], *, filed: bool) -> None:
        super().__init__(
            f"The message was sent ({receipt.reply}), but: {' '.join(one.public for one in reasons)}",
            french=f"Le message est parti ({receipt.reply}), mais : {' '.join(one.french for one in reasons)}",
        )
        self.filed = filed


class Closing(Enum):
    """What the patient may still answer afterwards."""

    NOTHING = "nothing"
    EXCHANGE = "exchange"  # X-MSS-MES: FIN  [Référentiel MSSanté #2 ECO.2.2.8]
    ALL = "all"  # the subject [FIN]  [ENS Messagerie V1.3 §7]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person wants to say."""

    text: str = field(repr=False)
    attachments: tuple[Attachment, ...] = ()
    receipt: bool = False  # ask for a read receipt
    closing: Closing = Closing.NOTHING
    state: OrderState | None = None  # that the order takes once the answer is gone


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer ready to be submitted, and the state that goes with it."""

    letter: Letter
    state: OrderState | None = None

    def keep(self, folder: Path) -> Path:
        """Writes it, in clear and readable by its owner only, to a draft in `folder`."""
        if self.state is None:
            return self.letter.keep(folder)
        first = _DRAFT_STATE + self.state.value.encode() + b"\r\n"
        return replace(self.letter, octets=first + self.letter.octets).keep(folder)

    @classmethod
    def read(cls, path: Path) -> Self:
        """A reply that was kept, octet for octet.  Raises: DraftUnusable."""
        try:
            octets = path.read_bytes()
        except OSError as error:
            raise DraftUnusable(
                f"The draft {path} cannot be read: {error.strerror}.",
                french=f"Le brouillon {path} ne peut pas être lu : {reason_in_french(error)}.",
            ) from error
        state = None
        if octets.startswith(_DRAFT_STATE):
            line, _, octets = octets.partition(b"\r\n")
            state = next((one for one in OrderState if one.value.encode() == line[len(_DRAFT_STATE) :]), None)
        return cls(letter_of(octets, path), state)

    @property
    def answers(self) -> str | None:
        """Message-ID of what it answers."""
        header = parse(self.letter.octets).header
        return next(reversed(references_of({"in-reply-to": header.get("in-reply-to", b"")})), None)


_DRAFT_STATE: Final = b"X-Mssante-Sim-Brouillon: "  # a line of the draft, never of the message


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an answer that was sent."""

    receipt: SubmissionReceipt
    message_id: str
    state: OrderState | None
    copied: bool  # to the Sent folder; False if a copy lay there already


# Writing ---------------------------------------------------------------------------------------------


def write_reply(desk: Desk, original: Filed, answer: Answer, *, at: datetime) -> Reply:
    """`answer` as a message in the thread of `original`, signed by who sits at `desk`.

    Raises:
        AnswerRefused: no text, too big, nobody to answer, or a report that nobody reads the answer to.
        NotFromPatient: a state or an end is for patients.
        Unreadable: `original` cannot be opened.
        CannotCompose: an attachment's name or type has no place in a message.
    """
    opened = original.require_opened()
    if answer.state is not None or answer.closing is not Closing.NOTHING:
        original.require_patient()
    if not answer.text.strip():
        raise AnswerRefused("The text is empty.", french="Le message est vide : écrivez quelques mots.")
    own, references = answer_references(opened.header)
    message_id = f"<{secrets.token_hex(12)}@{desk.account.address.rpartition('@')[2]}>"
    recipient = _recipient(original)
    octets = compose(
        Draft(
            sender=Address(desk.account.display_name, desk.account.address),  # [Référentiel MSSanté #2 ECO.2.2.7]
            to=(recipient,),
            subject=END_OF_ALL_SUBJECT if answer.closing is Closing.ALL else _subject(opened.subject),
            text=f"{answer.text.rstrip()}\n\n{desk.signature}\n{desk.account.display_name}\n",
            attachments=answer.attachments,
            date=at,
            message_id=message_id,
            in_reply_to=own,
            references=references,
            extra=tuple(_further_fields(desk, answer)),
        )
    )
    if len(octets) > MAX_MESSAGE_OCTETS:
        raise AnswerRefused(
            "The message is larger than 25 MB.",
            french="Le message dépasse 25 Mo une fois préparé : joignez moins de documents, ou de plus petits.",
        )
    return Reply(Letter(octets, desk.account.address, recipient.address, message_id), answer.state)


def _further_fields(desk: Desk, answer: Answer) -> list[tuple[str, str]]:
    further = [("X-MSS-NIL", PRODUCT), (AUTHOR_FIELD, desk.signature), *xdm_fields(answer.attachments)]
    if answer.closing is Closing.EXCHANGE:
        further.append(("X-MSS-MES", "FIN"))
    if answer.receipt:
        further.append(("Disposition-Notification-To", desk.account.address))
    return further


def _recipient(original: Filed) -> Address:
    """Whom an answer goes to: Reply-To counts for professionals; a patient's own address is who the patient is."""
    opened = original.require_opened()
    if opened.report is not None:
        raise AnswerRefused(
            "This is a report; nobody would read an answer.",
            french="Ce message est un avis automatique : personne ne lirait votre réponse.",
        )
    elsewhere = [] if original.from_patient else parse_addresses(opened.header.get("reply-to", b""))
    recipient = next(iter(elsewhere), original.sender)
    if recipient is None:
        raise AnswerRefused(
            "The message names no sender who could be answered.",
            french="L'expéditeur de ce message est illisible : il n'est pas possible de lui répondre.",
        )
    return recipient


_LONGEST_SUBJECT: Final = 500  # characters of somebody else's that we repeat
_ANSWER: Final = re.compile(r"re ?:", re.IGNORECASE)


def _subject(subject: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in subject[:_LONGEST_SUBJECT]).split())
    return plain if _ANSWER.match(plain) else f"Re: {plain}"


_TYPES: Final = MimeTypes()


def read_attachment(path: Path) -> Attachment:
    """The file at `path`, typed by its name.  Raises: AnswerRefused."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AnswerRefused(
            f"{path} cannot be read: {error.strerror}.",
            french=f"« {path} » ne peut pas être lu : {reason_in_french(error)}.",
        ) from error
    if not content:
        raise AnswerRefused(f"{path} is empty.", french=f"« {path} » est vide.")
    kind = _TYPES.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith(("multipart/", "message/")):  # base64 is forbidden for these  [RFC 2045 §6.4]
        kind = "application/octet-stream"
    return Attachment(path.name, kind, content)


# Sending ---------------------------------------------------------------------------------------------


async def send_reply(
    desk: Desk,
    client: MailboxClient,
    reply: Reply,
    *,
    uid: int | None,
    at: datetime,
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """The server has taken `reply`; the message it answers, `uid` of INBOX, says so; Sent holds a sealed copy.

    Without `uid` (a draft) the message is found by its Message-ID, if it is still there.

    Raises:
        Refused, Unreachable: it was not sent, or nobody knows; keep it and send it again.
        FiledBadly: it was sent; marking it or filing it failed, or both.
    """
    letter = reply.letter
    receipt = await asyncio.to_thread(
        desk.submission().send, letter.octets, sender=letter.sender, recipients=[letter.recipient], progress=progress
    )
    failed: list[SimulatorError] = []
    copied: bool | None = None
    try:
        await _mark(client, reply, uid)
    except (ConnectionLost, ImapRefused) as error:
        failed.append(error)
    try:
        copied = await _file(desk, client, letter, at)
    except (ConnectionLost, ImapRefused, NotSealed) as error:
        failed.append(error)
    if copied is None or failed:
        # A lost connection says the same twice.
        raise FiledBadly(receipt, list({one.public: one for one in failed}.values()), filed=copied is not None)
    return Outcome(receipt, letter.message_id, reply.state, copied)


async def _mark(client: MailboxClient, reply: Reply, uid: int | None) -> None:
    if uid is None and reply.answers is not None:
        uid = next(iter(await client.with_message_id(reply.answers)), None)
    if uid is None:
        return
    if reply.state is None:
        await client.change_flags(uid, add=[ANSWERED])
    else:
        await set_state(client, uid, reply.state, also=(ANSWERED,))


async def _file(desk: Desk, client: MailboxClient, letter: Letter, at: datetime) -> bool:
    """Whether a copy was added to Sent; it marks itself as one that no receipt is due for  [RFC 3503 §3.2]."""
    await client.select(SENT)
    if await client.with_message_id(letter.message_id):
        return False
    await client.append(SENT, sealed_copy(desk, letter.octets, at=at), ("\\Seen", RECEIPT_SENT))
    return True
