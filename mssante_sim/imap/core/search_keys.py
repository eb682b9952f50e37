r"""What SEARCH can ask for, as a tree [RFC 3501 §6.4.4].

Keys that are combinations are built from the others, so that an evaluator meets
few kinds: UNSEEN is `Not(HasFlag("\\Seen"))`, NEW is `And` of RECENT and UNSEEN,
FROM is `HeaderHas("From", …)`.
"""

from dataclasses import dataclass
from datetime import date
from enum import Enum

from mssante_sim.imap.core.sequence import Targets

__all__ = [
    "Always", "And", "BodyHas", "DateTest", "HasEmailId", "HasFlag", "HasUid", "HeaderHas", "IsNumbered", "Larger",
    "ModifiedSince", "Not", "Older", "Or", "ReceivedDate", "SavedDate", "SearchKey", "SentDate", "Smaller", "TextHas",
    "Younger", "mentions",
]  # fmt: skip


class DateTest(Enum):
    """How a day is compared, without regard to time and zone."""

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"  # on or after


@dataclass(frozen=True, slots=True)
class Always:
    """ALL: every message."""


@dataclass(frozen=True, slots=True)
class And:
    """Every one of at least two keys."""

    keys: "tuple[SearchKey, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """One or both."""

    left: "SearchKey"
    right: "SearchKey"


@dataclass(frozen=True, slots=True)
class Not:
    """Messages for which `key` does not hold."""

    key: "SearchKey"


@dataclass(frozen=True, slots=True)
class HasFlag:
    r"""The message carries `flag`: a system flag (``\Recent`` too) or a keyword, compared without case."""

    flag: str


@dataclass(frozen=True, slots=True)
class HeaderHas:
    """A field `name` exists and its value contains `text`; an empty `text` asks only for the field."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class BodyHas:
    """The body contains `text`."""

    text: str


@dataclass(frozen=True, slots=True)
class TextHas:
    """The header or the body contains `text`."""

    text: str


@dataclass(frozen=True, slots=True)
class ReceivedDate:
    """The internal date lies before, on, or on or after `day`."""

    test: DateTest
    day: date


@dataclass(frozen=True, slots=True)
class SentDate:
    """The Date field lies before, on, or on or after `day`."""

    test: DateTest
    day: date


@dataclass(frozen=True, slots=True)
class Larger:
    """RFC822.SIZE is greater than `octets`."""

    octets: int


@dataclass(frozen=True, slots=True)
class Smaller:
    """RFC822.SIZE is less than `octets`."""

    octets: int


@dataclass(frozen=True, slots=True)
class IsNumbered:
    """The sequence number is one of `numbers`."""

    numbers: Targets


@dataclass(frozen=True, slots=True)
class HasUid:
    """The UID is one of `uids`."""

    uids: Targets


@dataclass(frozen=True, slots=True)
class ModifiedSince:
    """The mod-sequence is `modseq` or greater; which of the flags changed is not known [RFC 7162 §3.1.5]."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Older:
    """The message came at least `seconds` ago [RFC 5032 §2]."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Younger:
    """The message came at most `seconds` ago [RFC 5032 §2]."""

    seconds: int


@dataclass(frozen=True, slots=True)
class SavedDate:
    """The message came into this folder before, on, or on or after `day` [RFC 8514 §4.3]."""

    test: DateTest
    day: date


@dataclass(frozen=True, slots=True)
class HasEmailId:
    """The EMAILID is exactly `identity` [RFC 8474 §6]."""

    identity: str


SearchKey = (
    Always
    | And
    | Or
    | Not
    | HasFlag
    | HeaderHas
    | BodyHas
    | TextHas
    | ReceivedDate
    | SentDate
    | Larger
    | Smaller
    | IsNumbered
    | HasUid
    | ModifiedSince
    | Older
    | Younger
    | SavedDate
    | HasEmailId
)


def mentions(key: SearchKey, kind: type) -> bool:
    """Whether a key of `kind` stands anywhere in `key`."""
    match key:
        case And(keys):
            return any(mentions(one, kind) for one in keys)
        case Or(left, right):
            return mentions(left, kind) or mentions(right, kind)
        case Not(inner):
            return mentions(inner, kind)
        case _:
            return isinstance(key, kind)
