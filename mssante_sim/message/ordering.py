"""What mail is sorted and threaded by: base subject, sent date, first address [RFC 5256 §2]."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from mssante_sim.message.addresses import parse_mailboxes
from mssante_sim.message.text import decode_text, decode_words, unfold

__all__ = ["Subject", "base_subject", "collated", "first_mailbox", "sent_date"]

MAX_SUBJECT: Final = 1_000
"""Characters that are looked at: a longer line is none [RFC 5322 §2.1.1], and removal may take a pass for each blob."""

_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_BLOB: Final = r"\[[^\[\]]*\] *"
_LEADER: Final = re.compile(rf"(?:{_BLOB})*(?:re|fwd?) *(?:{_BLOB})?:| +", re.IGNORECASE)
_PREFIX: Final = re.compile(_BLOB)
_TRAILER: Final = "(fwd)"
_FORWARD: Final = re.compile(r"\[fwd:(.*)\]", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject without what replies and forwards have put around it."""

    base: str  # to be compared as it is
    is_reply: bool  # something that only a reply or a forward has was removed


def base_subject(raw: bytes) -> Subject:
    """The base subject of a Subject field, by the seven steps of the RFC [RFC 5256 §2.1]."""
    text = _BLANKS.sub(" ", decode_words(raw)[:MAX_SUBJECT])  # (1)
    is_reply = False
    while True:
        text, trailed = _without_trailers(text)  # (2)
        text, led = _without_leaders(text)  # (3) to (5)
        is_reply = is_reply or trailed or led
        inner = _FORWARD.fullmatch(text)  # (6)
        if inner is None:
            return Subject(collated(text), is_reply)
        text, is_reply = inner[1], True


def _without_trailers(text: str) -> tuple[str, bool]:
    removed = False
    text = text.rstrip(" ")
    while text.lower().endswith(_TRAILER):
        text, removed = text[: -len(_TRAILER)].rstrip(" "), True
    return text, removed


def _without_leaders(text: str) -> tuple[str, bool]:
    """`text` from where no leader stands any more, nor a blob with something behind it."""
    at, removed = 0, False
    while True:
        if leader := _LEADER.match(text, at):
            at = leader.end()
            removed = removed or leader[0].endswith(":")
        elif (blob := _PREFIX.match(text, at)) and blob.end() < len(text):
            at = blob.end()
        else:
            return text[at:], removed


def collated(text: str) -> str:
    """`text` for comparison without regard to case.

    The standard's collation, `i;unicode-casemap`, has title case instead of capitals; they differ for a few letters
    like the German sharp s [our choice].
    """
    return text.upper() if text.isascii() else unicodedata.normalize("NFKD", text.upper())


def sent_date(raw: bytes | None, received: datetime) -> datetime:
    """The Date field in UTC; `received` if there is none that can be read [RFC 5256 §2.2]."""
    try:
        sent = None if raw is None else parsedate_to_datetime(decode_text(unfold(raw)))
        if sent is not None:
            return sent.replace(tzinfo=UTC) if sent.tzinfo is None else sent.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        pass
    return received


def first_mailbox(raw: bytes) -> str:
    """The local part of the first address of a field, for comparison; empty if there is none [RFC 5256 §3, FROM]."""
    members = parse_mailboxes(raw)
    return collated(decode_text(members[0].local or b"")) if members else ""
