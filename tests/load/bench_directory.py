"""The directory at its real size: import, start, search, the decision at RCPT, memory.

``python -m tests.load.bench_directory [--lines N] [--places N]``; everything fictitious. Prints Markdown.
"""

import argparse
import asyncio
import contextlib
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from starlette.applications import Starlette

from mssante_sim.clients.running import Running
from mssante_sim.config import Domains
from mssante_sim.directory.http import routes
from mssante_sim.directory.lines import Line, organisation_of, read_line
from mssante_sim.directory.store import Directory
from mssante_sim.smtp.facts import Facts
from mssante_sim.smtp.gate import Gate
from mssante_sim.smtp.policy import Certificate, Policy
from mssante_sim.storage.sqlite import DirectoryRows
from tests.directory.made_extraction import made_lines, make_file
from tests.load.figures import percentile, table

__all__ = ["main"]

_ASKED = 300
_READY_S = 60.0


class _EveryCertificate:
    """Certificates are another bench's."""

    def state(self, address: str, at: datetime) -> Certificate:
        return Certificate.VALID


class _NoExchanges:
    async def exchanges(self, patient: str, professional: str | None = None) -> tuple[()]:
        return ()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=600_000, help="mailboxes")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="mssante-sim-bench-") as folder:
        rows = list(_measure(Path(folder), chosen.lines))
    sys.stdout.write(table(("what", "measured", "may be"), rows) + "\n")


def _measure(folder: Path, lines: int) -> Iterator[tuple[str, str, str]]:
    home = folder / "home"
    command = [sys.executable, "-m", "mssante_sim"]
    subprocess.run([*command, "seed", "--home", home, "--pharmacies", "40"], check=True, stdout=subprocess.DEVNULL)
    file = make_file(folder, lines)
    size = file.stat().st_size / 1e6
    began, cpu = time.monotonic(), os.times()
    subprocess.run([*command, "directory", "import", "--home", home, file], check=True, stdout=subprocess.DEVNULL)
    spent = os.times()
    children = (spent.children_user + spent.children_system) - (cpu.children_user + cpu.children_system)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    yield f"import of {lines:,} lines ({size:.0f} MB zip), a process", f"{time.monotonic() - began:.1f} s", "60 s"
    yield "its processor time", f"{children:.1f} s", ""
    yield "its memory", f"{memory:.0f} MB", "300 MB"
    yield from _questions(home, lines)
    yield from _start(home, folder)


def _questions(home: Path, lines: int) -> Iterator[tuple[str, str, str]]:
    directory = Directory(DirectoryRows.open(home))
    chance = random.Random(2)
    some = [read_line(text) for text in made_lines(min(lines, 20_000)) if "|ORG|" in f"|{text}"]
    places = directory.rows.count("organisation") + directory.rows.count("listed-organisation")
    yield "organisations", f"{places:,}", ""
    asked = [chance.choice(some) for _ in range(_ASKED)]
    yield _row("picker: name and town", _timed(asked, lambda line: directory.search(_named(line), _town(line))), 30)
    yield _row(
        "picker: « pharmacie » and town", _timed(asked, lambda line: directory.search("pharmacie", _town(line))), 30
    )
    for what, ask in _FHIR.items():
        yield _row(f"FHIR: {what}, 50 a page", asyncio.run(_over_fhir(directory, asked, ask)), 30)
    yield _row("RCPT decision", asyncio.run(_decisions(directory, asked)), 1)
    directory.close()


def _row(what: str, times_s: list[float], most_ms: float) -> tuple[str, str, str]:
    p50, p95 = (percentile(times_s, share) * 1000 for share in (0.5, 0.95))
    return what, f"p50 {p50:.2f} ms, p95 {p95:.2f} ms", f"p95 {most_ms} ms"


def _named(line: Line) -> str:
    return line.name.rsplit(" ", 1)[-1]


def _town(line: Line) -> str:
    place = organisation_of(line)
    return place.address.town if place is not None else "rennes"


def _timed(asked: Sequence[Line], ask: Callable[[Line], object]) -> list[float]:
    times = []
    for line in asked:
        began = time.perf_counter()
        ask(line)
        times.append(time.perf_counter() - began)
    return times


_Ask = Callable[[Line], dict[str, str]]

_FHIR: Mapping[str, _Ask] = {
    "a part of the name, and town": lambda line: {"name:contains": _named(line), "address-city": _town(line)},
    "a part of the name": lambda line: {"name:contains": _named(line)},
    "« pharmacie » and town": lambda line: {"name": "pharmacie", "address-city": _town(line)},
    "a mailbox": lambda line: {"mailbox-mss:exact": line.address},
}


async def _over_fhir(directory: Directory, asked: Sequence[Line], ask: _Ask) -> list[float]:
    transport = httpx.ASGITransport(Starlette(routes=routes(directory, api_key="k")))
    times = []
    async with httpx.AsyncClient(transport=transport, base_url="http://x", headers={"ESANTE-API-KEY": "k"}) as client:
        for line in asked:
            query = {**ask(line), "type": "SA33", "active": "true"}
            began = time.perf_counter()
            (await client.get("/fhir/v2/Organization", params=query)).raise_for_status()
            times.append(time.perf_counter() - began)
    return times


async def _decisions(directory: Directory, asked: Sequence[Line]) -> list[float]:
    """To the home's own mailboxes, to imported ones, to unknown ones in turn."""
    gate = Gate(Facts(directory, _EveryCertificate(), Domains()), _NoExchanges(), Policy())  # type: ignore[arg-type]
    own = [box.address for box in directory.mailboxes()]
    patient, at = directory.patients()[0].address, datetime.now(UTC)
    times = []
    for number, line in enumerate(asked):
        recipient = (own[number % len(own)], line.address, f"nobody{number}@officine.mssante.test")[number % 3]
        began = time.perf_counter()
        await gate.decide(patient, recipient, at)
        times.append(time.perf_counter() - began)
    return times


def _start(home: Path, folder: Path) -> Iterator[tuple[str, str, str]]:
    ready = folder / "ready.json"
    command = [
        sys.executable,
        "-m",
        "mssante_sim",
        "up",
        "--home",
        str(home),
        "--port-base",
        "0",
        "--ready-file",
        str(ready),
    ]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as stack:
        while not ready.exists() and time.monotonic() - began < _READY_S:
            time.sleep(0.02)
        yield "start-up after the import", f"{time.monotonic() - began:.1f} s", "3 s"
        running = Running.read_file(ready)
        for name in ("pharmacie", "cabinet"):
            httpx.get(
                f"{running.fhir_base}/Organization", params={"name": name, "_count": "200"}, timeout=60,
                headers={"ESANTE-API-KEY": running.api_key},
            ).raise_for_status()  # fmt: skip
        yield "memory of the stack after two searches", f"{_resident(stack.pid):.0f} MB", "300 MB"
        with contextlib.suppress(ProcessLookupError):
            stack.terminate()


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
