"""Address lists, read as people write them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mssante_sim.message.text import decode_text, decode_words, split_comments, unescape, unfold

__all__ = ["Address", "AddressList", "Mailbox", "complete", "parse_addresses", "parse_mailboxes"]


@dataclass(frozen=True, slots=True)
class Address:
    """Whom a mailbox belongs to, as a reader sees it, and where it is."""

    name: str  # decoded; "" if there is none
    address: str  # local part and domain as written, quoted only where it must be


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One member of an address list, undecoded; also the two ends of a group.

    A group starts with a Mailbox that has only a `local` part (its name) and ends
    with one that has nothing, as IMAP shows it [RFC 9051 §7.5.2].
    """

    name: bytes | None
    route: bytes | None
    local: bytes | None
    domain: bytes | None  # None for the ends of a group only; b"" if it is missing


_TOKEN = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|\[[^\[\]]*+\]?|[<>:;@,()\\\]]|[^\x00-\x20<>:;@,()\[\]"\\]++', re.DOTALL
)
_DOT_ATOM = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]+")


def _tokens(text: bytes) -> list[bytes]:
    """Quoted strings, domain literals, comments, specials, and runs of anything else but blanks."""
    if b"(" not in text:
        return _TOKEN.findall(text)
    out: list[bytes] = []
    for piece in split_comments(text):
        out += [piece] if piece[0] == 0x28 else _TOKEN.findall(piece)  # "("
    return out


def _unquoted(token: bytes) -> bytes:
    if token[:1] != b'"':
        return token
    return unescape(token[1:].removesuffix(b'"'))


def _joined(tokens: Sequence[bytes]) -> bytes:
    return b" ".join([_unquoted(token) for token in tokens])


class AddressList:
    """Reads one address list; `clean` is false as soon as something in it had to be guessed."""

    __slots__ = ("_closed", "_comment", "_in_group", "_phrase", "_route", "_words", "clean", "found")

    _words: list[bytes]  # of the member that is being read; "@" is one of them
    _phrase: list[bytes] | None  # what stood before "<"; None outside of angle brackets
    _route: bytes | None
    _comment: bytes | None
    _closed: bool  # after ">"

    def __init__(self, text: bytes) -> None:
        self.found: list[Mailbox] = []
        self.clean = True
        self._in_group = False
        self._begin_member()
        for token in _tokens(unfold(text)):
            if (special := self._SPECIAL.get(token)) is not None:
                special(self)
            elif token[0] == 0x28:  # "("
                self._comment = token[1:].removesuffix(b")")
            else:
                self._words.append(token)
        self._end_member()
        if self._in_group:
            self.clean = False
            self._end_group()

    def _begin_member(self) -> None:
        self._words, self._phrase, self._route, self._comment, self._closed = [], None, None, None, False

    def _open_angle(self) -> None:
        self.clean &= self._phrase is None
        self._phrase, self._words = self._words, []

    def _close_angle(self) -> None:
        if self._phrase is None:
            self.clean = False
        else:
            self._add(self._words, self._phrase)
            self._words, self._phrase, self._route, self._closed = [], None, None, True

    def _comma(self) -> None:
        if self._phrase is not None and self._words[:1] == [b"@"]:  # <@relay,@relay:local@domain>
            self._words.append(b",")
        else:
            self._end_member()

    def _colon(self) -> None:
        if self._phrase is not None and self._words[:1] == [b"@"]:
            self._route = b"".join(self._words)
        elif self._phrase is not None or self._closed or self._in_group or b"@" in self._words:
            self.clean = False
        else:
            self.found.append(Mailbox(None, None, _joined(self._words), None))
            self._in_group = True
        self._words = []

    def _end_group(self) -> None:
        self._end_member()
        if self._in_group:
            self.found.append(Mailbox(None, None, None, None))
        else:
            self.clean = False
        self._in_group = False

    def _stray(self) -> None:
        self.clean = False

    def _end_member(self) -> None:
        if self._phrase is not None:
            self.clean = False
            self._add(self._words, self._phrase)
        elif self._closed:
            self.clean &= not self._words
        elif self._words:
            self._add(self._words, [])
        self._begin_member()

    def _add(self, spec: list[bytes], phrase: list[bytes]) -> None:
        name = _joined(phrase) if phrase else self._comment
        if len(spec) == 3 and spec[1] == b"@":
            # "[" is no local part, a quoted string no domain, a bare "@" no part of a name.
            self.clean &= spec[0][0] != 0x5B and spec[2][0] != 0x22 and b"@" not in phrase
            self.found.append(Mailbox(name, self._route, _unquoted(spec[0]), spec[2]))
            return
        self.clean = False
        if not spec and name is None:
            return  # <>
        at = len(spec) - 1 - spec[::-1].index(b"@") if b"@" in spec else len(spec)
        local, domain = b"".join([_unquoted(word) for word in spec[:at]]), b"".join(spec[at + 1 :])
        self.found.append(Mailbox(name, self._route, local, domain))

    _SPECIAL: ClassVar = {
        b"<": _open_angle, b">": _close_angle, b",": _comma, b":": _colon, b";": _end_group,
        b")": _stray, b"]": _stray, b"\\": _stray,
    }  # fmt: skip


def parse_mailboxes(raw: bytes) -> list[Mailbox]:
    """The members of an address list and the ends of its groups, undecoded [RFC 5322 §3.4, §4.4]."""
    return AddressList(raw).found


def complete(found: Mailbox) -> Address | None:
    """What `found` is to a reader; None for the ends of a group and for what lacks one of its halves."""
    if not found.local or not found.domain:
        return None
    local = found.local
    if not _DOT_ATOM.fullmatch(local):
        local = b'"' + re.sub(rb'(["\\])', rb"\\\1", local) + b'"'
    return Address(decode_words(found.name or b""), decode_text(local + b"@" + found.domain))


def parse_addresses(raw: bytes) -> list[Address]:
    """Every complete address of an address list, members of groups included, names decoded."""
    return [address for found in parse_mailboxes(raw) if (address := complete(found))]
