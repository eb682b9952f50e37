"""A submitted message, signed and encrypted in the forms in which it is stored.

Inside an envelope: the Content-* fields and the body exactly as they were
received, because that is what is signed. Outside: every other field, in order.
Bcc stands nowhere, and nobody learns of a Bcc recipient: each has an envelope of
its own. Trace fields come later, in front, with each delivery.

The server holds the keys and sees clear text here: this is sealing at
submission, not end-to-end encryption. Pure but for the randomness of `crypto`;
everything that goes in can be pickled, so it may run in a thread or a process.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mssante_sim.crypto import smime
from mssante_sim.crypto.der import Malformed
from mssante_sim.crypto.identity import BadCertificate, Identity, read_certificate
from mssante_sim.crypto.smime import Protection
from mssante_sim.errors import SimulatorError
from mssante_sim.message.headers import Field, content_type, fields, header_end, parse_addresses

__all__ = ["Recipient", "SealJob", "SealedBody", "SealingRefused", "seal"]


class SealingRefused(SimulatorError):
    """The message cannot be sealed for everyone; `word` names the row of `replies` that says why."""

    def __init__(self, word: str, *, detail: str = "") -> None:
        super().__init__(f"The message cannot be sealed: {word}.", detail=detail)
        self.word = word

    def __reduce__(self) -> tuple[type["SealingRefused"], tuple[str]]:
        return SealingRefused, (self.word,)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets the message; a certificate to encrypt to, None where sealing is off."""

    address: str
    certificate: bytes | None  # DER, looked at by the caller: valid now, for this address, to receive


@dataclass(frozen=True, slots=True)
class SealJob:
    """Everything that `seal` needs to know."""

    octets: bytes = field(repr=False)  # as received: every line ends with CRLF, no NUL
    recipients: tuple[Recipient, ...]  # of RCPT, each once; those that neither To nor Cc names are Bcc
    at: datetime  # when it is signed
    date: str  # for a message without a Date field [RFC 6409 §8.2]
    message_id: str  # for a message without a Message-ID field [RFC 6409 §8.3]
    signer: Identity | None = None  # None: handed over by another operator, never signed in the sender's name
    sender_certificate: bytes | None = None  # to encrypt to the sender too, and for answers to be encrypted to
    file_sent: bool = False  # the sender keeps a copy
    confidential_subject: bool = False


@dataclass(frozen=True, slots=True)
class SealedBody:
    """One form of the message and who gets it."""

    octets: bytes = field(repr=False)
    recipients: tuple[str, ...]
    for_sender: bool = False  # it is also the copy that the sender keeps


def seal(job: SealJob) -> tuple[SealedBody, ...]:
    """The forms that together cover each recipient once, and the sender if a copy is kept.

    - To and Cc share one envelope with the sender; each Bcc recipient has its own.
    - Who has sealing off gets the message as it came, and so does everyone if it came enveloped.
    - What came signed is enveloped, and not signed again.
    Takes less than five times the size of the message while it makes one envelope.

    Raises:
        SealingRefused: a certificate cannot be used, or what came enveloped is not for every recipient.
    """
    message = _Message.read(job)
    if message.protection is Protection.ENVELOPED:
        _check_enveloped_for(job.octets, job.recipients)
        everyone = tuple(recipient.address for recipient in job.recipients)
        return (SealedBody(message.plain(), everyone, job.file_sent),)
    named = _named(message.header)
    open_to = [one for one in job.recipients if one.certificate is not None and one.address.lower() in named]
    hidden = [one for one in job.recipients if one.certificate is not None and one.address.lower() not in named]
    unsealed = [one for one in job.recipients if one.certificate is None]
    keeps_sealed = job.file_sent and job.sender_certificate is not None
    forms: list[SealedBody] = []
    if open_to or hidden or keeps_sealed:
        entity = message.entity(job)
        if open_to or keeps_sealed:
            forms.append(_form(message, entity, open_to, own=job.sender_certificate, for_sender=keeps_sealed))
        forms.extend(_form(message, entity, [one]) for one in hidden)
    if unsealed or (job.file_sent and not keeps_sealed):
        addresses = tuple(one.address for one in unsealed)
        forms.append(SealedBody(message.plain(), addresses, job.file_sent and not keeps_sealed))
    return tuple(forms)


def _form(
    message: "_Message",
    entity: bytes,
    recipients: Sequence[Recipient],
    *,
    own: bytes | None = None,
    for_sender: bool = False,
) -> SealedBody:
    certificates = [one for one in (*(recipient.certificate for recipient in recipients), own) if one is not None]
    try:
        enveloped = smime.envelop(entity, certificates)
    except BadCertificate as error:
        raise SealingRefused("certificate-wrong-usage", detail=error.public) from error
    octets = b"".join((*message.outer, b"MIME-Version: 1.0\r\n", enveloped))
    return SealedBody(octets, tuple(recipient.address for recipient in recipients), for_sender)


def _named(header: Iterable[Field]) -> frozenset[str]:
    """Addresses that every reader of the message may know, lower case."""
    visible = (field.raw for field in header if field.name in {"to", "cc"})
    return frozenset(one.address.lower() for raw in visible for one in parse_addresses(raw))


