"""The flags a folder knows, as they are announced."""

from collections.abc import Iterable
from typing import Final

from mssante_sim.imap.core import codes
from mssante_sim.imap.core import responses as r
from mssante_sim.storage.api import MAX_KEYWORDS

__all__ = ["RECENT", "SYSTEM_FLAGS", "announcement"]

SYSTEM_FLAGS: Final = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
"""What a client may set [RFC 3501 §2.3.2]."""

RECENT: Final = "\\Recent"


def announcement(keywords: Iterable[str], *, read_only: bool) -> tuple[r.Response, ...]:
    """FLAGS and PERMANENTFLAGS: no flag is ever shown before it stood in one of these [RFC 3501 §7.1]."""
    flags = (*SYSTEM_FLAGS, *sorted(keywords))
    may_grow = not read_only and len(flags) < MAX_KEYWORDS + len(SYSTEM_FLAGS)
    permanent = codes.permanent_flags(() if read_only else flags, new_keywords=may_grow)
    text = "Read-only mailbox." if read_only else "Flags permitted."
    return r.Flags(flags), r.Reply(r.Condition.OK, text, permanent)
