"""The server's half of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS [RFC 5802 §5] [RFC 7677 §3].

No password crosses the wire and none is needed here: a verifier of the password proves the client to the
server and the server to the client. With -PLUS, the proof also covers the certificate that the client saw, so that
nobody can stand between the two.
"""

import hmac
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Final

from mssante_sim.sasl.claims import ActingForAnother, Denied, Malformed, Proof, TooManyFailures
from mssante_sim.sasl.names import read_name
from mssante_sim.sasl.party import Party, Verifier

__all__ = ["MECHANISM", "MECHANISM_PLUS", "Scram"]

MECHANISM: Final = "SCRAM-SHA-256"
MECHANISM_PLUS: Final = "SCRAM-SHA-256-PLUS"
_BINDING: Final = b"tls-server-end-point"  # [RFC 5929 §4]; the only one that Python's TLS can tell of TLS 1.3

# gs2-header client-first-message-bare; a reserved-mext ("m=") must be refused, which it is by having no place.
_FIRST: Final = re.compile(
    rb"((?:(n|y)|p=([A-Za-z0-9.-]+)),(?:a=([^,\0]+))?,)(n=((?:[^,=\0]|=2C|=3D)+),r=([!-+\--~]+)(?:,.*)?)", re.DOTALL
)
_FINAL: Final = re.compile(rb"(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,.*)?),p=([A-Za-z0-9+/=]+)", re.DOTALL)


class Scram:
    """One exchange: two answers of the client, then an empty one."""

    opening: Final = b""

    def __init__(self, party: Party, *, plus: bool) -> None:
        self._party = party
        self._plus = plus
        self._header = b""  # gs2-header
        self._asked = b""  # client-first-message-bare and server-first-message
        self._nonce = b""
        self._proof: Proof | None = None
        self._verifier: Verifier | None = None
        self._login = ""

    def answer(self, octets: bytes) -> bytes | Proof:
        """The next challenge, or how it ended.

        Raises:
            Malformed: the answer is not of the form.
            Denied: it binds to another channel.
            ActingForAnother: it names two accounts.
            TooManyFailures: it was not looked at.
        """
        if self._proof is not None:  # the client has checked the server, and has nothing to add
            return self._proof
        return self._first(octets) if self._verifier is None else self._final(octets, self._verifier)

    def _first(self, octets: bytes) -> bytes:
        found = _FIRST.fullmatch(octets)
        if found is None:
            raise Malformed("A first message of another form.")
        self._header, flag, bound, actor, bare, name, nonce = found.groups()
        self._check_binding(flag, bound)
        self._login = read_name(name)
        if actor is not None and read_name(actor) != self._login:
            raise ActingForAnother("Acting for another account is not possible.")
        self._verifier = self._party.verifier(self._login)
        self._nonce = nonce + self._party.nonce()
        challenge = b"r=%b,s=%b,i=%d" % (self._nonce, b64encode(self._verifier.salt), self._verifier.iterations)
        self._asked = bare + b"," + challenge
        return challenge

    def _check_binding(self, flag: bytes | None, bound: bytes | None) -> None:
        """The client binds where it must, and only to what is known here.

        A client that could bind and believes that we cannot was lied to by somebody in between [RFC 5802 §6].
        """
        if self._plus and bound != _BINDING:
            raise Denied("Another channel binding than tls-server-end-point.")
        if not self._plus and bound is not None:
            raise Denied("A channel binding without -PLUS.")
        if flag == b"y" and self._party.end_point is not None:
            raise Denied("The list of mechanisms was changed on its way.")

    def _final(self, octets: bytes, verifier: Verifier) -> bytes | Proof:
        found = _FINAL.fullmatch(octets)
        if found is None:
            raise Malformed("A final message of another form.")
        if self._party.waits(self._login):  # or who sees whether "v=" follows would go on guessing
            raise TooManyFailures("Too many logins have failed; wait a minute and try again.")
        unproven, channel, nonce, proof = found.groups()
        expected = self._header + ((self._party.end_point or b"") if self._plus else b"")
        message = self._asked + b"," + unproven
        mask = hmac.digest(verifier.stored_key, message, "sha256")
        key = bytes(one ^ other for one, other in zip(_octets(proof), mask, strict=False))
        holds = (
            hmac.compare_digest(nonce, self._nonce)
            and hmac.compare_digest(_octets(channel), expected)
            and hmac.compare_digest(sha256(key).digest(), verifier.stored_key)
        )
        self._proof = Proof(self._login, holds)
        self._party.note(self._login, right=holds)
        if not holds:
            return self._proof
        return b"v=" + b64encode(hmac.digest(verifier.server_key, message, "sha256"))


def _octets(base64: bytes) -> bytes:
    try:
        return b64decode(base64, validate=True)
    except ValueError as error:
        raise Malformed("What should be base64 is not.") from error
