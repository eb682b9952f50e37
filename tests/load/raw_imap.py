"""An IMAP client that takes octets as fast as they come and looks at the end of each answer only.

One blocking socket and no parser: what it measures is the server.
"""

import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.load.targets import Account, Target

__all__ = ["FETCH_LINE", "Letter", "RawImap", "append_command"]

FETCH_LINE = "FETCH 1:* (FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
"""What a mail program asks when it opens a folder that it does not know."""

_APPENDED_AT_ONCE = 8_000_000  # octets, or
_LETTERS_AT_ONCE = 200
_TAIL = 4096


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be appended."""

    octets: bytes
    flags: str = ""
    date: str = "01-Jun-2026 10:00:00 +0200"


class RawImap:
    """One TLS connection of `account`, logged in."""

    def __init__(self, target: Target, account: Account) -> None:
        plain = socket.create_connection(("localhost", target.imaps), timeout=120)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = ssl.create_default_context(cafile=target.authority)
        self._socket = tls.wrap_socket(plain, server_hostname="localhost")
        self._buffer = bytearray(256 * 1024)
        self._socket.recv(4096)
        self.ask(f'LOGIN "{account.login}" "{account.password}"')

    def ask(self, command: str | bytes) -> bytes:
        """The end of the answer to one command.  Raises: RuntimeError unless it is OK."""
        self._socket.sendall(b"f " + (command.encode() if isinstance(command, str) else command) + b"\r\n")
        tail, view, last = b"", memoryview(self._buffer), b""
        while not (tail.endswith(b"\r\n") and last.startswith(b"f ")):
            got = self._socket.recv_into(self._buffer)
            if not got:
                raise RuntimeError("the server hung up")
            tail = (tail + view[max(0, got - _TAIL) : got])[-_TAIL:]
            last = tail[:-2].rpartition(b"\r\n")[2]
        if not last.startswith(b"f OK"):
            raise RuntimeError(tail.decode(errors="replace"))
        return tail

    def timed(self, command: str | bytes) -> float:
        """Seconds from the command to the end of its answer."""
        begin = time.perf_counter()
        self.ask(command)
        return time.perf_counter() - begin

    def messages(self, folder: str) -> int:
        """How many there are."""
        answer = self.ask(f"STATUS {folder} (MESSAGES)")
        return int(answer.partition(b"MESSAGES ")[2].partition(b")")[0])

    def append(self, folder: str, letters: Iterable[Letter]) -> None:
        """`letters` are in `folder`, in their order, many by one command."""
        waiting: list[Letter] = []
        for letter in letters:
            waiting.append(letter)
            if len(waiting) * len(letter.octets) >= _APPENDED_AT_ONCE or len(waiting) >= _LETTERS_AT_ONCE:
                self.ask(append_command(folder, waiting))
                waiting.clear()
        if waiting:
            self.ask(append_command(folder, waiting))

    def close(self) -> None:
        """Said goodbye."""
        self._socket.close()


def append_command(folder: str, letters: Iterable[Letter]) -> bytes:
    """APPEND of all `letters`, which nobody has to wait for [RFC 3502] [RFC 7888]."""
    pieces = [b"APPEND " + folder.encode()]
    for letter in letters:
        pieces.append(b' (%b) "%b" {%d+}\r\n' % (letter.flags.encode(), letter.date.encode(), len(letter.octets)))
        pieces.append(letter.octets)
    return b"".join(pieces)
