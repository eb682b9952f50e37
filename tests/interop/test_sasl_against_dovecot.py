"""Exchanges of SASL take the same course at our server and at Dovecot, octet for octet but for nonces and salts."""

import hmac
import json
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mssante_sim.audit import NoAudit
from mssante_sim.clock import SystemClock
from mssante_sim.crypto.tls import server_context
from mssante_sim.directory.credentials import Authenticator, Verifier
from mssante_sim.directory.doorkeeper import Doorkeeper
from mssante_sim.directory.tokens import Tokens
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.server import ImapServer
from mssante_sim.sasl.party import TokenRefusal
from mssante_sim.storage.sqlite.directory import DirectoryRows
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.peers.certificates import ServerFiles, Trust
from tests.peers.dovecot import Dovecot, TokenIssuer, dovecot
from tests.peers.loopback import scratch
from tests.scenarios.servers import TlsStream
from tests.unit.sasl.scram_client import Client

pytestmark = pytest.mark.interop

USER, PASSWORD, KEY = "lilas", "open-sesame", b"k" * 32
CONFIGURATION = "https://example.test/.well-known/openid-configuration"


@dataclass(frozen=True)
class Server:
    """Where to connect, and a token that is good there."""

    port: int
    authority: Path
    token: str


class OneAccount:
    def account(self, login: str) -> tuple[str, Verifier] | None:
        return (USER, Verifier.create(PASSWORD, b"sixteen octets..")) if login == USER else None


@pytest.fixture(scope="module")
def tls() -> Iterator[ServerFiles]:
    with scratch("tls") as folder:
        yield Trust(folder).server()


@pytest.fixture(scope="module")
def running_dovecot(tls: ServerFiles) -> Iterator[Dovecot]:
    with dovecot(tls, issuer=TokenIssuer(KEY, CONFIGURATION)) as running:
        yield running


def dovecots(running: Dovecot) -> Server:
    claims = {"sub": USER, "scope": "mail", "iat": 1_700_000_000, "exp": 4_000_000_000}
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = urlsafe_b64encode(hmac.digest(KEY, signed, "sha256")).rstrip(b"=")
    return Server(running.imaps, running.authority, (signed + b"." + signature).decode())


@asynccontextmanager
async def ours(tls: ServerFiles, home: Path) -> AsyncIterator[Server]:
    identity = home / "server.pem"
    identity.write_bytes(tls.key.read_bytes() + tls.certificate.read_bytes())
    rows, store = DirectoryRows.open(home), SqliteStore.open(home / "mail", clock=SystemClock())
    tokens = Tokens(rows, KEY, SystemClock())
    server = ImapServer(
        store,
        Doorkeeper(Authenticator(OneAccount()), tokens=tokens, token_refusal=TokenRefusal(CONFIGURATION)),
        tls=server_context(identity),
        clock=SystemClock(),
        audit=NoAudit(),
        limits=ImapLimits(failed_login_delay_s=0.0),
    )
    await server.start("127.0.0.1", 0, 0)
    try:
        token = tokens.issue(USER, USER, lasting=timedelta(hours=1))[1].reveal()
        yield Server(server.ports["imap_tls"], tls.authority, token)
    finally:
        await server.stop(0.1)
        await store.close()
        rows.close()


Answers = Callable[[bytes], bytes]
"""What the client says to a challenge; ``*`` gives up."""


async def course(server: Server, mechanism: str, answers: list[Answers]) -> list[str]:
    """Challenges and the tagged answer as they come, but for nonces, salts and free text."""
    stream, buffer, seen = await TlsStream.open(server.port, str(server.authority)), b"", []
    await_answers = iter(answers)
    await stream.write(f"a AUTHENTICATE {mechanism}\r\n".encode())
    while True:
        while b"\r\n" not in buffer:
            octets = await stream.read()
            assert octets, (seen, buffer)
            buffer += octets
        line, _, buffer = buffer.partition(b"\r\n")
        if line.startswith(b"+ "):
            challenge = b64decode(line[2:])
            seen.append(general(challenge.decode()))
            answer = next(await_answers)(challenge)
            await stream.write((answer if answer == b"*" else b64encode(answer)) + b"\r\n")
        elif line.startswith(b"a "):
            await stream.close()
            return [*seen, re.sub(r"^(a (?:OK|NO|BAD)(?: \[[A-Z]+)?).*", r"\1", line.decode())]


