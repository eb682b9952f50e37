"""Commands as text that a person can check: type, then what differs from the defaults."""

from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum

from mssante_sim.imap.core.sequence import SequenceSet


def shown(value: object) -> str:
    match value:
        case SequenceSet():
            return str(value)
        case Enum():
            return value.name
        case datetime() | date():
            return value.isoformat()
        case tuple():
            return "(" + " ".join(map(shown, value)) + ")"
        case frozenset():
            return "{" + " ".join(sorted(map(shown, value))) + "}"
        case _ if is_dataclass(value) and not isinstance(value, type):
            given = [
                f"{spec.name}={shown(getattr(value, spec.name))}"
                for spec in fields(value)
                if spec.name != "tag" and (spec.default is MISSING or spec.default != getattr(value, spec.name))
            ]
            return type(value).__name__ + "(" + ", ".join(given) + ")"
        case _:
            return repr(value)
