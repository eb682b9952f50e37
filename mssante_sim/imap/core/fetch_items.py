"""What FETCH can ask for [RFC 3501 §6.4.5].

Macros are expanded by the parser, in the order of the RFC.
"""

from dataclasses import dataclass
from enum import Enum

__all__ = ["BinarySection", "BodySection", "FetchItem", "MessageItem", "SectionText"]


class MessageItem(Enum):
    """Data that is one value per message; the value is the name in the answer."""

    UID = "UID"
    FLAGS = "FLAGS"
    INTERNAL_DATE = "INTERNALDATE"
    SIZE = "RFC822.SIZE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"  # BODYSTRUCTURE without extension data
    BODY_STRUCTURE = "BODYSTRUCTURE"
    MODSEQ = "MODSEQ"  # [RFC 7162 §3.1.4.2]
    EMAIL_ID = "EMAILID"  # [RFC 8474 §5.1]
    THREAD_ID = "THREADID"  # [RFC 8474 §5.2]
    SAVE_DATE = "SAVEDATE"  # [RFC 8514 §4.2]


class SectionText(Enum):
    """Which octets of a part; a section without one of these means the whole part."""

    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True)
class BodySection:
    """Octets of a message: `BODY[2.TEXT]<0.100>` and its older names."""

    part: tuple[int, ...] = ()  # numbers from 1; empty for the message itself
    text: SectionText | None = None
    fields: tuple[str, ...] = ()  # names of HEADER.FIELDS and HEADER.FIELDS.NOT as sent, ASCII, not empty then
    partial: tuple[int, int] | None = None  # first octet, and how many at most
    peek: bool = False  # leaves \Seen alone
    older_name: str | None = None  # RFC822, RFC822.HEADER or RFC822.TEXT: the answer is called so

    @property
    def label(self) -> str:
        """How the answer calls this item; a partial one tells where it starts [RFC 3501 §7.4.2]."""
        if self.older_name is not None:
            return self.older_name
        words = [str(number) for number in self.part]
        if self.text is not None:
            words.append(self.text.value)
        fields = f" ({' '.join(map(_field_name, self.fields))})" if self.fields else ""
        origin = "" if self.partial is None else f"<{self.partial[0]}>"
        return f"BODY[{'.'.join(words)}{fields}]{origin}"


@dataclass(frozen=True, slots=True)
class BinarySection:
    """A part without its transfer encoding: `BINARY[1.2]<0.100>`, or how large that is [RFC 3516 §4.2]."""

    part: tuple[int, ...] = ()
    partial: tuple[int, int] | None = None  # of the decoded octets
    peek: bool = False  # leaves \\Seen alone; also BINARY.SIZE
    size: bool = False  # BINARY.SIZE: only how many octets

    @property
    def label(self) -> str:
        """How the answer calls this item."""
        origin = "" if self.partial is None else f"<{self.partial[0]}>"
        return f"BINARY{'.SIZE' if self.size else ''}[{'.'.join(map(str, self.part))}]{origin}"


FetchItem = MessageItem | BodySection | BinarySection


def _field_name(name: str) -> str:
    """A name that is no plain atom is quoted: `header-fld-name = astring`."""
    if name.replace("-", "").isalnum():
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
