"""Mailbox names on the wire: modified UTF-7 [RFC 3501 §5.1.3]."""

import re
from binascii import a2b_base64, b2a_base64

from mssante_sim.imap.core.faults import Cannot

__all__ = ["decode_name", "encode_name"]

_SHIFTED = re.compile(r"&([^-]*)(-?)")
_TO_SHIFT = re.compile(r"&|[^\x20-\x7e]+")
_BASE64 = re.compile(r"[A-Za-z0-9+,]+")


def encode_name(name: str) -> bytes:
    """`name` in modified UTF-7: printable ASCII stands for itself, `&` is `&-`."""
    return _TO_SHIFT.sub(_shift, name).encode("ascii")


def decode_name(octets: bytes) -> str:
    """The Unicode name that `octets` encode, in the only way that is allowed.

    Two spellings of one name would be two mailboxes for one client and one for
    another, so everything that `encode_name` would write differently is refused:
    8-bit octets, controls, a shift of printable ASCII, two shifts in a row, stray bits.

    Raises:
        Cannot: it is no modified UTF-7.
    """
    try:
        text = octets.decode("ascii")
        name = _SHIFTED.sub(_unshift, text)
        if encode_name(name) == octets:
            return name
    except ValueError:  # binascii.Error and UnicodeError are ValueErrors
        pass
    raise Cannot(
        "A mailbox name must be modified UTF-7 (RFC 3501 section 5.1.3): & is written &-, an e with acute &AOk-."
    )


def _shift(found: re.Match[str]) -> str:
    run = found.group()
    if run == "&":
        return "&-"
    base64 = b2a_base64(run.encode("utf-16-be"), newline=False).decode("ascii")
    return f"&{base64.rstrip('=').replace('/', ',')}-"


def _unshift(found: re.Match[str]) -> str:
    base64, end = found.groups()
    if not end:
        raise ValueError(base64)
    if not base64:
        return "&"
    if not _BASE64.fullmatch(base64):
        raise ValueError(base64)
    padded = base64.replace(",", "/") + "=" * (-len(base64) % 4)
    return a2b_base64(padded, strict_mode=True).decode("utf-16-be")
