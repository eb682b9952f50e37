"""What a case is: a name, a defect, the verdict that is right, and where that stands written."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mssante_sim.crypto.broken.scene import Scene

__all__ = ["Case", "Kind", "Made", "Verdict"]


class Verdict(Enum):
    """What a correct client makes of a message, or a sender of a recipient's certificate."""

    ACCEPT = "accept"  # shown as written by the author that From names; or a certificate to encrypt to
    DISTRUST = "distrust"  # there is a signature, and it proves nothing: shown with a warning, or not at all
    UNSIGNED = "unsigned"  # nothing is proved of its author: never shown as signed, nothing remote loaded
    UNREADABLE = "unreadable"  # not one octet of the content is shown
    DO_NOT_ENCRYPT = "do not encrypt"  # nothing is sent to this certificate


class Kind(Enum):
    """Where the defect lies."""

    SIGNER = "the signer's certificate"
    SIGNATURE = "the signature"
    ENVELOPE = "the encryption"
    RECIPIENT = "a recipient's certificate"


@dataclass(frozen=True, slots=True)
class Made:
    """What a case consists of, besides the fields that every message has."""

    entity: bytes = b""
    sender: bytes | None = None  # lines that stand instead of From
    certificate: bytes = b""  # of a recipient; then there is no message


@dataclass(frozen=True, slots=True)
class Case:
    """One defect, or one oddity that is none.

    Attributes:
        name: how commands and reports call it.
        finding: the step of `verify` that must fail ("step 4"), or the state of a certificate; "" for neither.
        source: the paragraph that says so.
        why: the same in one sentence.
    """

    name: str
    kind: Kind
    verdict: Verdict
    finding: str
    source: str
    why: str
    make: Callable[[Scene], Made]
