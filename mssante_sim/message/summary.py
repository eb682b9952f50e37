"""What IMAP says of a message, computed once when it is stored.

Quoted strings hold printable ASCII only; anything else travels as a literal with
the octets of the message, which IMAP4rev1 and rev2 both take [RFC 3501 §4.3,
RFC 9051 §4.3]. Encoded words stay encoded. NUL appears nowhere.
"""

import re
from dataclasses import dataclass

from mssante_sim.message.headers import Mailbox, Parameters, parse_mailboxes, parse_parameters, unfold
from mssante_sim.message.parts import Part, parse

__all__ = ["MAX_ADDRESS_OCTETS", "Summary", "nstring", "summarise", "summary_of"]

MAX_ADDRESS_OCTETS = 65_536  # of one address list; members beyond are not shown


@dataclass(frozen=True, slots=True)
class Summary:
    """Facts of one body that never change, ready to be pasted into answers.

    Offsets count from the body's first octet, so they hold whatever prefix a delivery puts in front.
    """

    envelope: bytes  # parenthesised ENVELOPE, 7-bit but for literals [RFC 9051 §7.5.2]
    bodystructure: bytes  # with extension data
    body: bytes  # without
    header_octets: int  # up to and including the blank line
    message_id: str | None  # with its angle brackets


def summarise(octets: bytes) -> Summary:
    """The summary of a whole message (without delivery prefix), however broken it is."""
    return summary_of(parse(octets))


def summary_of(root: Part) -> Summary:
    """The summary of a message that is parsed already."""
    body, bodystructure = _structures(root)
    identity = unfold(root.header.get("message-id", b""))
    return Summary(
        envelope=_envelope(root),
        bodystructure=bodystructure,
        body=body,
        header_octets=root.body_start,
        message_id=identity.decode("ascii", "replace") or None,
    )


# Strings ---------------------------------------------------------------------------------------------

_PRINTABLE = re.compile(rb"[ !#-\[\]-~]*+")
_QUOTABLE = re.compile(rb"[ -~]*+")
_QUOTED_SPECIAL = re.compile(rb'(["\\])')


def nstring(raw: bytes | None) -> bytes:
    """`raw`, unfolded, as a quoted string or a literal; NIL for None [RFC 9051 §4.3]."""
    if raw is None:
        return b"NIL"
    if _PRINTABLE.fullmatch(raw):
        return b'"%b"' % raw
    line = unfold(raw)
    if _QUOTABLE.fullmatch(line):
        return b'"%b"' % _QUOTED_SPECIAL.sub(rb"\\\1", line)
    return b"{%d}\r\n%b" % (len(line), line)


# ENVELOPE --------------------------------------------------------------------------------------------


def _envelope(message: Part) -> bytes:
    """Sender and Reply-To are those of From where the message has none [RFC 9051 §7.5.2]."""
    header = message.header
    author = _addresses(header.get("from"))
    lists = (_addresses(header.get(name)) for name in ("sender", "reply-to", "to", "cc", "bcc"))
    sender, reply_to, to, cc, bcc = lists
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _text(header.get("date")),
        _text(header.get("subject")),
        author,
        author if sender == b"NIL" else sender,
        author if reply_to == b"NIL" else reply_to,
        to,
        cc,
        bcc,
        _text(header.get("in-reply-to")),
        _text(header.get("message-id")),
    )


def _text(raw: bytes | None) -> bytes:
    return b"NIL" if raw is None else nstring(unfold(raw))


def _addresses(raw: bytes | None) -> bytes:
    if raw is None:
        return b"NIL"
    members = parse_mailboxes(raw[:MAX_ADDRESS_OCTETS])
    return b"(%b)" % b"".join([_address(member) for member in members]) if members else b"NIL"


def _address(member: Mailbox) -> bytes:
    return b"(%b %b %b %b)" % (
        nstring(member.name),
        nstring(member.route),
        nstring(member.local),
        nstring(member.domain),
    )


# BODY and BODYSTRUCTURE ------------------------------------------------------------------------------


def _structures(part: Part) -> tuple[bytes, bytes]:
    """BODY and BODYSTRUCTURE of `part` [RFC 9051 §7.5.2]."""
    if part.is_multipart:
        return _multipart(part)
    main, _, sub = _shown_type(part).partition("/")
    shared = b"%b %b %b %b %b %b %d" % (
        nstring(main.encode()),
        nstring(sub.encode()),
        _parameters(part.params, us_ascii=main == "text"),
        _text(part.header.get("content-id")),
        _text(part.header.get("content-description")),
        nstring(part.encoding.encode("latin-1", "replace")),
        part.end - part.body_start,
    )
    extension = b"%b %b" % (_text(part.header.get("content-md5")), _extension(part))
    if part.message is not None:
        envelope, lines = _envelope(part.message), b" %d" % part.lines
        body, structure = _structures(part.message)
        return (
            b"(%b %b %b%b)" % (shared, envelope, body, lines),
            b"(%b %b %b%b %b)" % (shared, envelope, structure, lines, extension),
        )
    if main == "text":
        shared += b" %d" % part.lines
    return b"(%b)" % shared, b"(%b %b)" % (shared, extension)


def _shown_type(part: Part) -> str:
    """The type of a leaf; a container that was not opened cannot be shown as one.

    A multipart without parts is a broken text [RFC 2045 §5.2], a message/rfc822 that is encoded or too deep is data.
    """
    if part.content_type.startswith("multipart/"):
        return "text/plain"
    if part.content_type == "message/rfc822" and not part.children:
        return "application/octet-stream"
    return part.content_type


def _multipart(part: Part) -> tuple[bytes, bytes]:
    inner = [_structures(child) for child in part.children]
    subtype = nstring(part.content_type.partition("/")[2].encode())
    return (
        b"(%b %b)" % (b"".join([body for body, _ in inner]), subtype),
        b"(%b %b %b %b)"
        % (
            b"".join([structure for _, structure in inner]),
            subtype,
            _parameters(part.params, us_ascii=False),
            _extension(part),
        ),
    )


def _parameters(params: Parameters, *, us_ascii: bool) -> bytes:
    """Pairs as they came; a text without a charset is us-ascii [RFC 2046 §4.1.2]."""
    pairs = [b"%b %b" % (nstring(name.encode("latin-1", "replace")), nstring(value)) for name, value in params.pairs]
    if us_ascii and not any(name == "charset" for name, _ in params.pairs):
        pairs.append(b'"charset" "us-ascii"')
    return b"(%b)" % b" ".join(pairs) if pairs else b"NIL"


def _extension(part: Part) -> bytes:
    """Disposition, language and location."""
    header = part.header
    disposition, languages = b"NIL", b"NIL"
    if raw := header.get("content-disposition"):
        value, params = parse_parameters(raw)
        if value:
            disposition = b"(%b %b)" % (nstring(value.lower()), _parameters(params, us_ascii=False))
    if raw := header.get("content-language"):
        tags = parse_parameters(raw)[0].replace(b",", b" ").split()
        languages = b"(%b)" % b" ".join([nstring(tag) for tag in tags]) if tags else b"NIL"
    return b"%b %b %b" % (disposition, languages, _text(header.get("content-location")))
