"""One JVM for each library and file of tests, and a way in for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from mssante_sim.clients.running import Running
from mssante_sim.testing import Mssante
from tests.interop.clients.mailbox import Mailbox
from tests.interop.clients.recipes import recipe
from tests.interop.javamail.workplace import LIBRARIES, Program, Workplace, compiled, workplace

Connect = Callable[..., None]

_PORTS: Final = {"imaps": "imap_tls", "imap": "imap", "smtps": "submission_tls", "smtp": "submission"}
"""By JavaMail's name of the protocol."""
_RECIPE: Final = recipe("JavaMail", {})


@pytest.fixture(scope="package", params=LIBRARIES)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    return compiled(request.param, tmp_path_factory.mktemp("java"))


@pytest.fixture(scope="package")
def java(program: Program, mssante_stack: Running) -> Iterator[Workplace]:
    """A JVM for all tests of a library, which trusts our authority."""
    with workplace(program, trusting(mssante_stack)) as running:
        yield running


def trusting(running: Running) -> dict[str, str]:
    """System properties by which Java trusts the servers."""
    store = Path(running.ca_file).with_name("truststore.p12")
    return {"javax.net.ssl.trustStore": str(store), "javax.net.ssl.trustStorePassword": "changeit"}


def way_in(mssante: Mssante, protocol: str, *properties: str, certificate: bool = False) -> tuple[str, int, list[str]]:
    """Protocol, port and properties, as `connect` and `send` take them; `properties` are without the protocol."""
    lines = [*_RECIPE.text.splitlines(), *(_RECIPE.commands if certificate else ())]
    told = [line.replace(" = ", "=") for line in lines if line.startswith(f"mail.{protocol}.")]
    own = [f"mail.{protocol}.{one}" for one in ("timeout=60000", "connectiontimeout=60000", *properties)]
    return protocol, mssante.running.ports[_PORTS[protocol]], told + own


@pytest.fixture
def mailbox(mssante: Mssante) -> Mailbox:
    return Mailbox(mssante)


@pytest.fixture
def connect(java: Workplace, mssante: Mssante) -> Iterator[Connect]:
    """Logs the pharmacy's first user in: ``connect("imaps", "peek=true")``."""

    def connected(protocol: str = "imaps", *properties: str, password: str | None = None) -> None:
        login = mssante.account("pharmacy").logins[0]
        name, port, own = way_in(mssante, protocol, *properties)
        java("connect", name, port, login.login, password or login.password, *own)

    yield connected
    java("disconnect")
