"""README says what the code says."""

from pathlib import Path

import pytest

from mssante_sim.cli.policy import words_as_markdown
from mssante_sim.smtp.matrix import as_markdown
from mssante_sim.smtp.policy import RULES, Policy

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES)
def test_the_rules_stand_there_word_for_word(rule: str) -> None:
    assert f"- **{rule}** {RULES[rule]}\n" in README


def test_the_matrix_is_the_one_the_policy_computes() -> None:
    assert as_markdown(Policy()).strip() in README


def test_every_refusal_is_listed() -> None:
    assert words_as_markdown() in README


def test_the_picture_and_the_other_files_exist() -> None:
    pictures = ("tests/interop/thunderbird/message.png", "tests/interop/thunderbird/tags.png")
    for name in ("SECURITY.md", "BENCHMARKS.md", "CHANGELOG.md", *pictures):
        assert f"]({name})" in README
        assert (ROOT / name).exists()
