"""Who visits Mon espace santé in these tests, and a stack inside of the test where its clock or its doors matter."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mssante_sim.clock import Clock, SystemClock
from mssante_sim.config import Ports, Settings
from mssante_sim.home import Home
from mssante_sim.provision import provision
from mssante_sim.stack import Stack
from mssante_sim.testing import Mssante
from tests.mes.visitor import Visitor

Inside = Callable[..., AbstractAsyncContextManager[Stack]]


@pytest.fixture
def patient(mssante: Mssante) -> Iterator[Visitor]:
    """The story's patient, whose profile is activated."""
    visitor = Visitor.of(mssante.running, "patient")
    yield visitor
    visitor.close()


@pytest.fixture
def other_patient(mssante: Mssante) -> Iterator[Visitor]:
    """Another patient whose profile is activated."""
    story = mssante.account("patient").address
    others = [one for one in mssante.running.accounts if one.kind == "patient" and one.activated]
    login = next(one for one in others if one.address != story).logins[0]
    visitor = Visitor(mssante.running.http, login.login, login.password)
    yield visitor
    visitor.close()


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that is complete, to be copied; making its keys takes seconds."""
    home = tmp_path_factory.mktemp("mes") / "home"
    settings = Settings(home=home, ports=Ports.from_base(0), pharmacies=4, patients=3)
    provision(Home.open(home), settings, SystemClock(), http_port=1).close()
    return home


@pytest.fixture
def inside(furnished: Path, tmp_path: Path) -> Inside:
    """``async with inside(clock=…) as stack``: a stack in the test's own loop; started again, the home is the same."""
    home = tmp_path / "home"
    shutil.copytree(furnished, home)
    accounts = home / "accounts.json"
    accounts.write_text(accounts.read_text().replace('"http_port": 1\n', '"http_port": 0\n'))

    @asynccontextmanager
    async def started(clock: Clock | None = None, **chosen: Any) -> AsyncIterator[Stack]:
        stack = await Stack.start(Settings(home=home, ports=Ports.from_base(0), **chosen), clock=clock)
        try:
            yield stack
        finally:
            await stack.stop()

    return started
