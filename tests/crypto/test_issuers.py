"""The authorities of a home: one follows the other, each answers for what it has issued, nothing is forgotten."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from mssante_sim.crypto.exports import authority_files, revocation_files
from mssante_sim.crypto.identity import Certificate, read_certificate
from mssante_sim.crypto.keystore import Keystore, TrustDomainError
from mssante_sim.crypto.profiles import PROFILES, RECEIVING, Usage
from mssante_sim.crypto.revocation import ocsp_request
from mssante_sim.crypto.trust import CertificateState, TrustContext
from tests.crypto.conftest import ADDRESS, AT, BASE, HOLDER, Domain, subject_of
from tests.crypto.programs import pem, run

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
State = CertificateState


def newest(keystore: Keystore, usage: Usage = Usage.RECEIVE) -> Certificate:
    found = keystore.identity(ADDRESS, usage)
    assert found is not None
    return read_certificate(found.certificate)


def asked(keystore: Keystore, name: str, certificate: Certificate, at: datetime = AT) -> ocsp.OCSPResponse:
    responder = keystore.issuers.responder(name, at=at)
    assert responder is not None
    request = ocsp_request(certificate, read_certificate(responder.issuer))
    return ocsp.load_der_ocsp_response(responder.respond(request, at))


def state(keystore: Keystore, certificate: Certificate, at: datetime = AT) -> CertificateState:
    return keystore.trust().state(certificate.der, Usage.RECEIVE, ADDRESS, at)


@pytest.fixture
def keystore(domain_files: Path) -> Keystore:
    return Keystore.open(domain_files)


def test_a_new_authority_issues_and_the_former_ones_certificates_stay_good(
    keystore: Keystore, domain_files: Path
) -> None:
    up = Keystore.open(domain_files)  # another process, which has looked already
    assert len(up.authorities) == 2
    former, stamp = newest(keystore), up.stamp(ADDRESS)
    keystore.issuers.roll_over(at=AT)
    assert up.stamp(ADDRESS) != stamp
    keystore.issue([HOLDER], at=AT)
    root, first, second = map(read_certificate, up.authorities)
    assert (first.name, second.name) == (
        "SIMULATEUR AC IGC-SANTE ELEMENTAIRE ORGANISATIONS", "SIMULATEUR AC IGC-SANTE ELEMENTAIRE ORGANISATIONS 2",
    )  # fmt: skip
    second.parsed.verify_directly_issued_by(root.parsed)
    later = newest(up)
    later.parsed.verify_directly_issued_by(second.parsed)
    assert later.parsed.extensions.get_extension_for_class(
        x509.CRLDistributionPoints
    ).value == x509.CRLDistributionPoints(
        [x509.DistributionPoint([x509.UniformResourceIdentifier(f"{BASE}/crl/issuing-2.crl")], None, None, None)]
    )
    for each in (keystore, up):
        assert (state(each, former), state(each, later)) == (State.VALID, State.VALID)
    assert asked(up, "issuing", former).certificate_status is ocsp.OCSPCertStatus.GOOD
    assert asked(up, "issuing-2", later).certificate_status is ocsp.OCSPCertStatus.GOOD
    assert asked(up, "issuing-2", former).certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    assert [one.authority for one in up.listing(at=AT) if one.usage == "receiving"] == ["issuing-2", "issuing"]


def test_the_former_authority_goes_on_revoking(keystore: Keystore) -> None:
    former = newest(keystore)
    keystore.issuers.roll_over(at=AT)
    keystore.issue([HOLDER], at=AT)
    later = newest(keystore)
    assert keystore.revoke(ADDRESS, Usage.RECEIVE, at=AT, serial=former.serial) == former
    assert (state(keystore, former), state(keystore, later)) == (State.REVOKED, State.VALID)
    at = AT + 29 * DAY
    keystore.issuers.publish(at=at)
    lists = [x509.load_der_x509_crl(one) for one in keystore.crls().values()]
    assert {one.next_update_utc for one in lists} == {at + 30 * DAY}
    assert [len(one) for one in lists] == [0, 1, 0]
    assert (state(keystore, former, at), state(keystore, later, at)) == (State.REVOKED, State.VALID)
    with pytest.raises(TrustDomainError, match="serial number 5"):
        keystore.revoke(ADDRESS, Usage.RECEIVE, at=AT, serial=5)


def test_when_the_root_revokes_an_authority_all_it_issued_falls(keystore: Keystore) -> None:
    former = newest(keystore)
    keystore.issuers.roll_over(at=AT)
    keystore.issue([HOLDER], at=AT)
    root, first, _ = keystore.issuers.all()
    authority = read_certificate(first.identity.certificate)
    root.revoke(authority.serial, at=AT, reason="cACompromise")
    keystore.issuers.publish(at=AT)
    assert (state(keystore, former), state(keystore, newest(keystore))) == (State.REVOKED, State.VALID)
    answer = asked(keystore, "root", authority)
    assert (answer.certificate_status, answer.revocation_reason) == (
        ocsp.OCSPCertStatus.REVOKED, x509.ReasonFlags.ca_compromise,
    )  # fmt: skip


@pytest.mark.interop
def test_openssl_goes_both_ways_up_after_a_rollover(keystore: Keystore, tmp_path: Path) -> None:
    former = newest(keystore)
    keystore.issuers.roll_over(at=AT)
    keystore.issue([HOLDER], at=AT)
    for name, content in {**authority_files(keystore), **revocation_files(keystore)}.items():
        (tmp_path / name).write_bytes(content)
    for number, certificate in enumerate((former, newest(keystore))):
        (tmp_path / f"{number}.pem").write_bytes(pem(certificate.der))
        run("openssl", "verify", "-crl_check_all", "-attime", str(int(AT.timestamp())), "-CAfile", tmp_path / "ca.pem",
            "-CRLfile", tmp_path / "crl.pem", "-purpose", "smimeencrypt", tmp_path / f"{number}.pem")  # fmt: skip


def test_a_hold_ends_and_a_revocation_does_not(keystore: Keystore, domain_files: Path) -> None:
    up, certificate = Keystore.open(domain_files), newest(keystore)
    keystore.revoke(ADDRESS, Usage.RECEIVE, at=AT, reason="certificateHold")
    up.issuers.publish(at=AT)  # the process that is up learns of it, and says it too
    assert state(up, certificate) is State.REVOKED
    keystore.release(ADDRESS, Usage.RECEIVE, at=AT)
    up.issuers.publish(at=AT)
    assert state(up, certificate) is state(keystore, certificate) is State.VALID
    keystore.revoke(ADDRESS, Usage.RECEIVE, at=AT, reason="certificateHold")
    keystore.revoke(ADDRESS, Usage.RECEIVE, at=AT, reason="keyCompromise")  # a hold that becomes final
    with pytest.raises(TrustDomainError, match="not on hold"):
        keystore.release(ADDRESS, Usage.RECEIVE, at=AT)
    keystore.revoke(ADDRESS, Usage.RECEIVE, at=AT, reason="certificateHold")  # too late
    assert asked(up, "issuing", certificate).revocation_reason is x509.ReasonFlags.key_compromise


def test_a_responder_is_delegated_for_a_month_and_followed_before_that_ends(keystore: Keystore) -> None:
    first, same, later = (keystore.issuers.responder("issuing", at=AT + days * DAY) for days in (0, 22, 23))
    assert first is not None
    assert same is not None
    assert later is not None
    assert first.signer == same.signer != later.signer
    own = read_certificate(first.signer.certificate)
    assert own.purposes == {x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING}
    assert own.parsed.extensions.get_extension_for_class(x509.OCSPNoCheck)
    assert own.not_after == AT + PROFILES["ocsp"].validity
    assert keystore.issuers.responder("nobody", at=AT) is None


def test_what_stands_where_certificates_say_is_found_and_nothing_else(keystore: Keystore) -> None:
    keystore.issuers.add_published({"ocsp/case": b"answer"})
    assert keystore.issuers.published("ocsp/case") == b"answer"
    assert keystore.issuers.published("crl/issuing.crl") == keystore.crls()["issuing.crl"]
    assert keystore.issuers.published("aia/root.cer") == keystore.authorities[0]
    for path in ("crl/issuing.cer", "aia/issuing.crl", "ocsp/issuing", "crl/..", "ocsp/other"):
        assert keystore.issuers.published(path) is None


def test_a_home_from_before_the_responder_knows_its_certificates(keystore: Keystore, domain_files: Path) -> None:
    for name in ("root", "issuing"):
        (domain_files / name / "issued.txt").unlink()
    again = Keystore.open(domain_files)
    issuing = read_certificate(again.authorities[1])
    found = [asked(again, "issuing", newest(again, usage)) for usage in (Usage.SIGN, Usage.RECEIVE)]
    for answer in (*found, asked(again, "root", issuing)):
        assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    keystore.issue([HOLDER], at=AT)
    Keystore.open(domain_files)
    lines = (domain_files / "issuing" / "issued.txt").read_text().split()
    assert len(lines) == len(set(lines)) == 7  # the server's, and twice three


def test_a_strangers_certificate_has_no_issuer_here(keystore: Keystore, domain: Domain) -> None:
    with pytest.raises(TrustDomainError, match="No authority of this home"):
        keystore.issuers.of(read_certificate(domain.receiving.certificate))


class Elsewhere:
    """What an authority that nobody here knows has put where its certificates say."""

    def __init__(self, *certificates: bytes) -> None:
        self.certificates = certificates

    def answer(self, certificate: Certificate, issuer: Certificate) -> bytes | None:
        return None

    def issuers(self, certificate: Certificate) -> tuple[bytes, ...]:
        return self.certificates


def test_the_issuer_may_be_fetched_to_seal_but_never_to_believe_a_signature(domain: Domain) -> None:
    """[RFC 5280 §4.2.2.1]; whoever sends a message must not make us call somewhere."""
    leaf = domain.issuing.issue(RECEIVING, subject_of(ADDRESS), at=AT, names=[ADDRESS])
    roots, lists = [domain.root.identity.certificate], [domain.root.crl(AT), domain.issuing.crl(AT)]
    found = {
        "nowhere": TrustContext(roots, [], lists),
        "empty": TrustContext(roots, [], lists, Elsewhere()),
        "there": TrustContext(roots, [], lists, Elsewhere(b"0", domain.issuing.identity.certificate)),
    }
    states = {name: one.state(leaf.certificate, Usage.RECEIVE, ADDRESS, AT) for name, one in found.items()}
    assert states == {"nowhere": State.UNTRUSTED, "empty": State.UNTRUSTED, "there": State.VALID}
    assert found["there"].path(read_certificate(leaf.certificate)) is None
