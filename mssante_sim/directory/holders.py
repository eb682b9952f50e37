"""Whose mailbox the certificate of a TLS client opens."""

from mssante_sim.clock import Clock
from mssante_sim.crypto.identity import BadCertificate, read_certificate
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.trust import CertificateState
from mssante_sim.directory.store import Directory

__all__ = ["Holders"]


class Holders:
    """Judges certificates by the trust domain as it is now, also if another process has changed it."""

    def __init__(self, keystore: Keystore, directory: Directory, clock: Clock) -> None:
        self._keystore = keystore
        self._directory = directory
        self._clock = clock

    def addresses(self, certificate: bytes) -> list[str]:
        """Its mailboxes that exist: none if it is not of this domain, not valid now, revoked, or not for clients."""
        try:
            named = read_certificate(certificate).mailboxes
        except BadCertificate:
            return []
        trust, now = self._keystore.current_trust(), self._clock.now()
        good = (one for one in named if trust.state(certificate, Usage.CLIENT, one, now) is CertificateState.VALID)
        return sorted(one for one in good if self._exists(one))

    def _exists(self, address: str) -> bool:
        return self._directory.mailbox(address) is not None or self._directory.patient(address) is not None
