"""What the directory serves beside FHIR, in a stack that is up: DNS, autoconfig, white list, certificates, files."""

import asyncio
import io
import smtplib
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from mssante_sim.clients.desk import Desk
from mssante_sim.clients.mailbox import ConnectionLost, MailboxClient
from mssante_sim.clients.running import Running
from mssante_sim.clients.submission import Refused, Unreachable
from mssante_sim.clock import SystemClock
from mssante_sim.crypto.tls import client_context
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.directory.dns_lookup import NameServer, find_door
from mssante_sim.directory.trust_list import read_trust_list
from mssante_sim.testing import Mssante
from tests.stack.conftest import Cli


@pytest.fixture
def running(mssante: Mssante) -> Running:
    return mssante.running


def trust(running: Running) -> TrustContext:
    return TrustContext.from_files(Path(running.ca_file), Path(running.crl_file))


def test_a_client_that_knows_only_dns_reaches_submission_over_trusted_tls(running: Running) -> None:
    door = find_door(running.domains["operator"], "submission", NameServer(running.bind, running.ports["dns"]))
    assert door.port == running.ports["submission"]
    with smtplib.SMTP(door.host, door.port, timeout=30) as smtp:
        assert smtp.starttls(context=client_context(Path(running.ca_file).read_bytes()))[0] == 220
    imap = find_door(running.domains["patients"], "imaps", NameServer(running.bind, running.ports["dns"]))
    assert (imap.host, imap.port, imap.tls_at_once) == (running.host, running.ports["imap_tls"], True)


async def test_our_own_clients_find_imap_and_submission_by_dns_or_where_they_are_told(mssante: Mssante) -> None:
    running, here = mssante.running, "990000010"
    wrong = dict.fromkeys(("imap_tls", "imap", "submission", "submission_tls"), 1)
    only_dns = Desk.of(replace(running, host="nowhere.invalid", ports=running.ports | wrong), here)
    no_dns = replace(running, ports=running.ports | {"dns": 1})
    for desk in (only_dns, Desk.of(no_dns, here, server=running.host)):
        client = await MailboxClient.connect(desk.access())
        await client.close()
        with pytest.raises(Refused, match="sender-not-yours"):
            await asyncio.to_thread(desk.submission().send, b"x\r\n", sender="a@b.test", recipients=["a@b.test"])
    lost = Desk.of(no_dns, here)
    with pytest.raises(ConnectionLost, match="port 1 does not answer"):
        await MailboxClient.connect(lost.access())
    with pytest.raises(Unreachable, match="port 1 does not answer"):
        await asyncio.to_thread(lost.submission().send, b"x\r\n", sender="a@b.test", recipients=["a@b.test"])


def test_a_pharmacy_command_goes_where_server_says(cli: Cli, running: Running) -> None:
    assert cli("pharmacy", "list", "--as", "990000010", "--server", running.host).status == 0
    away = cli("pharmacy", "list", "--as", "990000010", "--server", "nowhere.invalid")
    assert (away.status, "IMAP est injoignable" in away.err) == (5, True), away


@pytest.mark.parametrize("path", ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"])
def test_autoconfig_tells_ports_and_login(running: Running, mssante: Mssante, path: str) -> None:
    account = mssante.account("pharmacy")
    answer = httpx.get(running.http + path, params={"emailaddress": account.address}, timeout=60)
    root = ET.fromstring(answer.text)  # noqa: S314 - our own server wrote it
    incoming, outgoing = root.findall(".//incomingServer"), root.findall(".//outgoingServer")
    assert [(one.findtext("port"), one.findtext("socketType")) for one in (*incoming, *outgoing)] == [
        (str(running.ports[port]), socket)
        for port, socket in (
            ("imap_tls", "SSL"), ("imap", "STARTTLS"), ("submission_tls", "SSL"), ("submission", "STARTTLS"),
        )
    ]  # fmt: skip
    assert {one.findtext("username") for one in (*incoming, *outgoing)} == {account.logins[0].login}
    assert {one.findtext("hostname") for one in incoming} == {running.host}


def test_autoconfig_hides_who_is_hidden_and_knows_no_other_domain(running: Running, mssante: Mssante) -> None:
    hidden = mssante.account("red-listed").address
    unknown = f"nobody@{running.domains['operator']}"
    texts = [
        httpx.get(f"{running.http}/mail/config-v1.1.xml", params={"emailaddress": one}, timeout=60).text
        for one in (hidden, unknown)
    ]
    assert texts[0] == texts[1]
    assert "%EMAILADDRESS%" in texts[0]
    below = httpx.get(
        f"{running.http}/mail/config-v1.1.xml",
        headers={"Host": f"autoconfig.{running.domains['patients']}"},
        timeout=60,
    )
    assert f"<domain>{running.domains['patients']}</domain>" in below.text
    assert httpx.get(f"{running.http}/mail/config-v1.1.xml?emailaddress=a@example.com", timeout=60).status_code == 404


def test_the_white_list_is_served_and_verified_with_what_users_import(running: Running) -> None:
    document = httpx.get(f"{running.http}/listeblanche/listeblanche.xml", timeout=60).content
    listed = read_trust_list(document, trust(running), at=SystemClock().now())
    assert set(listed.peers) == {running.domains["patients"], running.domains["operator"]}


def test_certificates_are_told_with_their_state(running: Running, mssante: Mssante) -> None:
    def states(role: str) -> dict[str, str]:
        url = f"{running.http}/certificates/{mssante.account(role).address}"
        answer = httpx.get(url, headers={"ESANTE-API-KEY": running.api_key}, timeout=60)
        answer.raise_for_status()
        return {one["usage"]: one["state"] for one in answer.json()["certificates"]}

    assert states("pharmacy") == {"receiving": "valid", "signing": "valid"}
    assert states("expired-certificate")["receiving"] == "expired"
    assert states("revoked-certificate")["receiving"] == "revoked"
    assert states("wrong-usage-certificate")["receiving"] == "wrong usage"
    assert states("no-certificate") == {"signing": "valid"}
    for role in ("red-listed", "not-published"):
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            states(role)
    url = f"{running.http}/certificates/{mssante.account('pharmacy').address}"
    assert httpx.get(url, timeout=60).status_code == 401


def test_the_extraction_is_downloaded_at_the_real_path(running: Running) -> None:
    path = "/annuaire-sante-webservices/V300/services/extraction/Extraction_Correspondance_MSSante"
    answer = httpx.get(running.http + path, timeout=60)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        lines = archive.read(archive.namelist()[0]).decode().split("\n")
    assert len(lines[0].split("|")) == 31
    assert any("|pharmacie.lilas.990000010@" in line for line in lines)
