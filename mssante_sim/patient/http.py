"""`/mes/v1` over HTTP: each request is bounded, checked and given to its handler; each error becomes its sentence.

The order never changes: the route, the method, who asks, the parameters, the body. So nothing is read for a
stranger, and nobody learns from a parameter what is behind a session.
"""

import asyncio
import re
import secrets
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from mssante_sim.crypto.unsealing import Unreadable
from mssante_sim.errors import SimulatorError
from mssante_sim.patient.api import Problem
from mssante_sim.patient.calls import Call, Content, Handlers
from mssante_sim.patient.faults import Fault
from mssante_sim.patient.house import House, Limits
from mssante_sim.patient.keys import NoKey
from mssante_sim.patient.sessions import Held, Sessions
from mssante_sim.patient.table import BASE, TABLE, Body, Operation, Who, by_path
from mssante_sim.patient.wire import field_of, from_texts, read, write
from mssante_sim.storage.errors import QuotaExceeded, StoreError, StoreFull

__all__ = ["routes"]

_CHUNK: Final = 256 * 1024
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def routes(house: House, sessions: Sessions, handlers: Handlers) -> list[BaseRoute]:
    """`/mes/v1`; every operation of the table has its handler."""
    missing = {operation.name for operation in TABLE} ^ set(handlers)
    if missing:
        raise LookupError(f"operations and handlers do not match: {sorted(missing)}")
    guard = _Guard(house, sessions)
    return [_Below(guard, handlers)]


class _Below(BaseRoute):
    """Every path below the base: one of the table, or one that is not found, whatever octets are in it."""

    def __init__(self, guard: "_Guard", handlers: Handlers) -> None:
        self._endpoints = [
            (
                re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(BASE + path))),
                _Endpoint(guard, handlers, one),
            )
            for path, one in by_path()
        ]
        self._other = _Endpoint(guard, handlers, {})

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for this service."""
        is_ours = scope["type"] == "http" and scope["path"].startswith(f"{BASE}/")
        return (Match.FULL, {}) if is_ours else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request is answered."""
        for pattern, endpoint in self._endpoints:
            if found := pattern.fullmatch(scope["path"]):
                await endpoint({**scope, "path_params": found.groupdict()}, receive, send)
                return
        await self._other(scope, receive, send)


