"""A document with all that is said of it, as one message, and back."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, get_args

from mssante_sim.message.addresses import Address
from mssante_sim.message.compose import Attachment, Draft, compose
from mssante_sim.message.contents import files_of
from mssante_sim.message.headers import decode_words
from mssante_sim.message.parts import Part, decoded, parse
from mssante_sim.patient.api import CategoryCode
from mssante_sim.patient.documents import Document
from mssante_sim.patient.faults import Fault

__all__ = ["CATEGORIES", "Paper", "compose_paper", "content_of", "read_paper", "safe_name", "xdm_of"]

CATEGORIES: Final[Mapping[CategoryCode, str]] = MappingProxyType(
    {
        "ORD_SOIN": "Ordonnances et soins",
        "SYNTHESE": "Synthèses",
        "RADIO_SC": "Imagerie médicale",
        "BIOLOGIE": "Résultats de biologie",
        "CPT_REND": "Comptes rendus",
        "DEPISTAG": "Prévention et dépistage",
        "CERT_MED": "Certificats médicaux",
        "DOC_ADM": "Documents administratifs",
        "DIR_ANT": "Directives anticipées",
        "AUTR_DOC": "Autres documents",
    }
)
"""The shelves of "Documents", in their order.  [ENS Messagerie V1.3]"""

_XDM_NAME: Final = "IHE_XDM.ZIP"
_XDM_TYPE: Final = "application/zip"


@dataclass(frozen=True, slots=True)
class Paper:
    """What is said of a document."""

    category: CategoryCode
    title: str
    author: str
    added_by: str
    dated: date | None
    name: str = ""
    content_type: str = ""
    octets: int = 0
    xdm: bool = False


@dataclass(frozen=True, slots=True)
class Filed:
    """A paper with its document, and the IHE_XDM.ZIP it came in."""

    paper: Paper
    document: Document = field(repr=False)
    xdm: bytes | None = field(default=None, repr=False)


def compose_paper(filed: Filed, owner: Address, *, at: datetime, message_id: str) -> bytes:
    """The message that holds it.  Raises: CannotCompose."""
    paper, document = filed.paper, filed.document
    files = [Attachment(document.name, document.content_type, document.content)]
    if filed.xdm is not None:
        files.append(Attachment(_XDM_NAME, _XDM_TYPE, filed.xdm))
    extra = [
        ("X-MES-Category", paper.category),
        ("X-MES-Author", paper.author),
        ("X-MES-Added-By", paper.added_by),
        *([("X-MES-Dated", paper.dated.isoformat())] if paper.dated else []),
    ]
    return compose(Draft(owner, (), paper.title, "", at, message_id, attachments=tuple(files), extra=tuple(extra)))


def read_paper(entity: bytes) -> Paper | None:
    """What `compose_paper` wrote; None if it is something else."""
    root = parse(entity)
    files = files_of(root)
    category = next((code for code in get_args(CategoryCode) if code == _words(root, "x-mes-category")), None)
    if category is None or not files:
        return None
    dated = _words(root, "x-mes-dated")
    return Paper(
        category=category,
        title=_words(root, "subject"),
        author=_words(root, "x-mes-author"),
        added_by=_words(root, "x-mes-added-by"),
        dated=date.fromisoformat(dated) if dated else None,
        name=files[0].filename or "",
        content_type=files[0].content_type,
        octets=len(decoded(entity, files[0])),
        xdm=len(files) > 1,
    )


def content_of(entity: bytes) -> bytes:
    """The octets of the document."""
    return decoded(entity, files_of(parse(entity))[0])


def xdm_of(entity: bytes) -> bytes | None:
    """The octets of the IHE_XDM.ZIP it came in, if it did."""
    files = files_of(parse(entity))
    return decoded(entity, files[1]) if len(files) > 1 else None


def safe_name(name: str) -> str:
    """The last component of `name`, that may be shown and saved anywhere.

    Raises:
        Fault: nothing is left, or it holds what is not printed (and may hide what kind of file it is).
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in last).strip()
    if not plain or plain.strip(".") == "" or not plain.isprintable() or len(plain.encode()) > 255:
        raise Fault("bad-name")
    return plain


def _words(root: Part, name: str) -> str:
    return decode_words(root.header.get(name, b""))
