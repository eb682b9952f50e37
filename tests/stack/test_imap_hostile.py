"""Peers that mean no good to the IMAP server of a running stack, which is another process."""

import resource
import select
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from mssante_sim.clients.running import Running
from mssante_sim.crypto.tls import client_context
from mssante_sim.testing import Mssante

STRANGERS = 1_000
"""As many as a server keeps by default; the oldest makes room."""


def _secured(running: Running) -> ssl.SSLSocket:
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    plain.settimeout(60)
    plain.connect(("127.0.0.1", running.ports["imap_tls"]))
    return client_context(Path(running.ca_file).read_bytes()).wrap_socket(plain, server_hostname="localhost")


def _until(wire: socket.socket, last: bytes) -> None:
    said = b""
    while last not in said:
        octets = wire.recv(65_536)
        assert octets, f"the server hung up after {said!r}"
        said = said[-1_000:] + octets


@contextmanager
def _peak_growth_kib(pid: int) -> Iterator[list[int]]:
    """How much more memory the process had at its worst than at the beginning, once the block ends."""
    growth: list[int] = []
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak counts from here on
    before = _kib(pid, "VmRSS")
    yield growth
    growth.append(_kib(pid, "VmHWM") - before)


def _kib(pid: int, what: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what + ":"))


def test_clients_that_stop_reading_a_message_of_25_mb_cost_next_to_nothing(mssante: Mssante) -> None:
    reader = mssante.imap("pharmacy")
    message = b"Subject: huge\r\n\r\n" + b"x" * 25_000_000 + b"\r\n"
    assert reader.append("INBOX", "", "", message)[0] == "OK"
    login = mssante.account("pharmacy").logins[0]
    with ExitStack() as stack:
        lazy = [stack.enter_context(_secured(mssante.running)) for _ in range(8)]
        for wire in lazy:
            wire.sendall(f'a LOGIN {login.login} "{login.password}"\r\nb SELECT INBOX\r\n'.encode())
            _until(wire, b"b OK")
        with _peak_growth_kib(mssante.running.pid) as growth:
            for wire in lazy:
                wire.sendall(b"c FETCH 1 BODY.PEEK[]\r\n")
                assert wire.recv(10)  # the answer has begun, and no more of it is taken
            assert reader.noop()[0] == "OK"
            assert reader.fetch("1", "(RFC822.SIZE)")[0] == "OK"
            for _ in range(3):
                _, found = reader.fetch("1", "(BODY.PEEK[]<0.5000000>)")
                assert len(found[0][1]) == 5_000_000
        assert growth[0] < 30_000, "eight messages would be 200,000"


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4_096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_who_never_log_in_keep_nobody_out(mssante: Mssante, many_files: None) -> None:
    """Half of them do not even shake hands. When more come the oldest go; who logs in stays, and is served."""
    ports = mssante.running.ports
    known = mssante.imap("pharmacy")
    with ExitStack() as stack:

        def stranger(port: int) -> socket.socket:
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            if port == ports["imap"]:
                _until(wire, b"* OK")
            return wire

        strangers = [stranger(ports[port]) for _ in range(STRANGERS // 2) for port in ("imap_tls", "imap")]
        late = mssante.imap("pharmacy")
        assert late.noop()[0] == known.noop()[0] == "OK"
        for _ in range(20):
            stranger(ports["imap"])
        assert _ended(strangers, at_least=20) < 40
        assert known.noop()[0] == late.noop()[0] == "OK"


def _ended(wires: list[socket.socket], *, at_least: int) -> int:
    """How many of `wires`, which were read up to now, the server has hung up on, once it is so many."""
    watched = select.poll()  # of more files than select takes
    by_number = {wire.fileno(): wire for wire in wires}
    for number in by_number:
        watched.register(number, select.POLLIN)
    ended: set[int] = set()
    while len(ended) < at_least:
        readable = [number for number, _ in watched.poll(20_000)]
        assert readable, f"only {len(ended)} have ended"
        for number in readable:
            assert _rest(by_number[number]) == b""
            watched.unregister(number)
        ended.update(readable)
    return len(ended)


def test_a_stack_may_have_as_many_connections_as_the_machine_lets_it() -> None:
    """Most shells give a process 1,024 files, fewer than the strangers that IMAP alone takes."""
    program = (
        "from resource import *; hard = getrlimit(RLIMIT_NOFILE)[1]; setrlimit(RLIMIT_NOFILE, (256, hard)); "
        "from mssante_sim.stack import allow_many_files; allow_many_files(); print(*getrlimit(RLIMIT_NOFILE))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    soft, hard = map(int, printed.split())
    assert soft == min(hard, 65_536) > 256


def _rest(wire: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    said = b""
    with suppress(ConnectionResetError):
        while octets := wire.recv(65_536):
            said += octets
    return said


@pytest.mark.parametrize("behind", [b"b LOGIN x y\r\n", b"b NOOP\r\n", b"\x16\x03\x01"])
def test_what_comes_in_one_segment_with_starttls_never_runs(mssante: Mssante, behind: bytes) -> None:
    with socket.create_connection(("127.0.0.1", mssante.running.ports["imap"]), timeout=60) as wire:
        _until(wire, b"\r\n")
        wire.sendall(b"a STARTTLS\r\n" + behind)
        assert _rest(wire).startswith(b"* BYE")


def test_five_unknown_commands_close(mssante: Mssante) -> None:
    with socket.create_connection(("127.0.0.1", mssante.running.ports["imap"]), timeout=60) as wire:
        _until(wire, b"\r\n")
        wire.sendall(b"".join(b"a%d GET\r\n" % number for number in range(9)))
        said = _rest(wire)
    assert said.count(b" BAD ") == 5
    assert said.endswith(b"* BYE Too many bad commands.\r\n")
