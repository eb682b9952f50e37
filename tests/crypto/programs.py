"""Programs that are not ours, called with what we wrote; and our certificates and keys as they want them."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mssante_sim.crypto.identity import Identity, load_key

Call = Callable[..., subprocess.CompletedProcess[bytes]]


def attempt(
    *command: str | Path, octets: bytes = b"", env: Mapping[str, str] | None = None, patience_s: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """What the program says, whether it succeeds or not."""
    return subprocess.run(
        list(map(str, command)), input=octets, capture_output=True, check=False, timeout=patience_s, env=env
    )


def run(*command: str | Path, octets: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
    """What the program writes; it must succeed."""
    done = attempt(*command, octets=octets, env=env)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def pem(octets: bytes) -> bytes:
    return x509.load_der_x509_certificate(octets).public_bytes(Encoding.PEM)


def key_pem(identity: Identity) -> bytes:
    return load_key(identity.key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def as_sent(octets: bytes) -> bytes:
    """Every line end a CRLF, as on the wire: openssl ends its own with LF."""
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@contextmanager
def gpgsm(
    home: Path, authorities: Sequence[bytes], bundles: Sequence[Path] = (), passphrase: str = "",
    patience_s: float = 60, settings: Sequence[str] = ("disable-crl-checks", "disable-policy-checks"),
) -> Iterator[Call]:  # fmt: skip
    """gpgsm with a home of its own that trusts the first of `authorities` (DER) and knows the others."""
    home.mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(home)}
    (home / "gpgsm.conf").write_text("".join(f"{one}\n" for one in settings))
    root = x509.load_der_x509_certificate(authorities[0])
    mark = root.fingerprint(SHA1()).hex(":").upper()  # noqa: S303  (how gpgsm names a root)
    (home / "trustlist.txt").write_text(f"{mark} S relax\n")
    batch = ("gpgsm", "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0")

    def call(*options: str | Path, octets: bytes = passphrase.encode() + b"\n") -> subprocess.CompletedProcess[bytes]:
        return attempt(*batch, *options, octets=octets, env=environment, patience_s=patience_s)

    try:
        run("gpgsm", "--batch", "--import", octets=b"".join(map(pem, authorities)), env=environment)
        run("gpgconf", "--launch", "gpg-agent", env=environment)  # gpgsm itself waits 5 s only
        for bundle in bundles:
            done = call("--import", bundle)
            assert done.returncode == 0, done.stderr.decode(errors="replace")
        yield call
    finally:
        run("gpgconf", "--kill", "all", env=environment)
