"""``scripts/bench imap``: the IMAP server beside Dovecot, the same folders, the same client, TLS.

Every figure is the best of several rounds in which the systems take turns, so
that a noisy machine disturbs both alike.
"""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.load.figures import percentile, table
from tests.load.mail import Mails
from tests.load.pace import PaceJob
from tests.load.probes import notification
from tests.load.raw_imap import FETCH_LINE, Letter, RawImap, append_command
from tests.load.targets import Target
from tests.load.watch import WatchJob

__all__ = ["IDLE_MAILBOXES", "commands", "growth", "idling"]

IDLE_MAILBOXES = 100
_PER_MAILBOX = 50  # idling clients


# The folders -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Folders:
    """How many messages each folder has, by its name."""

    sizes: dict[str, int]

    @classmethod
    def scaled(cls, scale: float) -> "Folders":
        """The real sizes, or a share of them."""
        real = {"small": 1_000, "middle": 10_000, "large": 100_000, "heavy": 200}
        return cls({name: max(5, int(size * scale)) for name, size in real.items()})

    def fill(self, client: RawImap) -> None:
        """Every folder exists and is full."""
        for name, size in self.sizes.items():
            client.ask(f"CREATE {name}")
            client.append(name, _letters(size, 1_000_000 if name == "heavy" else 2_000))


def _letters(count: int, octets: int) -> Iterator[Letter]:
    """Of a hundred senders, in every month of a year; one in ten answered, one in a hundred says "Bonsoir"."""
    mails = Mails(octets)
    for number in range(count):
        letter = mails.make(f"a{number % 100}@load.test", "b@load.test", str(number))
        if number % 100 == 1:
            letter = letter.replace(b"Bonjour", b"Bonsoir")
        date = f"01-{_MONTHS[number * 12 // count]}-2026 10:00:00 +0200"
        yield Letter(letter, "\\Answered" if number % 10 == 3 else "", date)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


# One command -----------------------------------------------------------------------------------------------------

Probe = Callable[[RawImap], float]
"""Seconds that the command took; what it needs is made ready before, and put back after."""


@dataclass(frozen=True, slots=True)
class Row:
    """One command, and the most it may take: times Dovecot's, or milliseconds."""

    what: str
    probe: Probe
    times: float | None = None
    most_ms: float | None = None
    rounds: int = 5

    def holds(self, theirs_s: float, ours_s: float) -> bool:
        """Whether our time is within the limit."""
        if self.times is not None:
            return ours_s <= self.times * theirs_s
        return self.most_ms is None or ours_s * 1000 <= self.most_ms

    @property
    def limit(self) -> str:
        """As the table says it."""
        return f"{self.times:g} ×" if self.times is not None else f"{self.most_ms:g} ms"


def _in(folder: str, command: str) -> Probe:
    def probe(client: RawImap) -> float:
        client.ask(f"SELECT {folder}")
        return client.timed(command)

    return probe


def _select_first(client: RawImap) -> float:
    """The folder has just lost a message in its middle, so that nobody knows its UIDs by heart."""
    client.ask("SELECT large")
    client.ask(f"STORE {client.messages('large') // 2} +FLAGS.SILENT (\\Deleted)")
    client.ask("EXPUNGE")
    client.ask("UNSELECT")
    return client.timed("SELECT large")


def _select_again(client: RawImap) -> float:
    client.ask("SELECT large")
    return client.timed("SELECT large")


def _store(client: RawImap) -> float:
    client.ask("SELECT middle")
    taken = client.timed("STORE 1:* +FLAGS.SILENT (\\Flagged)")
    client.ask("STORE 1:* -FLAGS.SILENT (\\Flagged)")
    return taken


