"""A recipient's certificate that a sender must not encrypt to, or may although it looks odd."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cryptography import x509

from mssante_sim.crypto.broken.case import Case, Kind, Made, Verdict
from mssante_sim.crypto.broken.scene import DAY, Scene
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.profiles import RECEIVING, RECEIVING_P256, SIGNING, KeyUse, Profile, Purpose
from mssante_sim.crypto.trust import CertificateState

__all__ = ["RECIPIENT_CASES"]


def _leaf(scene: Scene, profile: Profile = RECEIVING, **more: object) -> Identity:
    return scene.leaf(profile, **{"name": scene.reader, "names": (scene.reader,), **more})  # type: ignore[arg-type]  # leaf's own


def _revoked(scene: Scene) -> Identity:
    identity = _leaf(scene)
    scene.issuing.revoke(read_certificate(identity.certificate).serial, at=scene.at, reason="cessationOfOperation")
    return identity


def _critical(scene: Scene) -> Identity:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.250.1.213.99.1"), b"\x05\x00")
    return scene.crafted(_leaf(scene), lambda builder: builder.add_extension(unknown, critical=True))


def _stale(scene: Scene) -> Identity:
    late = scene.authority("EN RETARD (DESTINATAIRE)")
    scene.between.append(late.identity.certificate)
    scene.lists.append(late.crl(scene.at - 90 * DAY))
    return _leaf(scene, issuer=late)


def _without_list(scene: Scene) -> Identity:
    silent = scene.authority("SANS LISTE (DESTINATAIRE)")
    scene.between.append(silent.identity.certificate)
    return _leaf(scene, issuer=silent)


def _case(name: str, state: CertificateState, source: str, why: str, make: Callable[[Scene], Identity]) -> Case:
    verdict = Verdict.ACCEPT if state is CertificateState.VALID else Verdict.DO_NOT_ENCRYPT
    return Case(
        f"recipient-{name}", Kind.RECIPIENT, verdict, state.value, source, why,
        lambda scene: Made(certificate=make(scene).certificate),
    )  # fmt: skip


_State = CertificateState
_LOG_IN: Final = replace(RECEIVING, purposes=frozenset({Purpose.CLIENT_AUTH}))
_CURVE_FOR_RSA: Final = replace(RECEIVING_P256, uses=frozenset({KeyUse.KEY_ENCIPHERMENT}))

RECIPIENT_CASES: Final = tuple(
    _case(*row)
    for row in (
        ("expired", _State.EXPIRED, "RFC 5280 §6.1.3 (a)(2)", "Its validity ended yesterday.",
         lambda scene: _leaf(scene, validity=(scene.at - 300 * DAY, scene.at - DAY))),
        ("not-yet-valid", _State.NOT_YET_VALID, "RFC 5280 §6.1.3 (a)(2)", "Its validity begins tomorrow.",
         lambda scene: _leaf(scene, validity=(scene.at + DAY, scene.at + 300 * DAY))),
        ("signing-only", _State.WRONG_USAGE, "RFC 8550 §4.4.2", "Its key may sign, not decrypt.",
         lambda scene: _leaf(scene, SIGNING)),
        ("client-auth", _State.WRONG_USAGE, "RFC 8550 §4.4.4", "Its only purpose is to log in.",
         lambda scene: _leaf(scene, _LOG_IN)),
        ("curve-without-agreement", _State.WRONG_USAGE, "RFC 5480 §3", "A curve's key receives by agreement.",
         lambda scene: _leaf(scene, _CURVE_FOR_RSA)),
        ("other-address", _State.WRONG_ADDRESS, "RFC 8550 §3", "It is another mailbox's.",
         lambda scene: _leaf(scene, names=("quelquun.dautre@officine.mssante.test",))),
        ("no-address", _State.WRONG_ADDRESS, "RFC 8550 §3", "It names no mailbox; the common name does not count.",
         lambda scene: _leaf(scene, names=())),
        ("other-anchor", _State.UNTRUSTED, "RFC 5280 §6.1", "Another root, with the same names.",
         lambda scene: _leaf(scene, issuer=scene.strangers)),
        ("revoked", _State.REVOKED, "RFC 5280 §6.3", "Its serial number is on the list.", _revoked),
        ("crl-missing", _State.UNTRUSTED, "our choice", "No list is where it says.", _without_list),
        ("crl-stale", _State.UNTRUSTED, "RFC 5280 §6.3.3 (a)", "The only list ran out two months ago.", _stale),
        ("weak-key", _State.UNTRUSTED, "RFC 8551 §4.5", "RSA-1024.",
         lambda scene: _leaf(scene, replace(RECEIVING, key_bits=1024), key=new_key(1024))),
        ("certificate-sha1", _State.UNTRUSTED, "RFC 8550 §4.3", "Its issuer signed it with SHA-1.",
         lambda scene: scene.weakened(_leaf(scene))),
        ("critical-extension", _State.UNTRUSTED, "RFC 5280 §4.2", "A critical extension nobody knows.", _critical),
        ("address-other-case", _State.VALID, "our choice", "Letter case of an address does not count.",
         lambda scene: _leaf(scene, names=(scene.reader.upper(),))),
        ("rsa-4096", _State.VALID, "RFC 8551 §4.5", "A long key.",
         lambda scene: _leaf(scene, replace(RECEIVING, key_bits=4096), key=new_key(4096))),
        ("p-256", _State.VALID, "RFC 8551 §2.3", "A curve's key, with key agreement.",
         lambda scene: _leaf(scene, RECEIVING_P256)),
    )
)  # fmt: skip
