"""Certificates whose authority has no list, or is hard to find: its responder, or where it says it is, decides."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from mssante_sim.crypto.authority import Authority, revocations
from mssante_sim.crypto.broken.case import Case, Kind, Made, Verdict
from mssante_sim.crypto.broken.scene import DAY, Scene
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.ocsp import Failure, Responder, failed
from mssante_sim.crypto.profiles import OCSP_RESPONDER, RECEIVING, SIGNING, Profile, Subject
from mssante_sim.crypto.revocation import ocsp_request
from mssante_sim.crypto.trust import CertificateState

__all__ = ["RESPONDER_CASES"]

Answer = Callable[[Scene, Responder, Authority, bytes], bytes]


def _good(scene: Scene, responder: Responder, _authority: Authority, request: bytes) -> bytes:
    return responder.respond(request, scene.at)


def _revoked(scene: Scene, responder: Responder, authority: Authority, request: bytes) -> bytes:
    for serial in responder.issued:
        authority.revoke(serial, at=scene.at - DAY, reason="keyCompromise")
    return replace(responder, revoked=revocations(authority.crl(scene.at))).respond(request, scene.at)


def _unknown(scene: Scene, responder: Responder, _authority: Authority, request: bytes) -> bytes:
    return replace(responder, issued=frozenset()).respond(request, scene.at)


def _stale(scene: Scene, responder: Responder, _authority: Authority, request: bytes) -> bytes:
    return responder.respond(request, scene.at - 90 * DAY)


def _undelegated(scene: Scene, responder: Responder, authority: Authority, request: bytes) -> bytes:
    """By a mailbox's certificate of the same authority, which nobody made a responder."""
    mailbox = scene.leaf(SIGNING, issuer=authority)
    return replace(responder, signer=mailbox).respond(request, scene.at)


def _foreign(scene: Scene, responder: Responder, _authority: Authority, request: bytes) -> bytes:
    """By a true responder, of somebody else."""
    return replace(responder, signer=_delegated(scene.strangers, scene.at)).respond(request, scene.at)


def _forged(scene: Scene, responder: Responder, _authority: Authority, request: bytes) -> bytes:
    thief = Identity(responder.signer.certificate, new_key(2048))
    return replace(responder, signer=thief).respond(request, scene.at)


def _later(_scene: Scene, _responder: Responder, _authority: Authority, _request: bytes) -> bytes:
    return failed(Failure.TRY_LATER)


def _delegated(authority: Authority, at: datetime) -> Identity:
    return authority.issue(OCSP_RESPONDER, Subject("SIMULATEUR OCSP", "MSSANTE-SIM (SIMULATEUR)"), at=at)


Issue = Callable[[Authority], Identity]


def _answered(scene: Scene, name: str, issue: Issue, answer: Answer | None) -> Identity:
    """A certificate of an authority that has no list, about which `answer` is what its responder says."""
    authority = scene.authority(name.upper(), place=name)
    scene.between.append(authority.identity.certificate)
    leaf = issue(authority)
    if answer is not None:
        _publish_answer(scene, name, authority, leaf, answer)
    return leaf


def _publish_answer(scene: Scene, name: str, authority: Authority, leaf: Identity, answer: Answer) -> None:
    own, facts = authority.identity.certificate, read_certificate(leaf.certificate)
    responder = Responder(own, _delegated(authority, scene.at), {facts.serial}, {}, validity=30 * DAY)
    request = ocsp_request(facts, read_certificate(own))
    scene.published[f"ocsp/{name}"] = answer(scene, responder, authority, request)


def _followed(scene: Scene, name: str, issue: Issue) -> Identity:
    """A certificate of the issuing authority before the one of now: it issues no more, its list goes on."""
    former = scene.authority(name.upper(), place=name)
    scene.between.append(former.identity.certificate)
    return _listed(scene, name, former, issue)


def _elsewhere(scene: Scene, name: str, issue: Issue) -> Identity:
    """A certificate of an authority that the reader does not know; that one's lies where it says."""
    hidden = scene.authority(name.upper(), place=name)
    scene.published[f"aia/{name}.cer"] = hidden.identity.certificate
    return _listed(scene, name, hidden, issue)


