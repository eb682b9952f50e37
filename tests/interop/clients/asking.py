"""Libraries that ask a mailbox for what their program wants, each behind the same few questions."""

import asyncio
import base64
import email
import json
import os
import re
import runpy
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from tests.interop.clients.recipes import Recipe

__all__ = ["LIBRARIES", "Library"]

_NODE: Final = Path(__file__).parents[1] / "node"
_WAIT_S: Final = 20


class Library(Protocol):
    """A library that is connected as its recipe says, INBOX open; messages go by UID."""

    def __init__(self, recipe: Recipe, folder: Path) -> None: ...

    def uids(self) -> list[int]:
        """Those of all messages, after NOOP: a search finds what the client was told of."""

    def octets(self, uid: int) -> bytes: ...

    def flags(self, uid: int) -> set[str]: ...

    def flag(self, uid: int, flag: str) -> None:
        """The message has `flag` too."""

    def arrival(self, arrive: Callable[[], None]) -> int:
        """How many messages the server says there are, told in IDLE, once `arrive` was called there."""

    def close(self) -> None: ...


def _program(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """The names that the recipe's program leaves."""
    file = folder / "recipe.py"
    file.write_text(recipe.text)
    return runpy.run_path(str(file))


def _exists(lines: Sequence[bytes]) -> int:
    (count,) = (int(found[1]) for line in lines if (found := re.match(rb"(?:\* )?(\d+) EXISTS", line)))
    return count


class Imaplib:
    """Python's own; before 3.14 a program that wants IDLE speaks it itself."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self._imap = _program(recipe, folder)["imap"]

    def uids(self) -> list[int]:
        self._imap.noop()
        return list(map(int, self._imap.uid("SEARCH", "ALL")[1][0].split()))

    def octets(self, uid: int) -> bytes:
        octets: bytes = self._imap.uid("FETCH", str(uid), "(BODY.PEEK[])")[1][0][1]
        return octets

    def flags(self, uid: int) -> set[str]:
        self._imap.response("FETCH")  # what was told before is taken away
        (answer,) = self._imap.uid("FETCH", str(uid), "(FLAGS)")[1]
        return set(re.findall(r"\\\w+", answer.decode()))

    def flag(self, uid: int, flag: str) -> None:
        self._imap.uid("STORE", str(uid), "+FLAGS", f"({flag})")

    def arrival(self, arrive: Callable[[], None]) -> int:
        self._imap.send(b"x1 IDLE\r\n")
        while not self._imap.readline().startswith(b"+"):
            pass
        arrive()
        told = _exists([self._imap.readline()])
        self._imap.send(b"DONE\r\n")
        while not self._imap.readline().startswith(b"x1 OK"):
            pass
        return told

    def close(self) -> None:
        self._imap.logout()


class ImapClient:
    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self._imap = _program(recipe, folder)["imap"]

    def uids(self) -> list[int]:
        self._imap.noop()
        return list(self._imap.search())

    def octets(self, uid: int) -> bytes:
        octets: bytes = self._imap.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
        return octets

    def flags(self, uid: int) -> set[str]:
        return {flag.decode() for flag in self._imap.get_flags([uid])[uid]}

    def flag(self, uid: int, flag: str) -> None:
        self._imap.add_flags([uid], [flag])

    def changed_since(self, modseq: int) -> list[int]:
        return list(self._imap.fetch(self.uids(), ["FLAGS"], modifiers=[f"CHANGEDSINCE {modseq}"]))

    def arrival(self, arrive: Callable[[], None]) -> int:
        self._imap.idle()
        arrive()
        told: list[tuple[int, bytes]] = self._imap.idle_check(_WAIT_S)
        self._imap.idle_done()
        return next(count for count, word in told if word == b"EXISTS")

    def close(self) -> None:
        self._imap.logout()


class ImapTools:
    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self._imap = _program(recipe, folder)["imap"]

    def uids(self) -> list[int]:
        self._imap.client.noop()
        return list(map(int, self._imap.uids()))

    def octets(self, uid: int) -> bytes:
        """The library gives no octets, but a message that was parsed."""
        return self._message(uid).obj.as_bytes()

    def flags(self, uid: int) -> set[str]:
        return set(self._message(uid).flags)

    def flag(self, uid: int, flag: str) -> None:
        self._imap.flag(str(uid), flag, True)

    def arrival(self, arrive: Callable[[], None]) -> int:
        self._imap.idle.start()
        arrive()
        told = self._imap.idle.poll(timeout=_WAIT_S)
        self._imap.idle.stop()
        return _exists(told)

    def close(self) -> None:
        self._imap.logout()

    def _message(self, uid: int) -> Any:
        (message,) = self._imap.fetch(uid_list=[str(uid)], mark_seen=False)
        return message


class Aioimaplib:
    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._imap = self._runner.run(_program(recipe, folder)["connected"]())

    def uids(self) -> list[int]:
        self._runner.run(self._imap.noop())
        return list(map(int, self._runner.run(self._imap.uid_search("ALL", charset=None)).lines[0].split()))

    def octets(self, uid: int) -> bytes:
        return bytes(self._fetch(uid, "BODY.PEEK[]")[1])

    def flags(self, uid: int) -> set[str]:
        return set(re.findall(r"\\\w+", self._fetch(uid, "FLAGS")[0].decode()))

    def flag(self, uid: int, flag: str) -> None:
        self._runner.run(self._imap.uid("store", str(uid), "+FLAGS", f"({flag})"))

    def arrival(self, arrive: Callable[[], None]) -> int:
        async def waiting() -> int:
            idle = await self._imap.idle_start(timeout=_WAIT_S)
            await asyncio.to_thread(arrive)
            told = await self._imap.wait_server_push()
            self._imap.idle_done()
            await idle
            return _exists(told)

        return self._runner.run(waiting())

    def close(self) -> None:
        self._runner.run(self._imap.logout())
        self._imap.protocol.transport.abort()  # it would wait for the server to hang up
        self._runner.close()

    def _fetch(self, uid: int, item: str) -> list[bytes]:
        lines: list[bytes] = self._runner.run(self._imap.uid("fetch", str(uid), f"({item})")).lines
        return lines


class ImapFlow:
    """In a Node of its own that obeys by lines of JSON."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        assert (_NODE / "node_modules").is_dir(), "ImapFlow is missing; scripts/test installs it"
        file = folder / "client.cjs"
        # Node 18, which is Debian 12's, has this global only if it is asked to; the library wants it.
        before = 'globalThis.crypto ??= require("node:crypto").webcrypto;\n'
        file.write_text(before + recipe.text + (_NODE / "drive.js").read_text())
        environment = {**os.environ, "NODE_PATH": str(_NODE / "node_modules")}
        self._node = subprocess.Popen(
            ["node", str(file)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._call("open")

    def uids(self) -> list[int]:
        return list(self._call("uids"))

    def octets(self, uid: int) -> bytes:
        return base64.b64decode(self._call("octets", uid))

    def flags(self, uid: int) -> set[str]:
        return set(self._call("flags", uid))

    def flag(self, uid: int, flag: str) -> None:
        self._call("flag", uid, flag)

    def changed_since(self, modseq: int) -> list[int]:
        return list(self._call("changedSince", modseq))

    def arrival(self, arrive: Callable[[], None]) -> int:
        self._ask("arrival")
        arrive()
        return int(self._answer())

    def close(self) -> None:
        with self._node:
            self._call("close")

    def _call(self, name: str, *arguments: Any) -> Any:
        self._ask(name, *arguments)
        return self._answer()

    def _ask(self, name: str, *arguments: Any) -> None:
        assert self._node.stdin
        self._node.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._node.stdin.flush()

    def _answer(self) -> Any:
        assert self._node.stdout
        return json.loads(self._node.stdout.readline())


class Curl:
    """A program, but used as a library: each question is one command."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self._environment = recipe.set_up(folder)
        fetching, *_ = recipe.commands
        self._mailbox = fetching.split('"')[1].partition(";")[0]

    def uids(self) -> list[int]:
        return [int(uid) for uid in self._run(self._mailbox, "--request", "UID SEARCH ALL").split() if uid.isdigit()]

    def octets(self, uid: int) -> bytes:
        return self._run(f"{self._mailbox};UID={uid}")

    def flags(self, uid: int) -> set[str]:
        return set(re.findall(r"\\\w+", self._run(self._mailbox, "--request", f"UID FETCH {uid} (FLAGS)").decode()))

    def flag(self, uid: int, flag: str) -> None:
        self._run(self._mailbox, "--request", f"UID STORE {uid} +FLAGS ({flag})")

    def arrival(self, arrive: Callable[[], None]) -> int:
        raise NotImplementedError  # it has no IDLE

    def close(self) -> None:
        """Nothing stays open."""

    def _run(self, *arguments: str) -> bytes:
        command = ["curl", "--silent", "--show-error", *arguments]
        return subprocess.run(command, env=self._environment, check=True, timeout=60, stdout=subprocess.PIPE).stdout


LIBRARIES: Final[dict[str, type[Library]]] = {
    "imaplib": Imaplib,
    "IMAPClient": ImapClient,
    "imap-tools": ImapTools,
    "aioimaplib": Aioimaplib,
    "ImapFlow": ImapFlow,
    "curl": Curl,
}
"""By their headings in README.md."""


def parsed(octets: bytes) -> bytes:
    """What imap-tools' message makes of `octets`."""
    return email.message_from_bytes(octets).as_bytes()
