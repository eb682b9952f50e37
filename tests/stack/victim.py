"""A stack that is killed, and comes up again in the same home."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from mssante_sim.clients.running import Running
from mssante_sim.testing import Mssante
from tests.peers.loopback import free_ports


class Victim:
    """A stack in a home that outlives it; `up` again and again."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        (self._port_base, *_) = free_ports(7)  # the same each time: certificates name the port of HTTP
        self._process: subprocess.Popen[str] | None = None

    def up(self) -> Mssante:
        options = [
            "--home",
            str(self.home),
            "--port-base",
            str(self._port_base),
            "--pharmacies",
            "4",
            "--patients",
            "2",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mssante_sim", "up", *options], stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        for line in self._process.stdout or ():
            if line.startswith("home"):
                return Mssante(Running.read(self.home))
        raise AssertionError(f"the stack did not come up again: status {self._process.wait()}")

    def end(self, how: signal.Signals) -> None:
        if self._process is not None:
            os.kill(self._process.pid, how)
            self._process.wait(60)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
