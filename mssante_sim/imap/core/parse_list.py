"""The arguments of LIST, plain and extended, and of STATUS [RFC 3501 §6.3.8] [RFC 5258 §6] [RFC 5819 §4]."""

from typing import Final

from mssante_sim.imap.core.commands import List, ListReturn, ListSelection, Status, StatusItem
from mssante_sim.imap.core.cursor import Cursor
from mssante_sim.imap.core.faults import SyntaxFault
from mssante_sim.imap.core.grammar import choice, expect_word, list_of, mailbox, name, read_name

__all__ = ["list_mailboxes", "list_pattern", "status"]

_SELECTIONS: Final = {option.value: option for option in ListSelection}
_RETURNS: Final[dict[str, ListReturn | str]] = {option.value: option for option in ListReturn} | {"STATUS": "STATUS"}
_STATUS_ITEMS: Final = {item.value: item for item in StatusItem}
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
    items: tuple[StatusItem, ...] = ()
    if cursor.octet(b" "):
        extended = True
        returns, items = _returns(cursor)
    return List(tag, reference, tuple(patterns), selection, returns, extended, items)


def status(cursor: Cursor, tag: str) -> Status:
    """``"STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"``."""
    cursor.sp()
    named = mailbox(cursor)
    cursor.sp()
    return Status(tag, named, _status_items(cursor))


def _status_items(cursor: Cursor) -> tuple[StatusItem, ...]:
    return tuple(dict.fromkeys(list_of(cursor, lambda inner: choice(inner, _STATUS_ITEMS, "a status item"))))


def list_pattern(cursor: Cursor) -> str:
    """``list-mailbox = 1*list-char / string``.  Raises also: Cannot."""
    return read_name(cursor, cursor.expect(cursor.list_mailbox(), "a mailbox name or pattern"))


def _selection(cursor: Cursor) -> frozenset[ListSelection]:
    """``list-select-opts = "(" [list-select-opt *(SP list-select-opt)] ")"``, RECURSIVEMATCH not alone."""
    found = frozenset(
        list_of(cursor, lambda inner: choice(inner, _SELECTIONS, "a selection option"), may_be_empty=True)
    )
    if ListSelection.RECURSIVE_MATCH in found and not found & _BASES:
        raise SyntaxFault("RECURSIVEMATCH needs another selection option, like SUBSCRIBED.")
    return found


def _returns(cursor: Cursor) -> tuple[frozenset[ListReturn], tuple[StatusItem, ...]]:
    """``list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"``."""
    expect_word(cursor, "RETURN")
    cursor.sp()
    found = list_of(cursor, _return_option, may_be_empty=True)
    plain = frozenset(one for one in found if isinstance(one, ListReturn))
    items = tuple(dict.fromkeys(item for one in found if isinstance(one, tuple) for item in one))
    return plain, items


def _return_option(cursor: Cursor) -> ListReturn | tuple[StatusItem, ...]:
    """``return-option``; ``status-option = "STATUS" SP "(" status-att *(SP status-att) ")"`` [RFC 5819 §4]."""
    option = choice(cursor, _RETURNS, "a return option")
    if isinstance(option, ListReturn):
        return option
    cursor.sp()
    return _status_items(cursor)
