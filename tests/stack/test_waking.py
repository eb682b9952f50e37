"""A pharmacy that listens is woken by mail that another process submits, and survives a server that goes away."""

import os
import socket
import subprocess
import sys
import urllib.request
from contextlib import aclosing
from pathlib import Path

import pytest

from mssante_sim.clients.desk import Desk
from mssante_sim.clients.running import Running
from mssante_sim.clients.watching import Arrival, Interruption, Listening, watch
from mssante_sim.clock import SystemClock
from mssante_sim.config import Ports, Settings
from mssante_sim.crypto.tls import client_context
from mssante_sim.message.summary import summarise
from mssante_sim.patient.specimens import specimen
from mssante_sim.stack import Stack
from mssante_sim.storage.api import Copy, Parcel
from mssante_sim.storage.sqlite.store import SqliteStore
from mssante_sim.testing import Mssante
from tests.peers.loopback import free_ports


class Idling:
    """A bare socket in IDLE: nothing between the test and the wire."""

    def __init__(self, running: Running, login: str, password: str) -> None:
        plain = socket.create_connection(("127.0.0.1", running.ports["imap_tls"]), timeout=60)
        context = client_context(Path(running.ca_file).read_bytes())
        self._wire = context.wrap_socket(plain, server_hostname="localhost")
        self._lines = self._wire.makefile("rb")
        self.until(b"* OK")
        for command, last in (
            (f'a LOGIN {login} "{password}"', b"a OK"),
            ("b SELECT INBOX", b"b OK"),
            ("c IDLE", b"+ "),
        ):
            self._wire.sendall(command.encode() + b"\r\n")
            self.until(last)

    def until(self, beginning: bytes) -> bytes:
        while not (line := self._lines.readline()).startswith(beginning):
            assert line, "the server hung up"
        return line

    def close(self) -> None:
        self._lines.close()
        self._wire.close()


def test_mail_from_another_process_wakes_a_bare_idling_socket(mssante: Mssante, tmp_path: Path) -> None:
    login = mssante.account("pharmacy").logins[0]
    idling = Idling(mssante.running, login.login, login.password)
    (tmp_path / "ordonnance.pdf").write_bytes(specimen("ordonnance").content)
    environment = {**os.environ, "MSSANTE_SIM_HOME": str(Path(mssante.running.ca_file).parents[1])}
    program = (sys.executable, "-m", "mssante_sim", "patient")
    subprocess.run(
        [*program, "sign-in", "--as", "PAT-TROIS", "--synthetic"], env=environment, capture_output=True, check=True
    )
    send = ("send", "--as", "PAT-TROIS", "--document", "ordonnance.pdf", "--pharmacy", "990000010")
    with subprocess.Popen(
        [*program, *send],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as sender:
        assert idling.until(b"* 1 EXISTS") == b"* 1 EXISTS\r\n"
        assert sender.wait(60) == 0
    idling.close()


def test_the_health_of_a_stack_can_be_asked(mssante: Mssante) -> None:
    with urllib.request.urlopen(f"{mssante.running.http}/healthz") as answer:  # noqa: S310  loopback
        assert b'"up"' in answer.read()


def test_the_crl_is_served_where_the_certificates_say(mssante: Mssante) -> None:
    latest = (Path(mssante.running.crl_file).parents[1] / "trust" / "issuing" / "crl.der").read_bytes()
    with urllib.request.urlopen(f"{mssante.running.http}/crl/issuing.crl") as answer:  # noqa: S310  loopback
        assert answer.read() == latest


@pytest.mark.slow
async def test_watching_goes_on_after_the_server_was_away_and_misses_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", ports=Ports(*free_ports(7)), pharmacies=4, patients=2)
    stack = await Stack.start(settings)
    running = stack.running
    desk = Desk.of(running, running.roles["pharmacy"])
    pauses: list[float] = []

    async def start_again(pause_s: float) -> None:
        """Instead of waiting: mail comes into the store while nobody serves it, then the server is back."""
        nonlocal stack
        pauses.append(pause_s)
        if len(pauses) == 2:
            octets = b"Subject: pendant l'absence\r\n\r\nBonjour.\r\n"
            store = SqliteStore.open(settings.home, clock=SystemClock())
            parcel = Parcel(octets, summarise(octets), (Copy(desk.account.address),))
            await store.deliver([parcel], received=SystemClock().now())
            await store.close()
            stack = await Stack.start(settings)

    seen: list[object] = []
    async with aclosing(watch(desk.access(), sleep=start_again)) as events:
        async for event in events:
            seen.append(event)
            if seen == [Listening()]:
                await stack.stop()
            if isinstance(event, Arrival):
                break
    await stack.stop()
    assert [type(event) for event in seen] == [Listening, Interruption, Interruption, Listening, Arrival]
    assert pauses == [1.0, 2.0]
