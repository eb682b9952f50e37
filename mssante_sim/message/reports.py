"""Reports about a message: that it was read (MDN), that it could not be delivered (DSN).

Both are a multipart/report [RFC 6522]: a text for people, a block of fields for
programs, and, of what could not be delivered, four fields of the original.  No
report holds a subject or a text of the original, which may be medical.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mssante_sim.message.addresses import Address, AddressList, complete
from mssante_sim.message.compose import CannotCompose, Draft, head, identity, multipart, text_part
from mssante_sim.message.fold import fold
from mssante_sim.message.headers import (
    content_type,
    decode_text,
    fields,
    pairs,
    parse_addresses,
    parse_parameters,
    unfold,
)
from mssante_sim.message.parts import Part, decoded, parse

__all__ = ["Failure", "Receipt", "ReportLetter", "compose_failure", "compose_receipt", "may_answer_automatically",
           "read_report", "receipt_wanted"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Receipt:
    """A reader's software says what became of a message [RFC 8098]."""

    original_message_id: str  # with its angle brackets
    final_recipient: str  # the address of who read
    displayed: bool  # shown to a person; else deleted, dispatched, processed…
    automatic: bool  # no person decided on what happened to the message


@dataclass(frozen=True, slots=True)
class Failure:
    """A message was not delivered to one of its recipients [RFC 3464]."""

    original_message_id: str | None
    final_recipient: str
    status: str  # 5.1.1  [RFC 3463]
    diagnostic: str  # a sentence for programs, printable ASCII
    reporting_mta: str  # a host's name


@dataclass(frozen=True, slots=True)
class ReportLetter:
    """What the header and the readable part of a report need."""

    sender: Address
    to: Address
    subject: str
    text: str = field(repr=False)  # French
    date: datetime  # aware
    message_id: str  # with its angle brackets
    extra: tuple[tuple[str, str], ...] = ()  # further fields


# Writing ---------------------------------------------------------------------------------------------

_VALUE = re.compile(r"[!-~](?:[ -~]{0,898}[!-~])?")
_RECIPIENT = re.compile(r"[!-;=?-~](?:[ -;=?-~]{0,318}[!-;=?-~])?")
_STATUS = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}")
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_SHOWN_OF_THE_ORIGINAL = ("message-id", "date", "from", "to")


def compose_receipt(letter: ReportLetter, receipt: Receipt, *, reporting_ua: str) -> bytes:
    """The message that returns `receipt`; what was not displayed was "processed" [RFC 8098 §3.2.6.2].

    Raises:
        CannotCompose: a value has no place in the fields of a report.
    """
    mode = "automatic-action/MDN-sent-automatically" if receipt.automatic else "manual-action/MDN-sent-manually"
    report = (
        ("Reporting-UA", _fitting(_VALUE, reporting_ua)),
        ("Final-Recipient", "rfc822; " + _fitting(_RECIPIENT, receipt.final_recipient)),
        ("Original-Message-ID", identity(receipt.original_message_id)),
        ("Disposition", f"{mode}; {'displayed' if receipt.displayed else 'processed'}"),
    )
    return _report(letter, receipt.original_message_id, "disposition-notification", [_entity(report)])


def compose_failure(letter: ReportLetter, failure: Failure, *, original_header: bytes | None) -> bytes:
    """The message that announces `failure`, with Message-ID, Date, From and To of the original.

    What of these four is not ASCII is left out; so is everything else of `original_header`.

    Raises:
        CannotCompose: a value has no place in the fields of a report.
    """
    message = (("Reporting-MTA", "dns; " + _fitting(_HOST, failure.reporting_mta)),)
    recipient = (
        ("Final-Recipient", "rfc822; " + _fitting(_RECIPIENT, failure.final_recipient)),
        ("Action", "failed"),
        ("Status", _fitting(_STATUS, failure.status)),
        ("Diagnostic-Code", "smtp; " + _fitting(_VALUE, failure.diagnostic)),
    )
    parts = [_entity(message) + b"\r\n" + _entity(recipient)]
    if original_header is not None:
        parts.append(_entity(_shown(original_header)))
    return _report(letter, failure.original_message_id, "delivery-status", parts)


