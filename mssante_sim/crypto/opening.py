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
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.smime import Protection, classify, decrypt
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.verify import SignerPolicy, Verified, verify

__all__ = ["Opening", "open_layers"]

_MOST_LAYERS: Final = 4


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
        CannotDecrypt: a layer cannot be opened, or there are more than four.
        VerificationFailed: a signature proves nothing.
        NotSmime: a layer is broken.
        Malformed: its CMS is.
    """
    layers: list[Verified | None] = []
    entity = message
    while (protection := classify(entity)) is not Protection.PLAIN:
        if len(layers) == _MOST_LAYERS:
            raise CannotDecrypt("The message is wrapped too many times.")
        if protection is Protection.ENVELOPED:
            entity = decrypt(entity, own)
            layers.append(None)
        else:
            proved = verify(entity, trust, policy, at=at)
            entity = proved.content
            layers.append(proved)
    return Opening(entity, tuple(layers))
