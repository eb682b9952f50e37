"""`pharmacy orders` et `pharmacy match`."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from mssante_sim.cli.display import ReadingProgress, columns, plain
from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import as_json_option, print_json
from mssante_sim.cli.workplace import at_desk, now, since_option, with_mailbox
from mssante_sim.clients.correspondence import Filed, filed_message
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.matching import (
    CAUTION,
    IDENTITY_CHECKED,
    Candidate,
    Claimed,
    Matching,
    match,
    read_register,
)
from mssante_sim.clients.orders import Order, age_in_french, orders_csv, preparation_list
from mssante_sim.errors import SimulatorError

__all__ = ["list_orders", "match_patient"]


@click.command("orders", cls=FrenchCommand, short_help="La liste de préparation.")
@at_desk
@click.option("--to-prepare", is_flag=True, help="Seulement celles qui restent à préparer.")
@since_option
@click.option("--csv", "as_csv", is_flag=True, help="Pour un tableur.")
@as_json_option
def list_orders(desk: Desk, to_prepare: bool, since: datetime | None, as_csv: bool, as_json: bool) -> None:
    """La liste de préparation : les ordonnances reçues, pour qui, depuis quand, et où elles en sont."""
    if as_csv and as_json:
        raise click.UsageError("Choisissez --csv ou --json.")
    at = now()

    async def read(client: MailboxClient) -> list[Order]:
        return await preparation_list(client, desk, at=at, since=since, progress=ReadingProgress())

    orders = [one for one in with_mailbox(desk, read) if one.to_prepare or not to_prepare]
    if as_json:
        print_json([_facts(one, at) for one in orders])
    elif as_csv:
        click.echo(orders_csv(orders, at=at), nl=False)
    elif orders:
        headings = ("UID", "Patient", "INS", "Depuis", "État", "Répondu", "Suivi", "Documents")
        click.echo(
            columns(headings, [_row(one, at) for one in orders], ["red" if one.doubt else None for one in orders])
        )
    else:
        click.echo("Aucune ordonnance à préparer." if to_prepare else "Aucune ordonnance.")


def _row(one: Order, at: datetime) -> tuple[str, ...]:
    documents = ", ".join(one.documents) + (f"  ATTENTION : {one.doubt}" if one.doubt else "")
    return (
        str(one.uid), one.patient, one.ins, age_in_french(at - one.received), one.state.label if one.state else "",
        "oui" if one.answered else "", ", ".join(one.news), documents,
    )  # fmt: skip


def _facts(one: Order, at: datetime) -> dict[str, object]:
    return {
        "uid": one.uid,
        "patient": one.patient,
        "adresse": one.address,
        "ins": one.ins or None,
        "reçu": one.received.isoformat(),
        "depuis_s": int((at - one.received).total_seconds()),
        "documents": list(one.documents),
        "état": one.state.label if one.state else None,
        "répondu": one.answered,
        "suivi": list(one.news),
        "doute": one.doubt,
        "message_id": one.message_id,
    }


class NotChosen(SimulatorError):
    """No file of the register was chosen."""

    exit_code = 3


@click.command("match", cls=FrenchCommand, short_help="Rapproche un patient du registre.")
@at_desk
@click.argument("uid", type=int)
@click.option(
    "--register",
    type=click.Path(path_type=Path),
    required=True,
    metavar="CSV",
    help="Colonnes ins;nom;prenom;naissance.",
)
@click.option("--confirm", type=click.IntRange(min=1), metavar="N", help="Retient le candidat N, sans question.")
@as_json_option
def match_patient(desk: Desk, uid: int, register: Path, confirm: int | None, as_json: bool) -> None:
    """Rapproche le message UID d'un dossier du registre : par l'INS, sinon par comparaison."""
    known = read_register(register)

    async def read(client: MailboxClient) -> Filed:
        return await filed_message(client, desk, uid, at=now())

    filed = with_mailbox(desk, read)
    filed.require_patient()
    assert filed.sender is not None  # noqa: S101  a patient's message has one
    claimed = Claimed.by(filed.sender)
    matching = match(claimed, known)
    if not as_json:
        _show(claimed, matching, known.remarks)
    doubt = filed.opened.doubt if filed.opened is not None else None
    if doubt:
        click.echo(f"Attention, signature douteuse : {doubt}", err=True)
    chosen = _chosen(matching, confirm, ask=not as_json and sys.stdin.isatty())
    if chosen is not None:
        with_mailbox(desk, lambda client: client.change_flags(uid, add=[IDENTITY_CHECKED]))
    if as_json:
        print_json(_matching_facts(uid, claimed, matching, chosen, known.remarks))
    elif chosen is not None:
        click.echo(f"Rapproché du dossier de {_person(chosen)} (ligne {chosen.line} du registre).\n{CAUTION}")
    else:
        raise NotChosen("Aucun dossier n'est retenu : --confirm N en retient un.")


def _chosen(matching: Matching, confirm: int | None, *, ask: bool) -> Candidate | None:
    if matching.found is not None:
        return matching.found
    candidates = matching.candidates
    if confirm is not None:
        if confirm > len(candidates):
            raise NotChosen(f"Il n'y a pas de candidat {confirm} : {len(candidates)} à comparer.")
        return candidates[confirm - 1]
    if not candidates or not ask:
        return None
    number: int = click.prompt("Votre choix (0 : aucun)", type=click.IntRange(0, len(candidates)), default=0)
    return candidates[number - 1] if number else None


def _person(one: Candidate) -> str:
    return plain(f"{one.given} {one.family}")


def _show(claimed: Claimed, matching: Matching, remarks: Sequence[str]) -> None:
    for remark in remarks:
        click.echo(f"Registre, {remark}.", err=True)
    if matching.found is not None:
        return
    same = any(one.ins is not None and one.ins == claimed.ins for one in matching.candidates)
    click.echo("Même INS, mais à confirmer :" if same else "Aucun dossier n'a cet INS ; à comparer :")
    said = ("", claimed.name, claimed.ins or "(illisible)", claimed.born, claimed.sex, "le message")
    rows = [
        (str(number), _person(one), one.ins or "", one.born, "", f"registre, ligne {one.line}")
        for number, one in enumerate(matching.candidates, 1)
    ]
    click.echo(columns(("N", "Nom", "INS", "Naissance", "Sexe", "Selon"), [said, *rows]))
    if not rows:
        click.echo("Aucun nom semblable dans le registre.")
    click.echo(CAUTION)


def _matching_facts(
    uid: int, claimed: Claimed, matching: Matching, chosen: Candidate | None, remarks: Sequence[str]
) -> dict[str, object]:
    return {
        "uid": uid,
        "message": {"nom": claimed.name, "ins": claimed.ins, "naissance": claimed.born, "sexe": claimed.sex},
        "par_ins": matching.found is not None,
        "retenu": _candidate_facts(chosen) if chosen else None,
        "candidats": [_candidate_facts(one) for one in matching.candidates],
        "remarques": list(remarks),
        "identité_qualifiée": False,
        "avertissement": CAUTION,
    }


def _candidate_facts(one: Candidate) -> dict[str, object]:
    return {"ligne": one.line, "ins": one.ins, "nom": one.family, "prénom": one.given, "naissance": one.born}
