"""CMS that is well-formed BER and not the structure it should be: one error, whatever field is wrong."""

from collections.abc import Callable, Sequence

import pytest

from mssante_sim.crypto import cms_envelope, der
from mssante_sim.crypto.algorithms import AES_256_GCM
from mssante_sim.crypto.broken.forging import Forgery, attribute
from mssante_sim.crypto.capabilities import read_capabilities
from mssante_sim.crypto.cms import content_info, content_of
from mssante_sim.crypto.cms_envelope import AUTH_ENVELOPED_DATA, ENVELOPED_DATA, EnvelopeForm
from mssante_sim.crypto.cms_sign import SIGNED_DATA, SIGNING_TIME, read_signed_data, write_signed_data
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.profiles import RECEIVING_P256
from mssante_sim.crypto.verify import FromMatches, verify
from tests.crypto.conftest import ADDRESS, AT, Domain
from tests.crypto.forgery import ENTITY, multipart

Fields = Sequence[bytes]
NULL = der.tlv(der.NULL)
SHORT_LIST = der.context(1, der.sequence())  # where revocation lists or attributes stand


@pytest.fixture(scope="module")
def curve(domain: Domain) -> Identity:
    return domain.leaf(RECEIVING_P256)


def wrapped(kind: bytes, *fields: bytes) -> bytes:
    structure = der.sequence(*fields)
    return content_info(kind, len(structure)) + structure


def octets_of(elements: Sequence[Element]) -> list[bytes]:
    return [bytes(one.octets) for one in elements]


# SignedData


def signed_data(domain: Domain, change: Callable[[list[bytes]], Fields]) -> bytes:
    """Version, digests, content, certificates, signers; `change` makes others of them."""
    fields = octets_of(content_of(write_signed_data(ENTITY, domain.signing, at=AT), SIGNED_DATA, 5))
    return wrapped(SIGNED_DATA, *change(fields))


SIGNED: dict[str, Callable[[list[bytes]], Fields]] = {
    "fields are missing": lambda f: f[:3],
    "no signers": lambda f: f[:4],
    "a field too many": lambda f: [*f, NULL],
    "no number in front": lambda f: [NULL, *f[1:]],
    "digests that are no set": lambda f: [f[0], NULL, *f[2:]],
    "two contents": lambda f: [f[0], f[1], der.sequence(cms_envelope.DATA, SHORT_LIST, SHORT_LIST), *f[3:]],
    "a content without a wrapper": lambda f: [f[0], f[1], der.sequence(cms_envelope.DATA, NULL), *f[3:]],
    "33 certificates": lambda f: [*f[:3], der.context(0, *[der.sequence()] * 33), f[4]],
    "nine signers": lambda f: [*f[:4], der.tlv(der.SET, *[der.sequence()] * 9)],
    "a signer that is none": lambda f: [*f[:4], der.tlv(der.SET, der.sequence(NULL))],
    "no signature": lambda f: [*f[:4], der.tlv(der.SET, without_signature(f[4]))],
}


def without_signature(signers: bytes) -> bytes:
    (signer,) = der.parse(signers).children()
    return der.sequence(*octets_of(signer.children())[:-1])


@pytest.mark.parametrize("change", SIGNED.values(), ids=SIGNED.keys())
def test_a_signature_with_a_wrong_field_is_malformed(domain: Domain, change: Callable[[list[bytes]], Fields]) -> None:
    with pytest.raises(Malformed):
        read_signed_data(signed_data(domain, change))


def test_lists_of_revocations_in_a_signature_are_passed_over(domain: Domain) -> None:
    octets = signed_data(domain, lambda f: [*f[:4], der.context(1, domain.issuing.crl(AT)), f[4]])
    assert verify(multipart(ENTITY, octets), domain.trust(), FromMatches(ADDRESS), at=AT).content == ENTITY


