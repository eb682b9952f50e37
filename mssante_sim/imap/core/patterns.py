"""Names that LIST and LSUB ask for [RFC 3501 §6.3.8]."""

import re

__all__ = ["ListPattern"]

_WILDCARDS = re.compile(r"[*%]{2,}")


class ListPattern:
    """A pattern, interpreted: ``*`` is anything, ``%`` anything within one level.

    Every place in the pattern where a match can stand is one bit of a number, so that a name
    costs a step per character, whatever the pattern: no nesting of wildcards makes it slow.
    """

    __slots__ = ("_any", "_delimiter", "_level", "_literal", "_pattern", "_wild")

    def __init__(self, pattern: str, delimiter: str = "/") -> None:
        # Of neighbouring wildcards the strongest is enough.
        self._pattern = _WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
        self._delimiter = delimiter
        self._any = self._level = 0
        self._literal: dict[str, int] = {}
        for place, character in enumerate(self._pattern):
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
        if self._run(name):
            return True
        return name == "INBOX" and ListPattern(self._pattern.upper(), self._delimiter)._run(name)  # noqa: SLF001 - of its own kind

    def _run(self, name: str) -> bool:
        places = self._skip_wild(1)
        for character in name:
            stay = self._any if character == self._delimiter else self._wild
            step = (places & self._literal.get(character, 0)) << 1
            places = self._skip_wild(step | (places & stay))
            if not places:
                return False
        return bool(places >> len(self._pattern) & 1)

    def _skip_wild(self, places: int) -> int:
        """`places`, and those reached where a wildcard stands for nothing; no two wildcards are neighbours."""
        return places | (places & self._wild) << 1
