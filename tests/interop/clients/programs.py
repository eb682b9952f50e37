"""Programs that keep a copy of a mailbox in a Maildir: what each does to the octets, and a user who runs them."""

import functools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.interop.clients.recipes import Recipe
from tests.stack.terminal import Terminal

__all__ = ["PROGRAMS", "Program", "User"]


def _lines(octets: bytes) -> bytes:
    """Lines end in LF, as in every Maildir."""
    return octets.replace(b"\r\n", b"\n")


def _no_returns(octets: bytes) -> bytes:
    """mbsync and fetchmail drop every CR, wherever it stands."""
    return octets.replace(b"\r", b"")


def _ended(octets: bytes) -> bytes:
    """fetchmail ends the last line too."""
    kept = _no_returns(octets)
    return kept if kept.endswith(b"\n") else kept + b"\n"


@functools.cache
def _parsed(octets: bytes) -> bytes:
    """offlineimap and getmail write what Python's parser understood: the Python that Debian runs them with."""
    program = "import email, sys; sys.stdout.buffer.write(email.message_from_bytes(sys.stdin.buffer.read()).as_bytes())"
    return subprocess.run(["/usr/bin/python3", "-c", program], input=octets, check=True, stdout=subprocess.PIPE).stdout


@dataclass(frozen=True, slots=True)
class Program:
    """How the copy that one program keeps differs from what the server stores."""

    kept: Callable[[bytes], bytes]  # what becomes of a message's octets
    added: bytes = b"$^"  # fields that it adds, a regular expression of whole lines
    keys: str = ""  # what makes a program for people copy the mailbox, without which it would only show it
    spoils: str = ""  # the message that it damages
    collects: bool = False  # it takes what is unseen and forgets it, instead of following the mailbox


PROGRAMS: Final = {
    "mbsync": Program(_no_returns, rb"(?m)^X-TUID: .+\n"),
    "offlineimap": Program(_parsed),
    "getmail": Program(
        _parsed, rb"(?m)^(Return-Path: <unknown>|X-getmail-retrieved-from-mailbox: INBOX)\n", collects=True
    ),
    # Where fetchmail cuts a line of more than 8,192 octets it adds two of its own, one a NUL: no octet to rely on.
    "fetchmail": Program(_ended, spoils="long-line", collects=True),
    "NeoMutt": Program(
        _lines,
        rb"(?m)^(Content-Length|Lines): \d+\n",
        keys="<tag-pattern>~A<enter><tag-prefix><copy-message>~/Mail/INBOX<enter>",
    ),
}
"""By their headings in README.md."""

# Not root: getmail refuses to deliver then.
_AS_A_USER: Final = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups") if os.getuid() == 0 else ()


class User:
    """Somebody who set up one program as its `recipe` says, and runs it."""

    def __init__(self, home: Path, recipe: Recipe, program: Program) -> None:
        self._home, self._recipe, self._program = home, recipe, program
        self._environment = recipe.set_up(home)
        self._owns_all()

    def runs(self, keys: str = "") -> None:
        """The program has made its copy, and, if it is one for people, done what `keys` ask."""
        for line in self._recipe.commands:
            if "# stays" not in line:
                with self._started(self._typing(line, self._program.keys + keys)) as terminal:
                    assert terminal.ends() == 0, f"{line}\n{terminal.screen}"

    def stays(self) -> AbstractContextManager[Terminal]:
        """The program runs, and waits for mail, until the block ends."""
        *_, line = self._recipe.commands
        return self._started(line)

    def folder(self, name: str = "INBOX") -> Path:
        """The Maildir of that name; it is made if need be."""
        folder = self._home / "Mail" / name
        if not folder.exists():
            for part in ("cur", "new", "tmp"):
                (folder / part).mkdir(parents=True)
            self._owns_all()
        return folder

    def copies(self, folder: str = "INBOX") -> list[bytes]:
        """Every message of the copy, without the fields that the program adds."""
        return sorted(self.without_added(file.read_bytes()) for file in self.folder(folder).glob("[nc]*/*"))

    def without_added(self, octets: bytes) -> bytes:
        """A message, without the fields that the program adds."""
        return re.sub(self._program.added, b"", octets)

    def kept(self, *messages: bytes) -> list[bytes]:
        """What `copies` must be when the mailbox holds `messages`."""
        return sorted(map(self._program.kept, messages))

    def _owns_all(self) -> None:
        if _AS_A_USER:
            for path in (self._home, *self._home.rglob("*")):
                shutil.chown(path, "nobody", "nogroup")

    def _typing(self, line: str, keys: str) -> str:
        """A program for people shows the mailbox and keeps nothing: its copy is made anew each time."""
        if not keys or line.startswith("mkdir"):
            return line
        shutil.rmtree(self.folder())
        asking_nothing = f'set confirmappend=no confirmcreate=no delete=yes quit=yes sleep_time=0; push "{keys}<quit>"'
        return f"{line} -e {shlex.quote(asking_nothing)}"

    def _started(self, line: str) -> Terminal:
        return Terminal(["-c", f"exec {line}"], self._environment, self._home, [*_AS_A_USER, "sh"])