def _report(letter: ReportLetter, original: str | None, kind: str, blocks: list[bytes]) -> bytes:
    draft = Draft(
        sender=letter.sender,
        to=(letter.to,),
        subject=letter.subject,
        text=letter.text,
        date=letter.date,
        message_id=letter.message_id,
        in_reply_to=original,
        references=() if original is None else (original,),
        extra=(("Auto-Submitted", "auto-replied"), *letter.extra),  # [RFC 3834 §5]
    )
    kinds = (f"message/{kind}", "text/rfc822-headers")
    parts = [(*text_part(letter.text), b"\r\n")] + [
        (f"Content-Type: {kind}\r\nContent-Transfer-Encoding: 7bit\r\n\r\n".encode("ascii"), block, b"\r\n")
        for kind, block in zip(kinds, blocks, strict=False)  # the second is not always there
    ]
    return b"".join((head(draft), *multipart(f"report; report-type={kind}", letter.message_id, parts)))


def _fitting(form: re.Pattern[str], value: str) -> str:
    """`value`, if it is of the `form` that its field asks for: so no line end, and nothing but ASCII."""
    if not form.fullmatch(value):
        raise CannotCompose("A field of a report cannot hold this value.", detail=ascii(value[:100]))
    return value


def _entity(block: Iterable[tuple[str, str]]) -> bytes:
    """Fields as lines of at most 76 columns where their words allow it."""
    lines = (f"{name}: {fold(len(name) + 2, re.findall(' *[^ ]+', value))}\r\n" for name, value in block)
    return "".join(lines).encode("ascii")


def _shown(header: bytes) -> Iterator[tuple[str, str]]:
    found: dict[str, bytes] = {}
    for one in fields(header):
        found.setdefault(one.name, unfold(one.raw))
    for name in _SHOWN_OF_THE_ORIGINAL:
        value = re.sub(rb"[\x01-\x1f\x7f]++", b" ", found.get(name, b"")).strip()
        if value.isascii() and value and max(map(len, value.split())) <= 900:  # [RFC 5322 §2.1.1]
            yield name.title().replace("-Id", "-ID"), value.decode("ascii")


# Reading ---------------------------------------------------------------------------------------------

_RECEIPTS = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_FAILURES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ORIGINALS = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})
_EMPTY_LINES = re.compile(rb"(?<=\n)(?:[ \t]*+\r?\n)++")
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
_COMMENT = re.compile(r"\([^()]*+\)")
_TYPED = re.compile(r"\s*[A-Za-z0-9-]+\s*;(.*)", re.DOTALL)
_ANY_STATUS = re.compile(r"(?<![0-9.])[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")


def read_report(octets: bytes) -> Receipt | Failure | None:
    """What the whole message `octets` reports; None if it is no report of either kind, or nobody could tell of what.

    Of several recipients the first that failed counts; what was only delayed,
    relayed or delivered is no failure.  Lenient where senders are careless:
    blank lines and blanks anywhere, upper and lower case, comments, an encoded
    block, and what is missing is taken from the header around where that can say it.
    Nothing is raised, whatever the octets.
    """
    root = parse(octets)
    parts = list(_report_parts(root))
    for part in parts:
        if part.content_type in _RECEIPTS:
            return _receipt(root, _block(octets, part), _original_of(octets, root, parts))
        if part.content_type in _FAILURES:
            return _failure(_block(octets, part), _original_of(octets, root, parts))
    return None


def _report_parts(part: Part) -> Iterator[Part]:
    """Parts of the report that `part` is or wraps (a signature does), not of one that it forwards."""
    if part.is_multipart:
        for child in part.children:
            if part.content_type == "multipart/report":
                yield child
            yield from _report_parts(child)


def _block(octets: bytes, part: Part) -> list[tuple[str, bytes]]:
    """The fields of a report's block; empty lines say nothing, many senders put too many."""
    body = _EMPTY_LINES.sub(b"", b"\n" + decoded(octets, part)).lstrip()
    return [(name, unfold(raw)) for name, raw in pairs(body, 0, len(body))]


def _original_of(octets: bytes, root: Part, parts: list[Part]) -> str | None:
    """The Message-ID in the part that shows the original, else the one that `root` answers."""
    for part in parts:
        if part.content_type in _ORIGINALS:
            header = dict(reversed(_block(octets, part)))
        else:
            header = dict(part.message.header) if part.message else {}
        if found := _message_id(header.get("message-id")):
            return found
    return _message_id(root.header.get("in-reply-to")) or _message_id(root.header.get("references"), last=True)


