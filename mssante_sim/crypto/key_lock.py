"""A passphrase on the private keys of a home.

One random key covers every private key of the home (PKCS #8, PBES2); the
passphrase, through scrypt, covers that key, in `lock.json`. So the slow
derivation is done once a start, not once a mailbox, and nothing that lies on
the disk can be tried faster than scrypt allows.
"""

import base64
import hmac
import json
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from mssante_sim.crypto.secret import Secret
from mssante_sim.errors import SimulatorError
from mssante_sim.home import write_private

__all__ = ["MOST_PASSPHRASE", "KeysLocked", "bundle_passphrase", "is_locked", "lock", "unlock"]

MOST_PASSPHRASE: Final = 1_024
_FILE: Final = "lock.json"
_COST: Final = {"n": 2**16, "r": 8, "p": 1}  # 64 MB and a quarter of a second  [RFC 7914 §2]
_MOST_COST: Final = 2**20  # of a file that somebody has changed
_LABEL: Final = b"mssante-sim keys of one home"


class KeysLocked(SimulatorError):
    """The keys have a passphrase, and it was not given, or is another."""

    def __init__(self, public: str, *, french: str) -> None:
        super().__init__(public, french=french)


def is_locked(trust: Path) -> bool:
    """Whether the keys of the trust domain under `trust` have a passphrase."""
    return (trust / _FILE).exists()


def lock(trust: Path, passphrase: str) -> Secret[bytes]:
    """A new key for the private keys, which `passphrase` opens from now on."""
    key, salt, nonce = secrets.token_hex(32).encode(), secrets.token_bytes(16), secrets.token_bytes(12)
    covered = AESGCM(_derived(passphrase, salt, _COST)).encrypt(nonce, key, _LABEL)
    values = {"salt": salt, "nonce": nonce, "key": covered}
    content = {"kdf": "scrypt", **_COST, **{name: base64.b64encode(one).decode() for name, one in values.items()}}
    write_private(trust / _FILE, json.dumps(content, indent=1).encode())
    return Secret(key)


def unlock(trust: Path, passphrase: str) -> Secret[bytes]:
    """The key of the private keys.

    Raises:
        KeysLocked: the passphrase is another.
        OSError, ValueError: the file is missing or damaged.
    """
    content = json.loads((trust / _FILE).read_text(encoding="ascii"))
    try:
        cost = {name: int(content[name]) for name in _COST}
        salt, nonce, covered = (base64.b64decode(content[name]) for name in ("salt", "nonce", "key"))
        if not 1 <= cost["n"] * cost["r"] * cost["p"] <= _MOST_COST * _COST["r"]:
            raise ValueError("an unlikely cost")
        return Secret(AESGCM(_derived(passphrase, salt, cost)).decrypt(nonce, covered, _LABEL))
    except (KeyError, TypeError) as error:
        raise ValueError("the lock is damaged") from error
    except InvalidTag as error:
        raise KeysLocked(
            "The passphrase of the keys is wrong.", french="La phrase de passe des clés est fausse."
        ) from error


def bundle_passphrase(key: Secret[bytes]) -> str:
    """The passphrase of the PKCS#12 files of a locked home: as strong as the key, and nowhere on the disk."""
    digest = hmac.digest(key.reveal(), b"PKCS#12", "sha256")
    return base64.urlsafe_b64encode(digest[:15]).decode()


def _derived(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    return Scrypt(salt, 32, cost["n"], cost["r"], cost["p"]).derive(passphrase.encode())
