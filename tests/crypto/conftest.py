"""A small trust domain, made once: keys are what takes time."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.profiles import ISSUING, RECEIVING, ROOT, SIGNING, Profile, Subject
from mssante_sim.crypto.trust import TrustContext

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ADDRESS = "pharmacie.lilas@officine.mssante.test"
OTHER = "patient@patient.mssante.test"
CRL_BASE = "http://127.0.0.1:2080/crl"


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
        replace(ROOT, key_bits=2048), f"SIMULATEUR RACINE{label}", at=at, crl_url=f"{CRL_BASE}/root.crl"
    )
    issuing = Authority.create(
        replace(ISSUING, key_bits=2048),
        f"SIMULATEUR ORGANISATIONS{label}",
        at=at,
        crl_url=f"{CRL_BASE}/issuing.crl",
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
