"""The pytest fixture, from a vendor's point of view."""

from collections.abc import Callable

import pytest

from mssante_sim.clients.prescription import Letter
from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante, ephemeral_stack


def submit(mssante: Mssante, letter: Letter) -> None:
    with mssante.smtp("patient") as smtp:
        assert smtp.sendmail(letter.sender, [letter.recipient], letter.octets) == {}


def test_what_is_submitted_is_awaited_fetched_and_opened(mssante: Mssante, write: Callable[..., Letter]) -> None:
    letter = write()
    submit(mssante, letter)
    awaited = mssante.wait_for(letter.message_id, to="pharmacy")
    imap = mssante.imap("pharmacy")
    octets = imap.fetch("1", "(RFC822)")[1][0][1]
    assert len(octets) == awaited["octets"]
    opened = mssante.open(octets, "pharmacy")
    assert opened.encrypted
    assert opened.signer == letter.sender
    assert [a.content for a in opened.attachments] == [specimen("ordonnance").content]


def test_every_test_begins_with_empty_mailboxes(mssante: Mssante) -> None:
    for who in ("pharmacy", "patient"):
        assert mssante.imap(who).select("INBOX")[1] == [b"0"]


def test_waiting_for_what_does_not_come_says_what_did(mssante: Mssante, write: Callable[..., Letter]) -> None:
    letter = write()
    submit(mssante, letter)
    mssante.wait_for(letter.message_id, to="pharmacy")
    with pytest.raises(AssertionError, match=letter.message_id):
        mssante.wait_for("<other@x>", to="pharmacy", timeout=0.2)


def test_the_sender_has_a_copy_of_its_own_that_it_can_open(mssante: Mssante, write: Callable[..., Letter]) -> None:
    submit(mssante, write(text="Pour mémoire.\n"))
    imap = mssante.imap("patient")
    assert imap.select("Sent")[1] == [b"1"]
    assert mssante.open(imap.fetch("1", "(BODY.PEEK[])")[1][0][1], "patient").text == "Pour mémoire.\r\n"


def test_a_repeated_submission_arrives_once(mssante: Mssante, write: Callable[..., Letter]) -> None:
    letter = write()
    submit(mssante, letter)
    submit(mssante, letter)
    assert mssante.imap("pharmacy").select("INBOX")[1] == [b"1"]


def test_a_mailbox_whose_sealing_is_off_gets_the_plain_mail(mssante: Mssante, write: Callable[..., Letter]) -> None:
    letter = write()
    octets = letter.octets.replace(letter.recipient.encode(), mssante.account("sealing-off").address.encode())
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(letter.sender, [mssante.account("sealing-off").address], octets)
    received = mssante.imap("sealing-off").fetch("1", "(RFC822)")[1][0][1]
    assert received.endswith(octets[octets.index(b"\r\n\r\n") :])
    opened = mssante.open(received, "sealing-off")
    assert not opened.encrypted
    assert opened.signer is None


@pytest.mark.slow
def test_two_stacks_side_by_side_do_not_meet(mssante: Mssante, write: Callable[..., Letter]) -> None:
    with ephemeral_stack(["--pharmacies", "4", "--patients", "2"]) as other:
        assert set(other.ports.values()).isdisjoint(mssante.running.ports.values())
        submit(mssante, write())
        beside = Mssante(other)
        assert beside.imap("pharmacy").select("INBOX")[1] == [b"0"]
        beside.close()
