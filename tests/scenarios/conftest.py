"""Servers for the scenarios, each started once a session."""

from collections.abc import Iterator

import pytest

from tests.peers.certificates import Trust
from tests.peers.dovecot import dovecot
from tests.peers.loopback import scratch
from tests.scenarios.servers import DovecotServer


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[DovecotServer]:
    with scratch("tls") as folder, dovecot(Trust(folder).server()) as running:
        yield DovecotServer(running)
