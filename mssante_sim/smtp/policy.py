"""Who may write to whom: four rules over frozen values, no lookup, no clock.

`RULES` holds the rules as they are published to users; `decide` applies them.
Whatever is not accepted by R1, R2 or R3 is refused by R4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Literal

from mssante_sim.directory.model import PHARMACY_SECTORS, Mailbox, MailboxKind, PatientProfile
from mssante_sim.smtp import replies
from mssante_sim.smtp.replies import Refusal
from mssante_sim.storage.api import Exchange

__all__ = [
    "RULES",
    "Accepted",
    "Certificate",
    "Decision",
    "Party",
    "Patient",
    "Policy",
    "Refused",
    "Registered",
    "Stranger",
    "decide",
    "explain",
    "hidden_from",
    "same_mailbox",
]

RULES: Mapping[str, str] = MappingProxyType(
    {
        "R1": "In an operator's domain a recipient is accepted only if the directory holds it as ORG, "
        "attached to a FINESS, SIRET or SIREN that the directory knows, published, open, with a valid "
        "receiving certificate (unless its sealing is off). PER and APP never receive. No exception: "
        "null sender and MX listener included.",
        "R2": "The patients' domain is Mon espace santé, not a directory mailbox: it takes only the answer "
        "of an ORG mailbox that satisfies R1 to a patient who wrote first, and Mon espace santé's own "
        "bounces and receipts. Setting `patients_receive = answers | never`; `never` is the strict "
        "reading.",
        "R3": "A patient may write first only to a **pharmacy** (sector), elsewhere only inside an exchange "
        "that the professional opened; account, MAIL FROM and the single From are the same mailbox; a "
        "red-listed mailbox is absent from search and a first contact gets exactly the reply of an "
        "unknown one.",
        "R4": "Everything else is refused; nothing ever leaves the machine.",
    }
)
"""The rules as users read them, in Markdown."""


class Certificate(Enum):
    """What became of a mailbox's receiving certificate; member names are those of `crypto.trust`."""

    VALID = "valid"
    MISSING = "missing"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    REVOKED = "revoked"
    WRONG_USAGE = "wrong-usage"
    WRONG_ADDRESS = "wrong-address"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Registered:
    """A mailbox of an operator's domain that the directory holds, with what R1 and R3 ask about it."""

    mailbox: Mailbox
    sector: str | None  # of the organisation it serves, TRE_R02
    attachment_known: bool
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Patient:
    """A mailbox of the patients' domain."""

    profile: PatientProfile


class Stranger(Enum):
    """Parties of which nothing but their place is known."""

    UNKNOWN = "unknown mailbox of an operator's domain"
    UNKNOWN_PATIENT = "unknown mailbox of the patients' domain"
    OUTSIDE = "address of another domain"
    NULL = "null sender"
    MON_ESPACE_SANTE = "Mon espace santé itself"  # its bounces and receipts; no listener ever says so of a peer


