"""The arguments of FETCH [RFC 3501 §6.4.5]."""

import re
from collections.abc import Mapping

from mssante_sim.imap.core.commands import Fetch
from mssante_sim.imap.core.cursor import LARGEST_NUMBER, Cursor, bounded_number
from mssante_sim.imap.core.faults import SyntaxFault
from mssante_sim.imap.core.fetch_items import BinarySection, BodySection, FetchItem, MessageItem, SectionText
from mssante_sim.imap.core.grammar import choice, list_of, targets
from mssante_sim.imap.core.octets import class_of

__all__ = ["fetch"]

_FAST = (MessageItem.FLAGS, MessageItem.INTERNAL_DATE, MessageItem.SIZE)
_ALL = (*_FAST, MessageItem.ENVELOPE)
_MACROS = {"FAST": _FAST, "ALL": _ALL, "FULL": (*_ALL, MessageItem.BODY)}

_ITEMS: Mapping[str, FetchItem] = {item.value: item for item in MessageItem} | {
    "RFC822": BodySection(older_name="RFC822"),
    "RFC822.HEADER": BodySection(text=SectionText.HEADER, peek=True, older_name="RFC822.HEADER"),
    "RFC822.TEXT": BodySection(text=SectionText.TEXT, older_name="RFC822.TEXT"),
}

_WORD = re.compile(rb"[A-Za-z0-9.]+")
_PARTS = re.compile(rb"[1-9][0-9]*(?:\.[1-9][0-9]*)*")
_FIELD_NAME = re.compile(class_of(frozenset(range(0x21, 0x7F)) - frozenset(b":")) + b"+")  # [RFC 5322 §3.6.8]


def fetch(cursor: Cursor, tag: str, *, by_uid: bool = False) -> Fetch:
    """``"FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" … ")") [fetch-modifiers]``."""
    cursor.sp()
    chosen = targets(cursor)
    cursor.sp()
    items: tuple[FetchItem, ...]
    if cursor.at(b"("):
        items = tuple(dict.fromkeys(list_of(cursor, _fetch_att)))
    else:
        fault = cursor.unexpected("an item to fetch")
        word = _word(cursor, fault)
        items = _MACROS.get(word) or (_item(cursor, word, fault),)
    since, vanished = _modifiers(cursor, by_uid=by_uid)
    return Fetch(tag, chosen, items, by_uid, since, vanished)


def _modifiers(cursor: Cursor, *, by_uid: bool) -> tuple[int | None, bool]:
    """``[SP "(" fetch-modifier *(SP fetch-modifier) ")"]``: CHANGEDSINCE, and VANISHED beside it [RFC 7162 §3.2.6]."""
    if not cursor.octet(b" "):
        return None, False
    given = dict(list_of(cursor, _modifier))
    since = given.get("CHANGEDSINCE")
    if "VANISHED" in given and (since is None or not by_uid):
        raise SyntaxFault("VANISHED belongs to UID FETCH, beside CHANGEDSINCE.")
    return since, "VANISHED" in given


def _modifier(cursor: Cursor) -> tuple[str, int]:
    word = choice(cursor, {"CHANGEDSINCE": "CHANGEDSINCE", "VANISHED": "VANISHED"}, "a modifier")
    if word == "VANISHED":
        return word, 0
    cursor.sp()
    return word, cursor.expect(cursor.number64(), "a mod-sequence")


def _fetch_att(cursor: Cursor) -> FetchItem:
    fault = cursor.unexpected("an item to fetch")
    return _item(cursor, _word(cursor, fault), fault)


def _word(cursor: Cursor, fault: SyntaxFault) -> str:
    found = cursor.take(_WORD)
    if found is None:
        raise fault
    return found[0].decode("ascii").upper()


def _item(cursor: Cursor, word: str, fault: SyntaxFault) -> FetchItem:
    """``fetch-att``: a word, or ``"BODY" [".PEEK"] section ["<" number "." nz-number ">"]``."""
    if word in ("BODY", "BODY.PEEK") and cursor.octet(b"["):
        return _section(cursor, peek=word == "BODY.PEEK")
    if word in ("BINARY", "BINARY.PEEK", "BINARY.SIZE"):
        return _binary(cursor, word)
    if (item := _ITEMS.get(word)) is None:
        raise fault
    return item


def _binary(cursor: Cursor, word: str) -> BinarySection:
    """``"BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary`` [RFC 3516 §7]."""
    cursor.expect_octet(b"[")
    part = _section_part(cursor)
    cursor.expect_octet(b"]")
    if word == "BINARY.SIZE":
        return BinarySection(part, peek=True, size=True)
    return BinarySection(part, _partial(cursor), word == "BINARY.PEEK")


def _section(cursor: Cursor, *, peek: bool) -> BodySection:
    """``section = "[" [section-spec] "]"``; ``section-spec = section-msgtext / (section-part ["." section-text])``."""
    part = _section_part(cursor)
    text: SectionText | None = None
    if not cursor.at(b"]") and (not part or cursor.octet(b".")):
        text = _section_text(cursor, in_part=bool(part))
    fields: tuple[str, ...] = ()
    if text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT):
        cursor.sp()
        fields = tuple(list_of(cursor, _field_name))
    cursor.expect_octet(b"]")
    return BodySection(part, text, fields, _partial(cursor), peek)


def _section_part(cursor: Cursor) -> tuple[int, ...]:
    """``section-part = nz-number *("." nz-number)``; as deep as the line is long."""
    found = cursor.take(_PARTS)
    return tuple(bounded_number(part, LARGEST_NUMBER) for part in found[0].split(b".")) if found else ()


def _section_text(cursor: Cursor, *, in_part: bool) -> SectionText:
    """``section-text = section-msgtext / "MIME"``; ``section-msgtext`` are the others."""
    fault = cursor.unexpected("a section (HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or a part number)")
    try:
        text = SectionText(_word(cursor, fault))
    except ValueError:
        raise fault from None
    if text is SectionText.MIME and not in_part:
        raise SyntaxFault("MIME needs a part number before it: BODY[1.MIME].")
    return text


def _field_name(cursor: Cursor) -> str:
    """``header-fld-name = astring``, of the characters that a field's name can have."""
    fault = cursor.unexpected("the name of a header field")
    found = _FIELD_NAME.fullmatch(cursor.astring() or b"")
    if found is None:
        raise fault
    return found[0].decode("ascii")


def _partial(cursor: Cursor) -> tuple[int, int] | None:
    """``partial = "<" number64 "." nz-number64 ">"`` [RFC 9051 §9]."""
    if not cursor.octet(b"<"):
        return None
    start = cursor.expect(cursor.number64(), "the first octet")
    cursor.expect_octet(b".")
    count = cursor.expect(cursor.nz_number64(), "how many octets")
    cursor.expect_octet(b">")
    return start, count
