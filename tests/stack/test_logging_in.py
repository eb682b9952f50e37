"""Every way to log in but a password, at a stack that is up, with clients of others."""

import imaplib
import smtplib
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mssante_sim.testing import Mssante
from tests.stack.conftest import Command

CertificateOf = Callable[[str], Path]


@pytest.fixture
def certificate_of(mssante: Mssante, tmp_path: Path) -> CertificateOf:
    """The PEM file of an account's client certificate and key, from the PKCS#12 file that a user imports."""

    def pem(who: str) -> Path:
        account, file = mssante.account(who), tmp_path / f"{who}.pem"
        assert account.pkcs12_client
        command = (
            "openssl",
            "pkcs12",
            "-in",
            account.pkcs12_client,
            "-nodes",
            "-passin",
            "env:PHRASE",
            "-out",
            str(file),
        )
        subprocess.run(command, check=True, capture_output=True, env={"PHRASE": account.passphrase or ""})
        return file

    return pem


def context(mssante: Mssante, identity: Path | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=mssante.running.ca_file)
    if identity is not None:
        made.load_cert_chain(identity)
    return made


def imap(mssante: Mssante, identity: Path | None = None, *, starttls: bool = False) -> imaplib.IMAP4:
    ports, tls = mssante.running.ports, context(mssante, identity)
    if not starttls:
        return imaplib.IMAP4_SSL("localhost", ports["imap_tls"], ssl_context=tls, timeout=30)
    client = imaplib.IMAP4("localhost", ports["imap"], timeout=30)
    client.starttls(tls)
    return client


# by a certificate


@pytest.mark.interop
@pytest.mark.parametrize("starttls", [False, True])
@pytest.mark.parametrize("name", ["", "address", "login"])
def test_a_certificate_opens_the_mailbox_over_imap(
    mssante: Mssante, certificate_of: CertificateOf, name: str, starttls: bool
) -> None:
    account = mssante.account("pharmacy")
    act_as = {"": "", "address": account.address, "login": account.logins[0].login}[name]
    with imap(mssante, certificate_of("pharmacy"), starttls=starttls) as client:
        assert "AUTH=EXTERNAL" in client.capabilities
        client.authenticate("EXTERNAL", lambda _: act_as.encode())
        assert client.select("INBOX")[0] == "OK"


@pytest.mark.interop
def test_nobody_acts_for_another_over_imap(mssante: Mssante, certificate_of: CertificateOf) -> None:
    other = mssante.account("patient").address.encode()
    client = imap(mssante, certificate_of("pharmacy"))
    with client, pytest.raises(imaplib.IMAP4.error, match="AUTHORIZATIONFAILED"):
        client.authenticate("EXTERNAL", lambda _: other)


def test_without_a_certificate_external_is_neither_offered_nor_taken(mssante: Mssante) -> None:
    with imap(mssante) as client:
        assert "AUTH=EXTERNAL" not in client.capabilities
        client.capabilities = (*client.capabilities, "AUTH=EXTERNAL")
        with pytest.raises(imaplib.IMAP4.error, match="Unsupported authentication mechanism"):
            client.authenticate("EXTERNAL", lambda _: b"")


@pytest.mark.interop
def test_curl_logs_in_by_certificate_at_both_ports(
    mssante: Mssante, certificate_of: CertificateOf, tmp_path: Path
) -> None:
    account, ports = mssante.account("patient"), mssante.running.ports
    trust = ("--silent", "--show-error", "--cacert", mssante.running.ca_file, "--cert", str(certificate_of("patient")))
    user = ("--user", f"{account.address}:", "--login-options", "AUTH=EXTERNAL")
    for url in (f"imaps://localhost:{ports['imap_tls']}/", f"smtps://localhost:{ports['submission_tls']}"):
        done = subprocess.run(["curl", *trust, *user, "-X", "NOOP", url], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.interop
def test_a_certificate_that_is_revoked_opens_nothing_any_more(
    mssante: Mssante, certificate_of: CertificateOf, here: Command
) -> None:
    """At once, in the stack that is up."""
    account, identity = mssante.account("per"), certificate_of("per")
    with smtplib.SMTP_SSL(
        "localhost", mssante.running.ports["submission_tls"], context=context(mssante, identity)
    ) as one:
        one.ehlo()
        assert one.docmd("AUTH", "EXTERNAL =")[0] == 235
    assert here("certs", "revoke", account.address, "--usage", "client").returncode == 0
    with imap(mssante, identity) as client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.authenticate("EXTERNAL", lambda _: b"")
