"""What load is put on: ports, accounts and processes of a running mail system."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Account", "Target", "resident_kib"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in, and the address that is theirs."""

    login: str
    password: str
    address: str


@dataclass(frozen=True, slots=True)
class Target:
    """A mail system on this machine.  Any of `senders` may write to any of `recipients`."""

    name: str
    submission: int  # STARTTLS
    imaps: int
    authority: str  # PEM file
    senders: tuple[Account, ...]
    recipients: tuple[Account, ...]
    root_pid: int  # it and its descendants are the servers

    def to_json(self) -> str:
        """For a load generator in another process; `from_json` undoes it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Target":
        """The target that `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        for role in ("senders", "recipients"):
            fields[role] = tuple(Account(**one) for one in fields[role])
        return cls(**fields)


def resident_kib(root_pid: int) -> int:
    """Proportional memory (PSS) of `root_pid` and its descendants, in KiB; shared pages are counted once.

    Raises:
        OSError: not Linux, or no right to look.
    """
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except FileNotFoundError:
                continue  # it ended while we looked
    family = {root_pid}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(_pss(pid) for pid in family)


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
