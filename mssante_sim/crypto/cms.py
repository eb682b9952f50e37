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
    "algorithm_identifier",
    "content_info",
    "content_of",
    "explicit",
    "fields_of",
    "kind_of",
    "oid_of",
    "tagged",
]

DATA: Final = der.object_identifier("1.2.840.113549.1.7.1")
EXPLICIT: Final = 0xA0  # context tag 0, constructed
IMPLICIT_STRING: Final = 0x80  # context tag 0, primitive
_TAG_NUMBER: Final = 0x1F
_NO_PARAMETERS: Final = (b"", der.tlv(der.NULL))


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


def kind_of(octets: bytes) -> bytes:
    """The OID, encoded, of the kind of content that a ContentInfo holds.

    Raises:
        Malformed: it is none.
    """
    return bytes(fields_of(der.parse(octets), 2)[0].expect(der.OID).octets)


def content_of(octets: bytes, kind: bytes, at_least: int) -> tuple[Element, ...]:
    """The fields, `at_least` so many, of the structure of `kind` that a ContentInfo holds.

    Raises:
        Malformed: it holds another kind, or fewer fields.
    """
    found, content = fields_of(der.parse(octets), 2)[:2]
    if found.octets != kind:
        raise Malformed("another kind of content")
    return fields_of(explicit(content), at_least)


def explicit(element: Element, number: int = 0) -> Element:
    """What an explicit context tag `number` wraps.

    Raises:
        Malformed: the tag is another, or wraps nothing or several values.
    """
    inner = element.expect(EXPLICIT | number).children()
    if len(inner) != 1:
        raise Malformed("a wrapper does not hold one value")
    return inner[0]


def fields_of(element: Element, at_least: int) -> tuple[Element, ...]:
    """The fields of a SEQUENCE, `at_least` so many.

    Raises:
        Malformed: it is none, or has fewer.
    """
    return element.expect(der.SEQUENCE).children(at_least)


def tagged(element: Element) -> dict[int, Element]:
    """What the explicit context tags in a SEQUENCE wrap, by their numbers, in ascending order.

    Raises:
        Malformed: it is no SEQUENCE, or holds anything else.
    """
    found: dict[int, Element] = {}
    for field in fields_of(element, 0):
        number = field.tag & _TAG_NUMBER
        if found and number <= max(found):
            raise Malformed("a field stands twice, or in the wrong place")
        found[number] = explicit(field, number)
    return found


def algorithm_identifier(element: Element) -> tuple[bytes, Element | None]:
    """OID (encoded) and parameters of an AlgorithmIdentifier.

    Raises:
        Malformed: it is not one.
    """
    fields = fields_of(element, 1)
    if len(fields) > 2:
        raise Malformed("an algorithm is an OID and at most one parameter")
    return bytes(fields[0].expect(der.OID).octets), fields[1] if len(fields) == 2 else None


def oid_of(element: Element) -> bytes:
    """OID (encoded) of an AlgorithmIdentifier that takes no parameters.

    Raises:
        Malformed: it is not one, or has parameters.
    """
    oid, parameters = algorithm_identifier(element)
    if parameters is not None and parameters.octets not in _NO_PARAMETERS:
        raise Malformed("parameters where none belong")
    return oid
