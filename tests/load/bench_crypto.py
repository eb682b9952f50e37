"""What sealing, opening and verifying cost beside the same primitives called raw; what 25 MB do to loop and memory.

Sealing is one signature and one envelope for two recipients, from entity to
entity; opening and verifying are the way back. Raw is what no implementation
can do without, with keys already loaded, over as many octets:

- sealing: one SHA-256, one RSA-2048 signature, two RSA-2048 encryptions, one AES-256-CBC pass, one bare base64 pass;
- opening: one base64 pass, one RSA-2048 decryption, one AES-256-CBC pass;
- verifying: one SHA-256, and one RSA-2048 verification for the message and for each certificate of its path.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import pybase64
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from mssante_sim.crypto import smime
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.identity import Identity, private_key, read_certificate
from mssante_sim.crypto.profiles import ISSUING, RECEIVING, ROOT, SIGNING, Subject
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.verify import FromMatches, verify
from tests.load.figures import table

__all__ = ["main"]

_SIZES = {"20 kB": 20_000, "1 MB": 1_000_000}
_MOST = {("sealing", "20 kB"): 1.25, ("sealing", "1 MB"): 1.6}
_LARGE_OCTETS = 25_000_000
_MOST_BLOCKED_MS, _MOST_MEMORY_MB = 10, 120
_ADDRESS = "a@patient.mssante.test"
_AT = datetime(2026, 11, 23, tzinfo=UTC)
_SWITCH_S = 0.0005  # as the server sets it


# Who takes part -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cast:
    """A sender with both certificates, a recipient, and those who vouch for them."""

    signer: Identity
    own: Identity
    other: Identity
    authorities: tuple[bytes, ...]  # from the issuing one to the root
    trust: TrustContext

    @classmethod
    def made(cls) -> "Cast":
        """Fresh keys, real profiles."""
        root = Authority.create(ROOT, "SIMULATEUR BANC RACINE", at=_AT)
        issuing = Authority.create(ISSUING, "SIMULATEUR BANC", at=_AT, parent=root)
        subject = Subject(_ADDRESS, "BANC")
        profiles = (SIGNING, RECEIVING, RECEIVING)
        identities = [issuing.issue(one, subject, at=_AT, names=[subject.common_name]) for one in profiles]
        authorities = tuple(one.identity.certificate for one in (issuing, root))
        trust = TrustContext(authorities[1:], authorities[:1], [root.crl(_AT), issuing.crl(_AT)])
        return cls(*identities, authorities, trust)


def entity_of(octets: int) -> bytes:
    """An entity of about `octets`, its attachment in base64 lines as mail programs send it."""
    lines = base64.encodebytes(os.urandom(octets * 3 // 4 * 76 // 78)).replace(b"\n", b"\r\n")
    return b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines


def sign(cast: Cast, entity: bytes) -> bytes:
    """`entity` signed, with the certificate to answer to."""
    return smime.sign(entity, cast.signer, at=_AT, also=[cast.own.certificate])


def seal(cast: Cast, entity: bytes) -> bytes:
    """`entity` signed, then enveloped for the recipient and the sender."""
    return smime.envelop(sign(cast, entity), [cast.own.certificate, cast.other.certificate])


def unwrap(cast: Cast, sealed: bytes) -> bytes:
    """What the recipient finds inside, signed."""
    return smime.decrypt(sealed, [cast.other])


def prove(cast: Cast, signed: bytes) -> bytes:
    """The entity, once it is proved who signed it."""
    return verify(signed, cast.trust, FromMatches(_ADDRESS), at=_AT).content


_WORK = {"sealing": seal, "opening": unwrap, "verifying": prove}
"""In the order of a message's way; each takes what the one before gave."""


# The primitives alone -----------------------------------------------------------------------------------------------


def _rsa(key: object) -> RSAPrivateKey:
    assert isinstance(key, RSAPrivateKey)
    return key


def _rsa_public(certificate: bytes) -> RSAPublicKey:
    key = read_certificate(certificate).public_key
    assert isinstance(key, RSAPublicKey)
    return key


