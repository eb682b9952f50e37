"""Every way to log in but a password, at a stack that is up, with clients of others; and what a login then offers."""

import asyncio
import imaplib
import json
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from mssante_sim.clients.desk import Desk
from mssante_sim.clients.watching import Arrival, Listening, watch
from mssante_sim.testing import Mssante
from tests.conftest import Write
from tests.stack.conftest import Cli, Command

LOGIN_DENIED = 67  # of curl
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
    assert here("certs", "renew", account.address).returncode == 0


# by a token


def token_for(cli: Cli, mailbox: str, *more: str) -> dict[str, str]:
    issued: dict[str, str] = cli("token", "issue", "--mailbox", mailbox, "--json", *more).json
    return issued


def bearer(token: str, user: str, *, mechanism: str = "XOAUTH2") -> bytes:
    start = f"user={user}" if mechanism == "XOAUTH2" else f"n,a={user},"
    return f"{start}\1auth=Bearer {token}\1\1".encode()


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token_opens_its_mailbox_at_both_ports(mssante: Mssante, cli: Cli, mechanism: str) -> None:
    account = mssante.account("pharmacy")
    answer = bearer(token_for(cli, account.identifier or "")["token"], account.address, mechanism=mechanism)
    with imap(mssante) as client:
        client.authenticate(mechanism, lambda _: answer)
        assert client.select("INBOX")[0] == "OK"
    port = mssante.running.ports["submission_tls"]
    with smtplib.SMTP_SSL("localhost", port, context=context(mssante), timeout=30) as smtp:
        smtp.ehlo()
        smtp.auth(mechanism, lambda _=None: answer.decode())
        assert smtp.mail(account.address)[0] == 250


def reason_for(mssante: Mssante, answer: bytes) -> dict[str, str]:
    """Why the server refuses a token; the client gives up then, as it may."""
    challenges: list[bytes] = []

    def answered(challenge: bytes) -> bytes | None:
        challenges.append(challenge)
        return None if challenge else answer

    with imap(mssante) as client, pytest.raises(imaplib.IMAP4.error, match="cancelled"):
        client.authenticate("OAUTHBEARER", answered)
    reason: dict[str, str] = json.loads(challenges[1])
    return reason


def test_a_token_is_refused_from_the_moment_it_expires_or_is_revoked(mssante: Mssante, cli: Cli) -> None:
    account = mssante.account("pharmacy")
    cases = {
        "expired": token_for(cli, account.address, "--expires", "0s"),
        "for another audience": token_for(cli, account.address, "--audience", "https://autre.test"),
        "of another mailbox": token_for(cli, mssante.account("patient").address),
        "revoked": token_for(cli, account.address, "--expires", "2h"),
        "revoked with all of its mailbox": token_for(cli, account.logins[0].login),
    }
    kept = token_for(cli, mssante.account("per").address)
    assert cli("token", "revoke", cases["revoked"]["ident"]).status == 0
    assert cli("token", "revoke", "--mailbox", account.identifier or "").status == 0
    for name, issued in cases.items():
        answer = bearer(issued["token"], account.address, mechanism="OAUTHBEARER")
        assert reason_for(mssante, answer)["status"] == "invalid_token", name
    listed = [one["ident"] for one in cli("token", "list", "--json").json]
    assert kept["ident"] in listed
    assert cases["revoked"]["ident"] not in listed


def test_the_reason_says_where_tokens_come_from_and_that_is_there(mssante: Mssante) -> None:
    url = reason_for(mssante, b"n,,\1auth=\1\1")["openid-configuration"]
    found = httpx.get(url, timeout=30).raise_for_status().json()
    assert found["issuer"] + "/.well-known/openid-configuration" == url
    assert found["scopes_supported"] == ["mail"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("issue", "--mailbox", "inconnu"), 2, "No synthetic account goes by 'inconnu'."),
        (("issue", "--mailbox", "per", "--expires", "soon"), 2, "Write a number and s, m, h or d"),
        (("issue", "--mailbox", "per", "--expires", "999999d"), 2, "a year at most"),
        (("issue",), 2, "--mailbox"),
        (("revoke",), 2, "Give an ID, or --mailbox."),
        (("revoke", "0123"), 3, "No such token"),
    ],
)
def test_a_wrong_command_is_told_what_is_wrong(cli: Cli, arguments: tuple[str, ...], status: int, said: str) -> None:
    outcome = cli("token", *arguments)
    assert (outcome.status, said in outcome.err) == (status, True), outcome.err


