"""Entities go in and come out octet for octet, ours and those of others."""

import base64
import pickle
import subprocess
from dataclasses import replace
from email import message_from_bytes
from typing import Any

import pytest
from asn1crypto import cms
from hypothesis import given, settings
from hypothesis import strategies as st

from mssante_sim.crypto import base64_lines, cms_envelope, smime
from mssante_sim.crypto.cms_envelope import CannotDecrypt
from mssante_sim.crypto.cms_sign import read_signed_data, write_signed_data
from mssante_sim.crypto.der import Malformed
from mssante_sim.crypto.identity import BadCertificate, Identity, read_certificate
from mssante_sim.crypto.profiles import RECEIVING, SIGNING
from mssante_sim.crypto.smime import NotCanonical, NotSmime, Protection
from tests.crypto.conftest import AT, Domain
from tests.crypto.forgery import ENTITY, altered, multipart, opaque

# Base64


@given(st.lists(st.binary(max_size=200)))
def test_pieces_are_encoded_as_if_joined(pieces: list[bytes]) -> None:
    joined = b"".join(pieces)
    encoded = b"".join(base64_lines.encode(pieces))
    assert encoded == base64.encodebytes(joined).replace(b"\n", b"\r\n")
    assert base64_lines.encoded_size(len(joined)) == len(encoded)
    assert base64_lines.decode(memoryview(encoded)) == joined


