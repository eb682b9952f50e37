"""Sends mail at a steady rate, in a process of its own: ``python -m tests.load.pace``, JSON on stdin.

Prints, for each mailbox, when its messages were answered 250, in order, on the
machine's monotonic clock.
"""

import json
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.load.mail import Mails
from tests.load.submit import Submission
from tests.load.targets import Target

__all__ = ["PaceJob", "send"]

_CONNECTIONS = 8  # a mailbox always has the same one, so that its messages keep their order


@dataclass(frozen=True, slots=True)
class PaceJob:
    """`messages` of `octets`, `per_second`, to the first `mailboxes` recipients in turn."""

    messages: int
    octets: int
    per_second: float
    mailboxes: int


def send(target: Target, job: PaceJob) -> list[list[float]]:
    """When each mailbox's messages were answered 250.  Raises: RuntimeError for a refusal."""
    tls = ssl.create_default_context(cafile=target.authority)
    answered: list[list[float]] = [[] for _ in range(job.mailboxes)]
    width = min(_CONNECTIONS, job.mailboxes)
    accounts = [target.senders[lane % len(target.senders)] for lane in range(width)]
    links = [Submission(target.submission, tls, account) for account in accounts]
    mails, start = Mails(job.octets), time.monotonic() + 0.1

    def one_lane(lane: int) -> None:
        for number in range(job.messages):
            mailbox = number % job.mailboxes
            if mailbox % width != lane:
                continue
            recipient = target.recipients[mailbox].address
            content = mails.make(accounts[lane].address, recipient, f"{start}.{number}")
            time.sleep(max(0.0, start + number / job.per_second - time.monotonic()))  # the pace itself
            links[lane].send(accounts[lane].address, recipient, content)
            answered[mailbox].append(time.monotonic())
        links[lane].close()

    with ThreadPoolExecutor(width) as pool:
        list(pool.map(one_lane, range(width)))  # raises what a lane raised
    return answered


if __name__ == "__main__":
    order = json.load(sys.stdin)
    json.dump(send(Target.from_json(order["target"]), PaceJob(**order["job"])), sys.stdout)
