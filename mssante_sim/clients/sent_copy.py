"""The copy of a sent message that its writer keeps: sealed to itself, so that the server's disk holds no clear text.

Its form is the one that the server gives to what it stores for others: the
message's own fields outside; inside, the Content-* fields and the body as they
were sent, signed.
"""

from datetime import datetime

from mssante_sim.clients.desk import Desk
from mssante_sim.crypto import smime
from mssante_sim.crypto.profiles import Usage
from mssante_sim.errors import SimulatorError
from mssante_sim.message.headers import fields, header_end

__all__ = ["NotSealed", "sealed_copy"]


class NotSealed(SimulatorError):
    """The account has no key to seal its own copy with; in clear it is not kept."""


def sealed_copy(desk: Desk, octets: bytes, *, at: datetime) -> bytes:
    """`octets`, a message with CRLF at every line's end, so that only `desk` can open it.

    It is signed if the account has a certificate that is valid for that at `at`.

    Raises:
        NotSealed: the account has no certificate to encrypt to.
    """
    receiving = desk.identity(Usage.RECEIVE, at=at)
    if receiving is None:
        raise NotSealed(
            "The account has no certificate to encrypt to.",
            french="Cette messagerie n'a pas de certificat de chiffrement : la copie envoyée n'est pas conservée.",
        )
    header = fields(octets)
    inner = b"".join(octets[one.start : one.end] for one in header if one.name.startswith("content-"))
    entity = b"".join((inner, b"\r\n", octets[header_end(octets) :]))
    signing = desk.identity(Usage.SIGN, at=at)
    if signing is not None:
        entity = smime.sign(entity, signing, at=at)
    outer = [
        octets[one.start : one.end]
        for one in header
        if not one.name.startswith("content-") and one.name not in {"mime-version", "bcc"}
    ]
    return b"".join((*outer, b"MIME-Version: 1.0\r\n", smime.envelop(entity, [receiving.certificate])))
