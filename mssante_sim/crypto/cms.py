"""What the kinds of CMS content have in common.  [RFC 5652 §3, §10.2]"""

from dataclasses import dataclass
from typing import Final

from mssante_sim.crypto import der
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import Certificate

__all__ = [
    "DATA",
    "EXPLICIT",
    "IMPLICIT_STRING",
    "CertificateId",
    "content_info",
    "content_of",
    "explicit",
    "fields_of",
]

DATA: Final = der.object_identifier("1.2.840.113549.1.7.1")
EXPLICIT: Final = 0xA0  # context tag 0, constructed
IMPLICIT_STRING: Final = 0x80  # context tag 0, primitive


@dataclass(frozen=True, slots=True)
class CertificateId:
    """Names a certificate by issuer and serial number, or by its key identifier alone."""

    issuer: bytes  # Name, encoded; empty with a key identifier
    serial: int
    key_id: bytes = b""

    def names(self, certificate: Certificate) -> bool:
        """Whether `certificate` is the one."""
        if self.key_id:
            return certificate.key_id == self.key_id
        return (certificate.issuer, certificate.serial) == (self.issuer, self.serial)

    @classmethod
    def read(cls, element: Element) -> "CertificateId":
        """From a SignerIdentifier or RecipientIdentifier.

        Raises:
            Malformed: it is neither.
        """
        if element.tag == IMPLICIT_STRING:
            return cls(b"", 0, bytes(element.content))
        issuer, serial = fields_of(element, 2)[:2]
        return cls(bytes(issuer.octets), serial.number())


def content_info(kind: bytes, size: int) -> bytes:
    """All of a ContentInfo that stands before its content of `size` octets, which is of `kind`."""
    wrapper = kind + der.header(EXPLICIT, size)
    return der.header(der.SEQUENCE, len(wrapper) + size) + wrapper


def content_of(octets: bytes, kind: bytes, at_least: int) -> tuple[Element, ...]:
    """The fields, `at_least` so many, of the structure of `kind` that a ContentInfo holds.

    Raises:
        Malformed: it holds another kind, or fewer fields.
    """
    found, content = fields_of(der.parse(octets), 2)[:2]
    if found.octets != kind:
        raise Malformed("another kind of content")
    return fields_of(explicit(content), at_least)


def explicit(element: Element) -> Element:
    """What an explicit context tag 0 wraps.

    Raises:
        Malformed: the tag is another, or wraps nothing or several values.
    """
    inner = element.expect(EXPLICIT).children()
    if len(inner) != 1:
        raise Malformed("a wrapper does not hold one value")
    return inner[0]


def fields_of(element: Element, at_least: int) -> tuple[Element, ...]:
    """The fields of a SEQUENCE, `at_least` so many.

    Raises:
        Malformed: it is none, or has fewer.
    """
    fields = element.expect(der.SEQUENCE).children()
    if len(fields) < at_least:
        raise Malformed("fields are missing")
    return fields
