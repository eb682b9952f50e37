"""A throw-away authority for peers: server certificates and, for clients, S/MIME identities.

Deliberately not the project's own `crypto`: what tests it must not be made by it.
"""

import datetime as dt
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["ServerFiles", "SmimeFiles", "Trust"]


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """PEM files of a TLS server on ``localhost``."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class SmimeFiles:
    """PEM files and PKCS#12 of one address."""

    address: str
    certificate: Path
    key: Path
    pkcs12: Path
    passphrase: str


class Trust:
    """One self-signed authority whose files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Peers of the tests: authority")])
        usage = _key_usage(key_cert_sign=True, crl_sign=True)
        self._certificate = self._sign(
            self._name,
            self._key.public_key(),
            [(x509.BasicConstraints(ca=True, path_length=0), True), (usage, True)],
        )
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def server(self) -> ServerFiles:
        """Files of a server that is reached as ``localhost`` or 127.0.0.1."""
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
        usage = _key_usage(digital_signature=True, key_encipherment=True)
        certificate, key = self._issue("localhost", names, ExtendedKeyUsageOID.SERVER_AUTH, usage, "server")
        return ServerFiles(certificate, key, self.authority)

    def smime(self, address: str, *, signs: bool = True, receives: bool = True) -> SmimeFiles:
        """One RSA-2048 certificate of `address`, for one purpose or both."""
        passphrase = "import-me"
        names = x509.SubjectAlternativeName([x509.RFC822Name(address)])
        usage = _key_usage(digital_signature=signs, key_encipherment=receives)
        stem = f"{address.replace('@', '.at.')}-{signs:d}{receives:d}"
        certificate, key = self._issue(address, names, ExtendedKeyUsageOID.EMAIL_PROTECTION, usage, stem)
        bundle = self._folder / f"{stem}.p12"
        bundle.write_bytes(
            pkcs12.serialize_key_and_certificates(
                stem.encode(), self._last_key, self._last, [self._certificate],
                BestAvailableEncryption(passphrase.encode()),
            )
        )  # fmt: skip
        return SmimeFiles(address, certificate, key, bundle, passphrase)

    def _issue(
        self, name: str, names: x509.SubjectAlternativeName, purpose: x509.ObjectIdentifier, usage: x509.KeyUsage,
        stem: str,
    ) -> tuple[Path, Path]:  # fmt: skip
        self._last_key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage, True),
            (x509.ExtendedKeyUsage([purpose]), False),
            (names, False),
        ]
        self._last = self._sign(subject, self._last_key.public_key(), extensions)
        certificate, key = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        certificate.write_bytes(self._last.public_bytes(Encoding.PEM))
        key.touch(0o600)
        key.write_bytes(self._last_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key

    def _sign(
        self, subject: x509.Name, public: rsa.RSAPublicKey, extensions: list[tuple[x509.ExtensionType, bool]]
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=30))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, SHA256())


def _key_usage(**wanted: bool) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})
