"""The values of `api` as JSON text and back, and out of the texts of a form or a query."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from mssante_sim.patient.faults import Fault

__all__ = ["field_of", "from_texts", "read", "write"]

_S = TypeVar("_S", bound=Struct)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f\u2028\u2029]")
_NAMED: Final = re.compile(r"field `([^`]+)`|at `\$\.(\w+)")  # how msgspec says which field it means
_SEVERAL_LINES: Final = frozenset({"text"})  # fields that may hold line ends


def read(octets: bytes, kind: type[_S]) -> _S:
    """The `kind` that the JSON text `octets` is.  Raises: ValueError, with what is wrong and where."""
    return msgspec.json.decode(octets, type=kind)


def write(value: Struct) -> bytes:
    """`value` as JSON text."""
    return msgspec.json.encode(value)


def from_texts(pairs: Sequence[tuple[str, str]], kind: type[_S], word: str) -> _S:
    """Names and texts as a `kind`: each name once, but for lists; no line holds a control character.

    Raises:
        Fault: they are no `kind`; `word` is its word, and the field is named where there is one.
    """
    lists = {one.encode_name for one in msgspec.structs.fields(kind) if isinstance(one.default, list)}
    lists |= {one.encode_name for one in msgspec.structs.fields(kind) if one.default_factory is list}
    given: dict[str, str | list[str]] = {}
    for name, text in pairs:
        if (name not in _SEVERAL_LINES and _CONTROL.search(text)) or (name not in lists and name in given):
            raise Fault(word, field=name)
        if name in lists:
            kept = given.setdefault(name, [])
            assert isinstance(kept, list)  # noqa: S101  nothing else is put under a list's name
            kept.append(text)
        else:
            given[name] = text
    return _converted(given, kind, word)


def _converted(given: Mapping[str, str | list[str]], kind: type[_S], word: str) -> _S:
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Fault(word, field=field_of(error)) from error


def field_of(error: Exception) -> str:
    """The field that an error of `read` is about; empty where it is about none."""
    found = _NAMED.search(str(error))
    return (found[1] or found[2]) if found else ""
