"""Scratch directories, free ports and children: what every peer needs to run beside others."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

__all__ = ["free_ports", "open_port", "scratch", "stop"]


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A directory of its own that other users may pass through (pytest's own are closed to them).

    Servers started by root serve mail as another user; the name stays short
    because a Unix socket's path may have 107 octets only.
    """
    made = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """`count` TCP ports of 127.0.0.1 in a row that were free just now.

    For programs that must be told a number. They lie below those that a system gives
    to whoever asks for any, so that nobody has got one by chance before it is used, or used again.
    """
    while True:
        first = 10_000 + secrets.randbelow(22_000)
        with suppress(OSError), ExitStack() as held:
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return list(range(first, first + count))


def open_port(port: int, child: subprocess.Popen[bytes], log: Path, *, within_s: float = 60.0) -> None:
    """Somebody listens on `port` of 127.0.0.1.

    Raises:
        RuntimeError: `child` ended first, or `within_s` passed; carries the end of `log`.
    """
    end = time.monotonic() + within_s
    while child.poll() is None and time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.05)
    said = log.read_text(errors="replace")[-2000:] if log.exists() else "(no log)"
    raise RuntimeError(f"{child.args!r} opened no port {port} (status {child.poll()}):\n{said}")


def stop(child: subprocess.Popen[bytes], *, within_s: float = 10.0) -> None:
    """`child` and its process group have ended: asked first, killed after `within_s`.

    It must have been started with ``start_new_session=True``.  The group is waited
    for because a server's children outlive its master for an instant.
    """
    end = time.monotonic() + within_s
    child.terminate()
    while _group_lives(child) and time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.02)
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _group_lives(child: subprocess.Popen[bytes]) -> bool:
    try:
        os.killpg(child.pid, 0)
    except ProcessLookupError:
        return False
    return True
