"""Plays a scenario against a server and compares what it sees with what the script says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from tests.scenarios.client import Broken, Client, Response, Stream
from tests.scenarios.matching import matches, read_items
from tests.scenarios.script import Delivery, Expectation, Script, Send, Step, Told

__all__ = ["Account", "Mismatch", "Server", "play", "standard_message"]

_STATUS_WORDS = {"OK", "NO", "BAD", "BYE", "PREAUTH"}


@dataclass(frozen=True, slots=True)
class Account:
    """An account of its own for one scenario, with empty standard folders."""

    login: str
    password: str


class Server(Protocol):
    """Something that speaks IMAP."""

    @property
    def name(self) -> str:
        """What ``dovecot`` clauses go by."""
        ...

    async def account(self, name: str) -> Account:
        """A fresh account whose name contains `name`."""
        ...

    async def connect(self) -> Stream:
        """A new connection, TLS already done, before the greeting."""
        ...

    async def deliver(self, account: Account, message: bytes) -> None:
        """`message` is in the account's INBOX, put there from outside any session."""
        ...


class Mismatch(AssertionError):
    """The server answered other than the script says; shows the whole conversation."""


def standard_message(subject: str) -> bytes:
    """The message that ``inbox with N messages`` and ``mail>`` mean; all but the subject is always the same."""
    return (
        f"From: Dominique PAT-TROIS <dominique@patient.mssante.test>\r\n"
        f"To: Pharmacie <pharmacie@officine.mssante.test>\r\n"
        f"Subject: {subject}\r\n"
        f"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{subject.replace(' ', '-')}@scenario.test>\r\n"
        f"\r\n"
        f"Body of {subject}\r\n"
    ).encode()


async def play(script: Script, server: Server) -> None:
    """Everything in `script` happened as it says.

    Raises:
        Mismatch: something did not; carries the conversation.
    """
    await _Play(script, server).run()


