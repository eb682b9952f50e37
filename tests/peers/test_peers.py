"""The peers themselves: they start, do what the comparison needs, and leave nothing behind."""

import imaplib
import os
import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.certificates import ServerFiles, Trust
from tests.peers.debian import PACKAGES, require
from tests.peers.dovecot import Dovecot, dovecot
from tests.peers.loopback import scratch
from tests.peers.postfix import needs_root, postfix

pytestmark = pytest.mark.interop
MAIL = b"From: a@localhost\r\nSubject: peers\r\n\r\nHello\r\n"


@pytest.fixture(scope="module")
def tls() -> Iterator[ServerFiles]:
    with scratch("tls") as folder:
        yield Trust(folder).server()


def logged_in(server: Dovecot, user: str) -> imaplib.IMAP4_SSL:
    client = imaplib.IMAP4_SSL(
        "localhost", server.imaps, ssl_context=ssl.create_default_context(cafile=server.authority)
    )
    client.login(user, server.password)
    return client


def read_until(client: imaplib.IMAP4, wanted: bytes) -> None:
    while wanted not in (line := client.readline()):
        assert line, "the server hung up"


def process_groups() -> set[int]:
    """Process groups of everything that runs now."""
    groups = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                groups.add(os.getpgid(int(entry.name)))
            except ProcessLookupError:
                continue
    return groups


@pytest.mark.parametrize("mail_format", ["sdbox", "maildir"])
def test_dovecot_shows_what_lmtp_delivered_and_stops_with_all_its_children(tls, mail_format):
    with dovecot(tls, mail_format=mail_format) as server:
        with smtplib.LMTP("127.0.0.1", server.lmtp) as sender:
            sender.sendmail("a@localhost", ["reader@localhost"], MAIL)
        with logged_in(server, "reader@localhost") as client:
            assert client.select() == ("OK", [b"1"])
        assert server.master.pid in process_groups()
    assert server.master.pid not in process_groups()
    assert not server.home.exists()


@needs_root
def test_postfix_delivers_to_the_dovecot_behind_it(tls):
    with dovecot(tls) as server, postfix(tls, server) as front:
        with smtplib.SMTP("localhost", front.submission, "client") as sender:
            assert sender.starttls(context=ssl.create_default_context(cafile=tls.authority))[0] == 220
            sender.login("a@localhost", server.password)
            sender.sendmail("a@localhost", ["reader@localhost"], MAIL)
        with logged_in(server, "reader@localhost") as client:
            if client.select()[1] == [b"0"]:
                client.send(b"x1 IDLE\r\n")  # its push is the event that says the second hop is done
                read_until(client, b"1 EXISTS")
                client.send(b"DONE\r\n")
                read_until(client, b"x1 OK")
            assert client.select()[1] == [b"1"]
    assert not front.home.exists()


@needs_root
def test_postfix_relays_for_nobody_who_is_not_logged_in(tls):
    with (
        dovecot(tls) as server,
        postfix(tls, server) as front,
        smtplib.SMTP("localhost", front.submission, "c") as sender,
        pytest.raises(smtplib.SMTPRecipientsRefused),
    ):
        sender.sendmail("a@localhost", ["reader@localhost"], MAIL)


def test_a_missing_program_is_an_error_that_names_its_package(monkeypatch):
    monkeypatch.setitem(PACKAGES, "no-such-program", "no-such-package")
    with pytest.raises(RuntimeError, match="apt-get install no-such-package"):
        require("openssl", "no-such-program")
