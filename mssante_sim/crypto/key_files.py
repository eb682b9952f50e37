"""Private keys with their certificates, as PEM files of their owner only."""

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mssante_sim.crypto.identity import Identity, load_key
from mssante_sim.crypto.secret import Secret
from mssante_sim.home import write_private

__all__ = ["KeyFiles", "certificates_in", "number_of"]


class KeyFiles:
    """Reads and writes identities: the key as PKCS #8, its certificate, the chain without the root."""

    def __init__(self, password: Secret[bytes] | None = None) -> None:
        """With a `password`, keys are written encrypted; what lies there in clear is read all the same."""
        self._password = password

    @property
    def password(self) -> Secret[bytes] | None:
        """What the keys are encrypted with."""
        return self._password

    def write(self, file: Path, identity: Identity) -> None:
        """`file` holds `identity`, whole, readable by its owner only."""
        file.parent.mkdir(parents=True, exist_ok=True)
        covered = NoEncryption() if self._password is None else BestAvailableEncryption(self._password.reveal())
        pem = [load_key(identity.key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, covered)]
        pem += (
            x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM)
            for one in (identity.certificate, *identity.chain)
        )
        write_private(file, b"".join(pem))

    def read(self, file: Path) -> Identity:
        """What `write` wrote.  Raises: OSError, ValueError."""
        pem = file.read_bytes()
        password = self._password.reveal() if self._password is not None and b"ENCRYPTED" in pem[:64] else None
        key = load_pem_private_key(pem, password, unsafe_skip_rsa_key_validation=True)  # our own; checking takes 30 ms
        certificate, *chain = certificates_in(pem)
        secret = Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        return Identity(certificate, secret, tuple(chain))


def certificates_in(pem: bytes) -> Sequence[bytes]:
    """The certificates, DER, of a PEM file.  Raises: ValueError."""
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem)]


def number_of(file: Path) -> int:
    """Which one it is of its kind: 2 for ``signing-2.pem`` and for ``issuing-2``, 1 for ``issuing``."""
    number = file.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else 1
