"""One link of a path: who may have signed a certificate, and did.  [RFC 5280 §6.1.3-6.1.4]"""

from cryptography.exceptions import InvalidSignature

from mssante_sim.crypto.identity import Certificate
from mssante_sim.crypto.keys import is_strong

__all__ = ["is_issued_by"]


def is_issued_by(subject: Certificate, issuer: Certificate, *, below: int = 0) -> bool:
    """Whether `issuer` is an authority that signed `subject`, with `below` authorities between it and the leaf."""
    if not issuer.authority or issuer.usages is None or not issuer.usages.key_cert_sign:
        return False
    if issuer.path_length is not None and below > issuer.path_length:
        return False
    if not subject.signed_well or not is_strong(issuer.public_key):
        return False
    try:
        subject.parsed.verify_directly_issued_by(issuer.parsed)  # the names too
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
