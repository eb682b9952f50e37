"""The routes of `/mes/v1` as data: what each wants, answers and refuses.

The server makes its routes of it, the OpenAPI description is generated from it,
and tests go through it, so that none of the three can forget a route.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from msgspec import Struct

from mssante_sim.patient import api
from mssante_sim.patient.documents import MAX_DOCUMENT_OCTETS

__all__ = ["BASE", "TABLE", "Body", "Operation", "Who", "by_path"]

BASE: Final = "/mes/v1"


class Who(Enum):
    """Who may ask."""

    ANYONE = auto()  # without a session
    SESSION = auto()  # whoever has one
    PATIENT = auto()  # a patient, whatever the state of the profile
    ACTIVATED = auto()  # a patient whose profile is activated
    PROFESSIONAL = auto()


class Body(Enum):
    """What the body of a request is."""

    NONE = ""
    JSON = "application/json"
    FILE = "application/octet-stream"
    FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        answer: the Struct that is returned as JSON, or a media type; None for 204.
        takes: the Struct of a JSON body or of a form's fields.
        faults: the words of `FAULTS` that it may answer, beside those that every route has.
        most: octets of a body that is a file.
    """

    method: str
    path: str
    name: str
    summary: str
    who: Who
    answer: type[Struct] | str | None
    status: int = 200
    query: type[Struct] | None = None
    body: Body = Body.NONE
    takes: type[Struct] | None = None
    faults: tuple[str, ...] = ()
    most: int = MAX_DOCUMENT_OCTETS


_FILE: Final = "application/octet-stream"
_STORE: Final = ("space-full", "disk-full", "no-key")
_DOCUMENT: Final = ("document-refused", "document-too-big", "bad-name", *_STORE)
_ABSENT: Final = ("unknown", "not-pharmacy", "no-mailbox", "not-published", "closed")

_A: Final = Who.ACTIVATED
TABLE: Final[tuple[Operation, ...]] = (
    Operation("GET", "/openapi.json", "describe", "This description", Who.ANYONE, "application/json"),
    # Session and profile
    Operation("POST", "/sessions", "sign_in", "Open a session", Who.ANYONE, api.SessionOpened, 201,
              body=Body.JSON, takes=api.SignIn, faults=("bad-credentials", "too-many-attempts")),
    Operation("GET", "/session", "show_session", "Whose session it is", Who.SESSION, api.Session),
    Operation("DELETE", "/session", "sign_out", "End the session", Who.SESSION, None, 204),
    Operation("GET", "/profile", "show_profile", "The patient's profile", Who.PATIENT, api.Profile),
    Operation("PUT", "/profile/state", "change_state", "Activate the profile, or oppose it", Who.PATIENT,
              api.Profile, body=Body.JSON, takes=api.StateChange),
    # Documents
    Operation("GET", "/documents", "list_documents", "Documents, by category", _A, api.DocumentPage,
              query=api.DocumentQuery),
    Operation("POST", "/documents", "add_document", "Add a document", _A, api.Document, 201,
              query=api.NewDocumentQuery, body=Body.FILE, faults=_DOCUMENT),
    Operation("GET", "/documents/{document}", "show_document", "What is known of a document", _A, api.Document,
              faults=("document-missing",)),
    Operation("GET", "/documents/{document}/content", "read_document", "The document itself", _A, _FILE,
              faults=("document-missing",)),
    Operation("GET", "/documents/{document}/xdm", "read_xdm", "The IHE_XDM.ZIP it came in", _A, "application/zip",
              faults=("document-missing", "no-xdm")),
    Operation("DELETE", "/documents/{document}", "remove_document", "Remove a document", _A, None, 204,
              faults=("document-missing",)),
    Operation("POST", "/deposits", "deposit", "A professional deposits a document for a patient", Who.PROFESSIONAL,
              api.Document, 201, query=api.DepositQuery, body=Body.FILE,
              faults=("patient-unreachable", "other-patient", *_DOCUMENT), most=8 * 1024 * 1024),
    # Pharmacies
    Operation("GET", "/pharmacies", "search_pharmacies", "Search a pharmacy by name and place", _A,
              api.PharmacyPage, query=api.PharmacyQuery, faults=("nothing-to-search",)),
    Operation("GET", "/pharmacies/visited", "visited_pharmacies", "Pharmacies already visited", _A, api.Visited),
    Operation("GET", "/pharmacies/{finess}", "show_pharmacy", "A pharmacy, or why one cannot write to it", _A,
              api.Pharmacy, faults=_ABSENT),
    # Writing
    Operation("GET", "/proposal", "propose", "The message that is proposed", _A, api.Proposal,
              query=api.ProposalQuery, faults=("document-missing",)),
    Operation("GET", "/drafts", "list_drafts", "Drafts", _A, api.DraftPage),
    Operation("POST", "/drafts", "write_draft", "Write a message and keep it", _A, api.Draft, 201,
              body=Body.FORM, takes=api.DraftForm,
              faults=("no-recipient", "no-answer", "exchange-closed", "empty-text", "too-big", "document-missing",
                      "message-missing", *_ABSENT, *_DOCUMENT)),
    Operation("GET", "/drafts/{draft}", "show_draft", "A draft", _A, api.Draft, faults=("draft-missing",)),
    Operation("DELETE", "/drafts/{draft}", "remove_draft", "Remove a draft", _A, None, 204,
              faults=("draft-missing",)),
    Operation("POST", "/drafts/{draft}/send", "send_draft", "Send a draft", _A, api.Sent,
              faults=("draft-missing", "too-big", "no-answer", "unreachable", "bad-body")),
    # Reading
    Operation("GET", "/conversations", "list_conversations", "Conversations", _A, api.ConversationPage,
              query=api.ConversationQuery),
    Operation("GET", "/conversations/{message}", "show_conversation", "A conversation, by any of its messages", _A,
              api.Conversation, faults=("conversation-missing",)),
    Operation("GET", "/messages/{message}", "open_message", "Open a message, which marks it as read", _A,
              api.Message, faults=("message-missing",)),
    Operation("GET", "/messages/{message}/attachments/{n}", "read_attachment", "An attachment", _A, _FILE,
              faults=("message-missing", "attachment-missing")),
    Operation("POST", "/messages/{message}/document", "keep_attachment", "Keep an attachment among the documents",
              _A, api.Document, 201, query=api.KeepQuery,
              faults=("message-missing", "attachment-missing", *_DOCUMENT)),
    Operation("GET", "/messages/{message}/source", "read_source", "The opened message as a file", _A,
              "message/rfc822", faults=("message-missing",)),
    Operation("GET", "/notifications", "wait_for_news", "Wait for what arrives", _A, api.Notifications,
              query=api.NotificationQuery),
)  # fmt: skip


def by_path() -> Iterator[tuple[str, dict[str, Operation]]]:
    """Each path with its operations by method, in the order of `TABLE`."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in TABLE:
        paths.setdefault(operation.path, {})[operation.method] = operation
    yield from paths.items()
