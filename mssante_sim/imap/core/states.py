"""When a command may be given, and what it changes: the whole state machine, as data.

Two rules, kept by review and tests: every transition of a session's phase is in this
table, and no handler asks what phase it runs in.

::

    ANONYMOUS ──Login, Authenticate──▶ AUTHENTICATED ──Select──▶ SELECTED
        │                                   ▲  │                   │ │ ▲
        │                                   └──┼─Close, Unselect,──┘ └─┘ Select
        │                                      │ Select refused
        └──────────────Logout──────────────────┴──────▶ OVER

[RFC 3501 §3]
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.extensions import Extension, missing
from mssante_sim.imap.core.faults import LoginDisabled, ReadOnlyMailbox, WrongPhase
from mssante_sim.imap.core.search_keys import IsNumbered, mentions

__all__ = ["RULES", "Phase", "Rule", "check", "may_send_expunge", "phase_after"]


class Phase(Enum):
    """How far a connection has come."""

    ANONYMOUS = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()
    OVER = auto()  # nothing is read any more


ANY: Final = frozenset({Phase.ANONYMOUS, Phase.AUTHENTICATED, Phase.SELECTED})
ANONYMOUS: Final = frozenset({Phase.ANONYMOUS})
LOGGED_IN: Final = frozenset({Phase.AUTHENTICATED, Phase.SELECTED})
SELECTED: Final = frozenset({Phase.SELECTED})


@dataclass(frozen=True, slots=True)
class Rule:
    """What one command needs and does."""

    phases: frozenset[Phase]
    needs_tls: bool = False
    needs_clear: bool = False  # STARTTLS: only where there is no TLS yet
    needs_write: bool = False  # refused in a folder opened with EXAMINE
    uses_seqnums: bool = False  # no EXPUNGE may be sent while it runs  [RFC 3501 §7.4.1]
    on_ok: Phase | None = None
    on_no: Phase | None = None


RULES: Final[dict[type[c.Command], Rule]] = {
    c.Capability: Rule(ANY),
    c.Noop: Rule(ANY),
    c.Id: Rule(ANY),
    c.Logout: Rule(ANY, on_ok=Phase.OVER),
    c.StartTls: Rule(ANONYMOUS, needs_clear=True),
    c.Authenticate: Rule(ANONYMOUS, needs_tls=True, on_ok=Phase.AUTHENTICATED),
    c.Login: Rule(ANONYMOUS, needs_tls=True, on_ok=Phase.AUTHENTICATED),
    c.Enable: Rule(LOGGED_IN),
    # A refused SELECT leaves no folder selected [RFC 3501 §6.3.1].
    c.Select: Rule(LOGGED_IN, on_ok=Phase.SELECTED, on_no=Phase.AUTHENTICATED),
    c.Create: Rule(LOGGED_IN),
    c.Delete: Rule(LOGGED_IN),
    c.Rename: Rule(LOGGED_IN),
    c.Subscribe: Rule(LOGGED_IN),
    c.Unsubscribe: Rule(LOGGED_IN),
    c.List: Rule(LOGGED_IN),
    c.Lsub: Rule(LOGGED_IN),
    c.Status: Rule(LOGGED_IN),
    c.Append: Rule(LOGGED_IN),
    c.Namespace: Rule(LOGGED_IN),
    c.GetQuota: Rule(LOGGED_IN),
    c.GetQuotaRoot: Rule(LOGGED_IN),
    c.SetQuota: Rule(LOGGED_IN),
    c.Idle: Rule(LOGGED_IN),
    c.Check: Rule(SELECTED),
    c.Close: Rule(SELECTED, on_ok=Phase.AUTHENTICATED),
    c.Unselect: Rule(SELECTED, on_ok=Phase.AUTHENTICATED),
    c.Expunge: Rule(SELECTED, needs_write=True),
    c.Search: Rule(SELECTED, uses_seqnums=True),
    c.Sort: Rule(SELECTED, uses_seqnums=True),
    c.Thread: Rule(SELECTED, uses_seqnums=True),
    c.Fetch: Rule(SELECTED, uses_seqnums=True),
    c.StoreFlags: Rule(SELECTED, uses_seqnums=True, needs_write=True),
    c.CopyMessages: Rule(SELECTED),
    c.MoveMessages: Rule(SELECTED, needs_write=True),
}
"""Every command; one that is missing here cannot run."""


_WRONG_PHASE: Final = {
    Phase.ANONYMOUS: "Log in first.",
    Phase.AUTHENTICATED: "Select a mailbox first.",
}


def check(
    command: c.Command, phase: Phase, *, secure: bool, read_only: bool, enabled: frozenset[Extension] = frozenset()
) -> None:
    """`command` may run in `phase`, over this connection and in this folder, with what is `enabled`.

    Raises:
        WrongPhase, LoginDisabled, ReadOnlyMailbox: it may not.
    """
    rule = RULES[type(command)]
    if phase not in rule.phases:
        raise WrongPhase("Already logged in." if rule.phases == ANONYMOUS else _WRONG_PHASE[phase])
    if rule.needs_clear and secure:
        raise WrongPhase("TLS is already active.")
    if rule.needs_tls and not secure:
        raise LoginDisabled("Send STARTTLS first.")
    if without := missing(command, enabled):
        raise WrongPhase(f"Send ENABLE {without.value} first.")
    if rule.needs_write and read_only:
        raise ReadOnlyMailbox("The mailbox was opened read-only.")


def may_send_expunge(command: c.Command) -> bool:
    """Whether messages may be told to be gone before `command` ends; its UID form uses no numbers.

    Except a UID SEARCH, SORT or THREAD for numbers [RFC 7162 §3.2.10.2].
    """
    if not RULES[type(command)].uses_seqnums:
        return True
    if isinstance(command, c.Search | c.Sort | c.Thread) and mentions(command.key, IsNumbered):
        return False
    return bool(getattr(command, "by_uid", False))


def phase_after(command: c.Command, phase: Phase, *, ok: bool) -> Phase:
    """The phase in which `command`, run in `phase`, leaves the connection when it ends in OK or in NO."""
    rule = RULES[type(command)]
    return (rule.on_ok if ok else rule.on_no) or phase