def _listed(scene: Scene, name: str, authority: Authority, issue: Issue) -> Identity:
    """What `authority` issues, with a list and a responder that clear it."""
    leaf, crl = issue(authority), authority.crl(scene.at)
    scene.lists.append(crl)
    scene.published[f"crl/{name}.crl"] = crl
    _publish_answer(scene, name, authority, leaf, _good)
    return leaf


def _to_reader(scene: Scene, authority: Authority, profile: Profile = RECEIVING) -> Identity:
    return scene.leaf(profile, issuer=authority, name=scene.reader, names=(scene.reader,))


def _signer(name: str, finding: str, source: str, why: str, answer: Answer | None) -> Case:
    full = f"signer-{name}"
    verdict = Verdict.DISTRUST if finding else Verdict.ACCEPT
    return Case(full, Kind.SIGNER, verdict, finding, source, why, lambda scene: Made(
        scene.signed(_answered(scene, full, lambda authority: scene.leaf(issuer=authority), answer))
    ))  # fmt: skip


def _recipient(
    name: str, state: CertificateState, source: str, why: str, make: Callable[[Scene, str], Identity]
) -> Case:
    full = f"recipient-{name}"
    verdict = Verdict.ACCEPT if state is CertificateState.VALID else Verdict.DO_NOT_ENCRYPT
    return Case(full, Kind.RECIPIENT, verdict, state.value, source, why,
                lambda scene: Made(certificate=make(scene, full).certificate))  # fmt: skip


def _by_answer(answer: Answer) -> Callable[[Scene, str], Identity]:
    return lambda scene, name: _answered(scene, name, lambda authority: _to_reader(scene, authority), answer)


_State = CertificateState

RESPONDER_CASES: Final = (
    _signer("ocsp-good", "", "RFC 6960 §2.2", "There is no list, and its responder clears it.", _good),
    _signer("ocsp-revoked", "step 5", "RFC 6960 §2.2", "Its responder says that it is revoked.", _revoked),
    _signer("ocsp-unknown", "step 5", "RFC 6960 §2.2", "Its responder does not know it: not good.", _unknown),
    _signer("ocsp-stale", "step 5", "RFC 6960 §3.2 (6)", "Its responder's answer ran out two months ago.", _stale),
    _signer("ocsp-undelegated", "step 5", "RFC 6960 §4.2.2.2", "A mailbox's certificate signed the answer.",
            _undelegated),
    _signer("ocsp-foreign", "step 5", "RFC 6960 §4.2.2.2", "Another authority's responder signed it.", _foreign),
    _signer("ocsp-forged", "step 5", "RFC 6960 §3.2 (2)", "The answer's signature is false.", _forged),
    _signer("ocsp-try-later", "step 5", "RFC 6960 §2.3", "Its responder has no answer now: not good.", _later),
    _signer("ocsp-unreachable", "step 5", "our choice", "Neither list nor responder is where it says.", None),
    Case("signer-former-authority", Kind.SIGNER, Verdict.ACCEPT, "", "RFC 5280 §6.1",
         "Its authority issues no more; what it issued is good until it ends.",
         lambda scene: Made(scene.signed(
             _followed(scene, "signer-former-authority", lambda former: scene.leaf(issuer=former))
         ))),
    _recipient("ocsp-good", _State.VALID, "RFC 6960 §2.2", "There is no list, and its responder clears it.",
               _by_answer(_good)),
    _recipient("ocsp-revoked", _State.REVOKED, "RFC 6960 §2.2", "Its responder says that it is revoked.",
               _by_answer(_revoked)),
    _recipient("ocsp-unknown", _State.UNTRUSTED, "RFC 6960 §2.2", "Its responder does not know it.",
               _by_answer(_unknown)),
    _recipient("former-authority", _State.VALID, "RFC 5280 §6.1", "Its authority issues no more; it stays good.",
               lambda scene, name: _followed(scene, name, lambda former: _to_reader(scene, former))),
    _recipient("issuer-by-aia", _State.VALID, "RFC 5280 §4.2.2.1", "Its issuer's certificate lies only where it says.",
               lambda scene, name: _elsewhere(scene, name, lambda hidden: _to_reader(scene, hidden))),
)  # fmt: skip
