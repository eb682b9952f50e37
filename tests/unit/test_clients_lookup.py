"""What certificates point to is asked on this machine, and nowhere else."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mssante_sim.clients.lookup import HttpLookup
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.identity import Certificate, read_certificate
from mssante_sim.crypto.issuing import Places
from mssante_sim.crypto.ocsp import Responder
from mssante_sim.crypto.profiles import ISSUING, ROOT, SIGNING, Subject, Usage
from mssante_sim.crypto.trust import CertificateState, TrustContext

pytestmark = pytest.mark.slow

ADDRESS = "lilas@officine.mssante.test"


class Space:
    """A root whose issuing authority answers at `base`; `say` alters its answers."""

    def __init__(self, base: str) -> None:
        self.now = datetime.now(UTC)  # not that of the import, which may be longer ago than an answer holds
        short = replace(ROOT, key_bits=2048)
        self.root = Authority.create(short, "SIMULATEUR RACINE", at=self.now, places=Places(base, "root"))
        self.issuing = Authority.create(
            replace(ISSUING, key_bits=2048),
            "SIMULATEUR AC",
            at=self.now,
            places=Places(base, "issuing"),
            parent=self.root,
        )
        self.leaf = self.issuing.issue(SIGNING, Subject(ADDRESS, "FICTIF"), at=self.now, names=[ADDRESS])
        self.asked: list[str] = []
        self.say = lambda answer: answer

    @property
    def certificate(self) -> Certificate:
        return read_certificate(self.leaf.certificate)

    def respond(self, path: str, body: bytes) -> bytes:
        self.asked.append(path)
        own = self.issuing.identity
        responder = Responder(own.certificate, own, {self.certificate.serial}, {})
        return own.certificate if path.startswith("/aia") else self.say(responder.respond(body, datetime.now(UTC)))

    def state(self) -> CertificateState:
        """Of the leaf, for one who knows the root and its list alone, and asks for the rest."""
        trust = TrustContext([self.root.identity.certificate], [], [self.root.crl(self.now)], HttpLookup())
        return trust.state(self.leaf.certificate, Usage.SIGN, ADDRESS, self.now)


@pytest.fixture
def space() -> Iterator[Space]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = made.respond(self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.send_response(200 if answer else 503)
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    made = Space(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_issuer_and_an_answer_are_found_where_the_certificate_says(space: Space) -> None:
    assert space.state() is CertificateState.VALID
    assert space.asked == ["/aia/issuing.cer", "/ocsp/issuing"]


SILENCES = {
    "nothing": lambda _: b"",
    "too much": lambda answer: answer + bytes(100_000),
    "another's answer": lambda _: b"<html>",
}


@pytest.mark.parametrize("say", SILENCES.values(), ids=SILENCES.keys())
def test_what_is_no_answer_clears_nobody(space: Space, say: object) -> None:
    space.say = say  # type: ignore[assignment]  # one of the functions above
    assert space.state() is CertificateState.UNTRUSTED
    assert "/ocsp/issuing" in space.asked


@pytest.mark.parametrize(
    "base", ["http://192.0.2.1", "http://mssante.test", "https://127.0.0.1:9", "ldap://[", "http://127.0.0.1:9"]
)
def test_nobody_else_is_called(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last is on this machine, and is called; nothing listens there."""
    called: list[str] = []
    import socket  # noqa: PLC0415  (what is watched)

    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: (called.append(to[0]), connect(self, to))[1])
    assert Space(base).state() is CertificateState.UNTRUSTED
    assert called == (["127.0.0.1"] if base == "http://127.0.0.1:9" else [])
