"""The Annuaire Santé over HTTP: search, read and metadata of `/fhir/v2`, for whoever has the key."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from mssante_sim import __version__
from mssante_sim.directory import fhir
from mssante_sim.directory.fhir_search import PARAMETERS, FhirSearch, SearchRefused, finesses, read_search
from mssante_sim.directory.model import Organisation
from mssante_sim.directory.store import Directory

__all__ = ["routes"]

_CHUNK: Final = 100  # organisations looked at between two breaths of the loop: a few milliseconds
_MAX_CURSOR: Final = 8_192

_Endpoint = Callable[[Request], Awaitable[Response]]


class FhirJson(JSONResponse):
    """JSON under the name that FHIR gives it."""

    media_type = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a page begins: the query, and how many candidates were looked at before it."""

    query: list[tuple[str, str]]
    looked_at: int = 0

    def to_text(self) -> str:
        octets = json.dumps([self.query, self.looked_at], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(octets).decode()

    @classmethod
    def from_text(cls, text: str) -> "_Cursor":
        """Raises ValueError for what `to_text` did not write."""
        if len(text) > _MAX_CURSOR:
            raise ValueError("too long")
        query, looked_at = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
        pairs = [(name, value) for name, value in query]
        if not all(isinstance(part, str) for pair in pairs for part in pair) or type(looked_at) is not int:
            raise ValueError("not ours")
        if not 0 <= looked_at < 2**40:
            raise ValueError("nowhere")
        return cls(pairs, looked_at)


def routes(directory: Directory, *, api_key: str) -> list[BaseRoute]:
    """`/fhir/v2`, guarded by the header ESANTE-API-KEY."""
    facade = _Facade(directory)
    guarded = {
        "/metadata": facade.metadata,
        "/Organization": facade.search,
        "/Organization/{technical}": facade.read,
        "/_page": facade.page,
        "/{rest:path}": facade.unknown,
    }
    return [Mount("/fhir/v2", routes=[Route(path, _guarded(endpoint, api_key)) for path, endpoint in guarded.items()])]


def _guarded(endpoint: _Endpoint, api_key: str) -> _Endpoint:
    async def answer(request: Request) -> Response:
        given = request.headers.get("ESANTE-API-KEY", "")
        if not hmac.compare_digest(given.encode(), api_key.encode()):
            return FhirJson(fhir.outcome("The header ESANTE-API-KEY is missing or wrong", code="login"), 401)
        try:
            return await endpoint(request)
        except SearchRefused as refused:
            return FhirJson(fhir.outcome(refused.public), 400)

    return answer


class _Facade:
    """Answers requests that have the key."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def metadata(self, request: Request) -> Response:
        """What the façade can do."""
        return FhirJson(fhir.capabilities(PARAMETERS.items(), version=__version__))

    async def read(self, request: Request) -> Response:
        """One organisation by its technical identifier."""
        technical = request.path_params["technical"]
        finess = fhir.finess_of_id(technical)
        organisation = None if finess is None else self._directory.organisation(finess)
        if organisation is None:
            return FhirJson(fhir.outcome(f"Resource Organization/{technical[:64]} is not known"), 404)
        return FhirJson(self._resource(organisation))

    async def search(self, request: Request) -> Response:
        """The first page of a search."""
        return await self._answer(request, _Cursor(request.query_params.multi_items()))

    async def page(self, request: Request) -> Response:
        """A later page, named by the link that the page before gave."""
        try:
            cursor = _Cursor.from_text(request.query_params.get("id", ""))
        except (ValueError, TypeError, RecursionError):
            return FhirJson(fhir.outcome("This page does not exist; search again"), 410)
        return await self._answer(request, cursor)

    async def unknown(self, request: Request) -> Response:
        """Any other address below the base."""
        return FhirJson(fhir.outcome("Unknown resource type - Server knows how to handle: [Organization]"), 404)

    async def _answer(self, request: Request, cursor: _Cursor) -> Response:
        search = read_search(cursor.query)
        found: list[fhir.Resource] = []
        following = None
        async for position, organisation in self._candidates(search, cursor.looked_at):
            if not search.accepts(organisation, self._directory.mailboxes_of(organisation.finess)):
                continue
            if len(found) == search.count:
                following = _Cursor(cursor.query, position)
                break
            found.append(self._resource(organisation))
        base = f"{request.url.scheme}://{request.url.netloc}/fhir/v2"
        return FhirJson(fhir.bundle(
            base, found, itself=str(request.url),
            following=f"{base}/_page?id={following.to_text()}" if following else None,
            total=len(found) if following is None and cursor.looked_at == 0 else None,
        ))  # fmt: skip

    async def _candidates(self, search: FhirSearch, begin: int) -> AsyncIterator[tuple[int, Organisation]]:
        """Organisations that may answer `search`, from position `begin` on; never all at once."""
        named = self._named(search)
        if named is not None:
            for position, organisation in enumerate(named[begin:], start=begin):
                yield position, organisation
            return
        name, place = search.beginnings()
        while chunk := self._directory.organisations(name, place, limit=_CHUNK, offset=begin):
            for position, organisation in enumerate(chunk, start=begin):
                yield position, organisation
            begin += _CHUNK
            await asyncio.sleep(0)

    def _named(self, search: FhirSearch) -> list[Organisation] | None:
        """The few that an exact criterion leaves, None if there is no such criterion."""
        find = self._directory.organisation
        if (wanted := finesses(search)) is not None:
            return _distinct(find(finess) for finess in wanted)
        if (numbers := search.exactly("identifier")) is not None and not any(n.endswith("|") for n in numbers):
            return _distinct(each for number in numbers for each in self._with_number(number.rpartition("|")[2]))
        if (addresses := search.exactly("mailbox-mss", "exact")) is not None:
            boxes = [box for address in addresses if (box := self._directory.mailbox(address)) is not None]
            return _distinct(self._directory.organisation_of(box) for box in boxes)
        return None

    def _with_number(self, number: str) -> list[Organisation | None]:
        """Organisations that have `number` as FINESS, SIREN or SIRET, or as IdNatStruct."""
        plain = number[1:] if len(number) in (10, 15) else number
        return [self._directory.organisation(plain), *self._directory.registered_as(plain)]

    def _resource(self, organisation: Organisation) -> fhir.Resource:
        return fhir.organization(organisation, self._directory.mailboxes_of(organisation.finess))


def _distinct(organisations: Iterable[Organisation | None]) -> list[Organisation]:
    """Each once, in their order."""
    return list({each.finess: each for each in organisations if each is not None}.values())