def test_the_token_alone_stands_on_standard_output_and_nowhere_else(mssante: Mssante, cli: Cli, home: Path) -> None:
    account = mssante.account("pharmacy")
    outcome = cli("token", "issue", "--mailbox", account.address)
    token = outcome.out.strip()
    assert token.count(".") == 2
    assert token not in outcome.err + cli("token", "list").out
    with imap(mssante) as client:
        client.authenticate("XOAUTH2", lambda _: bearer(token, account.address))
    signature = token.rpartition(".")[2].encode()
    for file in home.rglob("*"):
        if file.is_file():
            assert signature not in file.read_bytes(), file


@pytest.mark.interop
def test_curl_logs_in_by_token_at_both_ports(mssante: Mssante, cli: Cli) -> None:
    """It takes the token from standard input, so that it stands in no list of processes."""
    account, ports = mssante.account("patient"), mssante.running.ports
    token = token_for(cli, account.address)["token"]
    trust = ("curl", "--silent", "--show-error", "--cacert", mssante.running.ca_file)

    def status(url: str, mechanism: str, token: str) -> int:
        options = {"user": account.address, "oauth2-bearer": token, "login-options": f"AUTH={mechanism}"}
        text = "".join(f'{name} = "{value}"\n' for name, value in options.items())
        done = subprocess.run([*trust, "-X", "NOOP", "-K", "-", url], input=text.encode(), check=False)
        return done.returncode

    urls = f"imaps://localhost:{ports['imap_tls']}/", f"smtps://localhost:{ports['submission_tls']}"
    for url in urls:
        assert [status(url, mechanism, token) for mechanism in ("XOAUTH2", "OAUTHBEARER")] == [0, 0]
        assert status(url, "OAUTHBEARER", "nonsense") == LOGIN_DENIED


MSMTP = """\
account default
host localhost
port {port}
tls on
tls_starttls on
tls_trust_file {authority}
auth {mechanism}
from {address}
user {user}
"""


@pytest.mark.interop
@pytest.mark.parametrize("mechanism", ["scram-sha-256", "oauthbearer", "xoauth2", "external"])
def test_msmtp_sends_with_every_mechanism_that_it_shares_with_us(
    mssante: Mssante, cli: Cli, write: Write, certificate_of: CertificateOf, tmp_path: Path, mechanism: str
) -> None:
    account, letter, secret = mssante.account("patient"), write(), tmp_path / "secret"
    lines = {"port": mssante.running.ports["submission"], "authority": mssante.running.ca_file}
    text = MSMTP.format(**lines, mechanism=mechanism, address=account.address, user=account.logins[0].login)
    if mechanism == "external":
        identity = certificate_of("patient")
        text += f"tls_cert_file {identity}\ntls_key_file {identity}\n"
    else:
        token = mechanism in ("oauthbearer", "xoauth2")
        secret.write_text(token_for(cli, account.address)["token"] if token else account.logins[0].password)
        text += f"passwordeval cat {secret}\n"
    (tmp_path / "msmtprc").write_text(text)
    (tmp_path / "msmtprc").chmod(0o600)
    command = ("msmtp", "-C", str(tmp_path / "msmtprc"), letter.recipient)
    done = subprocess.run(command, input=letter.octets, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    mssante.wait_for(letter.message_id, to="pharmacy")


# what is offered after it


@pytest.fixture
def without_idle(mssante: Mssante, cli: Cli) -> Iterator[None]:
    """The pharmacy's mailbox has none until the test ends."""
    finess = mssante.account("pharmacy").identifier or ""
    outcome = cli("directory", "set", finess, "--idle", "off")
    assert outcome.out.strip().endswith(": idle off"), outcome
    yield
    assert cli("directory", "set", finess, "--idle", "on").status == 0


def offers_idle(mssante: Mssante, who: str) -> bool:
    return "IDLE" in mssante.imap(who).capability()[1][0].decode().split()


def test_idle_can_be_taken_from_one_mailbox_from_the_next_login_on(mssante: Mssante, cli: Cli) -> None:
    finess = mssante.account("pharmacy").identifier or ""
    before = mssante.imap("pharmacy")
    assert cli("directory", "set", finess, "--idle", "off").status == 0
    assert (offers_idle(mssante, "pharmacy"), offers_idle(mssante, "patient")) == (False, True)
    assert "IDLE" in before.capability()[1][0].decode().split()
    assert cli("directory", "set", finess, "--idle", "on").status == 0
    assert offers_idle(mssante, "pharmacy")


async def test_our_own_client_polls_where_there_is_no_idle(mssante: Mssante, write: Write, without_idle: None) -> None:
    letter, seen = write(), []
    smtp = mssante.smtp("patient")
    async with aclosing(watch(Desk.of(mssante.running, mssante.account("pharmacy").address).access())) as events:
        async for event in events:
            seen.append(event)
            if isinstance(event, Arrival):
                break
            await asyncio.to_thread(smtp.sendmail, letter.sender, [letter.recipient], letter.octets)
    assert [type(event) for event in seen] == [Listening, Arrival]
