"""What Thunderbird makes of the broken cases: what it shows of each message, and to whom it would encrypt."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mssante_sim.crypto.broken.case import Verdict
from mssante_sim.crypto.broken.corpus import Specimen
from mssante_sim.crypto.broken.scene import Scene
from mssante_sim.crypto.pkcs12 import write_bundle
from tests.crypto.programs import pem
from tests.interop.thunderbird.driver import SCRIPT, Thunderbird, thunderbird

__all__ = ["verdicts"]

_SCRIPT: Final = SCRIPT + Path(__file__).with_name("judge.js").read_text(encoding="utf-8")
_PASSPHRASE: Final = "phrase-de-passe"


def verdicts(scene: Scene, specimens: Sequence[Specimen], folder: Path) -> dict[str, str]:
    """By case: the word for the verdict, then Thunderbird's own word for what it objects to, if it has one."""
    authorities, bundle = folder / "ca.pem", folder / "own.p12"
    authorities.write_bytes(b"".join(map(pem, scene.authorities)))
    bundle.write_bytes(write_bundle([scene.receiving], _PASSPHRASE, scene.reader))
    messages = {one.case.name: one.message for one in specimens if one.message is not None}
    files = [folder / f"{name}.eml" for name in messages]
    for file, octets in zip(files, messages.values(), strict=True):
        file.write_bytes(octets)
    with thunderbird(folder) as client:
        client.trust(authorities)
        found = {
            one.case.name: _would_encrypt(client, one.certificate, scene.reader)
            for one in specimens
            if one.message is None
        }
        client.import_identity(bundle, _PASSPHRASE)
        _call(client, "fill", list(map(str, files)))
        return found | {one.case.name: _shown(client, one) for one in specimens if one.message is not None}


def _would_encrypt(client: Thunderbird, certificate: bytes, address: str) -> str:
    encrypts = _call(client, "encryptsTo", base64.b64encode(certificate).decode(), address)
    return (Verdict.ACCEPT if encrypts else Verdict.DO_NOT_ENCRYPT).value


def _shown(client: Thunderbird, specimen: Specimen) -> str:
    seen = _call(client, "show", f"[{specimen.case.name}] {specimen.case.verdict.value}")
    encryption, signature = seen["encryption"], seen["signature"]
    if signature == "NONE":
        word, objection = (Verdict.UNSIGNED if seen["text"] else Verdict.UNREADABLE), encryption
    else:
        word, objection = (Verdict.ACCEPT if signature == "SUCCESS" else Verdict.DISTRUST), signature
    return word.value if objection in ("NONE", "SUCCESS") else f"{word.value} ({objection})"


def _call(client: Thunderbird, name: str, *given: Any) -> Any:
    return client.script(f"{_SCRIPT}\nreturn await JUDGE.{name}(...given);", *given)
