"""The server's half of AUTHENTICATE with a password [RFC 3501 §6.2.2]."""

from base64 import b64decode
from typing import Final

from mssante_sim.imap.core.faults import AuthenticationFailed, ImapFault, SyntaxFault

__all__ = ["Exchange", "decode_response", "exchange"]

_LOGIN_CHALLENGES: Final = (b"Username:", b"Password:")


class AuthorizationFailed(ImapFault):
    """The name to act for is not the name to log in with."""

    code = "AUTHORIZATIONFAILED"  # [RFC 5530 §3]


class Exchange:
    """Challenges of one AUTHENTICATE, in order; done when `credentials` is not None."""

    __slots__ = ("_answers", "_mechanism", "tag")

    def __init__(self, tag: str, mechanism: str) -> None:
        self.tag = tag
        self._mechanism = mechanism
        self._answers: list[bytes] = []

    def challenge(self) -> bytes:
        """What the client is asked next."""
        return b"" if self._mechanism == "PLAIN" else _LOGIN_CHALLENGES[len(self._answers)]

    def answer(self, octets: bytes) -> tuple[str, str] | None:
        """Login name and password once both are known.

        Raises:
            AuthorizationFailed, AuthenticationFailed: the answer can lead to no login.
        """
        self._answers.append(octets)
        if self._mechanism == "PLAIN":
            return _plain(octets)
        if len(self._answers) < len(_LOGIN_CHALLENGES):
            return None
        return _text(self._answers[0]), _text(self._answers[1])


def exchange(tag: str, mechanism: str) -> Exchange:
    """The exchange of `mechanism`.

    Raises:
        ImapFault: there is none.
    """
    if mechanism not in ("PLAIN", "LOGIN"):
        raise ImapFault("Unsupported authentication mechanism.")
    return Exchange(tag, mechanism)


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


def _plain(octets: bytes) -> tuple[str, str]:
    """``[authzid] NUL authcid NUL passwd`` [RFC 4616 §2]."""
    parts = octets.split(b"\0")
    if len(parts) != 3:
        raise AuthenticationFailed("Invalid credentials.")
    authzid, authcid, password = map(_text, parts)
    if authzid not in ("", authcid):
        raise AuthorizationFailed("Acting for another account is not possible.")
    return authcid, password


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise AuthenticationFailed("Invalid credentials.") from error
