r"""Classes of octets, derived from one table, and the names of months.

``CHAR = %x01-7F``, ``CTL = %x00-1F / %x7F`` [RFC 5234 §B.1]; the rest is [RFC 3501 §9]:

    atom-specials   = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
    list-wildcards  = "%" / "*"
    quoted-specials = DQUOTE / "\"
    resp-specials   = "]"
    ATOM-CHAR       = <any CHAR except atom-specials>
    ASTRING-CHAR    = ATOM-CHAR / resp-specials
    list-char       = ATOM-CHAR / list-wildcards / resp-specials
    tag             = 1*<any ASTRING-CHAR except "+">
    TEXT-CHAR       = <any CHAR except CR and LF>
    QUOTED-CHAR     = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials
"""

__all__ = [
    "ASTRING_CHARS",
    "ATOM_CHARS",
    "CTLS",
    "LIST_CHARS",
    "MONTHS",
    "QUOTED_CHARS",
    "QUOTED_PLAIN",
    "TAG_CHARS",
    "class_of",
]

CHARS = frozenset(range(0x01, 0x80))
CTLS = frozenset({*range(0x20), 0x7F})

_LIST_WILDCARDS = frozenset(b"%*")
_QUOTED_SPECIALS = frozenset(b'"\\')
_RESP_SPECIALS = frozenset(b"]")
_ATOM_SPECIALS = frozenset(b"(){ ") | CTLS | _LIST_WILDCARDS | _QUOTED_SPECIALS | _RESP_SPECIALS

ATOM_CHARS = CHARS - _ATOM_SPECIALS
ASTRING_CHARS = ATOM_CHARS | _RESP_SPECIALS
LIST_CHARS = ASTRING_CHARS | _LIST_WILDCARDS
TAG_CHARS = ASTRING_CHARS - frozenset(b"+")
QUOTED_CHARS = CHARS - frozenset(b"\r\n")
QUOTED_PLAIN = QUOTED_CHARS - _QUOTED_SPECIALS  # those that need no backslash

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def class_of(octets: frozenset[int]) -> bytes:
    """A character class of a regular expression that holds `octets`."""
    return b"[" + b"".join(b"\\x%02x" % octet for octet in sorted(octets)) + b"]"
