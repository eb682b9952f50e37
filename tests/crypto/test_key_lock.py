"""A passphrase on the keys: nothing without it, everything with it, and it lies nowhere."""

import json
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.crypto.key_lock import KeysLocked, bundle_passphrase, is_locked, lock, unlock
from mssante_sim.crypto.keystore import Keystore, TrustDomainError
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.tls import server_context
from tests.crypto.conftest import ADDRESS, AT, HOLDER

pytestmark = pytest.mark.slow

PASSPHRASE = "une phrase longue"


@pytest.fixture
def locked(domain_files: Path) -> Path:
    Keystore.open(domain_files).lock(PASSPHRASE)
    return domain_files


def test_every_key_is_encrypted_and_opens_with_the_passphrase(locked: Path) -> None:
    files = list(locked.rglob("*.pem"))
    assert len(files) == 6
    assert all(b"-----BEGIN ENCRYPTED PRIVATE KEY" in file.read_bytes() for file in files)
    keystore = Keystore.open(locked, lambda: PASSPHRASE)
    keystore.issue([HOLDER], at=AT)
    assert b"-----BEGIN PRIVATE KEY" not in b"".join(file.read_bytes() for file in locked.rglob("*.pem"))
    keystore.issuers.publish(at=AT)
    assert len(keystore.identities(ADDRESS, Usage.RECEIVE)) == 2
    assert keystore.trust().state(keystore.identities(ADDRESS, Usage.SIGN)[0].certificate, Usage.SIGN, ADDRESS, AT)
    assert not any(PASSPHRASE.encode() in file.read_bytes() for file in locked.rglob("*") if file.is_file())
    server_context(keystore.server, password=keystore.password)
    with pytest.raises(ssl.SSLError):
        server_context(keystore.server)


def test_another_passphrase_or_none_is_refused_in_words(locked: Path) -> None:
    with pytest.raises(KeysLocked, match="wrong"):
        Keystore.open(locked, lambda: PASSPHRASE + "x")
    with pytest.raises(KeysLocked, match="have a passphrase"):
        Keystore.open(locked)


def test_the_passphrase_comes_off_again(locked: Path) -> None:
    before = Keystore.open(locked, lambda: PASSPHRASE)
    identities = before.identities(ADDRESS, Usage.SIGN)
    before.unlock()
    assert not is_locked(locked)
    again = Keystore.open(locked)
    assert again.password is None
    assert again.identities(ADDRESS, Usage.SIGN) == before.identities(ADDRESS, Usage.SIGN) == identities


def test_locking_that_was_interrupted_can_be_done_again(domain_files: Path) -> None:
    lock(domain_files, PASSPHRASE)  # and not one key was encrypted yet
    half = Keystore.open(domain_files, lambda: PASSPHRASE)
    assert half.identity(ADDRESS, Usage.SIGN) is not None
    half.unlock()
    assert Keystore.open(domain_files).identity(ADDRESS, Usage.SIGN) is not None


DAMAGES: dict[str, Callable[[dict[str, object]], object]] = {
    "no JSON": lambda _: "{",
    "a field is missing": lambda content: {name: content[name] for name in content if name != "salt"},
    "a cost of hours": lambda content: {**content, "n": 2**40},
    "no number": lambda content: {**content, "n": None},
}


@pytest.mark.parametrize("spoil", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_lock_is_told_as_a_damaged_domain(locked: Path, spoil: Callable[[dict[str, object]], object]) -> None:
    file = locked / "lock.json"
    spoilt = spoil(json.loads(file.read_text()))
    file.write_text(spoilt if isinstance(spoilt, str) else json.dumps(spoilt))
    with pytest.raises(TrustDomainError, match="missing or damaged"):
        Keystore.open(locked, lambda: PASSPHRASE)


def test_bundles_of_a_locked_home_have_a_passphrase_that_only_the_key_gives(tmp_path: Path) -> None:
    first = lock(tmp_path, PASSPHRASE)
    assert bundle_passphrase(unlock(tmp_path, PASSPHRASE)) == bundle_passphrase(first)
    assert len(bundle_passphrase(first)) == 20
    assert bundle_passphrase(lock(tmp_path, PASSPHRASE)) != bundle_passphrase(first)
