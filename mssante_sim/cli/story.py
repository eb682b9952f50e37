"""The life of one prescription, played over the real ports with real clients, each step told with its time."""

import asyncio
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from mssante_sim.clients.annuaire import Annuaire, Pharmacy
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.prescription import Letter, submission_for, write_letter
from mssante_sim.clients.reading import Opened
from mssante_sim.clients.running import Account, Running
from mssante_sim.clients.submission import Refused, SubmissionReceipt
from mssante_sim.clock import Clock
from mssante_sim.errors import SimulatorError
from mssante_sim.patient.documents import Document
from mssante_sim.patient.proposal import propose
from mssante_sim.patient.specimens import specimen

__all__ = ["Story", "StoryFailed"]


class StoryFailed(SimulatorError):
    """Something did not happen as the story tells it."""


@dataclass(slots=True)
class Story:
    """Plays and tells; `tell` gets each finished line."""

    running: Running
    clock: Clock
    tell: Callable[[str], None]
    _began: float = field(default_factory=time.monotonic)
    _number: int = 0

    async def play(self) -> None:
        """The prescription arrived, was opened and is identical; two others were refused.

        Raises:
            StoryFailed: it is not so.
            SimulatorError: a client could not do its part.
        """
        patient = self.running.account(self.running.roles["patient"])
        self._step("patient", f"{patient.display_name} se connecte : profil activé")
        pharmacy = await asyncio.to_thread(self._find)
        self._step("directory", f"« lilas », Rennes : {pharmacy.label}, FINESS {pharmacy.finess}")
        paper = specimen("ordonnance")
        letter = self._write(patient, pharmacy, paper)
        self._step("patient", f"{paper.name} ({-(-len(paper.content) // 1024)} ko), message pré-rempli")
        desk = Desk.of(self.running, pharmacy.mailbox)
        octets = await self._send_and_wake(patient, letter, desk)
        opened = desk.open(octets, at=self.clock.now())
        self._check_opened(opened, patient, paper)
        await asyncio.to_thread(self._check_with_openssl, desk, octets, paper)
        await asyncio.to_thread(self._refusals, patient, letter)

    def _step(self, who: str, what: str, at: float | None = None) -> None:
        """Tells the next step, which happened `at` (time.monotonic), or now."""
        self._number += 1
        self.tell(f"{self._number:2} +{(at or time.monotonic()) - self._began:.3f} {who:<10} {what}")

    def _find(self) -> Pharmacy:
        annuaire = Annuaire(self.running.fhir_base, self.running.api_key)
        found = annuaire.search("lilas", "Rennes")
        if not found:
            raise StoryFailed("The pharmacy of the story is not in the directory; was this home seeded otherwise?")
        return found[0]

    def _write(self, patient: Account, pharmacy: Pharmacy, paper: Document) -> Letter:
        proposal = propose(patient.display_name, [paper])
        return write_letter(
            patient,
            pharmacy,
            subject=proposal.subject,
            text=proposal.text,
            documents=[paper],
            at=self.clock.now(),
        )

    async def _send_and_wake(self, patient: Account, letter: Letter, desk: Desk) -> bytes:
        """The message as the idling pharmacy got it."""
        client = await MailboxClient.connect(desk.access())
        try:
            known = max(await client.uids(), default=0)
            idling = asyncio.create_task(client.wait_for_arrival())
            await client.idling()
            receipt = await asyncio.to_thread(self._submit, patient, letter)
            await asyncio.wait_for(idling, 10)
            allowed, stored, woken = receipt.allowed_at, receipt.stored_at, client.announced_at
            between = (
                f"{abs(1000 * (woken - stored)):.1f} ms {'after' if woken > stored else 'before'} the 250 was read"
            )
            self._step(
                "smtp", f"{receipt.tls}, AUTH, RCPT 250 2.1.5 (ORG, published, open, certificate valid)", allowed
            )
            self._step("sealing", "signed RSA-2048 SHA-256, encrypted AES-256-CBC to pharmacy and sender", stored)
            self._step("storage", f"committed, then {receipt.reply}", stored)
            self._step("imap", f"* EXISTS to the idling client, {between}", woken)
            for uid in await client.uids(known + 1):
                octets = await client.fetch(uid)
                if octets is not None:
                    return octets
        finally:
            await client.close()
        raise StoryFailed("The client was woken, but no message is there.")

    def _submit(self, patient: Account, letter: Letter) -> SubmissionReceipt:
        submission = submission_for(self.running, patient)
        return submission.send(letter.octets, sender=letter.sender, recipients=[letter.recipient])

    def _check_opened(self, opened: Opened, patient: Account, paper: Document) -> None:
        if not opened.encrypted or opened.signer != patient.address:
            raise StoryFailed(f"The message is not sealed as it should be: {opened.doubt or 'not encrypted'}.")
        if [a.content for a in opened.attachments] != [paper.content]:
            raise StoryFailed("The PDF that arrived is not the one that was sent.")
        sender = opened.sender.name if opened.sender else ""
        self._step("pharmacie", f"Nouveau message de {sender} : déchiffré, signature valide")

    def _check_with_openssl(self, desk: Desk, octets: bytes, paper: Document) -> None:
        digest = hashlib.sha256(paper.content).hexdigest()
        identical = f"PDF identical, sha256 {digest[:4]}…{digest[-4:]}"
        if shutil.which("openssl") is None:
            self._step("check", f"openssl is not installed, not asked; {identical}")
            return
        with TemporaryDirectory() as folder:
            _openssl_reads(Path(folder), desk, octets)
        self._step("check", f"openssl cms agrees; {identical}")

    def _refusals(self, patient: Account, letter: Letter) -> None:
        unknown = f"inconnu@{self.running.domains['operator']}"
        person = self.running.roles["per"]
        told = [
            f"{person.split('@')[0]} (PER): {self._refused(patient, letter, person)}",
            f"inconnu: {self._refused(patient, letter, unknown)}",
        ]
        self._step("refused", " · ".join(told))

    def _refused(self, patient: Account, letter: Letter, recipient: str) -> str:
        """Code, enhanced code and word of the refusal."""
        try:
            submission_for(self.running, patient).send(letter.octets, sender=letter.sender, recipients=[recipient])
        except Refused as refusal:
            return refusal.public.partition(":")[0]
        raise StoryFailed(f"{recipient} was accepted, which no rule allows.")


def _openssl_reads(folder: Path, desk: Desk, octets: bytes) -> None:
    """openssl, knowing only what a user imports, decrypts and verifies.  Raises: StoryFailed."""
    message, bundle, signed = folder / "message.eml", desk.account.pkcs12 or "", folder / "signed.eml"
    message.write_bytes(octets)
    keys = _openssl(desk, "pkcs12", "-in", bundle, "-passin", "env:PASSPHRASE", "-nodes", "-nocerts")
    receiving = folder / "receiving.pem"  # the last of the two in the file
    receiving.write_bytes(b"-----BEGIN PRIVATE KEY-----" + keys.rpartition(b"-----BEGIN PRIVATE KEY-----")[2])
    _openssl(desk, "cms", "-decrypt", "-in", str(message), "-inkey", str(receiving), "-out", str(signed))
    _openssl(desk, "cms", "-verify", "-in", str(signed), "-CAfile", desk.running.ca_file)


def _openssl(desk: Desk, *arguments: str) -> bytes:
    environment = {"PASSPHRASE": desk.account.passphrase or ""}
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
