"""What the service says when it does not do what was asked, as an error with the exit status of its kind."""

import re
from typing import Final

import httpx

from mssante_sim.errors import SimulatorError
from mssante_sim.patient.api import Problem
from mssante_sim.patient.wire import read

__all__ = ["Declined", "FileDeclined", "Misused", "NotTaken", "SessionOver", "Unreached", "problem_of"]


class NotTaken(SimulatorError):
    """The service did not do it; `word` is its stable word, empty if it gave none."""

    def __init__(self, word: str, french: str) -> None:
        super().__init__(word or french, french=french)
        self.word = word


class Misused(NotTaken):
    """The request means nothing, or something that is not there."""

    exit_code = 2


class PharmacyAbsent(NotTaken):
    """One cannot write to that pharmacy."""

    exit_code = 3


class Declined(NotTaken):
    """Refused: by a rule, for the session, or because there is no room."""

    exit_code = 4


class SessionOver(Declined):
    """There is no session (any more)."""


class Unreached(NotTaken):
    """The service, or the mail server behind it, did not answer; whether it did what was asked is unknown."""

    exit_code = 5


class FileDeclined(NotTaken):
    """A file, or all of them together, cannot be shared."""

    exit_code = 6


_MISUSED: Final = (
    "not-found", "method-not-allowed", "bad-parameter", "bad-body", "wrong-content-type", "nothing-to-search",
    "no-recipient", "empty-text", "document-missing", "draft-missing", "message-missing", "attachment-missing",
    "conversation-missing", "no-xdm",
)  # fmt: skip
_KINDS: Final[dict[str, type[NotTaken]]] = {
    **dict.fromkeys(_MISUSED, Misused),
    **dict.fromkeys(("unknown", "not-pharmacy", "no-mailbox", "not-published", "closed"), PharmacyAbsent),
    **dict.fromkeys(("document-refused", "document-too-big", "bad-name", "too-big"), FileDeclined),
    "session-missing": SessionOver,
    "unreachable": Unreached,
}


def problem_of(answer: httpx.Response) -> NotTaken:
    """The error that `answer` tells; a refusal of the mail server is told by a word of its own."""
    try:
        problem = read(answer.content, Problem)
    except ValueError:
        return Unreached("", f"Le service a répondu {answer.status_code}, ce qui n'était pas attendu.")
    kind = _KINDS.get(problem.error, Declined)
    sentence = re.sub(r"\s+", " ", problem.sentence).strip()
    return kind(problem.error, sentence or f"Refusé ({problem.error}).")
