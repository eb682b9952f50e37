"""The policy as a table, computed from `policy.decide`: one specimen a kind, each against each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from types import MappingProxyType

from mssante_sim.directory.identifiers import Finess, Ins
from mssante_sim.directory.model import Attachment, AttachmentKind, Mailbox, MailboxKind, PatientProfile
from mssante_sim.smtp.policy import (
    Accepted,
    Certificate,
    Decision,
    Party,
    Patient,
    Policy,
    Refused,
    Registered,
    Returned,
    Stranger,
    decide,
)
from mssante_sim.storage.exchanges import Exchange

__all__ = ["RECIPIENTS", "SENDERS", "Cell", "as_markdown", "cells"]

_FINESS = Finess.synthetic(1)
_PHARMACY = Registered(
    mailbox=Mailbox(
        address="pharmacie@officine.mssante.test",
        kind=MailboxKind.ORG,
        name="PHARMACIE FICTIVE",
        attachment=Attachment(AttachmentKind.FINESS, _FINESS),
        organisation=_FINESS,
        responsible=None,
    ),
    sector="SA33",
    attachment_known=True,
    certificate=Certificate.VALID,
)
_INS = Ins.synthetic(sex=2, year=85, month=5, order=1)
_PATIENT = Patient(
    PatientProfile(
        ins=_INS,
        address=f"{_INS}@patient.mssante.test",
        family_name="FICTIF",
        given_name="Camille",
        born=date(1985, 5, 1),
    )
)
_INACTIVE = Patient(replace(_PATIENT.profile, activated=False))


def _but(*, sector: str | None = "SA33", certificate: Certificate = Certificate.VALID, **changes: object) -> Registered:
    """The regular pharmacy, changed."""
    return Registered(replace(_PHARMACY.mailbox, **changes), sector, True, certificate)  # type: ignore[arg-type]


SENDERS: Mapping[str, Party] = MappingProxyType(
    {
        "patient": _PATIENT,
        "patient, profile not activated": _INACTIVE,
        "ORG": _but(address="autre@officine.mssante.test"),
        "ORG that fails R1": _but(address="autre@officine.mssante.test", open=False),
        "PER": _but(address="personne@officine.mssante.test", kind=MailboxKind.PER),
        "APP": _but(address="logiciel@officine.mssante.test", kind=MailboxKind.APP),
        "other operator": Stranger.OUTSIDE,
        "null sender": Stranger.NULL,
    }
)
"""Specimens of whoever may stand in MAIL FROM."""

RECIPIENTS: Mapping[str, Party] = MappingProxyType({
    "ORG, pharmacy": _PHARMACY,
    "ORG, not a pharmacy": _but(sector="SA01"),
    "ORG, pharmacy, red-listed": _but(red_listed=True),
    "ORG, not a pharmacy, red-listed": _but(sector="SA01", red_listed=True),
    "ORG, sealing off, no certificate": _but(certificate=Certificate.MISSING, sealing=False),
    "ORG, attached to nothing": _but(attachment=None),
    "ORG, attached to an unknown number": replace(_PHARMACY, attachment_known=False),
    "ORG, not yet published": _but(published=False),
    "ORG, closed": _but(open=False),
    **{f"ORG, certificate {state.value}": _but(certificate=state)
       for state in Certificate if state is not Certificate.VALID},
    "PER": _but(kind=MailboxKind.PER),
    "APP": _but(kind=MailboxKind.APP),
    "unknown mailbox": Stranger.UNKNOWN,
    "patient": _PATIENT,
    "patient, profile not activated": _INACTIVE,
    "unknown patient": Stranger.UNKNOWN_PATIENT,
    "no patient's address": Stranger.NO_PATIENT_ADDRESS,
    "address of another domain": Stranger.OUTSIDE,
})  # fmt: skip
"""Specimens of whoever may stand in RCPT TO."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one kind of sender meets at one kind of recipient."""

    sender: str
    recipient: str
    first: Decision  # no exchange between the two
    answering: Decision  # inside an exchange that the recipient opened

    def __str__(self) -> str:
        first, answering = _short(self.first), _short(self.answering)
        return first if first == answering else f"{first} (when answering: {answering})"


def cells(policy: Policy) -> Iterator[Cell]:
    """Every cell, recipient by recipient."""
    for recipient_name, recipient in RECIPIENTS.items():
        for sender_name, sender in SENDERS.items():
            first = decide(sender, recipient, (), policy=policy)
            answering = decide(sender, recipient, _opened_by(recipient, sender), policy=policy)
            yield Cell(sender_name, recipient_name, first, answering)


def as_markdown(policy: Policy) -> str:
    """The matrix as a Markdown table, a row per recipient; ends with a newline."""
    lines = ["| to \\ from | " + " | ".join(SENDERS) + " |", "|---" * (len(SENDERS) + 1) + "|"]
    row: list[str] = []
    for cell in cells(policy):
        row = [*row, str(cell)] if row else [cell.recipient, str(cell)]
        if len(row) == len(SENDERS) + 1:
            lines.append("| " + " | ".join(row) + " |")
            row = []
    return "\n".join(lines) + "\n"


def _short(decision: Decision) -> str:
    match decision:
        case Accepted():
            return "accepted"
        case Returned(refusal=refusal):
            return f"returned: {refusal.word}"
        case Refused(refusal=refusal):
            return refusal.word


def _opened_by(opener: Party, other: Party) -> tuple[Exchange, ...]:
    match opener, other:
        case Registered(mailbox=mailbox), Patient(profile=profile):
            opened_by = mailbox.address
        case Patient(profile=profile), Registered(mailbox=mailbox):
            opened_by = profile.address
        case _:
            return ()
    opened = datetime(2026, 1, 1, tzinfo=UTC)
    return (Exchange(patient=profile.address, professional=mailbox.address, opened_by=opened_by, opened=opened),)
