"""The simulated zones: questions in wire form, answers in wire form.  [RFC 1035, RFC 6891]

Each mail domain is a zone with MX, addresses, SRV of submission and IMAP (RFC
6186, RFC 8314) and the name of autoconfig; so is the domain of an imported
mailbox from the moment it is activated. It stays one when a mailbox is closed:
SMTP then says why it refuses. A question about anything else is refused;
nothing is ever asked elsewhere.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from mssante_sim.storage.errors import StoreError

__all__ = ["LARGEST_QUESTION", "LARGEST_UDP", "Site", "Zones"]

LARGEST_UDP: Final = 1232  # what reaches everybody unfragmented
PLAIN_UDP: Final = 512  # without EDNS  [RFC 1035 §4.2.1]
LARGEST_QUESTION: Final = 4096
TTL_S: Final = 60  # short: tests change things
_MOST_ZONES: Final = 64  # kept ready
_HEADER: Final = 12
_OTHER_NAMES: Final = ("mx", "ns", "smtp", "imap", "autoconfig")
_NOT_OFFERED: Final = ("_pop3._tcp", "_pop3s._tcp")  # said by the target "."  [RFC 6186 §3.4]
_TRANSFERS: Final = frozenset({dns.rdatatype.AXFR, dns.rdatatype.IXFR})


@dataclass(frozen=True, slots=True)
class Site:
    """Where the services of a stack are.

    `ports` are those of `submission`, `submission_tls`, `imap` and `imap_tls`; `host` is the name that the server's
    certificate bears, `address` what the listeners are bound to.
    """

    domains: tuple[str, ...]
    host: str
    address: str
    ports: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Zone:
    """One domain's records."""

    soa: dns.rrset.RRset
    records: Mapping[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset]
    names: frozenset[dns.name.Name]  # those with records, and what is above them: they exist too  [RFC 8020]

    def found(self, asked: dns.rrset.RRset) -> list[dns.rrset.RRset]:
        """What answers the question."""
        if asked.rdtype == dns.rdatatype.ANY:  # one of them is enough  [RFC 8482 §4.1]
            return [rrset for (name, _), rrset in self.records.items() if name == asked.name][:1]
        rrset = self.records.get((asked.name, asked.rdtype))
        return [] if rrset is None else [rrset]

    def targets(self, found: list[dns.rrset.RRset]) -> list[dns.rrset.RRset]:
        """Addresses of what MX and SRV lead to, as far as they are ours to tell."""
        names = {getattr(data, "exchange", getattr(data, "target", None)) for rrset in found for data in rrset}
        kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
        return [self.records[name, kind] for name in names if name for kind in kinds if (name, kind) in self.records]


