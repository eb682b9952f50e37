"""The client of `/mes/v1`: one method a route, each answer as the very value of `patient.api` that the server wrote."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from mssante_sim.clients.espace.answers import Unreached, problem_of
from mssante_sim.patient import api
from mssante_sim.patient.documents import Document
from mssante_sim.patient.table import BASE, TABLE
from mssante_sim.patient.wire import read, write

__all__ = ["EspaceSante", "Progress"]

_TIMEOUT_S: Final = 60.0
_CHUNK: Final = 64 * 1024
_OPERATIONS: Final = {operation.name: operation for operation in TABLE}

Progress = Callable[[int], None]
"""Called with the number of octets that have just been sent."""


class EspaceSante:
    """The service at `http` (scheme, host and port), as whoever has `token`.

    Every method raises NotTaken, of the kind that `answers` names, if the service does not do it.
    """

    def __init__(self, http: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=http + BASE, headers=headers, timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    # Session and profile

    def sign_in(self, login: str, password: str) -> api.SessionOpened:
        """A new session; the token in it goes to the next `EspaceSante`."""
        return read(self._json("sign_in", write(api.SignIn(login, password))), api.SessionOpened)

    def session(self) -> api.Session:
        """Whose session it is, and until when."""
        return read(self._ask("show_session"), api.Session)

    def sign_out(self) -> None:
        """The session is over."""
        self._ask("sign_out")

    def profile(self) -> api.Profile:
        """The patient's."""
        return read(self._ask("show_profile"), api.Profile)

    def activate(self) -> api.Profile:
        """The profile can be used."""
        return read(self._json("change_state", write(api.StateChange("activated"))), api.Profile)

    def oppose(self) -> api.Profile:
        """The messaging is closed; the documents stay."""
        return read(self._json("change_state", write(api.StateChange("opposed"))), api.Profile)

    # Documents

    def documents(self, category: str | None = None) -> api.DocumentPage:
        """All of them, or those of one category."""
        return read(self._ask("list_documents", query={"category": category}), api.DocumentPage)

    def document(self, document: str) -> api.Document:
        """What is known of one."""
        return read(self._ask("show_document", document=document), api.Document)

    def content(self, document: str) -> bytes:
        """The document itself."""
        return self._ask("read_document", document=document)

    def xdm(self, document: str) -> bytes:
        """The IHE_XDM.ZIP that it came in."""
        return self._ask("read_xdm", document=document)

    def add(
        self,
        file: Document,
        *,
        category: str | None = None,
        title: str | None = None,
        author: str | None = None,
        dated: date | None = None,
        progress: Progress | None = None,
    ) -> api.Document:
        """The file is among the documents."""
        query = {"name": file.name, "category": category, "title": title, "author": author, "dated": _day(dated)}
        return read(self._upload("add_document", file.content, query, progress), api.Document)

    def remove(self, document: str) -> None:
        """The document is gone."""
        self._ask("remove_document", document=document)

    def deposit(
        self,
        octets: bytes,
        *,
        patient: str,
        name: str | None = None,
        title: str | None = None,
        dated: date | None = None,
        progress: Progress | None = None,
    ) -> api.Document:
        """A professional's document, or IHE_XDM.ZIP, is among those of the patient with that INS."""
        query = {"patient": patient, "name": name, "title": title, "dated": _day(dated)}
        return read(self._upload("deposit", octets, query, progress), api.Document)

    # Pharmacies

    def search(self, name: str | None = None, place: str | None = None, page: int = 1) -> api.PharmacyPage:
        """A page of pharmacies; at least one of `name` and `place` is needed."""
        query = {"name": name, "place": place, "page": str(page)}
        return read(self._ask("search_pharmacies", query=query), api.PharmacyPage)

    def visited(self) -> list[api.Pharmacy]:
        """Pharmacies already visited, the latest first."""
        return read(self._ask("visited_pharmacies"), api.Visited).pharmacies

    def pharmacy(self, finess: str) -> api.Pharmacy:
        """The one of that number."""
        return read(self._ask("show_pharmacy", finess=finess), api.Pharmacy)

    # Writing

    def propose(self, documents: Sequence[str]) -> api.Proposal:
        """The message that would go with them."""
        return read(self._ask("propose", query={"document": list(documents)}), api.Proposal)

    def drafts(self) -> list[api.Draft]:
        """All of them, the newest first."""
        return read(self._ask("list_drafts"), api.DraftPage).drafts

    def write_draft(
        self,
        *,
        text: str,
        pharmacy: str | None = None,
        answers: str | None = None,
        subject: str | None = None,
        documents: Sequence[str] = (),
        attachments: Sequence[Document] = (),
        progress: Progress | None = None,
    ) -> api.Draft:
        """A message to a pharmacy (FINESS), or that answers one (its id), is written and kept."""
        fields = [("text", text), ("pharmacy", pharmacy), ("answers", answers), ("subject", subject)]
        fields += [("document", one) for one in documents]
        parts: list[tuple[str, Any]] = [(name, (None, value.encode())) for name, value in fields if value is not None]
        parts += [("attachment", (one.name, one.content, one.content_type)) for one in attachments]
        form = self._client.build_request("POST", "/drafts", files=parts)
        kind = form.headers["Content-Type"]
        return read(self._upload("write_draft", form.read(), {}, progress, kind), api.Draft)

    def draft(self, draft: str) -> api.Draft:
        """One of them."""
        return read(self._ask("show_draft", draft=draft), api.Draft)

    def remove_draft(self, draft: str) -> None:
        """The draft is gone."""
        self._ask("remove_draft", draft=draft)

    def send_draft(self, draft: str) -> api.Sent:
        """The message went out, the draft is gone; asked again after a broken connection, it goes out once."""
        return read(self._ask("send_draft", draft=draft), api.Sent)

    # Reading

    def conversations(self, pharmacy: str | None = None, since: date | None = None) -> list[api.ConversationLine]:
        """The one with the latest message first."""
        query = {"pharmacy": pharmacy, "since": _day(since)}
        return read(self._ask("list_conversations", query=query), api.ConversationPage).conversations

    def conversation(self, message: str) -> api.Conversation:
        """The one that holds that message."""
        return read(self._ask("show_conversation", message=message), api.Conversation)

    def message(self, message: str) -> api.Message:
        """A message, opened, which marks it as read."""
        return read(self._ask("open_message", message=message), api.Message)

    def attachment(self, message: str, number: int) -> bytes:
        """One of its attachments, counted from 1."""
        return self._ask("read_attachment", message=message, n=str(number))

    def keep(self, message: str, number: int, category: str | None = None) -> api.Document:
        """An attachment is among the documents too."""
        query = {"attachment": str(number), "category": category}
        return read(self._ask("keep_attachment", query=query, message=message), api.Document)

    def source(self, message: str) -> bytes:
        """The opened message as a file."""
        return self._ask("read_source", message=message)

    def news(self, after: str | None = None, wait_s: int = 0) -> api.Notifications:
        """What arrived after `after`, waiting for it at most so long."""
        query = {"after": after, "wait": str(wait_s)}
        return read(self._ask("wait_for_news", query=query, timeout_s=_TIMEOUT_S + wait_s), api.Notifications)

    # How

    def _json(self, name: str, body: bytes) -> bytes:
        return self._ask(name, content=body, headers={"Content-Type": "application/json"})

    def _upload(
        self,
        name: str,
        octets: bytes,
        query: Mapping[str, str | None],
        progress: Progress | None,
        kind: str = "application/octet-stream",
    ) -> bytes:
        headers = {"Content-Type": kind, "Content-Length": str(len(octets))}
        return self._ask(name, query=query, content=_pieces(octets, progress), headers=headers)

    def _ask(
        self,
        name: str,
        *,
        query: Mapping[str, str | list[str] | None] | None = None,
        content: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = _TIMEOUT_S,
        **path: str,
    ) -> bytes:
        operation = _OPERATIONS[name]
        url = operation.path.format(**{part: quote(value, safe="") for part, value in path.items()})
        params = {key: value for key, value in (query or {}).items() if value}
        try:
            answer = self._client.request(
                operation.method, url, params=params, content=content, headers=headers, timeout=timeout_s
            )
        except httpx.HTTPError as error:
            raise Unreached("", _broken(error)) from error
        if answer.status_code != operation.status:
            raise problem_of(answer)
        return answer.content


def _broken(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return "Le service Mon espace santé est injoignable. Est-il lancé ?"
    return "Le service Mon espace santé ne répond plus : la connexion a été coupée."


def _pieces(octets: bytes, progress: Progress | None) -> Iterator[bytes]:
    for start in range(0, len(octets), _CHUNK):
        piece = octets[start : start + _CHUNK]
        yield piece
        if progress is not None:
            progress(len(piece))


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
