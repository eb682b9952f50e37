"""`mssante-sim patient send|drafts`, and what `documents share` and `reply` do alike: write, look at it, send."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from mssante_sim.cli.display import paint, plain, plain_text, size
from mssante_sim.cli.editing import edited, not_empty
from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import as_json_option, home_option, print_json
from mssante_sim.cli.patient_options import LINE, as_patient_option, pharmacy_options
from mssante_sim.cli.picker import choose_pharmacy, place_of
from mssante_sim.cli.printing import interactive, progress, waiting
from mssante_sim.clients.espace.answers import NotTaken
from mssante_sim.clients.espace.sending import Pieces, check_size, draft_kept, gather, shelve
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.espace.visits import command_line, visit
from mssante_sim.patient import api

__all__ = ["Words", "answer_message", "letter_options", "send", "send_kept", "share_pieces", "words_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Words:
    """What the user said of subject and text; None where nothing was said."""

    message: str | None
    edit: bool
    subject: str | None

    def __post_init__(self) -> None:
        if self.message is not None and self.edit:
            raise click.UsageError("Choisissez --message ou --edit, pas les deux.")
        if self.message is not None:
            not_empty(self.message)


def words_options(command: _Command) -> _Command:
    """`--message`, `--edit` and `--subject`, for `Words`; and `--attach`, passed as `attachments`."""
    for option in (
        click.option("--subject", type=LINE, help="L'objet, à la place de celui qui est proposé."),
        click.option("--edit", is_flag=True, help="Ouvre le texte dans votre éditeur ($VISUAL ou $EDITOR)."),
        click.option("--message", help="Le texte, à la place de celui qui est proposé."),
        click.option(
            "--attach",
            "attachments",
            multiple=True,
            type=click.Path(path_type=Path),
            help="Une autre pièce ; peut se répéter.",
        ),
    ):
        command = option(command)
    return command


def letter_options(command: _Command) -> _Command:
    """Everything that a first message to a pharmacy takes but the documents, for `share_pieces`."""
    return words_options(pharmacy_options(command))


@click.command(cls=FrenchCommand)
@home_option
@as_patient_option
@click.option(
    "--document",
    "documents",
    metavar="FICHIER|ID",
    multiple=True,
    help="L'ordonnance : un document, ou un fichier qui le devient ; peut se répéter.",
)
@letter_options
@click.option("--answer", metavar="MESSAGE", help="Répond à ce message, au lieu d'écrire à une pharmacie.")
@click.option("--draft", metavar="BROUILLON", help="Renvoie un brouillon gardé, sans le dédoubler.")
@as_json_option
def send(
    home: Path, who: str | None, documents: Sequence[str], answer: str | None, draft: str | None, **given: Any
) -> None:
    """Envoie une ordonnance à une pharmacie, choisie dans l'annuaire."""
    if draft is not None:
        send_kept(home, who, draft, as_json=given["as_json"])
    elif answer is not None:
        given = {key: value for key, value in given.items() if key not in ("finess", "name", "place")}
        answer_message(home, who, answer, documents, **given)
    elif not documents:
        raise click.UsageError("Il faut au moins un --document (ou bien --draft, ou --answer).")
    else:
        share_pieces(home, who, documents, **given)


def share_pieces(
    home: Path,
    who: str | None,
    documents: Sequence[str],
    *,
    attachments: Sequence[Path],
    finess: str | None,
    name: str | None,
    place: str | None,
    as_json: bool,
    **words: Any,
) -> None:
    """The documents went to the pharmacy that was chosen, with a message that the patient could change."""
    said = Words(**words)
    tell = partial(click.echo, err=as_json)
    with visit(home, who) as espace:
        pieces = gather(espace, documents, attachments)
        _announce(pieces, tell)
        pharmacy = choose_pharmacy(espace, finess=finess, name=name, place=place)
        tell(plain(f"Destinataire : {pharmacy.label}, {place_of(pharmacy)}, FINESS {pharmacy.finess}"))
        ids = _shelved(espace, pieces)
        proposal = espace.propose(ids)
        tell(proposal.reminder)
        subject = said.subject or proposal.subject
        text, wanted = _text(said, proposal.text, subject, tell)
        draft = _write(partial(espace.write_draft, pharmacy=pharmacy.finess), text, subject, ids, pieces)
        if not wanted:
            tell(
                f"Brouillon {draft.id} gardé. Pour l'envoyer : {command_line(home, f'patient drafts send {draft.id}')}"
            )
            return
        sent = _send(espace, home, draft)
    _told(sent, draft, as_json=as_json)


