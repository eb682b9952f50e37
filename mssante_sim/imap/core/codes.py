"""Response codes with arguments, as the text between the brackets [RFC 3501 §7.1].

Codes without arguments are written where they are used, or are the `code` of a fault.
"""

from collections.abc import Iterable, Sequence

from mssante_sim.imap.core.sequence import format_set

__all__ = [
    "CLOSED", "append_uid", "capability", "copy_uid", "highest_modseq", "mailbox_id", "modified",
    "permanent_flags", "uid_next", "uid_validity", "unseen",
]  # fmt: skip

CLOSED = "CLOSED"
"""What follows is of another mailbox [RFC 7162 §3.2.11]."""


def capability(names: Iterable[str]) -> str:
    """CAPABILITY: saves the client a round trip."""
    return "CAPABILITY " + " ".join(names)


def permanent_flags(flags: Iterable[str], *, new_keywords: bool) -> str:
    r"""PERMANENTFLAGS; `new_keywords` adds ``\*``: the client may invent some."""
    return f"PERMANENTFLAGS ({' '.join([*flags, *([chr(92) + '*'] if new_keywords else [])])})"


def uid_next(uid: int) -> str:
    """UIDNEXT."""
    return f"UIDNEXT {uid}"


def uid_validity(value: int) -> str:
    """UIDVALIDITY."""
    return f"UIDVALIDITY {value}"


def unseen(number: int) -> str:
    r"""UNSEEN: the first message without ``\Seen``."""
    return f"UNSEEN {number}"


def append_uid(uidvalidity: int, uids: Iterable[int]) -> str:
    """APPENDUID [RFC 4315 §3]."""
    return f"APPENDUID {uidvalidity} {format_set(uids)}"


def copy_uid(uidvalidity: int, pairs: Sequence[tuple[int, int]]) -> str:
    """COPYUID of at least one (source, target) pair; both sets keep the order of `pairs` [RFC 4315 §3]."""
    sources, targets = zip(*pairs, strict=True)
    return f"COPYUID {uidvalidity} {format_set(sources)} {format_set(targets)}"


def highest_modseq(modseq: int) -> str:
    """HIGHESTMODSEQ: up to here the client knows of every change [RFC 7162 §3.1.2.1]."""
    return f"HIGHESTMODSEQ {modseq}"


def modified(numbers: Iterable[int]) -> str:
    """MODIFIED: messages, or UIDs, that were changed since; not empty [RFC 7162 §3.1.3]."""
    return f"MODIFIED {format_set(numbers)}"


def mailbox_id(identity: str) -> str:
    """MAILBOXID [RFC 8474 §4.1]."""
    return f"MAILBOXID ({identity})"
