"""Thunderbird fetches what is new, and nothing that it has."""

import re
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from mssante_sim.clients.thunderbird.setup import MailAccount
from mssante_sim.testing import Mssante
from tests.interop.clients.wire import wire_to
from tests.interop.thunderbird.driver import thunderbird
from tests.peers.certificates import Trust

pytestmark = [pytest.mark.interop, pytest.mark.slow]

_FETCHED = re.compile(rb"(?i)UID FETCH (\S+) \(")


def test_what_arrives_later_is_fetched_alone(mssante: Mssante, tmp_path: Path) -> None:
    pharmacy, running = mssante.account("pharmacy"), mssante.running
    inbox, trust = mssante.imap("pharmacy"), Trust(tmp_path)

    def arrives(subject: str) -> None:
        message = f"From: a@x.test\r\nSubject: {subject}\r\n\r\nTexte du {subject}.\r\n"
        inbox.append("INBOX", "", None, message.encode())

    arrives("premier")
    arrives("second")
    far = ssl.create_default_context(cafile=running.ca_file)
    with wire_to(running.ports["imap_tls"], far, trust.server()) as wire, thunderbird(tmp_path) as client:
        client.trust(trust.authority)
        client.create_account(replace(MailAccount.of(running, pharmacy, pharmacy.logins[0]), imaps=wire.port))
        client.open_inbox()
        for subject in ("premier", "second"):
            client.wait_for(subject)
            wire.await_heard(f"Texte du {subject}.".encode())  # fetched a while after the headers
        assert {b"1:*", b"1:2", b"1,2"} == set(_FETCHED.findall(wire.said))
        wire.forget()
        arrives("nouveau")
        client.wait_for("nouveau")
        wire.await_heard(b"Texte du nouveau.")
        assert {b"3:*", b"3"} == set(_FETCHED.findall(wire.said))
