"""What IMAP says of a message, computed once when it is stored.

Stub of the contract; the message floor fills it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Facts of one body that never change, ready to be pasted into answers.

    Offsets count from the body's first octet, so they hold whatever prefix a delivery puts in front.
    """

    envelope: bytes  # parenthesised ENVELOPE, 7-bit  [RFC 9051 §7.5.2]
    bodystructure: bytes  # with extension data
    body: bytes  # without
    header_octets: int  # up to and including the blank line
    message_id: str | None


def summarise(octets: bytes) -> Summary:
    """The summary of a whole message (without delivery prefix), however broken it is."""
    raise NotImplementedError
