"""Thunderbird as the pharmacy, set up as README tells, against our stack."""

import os
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest

from mssante_sim.clients.prescription import Letter
from mssante_sim.clients.thunderbird.setup import MailAccount
from mssante_sim.patient.specimens import specimen
from mssante_sim.testing import Mssante
from tests.interop.thunderbird.driver import thunderbird

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def test_it_opens_the_prescription_and_answers_sealed(
    mssante: Mssante, write: Callable[..., Letter], tmp_path: Path
) -> None:
    pharmacy, patient = mssante.account("pharmacy"), mssante.account("patient")
    login, ports = pharmacy.logins[0], mssante.running.ports
    with thunderbird(tmp_path) as client:
        client.trust(Path(mssante.running.ca_file))
        client.import_identity(Path(pharmacy.pkcs12 or ""), pharmacy.passphrase or "")
        client.create_account(
            MailAccount(
                pharmacy.display_name,
                pharmacy.address,
                login.login,
                login.password,
                ports["imap_tls"],
                ports["submission"],
            )
        )
        client.open_inbox()
        letter = write()
        with mssante.smtp("patient") as smtp:
            smtp.sendmail(letter.sender, [letter.recipient], letter.octets)
        subject = f"Document de {patient.display_name}"
        client.wait_for(subject)

        shown = client.open(subject)
        assert (shown.encryption, shown.signature) == ("SUCCESS", "SUCCESS")
        assert shown.encrypted_icon
        assert shown.signed_icon
        assert shown.signer == patient.address
        assert "Je souhaite vous partager mon document." in shown.body
        assert shown.attachments == ("ordonnance.pdf",)
        assert client.attachment("ordonnance.pdf") == specimen("ordonnance").content
        client.screenshot(Path(os.environ.get("MSSANTE_SIM_PICTURE", tmp_path / "message.png")))

        client.reply("Votre commande est prête.")
        mssante.wait_for(to="patient", timeout=30)
    imap = mssante.imap("patient")
    answer = imap.fetch("1", "(BODY.PEEK[])")[1][0][1]
    assert message_from_bytes(answer).get_content_subtype() == "pkcs7-mime"
    opened = mssante.open(answer, "patient")
    assert opened.encrypted
    assert opened.signer == pharmacy.address
    assert "Votre commande est prête." in opened.text
