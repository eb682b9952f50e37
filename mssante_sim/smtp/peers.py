"""The white list as the mx listener asks it: which certificate subjects may send for which domain.

What the list says is asked anew for each message, so a change counts at once. A list that proves
nothing trusts nobody.  A subject is one string, compared in one form: attribute names short and in capitals, blanks
collapsed, case ignored, and read from either end, as lists write distinguished names in the
order of the certificate or in that of [RFC 4514 §2.1], with and without blanks.
"""

import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mssante_sim.crypto.xmldsig import SignatureRefused
from mssante_sim.directory.trust_list import TrustListError
from mssante_sim.smtp import replies
from mssante_sim.smtp.replies import Refusal
from mssante_sim.storage.errors import StoreError

__all__ = ["Peers", "WhiteList", "normalised", "subject_of"]

_SHORT = {
    "COUNTRYNAME": "C",
    "STATEORPROVINCENAME": "ST",
    "LOCALITYNAME": "L",
    "ORGANIZATIONNAME": "O",
    "ORGANIZATIONALUNITNAME": "OU",
    "COMMONNAME": "CN",
    "ORGANIZATIONIDENTIFIER": "2.5.4.97",
}
_COMMA = re.compile(r"(?<!\\),")


def normalised(subject: str) -> str:
    """The form in which subjects are compared; the same for every way to write one name."""
    return _joined(part.partition("=")[::2] for part in _COMMA.split(subject))


def subject_of(peer_certificate: Mapping[str, Any] | None) -> str | None:
    """The normalised subject of what `SSLSocket.getpeercert` returns; None if there was no certificate."""
    if not peer_certificate:
        return None
    return _joined((name, value.replace(",", "\\,")) for rdn in peer_certificate["subject"] for name, value in rdn)


def _joined(attributes: Iterable[tuple[str, str]]) -> str:
    parts = [_attribute(name, value) for name, value in attributes]
    return ",".join(min(parts, parts[::-1]))


def _attribute(name: str, value: str) -> str:
    key = name.strip().upper()
    return f"{_SHORT.get(key, key)}={' '.join(value.split()).casefold()}"


class WhiteList:
    """Which subjects speak for which domain.  The list decides, never a suffix."""

    def __init__(self, peers: Mapping[str, Iterable[str]]) -> None:
        self._subjects = {
            domain.lower(): frozenset(normalised(subject) for subject in subjects) for domain, subjects in peers.items()
        }

    def refusal(self, subject: str, domain: str) -> Refusal | None:
        """Why this (normalised) subject may not speak for `domain`; the empty domain is that of any listed peer."""
        subjects = self._subjects.get(domain.lower()) if domain else frozenset().union(*self._subjects.values())
        if subjects is None:
            return replies.DOMAIN_NOT_LISTED
        return None if subject in subjects else replies.PEER_NOT_LISTED


@dataclass(frozen=True, slots=True)
class Peers:
    """Which servers of other operators are believed."""

    listed: Callable[[], Mapping[str, Iterable[str]]]  # subjects by domain; may raise SignatureRefused, TrustListError
    revoked: Callable[[bytes], bool]  # DER; path and dates were looked at when TLS started

    def refusal(self, tls: ssl.SSLObject | None, domain: str) -> Refusal | None:
        """Why the server at the other end of `tls` may not hand over mail from `domain`; None if it may."""
        subject = subject_of(tls.getpeercert()) if tls else None
        certificate = tls.getpeercert(binary_form=True) if tls else None
        if subject is None or certificate is None:
            return replies.PEER_WITHOUT_CERTIFICATE
        try:
            if self.revoked(certificate):
                return replies.PEER_REVOKED
            return WhiteList(self.listed()).refusal(subject, domain)
        except (SignatureRefused, TrustListError) as error:
            return replace(replies.WHITE_LIST_UNUSABLE, sentence=f"No peer is trusted now. {error.public}")
        except StoreError:
            return replies.TEMPORARY
