"""Values of Content-Type and Content-Disposition."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from mssante_sim.message.text import (
    decode_charset,
    decode_text,
    decode_words,
    split_comments,
    unescape,
    unfold,
)

__all__ = ["Parameters", "content_type", "parse_parameters"]

# Only after a semicolon, so that a long value without "=" is not tried from each of its octets.
_PARAMETER = re.compile(
    rb';[ \t\r\n]*+([^ \t\r\n;="]*+)[ \t\r\n]*+=[ \t\r\n]*+(?:"((?:[^"\\]++|\\.)*+)"?|([^ \t\r\n;]*+))',
    re.DOTALL,
)
_SECTION = re.compile(r"([^*]+)(?:\*([0-9]{1,3}))?(\*)?")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of a Content-Type or Content-Disposition field, first come first.

    In `pairs` continuations are joined, nothing is decoded: the name ends with ``*``
    if the value is ``charset'language'percent-encoded`` [RFC 2231].
    """

    pairs: tuple[tuple[str, bytes], ...] = ()

    def get(self, name: str) -> str | None:
        """The decoded value of parameter `name` (lower case); its extended form goes first."""
        for extended in (name + "*", name):
            for found, value in self.pairs:
                if found == extended:
                    return _decode_extended(value) if extended != name else decode_words(value)
        return None


def _decode_extended(value: bytes) -> str:
    charset, first, rest = value.partition(b"'")
    _language, second, text = rest.partition(b"'")
    if not first or not second:
        return decode_text(unquote_to_bytes(value))
    return decode_charset(unquote_to_bytes(text), decode_text(charset).lower())


def parse_parameters(raw: bytes) -> tuple[bytes, Parameters]:
    """What stands before the first semicolon, and the parameters after it; comments are dropped."""
    return _remembered(raw) if len(raw) <= _SHORT_OCTETS else _parsed(raw)


_SHORT_OCTETS = 128  # most parts of most messages share a few values


@lru_cache(maxsize=1024)
def _remembered(raw: bytes) -> tuple[bytes, Parameters]:
    return _parsed(raw)


def _parsed(raw: bytes) -> tuple[bytes, Parameters]:
    text = raw
    if b"(" in raw:
        text = b" ".join(piece for piece in split_comments(raw) if piece[0] != 0x28)  # "("
    value, semicolon, _ = text.partition(b";")
    if not semicolon:
        return unfold(value), Parameters()
    found = [
        (decode_text(name).lower(), unescape(quoted) or plain)
        for name, quoted, plain in _PARAMETER.findall(text, len(value))
        if name
    ]
    if b"*" in text and any("*" in name for name, _ in found):
        found = _continued(found)
    return unfold(value), Parameters(tuple(found))


def _continued(found: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Sections ``name*0``, ``name*1*``… as one pair where the first stood [RFC 2231 §3, §4.1]."""
    sections: dict[str, dict[int, tuple[bytes, bool]]] = {}
    order: dict[str, bytes | None] = {}
    for name, value in found:
        split = _SECTION.fullmatch(name)
        if split and split[2]:
            sections.setdefault(split[1], {}).setdefault(int(split[2]), (value, bool(split[3])))
            order.setdefault(split[1] + "*0", None)  # keeps the place
        else:
            order.setdefault(name, value)
    return [
        (name, value) if value is not None else _joined_sections(name[:-2], sections[name[:-2]])
        for name, value in order.items()
    ]


def _joined_sections(name: str, parts: dict[int, tuple[bytes, bool]]) -> tuple[str, bytes]:
    """One pair from the sections up to the first gap; unencoded ones are encoded if any other is."""
    whole: list[tuple[bytes, bool]] = []
    while len(whole) in parts:
        whole.append(parts[len(whole)])
    if not any(extended for _, extended in whole):
        return name, b"".join(value for value, _ in whole)
    return name + "*", b"".join(value if extended else quote(value).encode() for value, extended in whole)


_KIND = re.compile(rb"[ \t\r\n]*+([^ \t\r\n/;]+)[ \t\r\n]*+/[ \t\r\n]*+([^ \t\r\n/;]+)")


def content_type(raw: bytes | None, default: str = "text/plain") -> tuple[str, Parameters]:
    """Media type in lower case and its parameters; `default` if it cannot be read [RFC 2045 §5.2]."""
    if raw is None:
        return default, Parameters()
    value, parameters = parse_parameters(raw)
    kind = _KIND.match(value)
    if kind is None or not value.isascii():
        return default, Parameters()
    return str(kind[1] + b"/" + kind[2], "ascii").lower(), parameters
