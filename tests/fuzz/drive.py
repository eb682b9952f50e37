"""Coverage-guided fuzzing of one target: ``python -m tests.fuzz.drive TARGET [options of libFuzzer] [folders]``.

Needs atheris, which ``scripts/fuzz`` installs.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mssante_sim"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Runs until a bound of libFuzzer is reached, or the target lets something out."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
