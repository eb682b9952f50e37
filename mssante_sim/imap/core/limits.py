"""What one peer may make the server hold, in octets, pieces and seconds.

[our choice] throughout, within what the standards ask for: command lines of at
least 8,192 octets [RFC 7162 §4], literals before login small, since nobody has
been named yet, and an autologout of at least 30 minutes [RFC 9051 §5.4].
"""

from dataclasses import dataclass, field

__all__ = ["FrameLimits", "ImapLimits"]


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Memory one peer can make us hold while it sends. Octets, CRLF included."""

    line_before_login: int = 8_192
    literal_before_login: int = 4_096  # the literals of one command together
    line: int = 65_536  # the whole command without its literals
    literal: int = 65_536  # the literals of one command together, but for the message of APPEND
    append_literal: int = 48 * 1024 * 1024  # a message that is sent, of 32 MB, as its sealed copy is filed
    literals: int = 1_024  # how many one command may have
    swallowed: int = 64 * 1024 * 1024  # of a refused command, to find its end; above it we hang up
    pipelined_before_login: int = 16_384  # as below, of a stranger
    pipelined: int = 262_144  # what waits while a command runs; above it, reading stops


@dataclass(frozen=True, slots=True)
class ImapLimits:
    """Everything that bounds one connection, and all of them together."""

    frames: FrameLimits = field(default_factory=FrameLimits)
    bad_commands: int = 5  # unknown or ungrammatical ones before the first good login
    failed_logins: int = 5  # on one connection
    failed_login_delay_s: float = 2.0
    login_s: float = 60.0  # from the connection, TLS handshake included, to the login
    autologout_s: float = 30 * 60.0  # [RFC 9051 §5.4]
    still_here_s: float = 120.0  # between two signs of life during IDLE
    idle_cut_s: float | None = None  # some networks cut IDLE after 29 minutes; None leaves it alone
    stalled_write_s: float = 60.0  # no octet taken by the peer
    slice_octets: int = 262_144  # of a message in memory for one peer at once
    connections: int = 20_000
    connections_before_login: int = 1_000  # the oldest makes room
