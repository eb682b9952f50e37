"""`mssante-sim patient conversations|read|reply|watch`: what pharmacies answer."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mssante_sim.cli.dates import since_option
from mssante_sim.cli.display import paint, plain, plain_text, size
from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_options import as_patient_option
from mssante_sim.cli.patient_sending import answer_message, words_options
from mssante_sim.cli.printing import echo_table, waiting
from mssante_sim.clients.espace.history import closing_of, moment, states_of
from mssante_sim.clients.espace.history import conversations as list_conversations
from mssante_sim.clients.espace.saving import save_all
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.espace.visits import visit
from mssante_sim.clients.espace.waiting import News, wait
from mssante_sim.patient import api

__all__ = ["conversations", "read", "reply", "watch"]


@click.command(cls=FrenchCommand)
@home_option
@as_patient_option
@click.option("--pharmacy", metavar="FINESS|NOM", help="Seulement avec cette pharmacie.")
@since_option
@as_json_option
def conversations(home: Path, who: str | None, pharmacy: str | None, since: datetime | None, as_json: bool) -> None:
    """Énumère les conversations, la dernière d'abord."""
    with visit(home, who) as espace:
        found = list_conversations(espace, pharmacy, since)
    if as_json:
        print_json([conversation_facts(one) for one in found])
        return
    rows = [
        (
            one.id,
            one.pharmacy.label,
            one.subject,
            f"{one.unread} non lu{'s' if one.unread > 1 else ''}" if one.unread else "",
            moment(one.last),
            closing_of(one),
        )
        for one in found
    ]
    colours = ["yellow" if one.unread else None for one in found]
    headings = ("ID", "PHARMACIE", "OBJET", "NON LUS", "DERNIER", "CLOS")
    echo_table(headings, rows, colours, nothing="Aucune conversation.")


def conversation_facts(one: api.ConversationLine) -> dict[str, Any]:
    """As JSON."""
    closed = {"le": one.closed.at.isoformat(), "par": one.closed.by} if one.closed else None
    return {
        "id": one.id,
        "pharmacie": one.pharmacy.label,
        "finess": one.pharmacy.finess,
        "objet": one.subject,
        "dernier": one.last.isoformat(),
        "non_lus": one.unread,
        "messages": one.messages,
        "clos": closed,
        "réponse_possible": one.may_answer,
    }


@click.command(cls=FrenchCommand)
@home_option
@as_patient_option
@click.argument("wanted", metavar="MESSAGE|CONVERSATION")
@click.option(
    "--save", type=click.Path(file_okay=False, path_type=Path), help="Enregistre les pièces jointes dans ce dossier."
)
@as_json_option
def read(home: Path, who: str | None, wanted: str, save: Path | None, as_json: bool) -> None:
    """Lit un message, ou toute une conversation : son numéro est celui de son premier message."""
    with visit(home, who) as espace:
        found = espace.conversation(wanted)
        whole = found.conversation.id == wanted
        chosen = [one for one in found.messages if whole or one.id == wanted]
        with waiting("Lecture", sum(one.octets for one in chosen)):
            messages = [espace.message(one.id) for one in chosen]
            saved = [path for one in messages for path in _save(espace, one, save)]
    if as_json:
        facts = conversation_facts(found.conversation)
        print_json(facts | {"lus": [_facts(one) for one in messages], "enregistré": [str(path) for path in saved]})
        return
    for message in messages:
        _print(message)
    if closed := closing_of(found.conversation):
        click.echo(f"Échange {plain(closed)}.")
    for path in saved:
        click.echo(f"Enregistré : {path}")


def _save(espace: EspaceSante, message: api.Message, folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    return save_all(folder, ((one.name, espace.attachment(message.id, one.n)) for one in message.attachments))


def _facts(message: api.Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "sens": "envoyé" if message.direction == "sent" else "reçu",
        "pharmacie": message.pharmacy.label,
        "date": message.date.isoformat(),
        "objet": message.subject,
        "texte": message.text,
        "pièces": [{"nom": one.name, "octets": one.octets} for one in message.attachments],
        "message_id": message.message_id,
        "états": states_of(message),
        "chiffré": message.encrypted,
        "signataire": message.signer,
        "doute": message.doubt,
        "accusé": message.receipt,
        "réponse_possible": message.may_answer,
    }


def _print(message: api.Message) -> None:
    whom = "À" if message.direction == "sent" else "De"
    lines = [
        f"{whom:<8}: {message.pharmacy.label}",
        f"État    : {', '.join(states_of(message))}",
        f"Sécurité : {_protection(message)}",
    ]
    if message.receipt == "returned":
        lines.append("Accusé  : Mon espace santé a confirmé la lecture à l'expéditeur.")
    click.echo(paint(f"{message.id}  {moment(message.date)}  {plain(message.subject)}", "cyan"))
    click.echo("\n".join(map(plain, lines)))
    click.echo(f"\n{plain_text(message.text.rstrip())}\n")
    for one in message.attachments:
        click.echo(plain(f"Pièce   : {one.name} ({size(one.octets)})"))
    click.echo()


def _protection(message: api.Message) -> str:
    secrecy = "déchiffré" if message.encrypted else "reçu en clair"
    if message.signer is not None:
        return f"{secrecy}, signature valide de {message.signer}"
    return f"{secrecy}, {message.doubt or 'non signé'}"


@click.command(cls=FrenchCommand)
@home_option
@as_patient_option
@click.argument("answered", metavar="MESSAGE")
@click.option("--document", "documents", metavar="FICHIER|ID", multiple=True, help="Un document ; peut se répéter.")
@words_options
@as_json_option
def reply(home: Path, who: str | None, answered: str, documents: Sequence[str], **given: Any) -> None:
    """Répond à un message, dans sa conversation."""
    answer_message(home, who, answered, documents, **given)


@click.command(cls=FrenchCommand)
@home_option
@as_patient_option
@click.option("--once", is_flag=True, help="S'arrête après la première réponse.")
@as_json_option
def watch(home: Path, who: str | None, once: bool, as_json: bool) -> None:
    """Attend les réponses et annonce chacune dès son arrivée (Ctrl-C pour arrêter)."""
    with visit(home, who) as espace:
        name = espace.profile().name
        for news in wait(espace):
            if news is None:
                click.echo(f"À l'écoute des réponses à {name}.", err=as_json)
                continue
            if as_json:
                print_json(_news_facts(news))
            else:
                _announce(news)
            if once and news.message.direction == "received":
                return


def _news_facts(news: News) -> dict[str, Any]:
    return {
        "id": news.message.id,
        "conversation": news.conversation.id,
        "pharmacie": news.conversation.pharmacy.label,
        "objet": news.message.subject,
        "états": states_of(news.message),
        "pièces": [{"nom": one.name, "octets": one.octets} for one in news.message.attachments],
    }


def _announce(news: News) -> None:
    label, message = news.conversation.pharmacy.label, news.message
    if message.direction == "sent":
        click.echo(plain(f"{message.id}  {label} · {message.subject} : {', '.join(states_of(message))}"))
        return
    click.echo(plain(f"{message.id}  Nouveau message de {label} · {message.subject}"))
    for one in message.attachments:
        click.echo(f"      {plain(one.name)} ({size(one.octets)})")
