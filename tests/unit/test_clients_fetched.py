"""What a server says of stored messages, in whatever order and with whatever in between."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mssante_sim.clients.fetched import Stored, stored_messages

NOON = datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)
DATE = b'INTERNALDATE "25-Nov-2026 12:00:01 +0000"'
Lines = list[bytes | bytearray]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"FETCH completed."], []),
        (
            [b"1 FETCH (UID 5 FLAGS (\\Seen $mss_prete) " + DATE + b" BODY[] {3}", bytearray(b"abc"), b")", b"done"],
            [(5, {"\\Seen", "$mss_prete"}, b"abc")],
        ),
        ([b"1 FETCH (BODY[] {0}", bytearray(), b" UID 5 FLAGS () " + DATE + b")"], [(5, set(), b"")]),
        (
            [
                b"1 FETCH (UID 5 FLAGS () " + DATE + b" BODY[] {1}", bytearray(b"a"), b")",
                b"9 FETCH (UID 9 FLAGS (\\Seen))",
                b"2 FETCH (UID 6 FLAGS () " + DATE + b" BODY[] {1}", bytearray(b"b"), b")",
            ],
            [(5, set(), b"a"), (6, set(), b"b")],
        ),
        ([b"1 FETCH (UID 5 FLAGS () BODY[] {1}", bytearray(b"a"), b")"], []),
        (
            [b'1 FETCH (UID 5 FLAGS () INTERNALDATE "25-Nix-2026 12:00:01 +0000" BODY[] {1}', bytearray(b"a"), b")"],
            [],
        ),
    ],
    ids=["nothing", "flags and octets", "literal first", "others' changes between", "no date", "no such month"],
)  # fmt: skip
def test_messages_are_read_from_the_lines_of_a_fetch(lines: Lines, expected: list[tuple[int, set[str], bytes]]) -> None:
    assert list(stored_messages(lines)) == [
        Stored(uid, frozenset(flags), NOON, octets) for uid, flags, octets in expected
    ]


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        (b" 5-Jan-2026 00:00:00 -0130", datetime(2026, 1, 5, tzinfo=timezone(-timedelta(hours=1, minutes=30)))),
        (b"05-jan-2026 00:00:00 +0200", datetime(2026, 1, 5, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_the_date_of_arrival_is_read_with_its_zone(written: bytes, instant: datetime) -> None:
    said = b'1 FETCH (UID 1 FLAGS () INTERNALDATE "' + written + b'" BODY[] {1}'
    (one,) = stored_messages([said, bytearray(b"a"), b")"])
    assert one.received == instant
    assert one.received.utcoffset() == instant.utcoffset()
