"""README.md beside this file, as the tests read it: where a client's configuration goes, its text, the commands."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["SENDERS", "Recipe", "Values", "recipe"]

Values = dict[str, str]
"""What a user writes, by what the page shows in its place."""

SENDERS: Final = ("swaks", "msmtp", "curl")
"""The recipes by which a message is sent."""

_PAGE = Path(__file__).with_name("README.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One section of the page."""

    file: str  # below the user's home; empty where the text is a program
    text: str
    commands: tuple[str, ...]  # lines of a shell; what runs until it is stopped says "# stays"

    def set_up(self, home: Path) -> dict[str, str]:
        """The environment of a user who lives in `home` and has put the configuration there."""
        file = home / self.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.text)
        file.chmod(0o600)  # msmtp and fetchmail insist
        return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def recipe(client: str, values: Values) -> Recipe:
    """The section of `client`, with a user's own `values` in the place of the page's."""
    (section,) = re.findall(rf"^## {re.escape(client)}\n(.*?)(?=^## |\Z)", _PAGE, re.MULTILINE | re.DOTALL)
    shown = "|".join(map(re.escape, values))
    section = re.sub(rf"\b({shown})\b", lambda found: values[found[1]], section) if values else section
    file = re.search(r"^`~/(.+)`:$", section, re.MULTILINE)
    text, *commands = re.findall(r"^```\w*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return Recipe(file[1] if file else "", text, tuple("".join(commands).splitlines()))
