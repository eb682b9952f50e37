"""The passphrase of a home's keys, from a file, the environment or the terminal, as its owner likes; never argv."""

import getpass
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mssante_sim.errors import SimulatorError

__all__ = ["PassphraseMissing", "given_passphrase", "new_passphrase"]

_VALUE: Final = "MSSANTE_SIM_KEY_PASSPHRASE"
_FILE: Final = "MSSANTE_SIM_KEY_PASSPHRASE_FILE"  # /dev/fd/N for a descriptor
_SHORTEST: Final = 8


class PassphraseMissing(SimulatorError):
    """Nobody gave the passphrase, or one that can be used."""

    exit_code = 2


def given_passphrase(environment: Mapping[str, str] = os.environ) -> str:
    """The first line of the file `MSSANTE_SIM_KEY_PASSPHRASE_FILE`, else `MSSANTE_SIM_KEY_PASSPHRASE`, else typed.

    Raises:
        PassphraseMissing: neither is set, and there is no terminal to ask on; or the file cannot be read.
    """
    return _from(environment) or _asked("Passphrase of the keys (phrase de passe des clés) : ")


def new_passphrase(environment: Mapping[str, str] = os.environ) -> str:
    """The same for a new one, asked twice, of eight characters at least.  Raises: PassphraseMissing."""
    found = _from(environment)
    if found is None:
        found = _asked("New passphrase of the keys: ")
        if _asked("The same again: ") != found:
            raise PassphraseMissing("The two passphrases differ; nothing has changed.")
    if len(found) < _SHORTEST:
        raise PassphraseMissing(f"A passphrase has {_SHORTEST} characters at least; nothing has changed.")
    return found


def _from(environment: Mapping[str, str]) -> str | None:
    if file := environment.get(_FILE):
        try:
            return Path(file).read_text(encoding="utf-8").partition("\n")[0].removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise PassphraseMissing(f"The file that {_FILE} names cannot be read: {reason}.") from error
    return environment.get(_VALUE)


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise PassphraseMissing(
            f"The keys of this home have a passphrase: give it in {_FILE} (a file's name) or {_VALUE}.",
            french=f"Les clés ont une phrase de passe : donnez-la par {_FILE} (un fichier) ou {_VALUE}.",
        )
    return getpass.getpass(prompt)