def _raw_sealing(cast: Cast, entity: bytes) -> Callable[[], object]:
    key = _rsa(private_key(cast.signer))
    publics = [_rsa_public(one.certificate) for one in (cast.own, cast.other)]
    padding, prehashed = PKCS1v15(), Prehashed(SHA256())
    secret, vector = os.urandom(32), os.urandom(16)
    inner = sign(cast, entity)
    inner = inner[: len(inner) // 16 * 16]

    def run() -> object:
        key.sign(hashlib.sha256(entity).digest(), padding, prehashed)
        for public in publics:
            public.encrypt(secret, padding)
        return pybase64.b64encode(Cipher(AES(secret), CBC(vector)).encryptor().update(inner))

    return run


def _raw_opening(cast: Cast, sealed: bytes) -> Callable[[], object]:
    key, padding = _rsa(private_key(cast.other)), PKCS1v15()
    secret, vector = os.urandom(32), os.urandom(16)
    encrypted = _rsa_public(cast.other.certificate).encrypt(secret, padding)
    text = pybase64.b64encode(bytes(len(sealed) * 3 // 4 // 48 * 48))

    def run() -> object:
        key.decrypt(encrypted, padding)
        return Cipher(AES(secret), CBC(vector)).decryptor().update(pybase64.b64decode(text, validate=True))

    return run


def _raw_verifying(cast: Cast, signed: bytes) -> Callable[[], object]:
    padding, prehashed = PKCS1v15(), Prehashed(SHA256())
    digest = hashlib.sha256(b"attributes").digest()
    signature = _rsa(private_key(cast.signer)).sign(digest, padding, prehashed)
    public = _rsa_public(cast.signer.certificate)
    path = [x509.load_der_x509_certificate(one) for one in (cast.signer.certificate, *cast.authorities)]
    links = [
        (_rsa_public(issuer.public_bytes(Encoding.DER)), one.signature, one.tbs_certificate_bytes, padding, SHA256())
        for one, issuer in pairwise(path)
    ]

    def run() -> object:
        public.verify(signature, digest, padding, prehashed)
        for key, *link in links:
            key.verify(*link)
        return hashlib.sha256(signed).digest()

    return run


_RAW = {"sealing": _raw_sealing, "opening": _raw_opening, "verifying": _raw_verifying}


# Time ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """CPU milliseconds of one kind of work on a message of one size."""

    work: str
    size: str
    raw_best_ms: float
    raw_median_ms: float
    best_ms: float
    median_ms: float

    def cells(self) -> tuple[object, ...]:
        """As the table shows it; the ratio is that of the medians."""
        times = (self.raw_best_ms, self.raw_median_ms, self.best_ms, self.median_ms)
        most = _MOST.get((self.work, self.size), "-")
        return (
            self.work,
            self.size,
            *(f"{one:.3f}" for one in times),
            f"{self.median_ms / self.raw_median_ms:.2f}",
            most,
        )


def measure(cast: Cast, rounds: int) -> Iterator[Row]:
    """One row for each work and size; raw and ours take turns, so that a noisy machine disturbs both alike."""
    for size, octets in _SIZES.items():
        message = entity_of(octets)
        for name, ours in _WORK.items():
            runs = (_RAW[name](cast, message), partial(ours, cast, message))
            taken: tuple[list[float], list[float]] = ([], [])
            for _ in range(rounds):
                for run, times in zip(runs, taken, strict=True):
                    start = time.thread_time()
                    run()
                    times.append((time.thread_time() - start) * 1000)
            yield Row(name, size, *(figure for times in taken for figure in (min(times), statistics.median(times))))
            message = ours(cast, message)


# 25 MB --------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def ticking() -> AsyncIterator[list[float]]:
    """How late each turn of the loop came, in seconds; one is due every millisecond."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - due)

    task = asyncio.create_task(tick())
    yield late
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def blocked_ms(work: Callable[[], object]) -> float:
    """The longest that the loop was held up while `work` ran in a thread, as it does in the server."""
    async with ticking() as late:
        await asyncio.to_thread(work)
        await asyncio.sleep(0.005)
    return max(late) * 1000


def peaks_mb(octets: int) -> dict[str, float]:
    """The most that this process held for each work, above what it does without a message; Linux only."""
    cast = Cast.made()
    seal(cast, entity_of(1000))
    before, message, peaks = _status("VmRSS:"), _large_entity(octets), {}
    for name, work in _WORK.items():
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew  [proc(5)]
        message = work(cast, message)
        peaks[name] = (_status("VmHWM:") - before) / 1e6
    return peaks


def _large_entity(octets: int) -> bytes:
    return entity_of(1000) + (b"A" * 76 + b"\r\n") * (octets // 78)


def _status(name: str) -> int:
    return int(Path("/proc/self/status").read_text(encoding="ascii").partition(name)[2].split()[0]) * 1024


def large(octets: int) -> Iterator[tuple[object, ...]]:
    """What each work on a message of `octets` does to the loop, and to the memory of a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        peaks = apart.submit(peaks_mb, octets).result()
    sys.setswitchinterval(_SWITCH_S)
    cast, message = Cast.made(), _large_entity(octets)
    for name, work in _WORK.items():
        blocked = min(asyncio.run(blocked_ms(partial(work, cast, message))) for _ in range(3))
        yield name, f"{octets / 1e6:g} MB", f"{blocked:.1f}", _MOST_BLOCKED_MS, f"{peaks[name]:.0f}", _MOST_MEMORY_MB
        message = work(cast, message)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual rounds, and of the 25 MB")
    scale = parser.parse_args(arguments).scale
    heads = ("work", "message", "raw best ms", "raw median ms", "best ms", "median ms", "ratio", "may be")
    rows = [row.cells() for row in measure(Cast.made(), max(3, int(200 * scale)))]
    sys.stdout.write(table(heads, rows) + "\n\n")
    heads = ("work", "message", "loop held up ms", "may be", "memory MB", "may be")
    sys.stdout.write(table(heads, large(int(_LARGE_OCTETS * scale))) + "\n")


if __name__ == "__main__":
    main()
