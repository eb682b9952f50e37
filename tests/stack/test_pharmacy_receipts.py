"""A receipt that the pharmacy returns: over the real ports, with the empty return path."""

import subprocess
from collections.abc import Callable

import pytest

from mssante_sim.clock import SystemClock
from mssante_sim.message.compose import Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.message.reports import Receipt
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
AS = ("--as", "990000010")


def test_a_receipt_that_a_person_returns_reaches_the_sender_once(here: Command, mssante: Mssante) -> None:
    colleague, pharmacy = mssante.account("other-pharmacy"), mssante.account("pharmacy")
    draft = Draft(
        Address(colleague.display_name, colleague.address), (Address("", pharmacy.address),), "Sujet", "Texte",
        SystemClock().now(), "<1@x>", extra=(("Disposition-Notification-To", colleague.address),),
    )  # fmt: skip
    with mssante.smtp("other-pharmacy") as smtp:
        smtp.sendmail(colleague.address, [pharmacy.address], compose(draft))
    for _ in range(2):
        opened = here("pharmacy", "open", *AS, "1", "--receipt", "yes")
        assert opened.returncode == 0, opened.stderr
    client = mssante.imap("other-pharmacy")
    assert client.select("INBOX")[1] == [b"1"]
    receipt = mssante.open(client.uid("FETCH", "1", "(BODY.PEEK[])")[1][0][1], "other-pharmacy")
    assert receipt.report == Receipt("<1@x>", pharmacy.address, displayed=True, automatic=False)
    assert b"Sujet" not in receipt.readable
    assert b"$MDNSent" in mssante.imap("pharmacy").uid("FETCH", "1", "(FLAGS)")[1][0]
