"""What a client has switched on, and by which commands [RFC 5161 §3.1] [RFC 7162 §3.1] [RFC 9051 §6.3.1]."""

from enum import Enum

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.fetch_items import MessageItem
from mssante_sim.imap.core.search_keys import ModifiedSince, mentions

__all__ = ["Extension", "missing", "switched_on"]


class Extension(Enum):
    """An extension that changes answers, so that a client has to ask for it; the value is its name."""

    CONDSTORE = "CONDSTORE"
    QRESYNC = "QRESYNC"
    REV2 = "IMAP4rev2"


_NONE: frozenset[Extension] = frozenset()
_CONDSTORE = frozenset({Extension.CONDSTORE})


def switched_on(command: c.Command) -> frozenset[Extension]:  # noqa: PLR0911 - a flat list of kinds
    """What is on from `command` on: by ENABLE, or because it uses what CONDSTORE brings [RFC 7162 §3.1]."""
    match command:
        case c.Enable(capabilities=names):
            found = frozenset(one for one in Extension if one.value.upper() in names)
            return found | _CONDSTORE if Extension.QRESYNC in found else found
        case c.Select(condstore=asks, resync=resync):
            return _CONDSTORE if asks or resync is not None else _NONE
        case c.Status(items=items) | c.List(status=items):
            return _CONDSTORE if c.StatusItem.HIGHEST_MODSEQ in items else _NONE
        case c.Fetch(items=items, changed_since=since):
            return _CONDSTORE if since is not None or MessageItem.MODSEQ in items else _NONE
        case c.StoreFlags(unchanged_since=limit):
            return _CONDSTORE if limit is not None else _NONE
        case c.Search(key=key) | c.Sort(key=key) | c.Thread(key=key):
            return _CONDSTORE if mentions(key, ModifiedSince) else _NONE
        case _:
            return _NONE


def missing(command: c.Command, enabled: frozenset[Extension]) -> Extension | None:
    """What must be on before `command` may be given, and is not [RFC 7162 §3.2.3]."""
    uses_vanished = isinstance(command, c.Fetch) and command.vanished
    uses_resync = isinstance(command, c.Select) and command.resync is not None
    if (uses_vanished or uses_resync) and Extension.QRESYNC not in enabled:
        return Extension.QRESYNC
    return None
