"""What travels over `/mes/v1`: every body, query and answer, and the bounds that hold before anything is looked at.

Instants are RFC 3339 in UTC, sizes octets. Ids are opaque words that stay the same as long as the thing exists,
across restarts. No answer holds the address of a professional's mailbox: a patient sees names only.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "Absent", "Attachment", "Category", "Closing", "Conversation", "ConversationPage", "ConversationQuery",
    "DepositQuery", "Document", "DocumentPage", "DocumentQuery", "Draft", "DraftForm", "DraftPage", "KeepQuery",
    "Message", "MessageLine", "NewDocumentQuery", "NotificationQuery", "Notifications", "Party", "Pharmacy",
    "PharmacyPage", "PharmacyQuery", "Problem", "Profile", "Proposal", "ProposalQuery", "Sent", "Session",
    "SessionOpened", "SignIn", "State", "StateChange", "Visited",
]  # fmt: skip

# Nothing that could end a header line; the one line end that `$` lets through is refused apart.
_LINE = r"^[^\x00-\x1f\x7f]*$"

Id = Annotated[str, Meta(pattern=r"^[0-9]{1,20}-[0-9]{1,20}$", max_length=41)]
MessageId = Annotated[str, Meta(pattern=r"^[rs][0-9]{1,20}-[0-9]{1,20}$", max_length=42)]
Finess = Annotated[str, Meta(pattern=r"^[0-9][0-9AB][0-9]{7}$", max_length=9)]
FileName = Annotated[str, Meta(min_length=1, max_length=255, pattern=_LINE)]
Line = Annotated[str, Meta(max_length=200, pattern=_LINE)]
Place = Annotated[str, Meta(max_length=100, pattern=_LINE)]  # [ENS Messagerie V1.3]
CategoryCode = Literal[
    "ORD_SOIN", "SYNTHESE", "RADIO_SC", "BIOLOGIE", "CPT_REND", "DEPISTAG", "CERT_MED", "DOC_ADM", "DIR_ANT", "AUTR_DOC"
]
State = Literal["not-activated", "activated", "opposed"]
MessageState = Literal["sent", "delivered", "failed", "received", "opened", "answered"]


class Problem(Struct, frozen=True):
    """Why a request was not done: a stable word, a French sentence that says what to do, and the field it is about."""

    error: str
    sentence: str
    field: str = ""


# Session and profile


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """An INS, an address, or the login of a professional; and the password."""

    login: Annotated[str, Meta(min_length=1, max_length=320)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]


class Profile(Struct, frozen=True):
    """Whose session it is; `ins` and `state` are a patient's only."""

    kind: Literal["patient", "professional"]
    name: str
    ins: str | None
    state: State | None


class Session(Struct, frozen=True):
    """The session, and until when it lasts if nothing more is asked."""

    expires: datetime
    profile: Profile


class SessionOpened(Struct, frozen=True):
    """A new session; the token goes into `Authorization: Bearer …` of every request."""

    token: str
    expires: datetime
    profile: Profile


class StateChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What the patient wants of the profile."""

    state: Literal["activated", "opposed"]


# Documents


class Category(Struct, frozen=True):
    """One of the shelves of "Documents"."""

    code: CategoryCode
    label: str


class Document(Struct, frozen=True):
    """A document of the patient, without its content.

    Attributes:
        author: who made it, as a reader sees it.
        added_by: who put it here: the patient, or the professional who deposited it.
        dated: the document's own date, if it has one.
        xdm: whether it came in an IHE_XDM.ZIP, which is kept beside.
    """

    id: str
    name: str
    content_type: str
    octets: int
    category: CategoryCode
    category_label: str
    title: str
    author: str
    added: datetime
    added_by: str
    dated: date | None
    xdm: bool


class DocumentQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which documents."""

    category: CategoryCode | UnsetType = UNSET


class DocumentPage(Struct, frozen=True):
    """The documents, the newest first, and all shelves there are."""

    documents: list[Document]
    categories: list[Category]


class NewDocumentQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a document whose octets are the body; the title is the file's name if none is given."""

    name: FileName
    category: CategoryCode = "AUTR_DOC"
    title: Line = ""
    author: Line = ""
    dated: date | UnsetType = UNSET


class DepositQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """For whom a professional deposits the body, a document or an IHE_XDM.ZIP, and what is said of it.

    What an IHE_XDM.ZIP says of itself comes first.
    """

    patient: Annotated[str, Meta(pattern=r"^[0-9][0-9A-Za-z]{14}$", max_length=15)]  # INS
    name: FileName = "ordonnance.pdf"
    category: CategoryCode = "ORD_SOIN"
    title: Line = ""
    dated: date | UnsetType = UNSET


# Pharmacies


class Pharmacy(Struct, frozen=True):
    """A pharmacy one can write to; `label` is `NOM ( ENSEIGNE )`."""

    finess: str
    label: str
    lines: list[str]
    postal_code: str
    town: str


