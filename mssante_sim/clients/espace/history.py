"""Everything that a patient and pharmacies exchanged, told in the order of time, and as folders of files."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from mssante_sim.clients.espace.saving import NotWritten
from mssante_sim.clients.espace.service import EspaceSante
from mssante_sim.clients.files import new_file, new_folder
from mssante_sim.clients.spreadsheet import table
from mssante_sim.patient import api

__all__ = ["STATES", "closing_of", "conversations", "export", "history", "moment", "states_of"]

STATES: Final[dict[api.MessageState, str]] = {
    "sent": "envoyé",
    "delivered": "remis",
    "failed": "non remis",
    "received": "reçu",
    "opened": "ouvert",
    "answered": "répondu",
}

_FINESS: Final = re.compile(r"[0-9][0-9AB][0-9]{7}")
_HEADINGS: Final = (
    "dossier", "fichier", "date", "sens", "pharmacie", "FINESS", "objet", "pièces", "états", "clos",
)  # fmt: skip

_READ_ME: Final = """\
Export de Mon espace santé ({name}), fait le {at}
Données fictives (mssante-sim).

Un dossier par conversation. Chaque message y est un fichier .eml, déchiffré : il s'ouvre avec tout logiciel de
messagerie. Ses pièces jointes sont à côté, avec le même numéro. {index} énumère le tout.

Attention : ces fichiers sont en clair. Conservez-les comme tout document de santé, ou effacez-les après usage.
"""


def conversations(
    espace: EspaceSante, pharmacy: str | None = None, since: datetime | None = None
) -> list[api.ConversationLine]:
    """The one with the latest message first; `pharmacy` is a FINESS or a part of the name."""
    finess = pharmacy.upper() if pharmacy and _FINESS.fullmatch(pharmacy.upper()) else None
    name = "" if finess or not pharmacy else pharmacy.casefold()
    found = espace.conversations(finess, since and since.astimezone().date())
    return [one for one in found if name in one.pharmacy.label.casefold() and (since is None or one.last >= since)]


def history(
    espace: EspaceSante,
    pharmacy: str | None = None,
    since: datetime | None = None,
    *,
    read: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[api.Conversation]:
    """The conversations with all their messages, the one that moved last at the end.

    `read` is called with how many have been read, and how many there are.
    """
    lines = conversations(espace, pharmacy, since)
    found: list[api.Conversation] = []
    for line in reversed(lines):
        found.append(espace.conversation(line.id))
        read(len(found), len(lines))
    return found


def moment(at: datetime) -> str:
    """Day and minute, as one writes them in France."""
    return f"{at.astimezone():%d/%m/%Y à %H:%M}"


def states_of(line: api.MessageLine | api.Message) -> list[str]:
    """What became of a message, in French, in the order in which it happened."""
    told = [STATES[state] for state in line.states]
    if line.opened is not None and "opened" in line.states:
        told[line.states.index("opened")] = f"ouvert le {moment(line.opened)}"
    if line.failure and "failed" in line.states:
        told[line.states.index("failed")] = f"non remis : {line.failure}"
    return told


def closing_of(conversation: api.ConversationLine) -> str:
    """When it was closed and by whom; empty if it is open."""
    closed = conversation.closed
    return f"clos le {moment(closed.at)} par {closed.by}" if closed else ""


def export(
    espace: EspaceSante,
    conversations: Sequence[api.Conversation],
    folder: Path,
    *,
    at: datetime,
    done: Callable[[int], None] = lambda _: None,
) -> Path:
    """`folder` holds each conversation, an index and a LISEZMOI.txt; nothing that was there is changed.

    Returns the index; `done` is called with the octets of each message.

    Raises:
        NotWritten: the disk says no.
        NotTaken: a message has disappeared meanwhile.
    """
    rows: list[tuple[str, ...]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for conversation in conversations:
            head = conversation.conversation
            begun = conversation.messages[0].date.astimezone()
            place = new_folder(folder, f"{begun:%Y-%m-%d} {head.pharmacy.label}")
            for number, line in enumerate(conversation.messages, 1):
                file = _write(espace, line, place, number)
                rows.append((place.name, file.name, *_row(head, line)))
                done(line.octets)
        index = new_file(folder, "index.csv", table(_HEADINGS, rows))
        text = _READ_ME.format(name=espace.profile().name, at=moment(at), index=index.name)
        new_file(folder, "LISEZMOI.txt", text.encode())
    except OSError as error:
        raise NotWritten(folder, error) from error
    return index


def _write(espace: EspaceSante, line: api.MessageLine, place: Path, number: int) -> Path:
    way = "envoyé" if line.direction == "sent" else "reçu"
    file = new_file(place, f"{number:03} {line.date.astimezone():%Y-%m-%d %Hh%M} {way}.eml", espace.source(line.id))
    for one in line.attachments:
        new_file(place, f"{number:03} {one.name}", espace.attachment(line.id, one.n))
    return file


def _row(head: api.ConversationLine, line: api.MessageLine) -> tuple[str, ...]:
    return (
        f"{line.date.astimezone():%d/%m/%Y %H:%M}", "envoyé" if line.direction == "sent" else "reçu",
        head.pharmacy.label, head.pharmacy.finess or "", line.subject, ", ".join(one.name for one in line.attachments),
        ", ".join(states_of(line)), closing_of(head),
    )  # fmt: skip
