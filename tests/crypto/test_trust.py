"""A certificate is good only if everything that is looked at is."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from mssante_sim.crypto import der, profiles
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.identity import BadCertificate, Identity, load_key, private_key, read_certificate
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.profiles import CLIENT, ISSUING, RECEIVING, SERVER, SIGNING, KeyUse, Purpose, Usage
from mssante_sim.crypto.revocation import BadRevocationList
from mssante_sim.crypto.signatures import pkcs1
from mssante_sim.crypto.trust import CertificateState, TrustContext, TrustFiles, accepts_usage
from tests.crypto.conftest import ADDRESS, AT, OTHER, Domain, new_domain, subject_of

DAY = timedelta(days=1)
State = CertificateState


def state(domain: Domain, identity: Identity, usage: Usage = Usage.RECEIVE, *, at: datetime = AT) -> CertificateState:
    return domain.trust().state(identity.certificate, usage, ADDRESS, at)


def test_what_we_issue_is_valid_for_its_usage_and_address(domain: Domain) -> None:
    trust = domain.trust()
    assert trust.state(domain.receiving.certificate, Usage.RECEIVE, ADDRESS, AT) is State.VALID
    assert trust.state(domain.signing.certificate, Usage.SIGN, ADDRESS.upper(), AT) is State.VALID
    assert trust.state(domain.receiving.certificate, Usage.RECEIVE, OTHER, AT) is State.WRONG_ADDRESS


def test_no_certificate_is_a_missing_one(domain: Domain) -> None:
    assert domain.trust().state(None, Usage.RECEIVE, ADDRESS, AT) is State.MISSING


Make = Callable[[Domain], Identity]
DEFECTS: dict[str, tuple[Make, CertificateState]] = {
    "expired yesterday": (lambda d: d.leaf(RECEIVING, validity=(AT - 9 * DAY, AT - DAY)), State.EXPIRED),
    "expired before its authority was": (
        lambda d: d.leaf(RECEIVING, validity=(AT - 999 * DAY, AT - 900 * DAY)),
        State.EXPIRED,
    ),
    "from tomorrow": (lambda d: d.leaf(RECEIVING, validity=(AT + DAY, AT + 9 * DAY)), State.NOT_YET_VALID),
    "for signing": (lambda d: d.leaf(SIGNING), State.WRONG_USAGE),
    "for a server": (lambda d: d.leaf(replace(SERVER, names="mailbox")), State.WRONG_USAGE),
    "an authority": (lambda d: d.leaf(replace(RECEIVING, authority=True)), State.WRONG_USAGE),
    "of nobody": (lambda d: d.issuing.issue(RECEIVING, subject_of(ADDRESS), at=AT), State.WRONG_ADDRESS),
    "for a host": (lambda d: d.leaf(replace(RECEIVING, names="host")), State.WRONG_ADDRESS),
    "not a certificate": (lambda d: Identity(b"\x30\x00", d.signing.key), State.UNTRUSTED),
}


@pytest.mark.parametrize(("make", "expected"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_has_its_name(domain: Domain, make: Make, expected: CertificateState) -> None:
    assert state(domain, make(domain)) is expected


@pytest.mark.parametrize("use", [KeyUse.DIGITAL_SIGNATURE, KeyUse.NON_REPUDIATION])
def test_either_use_lets_sign(domain: Domain, use: KeyUse) -> None:
    assert state(domain, domain.leaf(replace(SIGNING, uses=frozenset({use}))), Usage.SIGN) is State.VALID


def test_the_last_and_first_instants_are_valid(domain: Domain) -> None:
    leaf = domain.leaf(RECEIVING, validity=(AT, AT + DAY))
    second = timedelta(seconds=1)
    found = [state(domain, leaf, at=at) for at in (AT - second, AT, AT + DAY, AT + DAY + second)]
    assert found == [State.NOT_YET_VALID, State.VALID, State.VALID, State.EXPIRED]


def test_an_address_in_other_letters_is_the_same(domain: Domain) -> None:
    assert state(domain, domain.leaf(RECEIVING, ADDRESS.title())) is State.VALID


# Paths


def test_another_trust_space_of_the_same_names_is_not_ours(domain: Domain, stranger: Domain) -> None:
    assert state(domain, stranger.receiving) is State.UNTRUSTED


def below(domain: Domain, **changes: object) -> Identity:
    """A leaf of a further authority that the issuing one should not have made."""
    profile = replace(ISSUING, key_bits=2048, **changes)  # type: ignore[arg-type]  # fields of Profile
    further = Authority.create(profile, "SIMULATEUR SOUS-AC", at=AT - DAY, parent=domain.issuing)
    return further.issue(RECEIVING, subject_of(ADDRESS), at=AT, names=[ADDRESS])


def with_chain(domain: Domain, leaf: Identity) -> tuple[object, ...] | None:
    return domain.trust().path(read_certificate(leaf.certificate), leaf.chain)


def test_path_length_is_kept(domain: Domain) -> None:
    assert with_chain(domain, below(domain)) is None


@pytest.mark.parametrize(
    "changes", [{"authority": False, "path_length": None}, {"uses": frozenset({KeyUse.CRL_SIGN})}, {"key_bits": 1024}]
)
def test_only_an_authority_with_a_good_key_may_issue(changes: dict[str, object]) -> None:
    """The same three below a root that sets no length: only the fault is left to refuse them."""
    root = new_domain(" LARGE").root
    trust = TrustContext([root.identity.certificate], (), [root.crl(AT)])
    profile = replace(ISSUING, key_bits=2048)
    for kept, expected in (({}, True), (changes, False)):
        made = Authority.create(replace(profile, **kept), "SIMULATEUR SOUS-AC", at=AT - DAY, parent=root)  # type: ignore[arg-type]
        leaf = made.issue(RECEIVING, subject_of(ADDRESS), at=AT, names=[ADDRESS])
        assert (trust.path(read_certificate(leaf.certificate), leaf.chain) is not None) is expected


def test_an_authority_for_another_purpose_issues_nothing_for_this_one(domain: Domain) -> None:
    for purpose, expected in ((Purpose.SERVER_AUTH, State.WRONG_USAGE), (Purpose.EMAIL_PROTECTION, State.VALID)):
        profile = replace(ISSUING, key_bits=2048, purposes=frozenset({purpose}))
        between = Authority.create(profile, "SIMULATEUR A BUT", at=AT - DAY, parent=domain.root)
        leaf = between.issue(RECEIVING, subject_of(ADDRESS), at=AT, names=[ADDRESS])
        lists = [domain.root.crl(AT), between.crl(AT)]
        trust = TrustContext([domain.root.identity.certificate], [between.identity.certificate], lists)
        assert trust.state(leaf.certificate, Usage.RECEIVE, ADDRESS, AT) is expected


@pytest.mark.parametrize(("exponent", "expected"), [
    (1, State.UNTRUSTED), (2, State.UNTRUSTED), (3, State.VALID), (65_537, State.VALID),
])  # fmt: skip
def test_an_exponent_with_which_anyone_signs_makes_no_key(domain: Domain, exponent: int, expected: State) -> None:
    """With 1 a signature is what was to be signed."""
    signed_part, algorithm, _ = der.parse(domain.receiving.certificate).children()
    fields = [bytes(one.octets) for one in signed_part.children()]
    kind, bits = der.parse(fields[6]).children()
    modulus, _ = der.parse(bits.content[1:]).children()
    key = der.sequence(modulus.octets, der.integer(exponent))
    fields[6] = der.sequence(kind.octets, der.tlv(der.BIT_STRING, b"\0", key))
    content = der.sequence(*fields)
    signature = pkcs1().sign(private_key(domain.issuing.identity), content)
    made = der.sequence(content, algorithm.octets, der.tlv(der.BIT_STRING, b"\0", signature))
    assert domain.trust().state(made, Usage.RECEIVE, ADDRESS, AT) is expected


def test_a_path_of_five_is_too_long() -> None:
    root = new_domain(" LONGUE").root
    trust = TrustContext([root.identity.certificate])
    found, parent, free = [], root, replace(ISSUING, key_bits=2048, path_length=None)
    for number in range(3):
        parent = Authority.create(free, f"SIMULATEUR AC {number}", at=AT - DAY, parent=parent)
        leaf = parent.issue(RECEIVING, subject_of(ADDRESS), at=AT, names=[ADDRESS])
        found.append(trust.path(read_certificate(leaf.certificate), leaf.chain) is not None)
    assert found == [True, True, False]


def crafted(
    domain: Domain, change: Callable[[x509.CertificateBuilder], x509.CertificateBuilder], digest: hashes.HashAlgorithm
) -> Identity:
    """A leaf like ours that the builder of `Authority` would not make."""
    key = new_key(2048)
    issuer = read_certificate(domain.issuing.identity.certificate).parsed
    builder = (
        x509.CertificateBuilder()
        .subject_name(issuer.subject)
        .issuer_name(issuer.subject)
        .public_key(load_key(key).public_key())
        .serial_number(77)
        .not_valid_before(AT - DAY)
        .not_valid_after(AT + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(ADDRESS)]), critical=False)
    )
    signed = change(builder).sign(private_key(domain.issuing.identity), digest)
    return Identity(signed.public_bytes(Encoding.DER), key)


def test_extensions_that_are_absent_forbid_nothing(domain: Domain) -> None:
    leaf = crafted(domain, lambda builder: builder, hashes.SHA256())
    assert {state(domain, leaf, usage) for usage in Usage if usage in (Usage.SIGN, Usage.RECEIVE)} == {State.VALID}


def test_an_unknown_critical_extension_is_refused(domain: Domain) -> None:
    for critical, expected in ((True, State.UNTRUSTED), (False, State.VALID)):
        strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        leaf = crafted(domain, lambda b, c=critical, s=strange: b.add_extension(s, c), hashes.SHA256())  # type: ignore[misc]
        assert state(domain, leaf) is expected


def test_netscapes_old_type_says_nothing(domain: Domain) -> None:
    """It says "SSL server" here; no standard knows it, and what it forbids is forbidden by extended key usage today."""
    netscape = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.16.840.1.113730.1.1"), b"\x03\x02\x06\x40")
    leaf = crafted(domain, lambda builder: builder.add_extension(netscape, critical=False), hashes.SHA256())
    assert state(domain, leaf) is State.VALID


def test_a_name_constraint_is_not_understood_hence_refused(domain: Domain) -> None:
    constraint = x509.NameConstraints([x509.RFC822Name("mssante.test")], None)
    leaf = crafted(domain, lambda builder: builder.add_extension(constraint, critical=False), hashes.SHA256())
    assert state(domain, leaf) is State.UNTRUSTED


@pytest.mark.parametrize("digest", [hashes.SHA384(), hashes.SHA512()])
def test_stronger_digests_are_good_too(domain: Domain, digest: hashes.HashAlgorithm) -> None:
    assert state(domain, crafted(domain, lambda builder: builder, digest)) is State.VALID


# Revocation


def test_a_revoked_certificate_is_so_from_the_next_list_on() -> None:
    domain = new_domain(" REVOQUEE")
    before = domain.trust()
    domain.issuing.revoke(read_certificate(domain.receiving.certificate).serial, at=AT)
    assert before.state(domain.receiving.certificate, Usage.RECEIVE, ADDRESS, AT) is State.VALID
    assert state(domain, domain.receiving) is State.REVOKED
    assert state(domain, domain.signing, Usage.SIGN) is State.VALID


def test_a_stale_or_missing_list_makes_untrusted(domain: Domain) -> None:
    later = AT + timedelta(days=31)
    assert state(domain, domain.receiving, at=later) is State.UNTRUSTED
    none = TrustContext([domain.root.identity.certificate], [domain.issuing.identity.certificate])
    assert none.state(domain.receiving.certificate, Usage.RECEIVE, ADDRESS, AT) is State.UNTRUSTED


def test_a_list_that_another_signed_in_the_same_name_counts_for_nothing(domain: Domain, stranger: Domain) -> None:
    stranger.issuing.revoke(read_certificate(domain.receiving.certificate).serial, at=AT)
    lists = [domain.root.crl(AT), domain.issuing.crl(AT), stranger.issuing.crl(AT)]
    trust = TrustContext([domain.root.identity.certificate], [domain.issuing.identity.certificate], lists)
    assert trust.state(domain.receiving.certificate, Usage.RECEIVE, ADDRESS, AT) is State.VALID


def test_only_who_may_sign_lists_is_believed_about_revocation() -> None:
    root = new_domain(" SANS LISTES").root
    profile = replace(ISSUING, key_bits=2048)
    for uses, expected in (
        (profile.uses, State.VALID),
        (profile.uses - {KeyUse.CRL_SIGN}, State.UNTRUSTED),
    ):
        made = Authority.create(replace(profile, uses=uses), "SIMULATEUR AC", at=AT - DAY, parent=root)
        leaf = made.issue(RECEIVING, subject_of(ADDRESS), at=AT, names=[ADDRESS])
        trust = TrustContext([root.identity.certificate], leaf.chain, [root.crl(AT), made.crl(AT)])
        assert trust.state(leaf.certificate, Usage.RECEIVE, ADDRESS, AT) is expected


def test_a_partial_list_or_one_that_is_none_is_refused(domain: Domain) -> None:
    partial = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(read_certificate(domain.issuing.identity.certificate).parsed.subject)
        .last_update(AT)
        .next_update(AT + DAY)
        .add_extension(x509.DeltaCRLIndicator(1), critical=True)
        .sign(private_key(domain.issuing.identity), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    for octets in (partial, b"no list"):
        with pytest.raises(BadRevocationList):
            TrustContext([domain.root.identity.certificate], (), [octets])


# Files and speed


def pem(*ders: bytes, crl: bool = False) -> bytes:
    load = x509.load_der_x509_crl if crl else x509.load_der_x509_certificate
    return b"".join(load(one).public_bytes(Encoding.PEM) for one in ders)


def test_files_tell_roots_from_what_is_below(domain: Domain, tmp_path: Path) -> None:
    ca, crl = tmp_path / "ca.pem", tmp_path / "crl.pem"
    ca.write_bytes(b"# comment\n" + pem(domain.root.identity.certificate, domain.issuing.identity.certificate))
    crl.write_bytes(pem(domain.root.crl(AT), domain.issuing.crl(AT), crl=True))
    trust = TrustContext.from_files(ca, crl)
    assert trust.state(domain.receiving.certificate, Usage.RECEIVE, ADDRESS, AT) is State.VALID
    crl.write_bytes(pem(domain.issuing.crl(AT), crl=True))
    without = TrustContext.from_files(ca, crl)  # nobody answers for the issuing authority: it is no root
    assert without.state(domain.receiving.certificate, Usage.RECEIVE, ADDRESS, AT) is State.UNTRUSTED


def test_files_without_a_root_or_damaged_are_refused(domain: Domain, tmp_path: Path) -> None:
    ca, crl = tmp_path / "ca.pem", tmp_path / "crl.pem"
    crl.write_bytes(b"")
    good = pem(domain.root.identity.certificate)
    for content in (b"", pem(domain.issuing.identity.certificate), good.replace(b"MII", b"AAA", 1)):
        ca.write_bytes(content)
        with pytest.raises(BadCertificate):
            TrustContext.from_files(ca, crl)


def test_files_that_change_are_read_again_and_spoilt_ones_change_nothing(domain: Domain, tmp_path: Path) -> None:
    ca, crl = tmp_path / "ca.pem", tmp_path / "crl.pem"
    ca.write_bytes(pem(domain.root.identity.certificate, domain.issuing.identity.certificate))
    crl.write_bytes(pem(domain.root.crl(AT), domain.issuing.crl(AT), crl=True))
    files, leaf = TrustFiles(ca, crl), domain.leaf(SIGNING)
    assert files.current() is files.current()

    def state() -> State:
        return files.current().state(leaf.certificate, Usage.SIGN, ADDRESS, AT)

    assert state() is State.VALID
    domain.issuing.revoke(read_certificate(leaf.certificate).serial, at=AT)
    crl.write_bytes(pem(domain.root.crl(AT), domain.issuing.crl(AT), crl=True))
    assert state() is State.REVOKED
    for spoil in (lambda: crl.write_bytes(b"-----BEGIN X509 CRL-----\nAA\n-----END X509 CRL-----\n"), ca.unlink):
        spoil()
        assert state() is State.REVOKED


def test_asking_again_takes_less_than_a_tenth_of_a_millisecond(domain: Domain) -> None:
    trust = domain.trust()
    taken = []
    for _ in range(50):
        start = time.perf_counter()
        assert trust.state(domain.receiving.certificate, Usage.RECEIVE, ADDRESS, AT) is State.VALID
        taken.append(time.perf_counter() - start)
    assert sorted(taken)[25] < 100e-6


def test_a_chain_that_came_along_is_followed(domain: Domain) -> None:
    trust = TrustContext([domain.root.identity.certificate])
    leaf = read_certificate(domain.signing.certificate)
    for _ in range(2):
        assert trust.path(leaf) is None
        assert trust.path(leaf, domain.signing.chain) is not None


def test_what_opens_a_mailbox_can_sign(domain: Domain) -> None:
    """By key usage and extended key usage; mail's certificates open none.  [RFC 8446 §4.4.2.4]"""
    non_repudiation = replace(CLIENT, uses=frozenset({KeyUse.NON_REPUDIATION}))
    for profile, expected in ((CLIENT, True), (non_repudiation, False), (SIGNING, False)):
        assert accepts_usage(read_certificate(domain.leaf(profile).certificate), Usage.CLIENT) is expected


def test_the_memory_of_paths_is_bounded(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mssante_sim.crypto.trust._MOST_REMEMBERED", 2)
    trust = domain.trust()
    for identity in (domain.signing, domain.receiving, domain.other):
        assert trust.path(read_certificate(identity.certificate)) is not None
    assert len(trust._paths) <= 2


def test_purposes_are_the_registered_numbers() -> None:
    assert x509.ObjectIdentifier(Purpose.EMAIL_PROTECTION.value) == x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION
    assert profiles.SIGNING.purposes == profiles.RECEIVING.purposes == {Purpose.EMAIL_PROTECTION}
