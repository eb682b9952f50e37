"""The same messages as Dovecot sees them: answers and sections are equal, but where it is said."""

import imaplib
import re
import ssl
from collections.abc import Iterator
from itertools import product

import pytest

from mssante_sim.message.parts import parse, section
from mssante_sim.message.summary import summarise
from tests.peers.certificates import Trust
from tests.peers.dovecot import dovecot
from tests.peers.loopback import scratch
from tests.unit.message.test_message_parts import NESTED
from tests.unit.message.test_message_summary import ENVELOPES, STRUCTURES, crlf, read

pytestmark = pytest.mark.interop

MESSAGES = {name: crlf(vector[0]) for name, vector in (ENVELOPES | STRUCTURES).items()}
OURS = {
    "nothing": "it stores no empty message",
    "an address without a domain is no group": "it invents MISSING_DOMAIN, we say an empty string",
    "empty Sender and Reply-To default to From": "it makes an address of a lone comma",
    "two lists are one, two texts are the first": "it takes the last text",
    "no line is a field": "it reads a field without a value",
    "multipart without parts": "it shows an empty part, and not the text that stands there",
    "encoded message": "it reads the base64 as a header",
    "blank disposition and language": "it shows an empty disposition",
    "folded fields are one line": "it turns a tab into a space",
}


class Peer:
    def __init__(self, connection: imaplib.IMAP4) -> None:
        self.connection = connection

    def store(self, octets: bytes) -> None:
        assert self.connection.append("INBOX", None, None, octets)[0] == "OK"
        self.connection.select("INBOX")

    def fetch(self, items: str) -> bytes:
        status, answer = self.connection.fetch("*", items)
        assert status == "OK"
        return b"".join(b"\r\n".join(one) if isinstance(one, tuple) else one for one in answer)

    def part(self, name: str) -> bytes:
        found = re.fullmatch(
            rb'\d+ \(BODY\[[^]]*\] (?:NIL|"([^"]*)"|\{\d+\}\r\n(.*))\)', self.fetch(f"BODY.PEEK[{name}]"), re.DOTALL
        )
        assert found
        return found[1] or found[2] or b""


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with scratch("tls") as folder, dovecot(Trust(folder).server()) as running:
        context = ssl.create_default_context(cafile=str(running.authority))
        with imaplib.IMAP4_SSL("localhost", running.imaps, ssl_context=context) as connection:
            connection.login("reader", running.password)
            yield Peer(connection)


@pytest.mark.parametrize("name", [name for name in MESSAGES if name not in OURS])
def test_dovecot_gives_the_same_answer(peer: Peer, name: str) -> None:
    peer.store(MESSAGES[name])
    ours = summarise(MESSAGES[name])
    for item, answer in ("ENVELOPE", ours.envelope), ("BODYSTRUCTURE", ours.bodystructure), ("BODY", ours.body):
        found = re.fullmatch(rb"\d+ \(\w+ (.*)\)", peer.fetch(item), re.DOTALL)
        assert found
        assert lower(read(found[1])) == lower(read(answer))


def lower(value: object) -> object:
    """Types, encodings and names of parameters mean the same in any case."""
    if isinstance(value, list):
        return [lower(one) for one in value]
    return value.lower() if isinstance(value, bytes) else value


def test_dovecot_cuts_the_same_sections(peer: Peer) -> None:
    peer.store(NESTED)
    root = parse(NESTED)
    paths = [(), *product(range(1, 6)), *product(range(1, 5), range(1, 4))]
    for path, kind in product(paths, ("", "HEADER", "TEXT", "MIME")):
        if (path or kind != "MIME") and path != (1, 1):  # a text has no part 1 in our reading of the RFC
            found = section(root, path, kind)
            name = ".".join([*map(str, path), *filter(None, [kind])])
            # It gives the line end before a delimiter to the multipart that ends there, against RFC 2046 §5.1.1.
            assert peer.part(name).removesuffix(b"\r\n") == NESTED[slice(*found or (0, 0))].removesuffix(b"\r\n"), name
