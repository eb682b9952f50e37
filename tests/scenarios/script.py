"""Reads scenario scripts; the format stands in `tests.scenarios`."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Delivery", "Expectation", "Needs", "Script", "ScriptError", "Send", "Step", "Told", "read_script"]

_NUMBERS = {"one": 1, "two": 2, "three": 3}
_STATUSES = ("OK", "NO", "BAD", "+", "gone")
_SEND = re.compile(r"<(\d)(&?) (.*?)(?:\s=>\s*(.*))?")
_TOLD = re.compile(r"(\d)>\s+(.*)")
_SOURCE = re.compile(r"\s{2,}\[(?:RFC \d+ §[\w.]+|our choice)(?:, .*)?\]$")
_CLAUSE = re.compile(r"\s{2,}(?=sees |never |dovecot )")


class ScriptError(ValueError):
    """A script is not of the form; says where."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One ``sees`` or ``never``; or ``dovecot``, the status that Dovecot gives instead."""

    kind: Literal["sees", "never", "dovecot"]
    pattern: str


@dataclass(slots=True)
class Send:
    """A line that a client sends, and what its answer must be."""

    line: int
    client: int
    text: str
    status: str  # of `_STATUSES`
    code: str = ""  # pattern of the response code, without brackets
    together: bool = False  # one write with the client's next line
    expectations: list[Expectation] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Told:
    """A client is told something without asking."""

    line: int
    client: int
    pattern: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """Mail comes from outside."""

    line: int
    subject: str


Step = Send | Told | Delivery


@dataclass(slots=True)
class Needs:
    """Where a script begins."""

    clients: int = 1
    state: Literal["selected", "logged in", "not logged in"] = "selected"
    inbox: list[str] = field(default_factory=list)  # a number: a standard message; else one of the script's own


@dataclass(slots=True)
class Script:
    """One scenario."""

    name: str
    needs: Needs = field(default_factory=Needs)
    not_for_dovecot: str = ""  # the reason
    messages: dict[str, bytes] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


def read_script(path: Path) -> Script:
    """The scenario in `path`.  Raises: ScriptError."""
    script, message = Script(path.stem), None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            if message is not None and (line.startswith("    ") or not line):
                script.messages[message] += line[4:].encode() + b"\r\n"
                continue
            message = None
            if line.startswith("message "):
                message = line.removeprefix("message ").strip()
                script.messages[message] = b""
            else:
                _read_line(script, number, _SOURCE.sub("", line.rstrip()))
        except (ScriptError, KeyError, IndexError) as error:
            raise ScriptError(f"{path.name}:{number}: {error}") from error
    script.messages = {name: octets.rstrip(b"\r\n") + b"\r\n" for name, octets in script.messages.items()}
    return script


def _read_line(script: Script, number: int, line: str) -> None:
    if not line or line.startswith("#"):
        return
    if line.startswith("needs:"):
        script.needs = _needs(line.removeprefix("needs:"))
    elif line.startswith("dovecot: no, "):
        script.not_for_dovecot = line.removeprefix("dovecot: no, ")
    elif line.startswith("mail> "):
        script.steps.append(Delivery(number, line.removeprefix("mail> ")))
    elif line[0] == " ":
        last = script.steps[-1]
        if not isinstance(last, Send):
            raise ScriptError("only a sent line has expectations")
        last.expectations += _expectations(line)
    elif told := _TOLD.fullmatch(line):
        script.steps.append(Told(number, int(told[1]), told[2]))
    elif sent := _SEND.fullmatch(line):
        script.steps.append(_send(number, sent))
    else:
        raise ScriptError(f"not understood: {line}")


def _send(number: int, sent: re.Match[str]) -> Send:
    outcome, *clauses = _CLAUSE.split(sent[4] or "", maxsplit=1)
    status, _, code = outcome.strip().partition(" ")
    if status not in _STATUSES:
        raise ScriptError(f"needs => and one of {', '.join(_STATUSES)}")
    step = Send(number, int(sent[1]), sent[3].strip(), status, code.strip("[]"), bool(sent[2]))
    step.expectations += [one for clause in clauses for one in _expectations(clause)]
    return step


def _expectations(text: str) -> list[Expectation]:
    found = []
    for clause in _CLAUSE.split(text.strip()):
        kind, _, pattern = clause.partition(" ")
        if kind not in ("sees", "never", "dovecot"):
            raise ScriptError(f"neither sees, never nor dovecot: {clause}")
        found.append(Expectation(kind, pattern.strip()))  # type: ignore[arg-type]  # one of the three, just tested
    return found


def _needs(text: str) -> Needs:
    needs = Needs()
    for item in text.split(","):
        match item.split():
            case [count, "client" | "clients"]:
                needs.clients = _NUMBERS[count]
            case ["not", "logged", "in"]:
                needs.state = "not logged in"
            case ["logged", "in"]:
                needs.state = "logged in"
            case ["inbox", "empty"]:
                needs.inbox = []
            case ["inbox", "with", count, "message" | "messages"]:
                needs.inbox = [str(number) for number in range(1, int(count) + 1)]
            case ["inbox", "with", *names]:
                needs.inbox = [name for name in names if name != "and"]
            case _:
                raise ScriptError(f"unknown need: {item}")
    return needs
