"""What Mon espace santé is given to work with, and the bounds it keeps."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final, ParamSpec, Protocol, TypeVar

from mssante_sim.audit import Audit
from mssante_sim.clock import Clock
from mssante_sim.config import Settings
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.directory.store import Directory
from mssante_sim.storage.api import MailStore, MessageRow

__all__ = ["Authenticator", "House", "Limits", "ReturnReceipt", "Submit", "Submitted"]

_STEP: Final = 1024 * 1024
_P = ParamSpec("_P")
_R = TypeVar("_R")


class Authenticator(Protocol):
    """Knows who may sign in."""

    async def check(self, login: str, password: str) -> str | None:
        """The address of the account that `login` opens, or None; takes the same time for unknown logins."""
        ...


@dataclass(frozen=True, slots=True)
class Submitted:
    """What the mail server said to a message that it took, and over which TLS."""

    reply: str
    tls: str


Submit = Callable[[str, str, bytes], Awaitable[Submitted]]
"""Hands a message of a patient (first) for a mailbox (second) to the mail server.  Raises: NotSent, Unreached."""

ReturnReceipt = Callable[[str, str, bytes, str], Awaitable[None]]
"""Delivers a receipt of a patient (first) to a mailbox (second), once for the message with the Message-ID (last).

Raises: NotSent, Unreached.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer may cost.  Times in seconds."""

    failed_login_s: float = 1.0  # how long each is kept waiting
    attempts_a_minute: int = 10  # failed ones, of one login
    sessions: int = 20  # of one account; the one unused for longest ends
    uploads: int = 2  # of one account at once
    polls: int = 8  # of one account at once
    json_octets: int = 16 * 1024
    form_octets: int = 36 * 1024 * 1024  # what 25 MB as they travel may be made of
    drained_octets: int = 64 * 1024 * 1024  # thrown away of a body that is too big, so that its sender hears why
    body_s: float = 120.0  # for a whole body


@dataclass(frozen=True, slots=True)
class House:
    """Services that every part of Mon espace santé uses."""

    store: MailStore
    directory: Directory
    keystore: Keystore
    authenticator: Authenticator
    clock: Clock
    audit: Audit
    workers: Executor
    settings: Settings
    submit: Submit
    return_receipt: ReturnReceipt
    limits: Limits = field(default_factory=Limits)

    async def work(self, task: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """The result of `task`, which ran among the workers: anything that takes more than a millisecond or two."""
        return await asyncio.get_running_loop().run_in_executor(self.workers, lambda: task(*args, **kwargs))

    async def read(self, row: MessageRow) -> bytes:
        """The body of a message, read step by step: one big read would stop the loop.  Raises: StoreError."""
        steps = [await self.store.read(row.body, at, _STEP) for at in range(0, max(row.octets, 1), _STEP)]
        return steps[0] if len(steps) == 1 else await self.work(b"".join, steps)