def test_attributes_are_counted(domain: Domain) -> None:
    many = tuple(attribute(der.object_identifier(f"1.2.250.1.{number}"), NULL) for number in range(40))
    assert read_signed_data(Forgery(domain.signing, ENTITY, AT, further=many[:10]).signed_data()).signers
    with pytest.raises(Malformed):
        read_signed_data(Forgery(domain.signing, ENTITY, AT, further=many).signed_data())


def test_an_attribute_with_two_values_says_nothing(domain: Domain) -> None:
    time = der.utc_time(AT)
    twice = der.sequence(SIGNING_TIME, der.tlv(der.SET, time, time))
    octets = Forgery(domain.signing, ENTITY, AT, left_out=(SIGNING_TIME,), further=(twice,)).signed_data()
    assert verify(multipart(ENTITY, octets), domain.trust(), FromMatches(ADDRESS), at=AT).signing_time is None


CAPABILITIES = {
    "65 of them": der.sequence(*[der.sequence(cms_envelope.DATA)] * 65),
    "one without a name": der.sequence(der.sequence()),
    "no sequence": NULL,
}


@pytest.mark.parametrize("said", CAPABILITIES.values(), ids=CAPABILITIES.keys())
def test_capabilities_that_are_none(said: bytes) -> None:
    with pytest.raises(Malformed):
        read_capabilities(der.parse(said))


# EnvelopedData


def enveloped(identity: Identity) -> list[Element]:
    """Version, recipients, content."""
    octets = b"".join(cms_envelope.encrypt(ENTITY, [identity.certificate]))
    return list(content_of(octets, ENVELOPED_DATA, 3))


def opens_not(octets: bytes, identity: Identity) -> None:
    with pytest.raises(Malformed):
        cms_envelope.decrypt(octets, [identity])


def test_an_envelope_of_another_kind_or_without_its_fields(domain: Domain) -> None:
    version, recipients, content = octets_of(enveloped(domain.receiving))
    originator = der.context(0, der.context(0, domain.signing.certificate))
    sound = wrapped(ENVELOPED_DATA, version, originator, recipients, content)
    assert cms_envelope.decrypt(sound, [domain.receiving]) == ENTITY
    opens_not(write_signed_data(ENTITY, domain.signing, at=AT), domain.receiving)
    opens_not(wrapped(ENVELOPED_DATA, version, originator, content), domain.receiving)
    opens_not(wrapped(ENVELOPED_DATA, version, recipients), domain.receiving)
    opens_not(wrapped(ENVELOPED_DATA, version, der.sequence(), content), domain.receiving)


def test_content_that_is_no_string_or_a_cipher_that_is_none(domain: Domain) -> None:
    version, recipients, content = enveloped(domain.receiving)
    kind, algorithm, encrypted = octets_of(content.children())
    oid, vector = octets_of(der.parse(algorithm).children())
    for fields in (
        (kind, algorithm, der.octet_string(b"x" * 16)),
        (kind, algorithm),
        (kind, der.sequence(oid, vector, vector), encrypted),
        (kind, der.sequence(oid, NULL), encrypted),
    ):
        octets = wrapped(ENVELOPED_DATA, bytes(version.octets), bytes(recipients.octets), der.sequence(*fields))
        opens_not(octets, domain.receiving)


def test_attributes_of_an_authenticated_envelope_must_be_der(domain: Domain) -> None:
    octets = b"".join(cms_envelope.encrypt(ENTITY, [domain.receiving.certificate], EnvelopeForm(AES_256_GCM)))
    *fields, tag = octets_of(content_of(octets, AUTH_ENVELOPED_DATA, 4))
    opens_not(wrapped(AUTH_ENVELOPED_DATA, *fields, der.indefinite(0xA1), tag), domain.receiving)


