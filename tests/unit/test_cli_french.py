import click
import pytest
from click.testing import CliRunner

from mssante_sim.cli.francais import FrenchGroup, translated
from mssante_sim.errors import SimulatorError


class Broken(SimulatorError):
    exit_code = 6


@click.group(cls=FrenchGroup)
def group() -> None:
    """Un groupe."""


@group.command()
@click.option("--count", type=int, required=True, help="Combien.")
@click.option("--times", type=click.IntRange(min=1))
@click.option("--into", type=click.Path(file_okay=False))
@click.argument("name")
def do(count: int, times: int | None, into: str | None, name: str) -> None:
    """Fait quelque chose."""
    if name == "broken":
        raise Broken("It is broken.", french="C'est cassé.")
    click.echo(f"{name} {count}")


def messages(arguments: list[str]) -> str:
    with pytest.raises(click.UsageError) as error:
        group.main(arguments, standalone_mode=False)
    return translated(error.value.format_message())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["do", "--cuont", "1", "x"], "Option inconnue : --cuont."),
        (["dance"], "Commande inconnue : « dance »."),
        (["do", "x"], "Il manque l'option « --count »."),
        (["do", "--count", "1"], "Il manque l'argument « NAME »."),
        (["do", "--count"], "L'option « --count » attend une valeur."),
        (["do", "--count", "many", "x"], "Valeur refusée pour « --count » : « many »."),
        (["do", "--count", "1", "x", "y"], "Argument de trop : y."),
        (["do", "--count", "1", "--times", "0", "x"], "Valeur refusée pour « --times » : 0 ; il faut x>=1."),
        (
            ["do", "--count", "1", "--into", __file__, "x"],
            f"« {__file__} » est un fichier, pas un dossier (« --into »).",
        ),
    ],
)
def test_the_sentences_of_click_are_french(arguments: list[str], sentence: str) -> None:
    assert messages(arguments) == sentence


def test_help_is_french_throughout() -> None:
    for arguments in (["--help"], ["do", "--help"]):
        text = CliRunner().invoke(group, arguments).output
        assert "Utilisation : " in text
        assert "Affiche cette aide." in text
        assert not [english for english in ("Usage:", "Show this", "Commands:", "[required]") if english in text]
    assert "[obligatoire]" in text


def test_an_error_of_ours_is_told_in_french_with_its_exit_status() -> None:
    outcome = CliRunner().invoke(group, ["do", "--count", "1", "broken"])
    assert outcome.exit_code == 6
    assert "C'est cassé." in outcome.output


def test_a_sentence_that_is_not_clicks_stays_as_it_is() -> None:
    assert translated("Le message est vide.") == "Le message est vide."
