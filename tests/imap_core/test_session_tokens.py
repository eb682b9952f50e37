"""AUTHENTICATE as IMAP carries it: what stands on the wire when a token or a certificate is the proof [RFC 7628]."""

from base64 import b64encode

import pytest

from mssante_sim.imap.core.limits import ImapLimits
from mssante_sim.imap.core.session import Done, ImapSession
from mssante_sim.imap.core.states import Phase
from mssante_sim.sasl.claims import Claim, Named
from tests.imap_core.test_session import Driver
from tests.unit.sasl.parties import ACCOUNT, CERTIFICATE, TOKEN, Fixed

REASON = (
    b"+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJtYWlsIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwOi8vMTI3LjAu"
    b"MC4xOjIwODAvLndlbGwta25vd24vb3BlbmlkLWNvbmZpZ3VyYXRpb24ifQ==\r\n"
)
OLDER_REASON = b"+ eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=\r\n"
FAILED = b"a NO [AUTHENTICATIONFAILED] Invalid credentials.\r\n"


class Party(Driver):
    """Answers logins as the handler would: what is named is in."""

    def __init__(self, *, drops: bool = False, certificate: bytes | None = None) -> None:
        session = ImapSession(ImapLimits(), secure=False)
        session.tls_started(Fixed(drops=drops, certificate=certificate))
        super().__init__(session)

    def answer(self, command):  # type: ignore[no-untyped-def]  # as the other's
        claim: Claim | None = getattr(command, "claim", None)
        if isinstance(claim, Named) and claim.address is not None:
            return Done("Logged in.")
        return super().answer(command)


def begin(token: str, mechanism: bytes = b"OAUTHBEARER") -> bytes:
    message = f"user={ACCOUNT}\1auth=Bearer {token}\1\1" if mechanism == b"XOAUTH2" else f"n,,\1auth=Bearer {token}\1\1"
    return b"a AUTHENTICATE " + mechanism + b" " + b64encode(message.encode()) + b"\r\n"


@pytest.mark.parametrize("mechanism", [b"OAUTHBEARER", b"XOAUTH2"])
def test_a_token_logs_in_with_one_line(mechanism: bytes) -> None:
    driver = Party()
    assert driver.send(begin(TOKEN, mechanism)).startswith(b"a OK [CAPABILITY ")
    assert driver.session.phase is Phase.AUTHENTICATED


@pytest.mark.parametrize("mechanism", [b"OAUTHBEARER", b"XOAUTH2"])
def test_a_client_may_wait_for_the_plus(mechanism: bytes) -> None:
    driver = Party()
    command, _, message = begin(TOKEN, mechanism).rpartition(b" ")
    assert driver.send(command + b"\r\n") == b"+ \r\n"
    assert driver.send(message).startswith(b"a OK ")


@pytest.mark.parametrize("last", [b"AQ==\r\n", b"\r\n"])
def test_a_refused_token_gets_its_reason_then_the_answer_and_may_be_followed_by_another(last: bytes) -> None:
    driver = Party()
    assert driver.send(begin("other")) == REASON
    assert driver.ran == []
    assert driver.send(last) == FAILED
    assert driver.send(begin(TOKEN)).startswith(b"a OK ")


def test_a_client_may_give_up_at_the_reason() -> None:
    driver = Party()
    assert driver.send(begin("other")) == REASON
    assert driver.send(b"*\r\n") == b"a BAD Authentication cancelled.\r\n"
    assert driver.send(b"b NOOP\r\n") == b"b OK Noop completed.\r\n"


@pytest.mark.parametrize("mechanism", [b"OAUTHBEARER", b"XOAUTH2"])
def test_where_refused_tokens_are_dropped_the_reason_is_the_last_that_is_said(mechanism: bytes) -> None:
    driver = Party(drops=True)
    assert driver.send(begin("other", mechanism) + b"b NOOP\r\n") == OLDER_REASON
    assert len(driver.ran) == 1, "it stands in the traces"
    assert driver.over


def test_where_refused_tokens_are_dropped_a_good_one_logs_in() -> None:
    driver = Party(drops=True)
    assert driver.send(begin(TOKEN)).startswith(b"a OK ")
    assert not driver.over


def test_failed_tokens_end_the_connection_as_failed_passwords_do() -> None:
    driver = Party()
    for _ in range(ImapLimits().failed_logins):
        driver.send(begin("other"))
        said = driver.send(b"AQ==\r\n")
    assert said == FAILED + b"* BYE Too many failed logins.\r\n"
    assert driver.over


@pytest.mark.parametrize("message", [b"nonsense", b"n,,\1auth=Bearer x\1"])
def test_what_is_of_another_form_has_failed_at_once(message: bytes) -> None:
    driver = Party()
    assert driver.send(b"a AUTHENTICATE OAUTHBEARER " + b64encode(message) + b"\r\n") == FAILED
    assert driver.send(b"b NOOP\r\n") == b"b OK Noop completed.\r\n"


def test_a_token_in_the_clear_is_not_looked_at() -> None:
    driver = Driver(ImapSession(ImapLimits(), secure=False, party=Fixed()))
    assert b"AUTH=" not in driver.said
    assert driver.send(begin(TOKEN)) == b"a NO [PRIVACYREQUIRED] Send STARTTLS first.\r\n"


def test_a_certificate_logs_in_and_is_offered_to_who_has_shown_one() -> None:
    assert b"AUTH=EXTERNAL" not in Party().said
    driver = Party(certificate=CERTIFICATE)
    assert b" AUTH=EXTERNAL " in driver.said
    assert driver.send(b"a AUTHENTICATE EXTERNAL =\r\n").startswith(b"a OK ")


@pytest.mark.parametrize(
    ("certificate", "name", "said"),
    [
        (b"another", b"", FAILED),
        (CERTIFICATE, b"other", b"a NO [AUTHORIZATIONFAILED] Acting for another account is not possible.\r\n"),
        (CERTIFICATE, b"\xff", FAILED),
        (None, b"", b"a NO Unsupported authentication mechanism.\r\n"),
    ],
)
def test_a_certificate_that_opens_nothing_is_refused(certificate: bytes | None, name: bytes, said: bytes) -> None:
    driver = Party(certificate=certificate)
    assert driver.send(b"a AUTHENTICATE EXTERNAL " + (b64encode(name) or b"=") + b"\r\n") == said


def test_what_is_offered_after_starttls_is_for_who_the_client_is_then() -> None:
    driver = Driver(ImapSession(ImapLimits(), secure=False, party=Fixed()))
    driver.session.tls_started(Fixed(certificate=CERTIFICATE))
    assert b"AUTH=EXTERNAL" in driver.send(b"a CAPABILITY\r\n")
