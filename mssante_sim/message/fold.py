"""Field values written so that no reader can take them for anything else.

Lines stay within 76 columns where the text allows it [RFC 5322 §2.1.1, RFC 2047 §2].
"""

import re
from urllib.parse import quote

import pybase64

__all__ = ["encoded_words", "fold", "parameter", "phrase", "unstructured"]

_COLUMNS = 76
_MARKS = len("=?utf-8?q??=")
_WORD_ROOM = 75 - _MARKS  # [RFC 2047 §2]
_LONGEST_TOKEN = 900  # beyond it a line could pass 998 octets [RFC 5322 §2.1.1]
_PRINTABLE = re.compile(r"[!-~]([ -~]*[!-~])?")
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # [RFC 2047 §5 (3)]


def fold(first_column: int, pieces: list[str]) -> str:
    """`pieces` behind one another, cut into lines before those that would pass column 76.

    Every piece but the first begins with a blank.
    """
    out, column = pieces[:1], first_column + len(pieces[0])
    for piece in pieces[1:]:
        if column + len(piece) > _COLUMNS:
            out.append("\r\n")
            column = 0
        out.append(piece)
        column += len(piece)
    return "".join(out)


def unstructured(first_column: int, text: str) -> str:
    """`text` as a Subject holds it: as it is if it is printable ASCII, else as encoded words."""
    if not text:
        return ""
    pieces = re.findall(r" *[^ ]+", text)
    if _PRINTABLE.fullmatch(text) and "=?" not in text and max(map(len, pieces)) <= _LONGEST_TOKEN:
        return fold(first_column, pieces)
    return encoded_words(first_column, text)


def phrase(first_column: int, name: str) -> str:
    """A display name: a quoted string, or encoded words [RFC 5322 §3.2.5, RFC 2047 §5]."""
    if _PRINTABLE.fullmatch(name) and "=?" not in name and len(name) < _COLUMNS:
        return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return encoded_words(first_column, name)


def encoded_words(first_column: int, text: str) -> str:
    """`text` as UTF-8 encoded words, none of which cuts a character in two; Q or B, whichever is shorter."""
    octets = text.encode()
    mark, encode = ("q", _q) if len(_q(octets)) <= len(_b(octets)) else ("b", _b)
    runs = [b""]
    room = min(_WORD_ROOM, _COLUMNS - first_column - _MARKS)
    for character in text:
        longer = runs[-1] + character.encode()
        if len(encode(longer)) <= room:
            runs[-1] = longer
        else:
            runs.append(character.encode())
            room = _WORD_ROOM
    return "\r\n ".join(f"=?utf-8?{mark}?{encode(run)}?=" for run in runs)


def _q(octets: bytes) -> str:
    return "".join(chr(octet) if octet in _Q_PLAIN else "_" if octet == 0x20 else f"={octet:02X}" for octet in octets)


def _b(octets: bytes) -> str:
    return pybase64.b64encode(octets).decode()


def parameter(name: str, value: str) -> str:
    """One parameter behind a semicolon, on lines of its own; in sections if it is long or not ASCII [RFC 2231]."""
    if _PRINTABLE.fullmatch(value) and len(name) + len(value) < _COLUMNS - 8 and not set(value) & set('"\\'):
        return f';\r\n {name}="{value}"'
    encoded = "utf-8''" + quote(value, safe="")
    room = _COLUMNS - len(f" {name}*999*=;")
    sections: list[str] = []
    while encoded:
        cut = encoded.rfind("%", room - 2, room)  # never within %XX
        sections.append(encoded[: cut if cut >= 0 and len(encoded) > room else room])
        encoded = encoded[len(sections[-1]) :]
    return "".join(f";\r\n {name}*{number}*={section}" for number, section in enumerate(sections))
