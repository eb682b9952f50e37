"""Fixtures that several files share."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mssante_sim.clock import FixedClock
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.tls import cut
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.unit.imap_house import ACCOUNT, NOW, QUICK, Begin, House


@pytest.fixture(scope="session")
def imap_trust(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    path: Path = tmp_path_factory.mktemp("imap") / "trust"
    return Keystore.create(path, at=datetime.now(UTC), base="http://127.0.0.1:9", hosts=["localhost"])


@pytest.fixture
async def begin(tmp_path: Path, imap_trust: Keystore) -> AsyncIterator[Begin]:
    """Starts a house with the limits it is given."""
    store = SqliteStore.open(tmp_path, clock=FixedClock(NOW))
    await store.open_account(ACCOUNT)
    house = House(store, imap_trust)

    async def started(limits: ImapLimits = QUICK) -> House:
        await house.start(limits)
        return house

    yield started
    for wire in house.wires:
        cut(wire.writer.transport)
    await house.server.stop(0.1)
    await store.close()
