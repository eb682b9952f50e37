"""A directory of forty pharmacies over real rows, served or asked directly."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from mssante_sim.clock import FixedClock
from mssante_sim.config import Domains
from mssante_sim.directory.http import routes
from mssante_sim.directory.store import Directory
from mssante_sim.directory.synthetic import Seeded, generate
from mssante_sim.storage.sqlite import DirectoryRows

KEY = "test-key"


@pytest.fixture(scope="session")
def seeded() -> Seeded:
    return generate(1, 40, 2, Domains())


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 25, 8, 30, tzinfo=UTC))


@contextmanager
def opened(home: Path, seeded: Seeded, clock: FixedClock) -> Iterator[Directory]:
    """A directory in `home` that holds what was `seeded`."""
    home.mkdir()
    directory = Directory(DirectoryRows.open(home), clock)
    directory.add(seeded.organisations, seeded.mailboxes, seeded.patients)
    yield directory
    directory.close()


@asynccontextmanager
async def served(directory: Directory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the façade that has the key."""
    app = Starlette(routes=routes(directory, api_key=KEY))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://annuaire.test/fhir/v2/", headers={"ESANTE-API-KEY": KEY}
    ) as client:
        yield client


@pytest.fixture
def directory(tmp_path: Path, seeded: Seeded, clock: FixedClock) -> Iterator[Directory]:
    with opened(tmp_path / "home", seeded, clock) as directory:
        yield directory


@pytest.fixture
async def client(directory: Directory) -> AsyncIterator[httpx.AsyncClient]:
    async with served(directory) as client:
        yield client
