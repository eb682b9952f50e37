"""Every script against every server: our core without sockets, our server over TLS, Debian's Dovecot."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mssante_sim.audit import NoAudit
from mssante_sim.clock import SystemClock
from mssante_sim.crypto.tls import server_context
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.server import ImapServer
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.peers.certificates import Trust
from tests.scenarios.client import Broken
from tests.scenarios.ours import CoreServer, TlsServer, services_over
from tests.scenarios.runner import play
from tests.scenarios.script import read_script
from tests.scenarios.stress import Plan, stress

SCRIPTS = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.imap"))}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path, clock=SystemClock())
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("name", SCRIPTS)
async def test_the_core_behaves_as_the_script_says(name, store):
    await play(read_script(SCRIPTS[name]), CoreServer(services_over(store)))


@pytest.fixture
async def tls_server(store: SqliteStore, trust: Trust, tmp_path: Path) -> AsyncIterator[TlsServer]:
    files, services = trust.server(), services_over(store)
    identity = tmp_path / "server.pem"
    identity.write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    server = ImapServer(
        store,
        services.doorkeeper,
        tls=server_context(identity),
        clock=SystemClock(),
        audit=NoAudit(),
        limits=ImapLimits(failed_login_delay_s=0.0),
    )
    await server.start("127.0.0.1", 0, 0)
    yield TlsServer(services, server.ports["imap_tls"], str(files.authority))
    await server.stop(0.1)


@pytest.mark.parametrize("name", SCRIPTS)
async def test_the_server_behaves_as_the_script_says(name, tls_server):
    await play(read_script(SCRIPTS[name]), tls_server)


@pytest.mark.interop
@pytest.mark.parametrize("name", [name for name, path in SCRIPTS.items() if not read_script(path).not_for_dovecot])
async def test_dovecot_behaves_as_the_script_says(name, dovecot_server):
    await play(read_script(SCRIPTS[name]), dovecot_server)


def test_enough_scripts_have_several_clients():
    crowded = [name for name, path in SCRIPTS.items() if read_script(path).needs.clients > 1]
    assert len(crowded) >= 60


@pytest.mark.parametrize("seed", [1, 2])
async def test_clients_at_random_agree(seed, tls_server):
    await stress(tls_server, Plan(seed))


@pytest.mark.interop
async def test_dovecot_s_clients_at_random_agree(dovecot_server):
    """The rules are those of IMAP, not ours.  Dovecot 2.3 hangs up on a client now and then: it may try thrice."""
    for seed in (1, 2):
        try:
            return await stress(dovecot_server, Plan(seed))
        except Broken as broken:
            if "hung up" not in str(broken).partition("\n")[0]:
                raise
    return await stress(dovecot_server, Plan(3))
