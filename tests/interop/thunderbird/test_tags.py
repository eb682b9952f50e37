"""The states of an order are IMAP keywords: our commands and Thunderbird see what the other one sets."""

import imaplib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mssante_sim.clients.prescription import Letter
from mssante_sim.clients.running import Running
from mssante_sim.clients.states import OrderState
from mssante_sim.clients.thunderbird.setup import MailAccount
from mssante_sim.testing import Mssante
from tests.interop.thunderbird.driver import Thunderbird, thunderbird

pytestmark = [pytest.mark.interop, pytest.mark.slow]


@pytest.fixture(scope="module")
def mssante(mssante_stack: Running) -> Iterator[Mssante]:
    """The session's stack, emptied once: a reset would cut Thunderbird off its INBOX."""
    stack = Mssante(mssante_stack)
    stack.reset()
    yield stack
    stack.close()


@pytest.fixture(scope="module")
def client(mssante: Mssante, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thunderbird]:
    """Thunderbird, as the story's pharmacy, on its INBOX."""
    account = mssante.account("pharmacy")
    with thunderbird(tmp_path_factory.mktemp("thunderbird")) as running:
        running.trust(Path(mssante.running.ca_file))
        running.import_identity(Path(account.pkcs12 or ""), account.passphrase or "")
        running.create_account(MailAccount.of(mssante.running, account, account.logins[0]))
        running.open_inbox()
        yield running


def show_an_order(mssante: Mssante, client: Thunderbird, letter: Letter, subject: str) -> None:
    """The prescription of `letter` is on Thunderbird's screen; it is the last message of the INBOX."""
    with mssante.smtp("patient") as smtp:
        smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
    client.wait_for(subject)
    client.open(subject)


def test_a_state_set_elsewhere_is_a_tag_with_its_french_name(
    mssante: Mssante, client: Thunderbird, write: Callable[..., Letter], tmp_path: Path
) -> None:
    show_an_order(mssante, client, write(), f"Document de {mssante.account('patient').display_name}")
    client.wait_for_tags()
    uid = str(orders(mssante)[-1]["uid"])
    pharmacy(mssante, "state", uid, "en-préparation")
    client.wait_for_tags("En préparation")
    client.screenshot(Path(os.environ.get("MSSANTE_SIM_PICTURE_OF_TAGS", tmp_path / "tags.png")))
    pharmacy(mssante, "state", uid, "prête")
    client.wait_for_tags("Prête")


def test_a_tag_set_in_thunderbird_is_the_state_that_others_see(
    mssante: Mssante, client: Thunderbird, write: Callable[..., Letter]
) -> None:
    show_an_order(mssante, client, write(subject="Une autre ordonnance"), "Une autre ordonnance")
    imap = mssante.imap("pharmacy")
    client.toggle_tag("Reçue")
    client.wait_for_tags("Reçue")
    wait_for_keywords(imap, OrderState.RECUE)
    client.toggle_tag("Délivrée")
    wait_for_keywords(imap, OrderState.RECUE, OrderState.DELIVREE)
    client.toggle_tag("Reçue")
    client.wait_for_tags("Délivrée")
    wait_for_keywords(imap, OrderState.DELIVREE)
    assert orders(mssante)[-1]["état"] == "Délivrée"


def test_the_states_come_first_in_the_menu_in_the_order_in_which_they_happen(client: Thunderbird) -> None:
    assert client.tags()[:5] == ("Reçue", "En préparation", "Prête", "Rupture", "Délivrée")


def test_its_remote_control_takes_one_connection(client: Thunderbird) -> None:
    port = client._remote.script('return Services.prefs.getIntPref("marionette.port");')
    assert port > 0
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def pharmacy(mssante: Mssante, command: str, *arguments: str) -> str:
    """What `mssante-sim pharmacy …` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mssante_sim", "pharmacy", command, "--as", "990000010", *arguments],
        env={**os.environ, "MSSANTE_SIM_HOME": str(Path(mssante.running.ca_file).parents[1])},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def orders(mssante: Mssante) -> list[dict[str, Any]]:
    """The preparation list of the command line, the oldest first."""
    listed: list[dict[str, Any]] = json.loads(pharmacy(mssante, "orders", "--json"))
    return listed


def wait_for_keywords(imap: imaplib.IMAP4, *states: OrderState) -> None:
    """The last message carries the keywords of `states` and no other of ours; a silent server ends the test."""
    wanted = {state.keyword for state in states}
    while {state.keyword for state in OrderState} & flags(imap.fetch("*", "(FLAGS)")[1][0]) != wanted:
        imap.send(b"x1 IDLE\r\n")
        while b" FETCH " not in imap.readline():
            pass
        imap.send(b"DONE\r\n")
        while not imap.readline().startswith(b"x1 OK"):
            pass


def flags(line: bytes) -> set[str]:
    return set(re.search(rb"FLAGS \(([^)]*)\)", line)[1].decode().lower().split())