class Absent(Struct, frozen=True):
    """The one place of that name, and why one cannot write to it."""

    label: str
    error: Literal["no-mailbox", "not-published", "closed", "not-pharmacy"]
    sentence: str


class PharmacyQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """The search form: a name, a place (town, department, postal code), or both."""

    name: Place = ""
    place: Place = ""
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1


class PharmacyPage(Struct, frozen=True):
    """Twenty pharmacies at most; `next` is the number of the following page, if there is one."""

    pharmacies: list[Pharmacy]
    page: int
    next: int | None
    absent: Absent | None = None


class Visited(Struct, frozen=True):
    """Pharmacies already visited, the latest first."""

    pharmacies: list[Pharmacy]


# Writing


class ProposalQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which documents are to be shared."""

    document: Annotated[list[Id], Meta(max_length=100)] = []


class Proposal(Struct, frozen=True):
    """What is proposed to write.

    Attributes:
        octets: of the documents together.
        message_octets: about how large the message will be as it travels.
        limit: what it may not exceed.
        reminder: of the paper prescription.
    """

    subject: str
    text: str
    octets: int
    message_octets: int
    limit: int
    reminder: str


class Attachment(Struct, frozen=True):
    """A file of a message; `n` counts from 1."""

    n: int
    name: str
    content_type: str
    octets: int


class Party(Struct, frozen=True):
    """Whom a conversation is with; `finess` where it is a place of the directory."""

    label: str
    finess: str | None


class DraftForm(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields of a new draft: a pharmacy, or the message that it answers; files come as parts named `attachment`.

    Without a subject there is the proposed one.
    """

    text: Annotated[str, Meta(max_length=200_000)]
    pharmacy: Finess | UnsetType = UNSET
    answers: MessageId | UnsetType = UNSET
    subject: Line = ""
    document: Annotated[list[Id], Meta(max_length=100)] = []


class Draft(Struct, frozen=True):
    """A message that is written and not sent; sent twice, it arrives once."""

    id: str
    to: Party
    subject: str
    text: str
    attachments: list[Attachment]
    octets: int
    message_id: str
    created: datetime


class DraftPage(Struct, frozen=True):
    """All drafts, the newest first."""

    drafts: list[Draft]


class Sent(Struct, frozen=True):
    """The server has the message: what it said, over which TLS, and the message's id among those sent."""

    reply: str
    tls: str
    octets: int
    message_id: str
    message: str | None


# Reading


class Closing(Struct, frozen=True):
    """When an exchange was closed, and by whom."""

    at: datetime
    by: str


class MessageLine(Struct, frozen=True):
    """A message in its conversation.

    Attributes:
        states: of one sent: sent, then delivered or failed, opened, answered; of one received: received, opened,
            answered.
        opened: when its reader opened it, if known: for one sent, by the receipt that came back.
        failure: why it was not delivered, in French.
    """

    id: str
    direction: Literal["sent", "received"]
    date: datetime
    subject: str
    states: list[MessageState]
    opened: datetime | None
    failure: str | None
    attachments: list[Attachment]
    octets: int


class ConversationLine(Struct, frozen=True):
    """A conversation in the list; its id is that of its first message."""

    id: str
    pharmacy: Party
    subject: str
    last: datetime
    unread: int
    messages: int
    closed: Closing | None
    may_answer: bool


class ConversationQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which conversations: with one pharmacy, with something new since a day."""

    pharmacy: Finess | UnsetType = UNSET
    since: date | UnsetType = UNSET


class ConversationPage(Struct, frozen=True):
    """Conversations, the one with the latest message first."""

    conversations: list[ConversationLine]


class Conversation(Struct, frozen=True):
    """A conversation and its messages, the oldest first."""

    conversation: ConversationLine
    messages: list[MessageLine]


class Message(Struct, frozen=True):
    """A message, opened.

    Attributes:
        signer: who is proved to have signed it, by name.
        doubt: why a signature that is there proves nothing, in French.
        receipt: whether its sender asked for a receipt, and got it.
        may_answer: whether an answer would be taken now.
    """

    id: str
    conversation: str
    direction: Literal["sent", "received"]
    date: datetime
    pharmacy: Party
    subject: str
    text: str
    attachments: list[Attachment]
    octets: int
    message_id: str | None
    encrypted: bool
    signer: str | None
    doubt: str | None
    receipt: Literal["none", "returned", "refused", "failed"]
    states: list[MessageState]
    opened: datetime | None
    failure: str | None
    may_answer: bool


class KeepQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which attachment becomes a document, and on which shelf."""

    attachment: Annotated[int, Meta(ge=1, le=2_000)]
    category: CategoryCode = "AUTR_DOC"


class NotificationQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """What arrived after `after`, which an earlier answer gave; without it, what arrives from now on."""

    after: Id | UnsetType = UNSET
    wait: Annotated[int, Meta(ge=0, le=60)] = 0


class Notifications(Struct, frozen=True):
    """Messages that arrived, and messages sent of which something became known; `after` is for the next request."""

    messages: list[str]
    updated: list[str]
    after: str
