"""What a session asks of whoever drives it."""

from dataclasses import dataclass, field

from mssante_sim.imap.core import commands as c

__all__ = ["Hangup", "Run", "Step", "Upgrade", "Write"]


@dataclass(frozen=True, slots=True)
class Write:
    """Octets for the peer."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """A handler is to run `command`, and `complete` to be called when it ends."""

    command: c.Command


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Nothing more is to be read in the clear: the TLS handshake comes next, then `tls_started`."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """The connection is to be closed."""


Step = Write | Run | Upgrade | Hangup
