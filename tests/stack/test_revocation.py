"""What certificates point to is served by the stack that is up, and is as new as the last command."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from mssante_sim.clients.desk import Desk
from mssante_sim.clock import SystemClock
from mssante_sim.crypto.identity import read_certificate
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.revocation import issuer_urls, ocsp_request, ocsp_urls
from mssante_sim.crypto.smime import sign
from mssante_sim.testing import Mssante
from tests.crypto.programs import attempt, gpgsm
from tests.stack.conftest import Command

pytestmark = pytest.mark.slow  # a stack, and commands that are processes of their own

Ask = Callable[[], str]


@pytest.fixture
def address(mssante: Mssante) -> str:
    """A pharmacy's mailbox that no other test needs."""
    used = {mssante.account(role).address for role in ("pharmacy", "patient", "other-pharmacy")}
    return next(one.address for one in mssante.running.accounts if one.kind == "ORG" and one.address not in used)


@pytest.fixture
def file(home: Path, address: str) -> Path:
    """Its newest signing certificate."""
    return max((home / "trust" / "mailboxes" / address).glob("signing-*.pem"))


def fetched(url: str, body: bytes | None = None, kind: str = "application/ocsp-request") -> tuple[int, str, bytes]:
    method, headers = ("GET", None) if body is None else ("POST", {"Content-Type": kind})
    said = httpx.request(method, url, content=body, headers=headers, timeout=60)
    return said.status_code, said.headers.get("Content-Type", ""), said.content


def test_a_certificate_leads_to_its_list_its_issuer_and_its_responder(mssante: Mssante, file: Path) -> None:
    leaf = read_certificate(x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER))
    assert all(url.startswith(mssante.running.http) for url in (*ocsp_urls(leaf), *issuer_urls(leaf)))
    status, kind, issuer = fetched(issuer_urls(leaf)[0])
    assert (status, kind) == (200, "application/pkix-cert")
    leaf.parsed.verify_directly_issued_by(x509.load_der_x509_certificate(issuer))
    (point,) = leaf.parsed.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    status, kind, crl = fetched(point.full_name[0].value)  # type: ignore[index]
    assert (status, kind) == (200, "application/pkix-crl")
    assert x509.load_der_x509_crl(crl).is_signature_valid(x509.load_der_x509_certificate(issuer).public_key())  # type: ignore[arg-type]
    (url,), asked = ocsp_urls(leaf), ocsp_request(leaf, read_certificate(issuer))
    for answer in (fetched(url, asked), fetched(f"{url}/{base64.b64encode(asked).decode()}")):
        assert answer[:2] == (200, "application/ocsp-response")
        assert ocsp.load_der_ocsp_response(answer[2]).certificate_status is ocsp.OCSPCertStatus.GOOD
    for spoilt in (fetched(url, b"?"), fetched(f"{url}/%3F"), fetched(url, bytes(100_000))):
        assert ocsp.load_der_ocsp_response(spoilt[2]).response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert fetched(url, asked, "text/plain")[0] == 415
    for unknown in ("/crl/other.crl", "/aia/other.cer", "/ocsp/other/MA==", "/crl/..", "/crl/issuing.cer"):
        assert fetched(mssante.running.http + unknown)[0] == 404


def test_a_client_that_stays_open_learns_what_was_revoked(
    mssante: Mssante, here: Command, home: Path, address: str
) -> None:
    signer = Keystore.open(home / "trust").identity(address, Usage.SIGN)
    assert signer
    letter = b"Content-Type: text/plain\r\n\r\nBonjour\r\n"
    message = f"From: <{address}>\r\n".encode() + sign(letter, signer, at=SystemClock().now())
    desk = Desk.of(mssante.running, mssante.account("pharmacy").address)

    def said() -> tuple[str | None, bool]:
        opened = desk.open(message, at=SystemClock().now())
        return opened.signer, opened.doubt is not None

    assert said() == (address, False)
    assert here("certs", "revoke", address, "--usage", "signing", "--reason", "certificateHold").returncode == 0
    assert said() == (None, True)
    assert here("certs", "release", address, "--usage", "signing").returncode == 0
    assert said() == (address, False)


