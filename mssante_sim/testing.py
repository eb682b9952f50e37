"""A running stack as a test sees it: ready clients, waiting without sleeping, opening what arrived."""

import imaplib
import smtplib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from mssante_sim.clients.desk import Desk
from mssante_sim.clients.reading import Opened
from mssante_sim.clients.running import Account, Running
from mssante_sim.clients.steering import Steering
from mssante_sim.clock import SystemClock
from mssante_sim.crypto.tls import client_context

__all__ = ["Mssante", "ephemeral_stack"]

_STOP_S: Final = 60.0


class Mssante:
    """One stack as a test sees it; accounts are named by role ("pharmacy", "per"…), FINESS, INS, address or name."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self._steering = Steering.of(running)
        self._context = client_context(Path(running.ca_file).read_bytes())
        self._cleanup = ExitStack()

    def account(self, who: str) -> Account:
        """The account that plays the role `who`, or goes by that name.  Raises: AccountNotFound."""
        return self.running.account(self.running.roles.get(who, who))

    def smtp(self, who: str) -> smtplib.SMTP_SSL:
        """A client of the submission port, logged in as the account's first user; closed after the test."""
        login = self.account(who).logins[0]
        client = smtplib.SMTP_SSL(
            self.running.host, self.running.ports["submission_tls"], context=self._context, timeout=30
        )
        self._cleanup.callback(client.close)
        client.login(login.login, login.password)
        return client

    def imap(self, who: str) -> imaplib.IMAP4_SSL:
        """A client of the IMAP port, logged in as the account's first user, INBOX selected; closed after the test."""
        login = self.account(who).logins[0]
        client = imaplib.IMAP4_SSL(
            self.running.host, self.running.ports["imap_tls"], ssl_context=self._context, timeout=30
        )
        self._cleanup.callback(client.shutdown)
        client.login(login.login, login.password)
        client.select("INBOX")
        return client

    def wait_for(self, message_id: str | None = None, *, to: str, timeout: float = 30.0) -> dict[str, Any]:
        """Facts of the message (None: any) once it lies in the INBOX of `to`.

        Raises:
            AssertionError: it did not come; says what did.
        """
        awaited = self._steering.wait(self.account(to).address, message_id, timeout)
        if awaited.found is None:
            raise AssertionError(f"{message_id or 'No message'} did not reach {to} in {timeout} s: {awaited.present}")
        return awaited.found

    def open(self, octets: bytes, who: str) -> Opened:
        """A message that `who` received, decrypted with their keys and verified.  Raises: Unreadable."""
        return Desk.of(self.running, self.account(who).address).open(octets, at=SystemClock().now())

    def reset(self) -> None:
        """Every mailbox is empty."""
        self._steering.reset()

    def close(self) -> None:
        """Clients that this object opened are closed."""
        self._cleanup.close()


@contextmanager
def ephemeral_stack(arguments: Sequence[str] = ()) -> Iterator[Running]:
    """`mssante-sim up --ephemeral` on free ports in a process of its own, until the block ends.

    Raises:
        RuntimeError: it ended before it was ready; its words stand on standard error.
    """
    command = [sys.executable, "-m", "mssante_sim", "up", "--ephemeral", "--port-base", "0", *arguments]
    with subprocess.Popen(  # noqa: S603  our own program
        command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, encoding="utf-8"
    ) as process:
        try:
            yield _ready(process)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _ready(process: subprocess.Popen[str]) -> Running:
    """The stack that `process` runs, once it says so."""
    for line in process.stdout or ():
        if line.startswith("home "):
            return Running.read(Path(line.removeprefix("home").strip()))
    raise RuntimeError(f"mssante-sim up ended with status {process.wait(_STOP_S)} before it was ready; see above.")
