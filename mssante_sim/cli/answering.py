"""`pharmacy reply`, `pharmacy state` et `pharmacy close`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from mssante_sim.cli.display import plain, plain_text
from mssante_sim.cli.editing import edited, not_empty
from mssante_sim.cli.francais import FrenchCommand
from mssante_sim.cli.options import as_json_option, print_json
from mssante_sim.cli.printing import progress
from mssante_sim.cli.workplace import as_state, at_desk, now, state_slug, with_mailbox
from mssante_sim.clients.answering import (
    Answer,
    Closing,
    FiledBadly,
    Outcome,
    Reply,
    read_attachment,
    send_reply,
    write_reply,
)
from mssante_sim.clients.correspondence import filed_message, set_state
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import ConnectionLost, ImapRefused, MailboxClient
from mssante_sim.clients.states import OrderState
from mssante_sim.clients.submission import Refused, Unreachable
from mssante_sim.clients.templates import COURTEOUS_END, END_OF_ALL, template
from mssante_sim.errors import SimulatorError, reason_in_french
from mssante_sim.smtp import replies

__all__ = ["close_exchange", "reply", "said_to_pharmacists", "set_order_state"]


@click.command(cls=FrenchCommand, short_help="Répond à un message.")
@at_desk
@click.argument("uid", type=int, required=False)
@click.option(
    "--template",
    "state",
    metavar="ÉTAT",
    callback=as_state,
    help="Le modèle d'un état, qui devient celui de la commande.",
)
@click.option("--propose", metavar="TEXTE", help="Ce que propose le modèle « rupture ».")
@click.option("--message", help="Le texte, à la place du modèle.")
@click.option("--edit", is_flag=True, help="Ouvre le texte dans votre éditeur ($VISUAL ou $EDITOR) avant l'envoi.")
@click.option(
    "--attach", "attachments", multiple=True, type=click.Path(path_type=Path), help="Une pièce ; peut se répéter."
)
@click.option("--receipt", is_flag=True, help="Demande un accusé de lecture.")
@click.option("--close", "closes", is_flag=True, help="Le patient ne pourra plus répondre dans cet échange.")
@click.option("--draft", type=click.Path(path_type=Path), help="Renvoie un brouillon gardé, sans le dédoubler.")
@as_json_option
def reply(
    desk: Desk,
    uid: int | None,
    state: OrderState | None,
    propose: str | None,
    message: str | None,
    edit: bool,
    attachments: Sequence[Path],
    receipt: bool,
    closes: bool,
    draft: Path | None,
    as_json: bool,
) -> None:
    """Répond au message UID, dans la même conversation."""
    if draft is not None:
        _send(desk, uid, Reply.read(draft), as_json=as_json, kept=draft)
        return
    if uid is None:
        raise click.UsageError("Il faut le numéro du message (UID), ou bien --draft.")
    answer = Answer(
        text=_text(state, propose, message, edit=edit),
        attachments=tuple(map(read_attachment, attachments)),
        receipt=receipt,
        closing=Closing.EXCHANGE if closes else Closing.NOTHING,
        state=state,
    )
    _send(desk, uid, _written(desk, uid, answer), as_json=as_json)


def _text(state: OrderState | None, propose: str | None, message: str | None, *, edit: bool) -> str:
    if propose is not None and state is not OrderState.RUPTURE:
        raise click.UsageError("--propose va avec --template rupture.")
    if message is None and state is None and not edit:
        raise click.UsageError("Il faut un texte : --message, --edit ou --template.")
    text = message if message is not None else (template(state, propose) if state is not None else "Bonjour,\n\n")
    if not edit:
        return not_empty(text)
    if (written := edited(text)) == text:  # left without saving: nobody has decided that this goes
        raise click.UsageError("Le texte n'a pas changé dans l'éditeur : rien n'est envoyé.")
    return not_empty(written)


def _written(desk: Desk, uid: int, answer: Answer) -> Reply:
    """The answer as a message; where that is not possible, the text is shown, for it was written for nothing else."""

    async def write(client: MailboxClient) -> Reply:
        return write_reply(desk, await filed_message(client, desk, uid, at=now()), answer, at=now())

    try:
        return with_mailbox(desk, write)
    except SimulatorError as error:
        error.french = f"{error.french or error.public}\nRien n'a été envoyé. {_given_back(answer.text)}"
        raise
    except KeyboardInterrupt:
        click.echo(f"\nRien n'a été envoyé. {_given_back(answer.text)}", err=True)
        raise


def _given_back(text: str) -> str:
    return f"Votre texte, pour le reprendre :\n\n{plain_text(text)}"


def _send(desk: Desk, uid: int | None, written: Reply, *, as_json: bool, kept: Path | None = None) -> None:
    """Sends, and keeps a draft of what was not sent, or is not in the Sent folder."""
    letter = written.letter

    async def send(client: MailboxClient) -> Outcome:
        with progress("Envoi", len(letter.octets)) as step:
            return await send_reply(desk, client, written, uid=uid, at=now(), progress=step)

    try:
        outcome = with_mailbox(desk, send)
    except (FiledBadly, Refused, Unreachable, ConnectionLost, ImapRefused) as error:
        if isinstance(error, FiledBadly) and error.filed:
            _forget(kept)
            raise
        if isinstance(error, Refused) and error.word:
            error.french = f"{said_to_pharmacists(error.word)} [{error.public}]"
        error.french = f"{error.french or error.public}\n{_kept(desk, written, kept)}"
        raise
    except KeyboardInterrupt:  # nobody knows whether the server has taken it
        click.echo(f"\nEnvoi interrompu. {_kept(desk, written, kept)}", err=True)
        raise
    _forget(kept)
    _tell(uid, written, outcome, as_json=as_json)


_TO_PHARMACISTS: Final = {
    "unknown-mailbox": "Ce destinataire n'existe pas.",
    "mailbox-closed": "La messagerie de ce destinataire est fermée : joignez-le par un autre moyen.",
    "not-pharmacy": "Ce destinataire n'est pas une pharmacie.",
    "patient-cannot-receive": "Ce patient ne peut pas recevoir ce message : il n'a pas écrit à votre messagerie.",
    "exchange-closed": "Cet échange est clos.",
    "profile-not-activated": "Le profil Mon espace santé n'est pas activé.",
}


def said_to_pharmacists(word: str) -> str:
    """Why the server refused an answer, for who wrote it: what is the same for patients, or a sentence of its own."""
    return _TO_PHARMACISTS.get(word) or replies.french(word).removesuffix(" Le brouillon est conservé.")


def _kept(desk: Desk, written: Reply, kept: Path | None) -> str:
    """Where the draft lies now; without one, the text itself."""
    try:
        path = kept or written.keep(Path.cwd())
    except OSError as error:
        text = desk.open(written.letter.octets, at=now()).text
        return f"Aucun brouillon n'a pu être gardé ici ({reason_in_french(error)}). {_given_back(text)}"
    return f"Brouillon gardé : {path} (le renvoyer avec --draft ne fera pas de double)"


def _forget(draft: Path | None) -> None:
    """A draft that was sent lies nowhere any more: it is in clear."""
    if draft is not None:
        draft.unlink(missing_ok=True)


def _tell(uid: int | None, written: Reply, outcome: Outcome, *, as_json: bool) -> None:
    state = outcome.state.label if outcome.state else None
    if as_json:
        print_json({
            "uid": uid,
            "destinataire": written.letter.recipient,
            "message_id": outcome.message_id,
            "réponse": outcome.receipt.reply,
            "octets": outcome.receipt.octets,
            "état": state,
            "copie": outcome.copied,
        })  # fmt: skip
        return
    click.echo(f"Message remis au serveur ({plain(outcome.receipt.reply)}).")
    if state is not None:
        click.echo(f"État de la commande : {state}")


@click.command("state", cls=FrenchCommand, short_help="Note l'état d'une commande.")
@at_desk
@click.argument("uid", type=int)
@click.argument("state", metavar="ÉTAT", callback=as_state, required=False)
@click.option("--clear", is_flag=True, help="La commande n'a plus d'état.")
@click.option("--notify", is_flag=True, help="Envoie aussi au patient le modèle de message de cet état.")
@click.option("--propose", metavar="TEXTE", help="Ce que propose le modèle « rupture », avec --notify.")
@as_json_option
def set_order_state(
    desk: Desk, uid: int, state: OrderState | None, clear: bool, notify: bool, propose: str | None, as_json: bool
) -> None:
    """Note l'état de la commande UID : toute l'équipe le voit, Thunderbird l'affiche en étiquette."""
    if (state is None) is not clear or (notify and state is None):
        known = ", ".join(map(state_slug, OrderState))
        raise click.UsageError(f"Il faut un état ({known}), ou bien --clear, sans --notify.")
    if propose is not None and (state is not OrderState.RUPTURE or not notify):
        raise click.UsageError("--propose va avec l'état rupture et --notify.")
    if notify and state is not None:
        answer = Answer(text=template(state, propose), state=state)
        _send(desk, uid, _written(desk, uid, answer), as_json=as_json)
        return

    async def note(client: MailboxClient) -> None:
        filed = await filed_message(client, desk, uid, at=now())
        filed.require_patient()
        await set_state(client, uid, state)

    with_mailbox(desk, note)
    label = state.label if state else None
    if as_json:
        print_json({"uid": uid, "état": label})
    else:
        click.echo(f"{uid:5}  {label or 'sans état'}")


@click.command("close", cls=FrenchCommand, short_help="Clôt un échange, ou tous.")
@at_desk
@click.argument("uid", type=int)
@click.option("--all", "everything", is_flag=True, help="Clôt tous les échanges avec ce patient ([FIN]).")
@click.option("--message", help="Le texte, à la place de celui qui est proposé.")
@as_json_option
def close_exchange(desk: Desk, uid: int, everything: bool, message: str | None, as_json: bool) -> None:
    """Clôt l'échange du message UID : le patient, prévenu, ne peut plus y répondre."""
    text = message if message is not None else (END_OF_ALL if everything else COURTEOUS_END)
    answer = Answer(text=not_empty(text), closing=Closing.ALL if everything else Closing.EXCHANGE)
    _send(desk, uid, _written(desk, uid, answer), as_json=as_json)
