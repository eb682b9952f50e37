"""Opening what arrived: decrypt with one's own key, verify who signed, find text and attachments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.smime import Protection, classify, decrypt
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.verify import FromMatches, VerificationFailed, verify
from mssante_sim.errors import SimulatorError
from mssante_sim.message.headers import Address, decode_words, fields, single_from, unfold
from mssante_sim.message.parts import Part, decoded, parse, walk
from mssante_sim.message.reports import Failure, Receipt, read_report
from mssante_sim.message.text import decode_charset
from mssante_sim.message.threads import message_id_of

__all__ = ["Attachment", "Opened", "Unreadable", "open_message"]

_SIGNATURES: Final = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})


class Unreadable(SimulatorError):
    """The message cannot be opened with the keys at hand."""


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
    content, proof = _verified(entity, sender, trust, (at,) if arrived is None else (at, arrived))
    root = parse(content)
    is_report = root.content_type == "multipart/report"
    leaves = [part for part in walk(root) if not part.children and part.content_type not in _SIGNATURES]
    body = next((part for part in leaves if part.content_type == "text/plain" and part.filename is None), None)
    return Opened(
        sender=sender,
        subject=_words(root, "subject") or _words(outer, "subject"),
        message_id=message_id_of(outer.header),
        date=_words(outer, "date"),
        encrypted=encrypted,
        signer=proof.signer,
        doubt=proof.doubt,
        verified_at=proof.at,
        text=_text(content, body) if body else "",
        attachments=tuple(_attachment(content, part) for part in leaves if part.filename is not None),
        header=outer.header,
        readable=_outer(octets) + entity if encrypted else octets,
        report=read_report(octets if content is octets else _outer(octets) + content) if is_report else None,
    )


_ENVELOPE: Final = "content-"  # fields that tell about the envelope only


def _outer(octets: bytes) -> bytes:
    kept = (one for one in fields(octets) if one.name != "mime-version" and not one.name.startswith(_ENVELOPE))
    return b"".join(octets[one.start : one.end] for one in kept) + b"MIME-Version: 1.0\r\n"


@dataclass(frozen=True, slots=True)
class _Proof:
    signer: str | None = None
    doubt: str | None = None
    at: datetime | None = None


_PASSING_STEPS: Final = frozenset({4, 5})  # of `verify`: what was right once may be wrong now


def _verified(
    entity: bytes, sender: Address | None, trust: TrustContext, instants: Sequence[datetime]
) -> tuple[bytes, _Proof]:
    """The content inside a signature, and who made it, at the first of `instants` at which that holds."""
    if classify(entity) is not Protection.SIGNED:
        return entity, _Proof()
    policy = FromMatches(sender.address if sender else "")
    doubt = ""
    for at in instants:
        try:
            proved = verify(entity, trust, policy, at=at)
        except VerificationFailed as error:
            doubt = doubt or error.french or error.public
            if error.step not in _PASSING_STEPS:
                break
        else:
            return proved.content, _Proof(proved.signer_address, at=at)
    return entity, _Proof(doubt=doubt)


def _words(part: Part, name: str) -> str:
    return decode_words(unfold(part.header.get(name, b"")).strip())


def _text(octets: bytes, part: Part) -> str:
    return decode_charset(decoded(octets, part), part.params.get("charset") or "us-ascii")


def _attachment(octets: bytes, part: Part) -> Attachment:
    return Attachment(part.filename or "", part.content_type, decoded(octets, part))
