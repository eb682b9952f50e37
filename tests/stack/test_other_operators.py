"""Another operator hands over mail: openssl, swaks and Debian's Postfix with a client certificate, over real TLS."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mssante_sim.clients.reading import Opened
from mssante_sim.crypto.identity import certificate_in, read_certificate
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.directory.trust_list import OTHER_DOMAIN
from mssante_sim.testing import Mssante
from tests.peers.certificates import Trust
from tests.peers.postfix import handing_over, needs_root
from tests.stack.conftest import Cli

pytestmark = pytest.mark.interop

DOMAIN = "ailleurs.test"
AUTHOR = f"medecin@{DOMAIN}"


@pytest.fixture
def listed(cli: Cli, tmp_path: Path) -> Iterator[Path]:
    """Key and certificate of a server that the white list names for DOMAIN, as long as the test lasts."""
    file = tmp_path / "peer.pem"
    assert cli("directory", "white-list", "--add", DOMAIN, "--issue", str(file)).status == 0
    yield file
    assert cli("directory", "white-list", "--remove", DOMAIN, "--fault", "none").status == 0


Say = Callable[..., str]


@pytest.fixture
def say(mssante: Mssante) -> Say:
    """What the listener for operators answers to the last of some lines, said over TLS by openssl."""
    running = mssante.running

    def said(*lines: str, identity: Path | None) -> str:
        certificate = ("-cert", str(identity), "-key", str(identity)) if identity else ()
        done = subprocess.run(
            [*("openssl", "s_client", "-quiet", "-starttls", "smtp", "-verify_return_error"),
             *("-CAfile", running.ca_file, "-connect", f"localhost:{running.ports['mx']}", *certificate)],
            input="".join(f"{line}\r\n" for line in ("EHLO mx.test", *lines, "QUIT")),
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        replies = done.stdout.splitlines()
        assert replies[-1].startswith("221 "), done.stdout + done.stderr
        return replies[-2]

    return said


def test_a_listed_server_speaks_for_its_domain_and_for_no_other(listed: Path, say: Say, mssante: Mssante) -> None:
    own = mssante.account("pharmacy").address
    assert say(f"MAIL FROM:<{AUTHOR}>", identity=listed).startswith("250 2.1.0 ")
    assert say("MAIL FROM:<>", identity=listed).startswith("250 2.1.0 ")
    assert say(f"MAIL FROM:<{own}>", identity=listed).startswith("554 5.7.1 peer-not-listed: ")
    assert say(f"MAIL FROM:<a@sub.{DOMAIN}>", identity=listed).startswith("554 5.7.1 domain-not-listed: ")
    assert say(f"MAIL FROM:<{AUTHOR}>", identity=None).startswith("554 5.7.1 peer-without-certificate: ")


def test_the_rules_hold_for_other_operators_too(listed: Path, say: Say, mssante: Mssante) -> None:
    for who, reply in (
        ("pharmacy", "250 2.1.5 "),
        ("per", "550 5.7.1 not-organisational: "),
        ("revoked-certificate", "550 5.7.1 certificate-revoked: "),
        ("patient", "550 5.7.1 patient-cannot-receive: "),
    ):
        to = mssante.account(who).address
        assert say(f"MAIL FROM:<{AUTHOR}>", f"RCPT TO:<{to}>", identity=listed).startswith(reply), who
    domain = mssante.running.domains["operator"]
    for to, reply in (
        (f"inconnu@{domain}", "550 5.1.1 unknown-mailbox: "),
        (f"quelquun@{DOMAIN}", "550 5.7.1 outside-domain: "),
    ):
        assert say(f"MAIL FROM:<{AUTHOR}>", f"RCPT TO:<{to}>", identity=listed).startswith(reply)


@pytest.fixture
def for_patients(listed: Path, cli: Cli, mssante: Mssante) -> Iterator[Path]:
    """The same server, which speaks for the patients' domain too: another host of Mon espace santé."""
    domain = mssante.running.domains["patients"]
    assert cli("directory", "white-list", "--add", domain, "--certificate", str(listed)).status == 0
    yield listed
    assert cli("directory", "white-list", "--remove", domain).status == 0


