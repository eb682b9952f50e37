"""The simulator's own HTTP routes, apart from what the real network has: health, reset, wait, explain.

`/sim/v1` wants the control token of the run file, so that a page open in a
browser on the same machine cannot reset anything.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mssante_sim.errors import SimulatorError
from mssante_sim.sasl.bearer import SCOPE
from mssante_sim.storage.api import Change, FolderId, MailStore, Want

__all__ = ["Control", "Explain", "Present"]

_LONGEST_WAIT_S: Final = 300.0
_Handler = Callable[[Request], Awaitable[Response]]
Explain = Callable[[str, str], Awaitable[dict[str, str | bool]]]
"""Sender and recipient to `accepted`, `rule` and `sentence`."""


@dataclass(frozen=True, slots=True)
class Present:
    """A message that lies in an account's INBOX."""

    uid: int
    message_id: str | None
    octets: int


class Control:
    """What a tester asks of a stack that is up."""

    def __init__(
        self, store: MailStore, explain: Explain, reload: Callable[[], Awaitable[None]], token: str, version: str
    ) -> None:
        self._store = store
        self._reload = reload
        self._explain = explain
        self._token = token
        self._version = version

    def routes(self) -> list[Route]:
        """To be mounted at the root."""
        return [
            Route("/healthz", self._health),
            Route("/.well-known/openid-configuration", self._openid_configuration),
            Route("/sim/v1/reset", self._guarded(self._reset), methods=["POST"]),
            Route("/sim/v1/reload", self._guarded(self._reloaded), methods=["POST"]),
            Route("/sim/v1/wait", self._guarded(self._wait), methods=["GET"]),
            Route("/sim/v1/explain", self._guarded(self._explained), methods=["GET"]),
        ]

    def _guarded(self, handler: _Handler) -> _Handler:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                return JSONResponse({"error": "The control token of the run file is needed."}, 401)
            try:
                return await handler(request)
            except SimulatorError as error:
                return JSONResponse({"error": error.public}, 409)
            except (KeyError, ValueError):
                return JSONResponse({"error": "A parameter is missing or has no meaning."}, 400)

        return guarded

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "up", "version": self._version})

    async def _openid_configuration(self, request: Request) -> Response:
        """Where tokens come from: for now, from a command and no grant [RFC 8414 §2]."""
        grants: dict[str, list[str]] = {"response_types_supported": [], "grant_types_supported": []}
        return JSONResponse({"issuer": str(request.base_url).rstrip("/"), "scopes_supported": [SCOPE], **grants})

    async def _reset(self, _request: Request) -> Response:
        """Mail and exchanges are gone; accounts, certificates and the directory stay."""
        await self._store.forget_mail()
        return Response(status_code=204)

    async def _reloaded(self, _request: Request) -> Response:
        """Mailboxes that were added to the home have folders, and stand in the run file."""
        await self._reload()
        return Response(status_code=204)

    async def _wait(self, request: Request) -> Response:
        """The message, once it lies in INBOX of `account`; 404 with what does after `timeout` seconds."""
        account = request.query_params["account"].lower()
        message_id = request.query_params.get("message_id")
        timeout = min(float(request.query_params.get("timeout", "10")), _LONGEST_WAIT_S)
        found, present = await self.wait(account, message_id, timeout)
        if found is None:
            return JSONResponse({"found": None, "present": [asdict(one) for one in present]}, 404)
        return JSONResponse({"found": asdict(found), "present": [asdict(one) for one in present]})

    async def _explained(self, request: Request) -> Response:
        """What the policy would decide."""
        return JSONResponse(await self._explain(request.query_params["from"], request.query_params["to"]))

    async def wait(
        self, account: str, message_id: str | None, timeout_s: float
    ) -> tuple[Present | None, list[Present]]:
        """The message with `message_id` (None: any) in INBOX of `account`, and all that lies there.

        Returns as soon as it is there, with None after `timeout_s`.  Raises: FolderMissing.
        """
        folder = await self._store.find_folder(account, "INBOX")
        changed = asyncio.Event()

        def note(_change: Change) -> None:
            changed.set()

        watch = self._store.watch(folder.id, note)
        try:
            async with asyncio.timeout(timeout_s) as deadline:
                while True:
                    changed.clear()
                    present = await self._present(folder.id)
                    found = next((one for one in present if message_id in (None, one.message_id)), None)
                    if found is not None:
                        return found, present
                    await changed.wait()
        except TimeoutError:
            if not deadline.expired():
                raise
            return None, await self._present(folder.id)
        finally:
            watch.stop()

    async def _present(self, folder: FolderId) -> list[Present]:
        snapshot = await self._store.snapshot(folder)
        return [
            Present(row.uid, row.summary.message_id if row.summary else None, row.octets)
            async for rows in self._store.rows(folder, snapshot.uids, Want.SUMMARY)
            for row in rows
        ]
