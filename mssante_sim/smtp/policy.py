"""Who may write to whom: four rules over frozen values, no lookup, no clock.

`RULES` holds the rules as they are published to users; `decide` applies them.
Whatever is not accepted by R1, R2 or R3 is refused by R4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from mssante_sim.config import PatientsReceive
from mssante_sim.directory.model import PHARMACY_SECTORS, Mailbox, MailboxKind, PatientProfile
from mssante_sim.patient.conversation import closing_of, may_answer, wrote_first
from mssante_sim.smtp import replies
from mssante_sim.smtp.replies import Refusal
from mssante_sim.storage.exchanges import Exchange

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
    "Returned",
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
        "receipts. What it cannot deliver for such a mailbox (messaging closed, patient unknown, invalid "
        "address, too big) comes back to it as a mail. Setting `patients_receive = answers | professionals "
        "| never`; with `professionals` any ORG or PER mailbox may open an exchange; `never` is the strict "
        "reading.",
        "R3": "A patient may write first only to a **pharmacy** (sector), elsewhere only inside an exchange "
        "that the professional opened and has not closed; a closed exchange takes no answer; account, MAIL "
        "FROM and the single From are the same mailbox; a red-listed mailbox is absent from search and a "
        "first contact gets exactly the reply of an unknown one.",
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
    NO_PATIENT_ADDRESS = "address of the patients' domain that cannot be one"
    OUTSIDE = "address of another domain"
    NULL = "null sender"
    MON_ESPACE_SANTE = "Mon espace santé itself"  # its bounces and receipts; no listener ever says so of a peer


Party = Registered | Patient | Stranger


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that change an answer."""

    sealing: bool = True
    patients_receive: PatientsReceive = "answers"


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


@dataclass(frozen=True, slots=True)
class Returned:
    """The message is taken, not delivered, and Mon espace santé tells its sender so by mail."""

    rule: str
    because: str
    refusal: Refusal  # what that mail says


Decision = Accepted | Refused | Returned


def decide(sender: Party, recipient: Party, exchanges: Sequence[Exchange], *, policy: Policy) -> Decision:
    """Whether `sender` may write to `recipient` now.

    `exchanges` are the conversations between the two if one of them is a patient.
    A `sender` that a listener passes on was authenticated (submission) or vouched for by the white list (mx).
    """
    if isinstance(sender, Patient) and not sender.profile.activated:
        return Refused("R3", "the sender's profile is not activated", replies.PROFILE_NOT_ACTIVATED)
    match recipient:
        case Registered() | Stranger.UNKNOWN:
            return _to_operator(sender, recipient, exchanges, policy)
        case Patient() | Stranger.UNKNOWN_PATIENT | Stranger.NO_PATIENT_ADDRESS:
            return _to_patients(sender, recipient, exchanges, policy)
        case Stranger.OUTSIDE | Stranger.NULL | Stranger.MON_ESPACE_SANTE:
            return Refused("R4", "the recipient is no mailbox of the simulated domains", replies.OUTSIDE_DOMAIN)


def explain(decision: Decision) -> str:
    """One sentence for people: what was decided, by which rule, why, and the reply a sender would get."""
    if isinstance(decision, Accepted):
        return f"Accepted by {decision.rule}: {decision.because}."
    if isinstance(decision, Returned):
        refusal = decision.refusal
        return (
            f"Taken, and returned by {decision.rule}: {decision.because}. Mail: {refusal.enhanced} {refusal.sentence}"
        )
    return f"Refused by {decision.rule}: {decision.because}. Reply: {decision.refusal.line()}"


def hidden_from(sender: Party, mailbox: Mailbox, exchanges: Sequence[Exchange]) -> bool:
    """Whether `sender` must not learn that `mailbox` exists: a red-listed one, first contact of a patient.

    Whoever gathers facts asks this first and gathers no more, so that not even time tells the two apart.
    """
    return mailbox.red_listed and isinstance(sender, Patient) and not exchanges


def same_mailbox(account: str, mail_from: str) -> bool:
    """Whether two addresses are one mailbox; case is ignored, in the local part too  [our choice]."""
    return account.lower() == mail_from.lower()