def test_a_patients_first_letter_goes_to_pharmacies_only_also_by_another_server(
    for_patients: Path, say: Say, mssante: Mssante
) -> None:
    def asked(sender: str, to: str) -> str:
        return say(f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>", identity=for_patients)

    domain = mssante.running.domains["operator"]
    patient, inactive = (mssante.account(role).address for role in ("patient", "patient-not-activated"))
    pharmacy = mssante.account("pharmacy").address
    assert asked(patient, pharmacy).startswith("250 2.1.5 ")
    assert asked(patient, mssante.account("not-pharmacy").address).startswith("550 5.7.1 not-pharmacy: ")
    assert asked(patient, mssante.account("per").address).startswith("550 5.7.1 not-organisational: ")
    assert asked(inactive, pharmacy).startswith("550 5.7.1 profile-not-activated: ")
    hidden = asked(patient, mssante.account("red-listed").address)
    assert hidden == asked(patient, f"inconnu@{domain}")
    assert hidden.startswith("550 5.1.1 unknown-mailbox: ")
    assert asked(AUTHOR, mssante.account("red-listed").address).startswith("250 2.1.5 ")  # hidden from patients only


def test_a_closed_exchange_takes_no_answer_and_nobody_signs_for_the_patient(
    for_patients: Path, mssante: Mssante, tmp_path: Path
) -> None:
    patient, pharmacy = mssante.account("patient").address, mssante.account("pharmacy").address

    def write(message_id: str, more: str = "", author: str = patient) -> str:
        octets = letter(mssante, message_id, author=author, more=more)
        return swaks(mssante, tmp_path, octets, certificate=for_patients, key=for_patients, sender=patient).stdout

    assert "550 5.7.1 from-not-yours: " in write("<f@mes.test>", author=AUTHOR)
    assert "250 2.0.0 Stored" in write("<1@mes.test>")
    read = opened(mssante, "<1@mes.test>")
    assert (read.encrypted, read.signer, read.doubt) == (True, None, None)
    answering = "In-Reply-To: <1@mes.test>\r\nX-MSS-MES: FIN\r\n"
    with mssante.smtp("pharmacy") as smtp:
        text = f"From: {pharmacy}\r\nTo: {patient}\r\nMessage-ID: <2@mes.test>\r\n{answering}\r\nFin.\r\n"
        smtp.sendmail(pharmacy, [patient], text.encode())
    late = write("<3@mes.test>", more="In-Reply-To: <2@mes.test>\r\n")
    assert "554 5.7.1 exchange-closed: " in late, late
    assert "250 2.0.0 Stored" in write("<4@mes.test>")  # to a pharmacy, a new one may always be opened


def test_each_fault_of_the_white_list_has_its_effect_at_once(listed: Path, say: Say, cli: Cli) -> None:
    other = f"medecin@{OTHER_DOMAIN}"
    for fault, sender, reply in (
        ("bad-signature", AUTHOR, "554 5.7.1 white-list-unusable: No peer is trusted now. "),
        ("stale", AUTHOR, "554 5.7.1 white-list-unusable: No peer is trusted now. The white list is stale: "),
        ("unlisted", AUTHOR, "554 5.7.1 peer-not-listed: "),
        ("other-suffix", other, "250 2.1.0 "),
        ("none", other, "554 5.7.1 domain-not-listed: "),
        ("none", AUTHOR, "250 2.1.0 "),
    ):
        assert cli("directory", "white-list", "--fault", fault).status == 0
        assert say(f"MAIL FROM:<{sender}>", identity=listed).startswith(reply), fault


def test_a_revoked_server_is_refused(listed: Path, say: Say, home: Path) -> None:
    keystore = Keystore.open(home / "trust")
    at = datetime.now(UTC)
    serial = read_certificate(certificate_in(listed.read_bytes())).serial
    keystore.issuers.current.revoke(serial, at=at, reason="keyCompromise")
    keystore.issuers.publish(at=at)
    assert say(f"MAIL FROM:<{AUTHOR}>", identity=listed).startswith("554 5.7.1 peer-revoked: ")


def test_a_certificate_of_another_authority_ends_the_connection(listed: Path, tmp_path: Path, mssante: Mssante) -> None:
    server = Trust(tmp_path).server()
    done = swaks(mssante, tmp_path, b"Subject: x\r\n\r\nx\r\n", certificate=server.certificate, key=server.key)
    assert done.returncode != 0
    assert " 250 2.1.0 " not in done.stdout


def letter(
    mssante: Mssante,
    message_id: str,
    content: bytes = b"Content-Type: text/plain\r\n\r\nBonjour\r\n",
    *,
    author: str = AUTHOR,
    more: str = "",
) -> bytes:
    to = mssante.account("pharmacy").address
    head = f"From: <{author}>\r\nTo: <{to}>\r\nMessage-ID: {message_id}\r\n{more}MIME-Version: 1.0\r\n"
    return head.encode() + content


def swaks(
    mssante: Mssante, tmp_path: Path, octets: bytes, *, certificate: Path, key: Path, sender: str = AUTHOR
) -> subprocess.CompletedProcess[str]:
    (tmp_path / "letter.eml").write_bytes(octets)
    running = mssante.running
    return subprocess.run(
        [*("swaks", "--server", "localhost", "--port", str(running.ports["mx"]), "--helo", f"mx.{DOMAIN}"),
         *("--tls", "--tls-ca-path", running.ca_file, "--tls-verify"),
         *("--tls-cert", str(certificate), "--tls-key", str(key)),
         *("--from", sender, "--to", mssante.account("pharmacy").address),
         *("--data", f"@{tmp_path / 'letter.eml'}")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def opened(mssante: Mssante, message_id: str) -> Opened:
    """What arrived, opened with the pharmacy's keys."""
    mssante.wait_for(message_id, to="pharmacy")
    return mssante.open(mssante.imap("pharmacy").fetch("1", "(RFC822)")[1][0][1], "pharmacy")


def test_what_swaks_hands_over_is_encrypted_and_not_signed(listed: Path, mssante: Mssante, tmp_path: Path) -> None:
    done = swaks(mssante, tmp_path, letter(mssante, "<s@ailleurs.test>"), certificate=listed, key=listed)
    assert "250 2.0.0 Stored" in done.stdout, done.stdout + done.stderr
    read = opened(mssante, "<s@ailleurs.test>")
    assert (read.encrypted, read.signer, read.doubt) == (True, None, None)
    assert read.text.strip() == "Bonjour"
    assert b"smime" not in read.readable


def test_a_signature_that_came_along_is_kept(listed: Path, mssante: Mssante, tmp_path: Path) -> None:
    author = Trust(tmp_path).smime(AUTHOR)
    sign = ["openssl", "cms", "-sign", "-signer", author.certificate, "-inkey", author.key, "-crlfeol"]
    signed = subprocess.run(
        sign, input=b"Content-Type: text/plain\r\n\r\nSign\xc3\xa9\r\n", capture_output=True, check=True
    )
    content = signed.stdout.replace(b"MIME-Version: 1.0\r\n", b"", 1)
    octets = letter(mssante, "<k@ailleurs.test>", content)
    done = swaks(mssante, tmp_path, octets, certificate=listed, key=listed)
    assert "250 2.0.0 Stored" in done.stdout, done.stdout + done.stderr
    read = opened(mssante, "<k@ailleurs.test>")
    assert read.encrypted
    verify = ["openssl", "cms", "-verify", "-CAfile", str(tmp_path / "authority.pem"), "-purpose", "any"]
    kept = subprocess.run(verify, input=read.readable, capture_output=True, check=False)
    assert kept.returncode == 0, kept.stderr
    assert kept.stdout == b"Content-Type: text/plain\r\n\r\nSign\xc3\xa9\r\n"


@needs_root
def test_postfix_hands_over_what_it_may_and_is_told_why_not(listed: Path, cli: Cli, mssante: Mssante) -> None:
    to = mssante.account("pharmacy").address
    with handing_over(f"[localhost]:{mssante.running.ports['mx']}", Path(mssante.running.ca_file), listed) as peer:
        peer.submit(AUTHOR, to, letter(mssante, "<p@ailleurs.test>"))
        read = opened(mssante, "<p@ailleurs.test>")
        assert (read.encrypted, read.signer) == (True, None)
        peer.submit(AUTHOR, mssante.account("per").address, letter(mssante, "<q@ailleurs.test>"))
        assert "550 5.7.1 not-organisational: " in peer.bounced()
        assert cli("directory", "white-list", "--fault", "unlisted").status == 0
        peer.submit(AUTHOR, to, letter(mssante, "<r@ailleurs.test>"))
        assert "554 5.7.1 peer-not-listed: " in peer.bounced()
