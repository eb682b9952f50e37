"""The classes of octets, each of all 256 held against the grammar's own words."""

import re

import pytest

from mssante_sim.imap.core import octets as o
from mssante_sim.imap.core.framing import Frame
from mssante_sim.imap.core.parse import parse

CTL = [*range(0x20), 0x7F]  # [RFC 5234 §B.1]
ATOM_SPECIALS = [*b'(){ %*"\\]', *CTL]  # [RFC 3501 §9]


@pytest.mark.parametrize("octet", range(256))
def test_classes_hold_what_the_grammar_says(octet: int) -> None:
    is_char = 0x01 <= octet <= 0x7F
    is_atom_char = is_char and octet not in ATOM_SPECIALS
    assert (octet in o.CTLS) == (octet in CTL)
    assert (octet in o.ATOM_CHARS) == is_atom_char
    assert (octet in o.ASTRING_CHARS) == (is_atom_char or octet == ord("]"))
    assert (octet in o.LIST_CHARS) == (is_atom_char or octet in b"]%*")
    assert (octet in o.TAG_CHARS) == ((is_atom_char or octet == ord("]")) and octet != ord("+"))
    assert (octet in o.QUOTED_PLAIN) == (is_char and octet not in b'\r\n"\\')


@pytest.mark.parametrize("octet", range(256))
def test_a_class_of_a_pattern_holds_the_same(octet: int) -> None:
    for octets in (o.ATOM_CHARS, o.TAG_CHARS, o.QUOTED_PLAIN):
        assert bool(re.fullmatch(o.class_of(octets), bytes([octet]), re.DOTALL)) == (octet in octets)


@pytest.mark.parametrize("octet", sorted(set(range(256)) - {0x20, *b"\r\n\0"}))
def test_an_atom_ends_where_the_grammar_says(octet: int) -> None:
    """The same table, seen through a command: a keyword is an atom."""
    line = b"a SEARCH KEYWORD x" + bytes([octet])
    try:
        parse(Frame((line,)))
    except Exception:
        taken = False
    else:
        taken = True
    assert taken == (0x01 <= octet <= 0x7F and octet not in ATOM_SPECIALS)
