"""AUTHENTICATE: an exchange of SASL as IMAP carries it [RFC 3501 §6.2.2]."""

from base64 import b64decode

from mssante_sim.imap.core.commands import Authenticate, Login
from mssante_sim.imap.core.faults import AuthenticationFailed, ImapFault, SyntaxFault, Unavailable
from mssante_sim.imap.core.responses import Continuation
from mssante_sim.sasl.claims import (
    ActingForAnother,
    Claim,
    Parting,
    Password,
    SaslFault,
    TooManyFailures,
    UnknownMechanism,
)
from mssante_sim.sasl.exchange import Exchange, begin, mechanisms
from mssante_sim.sasl.party import Party

__all__ = ["Sasl"]


class AuthorizationFailed(AuthenticationFailed):
    """The name to act for is not the name to log in with."""

    code = "AUTHORIZATIONFAILED"  # [RFC 5530 §3]


class Sasl:
    """The authentication of one connection: what is offered, and the AUTHENTICATE that is under way, if one is."""

    __slots__ = ("_exchange", "parting", "party", "tag")

    def __init__(self, party: Party | None) -> None:
        """Without `party`, only passwords are taken."""
        self.party = party
        self._exchange: Exchange | None = None
        self.tag: str | None = None  # of the command that waits for an answer of the client
        self.parting = False  # the connection ends with the login that runs, without an answer

    @property
    def offered(self) -> tuple[str, ...]:
        """Mechanisms, the best first."""
        return mechanisms(self.party)

    def begin(self, command: Authenticate) -> tuple[Continuation | Login, ...]:
        """What follows: a challenge, the login to try, or one after the other.

        Raises:
            ImapFault: the mechanism is not offered, or its initial response leads to no login.
        """
        try:
            self._exchange = begin(command.mechanism, self.party)
        except UnknownMechanism as fault:
            raise ImapFault(fault.public) from fault
        self.tag = command.tag
        if command.initial is None:
            return (Continuation(challenge=self._exchange.opening),)
        return self._next(self._exchange, command.tag, command.initial)

    def answer(self, line: bytes) -> tuple[Continuation | Login, ...]:
        """What follows a client's `line`; as `begin`, also when it raises: then nothing is under way."""
        exchange, tag = self._exchange, self.tag
        assert exchange is not None and tag is not None, "no AUTHENTICATE is under way"  # noqa: S101, PT018 - as the session
        return self._next(exchange, tag, _decoded(line))

    def forget(self) -> None:
        """Nothing is under way."""
        self._exchange = self.tag = None

    def _next(self, exchange: Exchange, tag: str, octets: bytes) -> tuple[Continuation | Login, ...]:
        try:
            found = exchange.answer(octets)
        except ActingForAnother as fault:
            raise AuthorizationFailed(fault.public) from fault
        except TooManyFailures as fault:
            raise Unavailable(fault.public) from fault
        except SaslFault as fault:
            raise AuthenticationFailed("Invalid credentials.", detail=fault.public) from fault
        if isinstance(found, bytes):
            return (Continuation(challenge=found),)
        self.forget()
        if isinstance(found, Parting):
            self.parting = True
            return Continuation(challenge=found.challenge), _login(tag, found.claim)
        return (_login(tag, found),)


def _login(tag: str, claim: Claim) -> Login:
    if isinstance(claim, Password):
        return Login(tag, claim.login, claim.password)
    return Login(tag, claim.login, "", claim)


def _decoded(line: bytes) -> bytes:
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
