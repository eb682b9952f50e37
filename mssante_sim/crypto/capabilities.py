"""What a mail program says that it reads, in a signed attribute or in its certificate.  [RFC 8551 §2.5.2, RFC 4262]"""

from collections.abc import Iterable
from typing import Final

from mssante_sim.crypto import der
from mssante_sim.crypto.algorithms import AES_128_CBC, AES_128_GCM, AES_256_CBC, AES_256_GCM, RSA_OAEP
from mssante_sim.crypto.der import Element, Malformed

__all__ = ["CAPABILITIES_ATTRIBUTE", "EVERY_CLIENT", "MODERN", "read_capabilities", "write_capabilities"]

CAPABILITIES_ATTRIBUTE: Final = der.object_identifier("1.2.840.113549.1.9.15")
EVERY_CLIENT: Final = (AES_256_CBC.oid, AES_128_CBC.oid)
"""What all current clients read, the preferred first: the default, since nothing is known of the sender's program."""
MODERN: Final = (AES_256_GCM.oid, AES_128_GCM.oid, *EVERY_CLIENT, RSA_OAEP)
"""What this package itself reads."""
_MOST: Final = 64


def write_capabilities(oids: Iterable[bytes]) -> bytes:
    """SMIMECapabilities, the preferred first; parameters are left out."""
    return der.sequence(*map(der.sequence, oids))


def read_capabilities(element: Element) -> frozenset[bytes]:
    """The OIDs (encoded) in SMIMECapabilities; what their parameters restrict is not looked at.

    Raises:
        Malformed: it is something else, or too long.
    """
    members = element.expect(der.SEQUENCE).children()
    if len(members) > _MOST:
        raise Malformed("too many capabilities")
    firsts = (one.expect(der.SEQUENCE).children(at_least=1)[0] for one in members)
    return frozenset(bytes(one.expect(der.OID).octets) for one in firsts)
