"""Pytest fixtures: a stack of one's own in another process, empty at the start of each test.

Registered as a `pytest11` entry point: to install the package is all it takes.
Sessions that run side by side do not meet: homes and ports are their own.
Nothing is imported before a fixture is used, for pytest loads this at every start.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mssante_sim.clients.running import Running
    from mssante_sim.testing import Mssante

__all__ = ["mssante", "mssante_arguments", "mssante_stack"]


@pytest.fixture(scope="session")
def mssante_arguments() -> list[str]:
    """Further arguments of `mssante-sim up`; override it to change the stack, for example ``["--sealing", "off"]``."""
    return ["--pharmacies", "14", "--patients", "3"]


@pytest.fixture(scope="session")
def mssante_stack(mssante_arguments: list[str]) -> Iterator["Running"]:
    """An ephemeral stack on free ports, for the whole session."""
    from mssante_sim.testing import ephemeral_stack  # noqa: PLC0415  see above

    with ephemeral_stack(mssante_arguments) as running:
        yield running


@pytest.fixture
def mssante(mssante_stack: "Running") -> Iterator["Mssante"]:
    """The session's stack, every mailbox empty."""
    from mssante_sim.testing import Mssante  # noqa: PLC0415  see above

    stack = Mssante(mssante_stack)
    stack.reset()
    try:
        yield stack
    finally:
        stack.close()
