"""`mssante-sim patient contacts`: the professionals whom the patient may write to in an exchange that is open."""

from collections.abc import Iterable
from pathlib import Path

import click

from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_options import as_patient_option
from mssante_sim.cli.printing import echo_table
from mssante_sim.clients.espace.history import moment
from mssante_sim.clients.espace.visits import visit
from mssante_sim.patient import api

__all__ = ["contacts"]


@click.command(cls=FrenchCommand)
@home_option
@as_patient_option
@as_json_option
def contacts(home: Path, who: str | None, as_json: bool) -> None:
    """Énumère les professionnels de santé contactables : `patient reply CONVERSATION` leur écrit."""
    with visit(home, who) as espace:
        found = contactable(espace.conversations())
    if as_json:
        print_json(
            [
                {
                    "nom": one.pharmacy.label,
                    "finess": one.pharmacy.finess,
                    "conversation": one.id,
                    "dernier": one.last.isoformat(),
                }
                for one in found
            ]
        )
        return
    rows = [(one.pharmacy.label, one.id, one.subject, moment(one.last)) for one in found]
    echo_table(("PROFESSIONNEL", "CONVERSATION", "OBJET", "DERNIER"), rows, nothing="Aucun échange n'est ouvert.")


def contactable(conversations: Iterable[api.ConversationLine]) -> list[api.ConversationLine]:
    """Of each correspondent, the first conversation that still takes an answer; in the order of `conversations`."""
    found: dict[api.Party, api.ConversationLine] = {}
    for one in conversations:
        if one.may_answer:
            found.setdefault(one.pharmacy, one)
    return list(found.values())
