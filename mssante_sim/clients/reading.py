"""Opening what arrived: decrypt with one's own key, verify who signed, find text and attachments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.unsealing import Unreadable, unseal
from mssante_sim.message.contents import files_of, text_of
from mssante_sim.message.headers import Address, decode_words, fields, single_from, unfold
from mssante_sim.message.parts import Part, decoded, parse
from mssante_sim.message.reports import Failure, Receipt, read_report
from mssante_sim.message.threads import message_id_of

__all__ = ["Attachment", "Opened", "Unreadable", "open_message"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A message as its reader sees it.

    Attributes:
        signer: the proved address of who signed; None if nothing was signed or it did not hold.
        doubt: why there is no signer although a signature is there, in French; None otherwise.
        verified_at: the instant for which the signature was proved: when it was read, or, where only that can be
            proved any more, when it arrived.
        header: what anyone could read on the way, as `Part.header`.
        readable: the whole message without its envelope, a signature still around the content; any mail program
            shows it.
        report: what it says of another message, if it is a receipt or tells of a failure.
    """

    sender: Address | None
    subject: str
    message_id: str | None
    date: str
    encrypted: bool
    signer: str | None
    doubt: str | None
    verified_at: datetime | None
    text: str = field(repr=False)
    attachments: tuple[Attachment, ...]
    header: Mapping[str, bytes] = field(repr=False)
    readable: bytes = field(repr=False)
    report: Receipt | Failure | None


def open_message(
    octets: bytes, own: Sequence[Identity], trust: TrustContext, *, at: datetime, arrived: datetime | None = None
) -> Opened:
    """`octets` decrypted with one of `own` and verified at `at`.

    Where the signer's certificate does not hold at `at` any more, it is looked at as of `arrived`; a revocation list
    of that day is needed then, and the doubt stays without it.

    A signature that does not hold is told in `doubt`, and the content is shown all the same, as Thunderbird does:
    it is the reader who must not be lied to, not the content that must be hidden.

    Raises:
        Unreadable: encrypted, and none of the keys fits or the envelope is broken.
    """
    unsealed = unseal(octets, own, trust, at=(at,) if arrived is None else (at, arrived))
    outer, content = parse(octets), unsealed.content
    root = parse(content)
    is_report = root.content_type == "multipart/report"
    return Opened(
        sender=single_from(octets),
        subject=_words(root, "subject") or _words(outer, "subject"),
        message_id=message_id_of(outer.header),
        date=_words(outer, "date"),
        encrypted=unsealed.encrypted,
        signer=unsealed.signer,
        doubt=unsealed.doubt,
        verified_at=unsealed.proved_at,
        text=text_of(content, root),
        attachments=tuple(_attachment(content, part) for part in files_of(root)),
        header=outer.header,
        readable=_outer(octets) + unsealed.entity if unsealed.encrypted else octets,
        report=read_report(octets if content is octets else _outer(octets) + content) if is_report else None,
    )


_ENVELOPE: Final = "content-"  # fields that tell about the envelope only


def _outer(octets: bytes) -> bytes:
    kept = (one for one in fields(octets) if one.name != "mime-version" and not one.name.startswith(_ENVELOPE))
    return b"".join(octets[one.start : one.end] for one in kept) + b"MIME-Version: 1.0\r\n"


def _words(part: Part, name: str) -> str:
    return decode_words(unfold(part.header.get(name, b"")).strip())


def _attachment(octets: bytes, part: Part) -> Attachment:
    return Attachment(part.filename or "", part.content_type, decoded(octets, part))
