"""What sealing costs beside the same primitives called raw.

Sealing is one signature and one envelope for two recipients, from entity to
entity. Raw is one SHA-256, one RSA-2048 signature, two RSA-2048 encryptions,
one AES-256-CBC pass and one bare base64 pass (no lines) over the same octets,
with keys already loaded: what no implementation can do without.
"""

import base64
import hashlib
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pybase64
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256

from mssante_sim.crypto import smime
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.identity import Identity, private_key, read_certificate
from mssante_sim.crypto.profiles import ISSUING, RECEIVING, ROOT, SIGNING, Subject
from tests.load.figures import table

SIZES = {"20 kB": (20_000, 1.25), "1 MB": (1_000_000, 1.6)}
_AT = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """CPU milliseconds for one message of one size, and the ratio that may not be passed."""

    size: str
    raw_best_ms: float
    raw_median_ms: float
    sealed_best_ms: float
    sealed_median_ms: float
    most: float

    @property
    def ratio(self) -> float:
        """Sealed over raw, by medians."""
        return self.sealed_median_ms / self.raw_median_ms


@dataclass(frozen=True, slots=True)
class Cast:
    """A sender with both certificates, and a recipient."""

    signer: Identity
    own: Identity
    other: Identity

    @classmethod
    def made(cls) -> "Cast":
        """Fresh keys, real profiles."""
        root = Authority.create(ROOT, "SIMULATEUR BANC RACINE", at=_AT)
        issuing = Authority.create(ISSUING, "SIMULATEUR BANC", at=_AT, parent=root)
        subject = Subject("a@patient.mssante.test", "BANC")
        profiles = (SIGNING, RECEIVING, RECEIVING)
        return cls(*(issuing.issue(one, subject, at=_AT, names=[subject.common_name]) for one in profiles))


def entity_of(octets: int) -> bytes:
    """An entity of about `octets`, its attachment in base64 lines as mail programs send it."""
    lines = base64.encodebytes(os.urandom(octets * 3 // 4 * 76 // 78)).replace(b"\n", b"\r\n")
    return b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines


def sealing(cast: Cast, entity: bytes) -> Callable[[], object]:
    """The whole of it."""
    also, to = [cast.own.certificate], [cast.own.certificate, cast.other.certificate]
    return lambda: smime.envelop(smime.sign(entity, cast.signer, at=_AT, also=also), to)


def raw(cast: Cast, entity: bytes) -> Callable[[], object]:
    """The primitives alone, over as many octets."""
    key = private_key(cast.signer)
    publics = [read_certificate(one.certificate).public_key for one in (cast.own, cast.other)]
    padding, prehashed = PKCS1v15(), Prehashed(SHA256())
    secret, vector = os.urandom(32), os.urandom(16)
    inner = smime.sign(entity, cast.signer, at=_AT, also=[cast.own.certificate])
    inner = inner[: len(inner) // 16 * 16]

    def run() -> object:
        key.sign(hashlib.sha256(entity).digest(), padding, prehashed)
        for public in publics:
            assert public is not None
            public.encrypt(secret, padding)
        return pybase64.b64encode(Cipher(AES(secret), CBC(vector)).encryptor().update(inner))

    return run


def measure(rounds: int = 200) -> list[Row]:
    """One row a size; raw and sealed take turns, so that a noisy machine disturbs both alike."""
    cast = Cast.made()
    rows = []
    for size, (octets, most) in SIZES.items():
        entity = entity_of(octets)
        runs = (raw(cast, entity), sealing(cast, entity))
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for run, times in zip(runs, taken, strict=True):
                start = time.thread_time()
                run()
                times.append((time.thread_time() - start) * 1000)
        figures = [figure for times in taken for figure in (min(times), statistics.median(times))]
        rows.append(Row(size, *figures, most))
    return rows


def main() -> None:
    """Print the table in Markdown."""
    heads = ("message", "raw best ms", "raw median ms", "sealed best ms", "sealed median ms", "ratio", "may be")
    rows = [
        (
            row.size,
            *(f"{one:.3f}" for one in (row.raw_best_ms, row.raw_median_ms, row.sealed_best_ms, row.sealed_median_ms)),
            f"{row.ratio:.2f}",
            row.most,
        )
        for row in measure()
    ]
    print(table(heads, rows))  # noqa: T201  (for people)


if __name__ == "__main__":
    main()
