"""Every cell of the matrix over real SMTP: real directory, certificates, store and listeners."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest

from mssante_sim.config import PatientsReceive
from mssante_sim.smtp.matrix import SENDERS, cells
from mssante_sim.smtp.policy import Accepted, Decision, Party, Patient, Policy, Returned, Stranger
from mssante_sim.storage.api import Turn
from tests.unit.smtp.house import FROM, PARTIES, TO, Dialogue, Running, running

pytestmark = pytest.mark.slow


@asynccontextmanager
async def connected(house: Running, sender: str) -> AsyncIterator[Dialogue]:
    party: Party = SENDERS[sender]
    async with house.peer() if isinstance(party, Stranger) else house.login(FROM[sender]) as dialogue:
        yield dialogue


def says(reply: str, decision: Decision) -> bool:
    if isinstance(decision, Accepted | Returned):
        return reply.startswith("250 2.1.5 ")
    return reply == decision.refusal.line()


async def open_exchanges(house: Running, sender: str) -> None:
    """Every recipient has opened an exchange with `sender`, where that can be."""
    turns = []
    for recipient, party in ((TO[name], PARTIES[TO[name]]) for name in TO):
        if isinstance(party, Stranger) or isinstance(party, Patient) == isinstance(SENDERS[sender], Patient):
            continue
        patient, professional = (recipient, FROM[sender]) if isinstance(party, Patient) else (FROM[sender], recipient)
        turns.append(Turn(patient, professional, recipient, None, datetime.now(UTC)))
    await house.store.deliver((), received=datetime.now(UTC), turns=turns)


@pytest.mark.parametrize("patients_receive", get_args(PatientsReceive))
@pytest.mark.parametrize("sender", SENDERS)
async def test_every_cell_over_smtp(tmp_path, keystore, sender, patients_receive):
    row = [cell for cell in cells(Policy(patients_receive=patients_receive)) if cell.sender == sender]
    async with running(tmp_path, keystore, patients_receive=patients_receive) as house:
        async with connected(house, sender) as dialogue:
            await dialogue.expect("250", f"MAIL FROM:<{FROM[sender]}>")
            for cell in row:
                reply = await dialogue.say(f"RCPT TO:<{TO[cell.recipient]}>")
                assert says(reply, cell.first), (cell.recipient, reply)
        await open_exchanges(house, sender)
        async with connected(house, sender) as dialogue:
            await dialogue.expect("250", f"MAIL FROM:<{FROM[sender]}>")
            for cell in row:
                reply = await dialogue.say(f"RCPT TO:<{TO[cell.recipient]}>")
                assert says(reply, cell.answering), (cell.recipient, reply)


async def test_with_sealing_off_for_all_no_certificate_is_asked_for(tmp_path, keystore):
    async with running(tmp_path, keystore, sealing=False) as house, house.login(FROM["ORG"]) as dialogue:
        await dialogue.envelope(FROM["ORG"], TO["ORG, certificate revoked"], TO["ORG, certificate missing"])


async def test_a_red_listed_mailbox_costs_a_stranger_the_same_lookups_as_an_unknown_one(house, monkeypatch):
    looked_at: list[str] = []
    stamp = house.keystore.stamp
    monkeypatch.setattr(house.keystore, "stamp", lambda address: looked_at.append(address) or stamp(address))
    async with house.login(FROM["patient"]) as dialogue:
        await dialogue.expect("250", f"MAIL FROM:<{FROM['patient']}>")
        for recipient in (TO["ORG, pharmacy, red-listed"], TO["unknown mailbox"]):
            await dialogue.expect("550 5.1.1 unknown-mailbox: ", f"RCPT TO:<{recipient}>")
    assert looked_at == []


async def test_a_change_of_the_directory_counts_at_once(house):
    address = TO["ORG, pharmacy"]
    async with house.login(FROM["ORG"]) as dialogue:
        await dialogue.envelope(FROM["ORG"], address)
        closed = replace(house.directory.mailbox(address), open=False)
        house.directory.add(mailboxes=[closed])
        await dialogue.expect("250", "RSET")
        await dialogue.expect("250", f"MAIL FROM:<{FROM['ORG']}>")
        await dialogue.expect("550 5.2.1 mailbox-closed: ", f"RCPT TO:<{address}>")