class _Endpoint:
    """One path; an ASGI application, so that Starlette leaves the methods to it."""

    def __init__(self, guard: "_Guard", handlers: Handlers, methods: Mapping[str, Operation]) -> None:
        self._guard = guard
        self._handlers = handlers
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await self._response(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        try:
            operation = self._operation(request.method)
            return await self._guard.answer(request, operation, self._handlers[operation.name])
        except Fault as fault:
            return self._problem(fault)
        except SimulatorError as error:
            return self._problem(_fault_of(error))
        except ClientDisconnect:
            raise
        except Exception as error:  # the shell: whoever asks must not wait in vain, and nobody sees what it said
            return self._problem(self._guard.incident(error))

    def _operation(self, method: str) -> Operation:
        if not self._methods:
            raise Fault("not-found")
        if method not in self._methods:
            raise Fault("method-not-allowed")
        return self._methods[method]

    def _problem(self, fault: Fault) -> Response:
        headers = dict(_HEADERS)
        if fault.status == 405:
            headers["Allow"] = ", ".join(self._methods)
        if fault.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        body = write(Problem(fault.word, fault.french, fault.field))
        return Response(body, fault.status, headers, "application/json")


def _fault_of(error: SimulatorError) -> Fault:
    match error:
        case QuotaExceeded():
            return Fault("space-full")
        case StoreFull():
            return Fault("disk-full")
        case StoreError():
            return Fault("busy")
        case Unreadable():
            return Fault("unreadable")
        case NoKey():
            return Fault("no-key")
    return Fault("bad-body", error.french)


class _Guard:
    """Lets in who may ask, with values that are what the table says."""

    def __init__(self, house: House, sessions: Sessions) -> None:
        self._house = house
        self._sessions = sessions
        self._at_once: Counter[tuple[str, Body]] = Counter()

    async def answer(self, request: Request, operation: Operation, handler: Any) -> Response:
        token = _token(request)
        held = self._admit(operation.who, token)
        query = None
        if operation.query is not None:
            query = from_texts(request.query_params.multi_items(), operation.query, "bad-parameter")
        elif request.query_params:
            raise Fault("bad-parameter", field=next(iter(request.query_params)))
        with self._one_of_few(held, operation):
            chunks = await _body(request, operation, self._house.limits)
            call = self._call(request, operation, query, chunks, token, held)
            given = await handler(call)
        return _response(given, operation.status)

    def incident(self, error: Exception) -> Fault:
        """A fault with a number; the traces say under it where something unforeseen happened, never what it said."""
        number = secrets.token_hex(4)
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
        self._house.audit.record("mes.incident", user="", result=type(error).__name__, incident=number, place=place)
        return Fault("incident", f"Une erreur imprévue s'est produite (incident {number}) : réessayez.", status=500)

    def _admit(self, who: Who, token: str) -> Held | None:
        if who is Who.ANYONE:
            return None
        held = self._sessions.find(token) if token else None
        if held is None:
            raise Fault("session-missing")
        if who is Who.PROFESSIONAL and held.is_patient:
            raise Fault("not-for-this-account")
        if who in (Who.PATIENT, Who.ACTIVATED):
            if not held.is_patient:
                raise Fault("not-for-this-account")
            profile = self._house.directory.patient(held.account)
            if profile is None:
                raise Fault("session-missing")
            if who is Who.ACTIVATED and not profile.activated:
                raise Fault("profile-not-activated")
        return held

    @contextmanager
    def _one_of_few(self, held: Held | None, operation: Operation) -> Iterator[None]:
        """An account has few bodies under way at once: each may hold tens of megabytes."""
        if held is None or operation.body in (Body.NONE, Body.JSON):
            yield
            return
        key = (held.account, Body.FILE)
        if self._at_once[key] >= self._house.limits.uploads:
            raise Fault("too-many-at-once")
        self._at_once[key] += 1
        try:
            yield
        finally:
            self._at_once[key] -= 1

    def _call(
        self,
        request: Request,
        operation: Operation,
        query: Any,
        chunks: tuple[bytes, ...],
        token: str,
        held: Held | None,
    ) -> Call:
        is_json = operation.body is Body.JSON and operation.takes is not None
        directory = self._house.directory

        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass  # a body that was too long to be looked at

        return Call(
            path=request.path_params,
            query=query,
            given=_json(chunks, operation.takes) if is_json and operation.takes else None,
            chunks=() if is_json else chunks,
            content_type=request.headers.get("content-type", ""),
            token=token,
            held=held,
            profile=directory.patient(held.account) if held and held.is_patient else None,
            mailbox=directory.mailbox(held.account) if held and not held.is_patient else None,
            gone=gone,
        )


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _json(chunks: tuple[bytes, ...], kind: type[Struct]) -> Struct:
    try:
        return read(b"".join(chunks), kind)
    except (ValueError, RecursionError) as error:
        raise Fault("bad-body", field=field_of(error)) from error


# Bodies


async def _body(request: Request, operation: Operation, limits: Limits) -> tuple[bytes, ...]:
    """The whole body in pieces; nothing is kept of one that is too big.

    Raises:
        Fault: too big, too slow, or of another type than the operation takes.
        ClientDisconnect: the client is gone.
    """
    body = operation.body
    most, word = {
        Body.NONE: (limits.json_octets, "bad-body"),
        Body.JSON: (limits.json_octets, "bad-body"),
        Body.FILE: (operation.most, "document-too-big"),
        Body.FORM: (limits.form_octets, "too-big"),
    }[body]
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        async with asyncio.timeout(limits.body_s):
            chunks, fits = await _collected(request, most, limits.drained_octets)
    except TimeoutError as error:
        raise Fault("too-slow") from error
    if not fits:
        raise Fault(word)
    if body in (Body.JSON, Body.FORM) and declared != body.value:
        raise Fault("wrong-content-type")
    return tuple(chunks)


async def _collected(request: Request, most: int, drained: int) -> tuple[list[bytes], bool]:
    chunks: list[bytes] = []
    length = request.headers.get("content-length", "")
    fits, total = not length.isdecimal() or int(length[:20]) <= most, 0
    async for chunk in request.stream():
        total += len(chunk)
        fits = fits and total <= most
        if total > drained:
            break
        if fits:
            chunks.append(chunk)
        else:
            chunks.clear()
    return chunks, fits


# Answers


def _response(given: Struct | Content | None, status: int) -> Response:
    match given:
        case None:
            return Response(status_code=status, headers=_HEADERS)
        case Content():
            return _InPieces(given, status)
        case _:
            return Response(write(given), status, _HEADERS, "application/json")


class _InPieces(Response):
    """A body sent piece by piece, as fast as the client takes it, so that the loop is not blocked by a big one."""

    def __init__(self, content: Content, status: int) -> None:
        super().__init__(status_code=status, headers=_HEADERS)
        self._pieces = content.pieces
        self.headers["Content-Type"] = content.media_type  # as it is: Starlette would add a charset to a text
        self.headers["Content-Length"] = str(sum(map(len, content.pieces)))
        if content.name:  # never shown inside a page
            self.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(content.name, safe='')}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self._pieces:
            for at in range(0, len(piece), _CHUNK):
                chunk = bytes(piece[at : at + _CHUNK])
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
