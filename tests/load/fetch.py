"""A client that fetches a large folder over and over, in a process of its own: ``python -m tests.load.fetch``.

The target comes as JSON on stdin; the last recipient's INBOX is filled first
if it is not.  Prints ``ready`` when the first FETCH is under way, then one line
with its duration after each; ends when its standard input does.
"""

import json
import socket
import ssl
import sys
import threading
import time

from tests.load.mail import Mails
from tests.load.targets import Account, Target

__all__ = ["Folder"]

_QUESTION = "FETCH 1:* (FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"


class Folder:
    """The selected INBOX of `account`."""

    def __init__(self, target: Target, account: Account) -> None:
        plain = socket.create_connection(("localhost", target.imaps), timeout=120)
        tls = ssl.create_default_context(cafile=target.authority)
        self._socket = tls.wrap_socket(plain, server_hostname="localhost")
        self._socket.recv(4096)
        self._ask(f'LOGIN "{account.login}" "{account.password}"')
        self._ask("SELECT INBOX")

    def fill(self, messages: int, octets: int) -> None:
        """At least `messages` are there."""
        answer = self._ask("STATUS INBOX (MESSAGES)")
        missing = messages - int(answer.partition(b"MESSAGES ")[2].partition(b")")[0])
        mails = Mails(octets)
        for number in range(missing):
            content = mails.make("a@load.test", "b@load.test", str(number))
            self._ask(b"APPEND INBOX {%d+}\r\n" % len(content) + content)

    def fetch_all(self) -> float:
        """Seconds that one FETCH of everything took."""
        begin = time.monotonic()
        self._ask(_QUESTION)
        return time.monotonic() - begin

    def _ask(self, command: str | bytes) -> bytes:
        """The end of the answer to one command.  Raises: RuntimeError unless it is OK."""
        octets = command.encode() if isinstance(command, str) else command
        self._socket.sendall(b"f " + octets + b"\r\n")
        tail = b""
        while b"\r\nf " not in b"\r\n" + tail or not tail.endswith(b"\r\n"):
            got = self._socket.recv(262_144)
            if not got:
                raise RuntimeError("the server hung up")
            tail = (tail + got)[-4096:]
        if b"\r\nf OK" not in b"\r\n" + tail:
            raise RuntimeError(tail.decode(errors="replace"))
        return tail


def _main() -> None:
    order = json.loads(sys.stdin.readline())
    target = Target.from_json(order["target"])
    folder = Folder(target, target.recipients[-1])
    folder.fill(order["messages"], 2000)
    ended = threading.Event()

    def until_told() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=until_told, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not ended.is_set():
        sys.stdout.write(f"{folder.fetch_all():.3f}\n")


if __name__ == "__main__":
    _main()
