"""Thunderbird keeps a mailbox: every octet, flags both ways; the next start, and a push, fetch what is new alone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mssante_sim.clients.thunderbird.setup import MailAccount
from mssante_sim.crypto.tls import client_context
from mssante_sim.testing import Mssante
from tests.interop.clients.mailbox import Mailbox
from tests.interop.clients.odd_messages import MESSAGES, NEWCOMER, letter
from tests.interop.clients.wire import Wire, wire_to
from tests.interop.thunderbird.driver import Thunderbird, thunderbird
from tests.peers.certificates import Trust

pytestmark = [pytest.mark.interop, pytest.mark.slow]

PUSHED = letter("pushed", b"end of pushed.\r\n")


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """The authority of the wire."""
    return Trust(tmp_path)


@pytest.fixture
def wire(mssante: Mssante, trust: Trust) -> Iterator[Wire]:
    far = client_context(Path(mssante.running.ca_file).read_bytes())
    with wire_to(mssante.running.ports["imap_tls"], far, trust.server()) as wire:
        yield wire


def set_up(client: Thunderbird, trust: Trust, mssante: Mssante, wire: Wire) -> None:
    """The pharmacy's account, by way of the wire."""
    pharmacy, running = mssante.account("pharmacy"), mssante.running
    client.trust(trust.authority)
    client.create_account(replace(MailAccount.of(running, pharmacy, pharmacy.logins[0]), imaps=wire.port))


def fetched(wire: Wire) -> set[bytes]:
    """The UIDs of which more than the flags was asked for."""
    asked = re.findall(rb"(?i)UID FETCH (\S+) (.+)\r\n", wire.said)
    return {uids for uids, items in asked if items != b"(FLAGS)"}


def kept(octets: bytes) -> bytes:
    """A message as Thunderbird's own store has it: its last line ended, and a bare LF made CRLF."""
    ended = octets if octets.endswith(b"\n") else octets + b"\r\n"
    return re.sub(rb"(?<!\r)\n", b"\r\n", ended)


def test_octets_come_flags_go_both_ways_and_the_next_start_fetches_what_is_new_alone(
    mssante: Mssante, trust: Trust, wire: Wire, tmp_path: Path
) -> None:
    mailbox = Mailbox(mssante)
    mailbox.store(*MESSAGES.values())
    number = {name: place for place, name in enumerate(MESSAGES, 1)}
    with thunderbird(tmp_path) as client:
        set_up(client, trust, mssante, wire)
        client.open_inbox()
        for name, octets in MESSAGES.items():
            client.wait_until_kept(name)  # fetched a while after the headers
            assert client.source(name) == kept(octets), name
        wire.forget()
        client.star("8-bit")
        wire.await_heard(b"FETCH (UID 2 FLAGS (\\Flagged")
    assert mailbox.flags(number["8-bit"]) == {"\\Flagged"}

    mailbox.flag(number["escapes"], "\\Flagged")
    mailbox.remove(number["plain"])
    mailbox.store(NEWCOMER)
    wire.forget()
    with thunderbird(tmp_path) as client:
        client.wait_for_star("escapes")
        client.wait_until_gone("plain")
        client.wait_until_kept("newcomer")
        assert fetched(wire) == {b"%d" % (len(MESSAGES) + 1)}
        wire.await_heard(b"+ idling")
        wire.forget()
        mailbox.store(PUSHED)
        client.wait_until_kept("pushed")
        assert fetched(wire) == {b"%d" % (len(MESSAGES) + 2)}