@pytest.mark.parametrize("size", [57 * 256 - 1, 57 * 256, 57 * 256 + 1, 57 * 700, 1_300_000])
def test_long_pieces_are_cut_into_lines_of_76(size: int) -> None:
    octets = bytes(range(251)) * (size // 251 + 1)
    encoded = b"".join(base64_lines.encode([memoryview(octets)[:size]]))
    assert {len(line) for line in encoded.split(b"\r\n")[:-2]} <= {76}
    assert base64_lines.decode(memoryview(encoded)) == octets[:size]


@pytest.mark.parametrize("text", [b"YWJj\r\nZGVm", b" YW\tJjZGVm\r\n", b"YWJjZG\nVm"])
def test_lines_may_be_of_any_length(text: bytes) -> None:
    assert base64_lines.decode(memoryview(text)) == b"abcdef"


@pytest.mark.parametrize("text", [b"YWJ", b"YWJj!", b"YW==YWJj", b"YWJj-_8="])
def test_what_is_not_base64_is_refused(text: bytes) -> None:
    with pytest.raises(base64_lines.NotBase64):
        base64_lines.decode(memoryview(text))


# Signing


def test_a_signed_entity_holds_the_entity_untouched(domain: Domain) -> None:
    signed = smime.sign(ENTITY, domain.signing, at=AT)
    parsed = message_from_bytes(signed)
    assert parsed.get_content_type() == "multipart/signed"
    assert parsed.get_param("protocol") == "application/pkcs7-signature"
    assert parsed.get_param("micalg") == "sha-256"
    first, second = parsed.get_payload()  # type: ignore[misc]  # two parts
    assert second.get_content_type() == "application/pkcs7-signature"  # type: ignore[union-attr]
    assert signed.count(ENTITY) == 1
    assert first.as_bytes().replace(b"\n", b"\r\n") == ENTITY  # type: ignore[union-attr]
    assert smime.signature_of(signed).content == ENTITY


def test_every_line_ends_with_crlf_and_is_short(domain: Domain) -> None:
    signed = smime.sign(ENTITY, domain.signing, at=AT)
    for octets in (signed, smime.envelop(signed, [domain.receiving.certificate])):
        assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
        assert octets.endswith(b"\r\n")
        assert max(map(len, octets.split(b"\r\n"))) <= 78


BARE = [b"a\n", b"a\r", b"a\rb\r\n", b"\n\r\n", b"a\r\n\n", b"a" * 65_535 + b"\r\r\n", b"a" * 65_535 + b"\n"]


@pytest.mark.parametrize("body", BARE)
def test_a_bare_line_end_is_not_signed(domain: Domain, body: bytes) -> None:
    with pytest.raises(NotCanonical):
        smime.sign(b"Content-Type: text/plain\r\n\r\n" + body, domain.signing, at=AT)


@pytest.mark.parametrize("length", [65_534, 65_535, 65_536, 131_071])
def test_crlf_may_fall_anywhere(domain: Domain, length: int) -> None:
    entity = b"a" * length + b"\r\nb"
    assert smime.signature_of(smime.sign(entity, domain.signing, at=AT)).content == entity


def test_another_reader_finds_all_that_was_said(domain: Domain) -> None:
    signature = smime.signature_of(smime.sign(ENTITY, domain.signing, at=AT, also=[domain.receiving.certificate])).cms
    data = cms.ContentInfo.load(signature, strict=True)["content"]
    assert data["version"].native == "v1"
    assert data["encap_content_info"]["content"].native is None
    held = {one.dump() for one in data["certificates"]}
    issuing = domain.issuing.identity.certificate
    assert held == {domain.signing.certificate, domain.receiving.certificate, issuing}
    (info,) = data["signer_infos"]
    assert info["digest_algorithm"]["algorithm"].native == "sha256"
    assert info["sid"].native["serial_number"] == read_certificate(domain.signing.certificate).serial
    said = {one["type"].native: one["values"] for one in info["signed_attrs"]}
    assert said["signing_time"][0].native == AT
    assert said["content_type"][0].native == "data"
    preferred = said["encrypt_key_pref"][0].dump()
    assert preferred[0] == 0xA0  # issuerAndSerialNumber, implicit  [RFC 8551 §2.5.3]
    assert b"\x30" + preferred[1:] == read_certificate(domain.receiving.certificate).issuer_and_serial
    # What was signed is DER: the order of the set is that of its octets.
    assert info["signed_attrs"].untag().dump(force=True) == info["signed_attrs"].untag().dump()


def test_capabilities_name_aes_256_first(domain: Domain) -> None:
    signature = smime.signature_of(smime.sign(ENTITY, domain.signing, at=AT)).cms
    text = subprocess.run(
        ["openssl", "asn1parse", "-inform", "DER"], input=signature, capture_output=True, check=True
    ).stdout.decode()
    after = text[text.index("S/MIME Capabilities") :]
    assert 0 < after.index("aes-256-cbc") < after.index("aes-128-cbc")
    assert "2.11" not in after.split("rsaEncryption")[0], "no receiving certificate, no preference"


# Envelopes


@given(st.binary(max_size=70))
@settings(max_examples=60, deadline=None)
def test_any_content_comes_back(domain: Domain, content: bytes) -> None:
    own = [domain.other, domain.receiving]
    assert smime.decrypt(smime.envelop(content, [domain.receiving.certificate]), own) == content


@pytest.mark.parametrize("size", [57 * 1024 - 1, 57 * 1024, 57 * 1024 + 16, 3_000_000])
def test_long_content_comes_back(domain: Domain, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    enveloped = smime.envelop(content, [domain.receiving.certificate])
    assert smime.decrypt(enveloped, [domain.receiving]) == content


def test_each_recipient_opens_it_and_nobody_else(domain: Domain) -> None:
    certificates = [domain.receiving.certificate, domain.other.certificate]
    enveloped = smime.envelop(ENTITY, certificates)
    for own in (domain.receiving, domain.other):
        assert smime.decrypt(enveloped, [own]) == ENTITY
        assert any(one.names(read_certificate(own.certificate)) for one in smime.recipients_of(enveloped))
    with pytest.raises(CannotDecrypt):
        smime.decrypt(enveloped, [domain.signing])
    assert len(smime.recipients_of(smime.envelop(ENTITY, certificates * 2))) == 2


def test_keys_vectors_and_boundaries_are_never_the_same(domain: Domain) -> None:
    certificates = [domain.receiving.certificate]
    assert len({smime.envelop(b"", certificates) for _ in range(20)}) == 20
    assert len({smime.sign(ENTITY, domain.signing, at=AT) for _ in range(20)}) == 20


def test_an_entity_in_a_message_is_found_among_its_fields(domain: Domain) -> None:
    message = b"From: a@b.test\r\nMIME-Version: 1.0\r\n" + smime.envelop(ENTITY, [domain.receiving.certificate])
    assert smime.classify(message) is Protection.ENVELOPED
    assert smime.decrypt(message, [domain.receiving]) == ENTITY


def test_nothing_is_signed_with_a_weak_key(domain: Domain) -> None:
    with pytest.raises(BadCertificate, match="weak"):
        smime.sign(ENTITY, domain.leaf(replace(SIGNING, key_bits=1024)), at=AT)


def test_weak_or_foreign_recipients_are_refused_before_anything_is_encrypted(domain: Domain) -> None:
    weak = domain.leaf(replace(RECEIVING, key_bits=1024)).certificate
    for certificate in (weak, b"no certificate"):
        with pytest.raises(BadCertificate):
            cms_envelope.encrypt(ENTITY, [domain.receiving.certificate, certificate])
    with pytest.raises(ValueError, match="recipient"):
        cms_envelope.encrypt(ENTITY, [])


def altered_envelope(domain: Domain, alter: Any) -> bytes:
    """An envelope for `domain.receiving` on which `alter` was let loose."""
    info = cms.ContentInfo.load(b"".join(cms_envelope.encrypt(ENTITY, [domain.receiving.certificate])))
    alter(info["content"])
    return bytes(info.dump(force=True))


def other_padding(data: Any) -> None:
    content = data["encrypted_content_info"]["encrypted_content"].native
    data["encrypted_content_info"]["encrypted_content"] = content[:-17] + bytes([content[-17] ^ 0x40]) + content[-16:]


def half_a_padding(data: Any) -> None:
    """Its last octet counts two at least, and the one before it another number."""
    content = data["encrypted_content_info"]["encrypted_content"].native
    data["encrypted_content_info"]["encrypted_content"] = content[:-18] + bytes([content[-18] ^ 0x40]) + content[-17:]


def cut(data: Any) -> None:
    content = data["encrypted_content_info"]["encrypted_content"].native
    data["encrypted_content_info"]["encrypted_content"] = content[:-5]


def empty(data: Any) -> None:
    data["encrypted_content_info"]["encrypted_content"] = b""


def other_key(data: Any) -> None:
    info = data["recipient_infos"][0].chosen
    info["encrypted_key"] = bytes(255) + b"\x01"


def triple_des(data: Any) -> None:
    data["encrypted_content_info"]["content_encryption_algorithm"] = {
        "algorithm": "tripledes_3key",
        "parameters": b"12345678",
    }


def short_vector(data: Any) -> None:
    data["encrypted_content_info"]["content_encryption_algorithm"]["parameters"] = b"12345678"


@pytest.mark.parametrize("alter", [other_padding, half_a_padding, cut, empty, triple_des, short_vector])
def test_an_altered_envelope_opens_for_nobody(domain: Domain, alter: Any) -> None:
    with pytest.raises(CannotDecrypt):
        cms_envelope.decrypt(altered_envelope(domain, alter), [domain.receiving])


def test_a_key_that_cannot_be_opened_gives_another_content_each_time(domain: Domain) -> None:
    """A random key takes its place; what that makes of CBC ends like a padding once in 250 times."""
    octets = altered_envelope(domain, other_key)
    opened = set()
    for _ in range(20):
        try:
            opened.add(cms_envelope.decrypt(octets, [domain.receiving]))
        except CannotDecrypt:
            opened.add(b"")
    assert b"" in opened
    assert ENTITY not in opened


def test_a_wrong_key_and_a_wrong_content_fail_in_the_same_words(domain: Domain) -> None:
    texts = set()
    for alter in (other_padding, half_a_padding, cut, *[other_key] * 5):
        try:
            cms_envelope.decrypt(altered_envelope(domain, alter), [domain.receiving])
        except CannotDecrypt as error:
            texts.add((alter.__name__, error.public, error.detail))
    assert len(texts) == 4
    assert len({(public, detail) for _, public, detail in texts}) == 1


def test_a_recipient_named_by_key_identifier_is_found(domain: Domain) -> None:
    certificate = read_certificate(domain.receiving.certificate)

    def by_key(data: Any) -> None:
        info = data["recipient_infos"][0].chosen
        info["version"] = 2
        info["rid"] = cms.RecipientIdentifier("subject_key_identifier", certificate.key_id)

    assert cms_envelope.decrypt(altered_envelope(domain, by_key), [domain.receiving]) == ENTITY


@given(st.data())
@pytest.mark.slow
@settings(max_examples=150, deadline=None)
def test_broken_cms_raises_our_errors_only(domain: Domain, data: st.DataObject) -> None:
    whole = b"".join(cms_envelope.encrypt(ENTITY, [domain.receiving.certificate]))
    signature = altered(domain.signing, lambda _: None)
    for octets in (whole, signature):
        at = data.draw(st.integers(0, len(octets) - 1))
        broken = octets[:at] + bytes([data.draw(st.integers(0, 255))]) + octets[at + 1 :]
        for read in (lambda o: cms_envelope.decrypt(o, [domain.receiving]), cms_envelope.recipients, read_signed_data):
            try:
                read(broken)
            except (Malformed, CannotDecrypt):
                continue


# Telling kinds apart

KINDS = [
    (b"Content-Type: text/plain\r\n\r\n", Protection.PLAIN),
    (b"\r\nno fields", Protection.PLAIN),
    (b'Content-Type: multipart/signed; protocol="application/pgp-signature"\r\n\r\n', Protection.PLAIN),
    (b"Content-Type: multipart/signed; protocol=application/x-pkcs7-signature\r\n\r\n", Protection.SIGNED),
    (b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n", Protection.SIGNED),
    (b"Content-Type: Application/PKCS7-Mime; smime-type=Enveloped-Data\r\n\r\n", Protection.ENVELOPED),
    (b"Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\n\r\n", Protection.ENVELOPED),
    (b"Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data\r\n\r\n", Protection.ENVELOPED),
    (b"Content-Type: application/pkcs7-mime; smime-type=certs-only\r\n\r\n", Protection.PLAIN),
    (b"Content-Type: application/pkcs7-mime; smime-type=compressed-data\r\n\r\n", Protection.PLAIN),
]


@pytest.mark.parametrize(("octets", "kind"), KINDS)
def test_fields_tell_the_kind(octets: bytes, kind: Protection) -> None:
    assert smime.classify(octets) is kind


def test_what_is_asked_of_the_wrong_kind_is_refused(domain: Domain) -> None:
    signed = smime.sign(ENTITY, domain.signing, at=AT)
    for ask in (lambda: smime.decrypt(signed, [domain.receiving]), lambda: smime.recipients_of(ENTITY)):
        with pytest.raises(NotSmime):
            ask()
    for octets in (ENTITY, smime.envelop(ENTITY, [domain.receiving.certificate])):
        with pytest.raises(NotSmime):
            smime.signature_of(octets)


SIGNATURE = b"\r\nContent-Type: application/pkcs7-signature\r\n\r\nYQ==\r\n"
HEAD = b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b\r\n'
PARTS = {
    "three": HEAD + b"\r\n--b\r\nx\r\n--b\r\ny\r\n--b" + SIGNATURE + b"--b--\r\n",
    "one": HEAD + b"\r\n--b" + SIGNATURE + b"--b--\r\n",
    "unclosed": HEAD + b"\r\n--b\r\nx\r\n--b" + SIGNATURE,
    "no boundary": HEAD.replace(b"boundary=b", b"x=y") + b"\r\n--b\r\nx\r\n--b" + SIGNATURE + b"--b--\r\n",
    "second is no signature": HEAD + b"\r\n--b\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\n",
    "no body": HEAD,
}


@pytest.mark.parametrize("octets", PARTS.values(), ids=PARTS.keys())
def test_a_signed_message_has_two_parts_or_none(octets: bytes) -> None:
    with pytest.raises(NotSmime):
        smime.signature_of(octets)


def test_preamble_epilogue_and_look_alikes_are_passed_over() -> None:
    octets = (
        HEAD + b"\r\npreamble\r\n--bb\r\n--b \t\r\nx\r\n--bx\r\n\r\n--b" + SIGNATURE.replace(b"\r\n\r\nY", b"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nY") + b"--b--\r\nepilogue\r\n--b\r\n"
    )  # fmt: skip
    found = smime.signature_of(octets)
    assert (found.cms, found.content) == (b"a", b"x\r\n--bx\r\n")


def test_damaged_base64_is_no_signature(domain: Domain) -> None:
    with pytest.raises(NotSmime):
        smime.signature_of(multipart(ENTITY, b"x").replace(b"eA==", b"e?=="))
    assert smime.signature_of(opaque(b"x")).cms == b"x"


# Keys


def test_an_identity_travels_to_another_process_and_shows_no_key(domain: Domain) -> None:
    copy = pickle.loads(pickle.dumps(domain.receiving))  # noqa: S301  (our own octets)
    assert copy == domain.receiving
    assert copy.key.reveal() == domain.receiving.key.reveal()
    assert "Secret(***)" in repr(copy)
    assert repr(copy.key.reveal())[2:40] not in repr(copy)
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(copy.key)


def test_what_is_signed_again_differs_only_in_time(domain: Domain) -> None:
    one = write_signed_data(ENTITY, domain.signing, at=AT)
    assert one == write_signed_data(ENTITY, domain.signing, at=AT)
    other = domain.leaf(SIGNING)
    assert write_signed_data(ENTITY, Identity(other.certificate, other.key), at=AT) != one
