"""Runs the load generators, each in its own process, and joins what they measured."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO, Any

from tests.load.pace import PaceJob
from tests.load.submit import SubmitJob, SubmitResult
from tests.load.targets import Target, resident_kib
from tests.load.watch import WatchJob

__all__ = ["Notified", "notification", "submission"]


@dataclass(frozen=True, slots=True)
class Notified:
    """From the 250 an SMTP client reads to the EXISTS an idling IMAP client reads."""

    delays_s: list[float]  # one per message and client that was told; may be below 0
    lost: int
    kib_each: float  # what each idle TLS connection costs the servers, before anything is sent


def submission(target: Target, job: SubmitJob) -> SubmitResult:
    """`job` done against `target`.  Raises: RuntimeError."""
    return SubmitResult(**_ask("submit", {"target": target.to_json(), "job": asdict(job)}))


def notification(target: Target, watched: WatchJob, sent: PaceJob, *, beside_fetch_of: int = 0) -> Notified:
    """`sent` while `watched` idles, and another client fetches `beside_fetch_of` messages over and over."""
    before = resident_kib(target.root_pid)
    with _fetching(target, beside_fetch_of), _watching(target, watched) as (tell, hear):
        kib_each = (resident_kib(target.root_pid) - before) / watched.clients
        answered = _ask("pace", {"target": target.to_json(), "job": asdict(sent)})
        tell.write(json.dumps([len(times) for times in answered]).encode() + b"\n")
        tell.flush()
        told = json.loads(hear.read())
    delays = [
        when - answered[mailbox][number]
        for mailbox, times in told
        for number, when in enumerate(times[: len(answered[mailbox])])
    ]
    return Notified(delays, sum(len(answered[mailbox]) for mailbox, _ in told) - len(delays), kib_each)


def _ask(module: str, order: dict[str, Any]) -> Any:
    command = [sys.executable, "-m", f"tests.load.{module}"]
    done = subprocess.run(command, input=json.dumps(order).encode(), stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise RuntimeError(f"tests.load.{module} failed, see above")
    return json.loads(done.stdout)


@contextmanager
def _watching(target: Target, job: WatchJob) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    with _running("watch", {"target": target.to_json(), "job": asdict(job)}) as pipes:
        yield pipes


@contextmanager
def _fetching(target: Target, messages: int) -> Iterator[None]:
    if not messages:
        yield
        return
    with _running("fetch", {"target": target.to_json(), "messages": messages}):
        yield


@contextmanager
def _running(module: str, order: dict[str, Any]) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A generator that has said ``ready``; it ends when its standard input does."""
    command = [sys.executable, "-m", f"tests.load.{module}"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin
    assert child.stdout
    with child:
        child.stdin.write(json.dumps(order).encode() + b"\n")
        child.stdin.flush()
        if child.stdout.readline() != b"ready\n":
            raise RuntimeError(f"tests.load.{module} failed, see above")
        try:
            yield child.stdin, child.stdout
        finally:
            child.stdin.close()
            child.stdout.read()
