"""The messages of a mailbox as its team sees them: opened, with the folder's word on each."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mssante_sim.clients.desk import Desk
from mssante_sim.clients.fetched import Stored
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.reading import Opened, Unreadable
from mssante_sim.clients.states import OrderState, state_of
from mssante_sim.directory.identifiers import IdentifierError, Ins
from mssante_sim.errors import SimulatorError
from mssante_sim.message.headers import Address, parse_addresses, single_from
from mssante_sim.message.parts import parse
from mssante_sim.message.reports import Failure, Receipt
from mssante_sim.message.threads import message_id_of

__all__ = ["UNOPENED", "Filed", "MessageMissing", "NotFromPatient", "Progress", "Told", "as_filed", "filed_message",
           "filed_messages", "ins_of", "set_state", "told_by", "untold"]  # fmt: skip


UNOPENED: Final = "aucune des clés de cette messagerie ne l'ouvre"
"""The doubt about a message that stays closed."""


class MessageMissing(SimulatorError):
    """The mailbox holds no such message."""

    exit_code = 2

    def __init__(self, uid: int) -> None:
        super().__init__(
            f"There is no message {uid}.", french=f"Il n'y a pas de message {uid} ; « pharmacy list » les énumère."
        )


class NotFromPatient(SimulatorError):
    """The message does not come from a Mon espace santé profile."""

    exit_code = 2

    def __init__(self, uid: int) -> None:
        super().__init__(
            f"Message {uid} does not come from a patient.",
            french=f"Le message {uid} ne vient pas d'un patient : cette commande ne s'y applique pas.",
        )


@dataclass(frozen=True, slots=True)
class Filed:
    """One message of a folder; `opened` is None if none of the account's keys opens it."""

    uid: int
    flags: frozenset[str]
    received: datetime
    header: Mapping[str, bytes]  # what is legible without a key, as `Part.header`
    sender: Address | None
    opened: Opened | None
    from_patient: bool
    octets: bytes = field(repr=False)  # as they lie on the server

    @property
    def message_id(self) -> str | None:
        """With its angle brackets."""
        return message_id_of(self.header)

    @property
    def recipients(self) -> list[Address]:
        """Whom it is addressed to."""
        return parse_addresses(self.header.get("to", b""))

    @property
    def state(self) -> OrderState | None:
        """How far the order is."""
        return state_of(self.flags)

    def has(self, flag: str) -> bool:
        """Whether the message carries `flag`; letter case does not count."""
        return flag.lower() in {one.lower() for one in self.flags}

    @property
    def from_patients_operator(self) -> bool:
        """Whether Mon espace santé itself wrote: MAILER-DAEMON with the null return path.  [ENS Messagerie V1.3 §6]

        Whoever writes has a return path, which the last server put on top, and only that first one counts.
        """
        local_part = self.sender.address.partition("@")[0].lower() if self.sender is not None else ""
        no_way_back = "".join(self.header.get("return-path", b"?").decode("ascii", "replace").split()) == "<>"
        return self.from_patient and local_part == "mailer-daemon" and no_way_back

    def require_patient(self) -> None:
        """Nothing, for a patient's own message.  Raises: NotFromPatient, also for a report of whatever origin."""
        if not self.from_patient or (self.opened is not None and self.opened.report is not None):
            raise NotFromPatient(self.uid)

    def require_opened(self) -> Opened:
        """The message in clear.  Raises: Unreadable."""
        if self.opened is None:
            raise Unreadable(
                f"Message {self.uid} cannot be decrypted.",
                french=f"Le message {self.uid} ne peut pas être déchiffré avec les clés de cette messagerie.",
            )
        return self.opened


async def filed_message(client: MailboxClient, desk: Desk, uid: int, *, at: datetime) -> Filed:
    """Message `uid` of the selected folder, its flags untouched.  Raises: MessageMissing."""
    stored = await client.stored(uid) if uid > 0 else None
    if stored is None:
        raise MessageMissing(uid)
    return as_filed(desk, stored, at=at)


Progress = Callable[[int, int], None]
"""Told how many of how many messages have been read."""


def untold(_done: int, _total: int) -> None:
    """Nobody is told."""


async def filed_messages(
    client: MailboxClient, desk: Desk, *, at: datetime, since: datetime | None = None, progress: Progress = untold
) -> AsyncIterator[Filed]:
    """The messages of the selected folder that arrived at `since` or later, one in memory at a time."""
    uids = await client.uids()
    if since is not None:
        uids = [one.uid async for one in client.headers(uids) if one.received >= since]
    for number, uid in enumerate(uids, 1):
        stored = await client.stored(uid)
        if stored is not None:
            yield as_filed(desk, stored, at=at)
        progress(number, len(uids))


def as_filed(desk: Desk, stored: Stored, *, at: datetime) -> Filed:
    """`stored` opened with the keys of `desk`, if they fit."""
    try:
        opened = desk.open(stored.octets, at=at, arrived=stored.received)
    except Unreadable:
        opened = None
    sender = single_from(stored.octets)
    from_patient = sender is not None and desk.is_patient(sender.address)
    header = opened.header if opened is not None else parse(stored.octets).header
    return Filed(stored.uid, stored.flags, stored.received, header, sender, opened, from_patient, stored.octets)


async def set_state(client: MailboxClient, uid: int, state: OrderState | None, *, also: tuple[str, ...] = ()) -> None:
    """The message carries the keyword of `state` and of no other, or of none; and the flags `also`."""
    others = [one.value for one in OrderState if one is not state]
    await client.change_flags(uid, add=(*((state.value,) if state else ()), *also), remove=others)


def ins_of(address: str) -> Ins | None:
    """The INS that a patient's address is made of, its key checked; no qualified identity.  [Référentiel MSSanté #2]"""
    try:
        return Ins(address.partition("@")[0].upper())
    except IdentifierError:
        return None


_CAUSES: Final = {
    "5.1.1": "patient ou adresse inconnus",
    "5.1.3": "adresse invalide",
    "5.2.1": "messagerie fermée",
    "5.3.4": "message trop volumineux",
    "5.7.1": "envoi non autorisé",
}
"""What Mon espace santé gives as causes.  [ENS Messagerie V1.3 §6]"""


@dataclass(frozen=True, slots=True)
class Told:
    """What a report says of one of our messages.

    Attributes:
        about: that message's Message-ID.
        by: who says so, in lower case: a receipt counts from whom the message went to, for anyone else may know the
            Message-ID but has read nothing. None for a failure, which the patients' operator tells.
    """

    about: str
    by: str | None
    sentence: str

    def concerns(self, message_id: str | None, recipients: Collection[str]) -> bool:
        """Whether it is about that message to `recipients` (lower case), and from somebody who can know."""
        return message_id == self.about and (self.by is None or self.by in recipients)


def told_by(filed: Filed) -> Told | None:
    """What `filed` tells of another message, if it is a report from somebody who can know; in French."""
    report = filed.opened.report if filed.opened is not None else None
    if report is None or not report.original_message_id:
        return None
    by = filed.sender.address.lower() if filed.sender is not None else ""
    on = f"{filed.received.astimezone():%d/%m/%Y à %H:%M}"
    match report:
        case Receipt(displayed=True):
            return Told(
                report.original_message_id, by, f"ouvert {'par le patient ' if filed.from_patient else ''}le {on}"
            )
        case Receipt():
            return Told(report.original_message_id, by, f"traité sans être affiché, le {on}")
        case Failure() if not filed.from_patients_operator:
            return None
        case Failure():
            cause = _CAUSES.get(report.status, "refusé")
            return Told(report.original_message_id, None, f"non remis : {cause} ({report.status})")
