"""The arguments of SELECT and EXAMINE [RFC 3501 §6.3.1] [RFC 7162 §7]."""

from mssante_sim.imap.core.arguments import Resync
from mssante_sim.imap.core.commands import Select
from mssante_sim.imap.core.cursor import Cursor
from mssante_sim.imap.core.faults import SyntaxFault
from mssante_sim.imap.core.grammar import choice, list_of, mailbox, plain_set
from mssante_sim.imap.core.sequence import SequenceSet

__all__ = ["select"]


def select(cursor: Cursor, tag: str, *, read_only: bool) -> Select:
    """``"SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]``; CONDSTORE and QRESYNC, each once."""
    cursor.sp()
    named = mailbox(cursor)
    if not cursor.octet(b" "):
        return Select(tag, named, read_only)
    given = list_of(cursor, _param)
    params = dict(given)
    if len(params) < len(given):
        raise SyntaxFault("A parameter is given twice.")
    return Select(tag, named, read_only, "CONDSTORE" in params, params.get("QRESYNC"))


def _param(cursor: Cursor) -> tuple[str, Resync | None]:
    word = choice(cursor, {"CONDSTORE": "CONDSTORE", "QRESYNC": "QRESYNC"}, "a parameter")
    if word == "CONDSTORE":
        return word, None
    cursor.sp()
    return word, _resync(cursor)


def _resync(cursor: Cursor) -> Resync:
    """``"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"``.

    The grammar has no mod-sequence 0; a client that knows of none sends it, and servers take it.  QUIRK modseq_zero
    """
    cursor.expect_octet(b"(")
    uidvalidity = cursor.expect(cursor.nz_number(), "the UIDVALIDITY")
    cursor.sp()
    modseq = cursor.expect(cursor.number64(), "a mod-sequence")
    uids: SequenceSet | None = None
    sample: tuple[SequenceSet, SequenceSet] | None = None
    more = cursor.octet(b" ")
    if more and not cursor.at(b"("):
        uids = plain_set(cursor, "known UIDs")
        more = cursor.octet(b" ")
    if more:
        sample = _sample(cursor)
    cursor.expect_octet(b")")
    return Resync(uidvalidity, modseq, uids, sample)


def _sample(cursor: Cursor) -> tuple[SequenceSet, SequenceSet]:
    """``seq-match-data = "(" known-sequence-set SP known-uid-set ")"``."""
    cursor.expect_octet(b"(")
    numbers = plain_set(cursor, "message numbers")
    cursor.sp()
    uids = plain_set(cursor, "their UIDs")
    cursor.expect_octet(b")")
    if _count(numbers) != _count(uids):
        raise SyntaxFault("Each known message number needs its UID, and each UID its number.")
    return numbers, uids


def _count(numbers: SequenceSet) -> int:
    return sum(abs(last - first) + 1 for first, last in numbers.ranges)