def answer_message(
    home: Path,
    who: str | None,
    answered: str,
    documents: Sequence[str],
    *,
    attachments: Sequence[Path],
    as_json: bool,
    **words: Any,
) -> None:
    """The answer went to whoever wrote that message, in its conversation."""
    said = Words(**words)
    tell = partial(click.echo, err=as_json)
    with visit(home, who) as espace:
        answered = _to_answer(espace.conversation(answered), answered)
        pieces = gather(espace, documents, attachments)
        if pieces.sizes:
            _announce(pieces, tell)
        text = _answer_text(said)
        ids = _shelved(espace, pieces)
        draft = _write(partial(espace.write_draft, answers=answered), text, said.subject, ids, pieces)
        tell(plain(f"Destinataire : {draft.to.label}"))
        sent = _send(espace, home, draft)
    _told(sent, draft, as_json=as_json)


def send_kept(home: Path, who: str | None, draft: str, *, as_json: bool) -> None:
    """A draft went out."""
    with visit(home, who) as espace:
        kept = espace.draft(draft)
        sent = _send(espace, home, kept)
    _told(sent, kept, as_json=as_json)


def _to_answer(conversation: api.Conversation, message: str) -> str:
    """The message itself, or the last one received where it is one's own."""
    received = [one.id for one in conversation.messages if one.direction == "received"]
    return message if message in received or not received else received[-1]


def _announce(pieces: Pieces, tell: Callable[[str], None]) -> None:
    """Each piece with its size, and the total, before anything leaves.  Raises: FileDeclined."""
    for name, octets in pieces.sizes:
        tell(plain(f"Pièce jointe : {name} ({size(octets)})"))
    tell(f"Taille totale : {size(pieces.octets)}")
    check_size(pieces)


def _shelved(espace: EspaceSante, pieces: Pieces) -> list[str]:
    with progress("Ajout aux documents", sum(len(one.content) for one in pieces.added)) as update:
        return shelve(espace, pieces, update)


def _text(said: Words, proposed: str, subject: str, tell: Callable[[str], None]) -> tuple[str, bool]:
    """The text, and whether to send it; who is there and has not written it looks at the proposed one first.

    Raises:
        click.UsageError: it is empty.
        click.Abort: the patient gave up.
    """
    if said.message is not None:
        return said.message, True
    if said.edit or not interactive():
        return not_empty(edited(proposed) if said.edit else proposed), True
    text = proposed
    while True:
        tell(f"\n{paint('Objet : ' + plain(subject), 'cyan')}\n\n{plain_text(text)}")
        question = "Envoyer (e), modifier (m), garder en brouillon (b), abandonner (a)"
        answer = click.prompt(question, default="e", show_default=False, err=True)
        match answer.strip().lower()[:1]:
            case "e" | "b" as letter:
                return not_empty(text), letter == "e"
            case "m":
                text = edited(text)
            case "a":
                raise click.Abort


def _answer_text(said: Words) -> str:
    if said.message is not None:
        return said.message
    if said.edit or interactive():
        return not_empty(edited(""))
    raise click.UsageError("Il faut --message ou --edit.")


def _write(
    write: Callable[..., api.Draft], text: str, subject: str | None, ids: Sequence[str], pieces: Pieces
) -> api.Draft:
    """The draft; what the patient wrote is shown again if it could not be kept."""
    attached = pieces.attached
    try:
        length = sum(len(one.content) for one in attached)
        with waiting("Préparation", pieces.octets), progress("Envoi", length) as update:
            return write(text=text, subject=subject, documents=ids, attachments=attached, progress=update)
    except NotTaken as error:
        error.french = f"{error.french}\nRien n'a été envoyé. Votre texte, pour le reprendre :\n\n{plain_text(text)}"
        raise


def _send(espace: EspaceSante, home: Path, draft: api.Draft) -> api.Sent:
    with (
        draft_kept(draft.id, lambda one: command_line(home, f"patient drafts send {one}")),
        waiting("Remise au serveur de la pharmacie", draft.octets),
    ):
        return espace.send_draft(draft.id)


def _told(sent: api.Sent, draft: api.Draft, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "message": sent.message,
                "message_id": sent.message_id,
                "pharmacie": draft.to.label,
                "finess": draft.to.finess,
                "objet": draft.subject,
                "pièces": [{"nom": one.name, "octets": one.octets} for one in draft.attachments],
                "octets": sent.octets,
                "réponse": sent.reply,
                "tls": sent.tls,
            }
        )
        return
    click.echo(f"Remis au serveur de la pharmacie ({plain(sent.reply)}).")
