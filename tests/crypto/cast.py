"""One mailbox with keys of every kind, as identities and as the files that other programs want."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.profiles import (
    RECEIVING,
    RECEIVING_P256,
    RECEIVING_P384,
    SIGNING,
    SIGNING_P256,
    SIGNING_P384,
    Profile,
)
from tests.crypto.conftest import ADDRESS, Domain, new_domain, subject_of
from tests.crypto.programs import key_pem, pem

SIGNERS: Mapping[str, Profile] = {
    "RSA-2048": SIGNING,
    "RSA-3072": replace(SIGNING, key_bits=3072),
    "RSA-4096": replace(SIGNING, key_bits=4096),
    "P-256": SIGNING_P256,
    "P-384": SIGNING_P384,
}
RECIPIENTS: Mapping[str, Profile] = {
    "RSA-2048": RECEIVING,
    "RSA-3072": replace(RECEIVING, key_bits=3072),
    "RSA-4096": replace(RECEIVING, key_bits=4096),
    "P-256": RECEIVING_P256,
    "P-384": RECEIVING_P384,
}


@dataclass(frozen=True)
class Cast:
    """`signing` and `receiving` by the kind of key; in `folder` the same as PEM, and ``ca.pem``."""

    domain: Domain
    signing: Mapping[str, Identity]
    receiving: Mapping[str, Identity]
    folder: Path

    @classmethod
    def assembled(cls, folder: Path, at: datetime) -> "Cast":
        """Each certificate has a subject of its own: NSS keeps those of one subject under one name."""
        domain = new_domain(" ALGORITHMES", at=at)

        def issued(usage: str, profiles: Mapping[str, Profile]) -> dict[str, Identity]:
            return {
                key: domain.issuing.issue(profile, subject_of(f"{usage} {key}"), at=at, names=[ADDRESS])
                for key, profile in profiles.items()
            }

        cast = cls(domain, issued("signing", SIGNERS), issued("receiving", RECIPIENTS), folder)
        for usage, identities in (("signing", cast.signing), ("receiving", cast.receiving)):
            for key, identity in identities.items():
                (folder / f"{usage}.{key}.pem").write_bytes(pem(identity.certificate))
                (folder / f"{usage}.{key}.key").write_bytes(key_pem(identity))
        (folder / "ca.pem").write_bytes(b"".join(map(pem, cast.authorities)))
        return cast

    @property
    def authorities(self) -> tuple[bytes, bytes]:
        """Root and issuing, DER."""
        return self.domain.root.identity.certificate, self.domain.issuing.identity.certificate

    def recipient(self, key: str) -> tuple[Path, Path]:
        return self.folder / f"receiving.{key}.pem", self.folder / f"receiving.{key}.key"

    def signer(self, key: str) -> tuple[Path, Path]:
        return self.folder / f"signing.{key}.pem", self.folder / f"signing.{key}.key"
