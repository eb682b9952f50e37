"""The public files of a trust domain, in the forms that mail programs, Java and openssl read."""

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from mssante_sim.crypto.keystore import Keystore

__all__ = ["TRUSTSTORE_PASSWORD", "authority_files", "revocation_files"]

TRUSTSTORE_PASSWORD: Final = "changeit"  # noqa: S105  Java's own default; a trust store holds nothing secret


def authority_files(keystore: Keystore) -> dict[str, bytes]:
    """By file name: ``ca.pem`` (root, then issuing), ``ca.der`` (root), ``truststore.p12`` (root, for Java)."""
    root, *issuing = map(x509.load_der_x509_certificate, keystore.authorities)
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(10_000)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(SHA256())
        .build(TRUSTSTORE_PASSWORD.encode())
    )
    trusted = [pkcs12.PKCS12Certificate(root, b"mssante-sim")]
    return {
        "ca.pem": b"".join(one.public_bytes(Encoding.PEM) for one in (root, *issuing)),
        "ca.der": root.public_bytes(Encoding.DER),
        "truststore.p12": pkcs12.serialize_java_truststore(trusted, encryption),
    }


def revocation_files(keystore: Keystore) -> dict[str, bytes]:
    """By file name: ``crl.pem`` (every list), ``root.crl``, ``issuing.crl``… (DER, as they are served)."""
    lists = keystore.crls()
    pem = b"".join(x509.load_der_x509_crl(one).public_bytes(Encoding.PEM) for one in lists.values())
    return {"crl.pem": pem, **lists}
