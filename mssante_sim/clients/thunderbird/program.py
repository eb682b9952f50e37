"""The program Thunderbird as the user installed it: found, started on a profile of ours, ended."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mssante_sim.errors import SimulatorError

__all__ = ["LOG", "ThunderbirdUnusable", "find", "require_usable", "started"]

LOG: Final = "thunderbird.log"  # in the profile: what the program says on its standard output and error
_COMMANDS: Final = ("thunderbird", "thunderbird-esr")
_PLACES: Final = (
    "/Applications/Thunderbird.app/Contents/MacOS/thunderbird",
    r"C:\Program Files\Mozilla Thunderbird\thunderbird.exe",
)
_STOP_S: Final = 10.0
_PAUSE_S: Final = 0.02


class ThunderbirdUnusable(SimulatorError):
    """Thunderbird is not installed, has no screen, or ended before its time."""

    exit_code = 5


def find() -> str:
    """The path of the program.  Raises: ThunderbirdUnusable."""
    for candidate in (*map(shutil.which, _COMMANDS), *_PLACES):
        if candidate and Path(candidate).is_file():
            return candidate
    raise ThunderbirdUnusable(
        "Thunderbird is not installed. Install it (Debian, Ubuntu: sudo apt-get install thunderbird).",
        french="Thunderbird n'est pas installé. Installez-le (Debian, Ubuntu : sudo apt-get install thunderbird).",
    )


def require_usable(environment: Mapping[str, str]) -> None:
    """The program is there, and a screen for it.  Raises: ThunderbirdUnusable."""
    find()
    if sys.platform in ("darwin", "win32") or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return
    raise ThunderbirdUnusable(
        "There is no screen to open Thunderbird on: neither DISPLAY nor WAYLAND_DISPLAY is set.",
        french="Aucun écran où ouvrir Thunderbird : ni DISPLAY ni WAYLAND_DISPLAY n'est défini."
        " Lancez cette commande depuis une session graphique.",
    )


@contextmanager
def started(
    profile: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The program runs on `profile`, apart from any other Thunderbird; ended, with its children, after the block.

    Raises:
        ThunderbirdUnusable: not installed.
    """
    variables = os.environ if environment is None else environment
    # MOZ_MARIONETTE, left by another remote-controlled Mozilla program, would switch it on here too
    inherited = {name: value for name, value in variables.items() if not name.startswith("MOZ_MARIONETTE")}
    temporary = profile / "tmp"  # opened attachments are written there, in clear: they go where the profile goes
    temporary.mkdir(mode=0o700, exist_ok=True)
    with (profile / LOG).open("ab") as log:
        program = subprocess.Popen(  # noqa: S603  the user's own program
            [find(), "--no-remote", "--profile", str(profile), *options],
            env={
                **inherited,
                **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(temporary)),
                "MOZ_CRASHREPORTER_DISABLE": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours; and its children are one group
        )
    try:
        yield program
    finally:
        _stop(program)


def _stop(program: subprocess.Popen[bytes]) -> None:
    """`program` and its children have ended: asked first, killed after a while."""
    end = time.monotonic() + _STOP_S
    _signal(program, signal.SIGTERM)
    while _lives(program) and time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            program.wait(_PAUSE_S)
        time.sleep(_PAUSE_S)
    if _lives(program):
        _signal(program, getattr(signal, "SIGKILL", signal.SIGTERM))
    program.wait()


def _lives(program: subprocess.Popen[bytes]) -> bool:
    """The program or a child of it still runs; on Windows children end by themselves."""
    if sys.platform == "win32":
        return program.poll() is None
    program.poll()
    try:
        os.killpg(program.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _signal(program: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            program.terminate()
        else:
            os.killpg(program.pid, number)