TRANSPORT: dict[str, Callable[[list[bytes]], Fields]] = {
    "fields are missing": lambda f: f[:3],
    "an algorithm with two parameters": lambda f: [f[0], f[1], der.sequence(cms_envelope.DATA, NULL, NULL), f[3]],
    "an empty key": lambda f: [*f[:3], der.octet_string(b"")],
    "a key of two kilobytes": lambda f: [*f[:3], der.octet_string(bytes(2048))],
    "a name that is none": lambda f: [f[0], NULL, *f[2:]],
}


@pytest.mark.parametrize("change", TRANSPORT.values(), ids=TRANSPORT.keys())
def test_a_recipient_by_transport(domain: Domain, change: Callable[[list[bytes]], Fields]) -> None:
    version, recipients, content = enveloped(domain.receiving)
    (own,) = recipients.children()
    changed = der.set_of(der.sequence(*change(octets_of(own.children()))))
    opens_not(wrapped(ENVELOPED_DATA, bytes(version.octets), changed, bytes(content.octets)), domain.receiving)


def agreed(fields: list[bytes], point: bytes) -> Fields:
    """With another point of the sender."""
    key = der.context(1, der.sequence(der.object_identifier("1.2.840.10045.2.1")), der.tlv(der.BIT_STRING, point))
    return [fields[0], der.context(0, key), *fields[2:]]


def members(fields: list[bytes], *named: bytes) -> Fields:
    return [*fields[:3], der.sequence(*named)]


AGREEMENT: dict[str, Callable[[list[bytes]], Fields]] = {
    "nothing in it": lambda _: [],
    "no recipients": lambda f: f[:3],
    "a field too many": lambda f: [*f, NULL],
    "65 recipients": lambda f: members(f, *[der.sequence()] * 65),
    "a recipient without a key": lambda f: members(f, der.sequence(NULL)),
    "an empty name by key": lambda f: members(f, der.sequence(der.context(0), der.octet_string(b"x" * 40))),
    "no key of the sender": lambda f: [f[0], der.context(0, der.context(1)), *f[2:]],
    "an empty point": lambda f: agreed(f, b""),
    "a point of two kilobytes": lambda f: agreed(f, bytes(2048)),
    "a point that is not whole octets": lambda f: agreed(f, b"\x03\x04" + bytes(64)),
    "a wrap with parameters": lambda f: [
        *f[:2], der.sequence(cms_envelope.DATA, der.sequence(cms_envelope.DATA, der.integer(1))), f[3],
    ],
}  # fmt: skip


@pytest.mark.parametrize("change", AGREEMENT.values(), ids=AGREEMENT.keys())
def test_a_recipient_by_agreement(curve: Identity, change: Callable[[list[bytes]], Fields]) -> None:
    version, recipients, content = enveloped(curve)
    (own,) = recipients.children()
    changed = der.set_of(der.context(1, *change(octets_of(own.children()))))
    opens_not(wrapped(ENVELOPED_DATA, bytes(version.octets), changed, bytes(content.octets)), curve)


def test_a_sender_who_names_a_certificate_instead_of_a_key_is_not_accepted(curve: Identity) -> None:
    version, recipients, content = enveloped(curve)
    (own,) = recipients.children()
    fields = octets_of(own.children())
    static = der.context(
        1, fields[0], der.context(0, read_certificate(curve.certificate).issuer_and_serial), *fields[2:]
    )
    octets = wrapped(ENVELOPED_DATA, bytes(version.octets), der.set_of(static), bytes(content.octets))
    assert cms_envelope.recipients(octets) == []


def test_recipients_of_other_kinds_are_nobody(domain: Domain) -> None:
    version, _, content = octets_of(enveloped(domain.receiving))
    by_password = der.context(3, der.integer(0))
    assert cms_envelope.recipients(wrapped(ENVELOPED_DATA, version, der.set_of(by_password), content)) == []


def test_more_than_64_megabytes_are_not_looked_at() -> None:
    with pytest.raises(Malformed):
        der.parse(bytes(64 * 1024 * 1024 + 1))
