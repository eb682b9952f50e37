"""`pharmacy thunderbird` as a user runs it: what comes up, who can drive it, and what is left when it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mssante_sim.clients.states import OrderState
from mssante_sim.crypto.pkcs12 import read_bundle
from mssante_sim.testing import Mssante
from tests.interop.thunderbird.driver import desktop
from tests.peers.debian import require

pytestmark = [pytest.mark.interop, pytest.mark.slow]

LISTENING = "0A"


def command(mssante: Mssante, *arguments: str) -> list[str]:
    home = Path(mssante.running.ca_file).parents[1]
    return [sys.executable, "-m", "mssante_sim", "pharmacy", "thunderbird", "--home", str(home), *arguments]


def test_it_comes_up_ready_in_the_users_hands_only_and_leaves_nothing(mssante: Mssante, tmp_path: Path) -> None:
    require("certutil")
    pharmacy = mssante.account("pharmacy")
    login = pharmacy.logins[0]
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with desktop(tmp_path) as environment:
        # as another remote-controlled Mozilla program leaves it behind
        environment |= {"TMPDIR": str(temporary), "MOZ_MARIONETTE": "1"}
        with subprocess.Popen(
            command(mssante, pharmacy.identifier or ""), env=environment, stdout=subprocess.PIPE, text=True
        ) as ours:
            try:
                assert ours.stdout is not None
                for line in ours.stdout:
                    if line.startswith("Thunderbird est à vous"):
                        break
                selected = selections(mssante, login.login)
                (profile,) = temporary.glob("*/profile")
                wait_until(lambda: selections(mssante, login.login) > selected)

                assert_set_up(profile, pharmacy.address, login.login, mssante)
                theirs = children(ours.pid)
                assert theirs
                assert not listening_sockets(theirs)
                told = b" ".join(map(command_line, [ours.pid, *theirs]))
                assert str(profile).encode() in told
                assert b"marionette" not in told
                assert login.password.encode() not in told
                assert (pharmacy.passphrase or "").encode() not in told
            finally:
                ours.send_signal(signal.SIGINT)
            assert ours.wait(60) == 130
    assert not list(temporary.iterdir())
    assert not [pid for pid in theirs if Path(f"/proc/{pid}").exists()]


def test_a_user_and_a_folder_are_chosen_and_an_early_end_is_reported(mssante: Mssante, tmp_path: Path) -> None:
    second = mssante.account("pharmacy").logins[1].login
    kept = tmp_path / "kept"
    with desktop(tmp_path) as environment:
        no_such_screen = {**environment, "DISPLAY": ":7777"}
        outcome = subprocess.run(
            command(mssante, "990000010", "--user", second, "--keep", str(kept)),
            env=no_such_screen,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert outcome.returncode == 5
    assert "s'est arrêté de lui-même (statut 1) : Error: cannot open display: :7777" in outcome.stderr
    assert f'userName", "{second}"' in (kept / "prefs.js").read_text()
    assert kept.stat().st_mode & 0o077 == 0


def assert_set_up(profile: Path, address: str, login: str, mssante: Mssante) -> None:
    """The files that Thunderbird has written say what a user would see in its settings."""
    assert profile.parent.stat().st_mode & 0o077 == 0
    preferences = preferences_of(profile)
    ports = mssante.running.ports
    assert preferences["mail.server.server1.hostname"] == "localhost"
    assert preferences["mail.server.server1.port"] == ports["imap_tls"]
    assert preferences["mail.server.server1.userName"] == login
    assert preferences["mail.smtpserver.smtp1.port"] == ports["submission"]
    assert preferences["mail.identity.id1.useremail"] == address
    assert preferences["mail.identity.id1.signing_cert_name"] == address
    assert preferences["mail.identity.id1.encryption_cert_name"] == address
    for state in OrderState:
        assert preferences[f"mailnews.tags.{state.keyword}.tag"] == state.label
    certificates = certutil("-L", profile)
    # that it is trusted, Debian's older certutil cannot read; the two names above and the login prove it
    assert "SIMULATEUR AC RACINE" in certificates
    account = mssante.account(address)
    keys = len(read_bundle(Path(account.pkcs12 or "").read_bytes(), account.passphrase or ""))  # more after a renewal
    assert keys >= 2
    assert len(re.findall(r" u,u,u$", certificates, re.MULTILINE)) == keys
    assert len(re.findall(r"^<.*> rsa ", certutil("-K", profile), re.MULTILINE)) == keys
    remembered = json.loads((profile / "logins.json").read_text())["logins"]
    assert {entry["hostname"] for entry in remembered} == {"imap://localhost", "smtp://localhost"}


def preferences_of(profile: Path) -> dict[str, str | int | bool]:
    lines = re.findall(r'^user_pref\("(.+?)", (.*)\);$', (profile / "prefs.js").read_text(), re.MULTILINE)
    return {name: json.loads(value) for name, value in lines}


def certutil(what: str, profile: Path) -> str:
    return subprocess.run(
        ["certutil", what, "-d", f"sql:{profile}"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    ).stdout


def selections(mssante: Mssante, login: str) -> int:
    """How often `login` has opened a mailbox: a login that succeeded, over TLS that was trusted."""
    traces = (Path(mssante.running.ca_file).parents[1] / "audit.log").read_text(encoding="utf-8").splitlines()
    return sum(f'"imap.select", "user": "{login}", "result": "OK"' in line for line in traces)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it did not happen in 60 s"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """The processes below `pid`."""
    below: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError):
            for child in map(int, file.read_text().split()):
                below += [child, *children(child)]
    return below


def command_line(pid: int) -> bytes:
    with suppress(FileNotFoundError):  # it was a passing helper
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def listening_sockets(pids: list[int]) -> set[str]:
    """TCP ports on which one of `pids` accepts connections."""
    open_files = set()
    for file in [file for pid in pids for file in Path("/proc").glob(f"{pid}/fd/*")]:
        with suppress(FileNotFoundError):
            open_files.add(os.readlink(file))
    table = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return {row[1] for row in table if row[3] == LISTENING and f"socket:[{row[9]}]" in open_files}
