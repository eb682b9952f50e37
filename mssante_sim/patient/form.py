"""multipart/form-data out of memory: fields and files at offsets, nothing on a disk.  [RFC 7578]"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mssante_sim.message.headers import decode_text, parse_parameters
from mssante_sim.message.parts import parse
from mssante_sim.patient.faults import Fault

__all__ = ["Form", "read_form"]

_MOST_PARTS: Final = 250


@dataclass(frozen=True, slots=True)
class Form:
    """Fields in their order, and files as name of the field, name of the file, octets."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str, bytes], ...] = field(repr=False)


def read_form(content_type: str, chunks: Sequence[bytes]) -> Form:
    """The form that a body with that Content-Type holds.

    Raises:
        Fault: it is none, or has too many parts.
    """
    octets = b"".join((b"Content-Type: ", content_type.encode("latin-1", "replace"), b"\r\n\r\n", *chunks))
    root = parse(octets)
    if root.content_type != "multipart/form-data" or not 0 < len(root.children) <= _MOST_PARTS:
        raise Fault("bad-body")
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, str, bytes]] = []
    for part in root.children:
        _, parameters = parse_parameters(part.header.get("content-disposition", b""))
        name, filename = parameters.get("name"), parameters.get("filename")
        if not name:
            raise Fault("bad-body")
        body = octets[part.body_start : part.end]  # as it is: form-data has no transfer encoding
        if filename is None:
            fields.append((name, decode_text(body)))
        else:
            files.append((name, filename, body))
    return Form(tuple(fields), tuple(files))
