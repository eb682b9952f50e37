"""Which certificate seals: the newest that is good, the mailbox's own before its organisation's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mssante_sim.crypto.identity import read_certificate
from mssante_sim.crypto.keystore import MAIL, Holder, Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.smtp.identities import Identities
from mssante_sim.smtp.policy import Certificate

NOW = datetime.now(UTC)
ADDRESS = "lilas@officine.mssante.test"
OWN = Holder(ADDRESS, "PHARMACIE FICTIVE")
PLACE = Holder("1990000010", "PHARMACIE FICTIVE", "1990000010", mailboxes=(ADDRESS,))


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    path: Path = tmp_path_factory.mktemp("identities") / "trust"
    return Keystore.create(path, at=NOW, base="http://127.0.0.1:9", hosts=["localhost"])


def test_the_newest_good_one_seals_whatever_stands_beside_it(keystore: Keystore) -> None:
    """One mailbox from its first certificate to its last; each step is seen at once by who has asked before."""
    identities = Identities(keystore)

    def chosen() -> bytes | None:
        return identities.receiving(ADDRESS, NOW)[1]

    def newest(name: str) -> bytes:
        found = keystore.identity(name, Usage.RECEIVE)
        assert found is not None
        return found.certificate

    assert identities.receiving(ADDRESS, NOW) == (Certificate.MISSING, None)
    assert identities.signer(ADDRESS, NOW) is None
    keystore.issue([OWN], at=NOW)
    first = newest(ADDRESS)
    keystore.issue([OWN], at=NOW)
    second = newest(ADDRESS)
    assert chosen() == second != first
    keystore.revoke(ADDRESS, Usage.RECEIVE, at=NOW)
    assert chosen() == first
    keystore.revoke(ADDRESS, Usage.RECEIVE, at=NOW, serial=read_certificate(first).serial)
    assert identities.receiving(ADDRESS, NOW) == (Certificate.REVOKED, None)
    keystore.issue([PLACE], at=NOW, usages=MAIL)
    assert chosen() == newest("1990000010")
    signer = identities.signer(ADDRESS, NOW)
    assert signer == keystore.identity(ADDRESS, Usage.SIGN)
    for identity in keystore.identities(ADDRESS, Usage.SIGN):
        serial = read_certificate(identity.certificate).serial
        keystore.revoke(ADDRESS, Usage.SIGN, at=NOW, serial=serial)
    assert identities.signer(ADDRESS, NOW) == keystore.identity("1990000010", Usage.SIGN)
    assert identities.receiving("autre@officine.mssante.test", NOW) == (Certificate.MISSING, None)
    assert identities.receiving(ADDRESS, NOW + timedelta(days=5_000))[1] is None