Party = Registered | Patient | Stranger


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that change an answer."""

    sealing: bool = True
    patients_receive: Literal["answers", "never"] = "answers"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The recipient may have the message."""

    rule: str  # key of RULES
    because: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The recipient may not, and this is the reply."""

    rule: str
    because: str
    refusal: Refusal


Decision = Accepted | Refused


def decide(sender: Party, recipient: Party, exchange: Exchange | None, *, policy: Policy) -> Decision:
    """Whether `sender` may write to `recipient` now.

    `exchange` is the conversation between the two if one of them is a patient; a closed one counts as none.
    A `sender` that a listener passes on was authenticated (submission) or vouched for by the white list (mx).
    """
    current = exchange if exchange is not None and exchange.closed is None else None
    if isinstance(sender, Patient) and not sender.profile.activated:
        return Refused("R3", "the sender's profile is not activated", replies.PROFILE_NOT_ACTIVATED)
    match recipient:
        case Registered() | Stranger.UNKNOWN:
            return _to_operator(sender, recipient, current, policy)
        case Patient() | Stranger.UNKNOWN_PATIENT:
            return _to_patients(sender, recipient, current, policy)
        case Stranger.OUTSIDE | Stranger.NULL | Stranger.MON_ESPACE_SANTE:
            return Refused("R4", "the recipient is no mailbox of the simulated domains", replies.OUTSIDE_DOMAIN)


def explain(decision: Decision) -> str:
    """One sentence for people: what was decided, by which rule, why, and the reply a sender would get."""
    if isinstance(decision, Accepted):
        return f"Accepted by {decision.rule}: {decision.because}."
    return f"Refused by {decision.rule}: {decision.because}. Reply: {decision.refusal.line()}"


def hidden_from(sender: Party, mailbox: Mailbox, exchange: Exchange | None) -> bool:
    """Whether `sender` must not learn that `mailbox` exists: a red-listed one, first contact of a patient.

    Whoever gathers facts asks this first and gathers no more, so that not even time tells the two apart.
    """
    return mailbox.red_listed and isinstance(sender, Patient) and (exchange is None or exchange.closed is not None)


def same_mailbox(account: str, mail_from: str) -> bool:
    """Whether two addresses are one mailbox; case is ignored, in the local part too  [our choice]."""
    return account.lower() == mail_from.lower()


def _to_operator(
    sender: Party, recipient: Registered | Stranger, exchange: Exchange | None, policy: Policy
) -> Decision:
    if not isinstance(recipient, Registered) or hidden_from(sender, recipient.mailbox, exchange):
        return Refused("R1", "the directory shows the sender no such mailbox", replies.UNKNOWN_MAILBOX)
    if fault := _fault(recipient, policy):
        return fault
    if isinstance(sender, Patient) or sender is Stranger.UNKNOWN_PATIENT:
        return _from_patient(recipient, exchange)
    return Accepted("R1", "the mailbox is ORG, attached, published, open and can be sealed to")


def _from_patient(recipient: Registered, exchange: Exchange | None) -> Decision:
    if recipient.sector in PHARMACY_SECTORS:
        return Accepted("R3", "a patient may write first to a pharmacy")
    if exchange is not None and exchange.opened_by == exchange.professional:
        return Accepted("R3", "the professional opened this exchange")
    return Refused("R3", "not a pharmacy, and the professional has opened no exchange", replies.NOT_PHARMACY)


def _to_patients(sender: Party, recipient: Patient | Stranger, exchange: Exchange | None, policy: Policy) -> Decision:
    if policy.patients_receive == "never":
        return _not_to_patient("patients receive nothing (patients_receive = never)")
    if not isinstance(recipient, Patient) or not recipient.profile.activated:
        return _not_to_patient("no activated profile has this address")
    if sender is Stranger.MON_ESPACE_SANTE:
        return Accepted("R2", "a bounce or receipt of Mon espace santé")
    if not isinstance(sender, Registered) or _fault(sender, policy):
        return _not_to_patient("the sender is no ORG mailbox that satisfies R1")
    if exchange is None or exchange.opened_by != exchange.patient:
        return _not_to_patient("the patient has not written first to this mailbox")
    return Accepted("R2", "an ORG mailbox answers a patient who wrote first")


def _not_to_patient(because: str) -> Refused:
    """One reply whatever the reason, so that nobody can find out who has a profile."""
    return Refused("R2", because, replies.PATIENT_CANNOT_RECEIVE)


def _fault(party: Registered, policy: Policy) -> Refused | None:
    """Why R1 does not hold for a mailbox of the directory; None if it does."""
    refusal = _r1_refusal(party, policy)
    return None if refusal is None else Refused("R1", f"the mailbox does not satisfy R1 ({refusal.word})", refusal)


def _r1_refusal(party: Registered, policy: Policy) -> Refusal | None:
    mailbox = party.mailbox
    checks = (
        (mailbox.kind is MailboxKind.ORG, replies.NOT_ORGANISATIONAL),
        (mailbox.attachment is not None, replies.NOT_ATTACHED),
        (party.attachment_known, replies.ATTACHMENT_UNKNOWN),
        (mailbox.published, replies.NOT_PUBLISHED),
        (mailbox.open, replies.MAILBOX_CLOSED),
    )
    for holds, refusal in checks:
        if not holds:
            return refusal
    return _BY_CERTIFICATE.get(party.certificate) if policy.sealing and mailbox.sealing else None


_BY_CERTIFICATE: Mapping[Certificate, Refusal] = MappingProxyType(
    {state: replies.REFUSALS[f"certificate-{state.value}"] for state in Certificate if state is not Certificate.VALID}
)
