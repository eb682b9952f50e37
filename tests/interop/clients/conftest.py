"""The home of a user who sets up a client, and the mailbox that it is for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mssante_sim.crypto.tls import client_context
from mssante_sim.testing import Mssante
from tests.interop.clients.mailbox import Mailbox
from tests.interop.clients.recipes import Values
from tests.interop.clients.wire import Wire, wire_to
from tests.peers.certificates import Trust
from tests.peers.loopback import scratch


@pytest.fixture
def mailbox(mssante: Mssante) -> Mailbox:
    return Mailbox(mssante)


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home that another user than root may live in."""
    with scratch("client") as folder:
        yield folder


@pytest.fixture
def values(mssante: Mssante, home: Path) -> Values:
    """What the user of `home` writes in the place of the recipes' values."""
    login = mssante.account("pharmacy").logins[0]
    authority = home / "ca.pem"
    authority.write_bytes(Path(mssante.running.ca_file).read_bytes())
    return {
        "lilas.titulaire": login.login,
        "PASSWORD": login.password,
        "CA": str(authority),
        "2993": str(mssante.running.ports["imap_tls"]),
        "2143": str(mssante.running.ports["imap"]),
        "2465": str(mssante.running.ports["submission_tls"]),
        "2587": str(mssante.running.ports["submission"]),
        "SENDER": mssante.account("pharmacy").address,
        "RECIPIENT": mssante.account("other-pharmacy").address,
    }


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """The authority of the wires."""
    return Trust(tmp_path_factory.mktemp("trust"))


@pytest.fixture
def wire(mssante: Mssante, trust: Trust, values: Values) -> Iterator[Wire]:
    """Between the user's client and the server: `values` lead to it."""
    context = client_context(Path(mssante.running.ca_file).read_bytes())
    with wire_to(mssante.running.ports["imap_tls"], context, trust.server()) as wire:
        Path(values["CA"]).write_bytes(trust.authority.read_bytes())
        values["2993"] = str(wire.port)
        yield wire
