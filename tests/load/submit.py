"""A load generator for submission, in a process of its own: ``python -m tests.load.submit``, JSON on stdin.

Plain blocking sockets in threads, so that the generator costs the machine it
shares as little as it can.  No pipelining: a dialogue as mail clients hold it,
MAIL, RCPT, DATA, each answered before the next.
"""

import imaplib
import itertools
import json
import socket
import ssl
import sys
import time
from base64 import b64encode
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass

from tests.load.mail import Mails
from tests.load.targets import Account, Target

__all__ = ["Submission", "SubmitJob", "SubmitResult", "run"]


@dataclass(frozen=True, slots=True)
class SubmitJob:
    """How much is sent."""

    connections: int
    messages: int
    octets: int


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What came of it."""

    accepted_s: float  # from the common start to the last 250
    delivered_s: float  # … until every message is counted in its mailbox
    latencies_s: list[float]  # MAIL to the 250 after DATA, one a message


class Submission:
    """One authenticated SMTP connection."""

    def __init__(self, port: int, tls: ssl.SSLContext, account: Account) -> None:
        plain = socket.create_connection(("localhost", port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = plain
        self._expect(220)
        self._command("EHLO load.test", 250)
        self._command("STARTTLS", 220)
        self._socket = tls.wrap_socket(plain, server_hostname="localhost")
        self._command("EHLO load.test", 250)
        response = b64encode(f"\0{account.login}\0{account.password}".encode()).decode()
        self._command(f"AUTH PLAIN {response}", 235)

    def send(self, sender: str, recipient: str, content: bytes) -> None:
        """`content` (no line begins with a dot) was answered 250.  Raises: RuntimeError otherwise."""
        self._command(f"MAIL FROM:<{sender}>", 250)
        self._command(f"RCPT TO:<{recipient}>", 250)
        self._command("DATA", 354)
        self._socket.sendall(content + b".\r\n")
        self._expect(250)

    def accepts(self, sender: str, recipient: str) -> bool:
        """Whether `recipient` may be written to; nothing is sent."""
        self._command(f"MAIL FROM:<{sender}>", 250)
        try:
            self._command(f"RCPT TO:<{recipient}>", 250)
        except RuntimeError:
            return False
        finally:
            self._command("RSET", 250)
        return True

    def close(self) -> None:
        """Said goodbye."""
        self._command("QUIT", 221)
        self._socket.close()

    def _command(self, line: str, code: int) -> None:
        self._socket.sendall(line.encode() + b"\r\n")
        self._expect(code)

    def _expect(self, code: int) -> None:
        reply = b""
        while not reply.endswith(b"\r\n") or reply[reply.rfind(b"\n", 0, -2) + 4 :][:1] == b"-":
            octets = self._socket.recv(4096)
            if not octets:
                raise RuntimeError("the server hung up")
            reply += octets
        if not reply.startswith(b"%d" % code):
            raise RuntimeError(reply.decode(errors="replace"))


def run(target: Target, job: SubmitJob) -> SubmitResult:
    """`job` was done against `target`.

    Raises:
        RuntimeError: a message was refused, or did not show in its mailbox within 120 s.
    """
    tls = ssl.create_default_context(cafile=target.authority)
    mailboxes = [_Mailbox(target, account, tls) for account in target.recipients]
    senders = list(itertools.islice(itertools.cycle(target.senders), job.connections))
    links = [Submission(target.submission, tls, account) for account in senders]
    work, mails, stamp = deque(range(job.messages)), Mails(job.octets), time.monotonic_ns()

    def one_connection(link: Submission, sender: str) -> list[float]:
        latencies = []
        with suppress(IndexError):  # nothing left to send
            while True:
                number = work.popleft()
                recipient = target.recipients[number % len(target.recipients)].address
                content = mails.make(sender, recipient, f"{stamp}.{number}")
                begin = time.monotonic()
                link.send(sender, recipient, content)
                latencies.append(time.monotonic() - begin)
        link.close()
        return latencies

    with ThreadPoolExecutor(job.connections) as pool:
        start = time.monotonic()
        latencies = list(pool.map(one_connection, links, [account.address for account in senders]))
    accepted = time.monotonic()
    for index, mailbox in enumerate(mailboxes):
        mailbox.wait_for(len(range(index, job.messages, len(mailboxes))), deadline=accepted + 120)
    return SubmitResult(accepted - start, time.monotonic() - start, [one for each in latencies for one in each])


class _Mailbox:
    """Counts what arrives in one INBOX after it was made."""

    def __init__(self, target: Target, account: Account, tls: ssl.SSLContext) -> None:
        self._client = imaplib.IMAP4_SSL("localhost", target.imaps, ssl_context=tls)
        self._client.login(account.login, account.password)
        self._before = self._messages()

    def wait_for(self, count: int, *, deadline: float) -> None:
        """`count` messages came.  Asks every 5 ms: neither side offers a push that is quicker for both."""
        while (came := self._messages() - self._before) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {came} of {count} messages arrived")
            time.sleep(0.005)
        self._client.logout()

    def _messages(self) -> int:
        _, answer = self._client.status("INBOX", "(MESSAGES)")
        return int(answer[0].rpartition(b"MESSAGES ")[2].rstrip(b")"))


if __name__ == "__main__":
    order = json.load(sys.stdin)
    json.dump(asdict(run(Target.from_json(order["target"]), SubmitJob(**order["job"]))), sys.stdout)