class Zones:
    """Answers questions about the zones of a `Site`, and of the other domains that `hosts` says are ours now."""

    def __init__(self, site: Site, hosts: Callable[[str], bool] = lambda _: False) -> None:
        self._site = site
        self._hosts = hosts
        self._domains = frozenset(domain.lower() for domain in site.domains)
        self._zone = lru_cache(maxsize=_MOST_ZONES)(self._written)

    def answer(self, question: bytes, *, over_tcp: bool = False) -> bytes | None:
        """The answer in wire form; None to what deserves none: an answer, or what is no message at all."""
        if len(question) < _HEADER or question[2] & 0x80:
            return None
        try:
            if len(question) > LARGEST_QUESTION:
                raise dns.exception.FormError
            query = dns.message.from_wire(question)
        except (dns.exception.DNSException, ValueError):
            return _malformed(question)
        reply = dns.message.make_response(query, our_payload=LARGEST_UDP, recursion_available=False)
        try:
            reply.set_rcode(self._fill(query, reply))
        except (StoreError, dns.exception.DNSException):  # the directory cannot be read, a name grows too long
            reply.set_rcode(dns.rcode.SERVFAIL)
        limit = 65_535 if over_tcp else PLAIN_UDP if query.edns < 0 else max(PLAIN_UDP, min(query.payload, LARGEST_UDP))
        return _to_wire(reply, limit)

    def _fill(self, query: dns.message.Message, reply: dns.message.Message) -> dns.rcode.Rcode:
        if query.edns > 0:
            return dns.rcode.BADVERS
        if query.opcode() != dns.opcode.QUERY:
            return dns.rcode.NOTIMP
        if len(query.question) != 1:
            return dns.rcode.FORMERR
        asked = query.question[0]
        domain = next(filter(self._is_ours, _up(asked.name)), None)
        if asked.rdclass != dns.rdataclass.IN or asked.rdtype in _TRANSFERS or domain is None:
            return dns.rcode.REFUSED
        zone = self._zone(domain)
        reply.flags |= dns.flags.AA
        if found := zone.found(asked):
            reply.answer.extend(found)
            reply.additional.extend(zone.targets(found))
            return dns.rcode.NOERROR
        reply.authority.append(zone.soa)
        return dns.rcode.NOERROR if asked.name in zone.names else dns.rcode.NXDOMAIN

    def _is_ours(self, domain: str) -> bool:
        return domain in self._domains or self._hosts(domain)

    def _written(self, domain: str) -> _Zone:
        rrsets = [dns.rrset.from_text(name, TTL_S, "IN", kind, *texts) for name, kind, *texts in self._texts(domain)]
        origin = dns.name.from_text(domain)
        names = {rrset.name for rrset in rrsets}
        names |= {name.parent() for name in names if name != origin}  # `_tcp`
        return _Zone(rrsets[0], {(rrset.name, rrset.rdtype): rrset for rrset in rrsets}, frozenset(names))

    def _texts(self, domain: str) -> Iterator[tuple[str, ...]]:
        yield f"{domain}.", "SOA", f"ns.{domain}. hostmaster.{domain}. 1 3600 600 86400 {TTL_S}"
        yield f"{domain}.", "NS", f"ns.{domain}."
        yield f"{domain}.", "MX", f"10 mx.{domain}."
        for name in (domain, *(f"{other}.{domain}" for other in _OTHER_NAMES)):
            yield (f"{name}.", *self._address())
        yield from self._services(domain)

    def _services(self, domain: str) -> Iterator[tuple[str, ...]]:
        """TLS from the start is preferred.  [RFC 8314 §5.1]"""
        ports = self._site.ports
        offered = (("_submissions", 0, "submission_tls"), ("_submission", 10, "submission"), ("_imaps", 0, "imap_tls"),
                   ("_imap", 10, "imap"))  # fmt: skip
        target = f"{domain}." if _is_address(self._site.host) else f"{self._site.host}."
        for service, priority, port in offered:
            yield f"{service}._tcp.{domain}.", "SRV", f"{priority} 1 {ports[port]} {target}"
        for service in _NOT_OFFERED:
            yield f"{service}.{domain}.", "SRV", "0 0 0 ."

    def _address(self) -> tuple[str, str]:
        address = ipaddress.ip_address(self._site.address if _is_address(self._site.address) else "127.0.0.1")
        if address.is_unspecified:
            address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
        return ("A" if address.version == 4 else "AAAA"), str(address)


def _up(name: dns.name.Name) -> Iterator[str]:
    """`name` and what is above it, as domains are written."""
    labels = [label.decode("ascii", "replace").lower() for label in name.labels[:-1]]
    return (".".join(labels[at:]) for at in range(len(labels)))


def _to_wire(reply: dns.message.Message, limit: int) -> bytes:
    """As much as fits; what does not is asked again over TCP.  [RFC 2181 §9]"""
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        reply.answer, reply.authority, reply.additional = [], [], []
        reply.flags |= dns.flags.TC
        return reply.to_wire(max_size=limit)


def _malformed(question: bytes) -> bytes:
    """FORMERR to the same identifier, with nothing of what could not be read."""
    return question[:2] + bytes([0x80 | (question[2] & 0x79), dns.rcode.FORMERR]) + bytes(8)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
