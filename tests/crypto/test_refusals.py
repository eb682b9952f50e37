"""What the newer forms must refuse: altered authenticated content, weak or mismatched algorithms, foreign points."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from asn1crypto import algos, core
from asn1crypto import cms as asn1_cms
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.modes import GCM
from hypothesis import given, settings
from hypothesis import strategies as st

from mssante_sim.crypto import cms_envelope, content_encryption, der, smime
from mssante_sim.crypto.algorithms import AES_256_CBC, AES_256_GCM, SHA_256, SHA_384
from mssante_sim.crypto.broken.forging import Forgery, attribute
from mssante_sim.crypto.cms import content_of, tagged
from mssante_sim.crypto.cms_envelope import AUTH_ENVELOPED_DATA, CannotDecrypt, EnvelopeForm
from mssante_sim.crypto.cms_sign import SIGNING_CERTIFICATE, write_signed_data
from mssante_sim.crypto.content_encryption import NotAccepted
from mssante_sim.crypto.der import Malformed
from mssante_sim.crypto.identity import BadCertificate, Identity, load_key, private_key, read_certificate
from mssante_sim.crypto.key_management import Transport, Transported, key_for, read_recipient, write_recipient
from mssante_sim.crypto.keys import is_strong, new_key
from mssante_sim.crypto.profiles import RECEIVING, RECEIVING_P256, RECEIVING_P384, SIGNING, SIGNING_P256, KeyUse, Usage
from mssante_sim.crypto.signatures import ecdsa, pkcs1, pss, read_scheme
from mssante_sim.crypto.trust import CertificateState, accepts_usage
from mssante_sim.crypto.verify import FromMatches, VerificationFailed, verify
from tests.crypto.conftest import ADDRESS, AT, Domain
from tests.crypto.forgery import ENTITY, multipart

GCM_FORM, CBC_FORM = EnvelopeForm(AES_256_GCM), EnvelopeForm(AES_256_CBC)
Change = Callable[[Any], None]


@pytest.fixture(scope="module")
def curve(domain: Domain) -> Identity:
    return domain.leaf(RECEIVING_P256)


def altered(recipient: Identity, form: EnvelopeForm, change: Change) -> bytes:
    info = asn1_cms.ContentInfo.load(b"".join(cms_envelope.encrypt(ENTITY, [recipient.certificate], form)))
    change(info["content"])
    return bytes(info.dump(force=True))


def flip(octets: bytes, at: int = 0) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


# Authenticated content


def other_tag(data: Any) -> None:
    data["mac"] = flip(data["mac"].native)


def short_tag(data: Any) -> None:
    data["mac"] = data["mac"].native[:12]


def replace_parameters(data: Any, nonce: bytes, tag_octets: int) -> None:
    algorithm = data["auth_encrypted_content_info"]["content_encryption_algorithm"]
    algorithm["parameters"] = core.Any(core.load(der.sequence(nonce, der.integer(tag_octets))))


def other_content(data: Any) -> None:
    content = data["auth_encrypted_content_info"]
    content["encrypted_content"] = flip(content["encrypted_content"].native, 5)


def other_attributes(data: Any) -> None:
    data["auth_attrs"] = [{"type": "content_type", "values": ["data"]}]


@pytest.mark.parametrize("change", [other_tag, short_tag, other_content, other_attributes])
def test_an_altered_authenticated_envelope_opens_for_nobody(domain: Domain, change: Change) -> None:
    with pytest.raises(CannotDecrypt):
        cms_envelope.decrypt(altered(domain.receiving, GCM_FORM, change), [domain.receiving])


@given(st.integers(0, len(ENTITY) - 1), st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_every_octet_of_the_content_is_authenticated(domain: Domain, at: int, by: int) -> None:
    octets = b"".join(cms_envelope.encrypt(ENTITY, [domain.receiving.certificate], GCM_FORM))
    place = len(octets) - 18 - len(ENTITY) + at
    with pytest.raises(CannotDecrypt):
        cms_envelope.decrypt(octets[:place] + bytes([octets[place] ^ by]) + octets[place + 1 :], [domain.receiving])


def test_authenticated_attributes_count_as_a_set(domain: Domain) -> None:
    """Made by hand with the library's own GCM, since openssl writes none."""
    made = asn1_cms.ContentInfo.load(b"".join(cms_envelope.encrypt(b"x", [domain.receiving.certificate], GCM_FORM)))
    data = made["content"]
    key = private_key(domain.receiving).decrypt(  # type: ignore[union-attr]  # an RSA key
        data["recipient_infos"][0].chosen["encrypted_key"].native, PKCS1v15()
    )
    other_attributes(data)
    nonce = bytes(12)
    encryptor = content_encryption.Cipher(content_encryption.AES(key), GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(data["auth_attrs"].untag().dump(force=True))
    data["auth_encrypted_content_info"]["encrypted_content"] = encryptor.update(ENTITY) + encryptor.finalize()
    replace_parameters(data, der.octet_string(nonce), 16)
    data["mac"] = encryptor.tag
    assert cms_envelope.decrypt(made.dump(force=True), [domain.receiving]) == ENTITY


@pytest.mark.parametrize("tag_octets", [4, 8, 11, 17])
def test_tags_of_unlikely_lengths_are_not_accepted(domain: Domain, tag_octets: int) -> None:
    def change(data: Any) -> None:
        replace_parameters(data, der.octet_string(bytes(12)), tag_octets)

    with pytest.raises(NotAccepted):
        cms_envelope.decrypt(altered(domain.receiving, GCM_FORM, change), [domain.receiving])


@pytest.mark.parametrize("octets", [0, 8, 11, 17, 64])
def test_nonces_of_unlikely_lengths_are_not_accepted(domain: Domain, octets: int) -> None:
    def change(data: Any) -> None:
        replace_parameters(data, der.octet_string(bytes(octets)), 16)

    with pytest.raises(NotAccepted):
        cms_envelope.decrypt(altered(domain.receiving, GCM_FORM, change), [domain.receiving])


def test_a_tag_of_twelve_octets_may_be_left_unsaid(domain: Domain) -> None:
    def change(data: Any) -> None:
        algorithm = data["auth_encrypted_content_info"]["content_encryption_algorithm"]
        nonce = bytes(core.load(algorithm["parameters"].dump())[0])
        algorithm["parameters"] = core.Any(core.load(der.sequence(der.octet_string(nonce))))
        data["mac"] = data["mac"].native[:12]

    assert cms_envelope.decrypt(altered(domain.receiving, GCM_FORM, change), [domain.receiving]) == ENTITY


def test_a_cipher_of_the_other_kind_is_refused(domain: Domain) -> None:
    """CBC in an envelope that claims to be authenticated, and GCM in one that does not, without its tag."""
    octets = b"".join(cms_envelope.encrypt(ENTITY, [domain.receiving.certificate], GCM_FORM))
    version, infos, content, tag = content_of(octets, AUTH_ENVELOPED_DATA, 4)
    plain = der.sequence(version.octets, infos.octets, content.octets)
    with pytest.raises(CannotDecrypt):
        cms_envelope.decrypt(der.sequence(cms_envelope.ENVELOPED_DATA, der.context(0, plain)), [domain.receiving])
    octets = b"".join(cms_envelope.encrypt(ENTITY, [domain.receiving.certificate], CBC_FORM))
    version, infos, content = content_of(octets, cms_envelope.ENVELOPED_DATA, 3)
    claimed = der.sequence(version.octets, infos.octets, content.octets, tag.octets)
    with pytest.raises(CannotDecrypt):
        cms_envelope.decrypt(der.sequence(AUTH_ENVELOPED_DATA, der.context(0, claimed)), [domain.receiving])


def test_without_a_tag_nothing_is_authenticated(domain: Domain) -> None:
    octets = b"".join(cms_envelope.encrypt(ENTITY, [domain.receiving.certificate], GCM_FORM))
    fields = content_of(octets, AUTH_ENVELOPED_DATA, 4)
    for rest in ((), (der.tlv(der.NULL),), (der.context(1),)):
        claimed = der.sequence(*(one.octets for one in fields[:3]), *rest)
        with pytest.raises(Malformed):
            cms_envelope.decrypt(der.sequence(AUTH_ENVELOPED_DATA, der.context(0, claimed)), [domain.receiving])


# Keys on a curve


def replaced(octets: bytes, old: bytes, new: bytes) -> bytes:
    assert octets.count(old) == 1
    return octets.replace(old, new)


def agreement(curve: Identity) -> tuple[bytes, bytes]:
    """An envelope, and the point in it; authenticated, so that a random key instead is always found wrong."""
    octets = b"".join(cms_envelope.encrypt(ENTITY, [curve.certificate], GCM_FORM))
    data = asn1_cms.ContentInfo.load(octets)["content"]
    originator = data["recipient_infos"][0].chosen["originator"].chosen
    return octets, bytes(originator["public_key"].native)


def test_a_point_off_the_curve_is_not_multiplied(curve: Identity) -> None:
    octets, point = agreement(curve)
    for other in (flip(point, 40), bytes([4]) + bytes(64), bytes([5]) + point[1:], bytes([4]) + b"\xff" * 64):
        with pytest.raises(CannotDecrypt):
            cms_envelope.decrypt(replaced(octets, point, other), [curve])


def test_a_point_may_be_compressed(curve: Identity, domain: Domain) -> None:
    """The sender's key enters no derivation, so it may be written either way.  [RFC 5480 §2.2]"""
    octets, point = agreement(curve)
    data = asn1_cms.ContentInfo.load(octets)
    originator = data["content"]["recipient_infos"][0].chosen["originator"].chosen
    originator["public_key"] = bytes([2 + point[-1] % 2]) + point[1:33]
    assert cms_envelope.decrypt(data.dump(force=True), [curve]) == ENTITY


def test_a_key_on_another_curve_opens_nothing(domain: Domain) -> None:
    other = domain.leaf(RECEIVING_P384)
    octets, _ = agreement(domain.leaf(RECEIVING_P256))
    certificate = read_certificate(other.certificate)
    data = asn1_cms.ContentInfo.load(octets)
    rid = data["content"]["recipient_infos"][0].chosen["recipient_encrypted_keys"][0]["rid"].chosen
    rid["serial_number"] = certificate.serial
    with pytest.raises(CannotDecrypt):
        cms_envelope.decrypt(data.dump(force=True), [other])


def test_an_rsa_key_named_in_an_agreement_opens_nothing(domain: Domain, curve: Identity) -> None:
    octets, _ = agreement(curve)
    serial = read_certificate(domain.receiving.certificate).serial
    data = asn1_cms.ContentInfo.load(octets)
    data["content"]["recipient_infos"][0].chosen["recipient_encrypted_keys"][0]["rid"].chosen["serial_number"] = serial
    with pytest.raises(NotAccepted):
        cms_envelope.decrypt(data.dump(force=True), [domain.receiving])


AGREEMENT = bytes.fromhex("06062b8104010b01")  # dhSinglePass-stdDH-sha256kdf-scheme
WRAP = bytes.fromhex("060960864801650304012d")  # AES-256 wrap
OTHERS = {
    "another agreement": (AGREEMENT, bytes.fromhex("06062b8104010e01")),  # with cofactor
    "another wrap": (WRAP, bytes.fromhex("060960864801650304012f")),
    "no curve key": (bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0203")),
}


@pytest.mark.parametrize(("old", "new"), OTHERS.values(), ids=OTHERS.keys())
def test_agreements_of_other_kinds_are_not_accepted(curve: Identity, old: bytes, new: bytes) -> None:
    octets = replaced(agreement(curve)[0], old, new)
    assert cms_envelope.recipients(octets) == []
    with pytest.raises(NotAccepted):
        cms_envelope.decrypt(octets, [curve])


@given(st.data())
@pytest.mark.slow
@settings(max_examples=200, deadline=None)
def test_a_broken_envelope_raises_our_errors_only(domain: Domain, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from([EnvelopeForm(AES_256_GCM, Transport.OAEP), CBC_FORM, GCM_FORM]))
    recipients = [domain.receiving, _curve(domain)]
    octets = b"".join(cms_envelope.encrypt(ENTITY, [one.certificate for one in recipients], form))
    at = data.draw(st.integers(0, len(octets) - 1))
    broken = octets[:at] + bytes([data.draw(st.integers(0, 255))]) + octets[at + 1 :]
    for own in recipients:
        try:
            content = cms_envelope.decrypt(broken, [own])
        except (Malformed, CannotDecrypt):
            continue
        assert content == ENTITY or not form.cipher.authenticated, "what is authenticated is right, or is not given out"


_CURVES: dict[int, Identity] = {}


def _curve(domain: Domain) -> Identity:
    return _CURVES.setdefault(id(domain), domain.leaf(RECEIVING_P256))


# OAEP


@pytest.mark.parametrize("transport", Transport)
def test_a_wrong_key_and_a_wrong_padding_look_alike(domain: Domain, transport: Transport) -> None:
    def change(data: Any) -> None:
        info = data["recipient_infos"][0].chosen
        info["encrypted_key"] = flip(info["encrypted_key"].native, 100)

    texts = set()
    for alter in (change, other_content):
        with pytest.raises(CannotDecrypt) as caught:
            cms_envelope.decrypt(
                altered(domain.receiving, EnvelopeForm(AES_256_GCM, transport), alter), [domain.receiving]
            )
        texts.add((type(caught.value), caught.value.public, caught.value.detail))
    assert len(texts) == 1


def oaep(**parameters: Any) -> Change:
    def change(data: Any) -> None:
        info = data["recipient_infos"][0].chosen
        info["key_encryption_algorithm"] = {"algorithm": "rsaes_oaep", "parameters": parameters}

    return change


def no_parameters(data: Any) -> None:
    data["recipient_infos"][0].chosen["key_encryption_algorithm"] = asn1_cms.KeyEncryptionAlgorithm.load(
        der.sequence(der.object_identifier("1.2.840.113549.1.1.7"))
    )


REFUSED: dict[str, Change] = {
    "MD5": oaep(hash_algorithm={"algorithm": "md5"}),
    "MGF1 with MD5": oaep(mask_gen_algorithm={"algorithm": "mgf1", "parameters": {"algorithm": "md5"}}),
    "a label": oaep(p_source_algorithm={"algorithm": "p_specified", "parameters": b"label"}),
    "no parameters": no_parameters,
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
def test_oaep_of_other_kinds_is_not_accepted(domain: Domain, change: Change) -> None:
    octets = altered(domain.receiving, EnvelopeForm(AES_256_GCM, Transport.OAEP), change)
    assert cms_envelope.recipients(octets) == []
    with pytest.raises(NotAccepted):
        cms_envelope.decrypt(octets, [domain.receiving])


def test_oaep_may_say_that_its_label_is_empty(domain: Domain) -> None:
    info = der.parse(write_recipient(read_certificate(domain.receiving.certificate), bytes(32), Transport.OAEP))
    version, named, algorithm, encrypted = (one.octets for one in info.children())
    oid, parameters = der.parse(algorithm).children()
    for label, expected in ((b"", True), (b"label", False)):
        said = der.context(2, der.sequence(der.object_identifier("1.2.840.113549.1.1.9"), der.octet_string(label)))
        explicit = der.sequence(oid.octets, der.sequence(parameters.content, said))
        (recipient,) = read_recipient(der.parse(der.sequence(version, named, explicit, encrypted)))
        assert isinstance(recipient, Transported) is expected
        assert not expected or key_for(recipient, private_key(domain.receiving), 32) == bytes(32)


# Signature schemes


def parsed(scheme: bytes) -> der.Element:
    return der.parse(scheme)


def test_a_scheme_comes_back_as_written() -> None:
    for digest in (SHA_256, SHA_384):
        for make in (pkcs1, pss, ecdsa):
            assert read_scheme(parsed(make(digest).identifier), digest) == make(digest)


@pytest.mark.parametrize("make", [pss, ecdsa])
def test_a_scheme_beside_another_digest_is_not_accepted(make: Any) -> None:
    assert read_scheme(parsed(make(SHA_256).identifier), SHA_384) is None


@pytest.mark.parametrize("make", [pkcs1, ecdsa])
def test_a_scheme_with_parameters_where_none_belong_is_not_accepted(make: Any) -> None:
    oid = parsed(make(SHA_256).identifier).children()[0].octets
    assert read_scheme(parsed(der.sequence(oid, der.tlv(der.NULL))), SHA_256) is not None
    assert read_scheme(parsed(der.sequence(oid, der.sequence())), SHA_256) is None


def pss_with(**parameters: Any) -> bytes:
    return bytes(algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters}).dump())


SHA256 = {"algorithm": "sha256"}
MGF_SHA256 = {"algorithm": "mgf1", "parameters": SHA256}
PSS_REFUSED = {
    "SHA-1": {
        "hash_algorithm": {"algorithm": "sha1"},
        "mask_gen_algorithm": MGF_SHA256,
    },
    "MGF1 with SHA-1 unsaid": {"hash_algorithm": SHA256},
    "MGF1 with another": {
        "hash_algorithm": SHA256,
        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha384"}},
    },
    "another trailer": {
        "hash_algorithm": SHA256,
        "mask_gen_algorithm": MGF_SHA256,
        "trailer_field": 2,
    },
}


@pytest.mark.parametrize("parameters", PSS_REFUSED.values(), ids=PSS_REFUSED.keys())
def test_pss_of_other_kinds_is_not_accepted(parameters: Any) -> None:
    assert read_scheme(parsed(pss_with(**parameters)), SHA_256) is None


@pytest.mark.parametrize("parameters", [(), (der.sequence(),)], ids=["absent", "empty"])
def test_pss_that_says_nothing_means_sha1_and_is_not_accepted(parameters: tuple[bytes, ...]) -> None:
    assert (
        read_scheme(parsed(der.sequence(der.object_identifier("1.2.840.113549.1.1.10"), *parameters)), SHA_256) is None
    )


def test_pss_without_a_salt_length_has_twenty() -> None:
    good = {"hash_algorithm": SHA256, "mask_gen_algorithm": MGF_SHA256}
    read = read_scheme(parsed(pss_with(**good)), SHA_256)
    assert read is not None
    assert read.salt == 20
    with pytest.raises(Malformed):
        read_scheme(parsed(pss_with(**good, salt_length=2_000)), SHA_256)


def test_a_scheme_signs_only_with_the_key_it_needs(domain: Domain) -> None:
    curve_signer = domain.leaf(SIGNING_P256)
    for signer, scheme in ((domain.signing, ecdsa()), (curve_signer, pss()), (curve_signer, pkcs1())):
        with pytest.raises(BadCertificate):
            smime.sign(ENTITY, signer, at=AT, scheme=scheme)


def test_a_scheme_holds_for_no_key_of_another_kind(domain: Domain) -> None:
    """Else an ECDSA that names an RSA certificate would be checked as whatever that key can do."""
    rsa, curve = (read_certificate(one.certificate).public_key for one in (domain.signing, domain.leaf(SIGNING_P256)))
    assert rsa is not None
    assert curve is not None
    signature = pkcs1().sign(private_key(domain.signing), ENTITY)
    assert pkcs1().holds(rsa, signature, ENTITY)
    assert not ecdsa().holds(rsa, signature, ENTITY)
    assert not pkcs1().holds(curve, signature, ENTITY)


@pytest.mark.parametrize("named", ["rsassa_pkcs1v15", "sha256_rsa"])
def test_step_1_an_rsa_scheme_with_a_curves_certificate(domain: Domain, named: str) -> None:
    data = asn1_cms.ContentInfo.load(write_signed_data(ENTITY, domain.leaf(SIGNING_P256), at=AT))
    data["content"]["signer_infos"][0]["signature_algorithm"] = {"algorithm": named}
    assert failure(data.dump(force=True), domain) == 1


def failure(signature: bytes, domain: Domain) -> int:
    with pytest.raises(VerificationFailed) as caught:
        verify(multipart(ENTITY, signature), domain.trust(), FromMatches(ADDRESS), at=AT)
    return caught.value.step


# The certificate that a signature names


def test_step_3_a_signature_does_not_fit_another_certificate_of_its_key(domain: Domain) -> None:
    """Same key, same name, other certificate: the signed attribute tells them apart."""
    twin = domain.leaf(SIGNING, key=domain.signing.key)
    signature = write_signed_data(ENTITY, domain.signing, at=AT)
    data = asn1_cms.ContentInfo.load(signature)
    info = data["content"]["signer_infos"][0]
    info["sid"].chosen["serial_number"] = read_certificate(twin.certificate).serial
    data["content"]["certificates"].append(asn1_cms.CertificateChoices.load(twin.certificate))
    assert failure(data.dump(force=True), domain) == 3


def named(domain: Domain, value: bytes) -> bytes:
    """A true signature whose attribute signing-certificate-v2 holds `value`."""
    return Forgery(domain.signing, ENTITY, AT, further=(attribute(SIGNING_CERTIFICATE, value),)).signed_data()


DIGEST = {name: der.sequence(der.object_identifier(oid)) for name, oid in (
    ("sha1", "1.3.14.3.2.26"), ("sha512", "2.16.840.1.101.3.4.2.3"),
)}  # fmt: skip


def test_other_digests_may_name_it(domain: Domain) -> None:
    digest = hashlib.sha512(domain.signing.certificate).digest()
    value = der.sequence(der.sequence(der.sequence(DIGEST["sha512"], der.octet_string(digest))))
    proved = verify(multipart(ENTITY, named(domain, value)), domain.trust(), FromMatches(ADDRESS), at=AT)
    assert proved.names_certificate


NAMED_WRONG = {
    "SHA-1": der.sequence(der.sequence(der.sequence(DIGEST["sha1"], der.octet_string(bytes(20))))),
    "another digest": der.sequence(der.sequence(der.sequence(der.octet_string(bytes(32))))),
    "no digest": der.sequence(der.sequence(der.sequence(DIGEST["sha512"]))),
    "nothing": der.sequence(der.sequence()),
    "no sequence": der.integer(1),
}


@pytest.mark.parametrize("value", NAMED_WRONG.values(), ids=NAMED_WRONG.keys())
def test_step_3_a_certificate_named_in_another_way(domain: Domain, value: bytes) -> None:
    assert failure(named(domain, value), domain) == 3


# Keys and usages


def test_the_floor_for_keys(domain: Domain) -> None:
    assert is_strong(read_certificate(domain.signing.certificate).public_key)
    assert not is_strong(None)
    for bits in (1024, 2047):
        assert not is_strong(_public(new_key(bits)))
    assert is_strong(_public(new_key(0, "P-384")))


def _public(key: Any) -> Any:
    return load_key(key).public_key()


def test_a_curves_key_receives_by_agreement_and_an_rsa_key_by_encipherment(domain: Domain) -> None:
    swapped = (
        replace(RECEIVING, uses=frozenset({KeyUse.KEY_AGREEMENT})),
        replace(RECEIVING_P256, uses=frozenset({KeyUse.KEY_ENCIPHERMENT})),
    )
    for good, bad in zip((RECEIVING, RECEIVING_P256), swapped, strict=True):
        assert accepts_usage(read_certificate(domain.leaf(good).certificate), Usage.RECEIVE)
        assert (
            domain.trust().state(domain.leaf(bad).certificate, Usage.RECEIVE, ADDRESS, AT)
            is CertificateState.WRONG_USAGE
        )


def test_explicit_tags_stand_in_order_and_once() -> None:
    one, two = der.context(0, der.integer(1)), der.context(1, der.integer(2))
    assert {number: field.number() for number, field in tagged(der.parse(der.sequence(one, two))).items()} == {
        0: 1,
        1: 2,
    }
    for fields in ((two, one), (one, one), (der.integer(1),), (der.context(0),)):
        with pytest.raises(Malformed):
            tagged(der.parse(der.sequence(*fields)))