def general(challenge: str) -> str:
    if challenge.startswith("{"):
        reason = json.loads(challenge)
        reason.pop("scope", None)  # Dovecot says it for one of the two mechanisms only
        return json.dumps(reason, sort_keys=True)
    if challenge.startswith("v="):  # the client has checked it
        return "v=…"
    return re.sub(r"^r=rOprNGfwEbeRWgbNEkqO[!-+\--~]{10,},s=[A-Za-z0-9+/=]{16,},i=\d{4,}$", "r=…,s=…,i=…", challenge)


def scram(client: Client, last: Answers | None = None) -> list[Answers]:
    def confirmed(challenge: bytes) -> bytes:
        assert challenge == b"v=" + b64encode(client.server_signature)
        return b""

    return [lambda _: client.first, last or client.final, confirmed]


def oauthbearer(token: str, *, name: str = USER, last: bytes = b"\1") -> list[Answers]:
    return [lambda _: f"n,a={name},\1host=localhost\1port=993\1auth=Bearer {token}\1\1".encode(), lambda _: last]


def xoauth2(token: str, *, name: str = USER) -> list[Answers]:
    return [lambda _: f"user={name}\1auth=Bearer {token}\1\1".encode(), lambda _: b""]


CASES: dict[str, tuple[str, Callable[[str], list[Answers]], list[str]]] = {
    "scram": ("SCRAM-SHA-256", lambda _: scram(Client(user=b"lilas", typed=PASSWORD)), ["a OK [CAPABILITY"]),
    "scram, no binding seen": (
        "SCRAM-SHA-256",
        lambda _: scram(Client(user=b"lilas", typed=PASSWORD, header=b"y,,")),
        ["a OK [CAPABILITY"],
    ),
    "scram, wrong password": (
        "SCRAM-SHA-256",
        lambda _: scram(Client(user=b"lilas", typed="wrong")),
        ["", "r=…,s=…,i=…", "a NO [AUTHENTICATIONFAILED"],
    ),
    "scram, binding where none is": (
        "SCRAM-SHA-256",
        lambda _: scram(Client(user=b"lilas", header=b"p=tls-unique,,")),
        ["", "a NO [AUTHENTICATIONFAILED"],
    ),
    "scram, given up": ("SCRAM-SHA-256", lambda _: scram(Client(user=b"lilas"), lambda _: b"*"), ["a BAD"]),
    "oauthbearer": ("OAUTHBEARER", oauthbearer, ["", "a OK [CAPABILITY"]),
    "oauthbearer, bad token": ("OAUTHBEARER", lambda _: oauthbearer("bad"), ["a NO [AUTHENTICATIONFAILED"]),
    "oauthbearer, another user": (
        "OAUTHBEARER",
        lambda token: oauthbearer(token, name="autre"),
        ["a NO [AUTHENTICATIONFAILED"],
    ),
    "oauthbearer, given up": ("OAUTHBEARER", lambda _: oauthbearer("bad", last=b"*"), ["a BAD"]),
    "oauthbearer, malformed": ("OAUTHBEARER", lambda _: [lambda _: b"x"], ["", "a NO [AUTHENTICATIONFAILED"]),
    "xoauth2": ("XOAUTH2", xoauth2, ["", "a OK [CAPABILITY"]),
    "xoauth2, bad token": ("XOAUTH2", lambda _: xoauth2("bad"), ["a NO [AUTHENTICATIONFAILED"]),
    "xoauth2, another user": ("XOAUTH2", lambda token: xoauth2(token, name="autre"), ["a NO [AUTHENTICATIONFAILED"]),
}
"""A mechanism, what the client answers given a good token, and how the course ends."""


@pytest.mark.parametrize("name", CASES)
async def test_an_exchange_takes_the_same_course(
    running_dovecot: Dovecot, tls: ServerFiles, tmp_path: Path, name: str
) -> None:
    mechanism, answers, end = CASES[name]
    theirs = dovecots(running_dovecot)
    async with ours(tls, tmp_path) as server:
        found = await course(server, mechanism, answers(server.token))
    assert found[-len(end) :] == end
    assert found == await course(theirs, mechanism, answers(theirs.token))
