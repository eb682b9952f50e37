"""SCRAM over real TLS: the certificate that a client sees is the one that its proof covers [RFC 5929 §4]."""

import ssl
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from mssante_sim.audit import NoAudit
from mssante_sim.clock import SystemClock
from mssante_sim.crypto.tls import server_context, server_end_point
from mssante_sim.directory.credentials import Authenticator, Verifier
from mssante_sim.directory.doorkeeper import Doorkeeper
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.server import ImapServer
from mssante_sim.storage.sqlite.store import SqliteStore
from tests.peers.certificates import Trust
from tests.scenarios.servers import TlsStream
from tests.unit.sasl.scram_client import Client

ACCOUNT = "lilas@officine.mssante.test"
VERIFIER = Verifier.create("pencil", b"sixteen octets..")


class OneAccount:
    def account(self, login: str) -> tuple[str, Verifier] | None:
        return (ACCOUNT, VERIFIER) if login == "lilas" else None


class Wire:
    """A client that speaks lines."""

    def __init__(self, stream: TlsStream) -> None:
        self.stream = stream
        self._buffer = b""

    async def line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            octets = await self.stream.read()
            assert octets
            self._buffer += octets
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def log_in(self, mechanism: bytes, client: Client) -> bytes:
        """The tagged answer."""
        await self.stream.write(b"a AUTHENTICATE " + mechanism + b"\r\n")
        assert await self.line() == b"+ "
        await self.stream.write(b64encode(client.first) + b"\r\n")
        if not (challenge := await self.line()).startswith(b"+ "):
            return challenge
        await self.stream.write(b64encode(client.final(b64decode(challenge[2:]))) + b"\r\n")
        if not (last := await self.line()).startswith(b"+ "):
            return last
        assert b64decode(last[2:]) == b"v=" + b64encode(client.server_signature)
        await self.stream.write(b"\r\n")
        return await self.line()


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    (tmp_path / "trust").mkdir()
    files = Trust(tmp_path / "trust").server()
    identity = tmp_path / "server.pem"
    identity.write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    store = SqliteStore.open(tmp_path / "home", clock=SystemClock())
    server = ImapServer(
        store,
        Doorkeeper(Authenticator(OneAccount()), end_point=server_end_point(identity)),
        tls=server_context(identity),
        clock=SystemClock(),
        audit=NoAudit(),
        limits=ImapLimits(failed_login_delay_s=0.0, failed_logins=20),
    )
    await server.start("127.0.0.1", 0, 0)
    opened = Wire(await TlsStream.open(server.ports["imap_tls"], str(files.authority)))
    assert b"AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 " in await opened.line()
    yield opened
    await opened.stream.close()
    await server.stop(0.1)
    await store.close()


def seen(wire: Wire) -> bytes:
    """The hash of the certificate that this client was shown."""
    tls = wire.stream.tls
    assert isinstance(tls, ssl.SSLObject)
    certificate = tls.getpeercert(binary_form=True)
    assert certificate
    return sha256(certificate).digest()


async def test_a_password_that_is_never_sent_opens_the_mailbox(wire) -> None:
    assert (await wire.log_in(b"SCRAM-SHA-256", Client(user=b"lilas"))).startswith(b"a OK [CAPABILITY ")
    await wire.stream.write(b"b STATUS INBOX (MESSAGES)\r\n")
    assert await wire.line() == b"* STATUS INBOX (MESSAGES 0)"


async def test_a_proof_may_cover_the_certificate(wire) -> None:
    client = Client(user=b"lilas", header=b"p=tls-server-end-point,,", bound=seen(wire))
    assert (await wire.log_in(b"SCRAM-SHA-256-PLUS", client)).startswith(b"a OK ")


async def test_who_saw_another_certificate_is_refused(wire) -> None:
    """As if somebody stood in between with a certificate of their own."""
    client = Client(user=b"lilas", header=b"p=tls-server-end-point,,", bound=sha256(b"another").digest())
    assert (await wire.log_in(b"SCRAM-SHA-256-PLUS", client)).startswith(b"a NO [AUTHENTICATIONFAILED]")


async def test_an_unknown_user_and_a_wrong_password_look_the_same(wire) -> None:
    unknown = await wire.log_in(b"SCRAM-SHA-256", Client(user=b"nobody"))
    wrong = await wire.log_in(b"SCRAM-SHA-256", Client(user=b"lilas", typed="crayon"))
    assert unknown == wrong == b"a NO [AUTHENTICATIONFAILED] Invalid credentials."


@pytest.mark.parametrize("user", [b"lilas", b"nobody"])
async def test_who_has_failed_ten_times_waits_whatever_the_mechanism(wire, user) -> None:
    """The right password too, and nothing tells that it is right."""
    for guess in range(10):
        await wire.stream.write(b"a LOGIN %b guess-%d\r\n" % (user, guess))
        assert await wire.line() == b"a NO [AUTHENTICATIONFAILED] Invalid credentials."
    later = b"a NO [UNAVAILABLE] Too many logins have failed; wait a minute and try again."
    assert await wire.log_in(b"SCRAM-SHA-256", Client(user=user)) == later
    await wire.stream.write(b"a LOGIN %b pencil\r\n" % user)
    assert await wire.line() == later


def test_an_unknown_user_has_a_salt_that_stays() -> None:
    """Or who asks twice would know."""
    authenticator = Authenticator(OneAccount())
    one, again, other = (authenticator.verifier(login) for login in ("nobody", "nobody", "somebody"))
    assert one.salt == again.salt != other.salt
    assert len(one.salt) == len(VERIFIER.salt)
    assert one.iterations == VERIFIER.iterations
    assert authenticator.verifier("lilas") is VERIFIER
    assert authenticator.address("nobody") is None
