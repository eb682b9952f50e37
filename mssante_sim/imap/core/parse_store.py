"""The arguments of STORE [RFC 3501 §6.4.6] [RFC 7162 §3.1.3]."""

import re
from typing import Final

from mssante_sim.imap.core.commands import StoreFlags
from mssante_sim.imap.core.cursor import Cursor
from mssante_sim.imap.core.grammar import expect_word, flags, targets
from mssante_sim.storage.api import FlagMode

__all__ = ["store"]

_STORE = re.compile(rb"([+-]?)FLAGS(\.SILENT)?(?= |\Z)", re.IGNORECASE)
_MODES: Final = {b"": FlagMode.REPLACE, b"+": FlagMode.ADD, b"-": FlagMode.REMOVE}


def store(cursor: Cursor, tag: str, *, by_uid: bool = False) -> StoreFlags:
    """``"STORE" SP sequence-set [store-modifiers] SP ["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / …)``."""
    cursor.sp()
    chosen = targets(cursor)
    cursor.sp()
    limit = _modifier(cursor) if cursor.at(b"(") else None
    change = cursor.expect(cursor.take(_STORE), "FLAGS, +FLAGS or -FLAGS")
    cursor.sp()
    return StoreFlags(tag, chosen, _MODES[change[1]], flags(cursor), change[2] is not None, by_uid, limit)


def _modifier(cursor: Cursor) -> int:
    """``"(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")" SP``; there is one modifier, to be given once."""
    cursor.expect_octet(b"(")
    expect_word(cursor, "UNCHANGEDSINCE")
    cursor.sp()
    limit = cursor.expect(cursor.number64(), "a mod-sequence")
    cursor.expect_octet(b")")
    cursor.sp()
    return limit
