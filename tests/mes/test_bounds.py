"""What is kept in memory of a body that is too big: nothing."""

from starlette.requests import Request
from starlette.types import Message

from mssante_sim.patient.http import _collected

CHUNK = b"x" * 1_000


def request(chunks: int, headers: tuple[tuple[bytes, bytes], ...] = ()) -> tuple[Request, list[int]]:
    """A request whose body comes in so many chunks, and how many of them were taken."""
    taken = [0]

    async def receive() -> Message:
        taken[0] += 1
        return {"type": "http.request", "body": CHUNK, "more_body": taken[0] < chunks}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive), taken


async def test_a_body_that_fits_is_there_in_its_pieces() -> None:
    asked, _ = request(5)
    chunks, fits = await _collected(asked, 5_000, 10_000)
    assert (b"".join(chunks), fits) == (CHUNK * 5, True)


async def test_a_body_that_grows_too_big_is_read_to_its_end_and_dropped() -> None:
    asked, taken = request(9)
    assert await _collected(asked, 5_000, 10_000) == ([], False)
    assert taken == [9]


async def test_a_body_that_says_that_it_is_too_big_is_never_kept() -> None:
    asked, _ = request(5, ((b"content-length", b"5001"),))
    assert await _collected(asked, 5_000, 10_000) == ([], False)


async def test_a_body_without_an_end_is_given_up() -> None:
    asked, taken = request(1_000_000)
    assert await _collected(asked, 5_000, 10_000) == ([], False)
    assert taken == [11]
