"""What the connections of all listeners share."""

import asyncio
import secrets
import ssl
import traceback
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from mssante_sim.audit import Audit
from mssante_sim.clock import Clock
from mssante_sim.sasl.claims import Claim
from mssante_sim.sasl.party import Party
from mssante_sim.smtp.gate import Gate
from mssante_sim.smtp.intake import Intake
from mssante_sim.smtp.peers import Peers

__all__ = ["Connection", "Doorkeeper", "House", "Limits", "Listener"]

_T = TypeVar("_T")


class Doorkeeper(Protocol):
    """Knows who may log in."""

    def party(self, peer: str, certificate: bytes | None) -> Party:
        """Our part in exchanges of SASL with a client at `peer` that has shown `certificate`."""
        ...

    async def admit(self, claim: Claim, peer: str) -> str | None:
        """The address of the account that `claim` opens to a client at `peer`, or None, whatever is wrong.

        Raises:
            TooManyFailures: it was not looked at.
        """
        ...

    def user(self, claim: Claim) -> str:
        """Who claims, for traces; "unknown" if the login is none."""
        ...


class Connection(Protocol):
    """An open connection, as far as stopping is concerned."""

    @property
    def task(self) -> asyncio.Task[None]:
        """Ends when the connection does."""
        ...

    def part(self) -> None:
        """The connection ends as soon as a message that is on its way has its reply."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer may cost.  Times in seconds."""

    message_octets: int = 32 * 1024 * 1024  # as received
    recipients: int = 100  # [RFC 5321 §4.5.3.1.8]
    connections: int = 512  # of all listeners together
    commands: int = 1_000  # between two stored messages
    unknown_commands: int = 5
    failed_logins: int = 3  # in one connection
    failed_login_s: float = 1.0  # how long each is kept waiting
    handshake_s: float = 15.0
    login_s: float = 60.0  # from connecting to a successful AUTH
    command_s: float = 300.0  # waiting for a command  [RFC 5321 §4.5.3.2.7]
    data_s: float = 180.0  # waiting for more of a message  [RFC 5321 §4.5.3.2.5]
    message_s: float = 900.0  # for a whole message
    stop_s: float = 30.0  # what is being received or stored when the service stops


@dataclass(frozen=True, slots=True)
class Listener:
    """One way in."""

    name: str  # for traces: submission, submission-tls, mx
    context: ssl.SSLContext
    tls_at_once: bool
    takes_logins: bool  # the account is the sender; else the white list vouches for the sender's domain


@dataclass(slots=True)
class House:
    """Services and limits of every connection, and who is inside."""

    host: str
    limits: Limits
    gate: Gate
    intake: Intake
    doorkeeper: Doorkeeper
    peers: Peers
    clock: Clock
    audit: Audit
    key: bytes
    stopping: bool = False
    connections: set[Connection] = field(default_factory=set)
    unfinished: set[asyncio.Task[Any]] = field(default_factory=set)

    async def finish(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of `work`, which goes on to its end even if whoever waits for it is gone."""
        task = asyncio.get_running_loop().create_task(work)
        self.unfinished.add(task)
        task.add_done_callback(self.unfinished.discard)
        return await asyncio.shield(task)

    def incident(self, error: Exception, *, user: str) -> str:
        """The number under which the traces tell where something unforeseen happened; never what it said."""
        number = secrets.token_hex(4)
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
        self.audit.record("smtp.incident", user=user, result=type(error).__name__, incident=number, place=place)
        return number