def _check_enveloped_for(octets: bytes, recipients: Iterable[Recipient]) -> None:
    try:
        able = smime.recipients_of(octets)
    except (smime.NotSmime, Malformed) as error:
        raise SealingRefused("not-encrypted-for-recipient", detail=type(error).__name__) from error
    try:
        certificates = [read_certificate(one.certificate) for one in recipients if one.certificate is not None]
    except BadCertificate as error:
        raise SealingRefused("certificate-wrong-usage", detail=error.public) from error
    if not all(any(one.names(certificate) for one in able) for certificate in certificates):
        raise SealingRefused("not-encrypted-for-recipient")


# What goes inside, what stays outside ----------------------------------------------------------------

_TRACE = frozenset({"received", "return-path"})
_BLIND = frozenset({"bcc", "resent-bcc"})
_NOT_OUTSIDE = _BLIND | {"mime-version"}
_DEFAULT_TYPE = b"Content-Type: text/plain; charset=us-ascii\r\n"  # said aloud [RFC 2045 §5.2]
_HIDDEN_SUBJECT = b"Subject: [...]\r\n"  # [RFC 9788 §3.2.1]


@dataclass(frozen=True, slots=True)
class _Message:
    """A received message, cut; nothing is copied but its fields."""

    octets: bytes
    header: tuple[Field, ...]
    body: int
    added: tuple[bytes, ...]  # fields that it should have had
    protection: Protection
    hides_subject: bool

    @classmethod
    def read(cls, job: SealJob) -> "_Message":
        """`job`'s message; what it lacks is ready to be added, what it claims to be is known."""
        body = header_end(job.octets)
        header = tuple(fields(job.octets, 0, body))
        present = {one.name for one in header}
        wanted = (("date", f"Date: {job.date}"), ("message-id", f"Message-ID: {job.message_id}"))
        added = tuple(line.encode("ascii") + b"\r\n" for name, line in wanted if name not in present)
        protection = smime.classify(job.octets)
        # What its writer has signed or protected cannot be given other fields to hold.
        hides = job.confidential_subject and protection is Protection.PLAIN and not _has_protected_fields(header)
        return cls(job.octets, header, body, added, protection, hides)

    def plain(self) -> bytes:
        """The message as it came, without Bcc, with the fields it should have had in front."""
        pieces: list[bytes | memoryview] = list(self.added)
        window, at = memoryview(self.octets), 0
        for one in self.header:
            if one.name in _BLIND:
                pieces.append(window[at : one.start])
                at = one.end
        return b"".join((*pieces, window[at:]))

    def entity(self, job: SealJob) -> bytes:
        """What is encrypted: the received entity, signed if there is a signer and it was not signed before."""
        window = memoryview(self.octets)
        content = [(one.name, self._field(one)) for one in self.header if one.name.startswith("content-")]
        if all(name != "content-type" for name, _ in content):
            content.insert(0, ("content-type", _DEFAULT_TYPE))
        lines = [line for _, line in content]
        if self.hides_subject:
            lines = [_marked(line) if name == "content-type" else line for name, line in content]
            lines += self._protected_fields()
        entity = b"".join((*lines, b"\r\n", window[self.body :]))
        if job.signer is None or self.protection is Protection.SIGNED:
            return entity
        also = () if job.sender_certificate is None else (job.sender_certificate,)
        try:
            return smime.sign(entity, job.signer, at=job.at, also=also)
        except BadCertificate as error:
            raise SealingRefused("sender-certificate", detail=error.public) from error
        except smime.NotCanonical as error:
            raise SealingRefused("bare-newline") from error

    @property
    def outer(self) -> tuple[bytes, ...]:
        """The fields outside, in order, `added` behind them."""
        received = (
            _HIDDEN_SUBJECT if self.hides_subject and one.name == "subject" else self._field(one)
            for one in self.header
            if one.name not in _NOT_OUTSIDE and not one.name.startswith("content-")
        )
        return *received, *self.added

    def _field(self, one: Field) -> bytes:
        octets = self.octets[one.start : one.end]
        return octets if octets.endswith(b"\n") else octets + b"\r\n"

    def _protected_fields(self) -> list[bytes]:
        """The fields as they are, then as they are seen outside; trace, the carrier's, is neither [RFC 9788 §5.2]."""
        kept = [
            (one.name, self._field(one))
            for one in self.header
            if one.name not in _NOT_OUTSIDE | _TRACE | {"hp-outer"} and not one.name.startswith("content-")
        ]
        inner = [line for _, line in kept] + list(self.added)
        seen = [_HIDDEN_SUBJECT if name == "subject" else line for name, line in kept] + list(self.added)
        return inner + [b"HP-Outer: " + line for line in seen]


def _has_protected_fields(header: Iterable[Field]) -> bool:
    types = (content_type(one.raw)[1] for one in header if one.name == "content-type")
    return any(parameters.get("hp") is not None for parameters in types)


def _marked(line: bytes) -> bytes:
    """A Content-Type field with the mark that protected fields follow [RFC 9788 §2.1.1]."""
    return line.rstrip(b" \t\r\n;") + b';\r\n hp="cipher"\r\n'
