"""Layers are opened from the outside in, and nothing else is."""

import pytest

from mssante_sim.crypto import smime
from mssante_sim.crypto.opening import NotOpened, Opening, open_layers
from mssante_sim.crypto.smime import Protection, classify
from mssante_sim.crypto.verify import FromMatches
from tests.crypto.conftest import ADDRESS, AT, OTHER, Domain
from tests.crypto.forgery import ENTITY


def opened(message: bytes, domain: Domain, author: str = ADDRESS) -> Opening:
    return open_layers(message, [domain.receiving], domain.trust(), FromMatches(author), at=AT)


def signed(entity: bytes, domain: Domain, *, opaque: bool = False) -> bytes:
    return smime.sign(entity, domain.signing, at=AT, opaque=opaque)


def enveloped(entity: bytes, domain: Domain) -> bytes:
    return smime.envelop(entity, [domain.receiving.certificate])


@pytest.mark.parametrize("opaque", [False, True])
def test_a_triple_wrapped_message_is_opened_to_the_end(domain: Domain, opaque: bool) -> None:
    inner = enveloped(signed(ENTITY, domain, opaque=opaque), domain)
    found = opened(signed(inner, domain, opaque=opaque), domain)
    assert found.content == ENTITY
    assert [layer is None for layer in found.layers] == [False, True, False]
    assert found.encrypted
    assert found.signer is not None
    assert found.signer.signer_address == ADDRESS


def test_what_is_not_wrapped_proves_nothing(domain: Domain) -> None:
    assert opened(ENTITY, domain) == Opening(ENTITY, ())
    assert opened(ENTITY, domain).signer is None


def test_a_signature_around_an_encryption_proves_no_author(domain: Domain) -> None:
    found = opened(signed(enveloped(ENTITY, domain), domain), domain)
    assert (found.content, found.signer) == (ENTITY, None)


def test_an_outer_signature_that_does_not_hold_keeps_the_inside_shut(domain: Domain) -> None:
    whole = signed(enveloped(signed(ENTITY, domain), domain), domain)
    for broken in (whole.replace(b"name=", b"Name="), whole):
        with pytest.raises(NotOpened) as caught:
            opened(broken, domain, ADDRESS if broken != whole else OTHER)
        assert (caught.value.layer, caught.value.step) == (1, "step 2" if broken != whole else "step 6")


def test_the_layer_and_the_step_that_failed_are_named(domain: Domain) -> None:
    strangers = smime.envelop(ENTITY, [domain.signing.certificate])
    torn = enveloped(ENTITY, domain)[:-400] + b"\r\n"
    for inner, step in ((strangers, "decrypt"), (torn, "unwrap")):
        with pytest.raises(NotOpened, match=f"^Layer 2, {step}: ") as caught:
            opened(signed(inner, domain), domain)
        assert (caught.value.layer, caught.value.step) == (2, step)


def test_layers_come_to_an_end(domain: Domain) -> None:
    message = ENTITY
    for _ in range(4):
        message = enveloped(message, domain)
    assert opened(message, domain).content == ENTITY
    with pytest.raises(NotOpened, match=r"^Layer 5, unwrap: "):
        opened(enveloped(message, domain), domain)


@pytest.mark.parametrize("field", [b"Content-Type: application/pkcs7-mime", b"Content-Type: application/x-pkcs7-mime"])
@pytest.mark.parametrize("binary", [False, True])
def test_without_a_type_the_cms_tells_the_kind(domain: Domain, field: bytes, binary: bool) -> None:
    for made, kind in (
        (signed(ENTITY, domain, opaque=True), Protection.SIGNED),
        (enveloped(ENTITY, domain), Protection.ENVELOPED),
    ):
        encoding, body = b"\r\nContent-Transfer-Encoding: base64", b"".join(made.partition(b"\r\n\r\n")[2:])
        if binary:
            encoding, body = b"", smime._Head.read(made).decoded_body(made)
        untold = field + b'; name="smime.p7m"' + encoding + b"\r\n\r\n" + body
        assert classify(untold) is kind
        assert opened(untold, domain).content == ENTITY


@pytest.mark.parametrize("body", [b"", b"****", b"MIIB"])
def test_what_cannot_be_told_is_taken_for_encrypted_and_opens_for_nobody(domain: Domain, body: bytes) -> None:
    untold = b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body
    assert classify(untold) is Protection.ENVELOPED
