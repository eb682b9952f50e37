"""XML without a DTD: read under limits, and text that XML can hold.

A document type declaration is refused as soon as the parser meets it, in
whatever encoding, so no entity is ever defined, expanded or fetched.  Nothing
outside of the octets is looked at: not a stylesheet, not a schema, not a reference.
"""

import re
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from mssante_sim.patient.documents import DocumentRefused

__all__ = ["local_name", "one_line", "read_xml", "xml_text"]

MAX_DEPTH: Final = 100
MAX_ELEMENTS: Final = 50_000
MAX_LINE: Final = 200  # characters of a title or a name

_NOT_IN_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": " ", "\n": " ", "\r": " "}
)
_ENCODINGS: Final = (None, "utf-8", "iso-8859-1")  # as declared; then what a wrong declaration hides most often


def xml_text(text: str) -> str:
    """`text` on one line, for an element or an attribute between double quotes.

    Raises:
        DocumentRefused: it holds a character that XML cannot hold.
    """
    if _NOT_IN_XML.search(text):
        raise DocumentRefused("Un texte du document contient un caractère interdit : corrigez-le et recommencez.")
    return text.translate(_ESCAPES)


def one_line(text: str) -> str | None:
    """What of `text` fits a line of a screen, without what a terminal would obey; None if that is nothing."""
    shown = (character if character.isprintable() else " " for character in text[: 5 * MAX_LINE])
    return " ".join("".join(shown).split())[:MAX_LINE] or None


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def read_xml(octets: bytes, name: str) -> Element:
    """The root of the XML document `octets`; `name` is what a refusal calls it.

    Raises:
        DocumentRefused: no XML, one with a DTD, or one too deep or too rich for any document of this kind.
    """
    for encoding in _ENCODINGS:
        try:
            return _Reader(name, encoding).read(octets)
        except (expat.ExpatError, LookupError, ValueError):  # of the encoding, or of the form
            continue
    raise DocumentRefused(f"« {name} » n'est pas un document XML lisible : demandez un nouvel envoi.")


class _Reader:
    """One pass over one document."""

    def __init__(self, name: str, encoding: str | None) -> None:
        self._name, self._depth, self._elements = name, 0, 0
        self._builder = TreeBuilder()
        self._parser = parser = expat.ParserCreate(encoding, "}")
        parser.buffer_text, parser.buffer_size = True, 65_536
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._builder.data

    def read(self, octets: bytes) -> Element:
        self._parser.Parse(octets, True)
        return self._builder.close()

    def _doctype(self, *_declared: object) -> None:
        raise DocumentRefused(
            f"« {self._name} » contient une déclaration de type (DOCTYPE) : elle peut cacher une attaque, "
            "le document n'est pas ouvert."
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise DocumentRefused(
                f"« {self._name} » est trop complexe pour un document de santé : il n'est pas ouvert."
            )
        self._builder.start(_clark(tag), {_clark(key): value for key, value in attributes.items()})

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(_clark(tag))


def _clark(name: str) -> str:
    """`uri}local` as ElementTree writes it."""
    return "{" + name if "}" in name else name
