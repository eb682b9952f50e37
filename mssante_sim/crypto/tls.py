"""TLS contexts, all from one builder: TLS 1.2 or later, both sides."""

import asyncio
import asyncio.sslproto
import contextlib
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from mssante_sim.crypto.secret import Secret

__all__ = [
    "client_context",
    "cut",
    "limit_tls_buffers",
    "peer_certificate",
    "server_context",
    "server_end_point",
    "show",
]

_READ_BUFFER_OCTETS = 16 * 1024 + 512  # one TLS record  [RFC 8446 §5.2]


def server_context(
    identity: Path, *, client_ca: bytes | None = None, password: Secret[bytes] | None = None
) -> ssl.SSLContext:
    """A listener's context.

    Args:
        identity: PEM file with private key, certificate and chain (`Keystore.server_file`).
        client_ca: PEM of the authorities whose client certificates are asked for; a client without one is let in all
            the same, so that it can be refused in words, one with another is not.
        password: what its key is encrypted with (`Keystore.password`).

    Raises:
        OSError: the file cannot be read; ssl.SSLError, one of its kind, if it is damaged.
    """
    context = _modern(ssl.PROTOCOL_TLS_SERVER)
    show(context, identity, password)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_ca.decode("ascii"))
    return context


def show(context: ssl.SSLContext, identity: Path, password: Secret[bytes] | None = None) -> None:
    """Connections to a listener that begin from now on see the certificate in `identity`.  Raises: OSError."""
    context.load_cert_chain(identity, password=lambda: password.reveal() if password is not None else b"")


def client_context(ca: bytes, *, identity: Path | None = None) -> ssl.SSLContext:
    """A client's context that believes the authorities in the PEM `ca` only, and checks the server's name.

    `identity` is a PEM file with the client's own key and certificate.
    """
    context = _modern(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca.decode("ascii"))
    if identity is not None:
        context.load_cert_chain(identity)
    return context


def cut(transport: asyncio.WriteTransport) -> None:
    """The connection is over at once, whatever the peer does.

    QUIRK: before Python 3.11.5 a TLS transport that is closing already can't be cut; it then ends with the time limit
    that its server set for closing.
    """
    with contextlib.suppress(AttributeError):
        transport.abort()


def peer_certificate(transport: asyncio.BaseTransport | None) -> bytes | None:
    """The certificate, DER, that the client has shown and holds the key of; None without one, or without TLS."""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if transport is not None else None
    return tls.getpeercert(binary_form=True) if tls is not None else None


def server_end_point(identity: Path) -> bytes | None:
    """The channel binding of a listener that shows the first certificate in `identity` [RFC 5929 §4.1].

    Its hash by the hash of its signature, SHA-256 for weaker ones; None where the signature has none of its own.
    """
    certificate = x509.load_pem_x509_certificates(identity.read_bytes())[0]
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None:
        return None
    return certificate.fingerprint(hashes.SHA256() if algorithm.digest_size < 32 else algorithm)


def limit_tls_buffers() -> None:
    """Every later asyncio TLS connection of this process holds a read buffer of one record, not of 256 kB.

    On 1,000 idle connections that is 42 kB each instead of 281. The name is private to asyncio and may go.
    """
    if hasattr(asyncio.sslproto.SSLProtocol, "max_size"):
        asyncio.sslproto.SSLProtocol.max_size = _READ_BUFFER_OCTETS


def _modern(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # [Référentiel MSSanté #2 ECO.1.1.2]
    return context
