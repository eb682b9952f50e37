"""A receipt that the pharmacy returns: over the real ports, with the empty return path."""

import asyncio
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest

from mssante_sim.clients.correspondence import filed_message
from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import MailboxClient
from mssante_sim.clients.receipts import decide_receipt, receipt_due
from mssante_sim.clients.submission import Unreachable
from mssante_sim.clock import SystemClock
from mssante_sim.message.compose import Draft, compose
from mssante_sim.message.headers import Address
from mssante_sim.message.parts import parse
from mssante_sim.message.reports import Receipt
from mssante_sim.testing import Mssante

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
AS = ("--as", "990000010")


@pytest.fixture
def asked(mssante: Mssante) -> None:
    """A colleague asks for a receipt of the first message in INBOX."""
    colleague, pharmacy = mssante.account("other-pharmacy"), mssante.account("pharmacy")
    draft = Draft(
        Address(colleague.display_name, colleague.address), (Address("", pharmacy.address),), "Sujet", "Texte",
        SystemClock().now(), "<1@x>", extra=(("Disposition-Notification-To", colleague.address),),
    )  # fmt: skip
    with mssante.smtp("other-pharmacy") as smtp:
        smtp.sendmail(colleague.address, [pharmacy.address], compose(draft))


@pytest.mark.usefixtures("asked")
def test_a_receipt_that_a_person_returns_reaches_the_sender_once(here: Command, mssante: Mssante) -> None:
    pharmacy = mssante.account("pharmacy")
    for _ in range(2):
        opened = here("pharmacy", "open", *AS, "1", "--receipt", "yes")
        assert opened.returncode == 0, opened.stderr
    client = mssante.imap("other-pharmacy")
    assert client.select("INBOX")[1] == [b"1"]
    receipt = mssante.open(client.uid("FETCH", "1", "(BODY.PEEK[])")[1][0][1], "other-pharmacy")
    assert receipt.report == Receipt("<1@x>", pharmacy.address, displayed=True, automatic=False)
    assert b"Sujet" not in receipt.readable
    assert b"$MDNSent" in mssante.imap("pharmacy").uid("FETCH", "1", "(FLAGS)")[1][0]


@pytest.mark.usefixtures("asked")
def test_a_receipt_names_the_software_that_returns_it(here: Command, mssante: Mssante) -> None:
    """[Référentiel MSSanté #2 ECO.2.4.1]"""
    assert here("pharmacy", "open", *AS, "1", "--receipt", "yes").returncode == 0
    octets = mssante.imap("other-pharmacy").uid("FETCH", "1", "(BODY.PEEK[])")[1][0][1]
    assert parse(octets).header["x-mss-nil"].strip().startswith(b"SIMULATEUR-mssante-sim/")


@pytest.mark.usefixtures("asked")
async def test_two_members_of_the_team_who_decide_at_once_return_one_receipt(mssante: Mssante) -> None:
    at = SystemClock().now()
    desks = [Desk.of(mssante.running, "990000010", user) for user in ("lilas.titulaire", "lilas.adjoint")]
    clients = [await MailboxClient.connect(desk.access()) for desk in desks]
    try:
        seen = [await filed_message(one, desk, 1, at=at) for one, desk in zip(clients, desks, strict=True)]
        done = await asyncio.gather(*(
            decide_receipt(desk, client, filed, send=True, at=at)
            for desk, client, filed in zip(desks, clients, seen, strict=True)
        ))  # fmt: skip
    finally:
        for client in clients:
            await client.close()
    assert sorted(done) == [False, True]
    assert mssante.imap("other-pharmacy").select("INBOX")[1] == [b"1"]


@pytest.mark.usefixtures("asked")
async def test_a_receipt_that_could_not_be_sent_may_be_asked_for_again(mssante: Mssante) -> None:
    desk, at = Desk.of(mssante.running, "990000010"), SystemClock().now()
    client = await MailboxClient.connect(desk.access())
    try:
        filed = await filed_message(client, desk, 1, at=at)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
            ports = {**mssante.running.ports, "submission": nobody.getsockname()[1]}
            away = replace(desk, running=replace(desk.running, ports=ports), server="localhost")
            with pytest.raises(Unreachable):
                await decide_receipt(away, client, filed, send=True, at=at)
        assert receipt_due(await filed_message(client, desk, 1, at=at)) is not None
    finally:
        await client.close()
