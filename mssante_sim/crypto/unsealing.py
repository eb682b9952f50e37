"""A message made readable: decrypted with one's own keys, its signature verified."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.smime import Protection, classify, decrypt
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.verify import FromMatches, VerificationFailed, verify
from mssante_sim.errors import SimulatorError
from mssante_sim.message.headers import single_from

__all__ = ["Unreadable", "Unsealed", "opened", "unseal"]


class Unreadable(SimulatorError):
    """The message cannot be opened with the keys at hand."""


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What was inside.

    Attributes:
        entity: without the envelope, a signature still around the content; the message itself if it had none.
        content: what was signed; the entity if nothing was.
        signer: the proved address of who signed; None if nothing was signed or it did not hold.
        doubt: why there is no signer although a signature is there, in French if it can be; None otherwise.
        proved_at: the instant for which the signature was proved.
    """

    entity: bytes = field(repr=False)
    content: bytes = field(repr=False)
    encrypted: bool
    signer: str | None = None
    doubt: str | None = None
    proved_at: datetime | None = None


_PASSING_STEPS: Final = frozenset({4, 5})  # of `verify`: what was right once may be wrong now


def unseal(octets: bytes, own: Sequence[Identity], trust: TrustContext, *, at: Sequence[datetime]) -> Unsealed:
    """`octets` decrypted with one of `own` and verified at the first of the instants `at` at which that holds.

    A signature that does not hold is told in `doubt`, and the content is there all the same, as Thunderbird does:
    it is the reader who must not be lied to, not the content that must be hidden.

    Raises:
        Unreadable: encrypted, and none of the keys fits or the envelope is broken.
    """
    entity = opened(octets, own)
    encrypted = entity is not octets
    if classify(entity) is not Protection.SIGNED:
        return Unsealed(entity, entity, encrypted)
    sender = single_from(octets)
    policy = FromMatches(sender.address if sender else "")
    doubt = ""
    for instant in at:
        try:
            proved = verify(entity, trust, policy, at=instant)
        except VerificationFailed as error:
            doubt = doubt or error.french or error.public
            if error.step not in _PASSING_STEPS:
                break
        else:
            return Unsealed(entity, proved.content, encrypted, proved.signer_address, proved_at=instant)
    return Unsealed(entity, entity, encrypted, doubt=doubt)


def opened(octets: bytes, own: Sequence[Identity]) -> bytes:
    """The entity inside an enveloped message, signature and all; `octets` itself if it is not enveloped.

    Raises:
        Unreadable: none of the keys fits or the envelope is broken.
    """
    if classify(octets) is not Protection.ENVELOPED:
        return octets
    try:
        return decrypt(octets, own)
    except SimulatorError as error:
        raise Unreadable(
            f"The message cannot be decrypted: {error.public}",
            french="Le message ne peut pas être déchiffré avec les clés de cette messagerie.",
        ) from error
