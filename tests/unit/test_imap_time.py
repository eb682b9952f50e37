"""How long a client may take, state by state; the loop's clock is moved by hand."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from mssante_sim.imap.core.limits import ImapLimits
from tests.unit.imap_house import PATIENCE_S, Begin, House, Wire

MINUTE = 60.0
LIMITS = ImapLimits()
HUGE = b"Subject: huge\r\n\r\n" + b"x" * 25_000_000 + b"\r\n"


class Hands:
    """Of the clock that the running loop looks at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        real = loop.time
        self._ahead = 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self._ahead)

    async def move(self, seconds: float) -> None:
        """`seconds` have passed, and every timer that is due has run."""
        steps, rest = divmod(seconds, MINUTE)
        for step in [MINUTE] * int(steps) + [rest]:
            self._ahead += step
            for _ in range(3):
                await asyncio.sleep(0)


@pytest.fixture
async def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


async def _said_nothing(wire: Wire) -> None:
    """The server has had every occasion to say something, or to hang up, and did neither."""
    assert wire.reader._buffer == bytearray()  # type: ignore[attr-defined] # there is no public way to look
    assert not wire.reader.at_eof()


async def _greeted(house: House) -> Wire:
    return await house.clear()


async def _connected(house: House) -> Wire:
    return await house.silent("imap_tls")


async def _talking(house: House) -> Wire:
    wire = await house.secure()
    assert b"a OK" in await wire.ask("a NOOP")
    return wire


async def _in_an_exchange(house: House) -> Wire:
    wire = await house.secure()
    wire.writer.write(b"a AUTHENTICATE PLAIN\r\n")
    assert await wire.line() == b"+ \r\n"
    return wire


async def _within_a_literal(house: House) -> Wire:
    wire = await house.secure()
    wire.writer.write(b"a LOGIN {5}\r\n")
    assert await wire.line() == b"+ OK\r\n"
    wire.writer.write(b"lil")
    return wire


STRANGERS: dict[str, tuple[Callable[[House], Awaitable[Wire]], bytes]] = {
    "greeted": (_greeted, b"* BYE Too slow to log in.\r\n"),
    "talking": (_talking, b"* BYE Too slow to log in.\r\n"),
    "in an exchange": (_in_an_exchange, b"* BYE Too slow to log in.\r\n"),
    "within a literal": (_within_a_literal, b"* BYE Too slow to log in.\r\n"),
    "connected, where TLS comes first": (_connected, b""),
}


@pytest.mark.parametrize("state", STRANGERS)
async def test_who_has_not_logged_in_within_a_minute_is_sent_away(begin: Begin, hands: Hands, state: str) -> None:
    """Whatever was said or begun before: the minute counts from the connection."""
    house = await begin()
    reach, last_words = STRANGERS[state]
    wire = await reach(house)
    await hands.move(LIMITS.login_s - 10)
    await _said_nothing(wire)
    await hands.move(10)
    assert await wire.rest() == last_words
    wire.writer.close()
    await house.emptied()


async def test_a_handshake_that_begins_late_has_what_is_left_of_the_minute(begin: Begin, hands: Hands) -> None:
    house = await begin()
    wire = await house.clear()
    await hands.move(LIMITS.login_s - 20)
    assert b"a OK" in await wire.ask("a STARTTLS")
    await hands.move(10)
    await _said_nothing(wire)
    await hands.move(10)
    assert await wire.rest() == b""
    wire.writer.close()
    await house.emptied()


async def test_a_silent_client_is_logged_out_after_half_an_hour_and_not_before(begin: Begin, hands: Hands) -> None:
    """[RFC 9051 §5.4]."""
    house = await begin()
    wire = await (await house.secure()).login()
    await hands.move(30 * MINUTE - 10)
    await _said_nothing(wire)
    await hands.move(3 * MINUTE)
    assert (await wire.rest()).startswith(b"* BYE Autologout")


async def test_any_octet_puts_the_logout_off(begin: Begin, hands: Hands) -> None:
    house = await begin()
    wire = await (await house.secure()).login()
    for command in ("a NOOP", "b NOOP", "c NOOP"):
        await hands.move(25 * MINUTE)
        assert f"{command[0]} OK".encode() in await wire.ask(command)


