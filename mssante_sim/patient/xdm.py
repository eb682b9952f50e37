"""IHE_XDM.ZIP: a prescription packed for other software, and such archives of others read.

Reading is strict about what is dangerous (bombs, paths, archives in archives, DTDs,
documents that are not the announced ones, two patients) and forgiving about form:
what is merely odd becomes a remark.  Nothing is unpacked to a disk, nothing is
fetched, and what a document is, its content says, not its label.  [CI-SIS]
[Référentiel MSSanté #2 ECO.2.1.1-2.1.6]
"""

import hashlib
import io
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePosixPath
from typing import Final

from mssante_sim.directory.identifiers import Ins
from mssante_sim.directory.model import PatientProfile
from mssante_sim.patient.cda import Described, PrescriptionFacts, document_id, is_cda, read_cda, write_cda
from mssante_sim.patient.documents import MAX_MESSAGE_OCTETS, DocumentRefused, document
from mssante_sim.patient.plain_xml import one_line, read_xml, xml_text
from mssante_sim.patient.xds import Entry, read_metadata, write_metadata

__all__ = ["XDM_NAME", "XdmContent", "XdmDocument", "is_xdm", "pdf_name", "read_xdm", "write_xdm", "xdm_subject"]

XDM_NAME: Final = "IHE_XDM.ZIP"
_SUBSET: Final = "IHE_XDM/SUBSET01/"
_METADATA: Final = "METADATA.XML"
_DOCUMENT: Final = "DOC00001.XML"


@dataclass(frozen=True, slots=True)
class XdmDocument:
    """A PDF that came in an archive, with what the archive says of it."""

    name: str  # of the document in the archive, ending with .pdf
    content: bytes = field(repr=False)
    title: str
    day: date | None
    author: str | None
    ins: Ins | None
    code: str | None  # 57833-6 for a prescription


@dataclass(frozen=True, slots=True)
class XdmContent:
    """The PDFs of an archive, in order; all of one patient."""

    documents: tuple[XdmDocument, ...]
    remarks: tuple[str, ...] = ()  # French: what is odd and did no harm


# Writing ---------------------------------------------------------------------------------------------

_README: Final = """\
Archive IHE XDM\r
\r
Document : {title}\r
Émetteur : {author}, {structure}\r
\r
IHE_XDM/SUBSET01/METADATA.XML décrit l'archive, INDEX.HTM l'ouvre dans un navigateur.\r
Écrite par mssante-sim, un simulateur : les données sont fictives.\r
"""
_INDEX: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="fr">
<head><title>{title}</title></head>
<body>
<h1>{title}</h1>
<p>{author}, {structure}</p>
<ul><li><a href="{path}">{title}</a></li><li><a href="README.TXT">README.TXT</a></li></ul>
</body>
</html>
"""


def write_xdm(facts: PrescriptionFacts, pdf: bytes) -> bytes:
    """The archive that holds `pdf` in a CDA document; equal arguments give equal octets.

    Raises:
        DocumentRefused: `pdf` is none or over 5 MB, or a text holds what XML cannot.
    """
    cda = write_cda(facts, pdf)
    texts = {
        "title": facts.title,
        "author": f"{facts.author.given_name} {facts.author.family_name}",
        "structure": facts.author.structure_name,
        "path": _SUBSET + _DOCUMENT,
    }
    metadata = write_metadata(facts, cda, uri=_DOCUMENT, identity=document_id(facts, pdf))
    return _zipped(
        {
            "INDEX.HTM": _INDEX.format_map({name: xml_text(text) for name, text in texts.items()}).encode(),
            "README.TXT": _README.format_map(texts).encode(),
            _SUBSET + _METADATA: metadata,
            _SUBSET + _DOCUMENT: cda,
        }
    )


def _zipped(files: dict[str, bytes]) -> bytes:
    """`files` as an archive with nothing in it of the machine or the hour."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.create_system, member.compress_type = 0, zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return target.getvalue()


def xdm_subject(label: str, patient: PatientProfile) -> str:
    """The subject of a health-document mail; the date is the patient's birth  [Référentiel MSSanté #2 ECO.2.1.3]."""
    return f"XDM/1.0/DDM+{label} {patient.family_name.upper()} {patient.given_name} {patient.born:%d/%m/%Y}"


