"""The white list as the mx listener asks it: which certificate subjects may send for which domain.

A subject is one string, compared in one form: attribute names short and in capitals, blanks
collapsed, case ignored, and read from either end, as lists write distinguished names in the
order of the certificate or in that of [RFC 4514 §2.1], with and without blanks.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["WhiteList", "normalised", "subject_of"]

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

    def joins(self, subject: str | None, domain: str) -> bool:
        """Whether the list holds this (normalised) subject for `domain`; for the empty domain, for any domain."""
        if subject is None:
            return False
        if not domain:
            return any(subject in subjects for subjects in self._subjects.values())
        return subject in self._subjects.get(domain.lower(), frozenset())
