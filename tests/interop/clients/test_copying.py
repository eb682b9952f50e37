"""Programs that keep a copy of the mailbox: what they copy, what goes back, and what a second run asks for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.clients.mailbox import Mailbox
from tests.interop.clients.odd_messages import MESSAGES, NEWCOMER, words_of
from tests.interop.clients.programs import PROGRAMS, User
from tests.interop.clients.recipes import Values, recipe
from tests.interop.clients.wire import Wire

pytestmark = pytest.mark.interop

COLLECTORS = [name for name, program in PROGRAMS.items() if program.collects]
FOLLOWERS = [name for name in PROGRAMS if name not in COLLECTORS]
MAILDIR_FOLLOWERS = ["mbsync", "offlineimap"]
WAITERS = [name for name in PROGRAMS if name != "mbsync"]  # which has no IDLE

SetUp = Callable[[str], User]
PLAIN, EIGHT_BIT = MESSAGES["plain"], MESSAGES["8-bit"]


@pytest.fixture
def set_up(home: Path, values: Values) -> SetUp:
    """The user of `home` set up one program."""
    return lambda name: User(home, recipe(name, values), PROGRAMS[name])


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_copy_has_the_octets_that_are_stored(name: str, set_up: SetUp, mailbox: Mailbox) -> None:
    mailbox.store(*MESSAGES.values())
    assert mailbox.stored() == list(MESSAGES.values())
    user = set_up(name)
    user.runs()
    copies = user.copies()
    whole = [octets for one, octets in MESSAGES.items() if one != PROGRAMS[name].spoils]
    assert len(copies) == len(MESSAGES)
    assert [copy for copy in user.kept(*whole) if copy not in copies] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_second_run_fetches_what_is_new_and_nothing_else(
    name: str, wire: Wire, set_up: SetUp, mailbox: Mailbox
) -> None:
    mailbox.store(PLAIN, EIGHT_BIT)
    user = set_up(name)
    user.runs()
    assert {words_of(PLAIN) in wire.heard, words_of(EIGHT_BIT) in wire.heard} == {True}
    mailbox.remove(1)
    mailbox.store(NEWCOMER)
    wire.forget()
    user.runs()
    assert words_of(NEWCOMER) in wire.heard
    assert {words_of(PLAIN) in wire.heard, words_of(EIGHT_BIT) in wire.heard} == {False}
    gone = [PLAIN] if name in COLLECTORS else []
    assert user.copies() == user.kept(EIGHT_BIT, NEWCOMER, *gone)


@pytest.mark.parametrize("name", MAILDIR_FOLLOWERS)
def test_flags_go_both_ways(name: str, set_up: SetUp, mailbox: Mailbox) -> None:
    mailbox.store(PLAIN)
    user = set_up(name)
    user.runs()
    mailbox.flag(1, "\\Flagged")
    (file,) = user.folder().glob("*/*U=1*")
    file.rename(user.folder() / "cur" / (file.name.partition(":")[0] + ":2,RS"))
    user.runs()
    (file,) = user.folder().glob("*/*U=1*")
    assert file.name.endswith(":2,FRS")
    assert mailbox.flags(1) == {"\\Flagged", "\\Seen", "\\Answered"}


@pytest.mark.parametrize("name", MAILDIR_FOLLOWERS)
def test_what_is_put_into_the_copy_and_taken_from_it_is_so_in_the_mailbox(
    name: str, set_up: SetUp, mailbox: Mailbox
) -> None:
    mailbox.store(PLAIN, EIGHT_BIT)
    user = set_up(name)
    user.runs()
    (file,) = user.folder().glob("*/*U=1*")
    file.unlink()
    (user.folder() / "new" / "1795656237.1.here").write_bytes(user.kept(NEWCOMER)[0])
    user.runs()
    assert [user.without_added(octets) for octets in mailbox.stored()] == [EIGHT_BIT, NEWCOMER]


@pytest.mark.parametrize("name", MAILDIR_FOLLOWERS)
def test_folders_are_copied_whatever_their_names(name: str, set_up: SetUp, mailbox: Mailbox) -> None:
    ready, delivered = f"Pr&AOo-tes-{name}", f"Livr&AOk-es-{name}"  # Prêtes, Livrées: as sent
    mailbox.create(ready)
    mailbox.store(EIGHT_BIT, folder=ready)
    user = set_up(name)
    user.runs()
    assert user.copies(ready) == user.kept(EIGHT_BIT)
    (user.folder(delivered) / "new" / "1795656237.1.here").write_bytes(user.kept(NEWCOMER)[0])
    user.runs()
    assert [user.without_added(octets) for octets in mailbox.stored(delivered)] == [NEWCOMER]


def test_flags_go_both_ways_in_neomutt(set_up: SetUp, mailbox: Mailbox) -> None:
    mailbox.store(PLAIN, EIGHT_BIT)
    user = set_up("NeoMutt")
    mailbox.flag(1, "\\Flagged")
    user.runs("<untag-pattern>~A<enter><last-entry><set-flag>r<sync-mailbox>")
    (file,) = user.folder().glob("*/*:2,F*")
    assert words_of(PLAIN) in file.read_bytes()
    assert mailbox.flags(2) >= {"\\Answered"}


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_collector_leaves_what_is_seen_and_marks_what_it_fetched(name: str, set_up: SetUp, mailbox: Mailbox) -> None:
    mailbox.store(PLAIN, flags="\\Seen")
    mailbox.store(NEWCOMER)
    user = set_up(name)
    user.runs()
    assert user.copies() == user.kept(NEWCOMER)
    assert mailbox.flags(2) == {"\\Seen"}


@pytest.mark.parametrize("name", WAITERS)
def test_an_arrival_wakes_it(name: str, wire: Wire, set_up: SetUp, mailbox: Mailbox) -> None:
    mailbox.store(PLAIN)
    user = set_up(name)
    user.runs()
    wire.forget()
    with user.stays():
        wire.await_heard(b"+ idling")
        mailbox.store(NEWCOMER)
        wire.await_heard(b"<newcomer@patient.example>")