def pdf_name(kind: str, patient: PatientProfile, day: date) -> str:
    """The name of a PDF beside the archive, in letters, digits and "-" that any system takes  [ECO.2.1.6]."""
    names = _safe(kind)[:40].strip("-"), _safe(patient.family_name.upper())[:60], _safe(patient.given_name)[:60]
    return f"{day:%Y%m%d}_" + "_".join(name or "X" for name in names) + ".pdf"


_LIGATURES: Final = str.maketrans({"Œ": "OE", "œ": "oe", "Æ": "AE", "æ": "ae", "ß": "ss", "ẞ": "SS"})


def _safe(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^A-Za-z0-9]+", "-", letters).strip("-")


# Opening archives ------------------------------------------------------------------------------------

MAX_FILES: Final = 64
MAX_UNPACKED_OCTETS: Final = 32 * 1024 * 1024
MAX_RATIO: Final = 100  # of what is over a mebibyte
_LISTED: Final = re.compile(rb"PK\x01\x02.{42}IHE_XDM[/\\]", re.DOTALL | re.IGNORECASE)
_ARCHIVES: Final = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"BZh",
    b"\xfd7zXZ\0",
)
_UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError, LookupError,
    OverflowError,
)  # fmt: skip


def is_xdm(octets: bytes) -> bool:
    """Whether `octets` list a file of an XDM archive, whatever they are called; not whether they are sound."""
    return _LISTED.search(octets) is not None


def _refused(reason: str) -> DocumentRefused:
    return DocumentRefused(f"« {XDM_NAME} » n'est pas ouverte : {reason}.")


def _files(octets: bytes) -> dict[str, bytes]:
    """Every file of the archive by its path in upper case, read under all limits.

    1 the archive is no longer than a message, and lists few files
    2 each is stored or deflated, neither encrypted nor a link, of a plain path that comes once
    3 what they say they unpack to is bounded, as a whole and for each file
    4 that is what they unpack to, with the right checksum, and none is an archive
    """
    if len(octets) > MAX_MESSAGE_OCTETS:
        raise _refused("elle dépasse 25 Mo")
    if octets.count(b"PK\x01\x02") > MAX_FILES:  # before anything is allocated for them
        raise _refused("elle contient trop de fichiers")
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            members = [(_path(member), member) for member in archive.infolist()]
            _check_sizes(member for _, member in members)
            for path, member in members:
                if not path:
                    continue
                if path in files:
                    raise _refused("deux fichiers portent le même nom")
                with archive.open(member) as stream:
                    # Bounded, for a whole read() unpacks first and looks at the announced size afterwards.
                    files[path] = stream.read(member.file_size + 1)
                if files[path].startswith(_ARCHIVES):
                    raise _refused("elle contient une autre archive")
    except _UNREADABLE as error:
        raise _refused("elle est abîmée ou n'est pas une archive ZIP lisible") from error
    return files


def _path(member: zipfile.ZipInfo) -> str:
    """Where `member` lies, in upper case; "" for a folder. Some systems write backslashes."""
    name = member.orig_filename.replace("\\", "/")
    steps = PurePosixPath(name).parts
    is_link = member.external_attr >> 16 & 0o170000 == 0o120000
    if not name.isprintable() or ":" in name or name.startswith("/") or ".." in steps or is_link:
        raise _refused("elle contient un chemin de fichier dangereux")
    if member.flag_bits & 1:
        raise _refused("elle est protégée par un mot de passe")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refused("sa compression n'est pas admise")
    return "" if name.endswith("/") else "/".join(steps).upper()


def _check_sizes(members: Iterator[zipfile.ZipInfo]) -> None:
    total = 0
    for member in members:
        total += member.file_size
        free = 1024 * 1024
        if total > MAX_UNPACKED_OCTETS or member.file_size > free + MAX_RATIO * member.compress_size:
            raise _refused("son contenu décompressé serait démesuré")


# Reading what is in them -----------------------------------------------------------------------------


