"""How figures are summed up and printed: percentiles, Markdown tables, the machine they belong to."""

import os
import platform
import ssl
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

__all__ = ["machine", "percentile", "table"]


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of `values` do not exceed.  Raises: ValueError if there is none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    rank = -int(-share * len(ordered) // 1)  # ceiling
    return ordered[max(rank, 1) - 1]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others stand to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine() -> str:
    """What the figures were taken on, and with which command line."""
    facts = (
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f} at the start"),
        ("Python", f"{platform.python_version()}, {ssl.OPENSSL_VERSION}; cryptography {version('cryptography')}"),
        ("peers", f"Postfix {_said('postconf', '-dh', 'mail_version')}, Dovecot {_said('dovecot', '--version')}"),
        ("command", "scripts/bench " + " ".join(sys.argv[1:])),
    )
    return "\n".join(f"- {name}: {fact}" for name, fact in facts)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _said(*command: str) -> str:
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()
    except FileNotFoundError:
        return "not installed"
