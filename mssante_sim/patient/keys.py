"""A patient's keys, as the service uses them in the patient's stead; read again only when their files changed."""

from dataclasses import dataclass

from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.errors import SimulatorError
from mssante_sim.patient.house import House
from mssante_sim.recent import Recent

__all__ = ["Keys", "NoKey", "Owned"]


class NoKey(SimulatorError):
    """The patient has no receiving certificate, so nothing can be kept."""


@dataclass(frozen=True, slots=True)
class Owned:
    """Every key that opens what one patient got, the newest first, and what signatures are judged by."""

    stamp: tuple[int, ...]
    identities: tuple[Identity, ...]
    trust: TrustContext

    @property
    def certificate(self) -> bytes:
        """What is sealed to the patient now.  Raises: NoKey."""
        if not self.identities:
            raise NoKey("This account has no receiving certificate.")
        return self.identities[0].certificate


class Keys:
    """The keystore, asked for patients."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: Recent[str, Owned] = Recent(1_000)

    async def of(self, address: str) -> Owned:
        """The keys of `address` as they are now."""
        keystore = self._house.keystore
        stamp = keystore.stamp(address)
        known = self._known.get(address)
        if known is not None and known.stamp == stamp:
            return known
        identities = await self._house.work(keystore.identities, address, Usage.RECEIVE)
        owned = Owned(stamp, tuple(identities), await self._house.work(keystore.trust))
        self._known.put(address, owned)
        return owned
