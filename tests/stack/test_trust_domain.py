"""A home whose keys have a passphrase, up, while its authorities and certificates change under it."""

import imaplib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from mssante_sim.cli.main import main
from mssante_sim.clients.running import Running
from mssante_sim.clock import SystemClock
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.cms_envelope import CannotDecrypt
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.issuing import hosts_of
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import ROOT, Usage
from mssante_sim.crypto.smime import decrypt
from mssante_sim.crypto.tls import client_context
from mssante_sim.testing import Mssante
from tests.stack.conftest import Outcome
from tests.stack.homes import make_home
from tests.unit.sasl.scram_client import Client

pytestmark = pytest.mark.slow  # a stack of its own

PASSPHRASE = "phrase-qui-ne-doit-paraitre-nulle-part"
VALUE, FILE = "MSSANTE_SIM_KEY_PASSPHRASE", "MSSANTE_SIM_KEY_PASSPHRASE_FILE"


@dataclass(frozen=True)
class House:
    """The home, its stack, and commands in it."""

    home: Path
    secret: Path
    mssante: Mssante

    @property
    def keystore(self) -> Keystore:
        return Keystore.open(self.home / "trust", lambda: PASSPHRASE)

    def run(self, *arguments: str, **environment: str) -> Outcome:
        return run(self.home, *arguments, **(environment or {FILE: str(self.secret)}))

    def own(self, usage: Usage) -> list[Identity]:
        return self.keystore.identities(self.mssante.account("pharmacy").address, usage)

    def message(self, subject: str) -> bytes:
        """One that the patient has sent, as it lies in the pharmacy's mailbox."""
        patient, pharmacy = self.mssante.account("patient").address, self.mssante.account("pharmacy").address
        head = f"From: <{patient}>\r\nTo: <{pharmacy}>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@x.test>\r\n"
        with self.mssante.smtp("patient") as smtp:
            smtp.sendmail(patient, [pharmacy], f"{head}\r\nBonjour\r\n")
        found = self.mssante.wait_for(f"<{subject}@x.test>", to="pharmacy")
        part = self.mssante.imap("pharmacy").uid("FETCH", str(found["uid"]), "(BODY.PEEK[])")[1][0]
        assert isinstance(part, tuple)
        return part[1]


