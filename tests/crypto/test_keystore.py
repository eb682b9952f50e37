"""The trust domain on disk: issued in seconds, private, the same when opened again."""

import asyncio
import contextlib
import ssl
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mssante_sim.crypto import der, profiles
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.cms_sign import SIGNED_DATA
from mssante_sim.crypto.exports import authority_files, revocation_files
from mssante_sim.crypto.identity import BadCertificate, Identity, certificate_in, key_name, load_key, read_certificate
from mssante_sim.crypto.issuing import hosts_of
from mssante_sim.crypto.keystore import MAIL, Holder, Keystore, TrustDomainError
from mssante_sim.crypto.pkcs12 import BadBundle, compatible_bundle, read_bundle, write_bundle
from mssante_sim.crypto.profiles import SIGNING, Subject, Usage
from mssante_sim.crypto.secret import Secret
from mssante_sim.crypto.tls import (
    client_context,
    cut,
    limit_tls_buffers,
    peer_certificate,
    server_context,
    server_end_point,
)
from mssante_sim.crypto.trust import CertificateState
from tests.crypto.conftest import ADDRESS, AT, BASE, HOLDER, HOSTS, Domain, copied, new_domain

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keystore(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    return Keystore.open(copied(pristine, tmp_path_factory.mktemp("home") / "trust"))


def own(keystore: Keystore, usage: Usage) -> Identity:
    found = keystore.identity(ADDRESS, usage)
    assert found is not None
    return found


def extension(octets: bytes, kind: type[x509.ExtensionType]) -> x509.Extension[x509.ExtensionType]:
    return x509.load_der_x509_certificate(octets).extensions.get_extension_for_class(kind)


# Certificates


def test_what_is_longer_than_a_name_may_be_is_cut_there_and_stands_whole_as_mailbox(domain: Domain) -> None:
    address = f"{'service.de.' * 5}messagerie@{'etablissement-fictif.' * 4}test"
    subject = Subject(address, f"CENTRE HOSPITALIER FICTIF {'É' * 30}", "1990000010", "Ille-et-Vilaine (35)")
    issued = domain.issuing.issue(SIGNING, subject, at=AT, names=[address])
    read = read_certificate(issued.certificate)
    assert read.mailboxes == {address}
    assert read.name == address[:64]
    (organisation,) = read.parsed.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert organisation.value == f"CENTRE HOSPITALIER FICTIF {'É' * 19}"  # 64 octets
    assert domain.trust().state(issued.certificate, Usage.SIGN, address, AT) is CertificateState.VALID


def test_the_tree_is_that_of_igc_sante_under_fake_names(keystore: Keystore) -> None:
    assert tuple(one.identity.certificate for one in keystore.issuers.all()) == keystore.authorities
    root, issuing = (x509.load_der_x509_certificate(one) for one in keystore.authorities)
    names = [
        [
            one.subject.get_attributes_for_oid(oid)[0].value
            for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)
        ]
        for one in (root, issuing)
    ]
    assert names == [
        ["SIMULATEUR AC RACINE IGC-SANTE ELEMENTAIRE", "IGC-SANTE TEST"],
        ["SIMULATEUR AC IGC-SANTE ELEMENTAIRE ORGANISATIONS", "IGC-SANTE TEST"],
    ]
    assert read_certificate(keystore.authorities[0]).public_key.key_size == 4096  # type: ignore[union-attr]
    assert extension(keystore.authorities[1], x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    root.verify_directly_issued_by(root)
    issuing.verify_directly_issued_by(root)


USES = {
    Usage.SIGN: {"digital_signature", "content_commitment"},
    Usage.RECEIVE: {"key_encipherment"},
}


@pytest.mark.parametrize("usage", USES)
def test_a_mailbox_certificate_has_its_profile(keystore: Keystore, usage: Usage) -> None:
    octets = own(keystore, usage).certificate
    certificate = x509.load_der_x509_certificate(octets)
    assert certificate.subject.rfc4514_string() == (
        f"CN={ADDRESS},OU=1990000010,O=PHARMACIE FICTIVE DES LILAS,ST=Ille-et-Vilaine (35),C=FR"
    )
    uses = extension(octets, x509.KeyUsage)
    flags = {one for one in ("digital_signature", "content_commitment", "key_encipherment", "key_cert_sign", "crl_sign",
                             "data_encipherment", "key_agreement") if getattr(uses.value, one)}  # fmt: skip
    assert (uses.critical, flags) == (True, USES[usage])
    assert list(extension(octets, x509.ExtendedKeyUsage).value) == [x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION]  # type: ignore[call-overload]
    assert extension(octets, x509.SubjectAlternativeName).value == x509.SubjectAlternativeName(
        [x509.RFC822Name(ADDRESS)]
    )
    (point,) = extension(octets, x509.CRLDistributionPoints).value  # type: ignore[misc,var-annotated]
    assert point.full_name[0].value == f"{BASE}/crl/issuing.crl"
    assert certificate.not_valid_before_utc == AT - timedelta(hours=1)
    assert certificate.not_valid_after_utc == AT + timedelta(days=3 * 365)
    access = extension(octets, x509.AuthorityInformationAccess).value
    assert [one.access_location.value for one in access] == [f"{BASE}/ocsp/issuing", f"{BASE}/aia/issuing.cer"]  # type: ignore[attr-defined]


def test_each_certificate_names_its_key_and_its_issuers(keystore: Keystore) -> None:
    root, issuing = keystore.authorities
    for octets, issuer in ((root, root), (issuing, root), (own(keystore, Usage.SIGN).certificate, issuing)):
        own_id = extension(octets, x509.SubjectKeyIdentifier).value
        assert isinstance(own_id, x509.SubjectKeyIdentifier)
        named = extension(octets, x509.AuthorityKeyIdentifier).value
        assert named.key_identifier == extension(issuer, x509.SubjectKeyIdentifier).value.digest  # type: ignore[attr-defined]


# Files


def test_it_is_the_same_when_opened_again(keystore: Keystore) -> None:
    again = Keystore.open(keystore.path)
    assert again.authorities == keystore.authorities
    assert again.identities(ADDRESS, Usage.SIGN) == keystore.identities(ADDRESS, Usage.SIGN)
    assert own(again, Usage.RECEIVE).key.reveal() == own(keystore, Usage.RECEIVE).key.reveal()
    assert again.crls() == keystore.crls()
    again.issue([replace(HOLDER, name="autre@officine.mssante.test")], at=AT)
    later = keystore.identity("autre@officine.mssante.test", Usage.SIGN)
    assert later is not None
    (point,) = extension(later.certificate, x509.CRLDistributionPoints).value  # type: ignore[misc,var-annotated]
    assert point.full_name[0].value == f"{BASE}/crl/issuing.crl"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes; the profile directory protects")
def test_files_with_keys_are_their_owners_only(keystore: Keystore) -> None:
    files = [file for file in keystore.path.rglob("*.pem") if b"PRIVATE KEY" in file.read_bytes()]
    assert len(files) >= 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


BREAKS: dict[str, Callable[[Path], object]] = {
    "missing key": lambda path: (path / "issuing" / "identity.pem").unlink(),
    "damaged key": lambda path: (path / "root" / "identity.pem").write_bytes(b"-----BEGIN"),
    "missing list": lambda path: (path / "issuing" / "crl.der").unlink(),
    "damaged list": lambda path: (path / "root" / "crl.der").write_bytes(b"\x30\x00"),
}


@pytest.mark.parametrize("spoil", BREAKS.values(), ids=BREAKS.keys())
def test_a_damaged_domain_is_told_in_a_sentence(domain_files: Path, spoil: Callable[[Path], object]) -> None:
    spoil(domain_files)
    with pytest.raises(TrustDomainError, match="missing or damaged"):
        Keystore.open(domain_files)


def test_a_renewal_leaves_old_messages_readable(domain_files: Path) -> None:
    keystore = Keystore.open(domain_files)
    first = own(keystore, Usage.RECEIVE)
    stamp = keystore.stamp(ADDRESS)
    for _ in range(10):
        keystore.issue([HOLDER], at=AT)
    found = keystore.identities(ADDRESS, Usage.RECEIVE)
    assert len(found) == 11
    assert found[-1] == first
    assert own(keystore, Usage.RECEIVE) == found[0] != first
    assert keystore.stamp(ADDRESS) != stamp


FAULTS = {
    "valid": (HOLDER, "valid"),
    "expired": (replace(HOLDER, expired=True), "expired"),
    "wrong usage": (replace(HOLDER, receiving=SIGNING), "wrong usage"),
}


@pytest.mark.parametrize(("holder", "state"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_are_issued_on_purpose(domain_files: Path, holder: Holder, state: str) -> None:
    keystore = Keystore.open(domain_files)
    keystore.issue([holder], at=AT)
    newest = own(keystore, Usage.RECEIVE)
    assert keystore.trust().state(newest.certificate, Usage.RECEIVE, ADDRESS, AT).value == state
    listed = {one.serial: one.state for one in keystore.listing(at=AT)}
    assert listed[read_certificate(newest.certificate).serial] == state


def test_a_holder_may_be_left_without_a_receiving_certificate(domain_files: Path) -> None:
    keystore = Keystore.open(domain_files)
    keystore.issue([replace(HOLDER, name="sans@officine.mssante.test", receiving=None)], at=AT)
    assert keystore.identity("sans@officine.mssante.test", Usage.RECEIVE) is None
    assert keystore.identity("sans@officine.mssante.test", Usage.SIGN) is not None
    assert keystore.identity("personne@officine.mssante.test", Usage.SIGN) is None


def test_no_address_leads_out_of_its_folder(domain_files: Path) -> None:
    keystore = Keystore.open(domain_files)
    address = "../../issuing/x@officine.mssante.test"
    keystore.issue([replace(HOLDER, name=address)], at=AT)
    assert address in keystore.addresses()
    assert keystore.identity(address.upper(), Usage.SIGN) is not None
    assert {file.parent.parent for file in domain_files.rglob("signing-1.pem")} == {domain_files / "mailboxes"}


def test_an_organisations_certificates_speak_for_its_mailboxes(domain_files: Path) -> None:
    keystore = Keystore.open(domain_files)
    second = "lilas.bis@officine.mssante.test"
    lilas = replace(HOLDER, name="1990000010", mailboxes=(ADDRESS, second))
    stamp = keystore.stamp(second)
    keystore.issue([lilas], at=AT, usages=MAIL)
    assert keystore.stamp(second) != stamp
    assert keystore.organisations() == ["1990000010"]
    assert [len(keystore.speaking_for(one, Usage.SIGN)) for one in (ADDRESS, second, "x@y.test")] == [2, 1, 0]
    (seal,) = keystore.speaking_for(second.upper(), Usage.SIGN)
    facts = read_certificate(seal.certificate)
    assert facts.parsed.subject.rfc4514_string() == (
        "CN=PHARMACIE FICTIVE DES LILAS,OU=1990000010,O=PHARMACIE FICTIVE DES LILAS,ST=Ille-et-Vilaine (35),C=FR"
    )
    assert facts.mailboxes == {ADDRESS, second}
    for address, state in ((ADDRESS, "valid"), (second, "valid"), ("x@y.test", "wrong address")):
        assert keystore.trust().state(seal.certificate, Usage.SIGN, address, AT).value == state
    assert {one.usage: one.state for one in keystore.listing(at=AT) if one.name == "1990000010"} == {
        "signing": "valid", "receiving": "valid",
    }  # fmt: skip
    assert keystore.speaking_for(ADDRESS, Usage.SIGN)[0] == own(keystore, Usage.SIGN)


def test_a_revocation_outlives_the_process(domain_files: Path) -> None:
    stamp = Keystore.open(domain_files).stamp(ADDRESS)
    Keystore.open(domain_files).revoke(ADDRESS, Usage.RECEIVE, at=AT, reason="keyCompromise")
    keystore = Keystore.open(domain_files)
    assert keystore.stamp(ADDRESS) != stamp
    certificate = own(keystore, Usage.RECEIVE).certificate
    for days in (0, 20):
        keystore.issuers.publish(at=AT + timedelta(days=days))
        at = AT + timedelta(days=days, hours=1)
        assert keystore.trust().state(certificate, Usage.RECEIVE, ADDRESS, at).value == "revoked"
    (entry,) = x509.load_der_x509_crl(keystore.crls()["issuing.crl"])
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    with pytest.raises(TrustDomainError):
        keystore.revoke("personne@officine.mssante.test", Usage.SIGN, at=AT)


def test_numbers_of_lists_only_grow(domain_files: Path) -> None:
    def number() -> int:
        crl = x509.load_der_x509_crl(Keystore.open(domain_files).crls()["issuing.crl"])
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    numbers = [number()]
    for _ in range(3):
        Keystore.open(domain_files).issuers.publish(at=AT)
        numbers.append(number())
    assert numbers == sorted(set(numbers))


def test_revoking_twice_keeps_the_first_entry_and_reasons_are_words_of_the_standard() -> None:
    root = new_domain(" DEUX").root
    root.revoke(5, at=AT)
    root.revoke(5, at=AT + timedelta(days=1), reason="keyCompromise")
    (entry,) = x509.load_der_x509_crl(root.crl(AT))
    assert entry.revocation_date_utc == AT.replace(microsecond=0)
    assert len(entry.extensions) == 0
    with pytest.raises(ValueError, match="boredom"):
        root.revoke(6, at=AT, reason="boredom")


@pytest.mark.slow
def test_a_renewed_server_has_the_hosts_of_before_unless_it_is_told_others(domain_files: Path) -> None:
    store = Keystore.open(domain_files)

    def shown() -> tuple[list[str], int]:
        facts = read_certificate(certificate_in(store.server.read_bytes()))
        return hosts_of(facts), facts.serial

    hosts, serial = shown()
    assert tuple(hosts) == HOSTS
    store.renew_server(at=AT)
    again, other = shown()
    assert (again, other != serial) == (hosts, True)
    store.renew_server(["imap.autre.test"], at=AT)
    assert shown()[0] == ["imap.autre.test"]


def test_sixty_mailboxes_take_a_few_seconds(tmp_path: Path) -> None:
    start = time.process_time()
    keystore = Keystore.create(tmp_path / "trust", at=AT, base=BASE, hosts=HOSTS)
    keystore.issue([replace(HOLDER, name=f"boite{one}@officine.mssante.test") for one in range(60)], at=AT)
    assert len(keystore.addresses()) == 60
    assert time.process_time() - start < 20, "CPU seconds of all threads: 10, whoever else works on the machine"


# What users import


def test_the_exports_are_what_their_names_say(keystore: Keystore) -> None:
    files = authority_files(keystore) | revocation_files(keystore)
    root, issuing = keystore.authorities
    assert files["ca.der"] == root
    assert files["ca.pem"].decode().startswith(ssl.DER_cert_to_PEM_cert(root).rstrip())
    assert files["ca.pem"].count(b"BEGIN CERTIFICATE") == 2
    assert files["crl.pem"].count(b"BEGIN X509 CRL") == 2
    assert x509.load_der_x509_crl(files["issuing.crl"]).issuer == x509.load_der_x509_certificate(issuing).subject


def test_a_bundle_holds_both_keys_and_comes_back(keystore: Keystore) -> None:
    identities = [own(keystore, usage) for usage in (Usage.SIGN, Usage.RECEIVE)]
    octets = write_bundle(identities, "phrase secrète", "Pharmacie")
    found = read_bundle(octets, "phrase secrète")
    assert {one.certificate: one.key.reveal() for one in found} == {
        one.certificate: one.key.reveal() for one in identities
    }
    assert {one.chain for one in found} == {identities[0].chain}


def test_a_wrong_passphrase_or_a_changed_bundle_is_refused(keystore: Keystore) -> None:
    octets = write_bundle([own(keystore, Usage.SIGN)], "phrase", "Pharmacie")
    with pytest.raises(BadBundle):
        read_bundle(octets, "autre")
    for at in range(0, len(octets), 97):
        with pytest.raises(BadBundle):
            read_bundle(octets[:at] + bytes([octets[at] ^ 4]) + octets[at + 1 :], "phrase")
    with pytest.raises(BadBundle):
        read_bundle(compatible_bundle(own(keystore, Usage.SIGN), "phrase", "Pharmacie"), "phrase")


def with_rounds(octets: bytes, rounds: int) -> bytes:
    version, content, mac = der.parse(octets).children()
    digest, salt, _ = mac.children()
    return der.sequence(
        version.octets, content.octets, der.sequence(digest.octets, salt.octets, der.integer(rounds))
    )  # fmt: skip


def test_a_bundle_that_would_cost_a_minute_or_holds_something_else_is_refused_at_once(keystore: Keystore) -> None:
    octets = write_bundle([own(keystore, Usage.SIGN)], "phrase", "Pharmacie")
    version, _, mac = der.parse(octets).children()
    other = der.sequence(version.octets, der.sequence(SIGNED_DATA, der.context(0, der.octet_string(b""))), mac.octets)
    assert read_bundle(with_rounds(octets, 2_048), "phrase")
    for refused in (with_rounds(octets, 0), with_rounds(octets, 2**40), other):
        with pytest.raises(BadBundle):
            read_bundle(refused, "phrase")


def test_a_certificate_without_its_key_is_no_identity_of_a_bundle(keystore: Keystore) -> None:
    """The authority's certificate lies in the bundle too, and comes back as part of the chain."""
    (found,) = read_bundle(write_bundle([own(keystore, Usage.SIGN)], "phrase", "Pharmacie"), "phrase")
    assert found.chain == (keystore.authorities[1],)


# Files with certificates and keys


def test_a_certificate_is_found_in_pem_and_der(keystore: Keystore) -> None:
    certificate = own(keystore, Usage.SIGN).certificate
    pem = ssl.DER_cert_to_PEM_cert(certificate).encode()
    assert certificate_in(certificate) == certificate_in(b"key first\n" + pem) == certificate
    for damaged in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", certificate[:-1]):
        with pytest.raises(BadCertificate):
            certificate_in(damaged)


def test_keys_that_nothing_here_uses_are_told_so(keystore: Keystore) -> None:
    signing = own(keystore, Usage.SIGN)
    key = ed25519.Ed25519PrivateKey.generate()
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(BadCertificate, match="kind"):
        load_key(Secret(pkcs8))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Carlos")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(AT).not_valid_after(AT + timedelta(days=1)).sign(key, None)
    )  # fmt: skip
    facts = read_certificate(certificate.public_bytes(Encoding.DER))
    assert (facts.public_key, facts.strong, key_name(facts)) == (None, False, "of another kind")
    assert key_name(read_certificate(signing.certificate)) == "RSA-2048"


# TLS


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a TLS connection that needs no network."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    done: set[int] = set()
    for turn in range(12):
        try:
            ends[turn % 2].do_handshake()
            done.add(turn % 2)
        except ssl.SSLWantReadError:
            continue
    assert done == {0, 1}
    return ends


def ca_pem(keystore: Keystore) -> bytes:
    return authority_files(keystore)["ca.pem"]


@pytest.mark.parametrize("name", HOSTS)
def test_a_client_that_trusts_the_authority_reaches_the_server_by_each_name(keystore: Keystore, name: str) -> None:
    client, _ = handshake(server_context(keystore.server), client_context(ca_pem(keystore)), name)
    assert client.version() == "TLSv1.3"


def test_another_name_or_another_authority_is_refused(keystore: Keystore, domain: Domain) -> None:
    server = server_context(keystore.server)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname"):
        handshake(server, client_context(ca_pem(keystore)), "ailleurs.test")
    other = ssl.DER_cert_to_PEM_cert(domain.root.identity.certificate).encode()
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, client_context(other), "localhost")


def test_tls_older_than_1_2_is_refused_and_1_2_is_not(keystore: Keystore) -> None:
    server, client = server_context(keystore.server), client_context(ca_pem(keystore))
    assert server.minimum_version is client.minimum_version is ssl.TLSVersion.TLSv1_2
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert handshake(server, client, "localhost")[0].version() == "TLSv1.2"


def test_a_client_certificate_is_asked_for_not_demanded(keystore: Keystore, domain: Domain, tmp_path: Path) -> None:
    server = server_context(keystore.server, client_ca=ca_pem(keystore))
    nobody, peer = client_context(ca_pem(keystore)), tmp_path / "peer.pem"
    assert handshake(server, nobody, "localhost")[1].getpeercert(True) is None
    keystore.issue_client("mx.autre.mssante.test", "AUTRE OPERATEUR", peer, at=AT)
    somebody = client_context(ca_pem(keystore), identity=peer)
    assert handshake(server, somebody, "localhost")[1].getpeercert(True) is not None


def test_the_channel_binding_is_the_hash_of_the_servers_certificate(keystore: Keystore, tmp_path: Path) -> None:
    """[RFC 5929 §4.1]: by the hash of its signature; there is none for a signature without a hash of its own."""
    (certificate,) = [x509.load_pem_x509_certificates(keystore.server.read_bytes())[0]]
    assert server_end_point(keystore.server) == certificate.fingerprint(SHA256())
    key, name = ed25519.Ed25519PrivateKey.generate(), certificate.subject
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(AT).not_valid_after(AT + timedelta(days=1)).sign(key, None)
    )  # fmt: skip
    (tmp_path / "own.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    assert server_end_point(tmp_path / "own.pem") is None


async def test_a_connection_is_cut_even_while_tls_is_closing(keystore: Keystore) -> None:
    """The second time there is nothing left to abort, which some versions of Python report as an error."""
    server = await asyncio.start_server(
        lambda _, writer: cut(writer.transport), "127.0.0.1", 0, ssl=server_context(keystore.server)
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client_context(ca_pem(keystore)), server_hostname="localhost"
        )
        (shown, *_) = x509.load_pem_x509_certificates(keystore.server.read_bytes())
        assert peer_certificate(writer.transport) == shown.public_bytes(Encoding.DER)
        assert peer_certificate(None) is None
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        cut(writer.transport)
        cut(writer.transport)


def test_tls_buffers_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio.sslproto  # noqa: PLC0415  (what is changed)

    monkeypatch.setattr(asyncio.sslproto.SSLProtocol, "max_size", 256 * 1024)
    limit_tls_buffers()
    assert asyncio.sslproto.SSLProtocol.max_size == 16 * 1024 + 512
    monkeypatch.delattr(asyncio.sslproto.SSLProtocol, "max_size")
    limit_tls_buffers()
    assert not hasattr(asyncio.sslproto.SSLProtocol, "max_size")


def test_profiles_make_keys_of_their_length() -> None:
    assert (profiles.ROOT.key_bits, profiles.SIGNING.key_bits) == (4096, 2048)
    made = Authority.create(replace(profiles.ROOT, key_bits=2048), "SIMULATEUR X", at=AT)
    leaf = made.issue(SIGNING, Subject(ADDRESS, "X"), at=AT, names=[ADDRESS])
    assert read_certificate(leaf.certificate).public_key.key_size == 2048  # type: ignore[union-attr]


def test_what_another_process_revoked_stays_revoked(tmp_path: Path) -> None:
    """A stack that is up publishes each day; a command may have revoked in between."""
    made = Keystore.create(tmp_path / "trust", at=AT, base=BASE, hosts=HOSTS)
    made.issue([HOLDER], at=AT)
    up = Keystore.open(made.path)
    made.revoke(HOLDER.name, Usage.SIGN, at=AT, reason="keyCompromise")
    up.issuers.publish(at=AT)
    signing = up.identity(HOLDER.name, Usage.SIGN)
    assert signing is not None
    assert up.trust().state(signing.certificate, Usage.SIGN, HOLDER.name, AT) is CertificateState.REVOKED


def test_what_is_judged_by_is_kept_until_another_process_changes_it(domain_files: Path) -> None:
    up = Keystore.open(domain_files)
    signing = own(up, Usage.SIGN).certificate
    before = up.current_trust()
    assert before.state(signing, Usage.SIGN, ADDRESS, AT) is CertificateState.VALID
    assert up.current_trust() is before
    Keystore.open(domain_files).revoke(ADDRESS, Usage.SIGN, at=AT, reason="keyCompromise")
    assert up.current_trust().state(signing, Usage.SIGN, ADDRESS, AT) is CertificateState.REVOKED
