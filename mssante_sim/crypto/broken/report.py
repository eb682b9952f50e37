"""What somebody's program made of the cases, against what is right: a report."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mssante_sim.crypto.broken.case import Case, Verdict
from mssante_sim.crypto.broken.corpus import CASES, NoSuchCase, case_named
from mssante_sim.errors import SimulatorError

__all__ = ["CRASH", "BadAnswers", "Finding", "Level", "blank", "findings", "read_answers", "summary"]

CRASH: Final = "crash"
"""The program ended, hung or ran out of memory: the answer that is wrong to every case."""
_UNANSWERED: Final = "?"
_WORDS: Final = {one.value: one for one in Verdict}
_TRUSTING: Final = (Verdict.UNREADABLE, Verdict.DISTRUST, Verdict.UNSIGNED, Verdict.ACCEPT)
"""From the least that a reader is shown and told to the most."""


class BadAnswers(SimulatorError):
    """A line of the answers names no case or no verdict."""

    exit_code = 2


class Level(Enum):
    """How bad an answer is."""

    RIGHT = "right"
    WARNING = "warning"  # nobody is deceived, but somebody may miss something
    ERROR = "error"  # something false is believed, something secret shown, or the program is gone


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer, judged."""

    case: Case
    found: str
    level: Level

    @classmethod
    def of(cls, case: Case, found: str) -> "Finding":
        """Of `found`, a verdict's word or CRASH."""
        return cls(case, found, _level(case.verdict, _WORDS.get(found)))


def _level(right: Verdict, found: Verdict | None) -> Level:
    """More trust than is right is an error, less a warning; what proves nothing may as well not be shown."""
    if found is None:
        return Level.ERROR
    if found is right or (right, found) == (Verdict.DISTRUST, Verdict.UNREADABLE):
        return Level.RIGHT
    if Verdict.DO_NOT_ENCRYPT in {right, found}:
        return Level.WARNING if right is Verdict.ACCEPT else Level.ERROR
    if (right, found) == (Verdict.DISTRUST, Verdict.UNSIGNED):  # shown as anybody's, without a word of the signature
        return Level.WARNING
    return Level.ERROR if _TRUSTING.index(found) > _TRUSTING.index(right) else Level.WARNING


def blank() -> str:
    """Answers to be filled in: a line a case, its name and a question mark, and what it is about."""
    width = max(len(one.name) for one in CASES)
    words = ", ".join((*_WORDS, CRASH))
    head = f"# What your program makes of each: {words}.\n# A question mark is no answer.\n"
    return head + "".join(f"{one.name:<{width}}  {_UNANSWERED}  # {one.kind.value}: {one.why}\n" for one in CASES)


def read_answers(text: str) -> dict[str, str]:
    """The word by the name of the case, as far as `text` answers.

    Raises:
        BadAnswers: a line has no name and verdict, or is about a case that another line answers.
    """
    answers: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, _, word = (" ".join(line.partition("#")[0].split())).partition(" ")
        if not name or word == _UNANSWERED:
            continue
        try:
            case_named(name)
        except NoSuchCase as error:
            raise BadAnswers(f"Line {number}: {error.public}") from error
        if word not in {*_WORDS, CRASH}:
            raise BadAnswers(f"Line {number}: {word[:80]!r} is none of {', '.join((*_WORDS, CRASH))}.")
        if name in answers:
            raise BadAnswers(f"Line {number}: {name} is answered twice.")
        answers[name] = word
    return answers


def findings(answers: Mapping[str, str]) -> list[Finding]:
    """The worst first, else in the order of the cases."""
    found = [Finding.of(one, answers[one.name]) for one in CASES if one.name in answers]
    return sorted(found, key=lambda one: list(Level).index(one.level), reverse=True)


def summary(found: list[Finding]) -> str:
    """In one line."""
    count = Counter(one.level for one in found)
    return (
        f"{len(found)} of {len(CASES)} cases answered: right {count[Level.RIGHT]}, "
        f"warnings {count[Level.WARNING]}, errors {count[Level.ERROR]}."
    )
