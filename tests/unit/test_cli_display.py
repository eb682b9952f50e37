"""What people see: aligned, and nothing of a message obeyed by the terminal; how they name states and dates."""

from datetime import UTC, datetime, timedelta

import click
import pytest
from click.testing import CliRunner

from mssante_sim.cli.display import columns, paint, plain, plain_text, size
from mssante_sim.cli.francais import FrenchGroup
from mssante_sim.cli.workplace import as_state, since_option
from mssante_sim.clients.states import OrderState, state_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Été à Rennes", "Été à Rennes"),
        ("a\x1b[31mb", "a·[31mb"),
        ("a\x9b31mb\x07", "a·31mb·"),
        ("fdp\u202efdp.exe", "fdp·fdp.exe"),
        (" a \r\n b\t", "a b"),
    ],
)
def test_a_terminal_obeys_nothing_of_a_message(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_text_keeps_its_lines_and_nothing_else() -> None:
    assert plain_text("Bonjour,\r\n\r\n\tfin\x1b[2J\r\n") == "Bonjour,\n\n fin·[2J"


def test_columns_are_aligned_whatever_the_cells_hold() -> None:
    rows = [("1", "Dominique", "x"), ("22", "É\n\x1b", "")]
    assert columns(("N", "Nom", "Suite"), rows).splitlines() == [
        "N   Nom        Suite",
        "1   Dominique  x",
        "22  É ·",
    ]


def test_colours_are_off_when_nobody_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert paint("a", "red") == "\x1b[31ma\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("a", "red") == "a"
    assert columns(("N",), [("a",)], ["red"]) == "N\na"


def test_a_size_is_rounded_up() -> None:
    assert [size(octets) for octets in (0, 1, 1024, 1025)] == ["0 ko", "1 ko", "1 ko", "2 ko"]
    assert size(24 * 1024 * 1024 + 52_429) == "24,1 Mo"


@click.group(cls=FrenchGroup)
def group() -> None:
    """Un groupe."""


@group.command()
@click.argument("state", callback=as_state, required=False)
@since_option
def show(state: OrderState | None, since: datetime | None) -> None:
    """Montre."""
    click.echo(f"{state and state.name} {since and since.astimezone(UTC).isoformat()}")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("reçue", "RECUE"),
        ("recue", "RECUE"),
        ("En préparation", "EN_PREPARATION"),
        ("en-preparation", "EN_PREPARATION"),
        ("PRÊTE", "PRETE"),
        ("prete", "PRETE"),
        ("rupture", "RUPTURE"),
        ("délivrée", "DELIVREE"),
    ],
)
def test_a_state_is_named_with_or_without_accents(written: str, name: str) -> None:
    assert CliRunner().invoke(group, ["show", written]).output == f"{name} None\n"


def test_an_unknown_state_is_told_with_those_there_are() -> None:
    outcome = CliRunner().invoke(group, ["show", "perdue"])
    assert outcome.exit_code == 2
    assert "reçue, en-préparation, prête, rupture, délivrée" in outcome.output


@pytest.mark.parametrize(
    ("written", "ago"), [("7j", timedelta(days=7)), ("3h", timedelta(hours=3)), ("30min", timedelta(minutes=30))]
)
def test_a_date_may_be_so_long_ago(written: str, ago: timedelta) -> None:
    before = datetime.now(UTC)
    _, told = CliRunner().invoke(group, ["show", "--since", written]).output.split()
    assert before - ago <= datetime.fromisoformat(told) <= datetime.now(UTC) - ago


@pytest.mark.parametrize("written", ["2026-11-25", "25/11/2026"])
def test_a_date_may_be_a_day_where_the_pharmacy_is(written: str) -> None:
    _, told = CliRunner().invoke(group, ["show", "--since", written]).output.split()
    assert datetime.fromisoformat(told) == datetime(2026, 11, 25).astimezone()


@pytest.mark.parametrize("written", ["hier", "2026-13-01", "0/0/0", "7", "", "99999999j"])
def test_what_is_no_date_is_told_with_examples(written: str) -> None:
    outcome = CliRunner().invoke(group, ["show", "--since", written])
    assert outcome.exit_code == 2
    assert "25/11/2026" in outcome.output


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ([], None),
        (["\\Seen", "$Forwarded"], None),
        (["$MSS_Prepa"], OrderState.EN_PREPARATION),
        (["$mss_delivree", "$mss_recue"], OrderState.DELIVREE),
        (["$mss_prete", "$mss_rupture"], OrderState.RUPTURE),
    ],
)
def test_a_state_is_the_keyword_that_is_furthest_along(flags: list[str], state: OrderState | None) -> None:
    assert state_of(flags) is state
