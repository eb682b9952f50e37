"""Conversations with a session that has no socket, cut at every place."""

from base64 import b64encode

import pytest

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.faults import AuthenticationFailed, MailboxMissing
from mssante_sim.imap.core.limits import FrameLimits, ImapLimits
from mssante_sim.imap.core.session import Done, ImapSession
from mssante_sim.imap.core.states import Phase
from mssante_sim.imap.core.steps import Hangup, Run, Upgrade, Write
from mssante_sim.imap.core.view import FolderView
from mssante_sim.storage.api import Arrived, Expunged, FlagsChanged, FolderGone, ModSeq, Uid
from tests.imap_core.test_view import HERE, arrived, expunged, flagged, state, view

PASSWORD = "sésame"


class Driver:
    """Answers Run steps as handlers would: any login with the password, any SELECT with three messages."""

    def __init__(self, session: ImapSession) -> None:
        self.session = session
        self.said = b""
        self.ran: list[c.Command] = []
        self.over = False
        self.pump()

    def send(self, octets: bytes) -> bytes:
        before = len(self.said)
        self.session.receive(octets)
        self.pump()
        return self.said[before:]

    def tell(self, change: Arrived | Expunged | FlagsChanged | FolderGone) -> bytes:
        before = len(self.said)
        self.session.notice(change)
        self.pump()
        return self.said[before:]

    def pump(self) -> None:
        while (step := self.session.next()) is not None:
            match step:
                case Write(octets):
                    self.said += octets
                case Run(command):
                    self.ran.append(command)
                    self.session.complete(command, self.answer(command))
                case Upgrade():
                    self.session.tls_started()
                case Hangup():
                    self.over = True
                    return

    def answer(self, command: c.Command) -> Done | AuthenticationFailed | MailboxMissing:
        match command:
            case c.Login(password=password):
                return Done("Logged in.") if password == PASSWORD else AuthenticationFailed("Invalid credentials.")
            case c.Select(mailbox="INBOX", read_only=read_only):
                seen = view(1, 3, 5)
                seen.read_only = read_only
                return Done("Selected.", "READ-WRITE", view=seen)
            case c.Select():
                self.session.forget_view()
                return MailboxMissing("No such mailbox.")
            case c.Close() | c.Unselect():
                self.session.forget_view()
        return Done("Done.")


def fresh(*, secure: bool = True, limits: ImapLimits | None = None) -> Driver:
    return Driver(ImapSession(limits or ImapLimits(), secure=secure))


def selected() -> Driver:
    driver = fresh()
    driver.send("a LOGIN u {7}\r\nsésame\r\nb SELECT INBOX\r\n".encode())
    assert driver.session.phase is Phase.SELECTED
    return driver


CONVERSATIONS = {
    "login and select": b"a LOGIN u {7}\r\ns\xc3\xa9same\r\nb SELECT INBOX\r\nc NOOP\r\nd LOGOUT\r\n",
    "plain with an initial response": b"a AUTHENTICATE PLAIN " + b64encode(b"\0u\0s\xc3\xa9same") + b"\r\nb NOOP\r\n",
    "plain in two steps": b"a AUTHENTICATE PLAIN\r\n" + b64encode(b"\0u\0s\xc3\xa9same") + b"\r\nb NOOP\r\n",
    "login in three steps": b"a AUTHENTICATE LOGIN\r\ndQ==\r\n" + b64encode("sésame".encode()) + b"\r\nb NOOP\r\n",
    "idle": b"a LOGIN u {7+}\r\ns\xc3\xa9same\r\nb SELECT INBOX\r\nc IDLE\r\nDONE\r\nd NOOP\r\n",
    "errors": b"a NONSENSE\r\nb SELECT\r\nc SELECT INBOX\r\nd AUTHENTICATE PLAIN\r\n*\r\ne NOOP\r\n",
}


