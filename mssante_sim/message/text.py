"""What stands in an unstructured field, and what every structured one is made of."""

import re
from binascii import a2b_qp
from collections.abc import Iterator

import pybase64

__all__ = ["decode_charset", "decode_text", "decode_words", "split_comments", "unescape", "unfold"]

_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def unfold(raw: bytes) -> bytes:
    """`raw` on one line, without blanks around it or a CR, LF, NUL within it [RFC 5322 §2.2.3]."""
    if b"\n" in raw:
        raw = _FOLD.sub(b"", raw)
    return raw.translate(None, b"\r\n\0").strip(b" \t")


_WORD = re.compile(rb"=\?([!->@-~]{1,64}+)\?([bBqQ])\?([!->@-~ ]*+)\?=")
# Others (punycode, unicode_escape…) are codecs of Python, not charsets of mail, and some take quadratic time.
_CHARSET = re.compile(
    r"utf-?(8|16|16le|16be)|(iso-?|latin-?)(8859-?)?\d{1,2}|(windows-?|cp|ibm)\d{3,4}|koi8-[rut]"
    r"|mac-?(roman|intosh)|gb2312|gbk|gb18030|big5(-hkscs)?|shift[-_]jis|euc-(jp|kr)|iso-2022-(jp|kr)(-\d)?"
)


def decode_words(raw: bytes) -> str:
    """`raw` unfolded, its encoded words decoded; octets that mean nothing become U+FFFD [RFC 2047 §6].

    Neighbouring words of one charset are joined before they are decoded: many senders cut inside a character.
    """
    line = unfold(raw)
    if b"=?" not in line:
        return decode_text(line)
    out: list[str] = []
    run: list[bytes] = []
    run_charset, position = "", 0
    for word in _WORD.finditer(line):
        between = line[position : word.start()]
        charset = str(word[1].partition(b"*")[0], "ascii").lower()  # the language is dropped  [RFC 2231 §5]
        if not run or charset != run_charset or between.strip(b" \t"):
            out.append(decode_charset(b"".join(run), run_charset))
            run = []
            if position == 0 or between.strip(b" \t"):
                out.append(decode_text(between))
        run.append(_word_octets(word[2], word[3]))
        run_charset, position = charset, word.end()
    out += decode_charset(b"".join(run), run_charset), decode_text(line[position:])
    return "".join(out)


def decode_text(octets: bytes) -> str:
    """`octets` as UTF-8 if they are, else as Latin-1."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def decode_charset(octets: bytes, charset: str) -> str:
    """`octets` in `charset`; as `decode_text` does if mail knows no such charset, or if it claims to be ASCII."""
    if not _CHARSET.fullmatch(charset):
        return decode_text(octets)
    try:
        return octets.decode(charset, "replace")
    except LookupError:
        return decode_text(octets)


def _word_octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"qQ":
        return a2b_qp(text, header=True)
    try:
        return pybase64.b64decode(text + b"=="[: -len(text) % 4])
    except ValueError:  # binascii.Error is one
        return text


# Comments and quoted pairs

_COMMENT_OR_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|\(|[^"(]++', re.DOTALL)
_IN_COMMENT = re.compile(rb"\\.|[()]", re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)


def _comment_end(text: bytes, start: int) -> int:
    """Offset behind the comment that opens at `start`; an unclosed one takes the rest [RFC 5322 §3.2.2]."""
    depth = 0
    for found in _IN_COMMENT.finditer(text, start):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    return len(text)


def split_comments(text: bytes) -> Iterator[bytes]:
    """`text` in pieces: each comment is one of its own, and no other piece starts with a parenthesis."""
    position = 0
    while found := _COMMENT_OR_TEXT.match(text, position):
        position = _comment_end(text, found.start()) if found[0] == b"(" else found.end()
        yield text[found.start() : position]


def unescape(quoted: bytes) -> bytes:
    """The content of a quoted string without its backslashes [RFC 5322 §3.2.4]."""
    return _QUOTED_PAIR.sub(rb"\1", quoted) if b"\\" in quoted else quoted
