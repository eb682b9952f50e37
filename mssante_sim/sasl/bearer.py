"""OAUTHBEARER and XOAUTH2: a token is the proof, and who shows a bad one is told why it is refused [RFC 7628].

XOAUTH2 is older, and in no RFC; it is what the software of the real network speaks [Référentiel MSSanté #2 ECO.1.2.1].
"""

import json
import re
from collections.abc import Callable
from typing import Final

from mssante_sim.sasl.claims import Malformed, Named, Parting
from mssante_sim.sasl.names import read_name, utf8
from mssante_sim.sasl.party import Party

__all__ = ["SCOPE", "Bearer"]

SCOPE: Final = "mail"
_OLDER_REASON: Final = {"status": "401", "schemes": "bearer", "scope": SCOPE}  # as a real server was seen to say

# client-resp = gs2-header kvsep *kvpair kvsep; kvpair = key "=" value kvsep   [RFC 7628 §3.1]
# A gs2-header with "F," or "p=" is for what OAUTHBEARER has not: another framing, a channel binding.
_OAUTHBEARER: Final = re.compile(
    rb"[ny],(?:a=([^,=\0\x01]*(?:=(?:2C|3D)[^,=\0\x01]*)*))?,\x01((?:[A-Za-z]+=[\t\n\r -~]*\x01)*)\x01"
)
_XOAUTH2: Final = re.compile(rb"user=([^\0\x01]+)\x01auth=([^\0\x01]*)\x01\x01")
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # b64token  [RFC 6750 §2.1]


class Bearer:
    """One exchange: the token, and if it is refused, the reason, to which the client has nothing to say."""

    opening: Final = b""

    def __init__(self, party: Party, read: Callable[[bytes], tuple[str, str]], reason: dict[str, str]) -> None:
        self._party = party
        self._read = read
        self._reason = reason
        self._refused: Named | None = None

    @classmethod
    def oauthbearer(cls, party: Party) -> "Bearer":
        """That of OAUTHBEARER [RFC 7628 §3]."""
        return cls(party, _read_oauthbearer, {"status": "invalid_token", "scope": SCOPE})

    @classmethod
    def xoauth2(cls, party: Party) -> "Bearer":
        """That of XOAUTH2: ``user=NAME^Aauth=Bearer TOKEN^A^A``."""
        return cls(party, _read_xoauth2, _OLDER_REASON)

    def answer(self, octets: bytes) -> bytes | Named | Parting:
        """Whose token it is; else why it opens nothing, and after the client's answer to that, that it opens nothing.

        Raises:
            Malformed: the answer is not of the form.
        """
        if self._refused is not None:
            return self._refused
        name, authorization = self._read(octets)
        found = _BEARER.fullmatch(authorization)  # who shows none wants to learn what is needed  [RFC 7628 §4.3]
        named = self._party.bearer(found[1], name) if found else Named("", None)
        if named.address is not None:
            return named
        refusal = self._party.token_refusal
        if refusal.drops:
            return Parting(_json(_OLDER_REASON), named)
        self._refused = named
        return _json({**self._reason, "openid-configuration": refusal.openid_configuration})  # [RFC 7628 §3.2.2]


def _read_oauthbearer(octets: bytes) -> tuple[str, str]:
    """Whom the client wants to be, "" for the holder of the token; and the credentials."""
    found = _OAUTHBEARER.fullmatch(octets)
    if found is None:
        raise Malformed("Not the form of OAUTHBEARER.")
    pairs = [pair.split(b"=", 1) for pair in found[2].split(b"\x01")[:-1]]
    values = {key.lower(): value for key, value in pairs}
    if len(values) < len(pairs):
        raise Malformed("A key stands twice.")
    return read_name(found[1] or b""), utf8(values.get(b"auth", b""))


def _read_xoauth2(octets: bytes) -> tuple[str, str]:
    found = _XOAUTH2.fullmatch(octets)
    if found is None:
        raise Malformed("Not the form of XOAUTH2.")
    return utf8(found[1]), utf8(found[2])


def _json(value: dict[str, str]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
