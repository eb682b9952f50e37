"""A small trust domain, in memory and on disk, made once: keys are what takes time."""

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.issuing import Places
from mssante_sim.crypto.keystore import Holder, Keystore
from mssante_sim.crypto.profiles import ISSUING, RECEIVING, ROOT, SIGNING, Profile, Subject
from mssante_sim.crypto.trust import TrustContext

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ADDRESS = "pharmacie.lilas@officine.mssante.test"
OTHER = "patient@patient.mssante.test"
BASE = "http://127.0.0.1:2080"
HOSTS = ("localhost", "127.0.0.1", "::1", "imap.officine.mssante.test")
HOLDER = Holder(ADDRESS, "PHARMACIE FICTIVE DES LILAS", "1990000010", "Ille-et-Vilaine (35)")


@dataclass(frozen=True)
class Domain:
    root: Authority
    issuing: Authority
    signing: Identity  # of ADDRESS
    receiving: Identity
    other: Identity  # receiving, of OTHER

    def trust(self, at: datetime = AT) -> TrustContext:
        return TrustContext(
            [self.root.identity.certificate],
            [self.issuing.identity.certificate],
            [self.root.crl(at), self.issuing.crl(at)],
        )

    def leaf(self, profile: Profile, address: str = ADDRESS, *, at: datetime = AT, **more: object) -> Identity:
        return self.issuing.issue(profile, subject_of(address), at=at, names=[address], **more)  # type: ignore[arg-type]  # keywords of issue


def subject_of(address: str) -> Subject:
    return Subject(address, "PHARMACIE FICTIVE DES LILAS", "1990000010", "Ille-et-Vilaine (35)")


def new_domain(label: str = "", *, at: datetime = AT - timedelta(days=400)) -> Domain:
    """Root and issuing authority are older than their leaves, and have short keys."""
    root = Authority.create(
        replace(ROOT, key_bits=2048), f"SIMULATEUR RACINE{label}", at=at, places=Places(BASE, "root")
    )
    issuing = Authority.create(
        replace(ISSUING, key_bits=2048),
        f"SIMULATEUR ORGANISATIONS{label}",
        at=at,
        places=Places(BASE, "issuing"),
        parent=root,
    )
    profiles = ((SIGNING, ADDRESS), (RECEIVING, ADDRESS), (RECEIVING, OTHER))
    leaves = (issuing.issue(one, subject_of(address), at=AT, names=[address]) for one, address in profiles)
    # The root issues with its own list's address, as `Keystore.create` arranges it.
    return Domain(root, issuing, *leaves)


@pytest.fixture(scope="session")
def domain() -> Domain:
    return new_domain()


@pytest.fixture(scope="session")
def stranger() -> Domain:
    """Another trust space, with the same names in it."""
    return new_domain()


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trust domain on disk in which ADDRESS has certificates; to be copied, not changed."""
    made = Keystore.create(tmp_path_factory.mktemp("pristine") / "trust", at=AT, base=BASE, hosts=HOSTS)
    made.issue([HOLDER], at=AT)
    return made.path


def copied(files: Path, to: Path) -> Path:
    shutil.copytree(files, to)
    return to


@pytest.fixture
def domain_files(pristine: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return copied(pristine, tmp_path / "trust")
