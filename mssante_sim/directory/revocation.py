"""What certificates point to, over HTTP: revocation lists, issuers' certificates, OCSP responders.

Everything is read and signed in a worker's thread, as it is at the moment of the
question: a list or a revocation of another process counts at once.
"""

import asyncio
import base64
import binascii
from concurrent.futures import Executor
from typing import Final
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mssante_sim.clock import Clock
from mssante_sim.crypto.issuers import Issuers
from mssante_sim.crypto.ocsp import ANSWER_VALIDITY, MOST_REQUEST_OCTETS, Failure, failed
from mssante_sim.errors import SimulatorError

__all__ = ["revocation_routes"]

_REQUEST: Final = "application/ocsp-request"
_RESPONSE: Final = "application/ocsp-response"
_KINDS: Final = {"crl": "application/pkix-crl", "aia": "application/pkix-cert"}  # [RFC 5280 §4.2.1.13, §4.2.2.1]


def revocation_routes(issuers: Issuers, clock: Clock, workers: Executor) -> list[Route]:
    """`/crl/NAME.crl`, `/aia/NAME.cer` and `/ocsp/NAME`, by GET and by POST  [RFC 6960 §A.1]."""
    published = _Published(issuers, clock, workers)
    return [
        *(Route(f"/{kind}/{{file}}", published.file, methods=["GET"]) for kind in _KINDS),
        Route("/ocsp/{name}", published.posted, methods=["POST"]),
        Route("/ocsp/{name}/{request:path}", published.asked, methods=["GET"]),
    ]


class _Published:
    def __init__(self, issuers: Issuers, clock: Clock, workers: Executor) -> None:
        self._issuers = issuers
        self._clock = clock
        self._workers = workers

    async def file(self, request: Request) -> Response:
        """A list, or an authority's certificate."""
        path = request.url.path.lstrip("/")
        loop = asyncio.get_running_loop()
        octets = await loop.run_in_executor(self._workers, self._issuers.published, path)
        kind = _KINDS[path.partition("/")[0]]
        return Response(octets or b"", 200 if octets else 404, media_type=kind)

    async def posted(self, request: Request) -> Response:
        """What the responder says to the body."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != _REQUEST:
            return Response(f"Send {_REQUEST}.\n", 415, media_type="text/plain")
        octets = b""
        async for chunk in request.stream():
            octets += chunk
            if len(octets) > MOST_REQUEST_OCTETS:
                break
        return await self._answer(request.path_params["name"], octets)

    async def asked(self, request: Request) -> Response:
        """What the responder says to the request in the path, in base64."""
        try:
            octets = base64.b64decode(unquote(request.path_params["request"]), validate=True)
        except (binascii.Error, ValueError):
            octets = b""
        response = await self._answer(request.path_params["name"], octets)
        response.headers["Cache-Control"] = f"max-age={ANSWER_VALIDITY.seconds}, public, no-transform, must-revalidate"
        return response

    async def _answer(self, name: str, octets: bytes) -> Response:
        answer = await asyncio.get_running_loop().run_in_executor(self._workers, self._respond, name, octets)
        return Response(answer or b"", 200 if answer else 404, media_type=_RESPONSE)

    def _respond(self, name: str, octets: bytes) -> bytes | None:
        now = self._clock.now()
        try:
            responder = self._issuers.responder(name, at=now)
            return responder.respond(octets, now) if responder else self._issuers.published(f"ocsp/{name}")
        except (OSError, SimulatorError):
            return failed(Failure.TRY_LATER)
