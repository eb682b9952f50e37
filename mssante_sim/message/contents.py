"""What a person finds in a message: its text and its files."""

from typing import Final

from mssante_sim.message.parts import Part, decoded, walk
from mssante_sim.message.text import decode_charset

__all__ = ["files_of", "text_of"]

_SIGNATURES: Final = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})


def text_of(octets: bytes, root: Part) -> str:
    """The first plain text that is no file, its line ends as they came; "" if there is none."""
    body = next((one for one in _leaves(root) if one.content_type == "text/plain" and one.filename is None), None)
    if body is None:
        return ""
    return decode_charset(decoded(octets, body), body.params.get("charset") or "us-ascii")


def files_of(root: Part) -> list[Part]:
    """The parts that have a file name, signatures apart, in order."""
    return [part for part in _leaves(root) if part.filename is not None]


def _leaves(root: Part) -> list[Part]:
    return [part for part in walk(root) if not part.children and part.content_type not in _SIGNATURES]