@pytest.mark.parametrize("octets", CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_answers_do_not_depend_on_packets(octets: bytes) -> None:
    whole = fresh()
    whole.send(octets)
    for cut in range(1, len(octets)):
        driver = fresh()
        driver.send(octets[:cut])
        driver.send(octets[cut:])
        assert driver.said == whole.said
    bytewise = fresh()
    for octet in octets:
        bytewise.send(bytes([octet]))
    assert (bytewise.said, bytewise.ran) == (whole.said, whole.ran)


@pytest.mark.parametrize("name", [name for name in CONVERSATIONS if name != "errors"])
def test_each_way_to_log_in_works(name: str) -> None:
    driver = fresh()
    driver.send(CONVERSATIONS[name])
    login = driver.ran[0]
    assert isinstance(login, c.Login)
    assert (login.user, login.password) == ("u", PASSWORD)
    assert b"a OK [CAPABILITY IMAP4rev1" in driver.said


def test_the_greeting_tells_what_can_be_done() -> None:
    assert fresh(secure=False).said.startswith(b"* OK [CAPABILITY IMAP4rev1 ")
    assert b"LOGINDISABLED" in fresh(secure=False).said
    assert b"AUTH=PLAIN" in fresh().said


@pytest.mark.parametrize("line", [b"a LOGIN u p", b"a AUTHENTICATE PLAIN AHUAcA=="])
def test_no_password_is_taken_in_the_clear(line: bytes) -> None:
    driver = fresh(secure=False)
    assert driver.send(line + b"\r\n").startswith(b"a NO [PRIVACYREQUIRED]")
    assert driver.ran == []


def test_starttls_forgets_what_came_before() -> None:
    driver = fresh(secure=False)
    assert b"a OK Begin TLS" in driver.send(b"a STARTTLS\r\n")
    assert b"AUTH=PLAIN" in driver.send(b"b CAPABILITY\r\n")
    assert b"c BAD" in driver.send(b"c STARTTLS\r\n")


@pytest.mark.parametrize("behind", [b"x", b"b NOOP\r\n", b"b LOGIN u p\r\n", b"\r\n"])
def test_octets_behind_starttls_close_and_never_run(behind: bytes) -> None:
    driver = fresh(secure=False)
    said = driver.send(b"a STARTTLS\r\n" + behind)
    assert said.startswith(b"* BYE")
    assert b"a OK" not in said
    assert driver.over
    assert driver.ran == []


def test_pipelined_commands_wait_for_the_running_one() -> None:
    session = ImapSession(ImapLimits(frames=FrameLimits(pipelined_before_login=10)), secure=True)
    assert isinstance(session.next(), Write)
    session.receive(b"a LOGIN u p\r\nb NOOP\r\n")
    step = session.next()
    assert isinstance(step, Run)
    assert session.next() is None
    assert not session.is_full
    session.receive(b"c NOOP\r\n")
    assert session.is_full
    session.complete(step.command, Done("Logged in."))
    answered = session.next()
    assert isinstance(answered, Write)
    assert [line.split()[:2] for line in answered.octets.splitlines()] == [[b"a", b"OK"], [b"b", b"OK"], [b"c", b"OK"]]
    assert not session.is_full


def test_news_waits_for_a_command_and_is_told_at_its_end() -> None:
    driver = selected()
    assert driver.tell(arrived(6)) == b""
    assert driver.send(b"c NOOP\r\n") == b"* 4 EXISTS\r\n* 0 RECENT\r\nc OK Noop completed.\r\n"


def test_expunge_is_told_after_a_uid_command_but_not_after_one_by_number() -> None:
    driver = selected()
    driver.tell(expunged(3))
    assert b"EXPUNGE" not in driver.send(b"c FETCH 1 FLAGS\r\n")
    assert b"* 2 EXPUNGE\r\n" in driver.send(b"d UID FETCH 1 FLAGS\r\n")


def test_idle_tells_everything_at_once() -> None:
    driver = selected()
    driver.tell(arrived(6))
    assert driver.send(b"c IDLE\r\n") == b"+ idling\r\n* 4 EXISTS\r\n* 0 RECENT\r\n"
    assert driver.tell(arrived(7)) == b"* 5 EXISTS\r\n* 0 RECENT\r\n"
    assert driver.tell(expunged(1)) == b"* 1 EXPUNGE\r\n"
    assert driver.tell(flagged(state(5, "\\Seen"))) == b"* 2 FETCH (UID 5 FLAGS (\\Seen))\r\n"
    assert driver.send(b"done\r\n") == b"c OK Idle completed.\r\n"
    assert driver.tell(arrived(8)) == b""


def test_a_new_keyword_is_announced_before_it_is_shown() -> None:
    driver = selected()
    driver.send(b"c IDLE\r\n")
    lines = driver.tell(flagged(state(5, "$New"))).splitlines()
    assert lines[0].startswith(b"* FLAGS (")
    assert b"$New" in lines[0]
    assert lines[-1] == b"* 3 FETCH (UID 5 FLAGS ($New))"


def test_idle_ends_with_done_only() -> None:
    driver = selected()
    driver.send(b"c IDLE\r\n")
    assert driver.send(b"d NOOP\r\n").startswith(b"c BAD")
    assert b"e OK" in driver.send(b"e NOOP\r\n")


def test_still_here_is_said_during_idle_only() -> None:
    driver = selected()
    driver.session.still_here()
    assert driver.session.next() is None
    driver.send(b"c IDLE\r\n")
    driver.session.still_here()
    assert driver.session.next() == Write(b"* OK Still here\r\n")


def test_changes_noticed_while_select_runs_are_not_lost() -> None:
    session = ImapSession(ImapLimits(), secure=True)
    session.receive(b"a LOGIN u p\r\nb SELECT INBOX\r\n")
    view_of_three: FolderView = view(1, 3, 5)
    while (step := session.next()) is not None:
        if isinstance(step, Run) and isinstance(step.command, c.Select):
            session.notice(arrived(5, 6))  # 5 is in the snapshot already
            session.complete(step.command, Done("Selected.", view=view_of_three))
        elif isinstance(step, Run):
            session.complete(step.command, Done("Logged in."))
        elif step.octets.endswith(b"Selected.\r\n"):
            assert b"* 4 EXISTS" in step.octets
    assert list(view_of_three.uids) == [1, 3, 5, 6]


def test_a_failed_select_leaves_no_folder_selected() -> None:
    driver = selected()
    assert b"c NO [NONEXISTENT]" in driver.send(b"c SELECT Elsewhere\r\n")
    assert driver.session.phase is Phase.AUTHENTICATED
    assert b"d BAD" in driver.send(b"d FETCH 1 FLAGS\r\n")


def test_examine_forbids_changes() -> None:
    driver = selected()
    driver.send(b"c EXAMINE INBOX\r\n")
    assert driver.send(b"d STORE 1 FLAGS ()\r\n").startswith(b"d NO [READ-ONLY]")


def test_condstore_begins_with_where_the_mailbox_stands_and_adds_modseq() -> None:
    driver = selected()
    driver.tell(flagged(state(5, "\\Seen", modseq=104)))
    said = driver.send(b"c FETCH 1 (MODSEQ)\r\n")
    assert said.startswith(b"* OK [HIGHESTMODSEQ 103] ")
    assert b"* 3 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (104))\r\nc OK" in said
    assert b"HIGHESTMODSEQ" not in driver.send(b"d FETCH 1 (MODSEQ)\r\n")


def test_a_removal_that_waits_holds_back_the_highest_modseq() -> None:
    driver = selected()
    driver.send(b"c ENABLE CONDSTORE\r\n")
    driver.tell(Expunged(HERE, (Uid(3),), ModSeq(104)))
    driver.tell(flagged(state(5, "\\Seen", modseq=107)))
    said = driver.send(b"d FETCH 1 FLAGS\r\n")
    assert said.index(b"MODSEQ (107)") < said.index(b"* OK [HIGHESTMODSEQ 103] ") < said.index(b"d OK")
    assert driver.send(b"e NOOP\r\n") == b"* 2 EXPUNGE\r\ne OK Noop completed.\r\n"


def test_who_saw_what_is_not_noticed_yet_is_told_where_the_mailbox_stands() -> None:
    """Else it would take the newest mod-sequence for the last, and never learn of a removal before it."""
    driver = selected()
    driver.send(b"c ENABLE QRESYNC\r\n")
    assert driver.session.view is not None
    driver.session.view.saw([state(5, "\\Seen", modseq=106)])
    assert b"* OK [HIGHESTMODSEQ 100] " in driver.send(b"d FETCH 3 FLAGS\r\n")
    driver.tell(Expunged(HERE, (Uid(1),), ModSeq(105)))
    driver.tell(flagged(state(5, "\\Seen", modseq=106)))
    assert b"HIGHESTMODSEQ" not in driver.send(b"e NOOP\r\n")


def test_who_saw_what_is_not_noticed_yet_may_idle() -> None:
    """Between the commit of a change and its notice there is nothing to say, and nothing is said again and again."""
    driver = selected()
    driver.send(b"c ENABLE CONDSTORE\r\n")
    assert driver.session.view is not None
    driver.session.view.saw([state(5, "\\Seen", modseq=106)])
    driver.session.receive(b"d IDLE\r\n")
    assert [driver.session.next() for _ in range(2)] == [Write(b"+ idling\r\n"), None]
    assert b"* OK [HIGHESTMODSEQ 105] " in driver.tell(flagged(state(1, "\\Seen", modseq=105)))
    assert b"HIGHESTMODSEQ" not in driver.tell(flagged(state(5, "\\Seen", modseq=106)))


def test_qresync_tells_removals_by_uid() -> None:
    driver = selected()
    driver.send(b"c ENABLE QRESYNC\r\n")
    driver.tell(expunged(1, 5))
    assert driver.send(b"d NOOP\r\n") == b"* VANISHED 1,5\r\nd OK Noop completed.\r\n"


def test_qresync_has_to_be_enabled_first() -> None:
    driver = selected()
    for command in (b"SELECT INBOX (QRESYNC (7 90))", b"UID FETCH 1:* FLAGS (CHANGEDSINCE 90 VANISHED)"):
        assert driver.send(b"c " + command + b"\r\n").startswith(b"c BAD ")
    driver.send(b"d ENABLE QRESYNC\r\n")
    assert driver.send(b"e UID FETCH 1:* FLAGS (CHANGEDSINCE 90 VANISHED)\r\n").startswith(b"e OK")


def test_a_deleted_folder_ends_the_session() -> None:
    driver = selected()
    driver.tell(FolderGone(HERE))
    assert b"* BYE" in driver.send(b"c NOOP\r\n")
    assert driver.over


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/1.1", b"EHLO client.example", b"SSH-2.0-OpenSSH_9.2", b'{"jsonrpc": "2.0"}', b""]
)
def test_a_first_line_that_is_no_imap_hangs_up(line: bytes) -> None:
    driver = fresh()
    said = driver.send(line + b"\r\nHost: localhost\r\n\r\n")
    assert b"* BYE" in said
    assert driver.over


