"""A JVM with JavaMail, under its old name or its new one, that does what a test tells it."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.peers.debian import require

__all__ = ["LIBRARIES", "Failed", "Program", "Workplace", "compiled", "workplace"]

LIBRARIES: Final = {
    "javax.mail": ("/usr/share/java/javax.mail.jar", "/usr/share/java/javax.activation.jar"),
    "jakarta.mail": ("/usr/share/java/jakarta-mail.jar", "/usr/share/java/jakarta-activation.jar"),
}
"""By the name of their packages: where Debian puts them."""
_SOURCES: Final = Path(__file__).parent
_QUICK_START: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")


class Failed(Exception):
    """A command ended in an exception of Java's; the message names it and those it carries."""


class Workplace:
    """The commands of ``Workplace.java``; one at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, command: str, *given: object) -> list[list[str]]:
        """The rows of the answer.  Raises: Failed."""
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        words = [command, *map(str, given)]
        assert not any(separator in word for word in words for separator in "\t\n")
        into.write("\t".join(words) + "\n")
        into.flush()
        rows: list[list[str]] = []
        for line in out:
            kind, *values = line.rstrip("\n").split("\t")
            match kind:
                case "ROW":
                    rows.append(values)
                case "OK":
                    return rows
                case _:
                    raise Failed(line)
        raise RuntimeError(f"the JVM ended, status {self._process.wait()}; its words stand on standard error")


@dataclass(frozen=True, slots=True)
class Program:
    """The classes of this folder, made for one of the libraries; whoever starts them writes into `folder` too."""

    folder: Path
    path: str


def compiled(library: str, folder: Path) -> Program:
    """The program, in `folder`; the sources name the package of the API as `library` does."""
    require("javac", *LIBRARIES[library])
    sources, classes = folder / "sources", folder / "classes"
    sources.mkdir()
    for file in _SOURCES.glob("*.java"):
        text = file.read_text(encoding="utf-8").replace("javax.mail", library)
        (sources / file.name).write_text(text, encoding="utf-8")
    path = ":".join((str(classes), *LIBRARIES[library]))
    strict = ("-Xlint:all,-path", "-Werror", "-encoding", "UTF-8")
    subprocess.run(["javac", *strict, "-cp", path, "-d", classes, *sources.iterdir()], check=True)
    return Program(folder, path)


@contextmanager
def workplace(program: Program, properties: Mapping[str, str]) -> Iterator[Workplace]:
    """`program` runs with these system properties until the block ends."""
    options = program.folder / "options"  # not the command line: everybody can read that, and there are passphrases
    options.write_text("".join(f'"-D{name}={value}"\n' for name, value in properties.items()), encoding="utf-8")
    command = ["java", *_QUICK_START, f"@{options}", "-cp", program.path, "Workplace"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield Workplace(process)
        finally:
            process.kill()
