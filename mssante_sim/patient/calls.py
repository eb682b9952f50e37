"""A request as a handler sees it: who asks, what for, with values that were checked; and what it gives back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from mssante_sim.directory.model import Mailbox, PatientProfile
from mssante_sim.patient.sessions import Held

__all__ = ["Call", "Content", "Handler", "Handlers"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        query: the operation's `query` Struct, if it has one.
        given: a JSON body as the operation's `takes`, if it has one.
        chunks: any other body, as it came.
        gone: returns when the client has closed the connection.
    """

    path: Mapping[str, str]
    query: Any
    given: Any
    chunks: tuple[bytes, ...] = field(repr=False)
    content_type: str
    token: str = field(repr=False)
    held: Held | None
    profile: PatientProfile | None  # of a patient's session
    mailbox: Mailbox | None  # of a professional's session
    gone: Callable[[], Awaitable[None]]

    @property
    def patient(self) -> PatientProfile:
        """Who asks, where only a patient may."""
        assert self.profile is not None  # noqa: S101  the table says so of the route
        return self.profile

    @property
    def account(self) -> str:
        """The address of the account that asks."""
        return self.patient.address


@dataclass(frozen=True, slots=True)
class Content:
    """Octets that are no JSON, in pieces; `name` is a file name to save them under."""

    pieces: tuple[bytes | memoryview, ...] = field(repr=False)
    media_type: str
    name: str = ""


Handler = Callable[[Call], Awaitable[Struct | Content | None]]
Handlers = Mapping[str, Handler]
"""By the `name` of their operation."""
