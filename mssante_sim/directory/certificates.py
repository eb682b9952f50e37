"""Certificates of mailboxes, with validity and revocation: what the public API of the Annuaire lacks  [our choice]."""

import base64
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mssante_sim.clock import Clock
from mssante_sim.crypto.identity import read_certificate
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.directory.http import has_key
from mssante_sim.directory.store import Directory

__all__ = ["certificate_routes"]


def certificate_routes(directory: Directory, keystore: Keystore, clock: Clock, *, api_key: str) -> list[Route]:
    """`/certificates/<address>` for whoever has the key; red-listed and unpublished mailboxes are unknown."""

    def listed(address: str) -> Iterator[dict[str, Any]]:
        trust, at = keystore.trust(), clock.now()
        for usage in (Usage.RECEIVE, Usage.SIGN):
            for identity in keystore.speaking_for(address, usage):
                facts = read_certificate(identity.certificate)
                encoded = base64.encodebytes(identity.certificate).decode()
                yield {
                    "usage": usage.value,
                    "state": trust.state(identity.certificate, usage, address, at).value,
                    "holder": facts.name,  # the mailbox, or the organisation that it belongs to
                    "serial": f"{facts.serial:x}",
                    "not_before": facts.not_before.isoformat(),
                    "not_after": facts.not_after.isoformat(),
                    "pem": f"-----BEGIN CERTIFICATE-----\n{encoded}-----END CERTIFICATE-----\n",
                }

    async def answer(request: Request) -> Response:
        if not has_key(request, api_key):
            return JSONResponse({"error": "The header ESANTE-API-KEY is missing or wrong."}, 401)
        box = directory.mailbox(request.path_params["address"])
        if box is None or box.red_listed or not box.published:
            return JSONResponse({"error": "No published mailbox has this address."}, 404)
        return JSONResponse({"address": box.address, "certificates": list(listed(box.address))})

    return [Route("/certificates/{address}", answer)]
