"""The real process, killed without warning while mail comes in: nothing acknowledged is lost, halved or doubled."""

import random
import secrets
import signal
import smtplib
import threading
from pathlib import Path

import pytest

from mssante_sim.clients.annuaire import Annuaire
from mssante_sim.clients.prescription import Letter, write_letter
from mssante_sim.clock import SystemClock
from mssante_sim.patient.documents import Document
from mssante_sim.testing import Mssante
from tests.stack.victim import Victim

KILLS = 20
SENDERS = 4

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


class Sender(threading.Thread):
    """Submits one letter after the other until the connection breaks; remembers what was answered 250."""

    def __init__(self, stack: Mssante, draw: random.Random) -> None:
        super().__init__()
        self._stack = stack
        self._draw = draw
        self.accepted: list[tuple[Letter, bytes]] = []
        self.one_was = threading.Event()

    def run(self) -> None:
        try:
            smtp = self._stack.smtp("patient")
            while True:
                letter, content = self._letter()
                smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
                self.accepted.append((letter, content))
                self.one_was.set()
        except (smtplib.SMTPException, OSError):
            self.one_was.set()

    def _letter(self) -> tuple[Letter, bytes]:
        stack = self._stack
        content = b"%PDF-1.4\n" + self._draw.randbytes(self._draw.choice((2_000, 20_000, 400_000))) + b"\n%%EOF"
        letter = write_letter(
            stack.account("patient"),
            PHARMACIES[0],
            subject="Ordonnance",
            text="Bonjour.\n",
            documents=[Document("ordonnance.pdf", "application/pdf", content)],
            at=SystemClock().now(),
            message_id=f"<{secrets.token_hex(12)}@kill.test>",
        )
        return letter, content


PHARMACIES = []


def test_every_message_answered_250_is_there_exactly_once(tmp_path: Path) -> None:
    draw = random.Random(20)
    victim = Victim(tmp_path)
    accepted: list[tuple[Letter, bytes]] = []
    stack = victim.up()
    running = stack.running
    PHARMACIES[:] = Annuaire(running.fhir_base, running.api_key).by_finess(stack.account("pharmacy").identifier or "")
    try:
        for _ in range(KILLS):
            senders = [Sender(stack, random.Random(draw.random())) for _ in range(SENDERS)]
            for sender in senders:
                sender.start()
            assert senders[0].one_was.wait(60)
            senders[0].join(draw.random() * 0.3)  # returns when the time is over: the thread ends at the kill
            victim.end(signal.SIGKILL)
            for sender in senders:
                sender.join(60)
                accepted += sender.accepted
            stack.close()
            stack = victim.up()
        _check(stack, accepted)
    finally:
        stack.close()
        victim.end(signal.SIGTERM)


def _check(stack: Mssante, accepted: list[tuple[Letter, bytes]]) -> None:
    assert len(accepted) >= KILLS
    imap = stack.imap("pharmacy")
    (count,) = imap.select("INBOX")[1]
    there: dict[str, list[bytes]] = {}
    for number in range(1, int(count or b"0") + 1):
        opened = stack.open(imap.fetch(str(number), "(BODY.PEEK[])")[1][0][1], "pharmacy")
        assert opened.signer == stack.account("patient").address, "nothing half written is shown"
        (attachment,) = opened.attachments
        there.setdefault(opened.message_id or "", []).append(attachment.content)
    for letter, content in accepted:
        assert there.get(letter.message_id) == [content]
    assert all(len(copies) == 1 for copies in there.values())
