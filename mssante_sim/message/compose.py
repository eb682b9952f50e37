"""Messages as our own clients write them: CRLF octets that parse back to what was meant."""

import hashlib
import re
from binascii import b2a_qp
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pybase64

from mssante_sim.errors import SimulatorError
from mssante_sim.message.fold import fold, parameter, phrase, unstructured
from mssante_sim.message.headers import Address

__all__ = ["Attachment", "CannotCompose", "Draft", "compose", "date_value", "head", "identity", "multipart",
           "text_octets", "text_part"]  # fmt: skip


class CannotCompose(SimulatorError):
    """A value has no place in a message: a line end or NUL in a field, an address or type that is none."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to be attached."""

    name: str
    content_type: str  # type/subtype; no multipart and no message, which may not be base64 [RFC 2045 §6.4]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be written."""

    sender: Address
    to: tuple[Address, ...]
    subject: str
    text: str = field(repr=False)
    date: datetime  # aware
    message_id: str  # with its angle brackets
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()  # further fields, none that is set here


def compose(draft: Draft) -> bytes:
    """The whole message: text/plain in UTF-8, the attachments behind it as multipart/mixed.

    The text's line ends become CRLF, and it ends with one.

    Raises:
        CannotCompose: no header could hold what `draft` asks for.
    """
    text = text_part(draft.text)
    if not draft.attachments:
        return b"".join((head(draft), *text))
    parts = [(*text, b"\r\n"), *map(_attachment_part, draft.attachments)]
    return b"".join((head(draft), *multipart("mixed", draft.message_id, parts)))


def head(draft: Draft) -> bytes:
    """The fields of `draft`, all but those that describe its content.

    Raises:
        CannotCompose: no header could hold what `draft` asks for.
    """
    return "".join(f"{name}: {value}\r\n" for name, value in _fields(draft)).encode("ascii")


def multipart(subtype: str, message_id: str, parts: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    """Content-Type and body of a multipart, in pieces; `subtype` may bring parameters along.

    A part is given with its own fields, and ends with the line end that its next delimiter begins with. None may
    hold a line with "--=_": see `_is_plain`.
    """
    boundary = b"=_" + hashlib.sha256(message_id.encode()).hexdigest()[:32].encode()
    yield b'Content-Type: multipart/%b;\r\n boundary="%b"\r\n\r\n' % (subtype.encode("ascii"), boundary)
    for part in parts:
        yield b"--%b\r\n" % boundary
        yield from part
    yield b"--%b--\r\n" % boundary


# Fields ----------------------------------------------------------------------------------------------

_NAME = re.compile(r"[!-9;-~]{1,70}")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@([A-Za-z0-9.-]{1,255}|\[[0-9A-Za-z.:]{1,80}\])")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_TYPE = re.compile(r"(?!(?:multipart|message)/)[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,127}", re.IGNORECASE)
_OURS = {"date", "from", "to", "subject", "message-id", "in-reply-to", "references", "mime-version"}


def _fields(draft: Draft) -> Iterator[tuple[str, str]]:
    yield "Date", date_value(draft.date)
    yield "From", _address_list("From", (draft.sender,))
    if draft.to:
        yield "To", _address_list("To", draft.to)
    yield "Subject", unstructured(len("Subject: "), _checked(draft.subject))
    yield "Message-ID", identity(draft.message_id)
    if draft.in_reply_to is not None:
        yield "In-Reply-To", identity(draft.in_reply_to)
    if draft.references:
        first, *more = map(identity, draft.references)
        yield "References", fold(len("References: "), [first, *(" " + one for one in more)])
    for name, value in draft.extra:
        if not _NAME.fullmatch(name) or name.lower() in _OURS or name.lower().startswith("content-"):
            raise CannotCompose("A further field may not have this name.", detail=ascii(name))
        yield name, unstructured(len(name) + 2, _checked(value))
    yield "MIME-Version", "1.0"


def _checked(text: str) -> str:
    """`text`, if it can stand in a field: no CR, LF or NUL, so that nothing behind it becomes a field of its own."""
    if set(text) & set("\r\n\0"):
        raise CannotCompose("A header field cannot hold a line end or NUL.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CannotCompose("A header field cannot hold half of a character.") from error
    return text


def identity(message_id: str) -> str:
    """`message_id` itself, which a field can hold.

    Raises:
        CannotCompose: it is not printable ASCII in angle brackets, or too long.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise CannotCompose("A Message-ID is printable ASCII in angle brackets.", detail=ascii(message_id))
    return message_id


def _address_list(name: str, addresses: tuple[Address, ...]) -> str:
    column = len(name) + 2
    pieces: list[str] = []
    for number, one in enumerate(addresses):
        if not _ADDRESS.fullmatch(one.address):
            raise CannotCompose("An address is not of the form local@domain.", detail=ascii(one.address))
        if one.name:
            pieces.append(phrase(1 if number else column, _checked(one.name)))
        pieces.append((f"<{one.address}>" if one.name else one.address) + ("," if number < len(addresses) - 1 else ""))
    return fold(column, [piece if number == 0 else " " + piece for number, piece in enumerate(pieces)])


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date_value(at: datetime) -> str:
    """`at`, which is aware, as a Date field holds it, whatever the locale [RFC 5322 §3.3].

    Raises:
        CannotCompose: `at` has no time zone.
    """
    if at.tzinfo is None:
        raise CannotCompose("A date needs its time zone.")
    return f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at:%Y %H:%M:%S %z}"


# Bodies ----------------------------------------------------------------------------------------------


def text_octets(text: str) -> bytes:
    """`text` as UTF-8 with CRLF at every line's end, the last included.

    Raises:
        CannotCompose: it holds half of a character.
    """
    lines = re.sub(r"\r\n|\r|\n", "\r\n", text)
    try:
        return (lines if lines.endswith("\r\n") else lines + "\r\n").encode()
    except UnicodeEncodeError as error:
        raise CannotCompose("The text holds half of a character.") from error


def text_part(text: str) -> tuple[bytes, ...]:
    """`text` as an entity of type text/plain, fields first, in pieces.

    Raises:
        CannotCompose: it holds half of a character.
    """
    octets = text_octets(text)
    if _is_plain(octets):
        encoding, body = b"7bit", octets
    else:
        encoding, body = min((b"quoted-printable", b2a_qp(octets)), (b"base64", _base64(octets)), key=_length)
        body += b"" if body.endswith(b"\r\n") else b"\r\n"
    return b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ", encoding, b"\r\n\r\n", body


def _length(form: tuple[bytes, bytes]) -> int:
    return len(form[1])


def _is_plain(octets: bytes) -> bool:
    """Whether `octets` may go as 7bit.

    Not with "=_", which stands in our boundaries and in nothing that is encoded.
    """
    return (
        octets.isascii()
        and b"\0" not in octets
        and b"=_" not in octets
        and max(map(len, octets.split(b"\r\n"))) <= 998  # [RFC 5322 §2.1.1]
    )


def _base64(octets: bytes) -> bytes:
    return pybase64.encodebytes(octets).replace(b"\n", b"\r\n")


def _attachment_part(attachment: Attachment) -> tuple[bytes, ...]:
    if not _TYPE.fullmatch(attachment.content_type):
        raise CannotCompose("An attachment needs a simple content type.", detail=ascii(attachment.content_type))
    if not 0 < len(attachment.name) <= 255:
        raise CannotCompose("The name of an attachment has 1 to 255 characters.")
    name = parameter("filename", _checked(attachment.name))
    return (
        f"Content-Type: {attachment.content_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment{name}\r\n\r\n".encode("ascii"),
        _base64(attachment.content),
    )
