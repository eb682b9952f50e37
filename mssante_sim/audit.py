"""Traces: who did what when, and how it ended; never what a message said.

One JSON object a line.  [Référentiel MSSanté #2 ECO.4.1.1, ECO.4.1.2] asks for
author, local time, action, request and answer.  A patient's address holds their
national identifier, so a trace names a patient by a keyed pseudonym: the same
within one home, meaningless outside it.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import IO, Protocol

from mssante_sim.clock import Clock

__all__ = ["Audit", "AuditFile", "AuditMemory", "NoAudit", "Pseudonyms"]


class Audit(Protocol):
    """Takes traces."""

    def record(self, action: str, *, user: str, result: str, **facts: str | int) -> None:
        """One operation ended.

        `action` and `result` are stable words (`smtp.rcpt`, `550 not-pharmacy`); `user` is a login or an
        address; `facts` are addresses, counts, sizes, durations: no header, no body, no file name.
        """
        ...


class Pseudonyms:
    """Replaces patients' addresses by a keyed, stable name."""

    def __init__(self, key: bytes, patients_domain: str) -> None:
        self._key = key
        self._suffix = "@" + patients_domain.lower()

    def of(self, text: str) -> str:
        """`text`, or `patient-` and ten hexadecimal digits if it is a patient's address."""
        if not text.lower().endswith(self._suffix):
            return text
        return "patient-" + hmac.new(self._key, text.lower().encode(), hashlib.sha256).hexdigest()[:10]


class NoAudit:
    """Takes traces and forgets them."""

    def record(self, action: str, *, user: str, result: str, **facts: str | int) -> None:
        """Nothing happens."""


class AuditMemory:
    """Keeps traces in a list, for tests."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str | int]] = []

    def record(self, action: str, *, user: str, result: str, **facts: str | int) -> None:
        """The trace is the last of `lines`."""
        self.lines.append({"action": action, "user": user, "result": result, **facts})


class AuditFile:
    """Appends traces to a file, a line each, flushed at once."""

    def __init__(self, path: Path, clock: Clock, pseudonyms: Pseudonyms) -> None:
        self._clock = clock
        self._pseudonyms = pseudonyms
        self._file: IO[str] = path.open("a", encoding="utf-8", buffering=1)

    def record(self, action: str, *, user: str, result: str, **facts: str | int) -> None:
        """The trace is in the file; a patient's address in any value is replaced."""
        named = {"user": user, "result": result, **facts}
        line = {name: self._pseudonyms.of(value) if isinstance(value, str) else value for name, value in named.items()}
        time = self._clock.now().astimezone().isoformat(timespec="milliseconds")
        self._file.write(json.dumps({"time": time, "action": action, **line}, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """The file is closed."""
        self._file.close()
