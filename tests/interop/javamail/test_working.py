"""What a pharmacy's program does with JavaMail beside reading: it files, waits for mail, and writes."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

from mssante_sim.cli.main import main
from mssante_sim.testing import Mssante
from tests.interop.clients.mailbox import Mailbox
from tests.interop.javamail.conftest import Connect, trusting, way_in
from tests.interop.javamail.test_reading import ORDINARY, PDF, SECOND, kept
from tests.interop.javamail.workplace import Failed, Program, Workplace, workplace

pytestmark = [pytest.mark.interop, pytest.mark.slow]

SUMMER: Final = "Été & hiver/À préparer"


def test_folders_with_accents_are_made_listed_renamed_and_deleted(java: Workplace, connect: Connect) -> None:
    connect()
    assert java("create", SUMMER) == [["true"]]
    java("subscribe", SUMMER, True)
    listed = {name: (subscribed, attributes) for name, subscribed, attributes in java("list")}
    assert listed[SUMMER][0] == "true"
    assert {"INBOX", "Sent", "Drafts", "Trash", "Archive", "Été & hiver"} <= listed.keys()
    assert "\\Sent" in listed["Sent"][1].split()
    java("subscribe", SUMMER, False)
    assert java("rename", SUMMER, "Été & hiver/Prêt ✓") == [["true"]]
    assert java("delete", "Été & hiver/Prêt ✓") == [["true"]]
    assert java("delete", "Été & hiver") == [["true"]]
    assert "Été" not in " ".join(row[0] for row in java("list"))


def test_messages_are_appended_copied_moved_and_expunged(
    mssante: Mssante, mailbox: Mailbox, java: Workplace, connect: Connect, tmp_path: Path
) -> None:
    files = [tmp_path / "first", tmp_path / "second"]
    for file, octets in zip(files, (ORDINARY, SECOND), strict=True):
        file.write_bytes(octets)
    connect("imaps", "peek=true")
    assert java("append", "INBOX", "\\Seen $mss_recue", *files) == [["1 2"]]
    assert mailbox.flags(1) == {"\\Seen", "$mss_recue"}
    java("open", "INBOX")
    java("fetch", 1, tmp_path)
    assert kept(tmp_path) == {1: ORDINARY, 2: SECOND}
    ((copied,),) = java("copy", "1 2", "Archive")
    ((moved,),) = java("move", "2", "Archive")
    java("flag", 1, "\\Deleted", True)
    java("expunge", 1)
    assert java("flags") == []
    imap = mssante.imap("pharmacy")
    assert imap.select("Archive") == ("OK", [b"3"])
    assert imap.uid("SEARCH", "ALL")[1] == [f"{copied} {moved}".encode()]
    assert imap.uid("FETCH", moved, "(BODY.PEEK[])")[1][0][1] == SECOND


def test_what_the_server_says_of_itself(java: Workplace, connect: Connect) -> None:
    connect()
    assert dict(java("id"))["name"] == "mssante-sim"
    assert java("namespaces") == [["", "/"]]
    ((root, resource, usage, limit),) = java("quota", "INBOX")
    assert (root, resource) == ("User quota", "STORAGE")
    assert 0 <= int(usage) < int(limit)
    assert [java("capable", one) for one in ("IDLE", "QRESYNC", "MOVE", "COMPRESS=DEFLATE")] == [
        [["true"]], [["true"]], [["true"]], [["false"]],
    ]  # fmt: skip


@pytest.mark.parametrize("protocol", ["imaps", "imap"])
def test_idle_is_woken_by_a_delivery(
    mssante: Mssante, java: Workplace, connect: Connect, protocol: str, tmp_path: Path
) -> None:
    connect(protocol)
    java("open", "INBOX")
    java("idle")
    for subject in ("Première", "Deuxième"):  # whoever was woken waits again
        send(mssante, java, tmp_path, "smtps", subject)
        assert java("arrival") == [[subject]]


@pytest.mark.parametrize("protocol", ["imaps", "imap"])
def test_an_idle_manager_is_woken_by_a_delivery(
    mssante: Mssante, java: Workplace, connect: Connect, protocol: str, tmp_path: Path
) -> None:
    connect(protocol, "usesocketchannels=true")
    java("open", "INBOX")
    java("watch")
    for subject in ("Première", "Deuxième"):
        send(mssante, java, tmp_path, "smtps", subject)
        assert java("arrival") == [[subject]]
    java("unwatch")


@pytest.mark.parametrize(
    ("protocol", "mechanism"), [("smtps", "PLAIN"), ("smtps", "LOGIN"), ("smtp", "PLAIN"), ("smtp", "LOGIN")]
)
def test_a_letter_is_submitted_and_opened_by_who_receives_it(
    mssante: Mssante, java: Workplace, tmp_path: Path, protocol: str, mechanism: str
) -> None:
    message_id = send(mssante, java, tmp_path, protocol, "Ordonnance d'été", f"auth.mechanisms={mechanism}")
    mssante.wait_for(message_id, to="pharmacy")
    octets = mssante.imap("pharmacy").fetch("1", "(BODY.PEEK[])")[1][0][1]
    opened = mssante.open(octets, "pharmacy")
    assert (opened.encrypted, opened.signer) == (True, mssante.account("patient").address)
    assert opened.text.strip() == "Voici l'ordonnance : « à préparer »."
    assert [(one.name, one.content) for one in opened.attachments] == [("ordonnance d'été.pdf", PDF)]


def test_a_refused_recipient_is_reported_with_code_and_reason(
    mssante: Mssante, java: Workplace, tmp_path: Path
) -> None:
    with pytest.raises(Failed) as refused:
        send(mssante, java, tmp_path, "smtps", "Ordonnance", to="inconnu@officine.mssante.test")
    assert "SMTPAddressFailedException: 550 5.1.1 unknown-mailbox: No mailbox has this address" in str(refused.value)


def test_a_wrong_password_is_refused_as_such(java: Workplace, connect: Connect) -> None:
    with pytest.raises(Failed, match="AuthenticationFailedException"):
        connect("imaps", password="faux")


def test_a_token_opens_the_mailbox_and_sends(
    mssante: Mssante, java: Workplace, connect: Connect, tmp_path: Path
) -> None:
    """As the software of pharmacies does with Pro Santé Connect."""
    pharmacy, patient = (token_for(mssante, who) for who in ("pharmacy", "patient"))
    connect("imaps", "auth.mechanisms=XOAUTH2", password=pharmacy)
    assert java("open", "INBOX")[0][0] == "0"
    send(mssante, java, tmp_path, "smtps", "Par jeton", "auth.mechanisms=XOAUTH2", password=patient)


def token_for(mssante: Mssante, who: str) -> str:
    home, address = Path(mssante.running.ca_file).parents[1], mssante.account(who).address
    with redirect_stdout(StringIO()) as said:
        assert main(["token", "issue", "--home", str(home), "--mailbox", address]) == 0
    return said.getvalue().strip()


def test_a_certificate_opens_the_mailbox_and_sends_without_a_password(
    mssante: Mssante, program: Program, tmp_path: Path
) -> None:
    patient = mssante.account("patient")
    keys = {
        "javax.net.ssl.keyStore": patient.pkcs12_client or "",
        "javax.net.ssl.keyStorePassword": patient.passphrase or "",
    }
    with workplace(program, trusting(mssante.running) | keys) as java:
        protocol, port, properties = way_in(mssante, "imaps", certificate=True)
        java("connect", protocol, port, patient.address, "not the password", *properties)
        assert java("open", "INBOX")[0][0] == "0"
        send(mssante, java, tmp_path, "smtps", "Sans mot de passe", password="not the password", certificate=True)


def send(
    mssante: Mssante, java: Workplace, folder: Path, protocol: str, subject: str, *properties: str,
    to: str | None = None, password: str | None = None, certificate: bool = False,
) -> str:  # fmt: skip
    """Its Message-ID, once the patient's letter to the pharmacy (or `to`) was taken by our server."""
    patient, pharmacy = mssante.account("patient"), mssante.account("pharmacy")
    paper = folder / "ordonnance d'été.pdf"
    paper.write_bytes(PDF)
    name, port, own = way_in(mssante, protocol, *properties, certificate=certificate)
    login = patient.logins[0]
    ((message_id, answer),) = java(
        *("send", name, port, login.login, password or login.password, patient.address, to or pharmacy.address),
        *(subject, "Voici l'ordonnance : « à préparer ».", paper, *own),
    )
    assert answer.startswith("250 2.0.0 Stored")
    return message_id