def _expunge(client: RawImap) -> float:
    client.ask("CREATE doomed")
    client.ask("SELECT middle")
    client.ask("COPY 1:* doomed")
    client.ask("SELECT doomed")
    client.ask("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    taken = client.timed("EXPUNGE")
    client.ask("UNSELECT")
    client.ask("DELETE doomed")
    return taken


def _rows(sizes: dict[str, int]) -> tuple[Row, ...]:
    middle, large, heavy = (f"{sizes[name]:,}" for name in ("middle", "large", "heavy"))
    return (
        Row(f"`FETCH 1:* (FLAGS … ENVELOPE BODYSTRUCTURE)`, {middle}", _in("middle", FETCH_LINE), times=1),
        Row(f"`UID FETCH 1:* BODY.PEEK[]`, {middle} × 2 kB", _in("middle", "UID FETCH 1:* BODY.PEEK[]"), times=1.5),
        Row(f"the same, {heavy} × 1 MB", _in("heavy", "UID FETCH 1:* BODY.PEEK[]"), times=2, rounds=3),
        Row(f"`SELECT` of {large}, first", _select_first, most_ms=50),
        Row(f"`SELECT` of {large}, again", _select_again, most_ms=2),
        Row(f"`STORE 1:* +FLAGS.SILENT`, {middle}", _store, most_ms=30),
        Row(f"`EXPUNGE` of {middle}", _expunge, most_ms=150, rounds=3),
        Row(f"`UID SEARCH ANSWERED`, {middle}", _in("middle", "UID SEARCH ANSWERED"), times=2),
        Row(f"`UID SEARCH SINCE`, {middle}", _in("middle", "UID SEARCH SINCE 1-Jul-2026"), times=2),
        Row(f"`UID SEARCH FROM`, {middle}", _in("middle", "UID SEARCH FROM a42@load.test"), times=2),
        Row(f"`UID SEARCH BODY`, {middle}", _in("middle", "UID SEARCH BODY bonsoir"), times=3),
    )


def commands(targets: Sequence[Target], folders: Folders) -> str:
    """Each command's best time on each of `targets`, the last of which is ours; the folders are filled already."""
    clients = [RawImap(target, target.recipients[0]) for target in targets]
    lines = []
    for row in _rows(folders.sizes):
        best = [float("inf")] * len(clients)
        for _ in range(row.rounds):
            best = [min(least, row.probe(client)) for least, client in zip(best, clients, strict=True)]
        theirs, ours = best[0], best[-1]
        verdict = "yes" if row.holds(theirs, ours) else "**no**"
        shown = [f"{one * 1000:.1f}" for one in best]
        lines.append((row.what, *shown, f"{ours / theirs:.2f}", row.limit, verdict))
    for client in clients:
        client.close()
    return table(("command", *(f"{target.name} ms" for target in targets), "ratio", "may be", "holds"), lines)


# Growth ----------------------------------------------------------------------------------------------------------


def _single(command: str) -> Probe:
    """The median of many, in the folder that is selected."""
    return lambda client: statistics.median(client.timed(command) for _ in range(50))


def _arrive_and_go(client: RawImap, folder: str) -> tuple[float, float, float]:
    """One message is appended, marked and removed."""
    command = append_command(folder, _letters(1, 2_000))
    taken: list[tuple[float, float, float]] = []
    for _ in range(20):
        append = client.timed(command)
        client.ask("NOOP")
        taken.append((append, client.timed("STORE * +FLAGS.SILENT (\\Deleted)"), client.timed("EXPUNGE")))
    appends, stores, expunges = zip(*taken, strict=True)
    return statistics.median(appends), statistics.median(stores), statistics.median(expunges)


def _grown(client: RawImap, folder: str, size: int) -> dict[str, float]:
    """Microseconds of each operation in `folder`."""
    client.ask(f"SELECT {folder}")
    append, store, expunge = _arrive_and_go(client, folder)
    single = {
        "`UID FETCH` of one envelope": _single("UID FETCH * (FLAGS ENVELOPE)"),
        "`UID FETCH` of one body": _single("UID FETCH * BODY.PEEK[]"),
        "`NOOP`": _single("NOOP"),
    }
    whole = {
        "`FETCH 1:*` of all envelopes, a message": [FETCH_LINE] * 3,
        "`UID SEARCH` by flag, a message": ["UID SEARCH ANSWERED"] * 3,
        "`STORE 1:*`, a message": [f"STORE 1:* {sign}FLAGS.SILENT (\\Draft)" for sign in "+-+-"],
    }
    found = {what: probe(client) for what, probe in single.items()}
    found |= {"`APPEND` of one": append, "`STORE` of one": store, "`EXPUNGE` of one": expunge}
    found |= {what: min(map(client.timed, commands)) / size for what, commands in whole.items()}
    return {what: taken * 1e6 for what, taken in found.items()}


def growth(targets: Sequence[Target], folders: Folders) -> str:
    """What one operation takes as the folder grows: flat is 1.0 in the last column."""
    names = ("small", "middle", "large")
    lines = []
    for target in targets:
        client = RawImap(target, target.recipients[0])
        by_size = [_grown(client, name, folders.sizes[name]) for name in names]
        client.close()
        for what in by_size[0]:
            taken = [one[what] for one in by_size]
            lines.append((target.name, what, *(f"{one:.1f}" for one in taken), f"{taken[-1] / taken[0]:.1f}"))
    heads = [f"{folders.sizes[name]:,} µs" for name in names]
    return table(("system", "operation", *heads, "last / first"), lines)


# Idling ----------------------------------------------------------------------------------------------------------


def idling(targets: Sequence[Target], counts: Sequence[int], messages: int) -> str:
    """Memory of each idle TLS connection, and from the 250 to its EXISTS, 50 clients at each mailbox."""
    lines = []
    for clients in counts:
        mailboxes = max(1, clients // _PER_MAILBOX)
        for target in targets:
            got = notification(target, WatchJob(clients, mailboxes), PaceJob(messages, 20_000, 50.0, mailboxes))
            late = [percentile(got.delays_s, share) * 1000 for share in (0.5, 0.99)] if got.delays_s else []
            shown = [f"{one:.1f}" for one in late] or ["-", "-"]
            lines.append((target.name, f"{clients:,}", f"{got.kib_each:.0f}", *shown, got.lost))
    return table(("system", "idling TLS clients", "KiB each", "p50 ms", "p99 ms", "lost"), lines)
