"""What each command is answered in each state of a connection: played, written to ``state_table.tsv``, read again.

``python -m tests.imap_core.state_table`` writes the file anew; a test holds it to the session and to the standards.
"""

import re
from pathlib import Path
from typing import Final

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.states import RULES
from tests.imap_core.test_session import Driver, fresh
from tests.imap_core.test_states import EXAMPLES
from tests.imap_core.wire import written

__all__ = ["STATES", "played", "read", "word"]

_FILE: Final = Path(__file__).with_suffix(".tsv")
_LOGIN: Final = "l LOGIN u {7+}\r\nsésame\r\n".encode()
STATES: Final = {
    "in the clear": (False, b""),
    "under TLS": (True, b""),
    "in AUTHENTICATE": (True, b"x AUTHENTICATE PLAIN\r\n"),
    "logged in": (True, _LOGIN),
    "selected": (True, _LOGIN + b"s SELECT INBOX\r\n"),
    "read-only": (True, _LOGIN + b"s EXAMINE INBOX\r\n"),
    "in IDLE": (True, _LOGIN + b"s SELECT INBOX\r\nx IDLE\r\n"),
    "after LOGOUT": (True, _LOGIN + b"x LOGOUT\r\n"),
}
_ANSWER: Final = re.compile(rb"^(?:(\+) |([ax]) (OK|NO|BAD)(?: \[([A-Z-]+))?)", re.MULTILINE)


def played() -> dict[str, dict[str, str]]:
    """By command and state: OK, ``+``, NO or BAD with its code, ``-`` where nothing is read."""
    return {word(kind): {state: _answer(kind, state) for state in STATES} for kind in RULES}


def word(kind: type[c.Command]) -> str:
    """What a client writes."""
    return written(EXAMPLES[kind]).split()[1].decode()


def _answer(kind: type[c.Command], state: str) -> str:
    secure, way = STATES[state]
    driver: Driver = fresh(secure=secure)
    driver.send(way)
    said = driver.send(written(EXAMPLES[kind]))
    answer = _ANSWER.search(said)
    if answer is None:
        assert said == b""
        return "-"
    if answer[1]:
        return "+"
    code = (answer[4] or b"").decode()
    code = "" if code == "CAPABILITY" else code
    return " ".join(filter(None, (answer[3].decode(), code, "to " + state[3:] if answer[2] == b"x" else "")))


def read() -> dict[str, dict[str, str]]:
    """The table as it stands in the file."""
    head, *rows = (line.split("\t") for line in _FILE.read_text(encoding="utf-8").splitlines())
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def _write() -> None:
    rows = [["command", *STATES], *([kind, *answers.values()] for kind, answers in played().items())]
    _FILE.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    _write()
