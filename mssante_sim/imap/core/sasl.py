"""The server's half of AUTHENTICATE [RFC 3501 §6.2.2]."""

from base64 import b64decode
from typing import Final, Protocol

from mssante_sim.imap.core.commands import Login
from mssante_sim.imap.core.faults import AuthenticationFailed, ImapFault, SyntaxFault
from mssante_sim.imap.core.scram import MECHANISM, MECHANISM_PLUS, Proof, Prover, Scram

__all__ = ["Exchange", "decode_response", "exchange", "mechanisms"]

_LOGIN_CHALLENGES: Final = (b"Username:", b"Password:")


class AuthorizationFailed(ImapFault):
    """The name to act for is not the name to log in with."""

    code = "AUTHORIZATIONFAILED"  # [RFC 5530 §3]


def mechanisms(prover: Prover | None) -> tuple[str, ...]:
    """What can be offered, the best first."""
    plus = (MECHANISM_PLUS,) if prover is not None and prover.end_point is not None else ()
    return (*plus, *((MECHANISM,) if prover is not None else ()), "PLAIN", "LOGIN")


class _Steps(Protocol):
    """A mechanism."""

    @property
    def opening(self) -> bytes:
        """What a client is asked that sent no initial response."""
        ...

    def answer(self, octets: bytes) -> "bytes | tuple[str, str] | Proof":
        """The next challenge, or login name and password, or a proof.  Raises: ImapFault."""
        ...


class Exchange:
    """One AUTHENTICATE."""

    __slots__ = ("_steps", "tag")

    def __init__(self, tag: str, steps: _Steps) -> None:
        self.tag = tag
        self._steps = steps

    @property
    def opening(self) -> bytes:
        """What a client is asked that sent no initial response."""
        return self._steps.opening

    def answer(self, octets: bytes) -> bytes | Login:
        """The next challenge, or the login to try.

        Raises:
            AuthorizationFailed, AuthenticationFailed: the answer can lead to no login.
        """
        match self._steps.answer(octets):
            case bytes(challenge):
                return challenge
            case (user, password):
                return Login(self.tag, user, password)
            case Proof(login, holds):
                return Login(self.tag, login, "", proven=holds)


def exchange(tag: str, mechanism: str, prover: Prover | None = None) -> Exchange:
    """The exchange of `mechanism`.

    Raises:
        ImapFault: it is not offered.
    """
    if mechanism not in mechanisms(prover):
        raise ImapFault("Unsupported authentication mechanism.")
    if mechanism == "PLAIN":
        return Exchange(tag, _Plain())
    if mechanism == "LOGIN" or prover is None:
        return Exchange(tag, _Login())
    return Exchange(tag, Scram(prover, plus=mechanism == MECHANISM_PLUS))


class _Plain:
    """PLAIN: ``[authzid] NUL authcid NUL passwd`` [RFC 4616 §2]."""

    opening: Final = b""

    def answer(self, octets: bytes) -> tuple[str, str]:
        """Login name and password."""
        parts = octets.split(b"\0")
        if len(parts) != 3:
            raise AuthenticationFailed("Invalid credentials.")
        authzid, authcid, password = map(_text, parts)
        if authzid not in ("", authcid):
            raise AuthorizationFailed("Acting for another account is not possible.")
        return authcid, password


class _Login:
    """LOGIN: one after the other [draft-murchison-sasl-login §2]."""

    opening: Final = _LOGIN_CHALLENGES[0]

    def __init__(self) -> None:
        self._user: str | None = None

    def answer(self, octets: bytes) -> bytes | tuple[str, str]:
        """The second challenge, then login name and password."""
        if self._user is None:
            self._user = _text(octets)
            return _LOGIN_CHALLENGES[1]
        return self._user, _text(octets)


def decode_response(line: bytes) -> bytes:
    """The octets that a client's line stands for.

    Raises:
        SyntaxFault: it is not base64, or ``*``: the client gave up [RFC 3501 §6.2.2].
    """
    if line == b"*":
        raise SyntaxFault("Authentication cancelled.")
    try:
        return b64decode(line, validate=True)
    except ValueError as error:
        raise SyntaxFault("The answer is not base64.") from error


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise AuthenticationFailed("Invalid credentials.") from error
