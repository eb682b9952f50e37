"""Commands whose help and errors are in French, click's own words included."""

import re
from typing import Any, Final

import click

from mssante_sim.errors import SimulatorError

__all__ = ["FrenchCommand", "FrenchGroup", "in_french", "translated"]

# click's messages, as its catalogue has them, and ours.
_MESSAGES: Final[tuple[tuple[str, str], ...]] = (
    (r"No such option[: ]+'?(\S+?)'?(?:\. .*|)$", r"Option inconnue : \1."),
    (r"No such option: (\S+) .*", r"Option inconnue : \1."),
    (r"No such command '(.+?)'\..*", r"Commande inconnue : « \1 »."),
    (r"Missing option '(.+?)'\.(.*)", r"Il manque l'option « \1 »."),
    (r"Missing argument '(.+?)'\.(.*)", r"Il manque l'argument « \1 »."),
    (r"Missing command\.", "Il manque une commande."),
    (
        r"Invalid value for '(.+?)': '(.+?)' does not match the formats? .+\.",
        r"Valeur refusée pour « \1 » : « \2 » n'est pas une date (AAAA-MM-JJ ou JJ/MM/AAAA).",
    ),
    (r"Option '(.+?)' requires an argument\.", r"L'option « \1 » attend une valeur."),
    (r"Option '(.+?)' does not take a value\.", r"L'option « \1 » ne prend pas de valeur."),
    (r"Got unexpected extra arguments? \((.+)\)", r"Argument de trop : \1."),
    (
        r"Invalid value for '(.+?)': '(.+?)' is not one of (.+)\.",
        r"Valeur refusée pour « \1 » : « \2 » ; possibles : \3.",
    ),
    (r"Invalid value for '(.+?)': Directory '(.+?)' is a file\.", r"« \2 » est un fichier, pas un dossier (« \1 »)."),
    (r"Invalid value for '(.+?)': (\S+) is not in the range (.+)\.", r"Valeur refusée pour « \1 » : \2 ; il faut \3."),
    (r"Invalid value for '(.+?)': .+ '(.+?)' does not exist\.", r"« \2 » n'existe pas (« \1 »)."),
    (r"Invalid value for '(.+?)': '(.+?)' is not a valid .+\.", r"Valeur refusée pour « \1 » : « \2 »."),
    (r"Invalid value for '(.+?)': (.+)", r"Valeur refusée pour « \1 » : \2"),
    (r"Invalid value: (.+)", r"Valeur refusée : \1"),
)


def translated(message: str) -> str:
    """One of click's sentences in French; a sentence that is not click's comes back as it is."""
    for pattern, french in _MESSAGES:
        if match := re.fullmatch(pattern, message, re.DOTALL):
            return match.expand(french)
    return message


class _Explained(click.ClickException):
    """An error of ours that was met inside a French command."""

    def __init__(self, error: SimulatorError) -> None:
        super().__init__(error.french or error.public)
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it from the instance


class _French(click.Command):
    """What a command and a group share: French headings, a French --help, French sentences for our errors."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses; an error says whose it is, which click's parser leaves out at times."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SimulatorError as error:
            raise _Explained(error) from error

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "Affiche cette aide."
        return option

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = " ".join(self.collect_usage_pieces(ctx)).replace("COMMAND [ARGS]...", "COMMANDE [ARGUMENTS]...")
        formatter.write_usage(ctx.command_path, pieces, prefix="Utilisation : ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [row for param in self.get_params(ctx) if (row := param.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl([(_METAVAR.sub(_french_metavar, term), _in_french(text)) for term, text in rows if text])
        if isinstance(self, FrenchGroup):
            self.format_commands(ctx, formatter)


_METAVARS: Final = {"DIRECTORY": "DOSSIER", "PATH": "FICHIER", "TEXT": "TEXTE", "INTEGER": "NOMBRE", "FLOAT": "NOMBRE"}
_METAVAR: Final = re.compile(rf" ({'|'.join(_METAVARS)})( RANGE)?\b")


def _french_metavar(found: re.Match[str]) -> str:
    return f" {_METAVARS[found[1]]}"


_HELP: Final[tuple[tuple[str, str], ...]] = (
    ("[required]", "[obligatoire]"),
    ("[default: ", "[par défaut : "),
    ("Print JSON.", "Écrit du JSON."),
    (
        "Where state lives (default: MSSANTE_SIM_HOME, else the platform's per-user data directory).",
        "Le dossier du simulateur (par défaut : MSSANTE_SIM_HOME, sinon celui des données de l'utilisateur).",
    ),
)


def _in_french(text: str) -> str:
    """The help of an option: click's marks, and what options that English commands share say."""
    for english, french in _HELP:
        text = text.replace(english, french)
    return text


class FrenchCommand(_French):
    """A command that speaks French."""


class FrenchGroup(_French, click.Group):
    """A group that speaks French, with all its commands."""

    command_class = FrenchCommand

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands stand under a French heading."""
        rows = [(name, self.commands[name].get_short_help_str()) for name in self.list_commands(ctx)]
        with formatter.section("Commandes"):
            formatter.write_dl(rows)


def in_french(context: click.Context | None) -> bool:
    """True when `context` is that of a French command."""
    return context is not None and isinstance(context.command, _French)