def _message_id(raw: bytes | None, *, last: bool = False) -> str | None:
    """The first or last identity in `raw`; angle brackets are put around a lone word that lacks them."""
    text = decode_text(unfold(raw or b""))
    if found := _MESSAGE_ID.findall(text):
        return str(found[-1 if last else 0])
    bare = text.strip("<> ")
    return f"<{bare}>" if re.fullmatch(r"[^\s<>]+", bare) else None


def _receipt(root: Part, block: list[tuple[str, bytes]], original: str | None) -> Receipt | None:
    values = dict(reversed(block))
    author = parse_addresses(root.header.get("from", b""))
    message_id = _message_id(values.get("original-message-id")) or original
    recipient = _recipient(values) or (author[0].address if author else "")
    if not message_id or not recipient:
        return None
    disposition = _COMMENT.sub(" ", decode_text(values.get("disposition", b""))).lower()
    words = set(re.findall(r"[a-z-]+", disposition))
    automatic = "automatic-action" in words or ("mdn-sent-automatically" in words and "manual-action" not in words)
    return Receipt(message_id, recipient, displayed="displayed" in words, automatic=automatic)


def _failure(block: list[tuple[str, bytes]], original: str | None) -> Failure | None:
    message, *_ = groups = list(_groups(block))
    for values in groups:
        status, recipient = _status(values), _recipient(values)
        action = values.get("action", b"failed" if status.startswith("5") else b"").lower()
        if recipient and action.startswith(b"failed"):
            return Failure(
                original_message_id=original,
                final_recipient=recipient,
                status=status or "5.0.0",
                diagnostic=_typed(values.get("diagnostic-code")),
                reporting_mta=_typed(message.get("reporting-mta")),
            )
    return None


def _groups(block: list[tuple[str, bytes]]) -> Iterator[dict[str, bytes]]:
    """The fields of each recipient; a name that comes again begins the next one's."""
    group: dict[str, bytes] = {}
    for name, value in block:
        if name in group:
            yield group
            group = {}
        group[name] = value
    yield group


def _status(values: Mapping[str, bytes]) -> str:
    """The enhanced code, if need be out of the diagnostic; "" where there is none."""
    found = _ANY_STATUS.findall(decode_text(values.get("status", b"") + b" " + values.get("diagnostic-code", b"")))
    return str(found[0]) if found else ""


def _recipient(values: Mapping[str, bytes]) -> str:
    for name in ("final-recipient", "original-recipient"):
        if text := _typed(values.get(name)):
            read = parse_addresses(text.encode())
            return read[0].address if len(read) == 1 else text
    return ""


def _typed(raw: bytes | None) -> str:
    """The value behind its type: "rfc822; a@x" is a@x."""
    text = decode_text(raw or b"")
    typed = _TYPED.fullmatch(text)
    return (typed[1] if typed else text).strip()


# Being asked -----------------------------------------------------------------------------------------


def receipt_wanted(header: Mapping[str, bytes]) -> tuple[Address, ...]:
    """To whom the sender wants a receipt to go; `header` as `Part.header` [RFC 8098 §2.1]."""
    return tuple(parse_addresses(header.get("disposition-notification-to", b"")))


def may_answer_automatically(header: Mapping[str, bytes], return_path: str | None) -> bool:
    """Whether a receipt may go without a person's consent.

    [RFC 8098 §2.1, §2.2] [Référentiel MSSanté #2 ECO.2.3.2, ECO.3.1.6]

    1 it is asked for by one address, beyond doubt
    2 which is the one that would learn of failures: `return_path`, whatever the case
    3 the message is no report itself, nor any other automatic answer [RFC 3834 §2]
    4 no option is required, for none is known here, and every one can be read
    """
    asked = AddressList(header.get("disposition-notification-to", b""))
    address = complete(asked.found[0]) if asked.clean and len(asked.found) == 1 else None
    if address is None:
        return False
    if address.address.lower() != (return_path or "").strip("<> ").lower():
        return False
    kind, _ = content_type(header.get("content-type"))
    submitted, _ = parse_parameters(header.get("auto-submitted", b"no"))
    if kind in {"multipart/report"} | _RECEIPTS | _FAILURES or submitted.lower() != b"no":
        return False
    options = header.get("disposition-notification-options", b"")
    _, read = parse_parameters(b";" + options)
    importance = [value.partition(b",")[0].strip().lower() for _, value in read.pairs]
    return not options.strip() or set(importance) == {b"optional"}
