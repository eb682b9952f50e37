"""Conversations as folders of files that any mail program, viewer and spreadsheet opens; in clear, on purpose."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from mssante_sim.clients.correspondence import filed_message
from mssante_sim.clients.desk import Desk, NotSaved
from mssante_sim.clients.files import new_file, new_folder
from mssante_sim.clients.history import Conversation, Exchange
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.spreadsheet import table

__all__ = ["export_conversations"]

_HEADINGS: Final = (
    "dossier", "fichier", "date", "sens", "correspondant", "adresse", "objet", "pièces", "auteur", "état", "répondu",
    "suivi", "clos", "signataire", "doute",
)  # fmt: skip

_READ_ME: Final = """\
Export de la messagerie {account}, fait le {at}
Données fictives (mssante-sim).

Un dossier par conversation, dans l'ordre du temps. Chaque message y est un fichier .eml, déchiffré : il s'ouvre avec
tout logiciel de messagerie ; la signature de son auteur, s'il y en a une, y est encore. Ses pièces jointes sont à côté,
avec le même numéro. {index} énumère le tout.

Attention : ces fichiers sont en clair. Conservez-les comme tout document de santé, ou effacez-les après usage.
"""


async def export_conversations(
    client: MailboxClient,
    desk: Desk,
    conversations: Iterable[Conversation],
    folder: Path,
    *,
    at: datetime,
    done: Callable[[Exchange], None] = lambda _: None,
) -> Path:
    """`folder` holds each conversation, an index and a LISEZMOI.txt; nothing that was there is changed.

    A message that none of the keys opens is written as it lies on the server. Returns the index.

    Raises:
        NotSaved: a file could not be written; those before it are there.
        MessageMissing: a message has disappeared since `conversations` was read.
    """
    try:
        pages = list(_pages(conversations, folder))
        files: dict[int, str] = {}
        for source in {page.exchange.folder: None for page in pages}:
            await client.select(source)
            for number, page in enumerate(pages):
                if page.exchange.folder == source:
                    files[number] = await _write(client, desk, page, at)
                    done(page.exchange)
        rows = [_row(files[number], page) for number, page in enumerate(pages)]
        index = new_file(folder, "index.csv", table(_HEADINGS, rows))
        text = _READ_ME.format(account=desk.account.address, at=f"{at.astimezone():%d/%m/%Y à %H:%M}", index=index.name)
        new_file(folder, "LISEZMOI.txt", text.encode())
    except OSError as error:
        raise NotSaved(folder, error) from error
    return index


@dataclass(frozen=True, slots=True)
class _Page:
    """One message of an export and where it goes."""

    conversation: Conversation
    exchange: Exchange
    place: Path
    number: int


def _pages(conversations: Iterable[Conversation], folder: Path) -> Iterator[_Page]:
    for count, conversation in enumerate(conversations, 1):
        day = conversation.exchanges[0].at.astimezone()
        place = new_folder(folder, f"{count:04} {day:%Y-%m-%d} {conversation.correspondent.name or 'sans nom'}")
        for number, exchange in enumerate(conversation.exchanges, 1):
            yield _Page(conversation, exchange, place, number)


async def _write(client: MailboxClient, desk: Desk, page: _Page, at: datetime) -> str:
    """The name of the message's file; its attachments lie beside it."""
    exchange, prefix = page.exchange, f"{page.number:03}"
    filed = await filed_message(client, desk, exchange.uid, at=at)
    way = "envoyé" if exchange.outgoing else "reçu"
    name = f"{prefix} {exchange.at.astimezone():%Y-%m-%d %Hh%M} {way}.eml"
    opened = filed.opened
    file = new_file(page.place, name, filed.octets if opened is None else opened.readable)
    for attachment in opened.attachments if opened is not None else ():
        new_file(page.place, f"{prefix} {attachment.name}", attachment.content)
    return file.name


def _row(file: str, page: _Page) -> tuple[str, ...]:
    one, closed = page.exchange, page.conversation.closed
    return (
        page.place.name, file, f"{one.at.astimezone():%d/%m/%Y %H:%M}", "envoyé" if one.outgoing else "reçu",
        one.correspondent.name, one.correspondent.address, one.subject, ", ".join(one.documents), one.author or "",
        one.state.label if one.state else "", "oui" if one.answered else "non", ", ".join(one.news),
        f"{closed.at.astimezone():%d/%m/%Y %H:%M}" if closed else "", one.signer or "", one.doubt or "",
    )  # fmt: skip
