"""Every step of the procedure refuses what it is there to refuse, and names itself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from asn1crypto import cms

from mssante_sim.crypto import der, smime
from mssante_sim.crypto.algorithms import RSA_ENCRYPTION
from mssante_sim.crypto.broken.forging import Forgery, attribute
from mssante_sim.crypto.capabilities import EVERY_CLIENT
from mssante_sim.crypto.cms_sign import MESSAGE_DIGEST, write_signed_data
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.profiles import RECEIVING, SERVER, SIGNING
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.verify import FromMatches, UnsafeAnySigner, VerificationFailed, Verified, verify
from tests.crypto.conftest import ADDRESS, AT, OTHER, Domain, new_domain, subject_of
from tests.crypto.forgery import (
    ENTITY,
    Change,
    altered,
    drop_attribute,
    multipart,
    opaque,
    set_attribute,
    sign_again,
    with_digest,
)

AUTHOR = FromMatches(ADDRESS)


def failure(
    signed: bytes, domain: Domain, policy: Any = AUTHOR, *, trust: TrustContext | None = None, **at: Any
) -> int:
    with pytest.raises(VerificationFailed) as caught:
        verify(signed, trust or domain.trust(), policy, at=at.get("at", AT))
    assert caught.value.public
    assert caught.value.french
    return caught.value.step


def test_what_we_sign_is_proved(domain: Domain) -> None:
    signed = smime.sign(ENTITY, domain.signing, at=AT, also=[domain.receiving.certificate])
    proved = verify(signed, domain.trust(), FromMatches(ADDRESS.upper()), at=AT)
    path = (ADDRESS, "SIMULATEUR ORGANISATIONS", "SIMULATEUR RACINE")
    assert proved == Verified(
        ENTITY, ADDRESS, ADDRESS, domain.signing.certificate, AT,
        "RSA PKCS #1 v1.5 with SHA-256, RSA-2048", path, True, frozenset(EVERY_CLIENT),
    )  # fmt: skip


def test_the_content_may_be_inside_and_in_pieces(domain: Domain) -> None:
    def inside(data: Any) -> None:
        data["encap_content_info"]["content"] = ENTITY

    proved = verify(opaque(altered(domain.signing, inside)), domain.trust(), AUTHOR, at=AT)
    assert proved.content == ENTITY


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_stronger_digests_are_accepted(domain: Domain, digest: str) -> None:
    signed = multipart(ENTITY, altered(domain.signing, with_digest(digest)))
    assert verify(signed, domain.trust(), AUTHOR, at=AT).content == ENTITY


def both(*changes: Change) -> Change:
    def change(data: Any) -> None:
        for one in changes:
            one(data)

    return change


def signature_algorithm(name: str) -> Change:
    def change(data: Any) -> None:
        data["signer_infos"][0]["signature_algorithm"] = {"algorithm": name}

    return change


def test_an_identifier_that_names_the_digest_must_name_the_same(domain: Domain) -> None:
    same = both(with_digest("sha384"), signature_algorithm("sha384_rsa"))
    assert verify(multipart(ENTITY, altered(domain.signing, same)), domain.trust(), AUTHOR, at=AT).content == ENTITY
    other = both(with_digest("sha384"), signature_algorithm("sha256_rsa"))
    assert failure(multipart(ENTITY, altered(domain.signing, other)), domain) == 1


# Step 1


def two_signers(data: Any) -> None:
    data["signer_infos"] = [data["signer_infos"][0], data["signer_infos"][0].copy()]


def no_signer(data: Any) -> None:
    data["signer_infos"] = []


def no_certificates(data: Any) -> None:
    data["certificates"] = []


STEP_1: dict[str, Change] = {
    "two signers": two_signers,
    "no signer": no_signer,
    "SHA-1": with_digest("sha1"),
    "unknown signature": signature_algorithm("sha256_ecdsa"),
    "no certificate": no_certificates,
}


@pytest.mark.parametrize("change", STEP_1.values(), ids=STEP_1.keys())
def test_step_1_one_signer_with_accepted_algorithms(domain: Domain, change: Change) -> None:
    assert failure(multipart(ENTITY, altered(domain.signing, change)), domain) == 1


def test_step_1_an_algorithm_that_is_none(domain: Domain) -> None:
    sound = altered(domain.signing, lambda _: None)
    rsa = der.sequence(RSA_ENCRYPTION, der.tlv(der.NULL))
    at = sound.rindex(rsa)
    unnamed = (
        sound[:at] + der.sequence(der.octet_string(RSA_ENCRYPTION[2:]), der.tlv(der.NULL)) + sound[at + len(rsa) :]
    )
    assert len(unnamed) == len(sound)
    assert failure(multipart(ENTITY, unnamed), domain) == 1


def test_step_1_a_short_key_is_refused(domain: Domain) -> None:
    weak = domain.leaf(replace(SIGNING, key_bits=1024))
    assert failure(multipart(ENTITY, write_signed_data(ENTITY, weak, at=AT)), domain) == 1


def test_step_1_a_certificate_that_cannot_be_read_is_nobody(domain: Domain) -> None:
    signed = altered(domain.signing, lambda _: None)
    broken = signed.replace(b"\x06\x03\x55\x1d\x0f\x01\x01\xff", b"\x06\x03\x55\x1d\x13\x01\x01\xff")  # two of one kind
    assert broken != signed
    assert failure(multipart(ENTITY, broken), domain) == 1


def test_step_1_content_must_stand_in_one_place(domain: Domain) -> None:
    def inside(data: Any) -> None:
        data["encap_content_info"]["content"] = ENTITY

    assert failure(multipart(ENTITY, altered(domain.signing, inside)), domain) == 1
    assert failure(opaque(altered(domain.signing, lambda _: None)), domain) == 1


@pytest.mark.parametrize("signed", [ENTITY, multipart(ENTITY, b"\x30\x03\x02\x01\x05"), b"", opaque(b"no CMS")])
def test_step_1_no_signature_at_all(domain: Domain, signed: bytes) -> None:
    assert failure(signed, domain) == 1


# Step 2


@pytest.mark.parametrize("at", range(0, len(ENTITY), 7))
def test_step_2_every_octet_counts(domain: Domain, at: int) -> None:
    other = ENTITY[:at] + bytes([ENTITY[at] ^ 1]) + ENTITY[at + 1 :]
    assert failure(multipart(other, altered(domain.signing, lambda _: None)), domain) == 2


def other_digest(data: Any) -> None:
    set_attribute(data, "message_digest", b"\0" * 32)


def other_kind(data: Any) -> None:
    set_attribute(data, "content_type", "signed_data")


def other_content_kind(data: Any) -> None:
    data["encap_content_info"]["content_type"] = "authenticated_data"


def both_kinds(data: Any) -> None:
    other_content_kind(data)
    set_attribute(data, "content_type", "authenticated_data")


def no_attributes(data: Any) -> None:
    del data["signer_infos"][0]["signed_attrs"]


STEP_2: dict[str, Change] = {
    "another digest": other_digest,
    "no digest": drop_attribute("message_digest"),
    "no content type": drop_attribute("content_type"),
    "another content type": other_kind,
    "content of another type": other_content_kind,
    "both of another type": both_kinds,
}


@pytest.mark.parametrize("change", STEP_2.values(), ids=STEP_2.keys())
def test_step_2_the_attributes_say_what_was_signed(domain: Domain, change: Change) -> None:
    assert failure(multipart(ENTITY, altered(domain.signing, change)), domain) == 2


@pytest.mark.parametrize("tag", [0x0C, 0x24])
def test_step_2_a_digest_of_another_type_is_none(domain: Domain, tag: int) -> None:
    digest = sha256(ENTITY).digest()
    value = der.tlv(tag, digest if tag == 0x0C else der.octet_string(digest))
    further = (attribute(MESSAGE_DIGEST, value),)
    signature = Forgery(domain.signing, ENTITY, AT, left_out=(MESSAGE_DIGEST,), further=further).signed_data()
    assert failure(multipart(ENTITY, signature), domain) == 2


def test_step_2_a_signature_without_attributes_is_refused(domain: Domain) -> None:
    assert failure(multipart(ENTITY, altered(domain.signing, no_attributes, resign=False)), domain) == 2


# Step 3


def another_time(data: Any) -> None:
    for one in data["signer_infos"][0]["signed_attrs"]:
        if one["type"].native == "signing_time":
            one["values"] = [cms.Time({"utc_time": AT + timedelta(days=1)})]


def another_signature(data: Any) -> None:
    info = data["signer_infos"][0]
    info["signature"] = bytes([info["signature"].native[0] ^ 1]) + info["signature"].native[1:]


@pytest.mark.parametrize("change", [another_time, another_signature])
def test_step_3_the_attributes_are_what_was_signed(domain: Domain, change: Change) -> None:
    assert failure(multipart(ENTITY, altered(domain.signing, change, resign=False)), domain) == 3


def test_step_3_another_key_cannot_sign_for_a_certificate(domain: Domain) -> None:
    info = cms.ContentInfo.load(altered(domain.signing, lambda _: None))
    signer_info = info["content"]["signer_infos"][0]
    sign_again(signer_info, domain.receiving)
    assert failure(multipart(ENTITY, info.dump(force=True)), domain) == 3


# Step 4


def test_step_4_another_authority_of_the_same_name_is_not_trusted(domain: Domain, stranger: Domain) -> None:
    assert failure(smime.sign(ENTITY, stranger.signing, at=AT), domain) == 4


def test_step_4_a_certificate_nobody_issued(domain: Domain) -> None:
    lone = new_domain(" SEULE").root
    alone = lone.issue(SIGNING, subject_of(ADDRESS), at=AT, names=[ADDRESS])
    assert failure(smime.sign(ENTITY, alone, at=AT), domain) == 4


DAY = timedelta(days=1)
Make = Callable[[Domain], Identity]
STEP_4: dict[str, Make] = {
    "expired": lambda domain: domain.leaf(SIGNING, validity=(AT - 9 * DAY, AT - DAY)),
    "not yet valid": lambda domain: domain.leaf(SIGNING, validity=(AT + DAY, AT + 9 * DAY)),
    "receiving": lambda domain: domain.leaf(RECEIVING),
    "server": lambda domain: domain.leaf(replace(SERVER, names="mailbox")),
}


@pytest.mark.parametrize("make", STEP_4.values(), ids=STEP_4.keys())
def test_step_4_time_and_usage_count(domain: Domain, make: Make) -> None:
    assert failure(smime.sign(ENTITY, make(domain), at=AT), domain) == 4


def test_step_4_time_is_an_argument(domain: Domain) -> None:
    signed = smime.sign(ENTITY, domain.signing, at=AT)
    later = AT + timedelta(days=4 * 365)
    assert failure(signed, domain, trust=domain.trust(later), at=later) == 4


def test_step_4_the_issuing_authority_may_come_with_the_message(domain: Domain) -> None:
    lists = [domain.root.crl(AT), domain.issuing.crl(AT)]
    roots_only = TrustContext([domain.root.identity.certificate], (), lists)
    signed = smime.sign(ENTITY, domain.signing, at=AT)
    assert verify(signed, roots_only, AUTHOR, at=AT).content == ENTITY
    bare = Identity(domain.signing.certificate, domain.signing.key)
    assert failure(smime.sign(ENTITY, bare, at=AT), domain, trust=roots_only) == 4


# Step 5


def test_step_5_a_revoked_signer(domain: Domain) -> None:
    revoked = domain.leaf(SIGNING)
    signed = smime.sign(ENTITY, revoked, at=AT)
    assert verify(signed, domain.trust(), AUTHOR, at=AT).content == ENTITY
    domain.issuing.revoke(read_certificate(revoked.certificate).serial, at=AT, reason="keyCompromise")
    assert failure(signed, domain) == 5


def test_step_5_a_revoked_authority() -> None:
    fallen = new_domain(" DECHUE")
    fallen.root.revoke(read_certificate(fallen.issuing.identity.certificate).serial, at=AT)
    assert failure(smime.sign(ENTITY, fallen.signing, at=AT), fallen) == 5


@pytest.mark.parametrize("days", [-2, 31])
def test_step_5_a_list_of_another_time_tells_nothing(domain: Domain, days: int) -> None:
    signed = smime.sign(ENTITY, domain.signing, at=AT)
    assert failure(signed, domain, trust=domain.trust(AT - timedelta(days=days))) == 5


def test_step_5_both_lists_are_needed_and_only_true_ones_count(domain: Domain, stranger: Domain) -> None:
    signed = smime.sign(ENTITY, domain.signing, at=AT)
    roots, between = [domain.root.identity.certificate], [domain.issuing.identity.certificate]
    for lists in ([], [domain.root.crl(AT)], [domain.issuing.crl(AT)], [domain.root.crl(AT), stranger.issuing.crl(AT)]):
        assert failure(signed, domain, trust=TrustContext(roots, between, lists)) == 5


# Step 6


def test_step_6_the_signer_is_the_author(domain: Domain) -> None:
    signed = smime.sign(ENTITY, domain.signing, at=AT)
    assert failure(signed, domain, FromMatches(OTHER)) == 6
    assert failure(signed, domain, FromMatches("")) == 6


def test_step_6_a_certificate_without_address_is_nobodys(domain: Domain) -> None:
    nameless = domain.issuing.issue(SIGNING, subject_of(ADDRESS), at=AT)
    signed = smime.sign(ENTITY, nameless, at=AT)
    assert failure(signed, domain) == 6
    assert verify(signed, domain.trust(), UnsafeAnySigner(), at=AT).signer_address == ""


# What is not proved


def test_without_a_signing_time_nothing_is_claimed(domain: Domain) -> None:
    signed = multipart(ENTITY, altered(domain.signing, drop_attribute("signing_time")))
    assert verify(signed, domain.trust(), UnsafeAnySigner(), at=AT).signing_time is None