@pytest.mark.interop
def test_java_asks_the_responder_and_reads_the_list_that_the_certificates_name(
    home: Path, run: Command, tmp_path: Path, address: str, file: Path
) -> None:
    leaf, issuer = (x509.load_pem_x509_certificates(file.read_bytes())[at] for at in (0, 1))
    for name, certificate in (("leaf", leaf), ("issuer", issuer)):
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))

    def words() -> list[str]:
        path = (home / "exports" / "ca.der", tmp_path / "leaf.pem", tmp_path / "issuer.pem")
        program = ("java", "-Dcom.sun.security.enableCRLDP=true", Path(__file__).with_name("Pkix.java"))
        return attempt(*program, *path).stdout.decode().split()

    assert words() == ["good", "good"]
    assert run("certs", "revoke", address, "--usage", "signing", "--reason", "superseded").returncode == 0
    assert words() == ["REVOKED", "REVOKED"]
    assert run("certs", "renew", address).returncode == 0


@pytest.mark.interop
def test_gpgsm_asks_the_responder_and_reads_the_list_that_the_certificates_name(
    home: Path, run: Command, tmp_path: Path, address: str, file: Path
) -> None:
    leaf = x509.load_pem_x509_certificate(file.read_bytes())
    known = (*x509.load_pem_x509_certificates((home / "exports" / "ca.pem").read_bytes()), leaf)
    certificates = [one.public_bytes(Encoding.DER) for one in known]

    def words(gpg: Path) -> list[str]:
        """By the list, then by the responder; in a home of its own, for it keeps a list until that ends."""
        with gpgsm(gpg, certificates, settings=["enable-crl-checks"]) as call:
            (gpg / "dirmngr.conf").write_text("allow-ocsp\n")
            found = [call(*way, "--with-validation", "--list-keys", address) for way in ((), ("--enable-ocsp",))]
        of_it = (one.stdout.decode().partition(f"{leaf.serial_number:X}")[2] for one in found)
        return [one.partition("[certificate ")[2].partition("]")[0] for one in of_it]

    assert words(tmp_path / "before") == ["is good", "is good"]
    assert run("certs", "revoke", address, "--usage", "signing", "--reason", "superseded").returncode == 0
    assert words(tmp_path / "after") == ["has been revoked", "has been revoked"]
    assert run("certs", "renew", address).returncode == 0


@pytest.mark.interop
def test_openssl_sees_a_hold_begin_and_end_and_a_revocation_last(
    home: Path, run: Command, tmp_path: Path, address: str, file: Path
) -> None:
    """It asks with a nonce, over HTTP, and checks the answer and its signer."""
    ca, issuer, leaf = home / "exports" / "ca.pem", tmp_path / "issuer.pem", tmp_path / "leaf.pem"
    leaf.write_bytes(x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.PEM))
    issuer.write_bytes(x509.load_pem_x509_certificates(file.read_bytes())[1].public_bytes(Encoding.PEM))
    url = attempt("openssl", "x509", "-noout", "-ocsp_uri", "-in", leaf).stdout.decode().strip()

    def word() -> str:
        done = attempt("openssl", "ocsp", "-issuer", issuer, "-cert", leaf, "-url", url, "-CAfile", ca)
        assert (done.returncode, done.stderr) == (0, b"Response verify OK\n")
        crl = attempt(
            "openssl", "verify", "-crl_check_all", "-CAfile", ca, "-CRLfile", home / "exports" / "crl.pem", leaf
        )
        said = done.stdout.decode().partition("leaf.pem: ")[2].split("\n")[0]
        assert (crl.returncode == 0) is (said == "good")
        return said

    revoke = ("certs", "revoke", address, "--usage", "signing", "--reason")
    assert word() == "good"
    assert run(*revoke, "certificateHold").returncode == 0
    assert word() == "revoked"
    released = run("certs", "release", address, "--usage", "signing", "--json")
    assert json.loads(released.stdout)["released"] is True
    assert word() == "good"
    assert run(*revoke, "keyCompromise").returncode == 0
    assert word() == "revoked"
    refused = run("certs", "release", address, "--usage", "signing")
    assert refused.returncode == 1
    assert "not on hold" in refused.stderr
    assert word() == "revoked"
    assert run("certs", "renew", address).returncode == 0
