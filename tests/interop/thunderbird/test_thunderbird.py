"""The driver, proved with a server and a sealer that are not ours."""

import imaplib
import smtplib
import ssl
import subprocess
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

import pytest

from mssante_sim.clients.thunderbird.setup import MailAccount
from tests.interop.thunderbird.driver import thunderbird
from tests.peers.certificates import SmimeFiles, Trust
from tests.peers.dovecot import Dovecot, dovecot
from tests.peers.loopback import scratch
from tests.peers.postfix import needs_root, postfix

pytestmark = [pytest.mark.interop, pytest.mark.slow, needs_root]
PATIENT, PHARMACY = "dominique@patient.mssante.test", "pharmacie@officine.mssante.test"
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 40
SUBJECT = "Ordonnance de Dominique"


def openssl(*arguments: str | Path, given: bytes) -> bytes:
    return subprocess.run(["openssl", "cms", *arguments], input=given, capture_output=True, check=True).stdout


def sealed(sender: SmimeFiles, recipient: SmimeFiles) -> bytes:
    """Signed, then encrypted, by OpenSSL."""
    inner = EmailMessage(policy=policy.SMTP)
    inner.set_content("Voici mon ordonnance.\n")
    inner.add_attachment(PDF, "application", "pdf", filename="ordonnance.pdf")
    signed = openssl("-sign", "-md", "sha256", "-signer", sender.certificate, "-inkey", sender.key, given=bytes(inner))
    addressed = ("-from", sender.address, "-to", recipient.address, "-subject", SUBJECT)
    enveloped = openssl("-encrypt", "-aes256", *addressed, recipient.certificate, given=signed)
    fields = f"Message-ID: <1@scenario.test>\r\nDate: {formatdate()}\r\n"  # near signingTime, or Thunderbird objects
    return fields.encode() + enveloped.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def only_message(server: Dovecot, user: str) -> bytes:
    """The one message of `user`, once it is there."""
    tls = ssl.create_default_context(cafile=server.authority)
    with imaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=tls) as client:
        client.login(user, server.password)
        if client.select()[1] == [b"0"]:
            client.send(b"x1 IDLE\r\n")
            while b"1 EXISTS" not in (line := client.readline()):
                assert line
            client.send(b"DONE\r\n")
            while not client.readline().startswith(b"x1 OK"):
                pass
        return client.fetch("1", "(BODY[])")[1][0][1]


def test_a_sealed_message_is_opened_and_answered_sealed(tmp_path):
    with scratch("tls") as folder:
        trust = Trust(folder)
        tls, patient = trust.server(), trust.smime(PATIENT)
        signing, receiving = trust.smime(PHARMACY, receives=False), trust.smime(PHARMACY, signs=False)
        with dovecot(tls) as server, postfix(tls, server) as front, thunderbird(tmp_path) as client:
            client.trust(trust.authority)
            for identity in (signing, receiving):
                client.import_identity(identity.pkcs12, identity.passphrase)
            client.create_account(
                MailAccount("Pharmacie", PHARMACY, PHARMACY, server.password, server.imaps, front.submission)
            )
            client.open_inbox()
            with smtplib.LMTP("127.0.0.1", server.lmtp) as sender:
                sender.sendmail(PATIENT, [PHARMACY], sealed(patient, receiving))
            client.wait_for(SUBJECT)

            shown = client.open(SUBJECT)
            assert (shown.encryption, shown.signature) == ("SUCCESS", "SUCCESS")
            assert shown.encrypted_icon
            assert shown.signed_icon
            assert shown.signer == PATIENT
            assert "Voici mon ordonnance." in shown.body
            assert shown.attachments == ("ordonnance.pdf",)
            assert client.attachment("ordonnance.pdf") == PDF
            client.screenshot(tmp_path / "message.png")
            assert (tmp_path / "message.png").read_bytes().startswith(b"\x89PNG")

            client.reply("Bien reçu, venez à 17 h.")
            answer = only_message(server, PATIENT)
            assert message_from_bytes(answer).get_content_subtype() == "pkcs7-mime"
            opened = openssl("-decrypt", "-recip", patient.certificate, "-inkey", patient.key, given=answer)
            said = openssl("-verify", "-CAfile", trust.authority, "-purpose", "smimesign", given=opened)
            text = message_from_bytes(said, policy=policy.default).get_content()
            assert "Bien reçu, venez à 17 h." in text
