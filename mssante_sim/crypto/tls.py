"""TLS contexts, all from here: 1.2 or later, the peer's certificate checked wherever there is one."""

import asyncio.sslproto
import ssl
from pathlib import Path
from typing import Final

__all__ = ["client_context", "limit_tls_buffers", "server_context"]

_RECORD_OCTETS: Final = 16 * 1024 + 512  # the largest TLS record with its overhead  [RFC 8446 §5.2]


def server_context(identity: Path, *, client_authority: bytes | None = None) -> ssl.SSLContext:
    """A context that serves the PEM file `identity` (key, certificate, chain).

    With `client_authority` (PEM), a client may show a certificate, and if it does, it must lead there: a client
    without one is told so by the protocol above rather than by a broken handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(identity)
    if client_authority is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_authority.decode("ascii"))
    return context


def client_context(authority: bytes, identity: Path | None = None) -> ssl.SSLContext:
    """A context that trusts `authority` (PEM) and nothing else, and shows `identity` if given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=authority.decode("ascii"))
    if identity is not None:
        context.load_cert_chain(identity)
    return context


def limit_tls_buffers() -> None:
    """Each TLS connection of asyncio keeps a buffer of one record from here on, instead of 256 kB.

    For this process; does nothing where asyncio has no such buffer.
    """
    protocol = asyncio.sslproto.SSLProtocol
    if hasattr(protocol, "max_size"):
        protocol.max_size = _RECORD_OCTETS
