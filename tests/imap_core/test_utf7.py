"""Modified UTF-7 has one spelling for each name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.imap.core.faults import Cannot
from mssante_sim.imap.core.utf7 import decode_name, encode_name

PAIRS = [
    (b"INBOX", "INBOX"),
    (b"", ""),
    (b"&-", "&"),
    (b"&-&-", "&&"),
    (b"A&-B", "A&B"),
    (b"Envoy&AOk-s", "Envoyés"),
    (b"&AOk-&-", "é&"),
    (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),  # [RFC 3501 §5.1.3]
    (b"&2D3eAA-", "😀"),
    (b"a&AAo-b", "a\nb"),
    (b"&AH8-", "\x7f"),
]


@pytest.mark.parametrize(("octets", "name"), PAIRS)
def test_a_name_and_its_octets(octets: bytes, name: str) -> None:
    assert encode_name(name) == octets
    assert decode_name(octets) == name


@pytest.mark.parametrize(
    "octets",
    [
        b"&",
        b"a&",
        b"&AOk",
        b"&AOk-&AOk-",  # two shifts in a row
        b"&AGE-",  # a printable character, shifted
        b"&ACY-",  # and even `&`
        b"&AOl-",  # stray bits behind the last character
        b"&AO-",  # not a whole unit
        b"&A-",
        b"&AOk=-",
        b"&A/8-",  # `/` of plain base64
        b"&2D0-",  # half a surrogate pair
        b"&3gA-",
        b"&AOk -",
        b"&AOk\xc3\xa9-",
        b"\xc3\xa9",
        b"a\tb",
        b"\x7f",
        b"\0",
    ],
)
def test_another_spelling_is_refused(octets: bytes) -> None:
    with pytest.raises(Cannot):
        decode_name(octets)


@given(st.text(st.characters(codec="utf-8")))
def test_every_name_survives_the_wire(name: str) -> None:
    octets = encode_name(name)
    assert octets.isascii()
    assert all(0x20 <= octet < 0x7F for octet in octets)
    assert decode_name(octets) == name


@given(st.binary(max_size=30) | st.lists(st.sampled_from([b"&", b"-", b"AOk", b"2D3eAA", b",", b"a"])).map(b"".join))
def test_octets_are_one_name_or_none(octets: bytes) -> None:
    try:
        name = decode_name(octets)
    except Cannot:
        return
    assert encode_name(name) == octets
