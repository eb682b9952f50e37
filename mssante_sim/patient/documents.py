"""Files a patient may share: their kinds, told by content as well as by name.

[ENS Messagerie V1.3] stores pdf, txt, rtf, jpg, jpeg, tif, tiff, and png after
conversion, of at most 5 MB each.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mssante_sim.errors import SimulatorError, reason_in_french

__all__ = ["MAX_DOCUMENT_OCTETS", "MAX_MESSAGE_OCTETS", "Document", "DocumentRefused", "document", "read_document"]

MAX_DOCUMENT_OCTETS: Final = 5 * 1024 * 1024
MAX_MESSAGE_OCTETS: Final = 25 * 1024 * 1024  # as it travels  [ENS Messagerie V1.3 §6]
_PDF_MARGIN: Final = 1024  # readers look for the first and last line within a kilobyte of either end


class DocumentRefused(SimulatorError):
    """The file cannot be shared; the sentence, in French, says why."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was found to be what its name says."""

    name: str
    content_type: str
    content: bytes


def _is_pdf(content: bytes) -> bool:
    return b"%PDF-" in content[:_PDF_MARGIN] and b"%%EOF" in content[-_PDF_MARGIN:]


def _is_text(content: bytes) -> bool:
    return b"\0" not in content


def _begins(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(magics)


_JPEG = ("image/jpeg", _begins(b"\xff\xd8\xff"))
_TIFF = ("image/tiff", _begins(b"II*\0", b"MM\0*"))
_KINDS: Final[dict[str, tuple[str, Callable[[bytes], bool]]]] = {
    "pdf": ("application/pdf", _is_pdf),
    "txt": ("text/plain", _is_text),
    "rtf": ("application/rtf", _begins(b"{\\rtf")),
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "png": ("image/png", _begins(b"\x89PNG\r\n\x1a\n")),
    "tif": _TIFF,
    "tiff": _TIFF,
}


def document(name: str, content: bytes) -> Document:
    """The document, its kind proved by its first octets (and a PDF's by its last).

    Raises:
        DocumentRefused: empty, over 5 MB, of a kind that is not shared, or not what its name says.
    """
    extension = Path(name).suffix.lower().lstrip(".")
    if extension not in _KINDS:
        raise DocumentRefused(f"« {name} » ne peut pas être partagé : formats acceptés {', '.join(_KINDS)}.")
    if not content:
        raise DocumentRefused(f"« {name} » est vide.")
    _check_size(name, len(content))
    content_type, is_kind = _KINDS[extension]
    if not is_kind(content):
        raise DocumentRefused(
            f"« {name} » n'est pas un fichier {extension.upper()} lisible : choisissez un autre fichier."
        )
    return Document(Path(name).name, content_type, content)


def _check_size(name: str, octets: int) -> None:
    if octets > MAX_DOCUMENT_OCTETS:
        megabytes = f"{octets / 1024 / 1024:.1f}".replace(".", ",")
        raise DocumentRefused(f"« {name} » pèse {megabytes} Mo : la limite est de 5 Mo par document.")


def read_document(path: Path) -> Document:
    """The file at `path` as a document; of one that is too big nothing is read.

    Raises:
        DocumentRefused: as `document`, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            _check_size(path.name, os.fstat(file.fileno()).st_size)
            return document(path.name, file.read(MAX_DOCUMENT_OCTETS + 1))  # a device has no size and no end
    except OSError as error:
        raise DocumentRefused(f"« {path} » ne peut pas être lu : {reason_in_french(error)}.") from error
