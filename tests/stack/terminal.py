"""A program at a terminal of its own: what stands on the screen, and keys that are typed."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self


def _shown_in(environment: dict[str, str]) -> dict[str, str]:
    """The same at a wide terminal with colours, unless it refuses them itself."""
    plain = {name: value for name, value in environment.items() if name != "NO_COLOR" or name not in os.environ}
    return {**plain, "TERM": "xterm", "COLUMNS": "200"}


class Terminal:
    """`mssante-sim`, or another program, with a pseudo-terminal as its input, output and errors."""

    def __init__(
        self, arguments: list[str], environment: dict[str, str], folder: Path, program: list[str] | None = None
    ) -> None:
        self._master, slave = pty.openpty()
        self.screen = ""
        self._read_to = 0
        self.process = subprocess.Popen(
            [*(program or [sys.executable, "-m", "mssante_sim"]), *arguments],
            env=_shown_in(environment),
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self._master)

    def sees(self, words: str, within_s: float = 60.0) -> str:
        """All that came up to and with `words`, which were not seen before."""
        limit = time.monotonic() + within_s
        while words not in self.screen[self._read_to :]:
            assert self._more(limit), f"{words!r} does not come: {self.screen[self._read_to :]!r}"
        end = self.screen.index(words, self._read_to) + len(words)
        seen, self._read_to = self.screen[self._read_to : end], end
        return seen

    def types(self, line: str) -> None:
        """The line, and Enter."""
        self.presses(line + "\n")

    def presses(self, keys: str) -> None:
        """Just these keys."""
        os.write(self._master, keys.encode())

    def ends(self, within_s: float = 60.0) -> int:
        """The exit status, once everything has been written."""
        limit = time.monotonic() + within_s
        while self._more(limit):
            pass
        return self.process.wait(max(0.1, limit - time.monotonic()))

    def _more(self, limit: float) -> bool:
        """False at the end of the output, or when the time is over."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, limit - time.monotonic()))
        if not ready:
            return False
        try:
            octets = os.read(self._master, 65_536)
        except OSError:  # Linux: the other side is closed
            return False
        self.screen += octets.decode("utf-8", "replace")
        return bool(octets)