def run(home: Path, *arguments: str, **environment: str) -> Outcome:
    """A command in this process: a start takes longer than what is tried here."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr("sys.stdin", io.StringIO())
        patch.delenv(VALUE, raising=False)
        for name, value in {"MSSANTE_SIM_HOME": str(home), **environment}.items():
            patch.setenv(name, value)
        status = main(list(arguments))
    return Outcome(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("locked")
    home, secret = folder / "home", folder / "passphrase"
    secret.write_text(PASSPHRASE + "\n")
    make_home(home, patients=3)
    locked = run(home, "certs", "lock", **{FILE: str(secret)})
    assert locked.status == 0, locked.err
    up = [sys.executable, "-u", "-m", "mssante_sim", "up", "--port-base", "0"]
    environment = {**os.environ, "MSSANTE_SIM_HOME": str(home), VALUE: PASSPHRASE}
    with (
        pytest.MonkeyPatch.context() as patch,
        subprocess.Popen(up, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process,
    ):
        patch.setenv(VALUE, PASSPHRASE)  # for the client in this process
        for line in process.stdout or ():
            if line.startswith("home "):
                break
        mssante = Mssante(Running.read(home))
        yield House(home, secret, mssante)
        mssante.close()
        process.terminate()
        assert process.wait(60) == 0


def test_the_passphrase_is_asked_of_every_command_that_needs_keys(house: House) -> None:
    pharmacy = ("pharmacy", "list", "--as", house.mssante.account("pharmacy").address)
    for command in (("certs", "list"), pharmacy):
        assert house.run(*command).status == 0
        missing, wrong = house.run(*command, **{VALUE: ""}), house.run(*command, **{VALUE: "une autre"})
        assert (missing.status, FILE in missing.err) == (2, True)
        assert (wrong.status, "Traceback" in wrong.err) == (1, False)
    assert "The passphrase of the keys is wrong." in house.run("certs", "list", **{VALUE: "une autre"}).err
    assert house.mssante.account("pharmacy").passphrase is None
    assert json.loads(house.run("certs", "export", str(house.home.parent / "out"), "--json").out)["passphrase"]
    held = house.run("certs", "unlock")
    assert (held.status, "already up" in held.err) == (1, True)


def test_neither_the_passphrase_nor_a_key_lies_in_the_home(house: House) -> None:
    opened = house.mssante.open(house.message("secret"), "pharmacy")
    assert opened.signer == house.mssante.account("patient").address
    files = [file.read_bytes() for file in house.home.rglob("*") if file.is_file()]
    assert not any(PASSPHRASE.encode() in content or b"-----BEGIN PRIVATE KEY" in content for content in files)


def test_a_rollover_and_a_renewal_need_no_restart(house: House) -> None:
    before, address = house.message("avant"), house.mssante.account("pharmacy").address
    for command in (
        ("certs", "rollover"),
        ("certs", "renew", address),
        ("certs", "renew", house.mssante.account("patient").address),
    ):
        done = house.run(*command)
        assert done.status == 0, done.err
    after = house.message("apres")
    new, old = house.own(Usage.RECEIVE)[:2]
    assert house.mssante.open(before, "pharmacy").signer == house.mssante.open(after, "pharmacy").signer
    assert house.mssante.open(after, "pharmacy").doubt is None
    decrypt(after, [new])
    for message, key in ((after, old), (before, new)):
        with pytest.raises(CannotDecrypt):
            decrypt(message, [key])
    authorities = list(map(read_certificate, house.keystore.authorities))
    assert read_certificate(new.certificate).issuer == authorities[2].subject != authorities[1].subject
    answer = httpx.get(
        f"{house.mssante.running.http}/certificates/{address}",
        headers={"ESANTE-API-KEY": house.mssante.running.api_key},
        timeout=60,
    ).json()["certificates"]
    assert [(one["state"], one["serial"]) for one in answer if one["usage"] == "receiving"][:2] == [
        ("valid", f"{read_certificate(one.certificate).serial:x}") for one in (new, old)
    ]
    for number, name in enumerate(("issuing", "issuing-2"), 1):
        crl = x509.load_der_x509_crl(httpx.get(f"{house.mssante.running.http}/crl/{name}.crl", timeout=60).content)
        assert crl.issuer == authorities[number].parsed.subject
    assert len(x509.load_pem_x509_certificates((house.home / "exports" / "ca.pem").read_bytes())) == 3


def test_the_servers_renewed_certificate_is_shown_and_bound_to_at_once(house: House) -> None:
    def logged_in() -> bytes:
        """The certificate that a client sees, by which it logs in with SCRAM-SHA-256-PLUS."""
        running, login = house.mssante.running, house.mssante.account("pharmacy").logins[0]
        tls = client_context(Path(running.ca_file).read_bytes())
        with imaplib.IMAP4_SSL(running.host, running.ports["imap_tls"], ssl_context=tls, timeout=30) as client:
            seen = client.socket().getpeercert(binary_form=True)
            bound = sha256(seen).digest()
            proof = Client(
                user=login.login.encode(), typed=login.password, header=b"p=tls-server-end-point,,", bound=bound
            )
            said = iter((lambda _: proof.first, proof.final, lambda _: b""))
            client.authenticate("SCRAM-SHA-256-PLUS", lambda challenge: next(said)(challenge) or b"")
        return seen

    before = logged_in()
    for command in (("certs", "renew", "server"), ("certs", "renew", "server", "--json")):
        done = house.run(*command)
        assert done.status == 0, done.err
    after = logged_in()
    assert f"{read_certificate(after).serial:x}" == json.loads(done.out)["serial"]
    assert hosts_of(read_certificate(after)) == hosts_of(read_certificate(before)) != []
    assert before != after


def test_an_organisation_seals_for_a_mailbox_whose_own_certificates_are_revoked(house: House) -> None:
    account = house.mssante.account("pharmacy")
    finess, address = account.identifier or "", account.address
    issued = json.loads(house.run("certs", "issue", finess, "--json").out)
    assert issued["usages"] == ["signing", "receiving"]
    for identity in house.own(Usage.RECEIVE):
        serial = f"{read_certificate(identity.certificate).serial:x}"
        assert house.run("certs", "revoke", address, "--usage", "receiving", "--serial", serial).status == 0
    message = house.message("organisation")
    assert house.mssante.open(message, "pharmacy").signer == house.mssante.account("patient").address
    decrypt(message, house.keystore.identities(f"1{finess}", Usage.RECEIVE))
    listed = json.loads(house.run("certs", "list", finess, "--json").out)
    assert {one["name"] for one in listed} >= {f"1{finess}"}
    assert house.run("certs", "renew", address).status == 0


WRONG = {
    "nobody": (("certs", "issue", "personne@x.test"), 3, "No mailbox, patient or organisation"),
    "no place": (("certs", "renew", "999999999"), 3, "No mailbox, patient or organisation"),
    "no serial number": (("certs", "revoke", "x@y.test", "--usage", "signing", "--serial", "xyz"), 2, "hexadecimal"),
    "no certificate": (("certs", "revoke", "x@y.test", "--usage", "signing"), 1, "certs list shows them"),
    "no reason": (("certs", "revoke", "x@y.test", "--usage", "signing", "--reason", "boredom"), 2, "keyCompromise"),
}


@pytest.mark.parametrize(("command", "status", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_told(house: House, command: tuple[str, ...], status: int, words: str) -> None:
    done = house.run(*command)
    assert (done.status, words in done.err, "Traceback" in done.err) == (status, True, False), done.err


def test_check_names_what_is_wrong_and_what_to_do(house: House, tmp_path: Path) -> None:
    address = house.mssante.account("patient").address
    file = str(max((house.home / "trust" / "mailboxes" / address).glob("signing-*.pem")))
    asked = {
        "valid": ("--usage", "signing", "--address", address),
        "wrong usage": ("--usage", "receiving", "--address", address),
        "wrong address": ("--usage", "signing", "--address", "x@y.test"),
        "expired": ("--usage", "signing", "--at", "2031-01-01"),
    }
    advice = {
        "wrong usage": "needs the key usage",
        "wrong address": "common name does not count",
        "expired": "certs renew",
    }
    for state, options in asked.items():
        done = house.run("certs", "check", file, *options)
        assert (done.status, done.out.partition(":")[0]) == (int(state != "valid"), state), done.err
        assert advice.get(state, "") in done.out
    assert house.run("certs", "broken", "export", "recipient-other-anchor", str(tmp_path)).status == 0
    other = house.run("certs", "check", str(tmp_path / "recipient-other-anchor.pem"), "--usage", "receiving", "--json")
    assert (other.status, "no root of this home" in json.loads(other.out)["why"]) == (1, True)
    hostile = Authority.create(replace(ROOT, key_bits=2048), "\x1b[31mrouge", at=SystemClock().now())
    (tmp_path / "hostile.cer").write_bytes(hostile.identity.certificate)
    shown = house.run("certs", "check", str(tmp_path / "hostile.cer"), "--usage", "signing").out
    assert shown.count("·[31mrouge") == 3, "a terminal obeys nothing of it"
