"""Where a mail domain's submission and IMAP are, asked of a name server.  [RFC 6186, RFC 8314]"""

from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from mssante_sim.errors import SimulatorError

__all__ = ["Door", "NameServer", "NoService", "door_in", "find_door"]

_TIMEOUT_S: Final = 5.0


class NoService(SimulatorError):
    """The domain offers no such service, or its name server does not answer."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class NameServer:
    """Where DNS is asked."""

    address: str
    port: int = 53


@dataclass(frozen=True, slots=True)
class Door:
    """A service of a domain."""

    host: str
    port: int
    tls_at_once: bool


def find_door(domain: str, service: str, server: NameServer) -> Door:
    """Where `service` (submissions, submission, imaps or imap) of a mail domain is.

    Raises:
        NoService: not offered, or nobody answers.
    """
    query = dns.message.make_query(f"_{service}._tcp.{domain}.", dns.rdatatype.SRV, use_edns=0)
    try:
        # Over TCP, which tells at once if nobody is there.  [RFC 7766 §5]
        reply = dns.query.tcp(query, server.address, timeout=_TIMEOUT_S, port=server.port)
    except (dns.exception.DNSException, OSError) as error:
        raise NoService(
            f"The name server {server.address} port {server.port} does not answer. Is the stack up?",
            french=f"Le serveur de noms {server.address}, port {server.port}, ne répond pas. Est-il lancé ?",
            detail=str(error),
        ) from error
    if reply.rcode() == dns.rcode.NOERROR and (door := door_in(reply, service)) is not None:
        return door
    raise NoService(
        f"The domain {domain[:253]} offers no {service}.",
        french=f"Le domaine {domain[:253]} n'offre pas le service {service}.",
    )


def door_in(reply: dns.message.Message, service: str) -> Door | None:
    """The preferred door of an answer about SRV; None if it says that there is none.  [RFC 6186 §3.4]"""
    found = sorted(
        (data.priority, -data.weight, str(data.target), data.port)
        for rrset in reply.answer
        if rrset.rdtype == dns.rdatatype.SRV
        for data in rrset
    )
    if not found or found[0][2] == ".":
        return None
    _, _, target, port = found[0]
    addresses = [data.address for rrset in reply.additional if str(rrset.name) == target for data in rrset]
    # What the zone itself tells is believed: the system's own resolver knows no simulated name.
    return Door(addresses[0] if addresses else target.rstrip("."), port, tls_at_once=service.endswith("s"))
