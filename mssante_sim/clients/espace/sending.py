"""What goes with a message, looked at before anything leaves this side; and the draft that stays when sending fails."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mssante_sim.clients.espace.answers import FileDeclined, NotTaken, Unreached
from mssante_sim.clients.espace.service import EspaceSante, Progress
from mssante_sim.patient import api
from mssante_sim.patient.documents import MAX_MESSAGE_OCTETS, Document, read_document

__all__ = ["Pieces", "check_size", "draft_kept", "gather", "shelve"]

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
_ORDERS: Final = "ORD_SOIN"


@dataclass(frozen=True, slots=True)
class Pieces:
    """What goes with a message.

    Attributes:
        shared: documents that are in Mon espace santé already.
        added: files that become documents when the message is written.
        attached: files that only go with the message.
    """

    shared: tuple[api.Document, ...]
    added: tuple[Document, ...] = field(repr=False)
    attached: tuple[Document, ...] = field(repr=False)

    @property
    def sizes(self) -> list[tuple[str, int]]:
        """Name and octets of each."""
        files = [(one.name, len(one.content)) for one in (*self.added, *self.attached)]
        return [(one.name, one.octets) for one in self.shared] + files

    @property
    def octets(self) -> int:
        """Of all together."""
        return sum(octets for _, octets in self.sizes)


def gather(espace: EspaceSante, documents: Sequence[str], attachments: Sequence[Path]) -> Pieces:
    """The pieces that the user named: documents by id or path, attachments by path.

    Raises:
        DocumentRefused: a file cannot be shared.
        NotTaken: there is no such document.
    """
    paths = [Path(one) for one in documents if not _is_id(one)]
    added = tuple(read_document(path) for path in paths)
    attached = tuple(read_document(path) for path in attachments)
    return Pieces(tuple(espace.document(one) for one in documents if _is_id(one)), added, attached)


def _is_id(named: str) -> bool:
    return _ID.fullmatch(named) is not None and not Path(named).exists()


def check_size(pieces: Pieces) -> None:
    """They fit into one message.  Raises: FileDeclined."""
    if pieces.octets * 78 // 57 > MAX_MESSAGE_OCTETS:  # a line of base64 makes 78 octets of 57
        raise FileDeclined(
            "too-big", "Ces documents dépassent ensemble 25 Mo une fois préparés : envoyez-en moins à la fois."
        )


def shelve(espace: EspaceSante, pieces: Pieces, progress: Progress | None = None) -> list[str]:
    """The ids of the documents; those that were files are among the patient's documents now, each once."""
    ids = [one.id for one in pieces.shared]
    if pieces.added:
        there = espace.documents(_ORDERS).documents
        ids += [_known(espace, file, there) or _new(espace, file, progress) for file in pieces.added]
    return ids


def _known(espace: EspaceSante, file: Document, there: Sequence[api.Document]) -> str | None:
    """The document that is this very file: whoever tries again does not pile up copies."""
    same = (one for one in there if (one.name, one.octets) == (file.name, len(file.content)))
    return next((one.id for one in same if espace.content(one.id) == file.content), None)


def _new(espace: EspaceSante, file: Document, progress: Progress | None) -> str:
    return espace.add(file, category=_ORDERS, progress=progress).id


@contextmanager
def draft_kept(draft: str, command: Callable[[str], str]) -> Iterator[None]:
    """An error in the block says that the draft is kept, and how to send it again; `command` writes the command."""
    try:
        yield
    except NotTaken as error:
        if error.word == "draft-missing":
            raise
        again = " Le renvoyer ne fera pas de double." if isinstance(error, Unreached) else ""
        error.french = f"{error.french}\nBrouillon {draft} gardé.{again} Pour le renvoyer : {command(draft)}"
        raise