class _Play:
    def __init__(self, script: Script, server: Server) -> None:
        self._script = script
        self._server = server
        self._transcript: list[str] = []
        self._clients: dict[int, Client] = {}
        self._asked: dict[int, str] = {}  # by client, the tag of the command that waits after a +
        self._names: dict[str, str] = {}

    async def run(self) -> None:
        where = "set-up"
        try:
            await self._set_up()
            steps = list(self._script.steps)
            while steps:
                step = steps.pop(0)
                where = f"line {step.line}"
                if isinstance(step, Send):
                    batch = [step]
                    while batch[-1].together:
                        batch.append(_next_send(steps, step))
                    await self._send(batch)
                elif isinstance(step, Told):
                    await self._told(step)
                else:
                    await self._deliver(step)
        except (Broken, ValueError) as error:
            talk = "\n".join(self._transcript[-60:])
            raise Mismatch(f"{self._script.name}, {where}: {error}\n{talk}") from error
        finally:
            for client in self._clients.values():
                await client.close()

    async def _set_up(self) -> None:
        self._account = await self._server.account(self._script.name)
        needs = self._script.needs
        if needs.inbox:
            filler = await self._connect(0)
            await self._order(filler, self._login())
            for number, name in enumerate(needs.inbox, 1):
                content = self._script.messages.get(name) or standard_message(f"message {name}")
                when = datetime(2026, 11, number, 10, tzinfo=UTC)
                head = f'APPEND INBOX "{when:%d-%b-%Y %H:%M:%S %z}" '
                await self._order(filler, head.encode() + b"{%d+}\r\n" % len(content) + content)
        for number in range(1, needs.clients + 1):
            client = await self._connect(number)
            if needs.state != "not logged in":
                await self._order(client, self._login())
            if needs.state == "selected":
                await self._order(client, b"SELECT INBOX")

    def _login(self) -> bytes:
        return f'LOGIN "{self._account.login}" "{self._account.password}"'.encode()

    async def _connect(self, number: int) -> Client:
        client = Client(await self._server.connect(), number, self._transcript)
        self._clients[number] = client
        greeting = await client.receive()
        if greeting.tag != "*" or not self._fits("OK", greeting, client):
            raise Broken(f"no greeting: {greeting.octets!r}")
        return client

    async def _order(self, client: Client, command: bytes) -> None:
        """A command of the set-up, which must succeed."""
        (tag,) = await client.send(command)
        while (response := await client.receive()).tag != tag:
            pass
        if not response.octets.startswith(b"OK"):
            raise Broken(f"set-up: {response.octets!r}")

    # the three kinds of steps --------------------------------------------------------------------------------

    async def _send(self, batch: list[Send]) -> None:
        client = self._clients[batch[0].client]
        expanded = [client.expand(step.text, self._script.messages, self._look_up(client)) for step in batch]
        if len(batch) > 1:
            tags = await client.send(*(b"".join(pieces) for pieces in expanded))
            return await self._judge(dict(zip(tags, batch, strict=True)), client)
        step, (*pieces, last) = batch[0], expanded[0]
        for piece in pieces:
            tag = await self._piece(step, piece)
            if (response := await client.receive()).tag != "+":  # refused before the literal
                return await self._judge({tag: step}, client, response)
            self._asked[step.client] = tag
        return await self._judge({await self._piece(step, last): step}, client)

    async def _piece(self, step: Send, octets: bytes) -> str:
        """A line, or what follows a ``+``, was sent; the tag of its command."""
        asked = self._asked.pop(step.client, None)
        tags = await self._clients[step.client].send(octets, continues=asked is not None)
        return asked or tags[0]

    async def _judge(self, steps: dict[str, Send], client: Client, response: Response | None = None) -> None:
        """The answers to `steps`, by tag and in any order, are what they say; `response` is the first of them."""
        said = [one for step in steps.values() for one in step.expectations]
        due = [one for one in said if one.kind == "sees"]
        while steps:
            first = next(iter(steps))
            if steps[first].status == "gone":
                await client.hung_up()
                del steps[first]
                continue
            response = response or await client.receive()
            if response.tag == "*":
                self._refuse_never(said, response, client)
                due = self._strike(due, response, client)
            elif response.tag == "+":
                self._asked[steps[first].client] = first
                self._judge_status(steps.pop(first), response, client)
            else:
                self._judge_status(steps.pop(response.tag), response, client)
            response = None
        if due:
            raise Broken(f"client {client.number} did not see {due[0].pattern}")

    def _judge_status(self, step: Send, response: Response, client: Client) -> None:
        wanted = f"{step.status} [{step.code}]" if step.code else step.status
        if self._server.name == "dovecot":
            wanted = next((one.pattern for one in step.expectations if one.kind == "dovecot"), wanted)
        fits = response.tag == "+" if wanted == "+" else response.tag != "+" and self._fits(wanted, response, client)
        if not fits:
            raise Broken(f"{wanted} was expected, not {response.octets!r}")

    def _strike(self, due: list[Expectation], response: Response, client: Client) -> list[Expectation]:
        """`due` without the first expectation that `response` meets."""
        for index, one in enumerate(due):
            if self._fits(one.pattern, response, client):
                return due[:index] + due[index + 1 :]
        return due

    def _refuse_never(self, expectations: list[Expectation], response: Response, client: Client) -> None:
        for one in expectations:
            if one.kind == "never" and self._fits(one.pattern, response, client):
                raise Broken(f"never {one.pattern}, but: {response.octets!r}")

    async def _told(self, step: Told) -> None:
        client = self._clients[step.client]
        while not self._fits(step.pattern, response := await client.receive(), client):
            if response.tag != "*":
                raise Broken(f"{step.pattern} was expected before {response.octets!r}")

    async def _deliver(self, step: Delivery) -> None:
        self._transcript.append(f"mail> {step.subject}")
        await self._server.deliver(self._account, standard_message(step.subject))

    # patterns ------------------------------------------------------------------------------------------------

    def _fits(self, pattern: str, response: Response, client: Client) -> bool:
        """`response` is as `pattern` says; what ``?name`` stands for is remembered."""
        wanted = read_items(self._octets(pattern))
        status_alone = len(wanted) == 1 and pattern.upper() in _STATUS_WORDS
        found = response.items[:1] if status_alone else response.items
        taken = matches(wanted, found, self._look_up(client, before=True))
        self._names.update(taken or {})
        return taken is not None

    def _octets(self, pattern: str) -> bytes:
        """The pattern with its named messages as literals."""
        octets = pattern.replace("\\r\\n", "\r\n").encode()
        for name, content in self._script.messages.items():
            octets = octets.replace(b"{%s}" % name.encode(), b"{%d}\r\n%s" % (len(content), content))
        return octets

    def _look_up(self, client: Client, *, before: bool = False) -> Callable[[str], str]:
        """What ``$name`` and ``$3`` stand for; `before` the last response, or after it."""

        def look_up(name: str) -> str:
            if name.isdecimal():
                return str(client.number_of(int(name), before=before))
            return self._names.get(name, f"${name}")  # not taken: a keyword such as $Forwarded

        return look_up


def _next_send(steps: list[Step], before: Send) -> Send:
    """Takes the line that goes out together with `before`."""
    following = steps.pop(0) if steps else None
    if not isinstance(following, Send) or following.client != before.client:
        raise Broken("<n& needs another line of the same client behind it")
    return following