def read_xdm(octets: bytes) -> XdmContent:
    """The PDFs of an XDM archive, each wrapped in a CDA document or as it is, with what is said of them.

    Raises:
        DocumentRefused: the archive is dangerous, damaged or about several patients, a document is not the
            announced one, or no PDF is in it; the sentence, in French, says which.
    """
    remarks: list[str] = []
    documents = [
        document
        for path, content, entry in _announced(_files(octets), remarks)
        for document in _documents(path, content, entry.described if entry else Described(), remarks)
    ]
    if not documents:
        raise _refused("elle ne contient aucun document PDF")
    if len({document.ins for document in documents} - {None}) > 1:
        raise _refused("elle concerne plusieurs patients")  # [Référentiel MSSanté #2 ECO.2.1.1]
    return XdmContent(_named_apart(documents), tuple(remarks))


def _announced(files: dict[str, bytes], remarks: list[str]) -> Iterator[tuple[str, bytes, Entry | None]]:
    """Each document with its entry; without metadata, everything that lies where documents do."""
    folders = [path.removesuffix(_METADATA) for path in files if re.fullmatch(r"IHE_XDM/[^/]+/METADATA\.XML", path)]
    if not folders:
        remarks.append(f"{_METADATA} est absent : rien n'atteste que les documents sont complets.")
        for path, content in files.items():
            if re.fullmatch(r"IHE_XDM/[^/]+/[^/]+", path):
                yield path, content, None
    seen: set[str] = set()
    for folder in folders:
        for entry in read_metadata(read_xml(files[folder + _METADATA], _METADATA)):
            path = _found(files, folder, entry.uri)
            if path not in seen:
                seen.add(path)
                _check_entry(entry, path, files[path])
                yield path, files[path], entry


def _found(files: dict[str, bytes], folder: str, uri: str) -> str:
    """The file that an entry names from its folder, or by its last part alone."""
    named = uri.upper().replace("\\", "/").removeprefix("./")
    for path in (folder + named, folder + named.rpartition("/")[2]):
        if path in files:
            return path
    raise _refused(f"il y manque un document annoncé, « {one_line(uri)} »")


def _check_entry(entry: Entry, path: str, content: bytes) -> None:
    """The file is the announced one: by its hash, else by its size."""
    actual = hashlib.sha1(content, usedforsecurity=False).hexdigest()  # what XDS prescribes
    if entry.sha1 != actual if entry.sha1 else entry.size not in (None, len(content)):
        raise _refused(f"le document {PurePosixPath(path).name} n'est pas celui qui est annoncé (empreinte différente)")


def _documents(path: str, content: bytes, entry: Described, remarks: list[str]) -> Iterator[XdmDocument]:
    """The PDFs in one file; what the document says of itself goes before what its entry says."""
    name = PurePosixPath(path).name
    if content.startswith(b"%PDF-"):
        yield _checked(name, content, entry)
        return
    if not content.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<"):
        remarks.append(f"{name} n'est ni un PDF ni un document CDA : il n'est pas repris.")
        return
    root = read_xml(content, name)
    if not is_cda(root):
        remarks.append(f"{name} n'est pas un document CDA : il n'est pas repris.")
        return
    said, pdfs = read_cda(root, name)
    if said.ins and entry.ins and said.ins != entry.ins:
        raise _refused("elle concerne plusieurs patients")
    if not pdfs:
        remarks.append(f"{name} ne contient pas de PDF : il n'est pas repris.")
    merged = Described(
        said.title or entry.title, said.day or entry.day, said.author or entry.author, said.ins or entry.ins,
        said.code or entry.code,
    )  # fmt: skip
    yield from (_checked(name, pdf, merged) for pdf in pdfs)


def _checked(name: str, pdf: bytes, said: Described) -> XdmDocument:
    proved = document(f"{PurePosixPath(name).stem}.pdf", pdf)
    return XdmDocument(
        proved.name, proved.content, said.title or "Document", said.day, said.author, said.ins, said.code
    )


def _named_apart(documents: list[XdmDocument]) -> tuple[XdmDocument, ...]:
    """`documents`, each under a name of its own: one that came before gets a number."""
    apart: dict[str, XdmDocument] = {}
    for one in documents:
        name, number = one.name, 1
        while name in apart:
            number += 1
            name = f"{one.name.removesuffix('.pdf')}-{number}.pdf"
        apart[name] = replace(one, name=name)
    return tuple(apart.values())
