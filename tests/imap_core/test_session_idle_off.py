"""An account without IDLE: its client has to poll, as where a network or a server forbids it."""

import pytest

from mssante_sim.imap.core import commands as c
from mssante_sim.imap.core.capabilities import WITHOUT_IDLE
from mssante_sim.imap.core.extensions import Extension
from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.core.session import Done, ImapSession
from tests.imap_core.test_session import Driver


class WithoutIdle(Driver):
    """Answers logins as the handler does for such an account."""

    def answer(self, command: c.Command):  # type: ignore[no-untyped-def]  # as the other's
        if isinstance(command, c.Login):
            return Done("Logged in.", withheld=WITHOUT_IDLE)
        return super().answer(command)


@pytest.fixture
def driver() -> WithoutIdle:
    made = WithoutIdle(ImapSession(ImapLimits(), secure=True))
    made.send(b"a LOGIN u p\r\n")
    return made


def test_before_the_login_nobody_is_known_and_after_it_neither_idle_nor_rev2_is_offered(driver) -> None:
    greeting, _, answer = driver.said.partition(b"\r\n")
    for said, offered in ((greeting, True), (answer, False), (driver.send(b"b CAPABILITY\r\n"), False)):
        assert (b" IDLE" in said, b" IMAP4rev2" in said) == (offered, offered)
        assert b" IMAP4rev1 " in said


@pytest.mark.parametrize("select", [b"", b"b SELECT INBOX\r\n"])
def test_idle_is_refused_as_a_word_that_is_not_known_and_harms_nothing(driver, select) -> None:
    driver.send(select)
    assert driver.send(b"c IDLE\r\n") == b"c BAD There is no command `IDLE` here.\r\n"
    assert driver.send(b"d XIDLE\r\n") == b"d BAD There is no command `XIDLE` here.\r\n"
    assert driver.send(b"e NOOP\r\n") == b"e OK Noop completed.\r\n"


def test_a_client_that_gives_no_way_is_refused_each_time(driver) -> None:
    for _ in range(20):
        assert driver.send(b"c IDLE\r\n").startswith(b"c BAD ")
    assert not driver.over


def test_rev2_which_has_idle_cannot_be_switched_on(driver) -> None:
    driver.send(b"b ENABLE IMAP4REV2 CONDSTORE\r\n")
    assert driver.session.enabled == {Extension.CONDSTORE}
