"""A message opened layer by layer: signed, encrypted, signed again, as its writer wrapped it.  [RFC 2634 §1.1]

Only what wraps the whole message counts. An encrypted or signed part somewhere
inside is somebody's attachment, and is not opened here: joining it with what
stands around it is how EFAIL makes a mail program give secrets away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mssante_sim.crypto.cms_envelope import CannotDecrypt
from mssante_sim.crypto.der import Malformed
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.smime import NotSmime, Protection, classify, decrypt
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.verify import SignerPolicy, VerificationFailed, Verified, verify
from mssante_sim.errors import SimulatorError

__all__ = ["MOST_LAYERS", "NotOpened", "Opening", "open_layers"]

MOST_LAYERS: Final = 4


class NotOpened(SimulatorError):
    """A layer is broken, closed, or proves nothing; nothing inside it was looked at.

    Attributes:
        layer: which one, counted from the outside, from 1.
        step: "unwrap" for its MIME and CMS, "decrypt", or "step 1" to "step 6" of `verify`.
    """

    def __init__(self, layer: int, step: str, why: SimulatorError) -> None:
        super().__init__(f"Layer {layer}, {step}: {why.public}", french=why.french, detail=why.detail)
        self.layer = layer
        self.step = step


@dataclass(frozen=True, slots=True)
class Opening:
    """What stood inside, and what was proved on the way."""

    content: bytes  # the innermost entity
    layers: tuple[Verified | None, ...]  # from the outside in; None is an encryption

    @property
    def encrypted(self) -> bool:
        """Whether one of the layers was an encryption; its content may be by anyone unless a signature proves it."""
        return None in self.layers

    @property
    def signer(self) -> Verified | None:
        """Who signed the innermost entity itself; a signature around an encryption proves no authorship."""
        return self.layers[-1] if self.layers else None


def open_layers(
    message: bytes, own: Sequence[Identity], trust: TrustContext, policy: SignerPolicy, *, at: datetime
) -> Opening:
    """`message` without its layers, each decrypted with one of `own` or proved at `at`.

    Nothing of an inner layer is looked at before the outer one was opened and,
    where it is a signature, proved.

    Raises:
        NotOpened: with the layer and the step; a message has four layers at most.
    """
    layers: list[Verified | None] = []
    entity = message
    while (protection := classify(entity)) is not Protection.PLAIN:
        number = len(layers) + 1
        try:
            if number > MOST_LAYERS:
                raise NotSmime("The message is wrapped too many times.")
            proved = verify(entity, trust, policy, at=at) if protection is Protection.SIGNED else None
            entity = decrypt(entity, own) if proved is None else proved.content
        except VerificationFailed as error:
            raise NotOpened(number, f"step {error.step}", error) from error
        except CannotDecrypt as error:
            raise NotOpened(number, "decrypt", error) from error
        except (NotSmime, Malformed) as error:
            raise NotOpened(number, "unwrap", error) from error
        layers.append(proved)
    return Opening(entity, tuple(layers))
