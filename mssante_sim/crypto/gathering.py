"""Large results put together without holding up other threads."""

from collections.abc import Iterable
from io import BytesIO
from typing import Final

__all__ = ["gathered"]

_STEP: Final = 1024 * 1024  # octets a copy: some 100 µs, between which another thread may run


def gathered(pieces: Iterable[bytes | memoryview], octets: int) -> bytes:
    """`pieces` one after the other; they are about `octets` in all, and a wrong guess only costs time.

    The room is taken at once but not touched yet: growing, or joining blocks, costs as much as encrypting them, and
    one join of 25 MB stalls everybody for milliseconds.
    """
    if octets <= _STEP:
        return b"".join(pieces)
    sink = BytesIO(bytes(octets))
    for piece in pieces:
        if len(piece) <= _STEP:
            sink.write(piece)
        else:
            window = memoryview(piece)
            for at in range(0, len(window), _STEP):
                sink.write(window[at : at + _STEP])
    sink.truncate()
    return sink.getvalue()
