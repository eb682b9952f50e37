"""What certificates point to, fetched over HTTP from this machine alone.

A certificate may come from a stranger: nobody is to be called because of it but
a server on loopback, where this trust space has its responders.
"""

import ipaddress
import secrets
from collections.abc import Iterator, Sequence
from typing import Final

import httpx

from mssante_sim.crypto.identity import Certificate
from mssante_sim.crypto.revocation import answers_nonce, issuer_urls, ocsp_request, ocsp_urls

__all__ = ["HttpLookup"]

_PATIENCE_S: Final = 10.0
_NONCE_OCTETS: Final = 32  # [RFC 9654 §2.1]
_MOST_OCTETS: Final = 64 * 1024


class HttpLookup:
    """A `crypto.revocation.Lookup`."""

    def answer(self, certificate: Certificate, issuer: Certificate) -> bytes | None:
        """What the responder says now, made for this question or beforehand."""
        nonce = secrets.token_bytes(_NONCE_OCTETS)
        question = ocsp_request(certificate, issuer, nonce)
        answers = _fetched(ocsp_urls(certificate), question)
        return next((one for one in answers if answers_nonce(one, nonce)), None)

    def issuers(self, certificate: Certificate) -> Sequence[bytes]:
        """What lies where it says that its issuer's certificate is."""
        return list(_fetched(issuer_urls(certificate)))


def _fetched(urls: Sequence[str], body: bytes | None = None) -> Iterator[bytes]:
    headers = {"Content-Type": "application/ocsp-request"} if body is not None else {}
    for url in filter(_is_here, urls):
        try:
            said = httpx.request(
                "GET" if body is None else "POST", url, content=body, headers=headers, timeout=_PATIENCE_S,
                trust_env=False,
            )  # fmt: skip
        except httpx.HTTPError:
            continue
        if said.status_code == httpx.codes.OK and len(said.content) <= _MOST_OCTETS:
            yield said.content


def _is_here(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
        return parsed.scheme == "http" and ipaddress.ip_address(parsed.host).is_loopback
    except (ValueError, httpx.InvalidURL):
        return False
