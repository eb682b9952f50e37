"""Opening what arrived: decrypt with one's own key, verify who signed, find text and attachments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.smime import Protection, classify, decrypt
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.verify import FromMatches, VerificationFailed, verify
from mssante_sim.errors import SimulatorError
from mssante_sim.message.headers import Address, decode_words, single_from, unfold
from mssante_sim.message.parts import Part, decoded, parse, walk
from mssante_sim.message.text import decode_charset

__all__ = ["Attachment", "Opened", "Unreadable", "open_message"]

_SIGNATURES: Final = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})


class Unreadable(SimulatorError):
    """The message cannot be opened with the keys at hand."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A message as its reader sees it.

    Attributes:
        signer: the proved address of who signed; None if nothing was signed or it did not hold.
        doubt: why there is no signer although a signature is there; None otherwise.
    """

    sender: Address | None
    subject: str
    message_id: str | None
    date: str
    encrypted: bool
    signer: str | None
    doubt: str | None
    text: str
    attachments: tuple[Attachment, ...]


def open_message(octets: bytes, own: Sequence[Identity], trust: TrustContext, *, at: datetime) -> Opened:
    """`octets` decrypted with one of `own` and verified at `at`.

    A signature that does not hold is told in `doubt`, and the content is shown all the same, as Thunderbird does:
    it is the reader who must not be lied to, not the content that must be hidden.

    Raises:
        Unreadable: encrypted, and none of the keys fits or the envelope is broken.
    """
    outer = parse(octets)
    encrypted = classify(octets) is Protection.ENVELOPED
    entity = octets
    if encrypted:
        try:
            entity = decrypt(octets, own)
        except SimulatorError as error:
            raise Unreadable(
                f"The message cannot be decrypted: {error.public}",
                french="Le message ne peut pas être déchiffré avec les clés de cette messagerie.",
            ) from error
    sender = single_from(octets)
    content, signer, doubt = _verified(entity, sender, trust, at)
    root = parse(content)
    leaves = [part for part in walk(root) if not part.children and part.content_type not in _SIGNATURES]
    body = next((part for part in leaves if part.content_type == "text/plain" and part.filename is None), None)
    return Opened(
        sender=sender,
        subject=_words(root, "subject") or _words(outer, "subject"),
        message_id=outer.header.get("message-id", b"").strip().decode("ascii", "replace") or None,
        date=_words(outer, "date"),
        encrypted=encrypted,
        signer=signer,
        doubt=doubt,
        text=_text(content, body) if body else "",
        attachments=tuple(_attachment(content, part) for part in leaves if part.filename is not None),
    )


def _verified(
    entity: bytes, sender: Address | None, trust: TrustContext, at: datetime
) -> tuple[bytes, str | None, str | None]:
    """The content inside a signature, who made it, and why that is in doubt."""
    if classify(entity) is not Protection.SIGNED:
        return entity, None, None
    try:
        proved = verify(entity, trust, FromMatches(sender.address if sender else ""), at=at)
    except VerificationFailed as error:
        return entity, None, error.public
    return proved.content, proved.signer_address, None


def _words(part: Part, name: str) -> str:
    return decode_words(unfold(part.header.get(name, b"")).strip())


def _text(octets: bytes, part: Part) -> str:
    return decode_charset(decoded(octets, part), part.params.get("charset") or "us-ascii")


def _attachment(octets: bytes, part: Part) -> Attachment:
    return Attachment(part.filename or "", part.content_type, decoded(octets, part))
