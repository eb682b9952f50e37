"""Whatever octets come: CMS is read or refused with our errors; nothing is proved or opened that was not written."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mssante_sim.crypto import cms_envelope, smime
from mssante_sim.crypto.algorithms import AES_256_CBC, AES_256_GCM
from mssante_sim.crypto.cms_envelope import CannotDecrypt, EnvelopeForm
from mssante_sim.crypto.cms_sign import write_signed_data
from mssante_sim.crypto.der import Malformed
from mssante_sim.crypto.identity import Identity
from mssante_sim.crypto.key_management import Transport
from mssante_sim.crypto.profiles import RECEIVING_P256, SIGNING_P256
from mssante_sim.crypto.signatures import pss
from mssante_sim.crypto.trust import TrustContext
from mssante_sim.crypto.unsealing import Unreadable, unseal
from mssante_sim.crypto.verify import FromMatches, VerificationFailed, verify
from tests.crypto.conftest import ADDRESS, AT, new_domain
from tests.crypto.forgery import ENTITY, multipart
from tests.fuzz.targets import ber, entity

Edits = list[tuple[float, int, bytes]]
edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 8), st.binary(max_size=6)), max_size=4)
"""Where (as a share of the length), how many octets go, which come instead."""


@dataclass(frozen=True)
class Stage:
    """Keys, and sound CMS to begin from."""

    own: tuple[Identity, ...]
    trust: TrustContext
    envelopes: tuple[bytes, ...]
    signatures: tuple[bytes, ...]
    messages: tuple[bytes, ...]


@pytest.fixture(scope="module")
def stage() -> Stage:
    domain = new_domain(" DIVAGATIONS")
    own = (domain.receiving, domain.leaf(RECEIVING_P256))
    forms = [EnvelopeForm(cipher, transport) for cipher in (AES_256_CBC, AES_256_GCM) for transport in Transport]
    certificates = [one.certificate for one in own]
    envelopes = tuple(b"".join(cms_envelope.encrypt(ENTITY, certificates, form)) for form in forms)
    signatures = (
        write_signed_data(ENTITY, domain.signing, at=AT),
        write_signed_data(ENTITY, domain.signing, at=AT, scheme=pss(), opaque=True),
        write_signed_data(ENTITY, domain.leaf(SIGNING_P256), at=AT, opaque=True),
    )
    signed = [smime.sign(ENTITY, domain.signing, at=AT, opaque=opaque) for opaque in (False, True)]
    sealed = [smime.envelop(one, certificates) for one in signed]
    wrapped = (*signed, *sealed, smime.sign(sealed[0], domain.signing, at=AT, opaque=True))
    messages = tuple(f"From: <{ADDRESS}>\r\n".encode() + one for one in wrapped)
    return Stage(own, domain.trust(), envelopes, signatures, messages)


def edited(octets: bytes, changes: Edits) -> bytes:
    for share, gone, come in changes:
        at = int(share * len(octets))
        octets = octets[:at] + come + octets[at + gone :]
    return octets


@given(which=st.integers(0, 3), changes=edits)
@settings(max_examples=400, deadline=None)
def test_an_envelope_is_opened_or_refused(stage: Stage, which: int, changes: Edits) -> None:
    octets = edited(stage.envelopes[which], changes)
    for identity in stage.own:
        try:
            content = cms_envelope.decrypt(octets, [identity])
        except (Malformed, CannotDecrypt):
            continue
        authenticated = cms_envelope.kind_of(octets) == cms_envelope.AUTH_ENVELOPED_DATA
        assert content == ENTITY or not authenticated, "it comes out as it was written, or not at all"


@given(which=st.integers(0, 2), changes=edits)
@settings(max_examples=400, deadline=None)
def test_a_signature_proves_what_was_signed_or_nothing(stage: Stage, which: int, changes: Edits) -> None:
    octets = edited(stage.signatures[which], changes)
    for message in (multipart(ENTITY, octets), smime.wrap_opaque(octets)):
        try:
            proved = verify(message, stage.trust, FromMatches(ADDRESS), at=AT)
        except VerificationFailed:
            continue
        assert (proved.content, proved.signer_address) == (ENTITY, ADDRESS)


@given(which=st.integers(0, 4), changes=edits)
@settings(max_examples=400, deadline=None)
def test_what_is_read_bears_its_signers_name_or_nobodys(stage: Stage, which: int, changes: Edits) -> None:
    try:
        read = unseal(edited(stage.messages[which], changes), stage.own, stage.trust, at=(AT,))
    except Unreadable:
        return
    assert (read.signer, read.content, read.doubt) == (ADDRESS, ENTITY, None) or read.signer is None


@given(st.binary(max_size=400))
@settings(max_examples=500, deadline=None)
def test_any_octets_are_ber_or_malformed(octets: bytes) -> None:
    ber(octets)


PARTS = [
    b"--b", b"--b--", b"--bb", b"\r\n", b"\n", b" \t", b"Content-Type: application/pkcs7-signature\r\n",
    b"Content-Type: multipart/signed; protocol=application/pkcs7-signature; boundary=b\r\n",
    b"Content-Type: application/pkcs7-mime\r\n", b"Content-Transfer-Encoding: base64\r\n", b"MIIB", b"text", b"\0\xff",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=14).map(b"".join))
@settings(max_examples=1_000, deadline=None)
def test_any_entity_is_told_apart_and_split_or_refused(octets: bytes) -> None:
    entity(octets)