async def test_a_message_that_is_never_sent_to_its_end_is_given_up(begin: Begin, hands: Hands) -> None:
    house = await begin()
    wire = await (await house.secure()).login()
    wire.writer.write(b"a APPEND INBOX {1000000}\r\n")
    assert await wire.line() == b"+ OK\r\n"
    wire.writer.write(b"Subject: half of it\r\n")
    await wire.writer.drain()
    await hands.move(33 * MINUTE)
    assert (await wire.rest()).startswith(b"* BYE Autologout")
    wire.writer.close()
    await house.emptied()


async def test_an_idling_client_hears_signs_of_life_and_is_not_cut(begin: Begin, hands: Hands) -> None:
    """A whole day long [RFC 2177 §3]."""
    house = await begin()
    wire = await (await house.secure()).login()
    wire.writer.write(b"b IDLE\r\n")
    assert await wire.line() == b"+ idling\r\n"
    await hands.move(24 * 60 * MINUTE)
    heard = [await wire.line() for _ in range(24 * 60 // 2 - 1)]
    assert set(heard) == {b"* OK Still here\r\n"}
    wire.writer.write(b"DONE\r\n")
    while (line := await wire.line()) == b"* OK Still here\r\n":
        pass
    assert line == b"b OK Idle completed.\r\n"


async def test_idle_can_be_cut_as_some_networks_do(begin: Begin, hands: Hands) -> None:
    house = await begin(ImapLimits(idle_cut_s=29 * MINUTE))
    wire = await (await house.secure()).login()
    wire.writer.write(b"b IDLE\r\n")
    assert await wire.line() == b"+ idling\r\n"
    await hands.move(28 * MINUTE)
    assert set((await wire.reader.readexactly(13 * 17)).splitlines()) == {b"* OK Still here"}
    await hands.move(4 * MINUTE)
    assert (await wire.rest()).endswith(b"* BYE Idle for too long.\r\n")


async def _stalled(house: House) -> Wire:
    """A client that has asked for a large message and takes nothing of it."""
    await house.deliver(HUGE)
    wire = await (await house.secure()).select()
    wire.writer.transport.pause_reading()
    wire.writer.write(b"f FETCH 1 BODY.PEEK[]\r\n")
    (connection,) = house.server._connections
    async with asyncio.timeout(PATIENCE_S):
        while connection._writable:  # noqa: ASYNC110 - only the transport knows
            await asyncio.sleep(0)
    return wire


async def test_a_client_that_takes_nothing_for_a_minute_is_cut(begin: Begin, hands: Hands) -> None:
    house = await begin()
    await _stalled(house)
    await hands.move(LIMITS.stalled_write_s - 10)
    assert len(house.server._connections) == 1
    await hands.move(15)
    await house.emptied()


async def test_a_client_that_takes_a_little_is_not_cut(begin: Begin, hands: Hands) -> None:
    house = await begin()
    wire = await _stalled(house)
    (connection,) = house.server._connections
    for _ in range(3):
        await hands.move(LIMITS.stalled_write_s - 10)
        wire.writer.transport.resume_reading()
        await asyncio.wait_for(wire.reader.readexactly(5_000_000), PATIENCE_S)
        wire.writer.transport.pause_reading()
    assert list(house.server._connections) == [connection]
    wire.writer.transport.resume_reading()
    await asyncio.wait_for(wire.reader.readexactly(len(HUGE) - 15_000_000), PATIENCE_S)
    while not (line := await wire.line()).startswith(b"f OK"):
        assert line


async def test_a_client_that_does_not_take_its_goodbye_is_cut(begin: Begin, hands: Hands) -> None:
    house = await begin()
    wire = await _stalled(house)
    (connection,) = house.server._connections
    connection.end("Enough.")
    await hands.move(LIMITS.stalled_write_s + 5)
    await house.emptied()
    with contextlib.suppress(ConnectionResetError):
        wire.writer.transport.resume_reading()
