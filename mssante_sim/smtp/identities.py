"""Certificates for mail: are they good now, and which of them seal a message.

Files are read again only when they have changed, also if another process changed them. For the
event loop's thread.
"""

from dataclasses import dataclass
from datetime import datetime

from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.trust import CertificateState, TrustContext
from mssante_sim.smtp.policy import Certificate

__all__ = ["Identities", "Owned"]


@dataclass(frozen=True, slots=True)
class Owned:
    """The newest identities of one address, and what they are judged by."""

    stamp: tuple[int, ...]
    signing: Identity | None
    receiving: Identity | None
    trust: TrustContext


class Identities:
    """The keystore as mail asks it."""

    def __init__(self, keystore: Keystore) -> None:
        self._keystore = keystore
        self._known: dict[str, Owned] = {}  # at most one entry for each address of the directory

    def state(self, address: str, at: datetime) -> Certificate:
        """What becomes of the receiving certificate of `address` at `at`."""
        return self.receiving(address, at)[0]

    def receiving(self, address: str, at: datetime) -> tuple[Certificate, bytes | None]:
        """The same, and the certificate if it is good."""
        owned = self._owned(address)
        certificate = owned.receiving.certificate if owned.receiving else None
        state = Certificate[owned.trust.state(certificate, Usage.RECEIVE, address, at).name]
        return state, certificate if state is Certificate.VALID else None

    def signer(self, address: str, at: datetime) -> Identity | None:
        """The identity that signs for `address`, if it is good at `at`."""
        owned = self._owned(address)
        if owned.signing is None:
            return None
        state = owned.trust.state(owned.signing.certificate, Usage.SIGN, address, at)
        return owned.signing if state is CertificateState.VALID else None

    def is_revoked(self, certificate: bytes, at: datetime) -> bool:
        """Whether a certificate of this trust domain is on a list at `at`, or no fresh list clears it."""
        trust = self._keystore.trust()
        path = trust.path(read_certificate(certificate))
        return path is None or trust.revocation(path, at) is not CertificateState.VALID

    def _owned(self, address: str) -> Owned:
        stamp = self._keystore.stamp(address)
        owned = self._known.get(address)
        if owned is None or owned.stamp != stamp:
            owned = Owned(
                stamp,
                signing=self._keystore.identity(address, Usage.SIGN),
                receiving=self._keystore.identity(address, Usage.RECEIVE),
                trust=self._trust(stamp),
            )
            self._known[address] = owned
        return owned

    def _trust(self, stamp: tuple[int, ...]) -> TrustContext:
        """The context of the present lists; shared, as it remembers the paths it found."""
        for owned in self._known.values():
            if owned.stamp[1:] == stamp[1:]:
                return owned.trust
        return self._keystore.trust()
