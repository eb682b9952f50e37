"""The Annuaire Santé over HTTP: search, read and metadata of `/fhir/v2`, for whoever has the key."""

import asyncio
import base64
import hmac
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, request_response

from mssante_sim import __version__
from mssante_sim.directory.catalogue import BEGINNING, Catalogue, Position
from mssante_sim.directory.fhir import Resource
from mssante_sim.directory.fhir_bundle import bundle, capabilities, outcome
from mssante_sim.directory.fhir_search import FhirSearch, SearchRefused, read_search
from mssante_sim.directory.fhir_types import INCLUDES, TYPES
from mssante_sim.directory.store import Directory
from mssante_sim.storage.errors import StoreError

__all__ = ["has_key", "routes"]

_MAX_FORM: Final = 65_536
_BREATH: Final = 20  # resources drawn between two breaths of the loop
_MAX_CURSOR: Final = 4 * _MAX_FORM  # unpacked: what a form may ask for, as JSON

_Endpoint = Callable[[Request], Awaitable[Response]]


class FhirJson(JSONResponse):
    """JSON under the name that FHIR gives it."""

    media_type = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a page begins: type and query, and what was not yet shown."""

    type: str
    query: list[tuple[str, str]]
    begin: Position = BEGINNING

    def to_text(self) -> str:
        """Packed, since a form may ask for more than an address can hold."""
        octets = json.dumps([self.type, self.query, self.begin], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(zlib.compress(octets)).decode()

    @classmethod
    def from_text(cls, text: str) -> "_Cursor":
        """Raises ValueError or zlib.error for what `to_text` did not write."""
        unpacking = zlib.decompressobj()
        octets = unpacking.decompress(base64.b64decode(text, altchars=b"-_", validate=True), _MAX_CURSOR)
        if not unpacking.eof:
            raise ValueError("cut or too long")
        type_, query, begin = json.loads(octets)
        pairs, position = [(name, value) for name, value in query], Position(*begin)
        texts = [type_, *(part for pair in pairs for part in pair)]
        if not all(isinstance(part, str) for part in texts) or type_ not in TYPES:
            raise ValueError("not ours")
        if not all(type(part) is int and 0 <= part < 2**40 for part in position):
            raise ValueError("nowhere")
        return cls(type_, pairs, position)


def routes(directory: Directory, *, api_key: str) -> list[BaseRoute]:
    """`/fhir/v2`, guarded by the header ESANTE-API-KEY."""
    facade = _Facade(Catalogue(directory))
    reading = {
        "/metadata": facade.metadata,
        "/_page": facade.page,
        "/{type}": facade.search,
        "/{type}/{technical}": facade.read,
    }
    posting = Route("/{type}/_search", _guarded(facade.search, api_key), methods=["POST"])
    others = Mount("/", request_response(_guarded(facade.unknown, api_key)))  # by whatever method
    inside = [posting, *(Route(path, _guarded(endpoint, api_key)) for path, endpoint in reading.items()), others]
    return [Mount("/fhir/v2", routes=inside)]


def has_key(request: Request, api_key: str) -> bool:
    """Whether the request bears the key."""
    return hmac.compare_digest(request.headers.get("ESANTE-API-KEY", "").encode(), api_key.encode())


def _guarded(endpoint: _Endpoint, api_key: str) -> _Endpoint:
    async def answer(request: Request) -> Response:
        if not has_key(request, api_key):
            return FhirJson(outcome("The header ESANTE-API-KEY is missing or wrong", code="login"), 401)
        try:
            return await endpoint(request)
        except SearchRefused as refused:
            return FhirJson(outcome(refused.public), 400)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except StoreError as error:
            return FhirJson(outcome(error.public, code="exception"), 503)

    return answer


class _Facade:
    """Answers requests that have the key."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def metadata(self, request: Request) -> Response:
        """What the façade can do."""
        return FhirJson(capabilities(version=__version__))

    async def read(self, request: Request) -> Response:
        """One resource by its technical identifier."""
        type_, technical = request.path_params["type"], request.path_params["technical"]
        if type_ not in TYPES:
            return _unknown_type(type_)
        resource = self._catalogue.read(type_, technical)
        if resource is None:
            return FhirJson(outcome(f"Resource {type_}/{technical[:64]} is not known"), 404)
        return FhirJson(resource)

    async def search(self, request: Request) -> Response:
        """The first page of a search, by GET or by POST."""
        type_ = request.path_params["type"]
        if type_ not in TYPES:
            return _unknown_type(type_)
        query = _pairs(request.scope["query_string"])
        if request.method == "POST":
            query += await _form(request)
        return await self._answer(request, _Cursor(type_, query))

    async def page(self, request: Request) -> Response:
        """A later page, named by the link that the page before gave."""
        try:
            cursor = _Cursor.from_text(request.query_params.get("id", ""))
        except (ValueError, TypeError, RecursionError, zlib.error):
            return FhirJson(outcome("This page does not exist; search again"), 410)
        return await self._answer(request, cursor)

    async def unknown(self, request: Request) -> Response:
        """Any other address below the base, and whatever would change something."""
        if request.method not in ("GET", "HEAD"):
            return FhirJson(
                outcome("This directory is read-only", code="not-supported"), 405, headers={"Allow": "GET, HEAD"}
            )
        type_ = request.url.path.removeprefix("/fhir/v2/").partition("/")[0]
        if type_ in TYPES:
            return FhirJson(outcome(f"Of {type_} only a search and a resource by its id are offered"), 404)
        return _unknown_type(type_)

    async def _answer(self, request: Request, cursor: _Cursor) -> Response:
        search = read_search(cursor.type, cursor.query)
        found: list[Resource] = []
        following = None
        async for position, resource in self._matches(cursor.type, search, cursor.begin):
            if len(found) == search.count:
                following = _Cursor(cursor.type, cursor.query, position)
                break
            found.append(resource)
        is_known = following is None and cursor.begin == BEGINNING and search.total is not False
        total = len(found) if is_known else await self._total(cursor.type, search) if search.total else None
        base = f"{request.url.scheme}://{request.url.netloc}/fhir/v2"
        return FhirJson(bundle(
            base, [search.shown(each) for each in found], await self._others(search, found),
            itself=str(request.url),
            following=f"{base}/_page?id={following.to_text()}" if following else None,
            total=total,
        ))  # fmt: skip

    async def _matches(
        self, type_: str, search: FhirSearch, begin: Position
    ) -> AsyncIterator[tuple[Position, Resource]]:
        for chunk in self._catalogue.candidates(type_, search, begin):
            for position, resource in chunk:
                if search.accepts(resource):
                    yield position, resource
            await asyncio.sleep(0)

    async def _total(self, type_: str, search: FhirSearch) -> int:
        return sum([1 async for _ in self._matches(type_, search, BEGINNING)])

    async def _others(self, search: FhirSearch, found: list[Resource]) -> list[Resource]:
        """What `_include` and `_revinclude` add, each once and none that is there already."""
        others: dict[tuple[str, str], Resource] = {}
        for key in search.include:
            element, target = INCLUDES[key]
            names = dict.fromkeys(each[element]["reference"].rpartition("/")[2] for each in found if element in each)
            shown = (self._catalogue.read(target, name) for name in names)
            others.update({(target, each["id"]): each for each in shown if each is not None})
        for key in search.revinclude:
            referring = (one for each in found for one in self._catalogue.referring(key, each))
            for number, one in enumerate(referring):  # a hospital has thousands
                others[one["resourceType"], one["id"]] = one
                if number % _BREATH == 0:
                    await asyncio.sleep(0)
        for each in found:
            others.pop((each["resourceType"], each["id"]), None)
        return list(others.values())


def _unknown_type(name: str) -> Response:
    known = ", ".join(TYPES)
    return FhirJson(outcome(f"Unknown resource type '{name[:100]}' - Server knows how to handle: [{known}]"), 404)


async def _form(request: Request) -> list[tuple[str, str]]:
    """What a POST search asks for in its body.  Raises: SearchRefused."""
    kind = request.headers.get("content-type", "application/x-www-form-urlencoded").partition(";")[0].strip().lower()
    octets = b""
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > _MAX_FORM:
            raise SearchRefused(f"The body of a search has at most {_MAX_FORM} octets")
    if octets and kind != "application/x-www-form-urlencoded":
        raise SearchRefused("The body of a search is application/x-www-form-urlencoded")
    return _pairs(octets)


def _pairs(octets: bytes) -> list[tuple[str, str]]:
    """Names and values of a query string or a form.  Raises: SearchRefused."""
    try:
        return parse_qsl(octets.decode(), keep_blank_values=True, errors="strict", max_num_fields=1_000)
    except ValueError as error:
        raise SearchRefused("The search cannot be read: it is not UTF-8, or has too many parameters") from error
