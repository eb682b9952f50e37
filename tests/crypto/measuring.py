"""What OpenSSL and gpgsm make of the broken cases; `python -m tests.crypto.measuring` writes the table anew.

That adds what Thunderbird makes of them, which `tests.interop.thunderbird.judging` finds.

Layers are found as our own `classify` finds them, since neither program reads a
whole message; each layer is then the program's own affair. Neither is asked
about From.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding

from mssante_sim.clock import SystemClock
from mssante_sim.crypto import smime
from mssante_sim.crypto.broken import measured
from mssante_sim.crypto.broken.case import Verdict
from mssante_sim.crypto.broken.corpus import CASES, Specimen, make
from mssante_sim.crypto.broken.export import AUTHOR, READER
from mssante_sim.crypto.broken.scene import Scene
from mssante_sim.crypto.pkcs12 import compatible_bundle
from mssante_sim.crypto.smime import NotSmime, Protection, classify
from tests.crypto.programs import Call, attempt, gpgsm, key_pem, pem, run
from tests.interop.thunderbird import judging as thunderbird

_PASSPHRASE = "phrase-de-passe"
_LAYERS = 8

Open = Callable[[bytes], bytes | None]


@dataclass(frozen=True)
class Program:
    """What opens an encryption, and what gives the content of a signature; None when it refuses."""

    decrypt: Open
    verify: Open
    encrypts_to: Callable[[bytes], bool]

    def verdict(self, specimen: Specimen) -> Verdict:
        if specimen.message is None:
            return Verdict.ACCEPT if self.encrypts_to(specimen.certificate) else Verdict.DO_NOT_ENCRYPT
        entity, signed = specimen.message, False
        for _ in range(_LAYERS):
            match classify(entity):
                case Protection.PLAIN:
                    break
                case Protection.ENVELOPED:
                    opened, signed = self.decrypt(entity), False
                    if opened is None:
                        return Verdict.UNREADABLE
                case Protection.SIGNED:
                    opened, signed = self.verify(entity), True
                    if opened is None:
                        return Verdict.DISTRUST
            entity = opened
        return Verdict.ACCEPT if signed else Verdict.UNSIGNED


def openssl(scene: Scene, folder: Path) -> Program:
    """OpenSSL with the authorities, their lists and the reader's key as files in `folder`."""
    lists = (scene.root.crl(scene.at), scene.issuing.crl(scene.at), *scene.lists)
    text = b"".join(map(pem, scene.authorities))
    text += b"".join(x509.load_der_x509_crl(one).public_bytes(Encoding.PEM) for one in lists)
    (folder / "trusted.pem").write_bytes(text)
    (folder / "own.pem").write_bytes(pem(scene.receiving.certificate))
    (folder / "own.key").write_bytes(key_pem(scene.receiving))
    trusted = ("-CAfile", folder / "trusted.pem", "-crl_check_all")

    def decrypt(entity: bytes) -> bytes | None:
        own = ("-recip", folder / "own.pem", "-inkey", folder / "own.key")
        done = attempt("openssl", "cms", "-decrypt", *own, octets=entity)
        return done.stdout if done.returncode == 0 else None

    def verify(entity: bytes) -> bytes | None:
        done = attempt("openssl", "cms", "-verify", "-purpose", "smimesign", *trusted, octets=entity)
        return done.stdout if done.returncode == 0 else None

    def encrypts_to(certificate: bytes) -> bool:
        (folder / "other.pem").write_bytes(pem(certificate))
        command = ("openssl", "verify", "-purpose", "smimeencrypt", *trusted, folder / "other.pem")
        return attempt(*command).returncode == 0

    return Program(decrypt, verify, encrypts_to)


def of_gpgsm(call: Call, folder: Path) -> Program:
    """gpgsm in the home of `call`; it takes bare CMS."""

    def decrypt(entity: bytes) -> bytes | None:
        return _opened(entity, "--decrypt")

    def verify(entity: bytes) -> bytes | None:
        try:
            detached = smime.signature_of(entity)
        except NotSmime:
            return None
        if detached.content is None:
            return _opened(entity, "--verify")
        (folder / "signature").write_bytes(detached.cms)
        (folder / "content").write_bytes(detached.content)
        done = call("--status-fd", "1", "--verify", folder / "signature", folder / "content")
        return detached.content if _good(done.stdout) and done.returncode == 0 else None

    def _opened(entity: bytes, command: str) -> bytes | None:
        try:
            octets = smime._Head.read(entity).decoded_body(entity)
        except NotSmime:
            return None
        (folder / "in").write_bytes(octets)
        (folder / "out").unlink(missing_ok=True)
        done = call("--status-fd", "1", "--output", folder / "out", command, folder / "in")
        if done.returncode != 0 or (command == "--verify" and not _good(done.stdout)):
            return None
        return (folder / "out").read_bytes()

    def encrypts_to(certificate: bytes) -> bool:
        (folder / "other.pem").write_bytes(pem(certificate))
        call("--import", folder / "other.pem")
        mark = x509.load_der_x509_certificate(certificate).fingerprint(SHA1()).hex()  # noqa: S303  (how it names one)
        (folder / "content").write_bytes(b"x")
        command = ("--output", folder / "sealed", "--recipient", f"0x{mark}", "--encrypt", folder / "content")
        return call(*command).returncode == 0

    return Program(decrypt, verify, encrypts_to)


def _good(status: bytes) -> bool:
    return b"GOODSIG" in status and b"TRUST_FULLY" in status and b"BADSIG" not in status


def made(names: Sequence[str] = ()) -> tuple[Scene, list[Specimen]]:
    """The cases (or those of `names`) in a scene of their own, dated now."""
    scene = Scene.thrown_away(SystemClock().now().replace(microsecond=0), author=AUTHOR, reader=READER)
    return scene, [make(case, scene) for case in CASES if not names or case.name in names]


def measure(folder: Path, names: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """By case, then program: the word for the verdict."""
    scene, specimens = made(names)
    (folder / "own.p12").write_bytes(compatible_bundle(scene.receiving, _PASSPHRASE, READER))
    with gpgsm(folder / "gpg", scene.authorities, [folder / "own.p12"], _PASSPHRASE, patience_s=15) as call:
        programs = {"openssl": openssl(scene, folder), "gpgsm": of_gpgsm(call, folder)}
        return {
            specimen.case.name: {name: _word(one, specimen) for name, one in programs.items()} for specimen in specimens
        }


def _word(program: Program, specimen: Specimen) -> str:
    try:
        return program.verdict(specimen).value
    except subprocess.TimeoutExpired:
        return "hangs"


def main() -> None:
    file = Path(measured.__file__)
    head, _, rest = file.read_text(encoding="utf-8").partition("VERSIONS: Final")
    tail = rest.partition("\n}\n")[2]
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        seen = thunderbird.verdicts(*made(), Path(folder))
    versions = {name: version(name) for name in ("openssl", "gpgsm", "thunderbird")}
    lines = (f'    "{name}": ({json.dumps([*row.values(), seen[name]])[1:-1]}),\n' for name, row in rows.items())
    table = f"VERSIONS: Final[Mapping[str, str]] = {json.dumps(versions)}\n_ROWS: Final = {{\n{''.join(lines)}}}\n"
    file.write_text(head + table + tail, encoding="utf-8")


def version(program: str) -> str:
    """Its first two numbers; the first of Thunderbird's."""
    said = run(program, "version" if program == "openssl" else "--version").decode()
    found = re.search(r"\d+" if program == "thunderbird" else r"\d+\.\d+", said)
    assert found is not None, said
    return found[0]


if __name__ == "__main__":
    main()
