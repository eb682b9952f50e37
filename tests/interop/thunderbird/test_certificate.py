"""Thunderbird as the pharmacy with a TLS certificate in the place of a password, as README tells."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.clients.prescription import Letter
from mssante_sim.clients.thunderbird.setup import MailAccount
from mssante_sim.testing import Mssante
from tests.interop.thunderbird.driver import thunderbird

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def test_a_certificate_opens_the_inbox_shows_what_arrives_keeps_flags_and_sends(
    mssante: Mssante, write: Callable[..., Letter], tmp_path: Path
) -> None:
    pharmacy, running = mssante.account("pharmacy"), mssante.running
    with thunderbird(tmp_path) as client:
        client.trust(Path(running.ca_file))
        for bundle in (pharmacy.pkcs12, pharmacy.pkcs12_client):
            client.import_identity(Path(bundle or ""), pharmacy.passphrase or "")
        client.create_account(MailAccount.of(running, pharmacy, pharmacy.logins[0], certificate=True))
        client.open_inbox()
        letter = write()
        with mssante.smtp("patient") as smtp:
            smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
        subject = f"Document de {mssante.account('patient').display_name}"
        client.wait_for(subject)  # pushed: it polls every ten minutes

        shown = client.open(subject)
        assert (shown.encryption, shown.signature) == ("SUCCESS", "SUCCESS")
        mailbox = mssante.imap("pharmacy")
        assert client.source(subject) == mailbox.fetch("1", "(BODY.PEEK[])")[1][0][1]
        mailbox.store("1", "+FLAGS", "(\\Flagged)")
        client.wait_for_star(subject)
        client.reply("Votre commande est prête.")
        mssante.wait_for(to="patient", timeout=30)
    assert b"\\Seen" in mailbox.fetch("1", "(FLAGS)")[1][0]
    opened = mssante.open(mssante.imap("patient").fetch("1", "(BODY.PEEK[])")[1][0][1], "patient")
    assert (opened.encrypted, opened.signer) == (True, pharmacy.address)
    assert "Votre commande est prête." in opened.text
