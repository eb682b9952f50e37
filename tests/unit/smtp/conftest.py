from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mssante_sim.crypto.keystore import Keystore
from tests.unit.smtp.house import Running, make_trust, running


@pytest.fixture(scope="session")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    return make_trust(tmp_path_factory.mktemp("smtp") / "trust")


@pytest.fixture
async def house(tmp_path: Path, keystore: Keystore) -> AsyncIterator[Running]:
    async with running(tmp_path, keystore) as up:
        yield up
