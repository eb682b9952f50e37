"""README says what the code says."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mssante_sim.cli.main import root
from mssante_sim.cli.policy import words_as_markdown
from mssante_sim.smtp.matrix import as_markdown
from mssante_sim.smtp.policy import RULES, Policy
from tests.interop.clients.asking import LIBRARIES
from tests.interop.clients.programs import PROGRAMS
from tests.interop.clients.recipes import SENDERS

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
    for name in ("SECURITY.md", "BENCHMARKS.md", "CHANGELOG.md", "tests/interop/clients/README.md", *pictures):
        assert f"]({name})" in README
        assert (ROOT / name).exists()


def test_every_recipe_for_a_client_is_tried() -> None:
    recipes = (ROOT / "tests/interop/clients/README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^## (.+)$", recipes, re.MULTILINE)) == sorted(
        {*PROGRAMS, *LIBRARIES, *SENDERS, "JavaMail"}
    )


def commands_named() -> Iterator[str]:
    """Each command that README shows: a line of a shell block, or words between backquotes; without its name."""
    lines = [
        line for block in re.findall(r"```(?:sh|yaml)\n(.*?)```", README, re.DOTALL) for line in block.splitlines()
    ]
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    groups = "|".join(
        name for name in root.list_commands(click.Context(root)) if isinstance(command((name,)), click.Group)
    )
    for text in (*(line.partition("#")[0] for line in lines), *re.findall(r"`([^`\n]+)`", prose)):
        if match := re.search(r"mssante-sim ([a-z].*)", text):
            yield match[1].partition("&")[0].strip()
        elif re.match(rf"({groups}) [a-z]", text):
            yield text


def command(path: tuple[str, ...]) -> click.Command | None:
    """The command of these names, if there is one."""
    found: click.Command | None = root
    for name in path:
        found = found.get_command(click.Context(found), name) if isinstance(found, click.Group) else None
    return found


def unknown_in(line: str) -> list[str]:
    """What of the command `line` does not exist."""
    words = line.split()
    several = next((at for at, word in enumerate(words) if "|" in word), None)  # directory show|set
    if several is not None:
        names = words[several].split("|")
        return [one for name in names for one in unknown_in(" ".join([*words[:several], name, *words[several + 1 :]]))]
    path: tuple[str, ...] = ()
    while words and isinstance(command(path), click.Group) and not words[0].startswith("-"):
        path = (*path, words.pop(0))
    found = command(path)
    if found is None:
        return [" ".join(path)]
    known = {"--help", *(name for one in found.params for name in one.opts)}
    return [word for word in words if word.startswith("--") and word not in known]


NAMED = tuple(dict.fromkeys(commands_named()))


@pytest.mark.parametrize("line", NAMED)
def test_a_command_that_is_named_exists_with_its_options(line: str) -> None:
    assert not unknown_in(line)


def test_the_commands_of_shell_blocks_and_of_the_table_of_promises_are_among_them() -> None:
    promises = README[README.index("| promise |") : README.index("## Pour un éditeur")]
    for line in ("patient history --export DIR", "pharmacy reply UID --template prête --receipt"):
        assert f"`{line}`" in promises
        assert line in NAMED
    assert "patient sign-in --as PAT-TROIS --synthetic" in NAMED
    assert len(NAMED) > 50


@pytest.mark.parametrize("line", ["patient gone", "patient send --gone", "gone", "certs broken gone"])
def test_a_command_or_option_that_does_not_exist_is_found(line: str) -> None:
    assert unknown_in(line)
