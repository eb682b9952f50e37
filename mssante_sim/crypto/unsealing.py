"""A message made readable: every layer around the whole of it opened, who signed it proved or doubted.

`opening` is for who must be sure, and opens nothing inside what does not hold. This is for people, who are told:
nothing here, or of those who call it, loads anything remote or acts on a content that bears a doubt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from mssante_sim.crypto.cms_sign import read_signed_data
from mssante_sim.crypto.der import Malformed
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.opening import MOST_LAYERS
from mssante_sim.crypto.smime import NotSmime, Protection, classify, decrypt, signature_of
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.verify import FromMatches, SignerPolicy, VerificationFailed, verify
from mssante_sim.errors import SimulatorError
from mssante_sim.message.headers import single_from

__all__ = ["Unreadable", "Unsealed", "opened", "unseal"]


class Unreadable(SimulatorError):
    """The message cannot be opened with the keys at hand."""


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What was inside.

    Attributes:
        entity: without the envelopes, a signature still around the content; the message itself if it had none.
        content: what was signed, or claims to be; the entity if nothing was.
        signer: the proved address of who signed the content itself; None if nobody did or a signature did not hold.
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
    """`octets` decrypted with `own`, each signature verified at the first of the instants `at` at which it holds.

    A signature that does not hold is told in `doubt`, and the content is there all the same, as Thunderbird does:
    it is the reader who must not be lied to, not the content that must be hidden. One around an encryption proves
    nothing of the content. Without any instant nothing is proved, and nothing doubted.

    Raises:
        Unreadable: encrypted, and none of the keys fits or the envelope is broken; or wrapped too many times.
    """
    sender = single_from(octets)
    policy = FromMatches(sender.address if sender else "")
    found = Unsealed(octets, octets, encrypted=False)
    layers = 0
    while (protection := classify(found.content)) is not Protection.PLAIN:
        layers += 1
        if layers > MOST_LAYERS:
            raise Unreadable("The message is wrapped too many times.", french="Ce message a trop d'enveloppes.")
        if protection is Protection.ENVELOPED:
            entity = opened(found.content, own)
            found = Unsealed(entity, entity, encrypted=True, doubt=found.doubt)
            continue
        judged = _judged(found, trust, policy, at)
        if judged.content is found.content:  # nobody can tell what it is about
            return judged
        found = judged
    return found


def _judged(found: Unsealed, trust: TrustContext, policy: SignerPolicy, at: Sequence[datetime]) -> Unsealed:
    """`found` with what its content, which claims to be signed, proves at the first instant at which it does."""
    doubt = found.doubt
    for instant in at:
        try:
            proved = verify(found.content, trust, policy, at=instant)
        except VerificationFailed as error:
            doubt = doubt or error.french or error.public
            if error.step not in _PASSING_STEPS:
                break
        else:
            signer = None if found.doubt else proved.signer_address
            return replace(found, content=proved.content, signer=signer, proved_at=instant if signer else None)
    return replace(found, content=_claimed(found.content), signer=None, proved_at=None, doubt=doubt)


def _claimed(signed: bytes) -> bytes:
    """What a signature says that it is about; `signed` itself if that cannot be told."""
    try:
        detached = signature_of(signed)
        inside = read_signed_data(detached.cms).content if detached.content is None else (detached.content,)
    except (NotSmime, Malformed):
        return signed
    return signed if inside is None else b"".join(inside)


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