def test_five_unknown_commands_hang_up() -> None:
    driver = fresh()
    for _ in range(4):
        driver.send(b"a NONSENSE\r\n")
    assert not driver.over
    driver.send(b"a NONSENSE\r\n")
    assert driver.over
    assert b"* BYE Too many bad commands." in driver.said


def test_a_good_command_forgives_bad_ones() -> None:
    driver = fresh()
    for _ in range(4):
        driver.send(b"a NONSENSE\r\n" * 4 + b"b NOOP\r\n")
    assert not driver.over


def test_too_many_failed_logins_hang_up() -> None:
    driver = fresh(limits=ImapLimits(failed_logins=2))
    assert b"a NO [AUTHENTICATIONFAILED]" in driver.send(b"a LOGIN u wrong\r\n")
    assert not driver.over
    driver.send(b"b LOGIN u wrong\r\n")
    assert driver.over


def test_exchanges_that_lead_to_no_login_count_as_failed_ones() -> None:
    driver = fresh(limits=ImapLimits(failed_logins=2))
    assert b"a NO [AUTHENTICATIONFAILED]" in driver.send(b"a AUTHENTICATE PLAIN " + b64encode(b"no nul") + b"\r\n")
    driver.send(b"b AUTHENTICATE PLAIN\r\n")
    said = driver.send(b64encode(b"no nul") + b"\r\n")
    assert said.index(b"b NO [AUTHENTICATIONFAILED]") < said.index(b"* BYE Too many failed logins.")
    assert driver.over


