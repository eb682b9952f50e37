"""Broken cases as files: what a vendor imports, what their program is given, and what it must say."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mssante_sim.crypto.broken.case import Case
from mssante_sim.crypto.broken.corpus import Specimen, make
from mssante_sim.crypto.broken.measured import MEASURED
from mssante_sim.crypto.broken.scene import Scene
from mssante_sim.crypto.pkcs12 import compatible_bundle, write_bundle

__all__ = ["AUTHOR", "READER", "Expected", "expected", "exported"]

AUTHOR: Final = "279035121518989@patient.mssante.test"
READER: Final = "pharmacie.fautive@officine.mssante.test"
_PASSPHRASE: Final = "mssante-sim"  # noqa: S105  public, like the keys that it covers: they are made for one export


@dataclass(frozen=True, slots=True)
class Expected:
    """What a report compares with."""

    name: str
    kind: str
    verdict: str
    finding: str
    why: str
    source: str
    measured: dict[str, str]  # what programs really make of it


def expected(case: Case) -> Expected:
    """`case` without its recipe."""
    measured = MEASURED.get(case.name, {})
    return Expected(case.name, case.kind.value, case.verdict.value, case.finding, case.why, case.source, dict(measured))


def exported(cases: Sequence[Case], at: datetime) -> dict[str, bytes]:
    """Every file by its name: `cases` made in a trust space that is thrown away, with the keys to read them."""
    scene = Scene.thrown_away(at, author=AUTHOR, reader=READER)
    files: dict[str, bytes] = {}
    rows: list[dict[str, Any]] = []
    for case in cases:
        own = _files(make(case, scene))
        files |= own
        row = expected(case)
        rows.append({"name": row.name, "files": sorted(own), "verdict": row.verdict, "finding": row.finding,
                     "why": row.why, "source": row.source, "measured": row.measured})  # fmt: skip
    files["expected.json"] = json.dumps(rows, ensure_ascii=False, indent=1).encode()
    return files | _surroundings(scene) | {"README.txt": _README.encode()}


def _files(specimen: Specimen) -> dict[str, bytes]:
    name = specimen.case.name
    if specimen.message is None:
        return {f"{name}.pem": _pem(specimen.certificate)}
    clear = {} if specimen.clear is None else {f"{name}.clear.eml": specimen.clear}
    return {f"{name}.eml": specimen.message, **clear}


def _surroundings(scene: Scene) -> dict[str, bytes]:
    """What is the same for all cases; last, since cases revoke."""
    lists = (scene.root.crl(scene.at), scene.issuing.crl(scene.at), *scene.lists)
    return {
        "ca.pem": b"".join(map(_pem, scene.authorities)),
        "crl.pem": b"".join(x509.load_der_x509_crl(one).public_bytes(Encoding.PEM) for one in lists),
        "recipient.pem": _pem(scene.receiving.certificate),
        "recipient.p12": write_bundle([scene.receiving], _PASSPHRASE, READER),
        "recipient.compatible.p12": compatible_bundle(scene.receiving, _PASSPHRASE, READER),
        **{f"published/{path}": octets for path, octets in scene.published.items()},
    }


def _pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


_README: Final = f"""\
mssante-sim: messages and certificates with one thing wrong. Fictitious data, keys made for this folder alone.

Import ca.pem (root, then the authorities below it), crl.pem and recipient.p12 (passphrase {_PASSPHRASE};
recipient.compatible.p12 for programs that read old files only). Then open each NAME.eml, addressed to
{READER}, and compare with expected.json, or have
`mssante-sim certs broken report` do it:

  accept          shown as signed by the author that From names; or, NAME.pem: encrypt to it
  distrust        a signature that proves nothing: a warning, or nothing at all
  unsigned        nothing is proved of the author: never shown as signed, nothing remote loaded
  unreadable      not one octet of the content is shown
  do not encrypt  nothing is sent to the certificate NAME.pem

published/ holds what stands, on port 2080, where certificates say that their responder is (ocsp/NAME, the answer to any
question) or their issuer's certificate (aia/NAME.cer); mssante-sim send-broken publishes it in the stack that is up.
NAME.clear.eml is the same message before it was encrypted. "finding" is the step that must fail: 1 signer and
algorithms, 2 digests, 3 signature, 4 path and usage, 5 revocation, 6 author; or the state of a certificate.
"measured" is what programs make of it: openssl and gpgsm without any look at From, Thunderbird as its reader sees it,
with its own word for what it objects to.
"""
