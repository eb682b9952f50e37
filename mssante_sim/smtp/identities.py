"""Certificates for mail: are they good now, and which of them seal a message.

Files are read again only when they have changed, also if another process changed them. For the
event loop's thread.
"""

from collections.abc import Iterator
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
    """Every identity that speaks for one address, the newest of its own first, and what they are judged by."""

    stamp: tuple[int, ...]
    signing: tuple[Identity, ...]
    receiving: tuple[Identity, ...]
    trust: TrustContext

    def states(self, usage: Usage, address: str, at: datetime) -> Iterator[tuple[CertificateState, Identity]]:
        """What becomes of each at `at`."""
        for one in self.signing if usage is Usage.SIGN else self.receiving:
            yield self.trust.state(one.certificate, usage, address, at), one


class Identities:
    """The keystore as mail asks it."""

    def __init__(self, keystore: Keystore) -> None:
        self._keystore = keystore
        self._known: dict[str, Owned] = {}  # at most one entry for each address of the directory

    def state(self, address: str, at: datetime) -> Certificate:
        """What becomes of the receiving certificate of `address` at `at`."""
        return self.receiving(address, at)[0]

    def receiving(self, address: str, at: datetime) -> tuple[Certificate, bytes | None]:
        """VALID and the first certificate that is so; else what is wrong with the newest, and None."""
        wrong: CertificateState | None = None
        for state, identity in self._owned(address).states(Usage.RECEIVE, address, at):
            if state is CertificateState.VALID:
                return Certificate.VALID, identity.certificate
            wrong = wrong or state
        return Certificate[(wrong or CertificateState.MISSING).name], None

    def signer(self, address: str, at: datetime) -> Identity | None:
        """The first identity that signs for `address` and is good at `at`; an organisation's if it has none itself."""
        states = self._owned(address).states(Usage.SIGN, address, at)
        return next((one for state, one in states if state is CertificateState.VALID), None)

    def is_revoked(self, certificate: bytes, at: datetime) -> bool:
        """Whether a certificate of this trust domain is on a list at `at`, or no fresh list clears it."""
        trust = self._keystore.current_trust()
        path = trust.path(read_certificate(certificate))
        return path is None or trust.revocation(path, at) is not CertificateState.VALID

    def _owned(self, address: str) -> Owned:
        stamp = self._keystore.stamp(address)
        owned = self._known.get(address)
        if owned is None or owned.stamp != stamp:
            owned = Owned(
                stamp,
                signing=tuple(self._keystore.speaking_for(address, Usage.SIGN)),
                receiving=tuple(self._keystore.speaking_for(address, Usage.RECEIVE)),
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