@pytest.mark.parametrize("answer", [b"!!!", b"dQ==dQ==", b"a b"])
def test_a_broken_sasl_answer_is_bad_and_ends_the_exchange(answer: bytes) -> None:
    driver = fresh()
    driver.send(b"a AUTHENTICATE PLAIN\r\n")
    assert b"BAD" in driver.send(answer + b"\r\n")
    assert b"b OK" in driver.send(b"b NOOP\r\n")


def test_acting_for_another_is_refused() -> None:
    driver = fresh()
    said = driver.send(b"a AUTHENTICATE PLAIN " + b64encode(b"other\0u\0s\xc3\xa9same") + b"\r\n")
    assert said.startswith(b"a NO [AUTHORIZATIONFAILED]")
    assert driver.ran == []


def test_an_unknown_mechanism_is_refused() -> None:
    assert fresh().send(b"a AUTHENTICATE CRAM-MD5\r\n").startswith(b"a NO")


def test_goodbye_while_a_handler_runs_stays_goodbye() -> None:
    session = ImapSession(ImapLimits(), secure=True)
    session.receive(b"a LOGIN u p\r\nb SELECT INBOX\r\n")
    while not isinstance(step := session.next(), Run):
        assert step is not None
    session.bye("Stopping.")
    session.complete(step.command, Done("Logged in."))
    last = session.next()
    assert isinstance(last, Write)
    assert b"* BYE Stopping." in last.octets
    assert session.next() == Hangup()
