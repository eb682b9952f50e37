"""``scripts/bench``: our figures beside Postfix and Dovecot's, taken in one run on one machine."""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from tests.load.bench_imap import IDLE_MAILBOXES, Folders, commands, growth, idling
from tests.load.figures import machine, percentile, table
from tests.load.pace import PaceJob
from tests.load.probes import notification, submission
from tests.load.raw_imap import RawImap
from tests.load.submit import SubmitJob
from tests.load.systems import ours, postfix_and_dovecot
from tests.load.targets import Target
from tests.load.watch import WatchJob

__all__ = ["main"]

_CELLS = (  # octets, connections, messages
    (20_000, 1, 600), (20_000, 10, 3000), (20_000, 64, 3000),
    (1_000_000, 1, 60), (1_000_000, 10, 300), (1_000_000, 64, 300),
)  # fmt: skip
_SYSTEMS = {"peer": postfix_and_dovecot, "ours": ours}
_WARM_UP = SubmitJob(connections=10, messages=300, octets=20_000)


def bench_smtp(targets: Sequence[Target], scale: float) -> str:
    """Messages a second and time per message, by size and connections; the systems take turns in each cell."""
    rows = []
    for target in targets:
        submission(target, _WARM_UP)
    for octets, connections, messages in _CELLS:
        first = 0.0
        for target in targets:
            count = max(int(messages * scale), connections)
            got = submission(target, SubmitJob(connections, count, octets))
            p50, p99 = (percentile(got.latencies_s, share) * 1000 for share in (0.5, 0.99))
            delivered = count / got.delivered_s
            first = first or delivered
            rates = (f"{count / got.accepted_s:.0f}", f"{delivered:.0f}", f"{delivered / first:.2f}")
            rows.append((target.name, f"{octets // 1000} kB", connections, *rates, f"{p50:.1f}", f"{p99:.1f}"))
    return table(("system", "size", "connections", "answered/s", "delivered/s", "ratio", "p50 ms", "p99 ms"), rows)


def bench_notify(targets: Sequence[Target], scale: float) -> str:
    """From the 250 to the EXISTS, 50 messages of 20 kB a second."""
    rows = []
    for target in targets:
        for clients in (1, 50):
            mailboxes = min(clients, len(target.recipients) - 1)  # the last one is the big folder
            for folder in (0, 10_000):
                got = notification(
                    target,
                    WatchJob(clients, mailboxes),
                    PaceJob(int(500 * scale), 20_000, 50.0, mailboxes),
                    beside_fetch_of=folder,
                )
                p50, p99 = (percentile(got.delays_s, share) * 1000 for share in (0.5, 0.99))
                rows.append((target.name, clients, folder or "-", f"{p50:.1f}", f"{p99:.1f}", got.lost))
    return table(("system", "idling clients", "fetched beside", "p50 ms", "p99 ms", "lost"), rows)


def bench_imap(targets: Sequence[Target], scale: float) -> Iterator[str]:
    """The tables of `tests.load.bench_imap`: idle connections first, while the servers are fresh."""
    yield idling(targets, [max(2, int(count * scale)) for count in (1_000, 5_000)], int(500 * scale))
    folders = Folders.scaled(scale)
    for target in targets:
        client = RawImap(target, target.recipients[0])
        folders.fill(client)
        client.close()
    yield commands(targets, folders)
    yield growth(targets, folders)


def bench_apart(module: str, *arguments: str) -> str:
    """What `tests.load.bench_…` prints in a process of its own."""
    command = [sys.executable, "-m", f"tests.load.bench_{module}", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the asked tables as Markdown."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=("smtp", "notify", "imap", "crypto", "directory"), help="default: everything"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of messages")
    parser.add_argument("--system", choices=_SYSTEMS, action="append", help="default: both")
    chosen = parser.parse_args(arguments)
    _say(machine())
    if chosen.what in (None, "crypto"):
        _say(f"\n## crypto\n\n{bench_apart('crypto', '--scale', str(chosen.scale))}")
    if chosen.what in (None, "directory"):
        _say(f"\n## directory\n\n{bench_apart('directory')}")
    chosen_systems = [_SYSTEMS[name] for name in chosen.system or _SYSTEMS]
    if chosen.what in (None, "smtp", "notify"):
        with ExitStack() as running:
            targets = [running.enter_context(system()) for system in chosen_systems]
            if chosen.what in (None, "smtp"):
                _say(f"\n## smtp\n\n{bench_smtp(targets, chosen.scale)}")
            if chosen.what in (None, "notify"):
                _say(f"\n## notify\n\n{bench_notify(targets, chosen.scale)}")
    if chosen.what in (None, "imap"):
        _say("\n## imap")
        with ExitStack() as running:
            mailboxes = max(2, int(IDLE_MAILBOXES * chosen.scale))
            targets = [running.enter_context(system(mailboxes)) for system in chosen_systems]
            for text in bench_imap(targets, chosen.scale):
                _say(f"\n{text}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
