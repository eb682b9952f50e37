"""What is written is DER; whatever is read, it is a value or one error."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante_sim.crypto import der
from mssante_sim.crypto.der import Element, Malformed

LENGTHS = [(0, "0400"), (127, "047f"), (128, "048180"), (255, "0481ff"), (256, "04820100"), (65536, "0483010000")]


@pytest.mark.parametrize(("length", "encoded"), LENGTHS)
def test_a_length_takes_the_fewest_octets(length: int, encoded: str) -> None:
    assert der.header(der.OCTET_STRING, length).hex() == encoded


INTEGERS = [(0, "020100"), (127, "02017f"), (128, "02020080"), (255, "020200ff"), (256, "02020100"), (-1, "0201ff")]


@pytest.mark.parametrize(("number", "encoded"), INTEGERS)
def test_an_integer_takes_the_fewest_octets_and_keeps_its_sign(number: int, encoded: str) -> None:
    assert der.integer(number).hex() == encoded


@given(st.integers(0, 2**160))
def test_a_serial_number_comes_back(number: int) -> None:
    assert der.parse(der.integer(number)).number() == number


OIDS = [("2.5.4.3", "0603550403"), ("1.2.840.113549.1.7.1", "06092a864886f70d010701"), ("2.999.1", "0603883701")]


@pytest.mark.parametrize(("dotted", "encoded"), OIDS)
def test_an_object_identifier(dotted: str, encoded: str) -> None:
    assert der.object_identifier(dotted).hex() == encoded


def test_a_set_is_in_the_order_of_its_octets() -> None:
    assert der.set_of(b"\x04\x01b", b"\x04\x01a", b"\x02\x01\x05").hex() == "31090201050401610401" + b"b".hex()


TIMES = [
    (datetime(2049, 12, 31, 23, 59, 58, tzinfo=UTC), b"\x17\x0d491231235958Z"),
    (datetime(2050, 1, 1, tzinfo=UTC), b"\x18\x0f20500101000000Z"),
    (datetime(1950, 1, 1, tzinfo=UTC), b"\x17\x0d500101000000Z"),
    (datetime(1949, 1, 1, tzinfo=UTC), b"\x18\x0f19490101000000Z"),
]


@pytest.mark.parametrize(("at", "encoded"), TIMES)
def test_a_time_has_the_form_of_its_century_and_comes_back(at: datetime, encoded: bytes) -> None:
    assert der.utc_time(at) == encoded
    assert der.parse(encoded).instant() == at


@pytest.mark.parametrize(
    "octets", [b"\x17\x0d491231235958+", b"\x17\x01\xff", b"\x18\x1020500101000000ZZ", b"\x02\x01\x05", b"\x18\x00"]
)
def test_another_time_is_refused(octets: bytes) -> None:
    with pytest.raises(Malformed):
        der.parse(octets).instant()


BER = [
    ("24800401610401620000", b"ab"),  # indefinite, two pieces
    ("2406040161040162", b"ab"),  # definite, two pieces
    ("2480248004016100000401620000", b"ab"),  # nested
    ("0481026162", b"ab"),  # a length longer than need be
    ("24800000", b""),
    ("a003040178", b"x"),  # implicit tag
]


@pytest.mark.parametrize(("octets", "string"), BER)
def test_a_string_in_pieces_is_one_string(octets: str, string: bytes) -> None:
    assert der.parse(bytes.fromhex(octets)).string() == string


def test_pieces_are_windows_on_what_was_read() -> None:
    octets = bytes.fromhex("2406040161040162")
    assert all(piece.obj is octets for piece in der.parse(octets).pieces())


def test_an_indefinite_value_ends_where_it_ends() -> None:
    outer = der.parse(bytes.fromhex("3080" + "3003020105" + "0000"))
    assert not outer.definite
    assert bytes(outer.octets).hex() == "308030030201050000"
    assert bytes(outer.content).hex() == "3003020105"
    (inner,) = outer.children()
    assert inner.definite
    assert inner.children()[0].number() == 5


REFUSED = {
    "nothing": "",
    "half a header": "30",
    "cut short": "300302",
    "longer than its container": "3003040561",
    "length without its octets": "3082",
    "length of five octets": "308500000000010500",
    "reserved length": "30ff",
    "tag above 30": "1f8101",
    "primitive of indefinite length": "0480610000",
    "no end of contents": "3080020105",
    "end of contents with contents": "3080000161",
    "octets after it": "02010500",
    "too deep": "3080" * 40 + "0000" * 40,
}


def walk(element: Element) -> None:
    """Everything that can be asked of a value."""
    if element.tag & 0x20:
        for child in element.children():
            walk(child)


@pytest.mark.parametrize("octets", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_ber_is_refused(octets: str) -> None:
    with pytest.raises(Malformed):
        walk(der.parse(bytes.fromhex(octets)))


def test_depth_is_bounded_for_definite_lengths_too() -> None:
    octets = b"\x05\x00"
    for _ in range(32):
        octets = der.sequence(octets)
    walk(der.parse(octets))
    with pytest.raises(Malformed, match="cryptographic"):
        walk(der.parse(der.sequence(octets)))


@pytest.mark.slow
def test_values_are_counted() -> None:
    at_most = der.tlv(der.SEQUENCE, b"\x05\x00" * 99_999)
    assert len(der.parse(at_most).children()) == 99_999
    with pytest.raises(Malformed):
        der.parse(der.tlv(der.SEQUENCE, b"\x05\x00" * 100_000)).children()
    with pytest.raises(Malformed):
        der.parse(b"\x30\x80" + b"\x05\x00" * 100_000 + b"\x00\x00")


def test_values_are_counted_wherever_they_are_nested_and_however_often_they_are_read() -> None:
    """A string of a million empty pieces is two megabytes, and would take ten seconds to be joined."""
    pieces = der.tlv(0x24, *[der.tlv(0x24, der.octet_string(b"") * 400)] * 400)
    with pytest.raises(Malformed):
        der.parse(pieces).string()
    flat = der.parse(der.tlv(0x24, der.octet_string(b"") * 40_000))
    assert flat.string() == flat.string() == b""
    with pytest.raises(Malformed):
        flat.string()


def test_asking_for_the_wrong_kind_is_refused() -> None:
    number = der.parse(der.integer(5))
    assert number.expect(der.INTEGER) is number
    for wrong in (number.children, lambda: number.expect(der.SET), lambda: der.parse(b"\x02\x00").number()):
        with pytest.raises(Malformed):
            wrong()
    for wrong in (lambda: der.parse(b"\x02\x41" + b"\x01" * 65).number(), lambda: der.parse(b"\x04\x01a").number()):
        with pytest.raises(Malformed):
            wrong()
    with pytest.raises(Malformed):
        der.parse(bytes.fromhex("2403020105")).string()


@given(st.binary(max_size=200))
def test_any_octets_parse_or_raise_our_one_error(octets: bytes) -> None:
    everything(octets)


values = st.recursive(
    st.binary(max_size=8).map(der.octet_string) | st.integers(-300, 300).map(der.integer),
    lambda inner: st.lists(inner, max_size=4).flatmap(
        lambda parts: st.sampled_from([
            der.sequence(*parts), der.set_of(*parts), der.context(0, *parts), der.tlv(0x24, *parts),
            b"\x30\x80" + b"".join(parts) + b"\x00\x00",
        ])
    ),
    max_leaves=12,
)  # fmt: skip


@given(values, st.data())
def test_almost_right_octets_parse_or_raise_our_one_error(octets: bytes, data: st.DataObject) -> None:
    walk(der.parse(octets))
    at = data.draw(st.integers(0, len(octets) - 1))
    everything(octets[:at] + bytes([data.draw(st.integers(0, 255))]) + octets[at + 1 :])
    everything(octets[:at])


def everything(octets: bytes) -> None:
    try:
        element = der.parse(octets)
        walk(element)
        element.string()
    except Malformed:
        return


def test_time_is_proportional_to_size() -> None:
    """Nested as deep as it may be, around many pieces: eight times the octets take about eight times as long."""

    def taken(pieces: int) -> float:
        octets = b"\x24\x80" * 30 + b"\x04\x01a" * pieces + b"\x00\x00" * 30
        start = time.process_time()
        assert len(der.parse(octets).string()) == pieces
        return time.process_time() - start

    small = min(taken(2_000) for _ in range(5))
    assert min(taken(16_000) for _ in range(3)) < 24 * small
