"""One suite, every engine."""

import pytest

from mssante_sim.clock import FixedClock

from .material import ENGINES, NOW


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def engine(request):
    return request.param


@pytest.fixture
def clock():
    return FixedClock(NOW)


@pytest.fixture
async def store(engine, clock, tmp_path):
    opened = engine.open(tmp_path / "home", clock)
    yield opened
    await opened.close()
