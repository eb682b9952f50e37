"""Thunderbird's autoconfig document, at its usual paths.  [Mozilla autoconfig 1.1]"""

from collections.abc import Callable, Mapping
from typing import Final
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mssante_sim.config import Domains
from mssante_sim.directory.store import Directory

__all__ = ["autoconfig_routes", "document"]

_PATHS: Final = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml")
_SERVERS: Final = (  # element, type, key of the port, socket
    ("incomingServer", "imap", "imap_tls", "SSL"),
    ("incomingServer", "imap", "imap", "STARTTLS"),
    ("outgoingServer", "smtp", "submission_tls", "SSL"),
    ("outgoingServer", "smtp", "submission", "STARTTLS"),
)


def document(domain: str, login: str, host: str, ports: Mapping[str, int]) -> str:
    """How a mail program reaches a mailbox of `domain`; the first server of each kind is preferred."""
    servers = "".join(
        f'<{element} type="{kind}"><hostname>{escape(host)}</hostname><port>{ports[port]}</port>'
        f"<socketType>{socket}</socketType><authentication>password-cleartext</authentication>"
        f"<username>{escape(login)}</username></{element}>"
        for element, kind, port, socket in _SERVERS
    )
    name = escape(domain)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1"><emailProvider id="{name}">'
        f"<domain>{name}</domain><displayName>MSSanté (simulateur)</displayName>"
        f"<displayShortName>mssante-sim</displayShortName>{servers}</emailProvider></clientConfig>\n"
    )


def autoconfig_routes(
    directory: Directory, domains: Domains, host: str, ports: Callable[[], Mapping[str, int]]
) -> list[Route]:
    """For `?emailaddress=` of a domain that is a zone of ours, or asked at a name below one."""

    async def answer(request: Request) -> Response:
        address = request.query_params.get("emailaddress", "").lower()
        asked = address.rpartition("@")[2] or (request.url.hostname or "").removeprefix("autoconfig.")
        if asked not in (domains.patients.lower(), domains.operator.lower()) and not directory.hosts(asked):
            return PlainTextResponse("This is no mail domain of the simulator.", 404)
        box = directory.mailbox(address)
        login = box.users[0].login if box is not None and box.users and not box.red_listed else "%EMAILADDRESS%"
        return Response(document(asked, login, host, ports()), media_type="application/xml")

    return [Route(path, answer) for path in _PATHS]
