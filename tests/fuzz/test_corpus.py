"""Every file of the corpus once more: what the fuzzers begin from, and what they once broke."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path for path in CORPUS.glob("*/*"))


def test_every_target_has_a_corpus_and_the_other_way_round() -> None:
    assert {path.parent.name for path in FILES} == set(TARGETS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_that_was_kept_keeps_the_promise_of_its_target(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_the_script_names_every_target() -> None:
    script = (CORPUS.parents[2] / "scripts" / "fuzz").read_text(encoding="utf-8")
    assert f"set -- {' '.join(TARGETS)}\n" in script
