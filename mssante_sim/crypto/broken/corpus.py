"""All cases, by name; the messages that they make, and what our own reader makes of these."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mssante_sim.crypto import smime
from mssante_sim.crypto.broken.case import Case, Kind, Made, Verdict
from mssante_sim.crypto.broken.envelope_cases import ENVELOPE_CASES
from mssante_sim.crypto.broken.recipients import RECIPIENT_CASES
from mssante_sim.crypto.broken.responders import RESPONDER_CASES
from mssante_sim.crypto.broken.scene import Scene
from mssante_sim.crypto.broken.signature_cases import SIGNATURE_CASES
from mssante_sim.crypto.broken.signers import SIGNER_CASES
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.opening import NotOpened, open_layers
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.trust import CertificateState
from mssante_sim.crypto.verify import FromMatches
from mssante_sim.errors import SimulatorError
from mssante_sim.message.compose import date_value
from mssante_sim.message.headers import single_from

__all__ = ["CASES", "NoSuchCase", "Specimen", "case_named", "judge", "make"]

CASES: Final = (*SIGNER_CASES, *SIGNATURE_CASES, *ENVELOPE_CASES, *RECIPIENT_CASES, *RESPONDER_CASES)
_BY_NAME: Final = {one.name: one for one in CASES}


class NoSuchCase(SimulatorError):
    """No case has that name."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Specimen:
    """A case made in a scene.

    Attributes:
        clear: the message before anybody encrypted it; None if the encryption is the case, or there is no message.
        message: as it is sent; None if the case is a certificate.
        certificate: of a recipient; empty otherwise.
    """

    case: Case
    clear: bytes | None
    message: bytes | None
    certificate: bytes = b""


def case_named(name: str) -> Case:
    """The case of that name.  Raises: NoSuchCase."""
    try:
        return _BY_NAME[name]
    except KeyError as error:
        raise NoSuchCase(f"No case is called {name[:80]!r}. mssante-sim certs broken list names them.") from error


def make(case: Case, scene: Scene) -> Specimen:
    """`case` in `scene`; signed messages are encrypted to the reader, as mail is here.

    A case may revoke in the scene and add lists to it: judge after all are made.
    """
    made = case.make(scene)
    if case.kind is Kind.RECIPIENT:
        return Specimen(case, None, None, made.certificate)
    if case.kind is Kind.ENVELOPE:
        return Specimen(case, None, _message(case, scene, made, made.entity))
    sealed = smime.envelop(made.entity, [scene.receiving.certificate])
    return Specimen(case, _message(case, scene, made, made.entity), _message(case, scene, made, sealed))


def _message(case: Case, scene: Scene, made: Made, entity: bytes) -> bytes:
    sender = made.sender or f"From: <{scene.author}>\r\n".encode()
    head = (
        f"To: <{scene.reader}>\r\nSubject: [{case.name}] {case.verdict.value}\r\nDate: {date_value(scene.at)}\r\n"
        f"Message-ID: <{case.name}.{scene.at:%Y%m%d%H%M%S}@cas-fautifs.mssante.test>\r\nMIME-Version: 1.0\r\n"
    )
    return sender + head.encode() + entity


def judge(specimen: Specimen, own: Sequence[Identity], scene: Scene) -> tuple[Verdict, str]:
    """What our own reader, with the keys `own`, makes of it, and what it found: a step, or a certificate's state."""
    trust = scene.trust()
    if specimen.message is None:
        state = trust.state(specimen.certificate, Usage.RECEIVE, scene.reader, scene.at)
        return (Verdict.ACCEPT if state is CertificateState.VALID else Verdict.DO_NOT_ENCRYPT), state.value
    sender = single_from(specimen.message)
    policy = FromMatches(sender.address if sender else "")
    try:
        opening = open_layers(specimen.message, own, trust, policy, at=scene.at)
    except NotOpened as error:
        return (Verdict.DISTRUST, error.step) if error.step.startswith("step") else (Verdict.UNREADABLE, "")
    return (Verdict.ACCEPT if opening.signer else Verdict.UNSIGNED), ""
