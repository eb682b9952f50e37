"""Messages that others made with the example keys of RFC 9216: read, or refused for the right reason."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from mssante_sim.crypto import cms_envelope, smime
from mssante_sim.crypto.cms_envelope import CannotDecrypt
from mssante_sim.crypto.content_encryption import NotAccepted
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.secret import Secret
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.verify import FromMatches, VerificationFailed, verify
from tests.crypto.forgery import ENTITY, opaque
from tests.crypto.programs import run

VECTORS = Path(__file__).parent / "vectors"
AT = datetime(2024, 9, 1, tzinfo=UTC)
CONTENT = b"This is some sample content."


def cms(name: str) -> bytes:
    lines = (VECTORS / f"{name}.pem").read_text().splitlines()
    return base64.b64decode("".join(one for one in lines if not one.startswith("-----")))


def identity(certificate: str, key: str) -> Identity:
    private = load_pem_private_key((VECTORS / f"{key}.p8.pem").read_bytes(), None)
    pkcs8 = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = x509.load_pem_x509_certificate((VECTORS / f"{certificate}.crt").read_bytes())
    return Identity(public.public_bytes(Encoding.DER), Secret(pkcs8))


ALICE = identity("lamps-alice", "lamps-alice")
BOB = identity("lamps-bob.encrypt", "lamps-bob.decrypt")
TRUST = TrustContext([ALICE.certificate])  # the example authority's own certificate and list are not at hand


def test_what_alice_signed_is_proved() -> None:
    proved = verify(opaque(cms("signedByAliceRSAPSS")), TRUST, FromMatches("alice@smime.example"), at=AT)
    assert (proved.content, proved.signer_name) == (CONTENT, "Alice Lovelace")
    assert proved.algorithm == "RSA-PSS with SHA-256, RSA-2048"


def test_nobody_believes_alice_who_does_not_know_her_authority() -> None:
    strangers = TrustContext([BOB.certificate])
    with pytest.raises(VerificationFailed) as caught:
        verify(opaque(cms("signedByAliceRSAPSS")), strangers, FromMatches("alice@smime.example"), at=AT)
    assert caught.value.step == 4


def test_a_signature_without_signed_attributes_is_refused() -> None:
    """Allowed by RFC 5652 §5.3, refused here: such a signature can be lifted from another message's attributes."""
    with pytest.raises(VerificationFailed) as caught:
        verify(opaque(cms("signedByAliceRSA")), TRUST, FromMatches("alice@smime.example"), at=AT)
    assert caught.value.step == 2


@pytest.mark.parametrize("name", ["signedByCarlosEd25519", "signedByCarlosDetached", "signedByAliceAndCarlosNoCerts"])
def test_signatures_of_other_kinds_are_refused_at_step_1(name: str) -> None:
    with pytest.raises(VerificationFailed) as caught:
        verify(opaque(cms(name)), TRUST, FromMatches("carlos@smime.example"), at=AT)
    assert caught.value.step == 1


@pytest.mark.parametrize("name", ["encryptedForBobRSAOaep", "encryptedForBobAndDana"])
def test_what_is_encrypted_to_bob_is_opened(name: str) -> None:
    assert cms_envelope.decrypt(cms(name), [BOB]) == CONTENT
    assert any(one.names(read_certificate(BOB.certificate)) for one in cms_envelope.recipients(cms(name)))


def test_a_cipher_that_is_not_accepted_is_told_apart_from_a_missing_key() -> None:
    with pytest.raises(NotAccepted):
        cms_envelope.decrypt(cms("authEnvelopedForBobChaCha20Poly1305"), [BOB])
    for name in ("authEnvelopedForDanaX25519HKDF", "encryptedKekri"):
        with pytest.raises(CannotDecrypt) as caught:
            cms_envelope.decrypt(cms(name), [BOB])
        assert not isinstance(caught.value, NotAccepted)


def test_a_key_agreement_on_another_curve_is_not_accepted() -> None:
    dana = identity("lamps-dana.encrypt", "lamps-bob.decrypt")  # her certificate; her X25519 key is of no use here
    for name in ("encryptedForBobAndDana", "authEnvelopedForDanaX25519HKDF"):
        assert not any(one.names(read_certificate(dana.certificate)) for one in cms_envelope.recipients(cms(name)))
        with pytest.raises(NotAccepted):
            cms_envelope.decrypt(cms(name), [dana])


@pytest.mark.interop
def test_ours_with_these_keys_is_read_by_openssl() -> None:
    signed = smime.sign(ENTITY, ALICE, at=AT)
    opened = run(
        "openssl", "cms", "-decrypt", "-recip", VECTORS / "lamps-bob.encrypt.crt",
        "-inkey", VECTORS / "lamps-bob.decrypt.p8.pem", octets=smime.envelop(signed, [BOB.certificate]),
    )  # fmt: skip
    assert opened == signed
    alice = VECTORS / "lamps-alice.crt"
    assert run("openssl", "cms", "-verify", "-partial_chain", "-CAfile", alice, octets=opened) == ENTITY
