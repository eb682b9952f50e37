"""Asking a stack that is up for what no real network offers: reset it, wait for a message."""

from dataclasses import dataclass
from typing import Any, Self

import httpx

from mssante_sim.clients.running import Running, StackNotRunning

__all__ = ["Awaited", "Steering"]

_MARGIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Awaited:
    """What `wait` saw: the message, if it came, and everything that lies in the INBOX."""

    found: dict[str, Any] | None
    present: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Steering:
    """The control routes of one stack."""

    base: str
    token: str

    @classmethod
    def of(cls, running: Running) -> Self:
        """Those of `running`."""
        return cls(f"{running.http}/sim/v1", running.control_token)

    def reset(self) -> None:
        """Every mailbox is empty; accounts, certificates and the directory stay.  Raises: StackNotRunning."""
        self._ask("POST", "/reset", {}, _MARGIN_S)

    def reload(self) -> None:
        """Mailboxes that were added to the home can be used, and stand in the run file.  Raises: StackNotRunning."""
        self._ask("POST", "/reload", {}, _MARGIN_S)

    def wait(self, account: str, message_id: str | None, timeout_s: float) -> Awaited:
        """Returns when the message (None: any) lies in INBOX of `account`, or after `timeout_s`.

        Raises:
            StackNotRunning: no answer.
        """
        wanted = {"account": account, "timeout": str(timeout_s)}
        if message_id is not None:
            wanted["message_id"] = message_id
        answer = self._ask("GET", "/wait", wanted, timeout_s + _MARGIN_S)
        return Awaited(**answer.json())

    def explain(self, sender: str, recipient: str) -> dict[str, Any]:
        """Whether `sender` may write to `recipient` now: `accepted`, `rule`, `sentence`.  Raises: StackNotRunning."""
        answer: dict[str, Any] = self._ask("GET", "/explain", {"from": sender, "to": recipient}, _MARGIN_S).json()
        return answer

    def _ask(self, method: str, path: str, params: dict[str, str], timeout_s: float) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            answer = httpx.request(
                method, self.base + path, params=params, headers=headers, timeout=timeout_s, trust_env=False
            )
        except httpx.HTTPError as error:
            raise StackNotRunning(f"The stack at {self.base} does not answer: {error}. Is it up?") from error
        if answer.status_code not in (200, 204, 404):
            raise StackNotRunning(f"The stack refused: {answer.status_code} {answer.text[:200]}")
        return answer
