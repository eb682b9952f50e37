"""Names that LIST and LSUB ask for [RFC 3501 §6.3.8]."""

import re

__all__ = ["ListPattern"]

_WILDCARDS = re.compile(r"[*%]{2,}")


class ListPattern:
    """A pattern, interpreted: ``*`` is anything, ``%`` anything within one level.

    Every place in the pattern where a match can stand is one bit of a number, so that a name
    costs a step per character, whatever the pattern: no nesting of wildcards makes it slow.
    """

    __slots__ = ("_any", "_delimiter", "_end", "_level", "_literal", "_wild")

    def __init__(self, pattern: str, delimiter: str = "/") -> None:
        # Of neighbouring wildcards the strongest is enough.
        places = _WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
        self._end = len(places)
        self._delimiter = delimiter
        self._any = self._level = 0
        self._literal: dict[str, int] = {}
        for place, character in enumerate(places):
            bit = 1 << place
            if character == "*":
                self._any |= bit
            elif character == "%":
                self._level |= bit
            else:
                self._literal[character] = self._literal.get(character, 0) | bit
        self._wild = self._any | self._level

    def matches(self, name: str) -> bool:
        """Whether `name` is asked for; INBOX in any case."""
        is_inbox = name == "INBOX"
        places = self._skip_wild(1)
        for character in name:
            here = self._literal.get(character, 0)
            if is_inbox:
                here |= self._literal.get(character.lower(), 0)
            stay = self._any if character == self._delimiter else self._wild
            places = self._skip_wild((places & here) << 1 | places & stay)
            if not places:
                return False
        return bool(places >> self._end & 1)

    def _skip_wild(self, places: int) -> int:
        """`places`, and those reached where a wildcard stands for nothing; no two wildcards are neighbours."""
        return places | (places & self._wild) << 1
