"""Names of accounts as mechanisms write them."""

from mssante_sim.sasl.claims import Malformed

__all__ = ["read_name", "utf8"]


def read_name(octets: bytes) -> str:
    """``saslname``: comma and equals sign are written otherwise [RFC 5802 §5.1].  Raises: Malformed."""
    return utf8(octets.replace(b"=2C", b",").replace(b"=3D", b"="))


def utf8(octets: bytes) -> str:
    """The text.  Raises: Malformed."""
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise Malformed("What should be UTF-8 is not.") from error
