"""What a SASL exchange ends in, and why one does not."""

from dataclasses import dataclass, field

from mssante_sim.errors import SimulatorError

__all__ = [
    "ActingForAnother", "Claim", "Denied", "Malformed", "Named", "Parting", "Password", "Proof", "SaslFault",
    "TooManyFailures", "UnknownMechanism",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Password:
    """A login and what was typed as its password; to be checked, which takes a while."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether the client has proven to know the password of a login."""

    login: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Named:
    """The account that a certificate or a token opens; None if it opens none."""

    login: str  # for traces
    address: str | None


Claim = Password | Proof | Named


@dataclass(frozen=True, slots=True)
class Parting:
    """The client is told `challenge`, and the connection ends without waiting for its answer."""

    challenge: bytes
    claim: Named


class SaslFault(SimulatorError):
    """The exchange leads to no claim."""


class UnknownMechanism(SaslFault):
    """The mechanism is not offered, or not on this connection."""


class Malformed(SaslFault):
    """The answer is not of the mechanism's form."""


class Denied(SaslFault):
    """The answer is of the form, and can be nobody's."""


class ActingForAnother(SaslFault):
    """The name to act for is not the name to log in with."""


class TooManyFailures(SaslFault):
    """So many logins have failed of late that this one was not even looked at."""
