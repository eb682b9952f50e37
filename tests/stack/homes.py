"""A home that no other stack is in the way of."""

from pathlib import Path

from mssante_sim.clock import SystemClock
from mssante_sim.config import Settings
from mssante_sim.home import Home
from mssante_sim.provision import provision
from tests.peers.loopback import free_ports

__all__ = ["make_home"]


def make_home(home: Path, *, patients: int = 2) -> None:
    """As ``mssante-sim seed`` makes it, but its certificates name a free port, not the one that all such share."""
    (http_port,) = free_ports(1)
    settings = Settings(home, pharmacies=4, patients=patients)
    provision(Home.open(home), settings, SystemClock(), http_port=http_port).close()
