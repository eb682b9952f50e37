"""The arguments of LIST, plain and extended [RFC 3501 §6.3.8] [RFC 5258 §6]."""

from typing import Final

from mssante_sim.imap.core.commands import List, ListReturn, ListSelection
from mssante_sim.imap.core.cursor import Cursor
from mssante_sim.imap.core.faults import SyntaxFault
from mssante_sim.imap.core.grammar import choice, expect_word, list_of, name
from mssante_sim.imap.core.utf7 import decode_name

__all__ = ["list_mailboxes", "list_pattern"]

_SELECTIONS: Final = {option.value: option for option in ListSelection}
_RETURNS: Final = {option.value: option for option in ListReturn}
_BASES: Final = frozenset({ListSelection.SUBSCRIBED, ListSelection.SPECIAL_USE})


def list_mailboxes(cursor: Cursor, tag: str) -> List:
    """``"LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]``."""
    cursor.sp()
    extended = cursor.at(b"(")
    selection: frozenset[ListSelection] = frozenset()
    if extended:
        selection = _selection(cursor)
        cursor.sp()
    reference = name(cursor)
    cursor.sp()
    extended = extended or cursor.at(b"(")
    patterns = list_of(cursor, list_pattern) if cursor.at(b"(") else [list_pattern(cursor)]
    returns: frozenset[ListReturn] = frozenset()
    if cursor.octet(b" "):
        extended = True
        returns = _returns(cursor)
    return List(tag, reference, tuple(patterns), selection, returns, extended)


def list_pattern(cursor: Cursor) -> str:
    """``list-mailbox = 1*list-char / string``.  Raises also: Cannot."""
    return decode_name(cursor.expect(cursor.list_mailbox(), "a mailbox name or pattern"))


def _selection(cursor: Cursor) -> frozenset[ListSelection]:
    """``list-select-opts = "(" [list-select-opt *(SP list-select-opt)] ")"``, RECURSIVEMATCH not alone."""
    found = frozenset(
        list_of(cursor, lambda inner: choice(inner, _SELECTIONS, "a selection option"), may_be_empty=True)
    )
    if ListSelection.RECURSIVE_MATCH in found and not found & _BASES:
        raise SyntaxFault("RECURSIVEMATCH needs another selection option, like SUBSCRIBED.")
    return found


def _returns(cursor: Cursor) -> frozenset[ListReturn]:
    """``list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"``."""
    expect_word(cursor, "RETURN")
    cursor.sp()
    return frozenset(list_of(cursor, lambda inner: choice(inner, _RETURNS, "a return option"), may_be_empty=True))
