"""IMAP responses as trees, and the patterns that scripts hold against them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Item", "Quoted", "Word", "matches", "read_items"]


@dataclass(frozen=True, slots=True)
class Word:
    """An atom, a number, a flag or a section such as ``BODY[1.MIME]``."""

    text: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quoted string or a literal: what it says, not how it was sent."""

    octets: bytes


Item = Word | Quoted | tuple["Item", ...]

_WORD = re.compile(rb'(?:\[[^]]*\]|[^ ()\[\]"{\r\n])+(?:<\d+(?:\.\d+)?>)?|\[[^]]*\]')
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LITERAL = re.compile(rb"~?\{(\d+)\+?\}\r\n")
_STATUS = re.compile(rb"(OK|NO|BAD|BYE|PREAUTH)(?: \[([^]]*)\])?(?: .*)?", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_REST = Word("...")
_UNORDERED_LISTS = {"FLAGS", "PERMANENTFLAGS", "LIST", "LSUB"}
_UNORDERED_WHOLE = {"SEARCH", "CAPABILITY", "ENABLED"}
_KEYED_LISTS = {"FETCH", "STATUS"}  # names and values, perhaps more of them than is asked


def read_items(octets: bytes) -> tuple[Item, ...]:
    """The items of one response or pattern, without its ``* ``; a status response loses its free text.

    Raises:
        ValueError: the octets are not of this form.
    """
    if status := _STATUS.fullmatch(octets):
        word, code = Word(status[1].decode()), status[2]
        return (word,) if code is None else (word, read_items(code))
    items, at = _list(octets, 0)
    if at != len(octets):
        raise ValueError(f"unbalanced at octet {at}: {octets[:200]!r}")
    return items


def _list(octets: bytes, at: int) -> tuple[tuple[Item, ...], int]:
    items: list[Item] = []
    while at < len(octets) and octets[at : at + 1] != b")":
        if octets[at : at + 1] == b" ":
            at += 1
        elif octets[at : at + 1] == b"(":
            inner, at = _list(octets, at + 1)
            if octets[at : at + 1] != b")":
                raise ValueError(f"unclosed list: {octets[:200]!r}")
            items.append(inner)
            at += 1
        elif quoted := _QUOTED.match(octets, at):
            items.append(Quoted(_ESCAPE.sub(rb"\1", quoted[1])))
            at = quoted.end()
        elif literal := _LITERAL.match(octets, at):
            at = literal.end() + int(literal[1])
            items.append(Quoted(octets[literal.end() : at]))
        elif word := _WORD.match(octets, at):
            items.append(Word(word[0].decode("utf-8", "surrogateescape")))
            at = word.end()
        else:
            raise ValueError(f"no item at octet {at}: {octets[:200]!r}")
    return tuple(items), at


def matches(pattern: tuple[Item, ...], found: tuple[Item, ...], look_up: Callable[[str], str]) -> dict[str, str] | None:
    """What ``?name`` took on if `found` is as `pattern` says, else None.

    `look_up` gives the text of ``$name`` and ``$3``.
    """
    taken: dict[str, str] = {}
    return taken if _Matcher(look_up, taken).sequence(pattern, found) else None


class _Matcher:
    def __init__(self, look_up: Callable[[str], str], taken: dict[str, str]) -> None:
        self._look_up = look_up
        self._taken = taken

    def sequence(self, pattern: tuple[Item, ...], found: tuple[Item, ...]) -> bool:
        """Items in order, up to ``...``; what the keyword says has no order is compared without."""
        kind = next((_name(item) for item in pattern if _name(item)), "")
        if kind in _UNORDERED_WHOLE:
            return self.unordered(pattern, found)
        for index, wanted in enumerate(pattern):
            if wanted == _REST:
                return True
            if index >= len(found) or not self.one(wanted, found[index], kind):
                return False
        return len(pattern) == len(found)

    def one(self, wanted: Item, found: Item, kind: str = "") -> bool:
        """One item of a response of this `kind`."""
        if isinstance(wanted, tuple):
            return isinstance(found, tuple) and self.inner(wanted, found, kind)
        if isinstance(wanted, Word) and wanted.text.startswith("?"):
            if wanted.text != "?" and not isinstance(found, tuple):
                self._taken[wanted.text[1:]] = _octets(found).decode()
            return True
        if isinstance(found, tuple):
            return False
        if isinstance(wanted, Quoted):
            return wanted.octets == _octets(found)
        text = self._look_up(wanted.text[1:]) if wanted.text.startswith("$") else wanted.text
        return text.upper() == found.text.upper() if isinstance(found, Word) else text.encode() == found.octets

    def inner(self, wanted: tuple[Item, ...], found: tuple[Item, ...], kind: str) -> bool:
        """A list inside a response of this `kind`."""
        if kind in _UNORDERED_LISTS:
            return self.unordered(wanted, found)
        if kind in _KEYED_LISTS:
            return self.keyed(wanted, found)
        return self.sequence(wanted, found)

    def unordered(self, wanted: tuple[Item, ...], found: tuple[Item, ...]) -> bool:
        """The same items in any order; ``...`` allows others, ``\\Recent`` counts only if named."""
        left = list(found)
        for item in wanted:
            if item == _REST:
                continue
            hit = next((index for index, other in enumerate(left) if self.one(item, other)), None)
            if hit is None:
                return False
            del left[hit]
        return _REST in wanted or all(item == Word("\\Recent") for item in left)

    def keyed(self, wanted: tuple[Item, ...], found: tuple[Item, ...]) -> bool:
        """Every name that is wanted has the value that is wanted."""
        pairs = list(zip(found[::2], found[1::2], strict=False))
        return all(
            any(self.one(name, other) and self.one(value, given, _name(name)) for other, given in pairs)
            for name, value in zip(wanted[::2], wanted[1::2], strict=True)
        )


def _name(item: Item) -> str:
    """The keyword that `item` is, if it is one."""
    text = item.text.upper() if isinstance(item, Word) else ""
    return "" if text.isdigit() or text.startswith(("?", "$")) else text


def _octets(item: Word | Quoted) -> bytes:
    return item.octets if isinstance(item, Quoted) else item.text.encode("utf-8", "surrogateescape")