def _to_operator(
    sender: Party, recipient: Registered | Stranger, exchanges: Sequence[Exchange], policy: Policy
) -> Decision:
    if not isinstance(recipient, Registered) or hidden_from(sender, recipient.mailbox, exchanges):
        return Refused("R1", "the directory shows the sender no such mailbox", replies.UNKNOWN_MAILBOX)
    if fault := _fault(recipient, policy):
        return fault
    if isinstance(sender, Patient) or sender in _UNKNOWN_PATIENTS:
        return _from_patient(recipient, exchanges)
    return Accepted("R1", "the mailbox is ORG, attached, published, open and can be sealed to")


def _from_patient(recipient: Registered, exchanges: Sequence[Exchange]) -> Decision:
    ended = [one for one in exchanges if one.closed is not None]
    if recipient.mailbox.red_listed and ended and len(ended) == len(exchanges):  # no first contact, and none anew
        latest = max(ended, key=lambda one: (one.closed, one.id))
        return Refused("R3", "every exchange with this red-listed mailbox is closed", replies.exchange_closed(latest))
    if recipient.sector in PHARMACY_SECTORS:
        return Accepted("R3", "a patient may write first to a pharmacy")
    address = recipient.mailbox.address
    if may_answer(exchanges, address):
        return Accepted("R3", "the professional opened this exchange")
    if closed := closing_of(exchanges, address):
        return Refused("R3", "the professional has closed the exchange", replies.exchange_closed(closed))
    return Refused("R3", "not a pharmacy, and the professional has opened no exchange", replies.NOT_PHARMACY)


def _to_patients(sender: Party, recipient: Party, exchanges: Sequence[Exchange], policy: Policy) -> Decision:
    if policy.patients_receive == "never":
        return _not_to_patient("patients receive nothing (patients_receive = never)")
    if sender is not Stranger.MON_ESPACE_SANTE and not _may_write_to_patients(sender, policy):
        return _not_to_patient("the sender is no ORG mailbox that satisfies R1")
    if failure := _undeliverable(recipient):
        # Only ORG mailboxes receive (R1): nobody else could be told by mail.
        told = isinstance(sender, Registered) and sender.mailbox.kind is MailboxKind.ORG
        return (Returned if told else Refused)("R2", "no messaging of a patient is behind this address", failure)
    if sender is not Stranger.MON_ESPACE_SANTE and policy.patients_receive == "answers" and not wrote_first(exchanges):
        return _not_to_patient("the patient has not written first to this mailbox")
    return Accepted("R2", _WHY_A_PATIENT_GETS_IT[policy.patients_receive])


def _may_write_to_patients(sender: Party, policy: Policy) -> bool:
    if not isinstance(sender, Registered):
        return False
    if policy.patients_receive == "professionals" and sender.mailbox.kind is MailboxKind.PER:
        return sender.mailbox.open
    return _fault(sender, policy) is None


def _undeliverable(recipient: Party) -> Refusal | None:
    """Which of Mon espace santé's failures a message to `recipient` meets.  [ENS Messagerie V1.3 §6]"""
    if recipient is Stranger.NO_PATIENT_ADDRESS:
        return replies.PATIENT_ADDRESS
    if not isinstance(recipient, Patient):
        return replies.PATIENT_UNKNOWN
    return None if recipient.profile.activated else replies.PATIENT_CLOSED


def _not_to_patient(because: str) -> Refused:
    """One reply whatever the reason: whoever is no ORG mailbox in order cannot find out who has a profile."""
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


_WHY_A_PATIENT_GETS_IT = {
    "answers": "an ORG mailbox answers a patient who wrote first, or Mon espace santé itself writes",
    "professionals": "any professional may open an exchange (patients_receive = professionals)",
}
_UNKNOWN_PATIENTS = (Stranger.UNKNOWN_PATIENT, Stranger.NO_PATIENT_ADDRESS)
_BY_CERTIFICATE: Mapping[Certificate, Refusal] = MappingProxyType(
    {state: replies.REFUSALS[f"certificate-{state.value}"] for state in Certificate if state is not Certificate.VALID}
)
