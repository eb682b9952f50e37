"""Libraries that ask a mailbox: they are given what is stored, change it, and are told of what comes."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.clients.asking import LIBRARIES, Library, parsed
from tests.interop.clients.mailbox import Mailbox
from tests.interop.clients.odd_messages import MESSAGES, NEWCOMER, words_of
from tests.interop.clients.recipes import Values, recipe
from tests.interop.clients.wire import Wire

pytestmark = pytest.mark.interop

Connect = Callable[[str], Library]
WAITERS = [name for name in LIBRARIES if name != "curl"]  # which has no IDLE


@pytest.fixture
def connect(home: Path, values: Values) -> Iterator[Connect]:
    """One library, connected as its recipe says, until the test ends."""
    with ExitStack() as opened:

        def connected(name: str) -> Library:
            library = LIBRARIES[name](recipe(name, values), home)
            opened.callback(library.close)
            return library

        yield connected


@pytest.mark.parametrize("name", LIBRARIES)
def test_each_message_is_given_as_it_is_stored(name: str, connect: Connect, mailbox: Mailbox) -> None:
    mailbox.store(*MESSAGES.values())
    library = connect(name)
    due = map(parsed, MESSAGES.values()) if name == "imap-tools" else MESSAGES.values()
    assert [library.octets(uid) for uid in library.uids()] == list(due)


def test_starttls_leads_to_the_same_octets(home: Path, values: Values, mailbox: Mailbox) -> None:
    mailbox.store(MESSAGES["controls"])
    section = recipe("curl", values)
    _, by_starttls, _ = section.commands
    assert "imap://" in by_starttls
    done = subprocess.run(["sh", "-c", by_starttls], env=section.set_up(home), capture_output=True, check=True)
    assert done.stdout == MESSAGES["controls"]


@pytest.mark.parametrize("name", LIBRARIES)
def test_flags_go_both_ways(name: str, connect: Connect, mailbox: Mailbox) -> None:
    mailbox.store(NEWCOMER)
    library = connect(name)
    mailbox.flag(1, "\\Flagged")
    library.flag(1, "\\Answered")
    assert library.flags(1) - {"\\Recent"} == mailbox.flags(1) == {"\\Flagged", "\\Answered"}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_second_look_fetches_what_is_new_and_nothing_else(
    name: str, wire: Wire, connect: Connect, mailbox: Mailbox
) -> None:
    mailbox.store(MESSAGES["plain"], MESSAGES["8-bit"])
    library = connect(name)
    copy = {uid: library.octets(uid) for uid in library.uids()}
    mailbox.remove(1)
    mailbox.store(NEWCOMER)
    wire.forget()
    found = set(library.uids())
    copy = {uid: copy.get(uid) or library.octets(uid) for uid in found}
    assert words_of(NEWCOMER) in wire.heard
    assert words_of(MESSAGES["8-bit"]) not in wire.heard
    assert [words_of(octets) for octets in copy.values()] == [words_of(MESSAGES["8-bit"]), words_of(NEWCOMER)]


@pytest.mark.parametrize("name", ["IMAPClient", "ImapFlow"])  # which know CONDSTORE
def test_only_what_changed_since_is_told(name: str, connect: Connect, mailbox: Mailbox) -> None:
    mailbox.store(MESSAGES["plain"], NEWCOMER)
    library = connect(name)
    before = mailbox.modseq()
    mailbox.flag(2, "\\Flagged")
    assert library.changed_since(before) == [2]


@pytest.mark.parametrize("name", WAITERS)
def test_an_arrival_is_told_in_idle(name: str, wire: Wire, connect: Connect, mailbox: Mailbox) -> None:
    mailbox.store(MESSAGES["plain"])
    library = connect(name)

    def arrive() -> None:
        wire.await_heard(b"+ idling")
        mailbox.store(NEWCOMER)

    assert library.arrival(arrive) == 2
    assert words_of(NEWCOMER) in library.octets(library.uids()[-1])
