"""What the story proves beside its clients: openssl reads what came, and the policy refuses whom it must."""

import hashlib
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from mssante_sim.clients.desk import Desk
from mssante_sim.clients.prescription import submission_for
from mssante_sim.clients.running import Running
from mssante_sim.clients.submission import Refused
from mssante_sim.errors import SimulatorError
from mssante_sim.message.compose import Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.passphrase import given_passphrase

__all__ = ["StoryFailed", "checked_with_openssl", "identical", "refusal_of"]


class StoryFailed(SimulatorError):
    """Something did not happen as the story tells it."""


def identical(paper: bytes) -> str:
    """That the PDF which arrived is this one, by its digest."""
    digest = hashlib.sha256(paper).hexdigest()
    return f"PDF identical, sha256 {digest[:4]}…{digest[-4:]}"


def refusal_of(running: Running, recipient: str, at: datetime) -> str:
    """Code, enhanced code and word with which a message of the story's patient to `recipient` is refused.

    Raises:
        StoryFailed: it was accepted.
    """
    patient = running.account(running.roles["patient"])
    sender, to = Address(patient.display_name, patient.address), Address("", recipient)
    octets = compose(Draft(sender, (to,), "Document", "Bonjour.\n", at, f"<refus@{running.domains['patients']}>"))
    try:
        submission_for(running, patient).send(octets, sender=patient.address, recipients=[recipient])
    except Refused as refusal:
        return refusal.public.partition(":")[0]
    raise StoryFailed(f"{recipient} was accepted, which no rule allows.")


def checked_with_openssl(desk: Desk, octets: bytes) -> str:
    """What openssl says of the message, knowing only what a user imports.  Raises: StoryFailed."""
    if shutil.which("openssl") is None:
        return "openssl is not installed, not asked"
    with TemporaryDirectory() as folder:
        _openssl_reads(Path(folder), desk, octets)
    return "openssl cms agrees"


def _openssl_reads(folder: Path, desk: Desk, octets: bytes) -> None:
    message, bundle, signed = folder / "message.eml", desk.account.pkcs12 or "", folder / "signed.eml"
    message.write_bytes(octets)
    keys = _openssl(desk, "pkcs12", "-in", bundle, "-passin", "env:PASSPHRASE", "-nodes", "-nocerts")
    receiving = folder / "receiving.pem"  # the last of the two in the file
    receiving.write_bytes(b"-----BEGIN PRIVATE KEY-----" + keys.rpartition(b"-----BEGIN PRIVATE KEY-----")[2])
    _openssl(desk, "cms", "-decrypt", "-in", str(message), "-inkey", str(receiving), "-out", str(signed))
    _openssl(desk, "cms", "-verify", "-in", str(signed), "-CAfile", desk.running.ca_file)


def _openssl(desk: Desk, *arguments: str) -> bytes:
    environment = {"PASSPHRASE": desk.running.passphrase_of(desk.account, given_passphrase)}
    done = subprocess.run(  # noqa: S603  a fixed command
        ["openssl", *arguments],  # noqa: S607  whichever the user has
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        timeout=30,
    )
    if done.returncode:
        raise StoryFailed(f"openssl {' '.join(arguments[:2])} disagrees: {done.stderr.decode(errors='replace')[-300:]}")
    return done.stdout
