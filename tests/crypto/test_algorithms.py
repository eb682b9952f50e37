"""Every way to sign and to encrypt, both ways between us and other programs."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from asn1crypto import cms as asn1_cms

from mssante_sim.clock import SystemClock
from mssante_sim.crypto import cms_sign, der, smime
from mssante_sim.crypto.algorithms import (
    AES_128_CBC,
    AES_128_GCM,
    AES_256_CBC,
    AES_256_GCM,
    CONTENT_CIPHERS,
    SHA_256,
    SHA_384,
    SHA_512,
    ContentCipher,
)
from mssante_sim.crypto.algorithms import DIGESTS as DIGEST_TABLE
from mssante_sim.crypto.capabilities import EVERY_CLIENT, MODERN
from mssante_sim.crypto.cms_envelope import EnvelopeForm, form_for
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.key_management import Transport
from mssante_sim.crypto.keys import CURVES
from mssante_sim.crypto.profiles import RECEIVING, RECEIVING_P256, Profile
from mssante_sim.crypto.signatures import Scheme, ecdsa, pkcs1, pss
from mssante_sim.crypto.smime import Protection
from mssante_sim.crypto.verify import FromMatches, VerificationFailed, verify
from tests.crypto.cast import RECIPIENTS, Cast
from tests.crypto.conftest import ADDRESS, OTHER
from tests.crypto.forgery import ENTITY
from tests.crypto.matrix import FORMS, YES, Cells, Us, as_markdown, in_markdown, in_readme, measured, peers
from tests.crypto.peers import Peer, Refused, Signing
from tests.crypto.programs import as_sent, attempt, key_pem, pem, run

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]  # a thousand calls of other programs, on a slow machine

NOW = SystemClock().now()


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    return Cast.assembled(tmp_path_factory.mktemp("files"), NOW)


# Who reads what


@pytest.fixture(scope="module")
def everyone(cast: Cast, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Peer, ...]]:
    with peers(cast, tmp_path_factory.mktemp("peers")) as found:
        yield found


@pytest.fixture(scope="module")
def cells(cast: Cast, everyone: tuple[Peer, ...]) -> Cells:
    return measured(cast, everyone)


def test_readme_says_what_was_measured(cells: Cells) -> None:
    """For the versions that stand there; a program of another version is held to the tests below."""
    written = in_markdown(in_readme()[1])
    columns = {column for _, column in written}
    assert {one: found for one, found in in_markdown(as_markdown(cells)).items() if one[1] in columns} == {
        one: found for one, found in written.items() if one in cells
    }
    assert {form for form, _ in written} == FORMS.keys()


def test_openssl_and_asn1crypto_read_all_that_we_write_and_we_all_that_openssl_writes(cells: Cells) -> None:
    others = {one: found for one, found in cells.items() if re.search(r"OpenSSL|asn1crypto", one[1])}
    assert len(others) == 3 * len(FORMS)
    assert {one: found for one, found in others.items() if found != YES} == {}


@pytest.mark.parametrize("form", ["signed, RSA-2048, PKCS #1 v1.5", "AES-256-CBC, RSA PKCS #1 v1.5", *list(FORMS)[-2:]])
def test_everyone_reads_what_is_written_by_default_and_is_read(cells: Cells, form: str) -> None:
    assert {column: found for (name, column), found in cells.items() if name == form and found != YES} == {}


@pytest.mark.parametrize("opaque", [False, True], ids=["detached", "opaque"])
def test_nobody_believes_an_altered_message(cast: Cast, everyone: tuple[Peer, ...], opaque: bool) -> None:
    """Else a yes in the matrix would say nothing."""
    way = Signing("RSA-2048", pkcs1(), opaque)
    sound = Us(cast).sign(ENTITY, way)
    other = ENTITY.replace(b"ordonnance", b"ORDONNANCE")
    for reader in (Us(cast), *everyone):
        assert reader.verify(sound, ENTITY, way) == ENTITY
        with pytest.raises((Refused, VerificationFailed)):
            reader.verify(sound.replace(ENTITY, other), other, way)


# Signatures


@dataclass(frozen=True)
class Signed:
    """A way to sign: with which key, how we call it, what asn1crypto names it."""

    key: str
    scheme: Scheme
    named: str


DIGESTS = (SHA_256, SHA_384, SHA_512)
RSA_KEYS = ("RSA-2048", "RSA-3072", "RSA-4096")
SIGNATURES = {
    **{f"{key} v1.5 {one.micalg}": Signed(key, pkcs1(one), "rsassa_pkcs1v15") for key in RSA_KEYS for one in DIGESTS},
    **{f"{key} PSS {one.micalg}": Signed(key, pss(one), "rsassa_pss") for key in RSA_KEYS for one in DIGESTS},
    **{
        f"{key} ECDSA {one.micalg}": Signed(key, ecdsa(one), f"{one.micalg.replace('-', '')}_ecdsa")
        for key in ("P-256", "P-384")
        for one in DIGESTS
    },
}
every_signature = pytest.mark.parametrize("row", SIGNATURES.values(), ids=SIGNATURES.keys())


def sign(cast: Cast, row: Signed, *, opaque: bool = False) -> bytes:
    return smime.sign(ENTITY, cast.signing[row.key], at=NOW, scheme=row.scheme, opaque=opaque)


def trusted(cast: Cast) -> Any:
    return cast.domain.trust(NOW)


@every_signature
@pytest.mark.parametrize("opaque", [False, True], ids=["detached", "opaque"])
def test_we_verify_ours(cast: Cast, row: Signed, opaque: bool) -> None:
    signed = sign(cast, row, opaque=opaque)
    assert smime.classify(signed) is Protection.SIGNED
    proved = verify(signed, trusted(cast), FromMatches(ADDRESS), at=NOW)
    assert (proved.content, proved.algorithm) == (ENTITY, f"{row.scheme.name}, {row.key}")
    assert proved.names_certificate
    assert opaque or f"micalg={row.scheme.digest.micalg}".encode() in signed


@every_signature
def test_another_reader_finds_the_algorithm(cast: Cast, row: Signed) -> None:
    data = asn1_cms.ContentInfo.load(smime.signature_of(sign(cast, row)).cms, strict=True)["content"]
    (info,) = data["signer_infos"]
    digest = row.scheme.digest.micalg.replace("-", "")
    assert info["digest_algorithm"]["algorithm"].native == digest
    assert info["signature_algorithm"]["algorithm"].native == row.named
    if row.named == "rsassa_pss":
        parameters = info["signature_algorithm"]["parameters"]
        assert parameters["salt_length"].native == row.scheme.digest.hash.digest_size
        assert info["signature_algorithm"].hash_algo == digest
        assert parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native == digest


@pytest.mark.parametrize("method", ["pss", "ecdsa", "pkcs1"])
def test_openssl_finds_the_certificate_that_the_signature_names(cast: Cast, method: str) -> None:
    row = next(one for one in SIGNATURES.values() if one.scheme.method.name.lower() == method)
    done = attempt("openssl", "cms", "-verify", "-cades", "-CAfile", cast.folder / "ca.pem", octets=sign(cast, row))
    assert done.returncode == 0, done.stderr
    certificate, key = cast.signer(row.key)
    signed = run(
        "openssl", "cms", "-sign", "-binary", "-cades", "-nodetach", "-signer", certificate, "-inkey", key,
        octets=ENTITY,
    )  # fmt: skip
    assert verify(as_sent(signed), trusted(cast), FromMatches(ADDRESS), at=NOW).names_certificate


# Envelopes

ENVELOPES = {
    f"{cipher.name} {transport.name}": EnvelopeForm(cipher, transport)
    for cipher in (AES_128_CBC, AES_256_CBC, AES_128_GCM, AES_256_GCM)
    for transport in Transport
}
every_form = pytest.mark.parametrize("form", ENVELOPES.values(), ids=ENVELOPES.keys())
every_key = pytest.mark.parametrize("key", RECIPIENTS)


CIPHERS = [f"-aes-{bits}-{mode}" for bits in (128, 192, 256) for mode in ("cbc", "gcm")]
RSA_WAYS = {
    "v1.5": (),
    "OAEP SHA-1": ("-keyopt", "rsa_padding_mode:oaep"),
    **{
        f"OAEP {digest}, MGF1 {mask}": (
            "-keyopt", "rsa_padding_mode:oaep", "-keyopt", f"rsa_oaep_md:{digest}", "-keyopt", f"rsa_mgf1_md:{mask}",
        )
        for digest, mask in (("sha256", "sha256"), ("sha384", "sha384"), ("sha512", "sha512"), ("sha256", "sha1"))
    },
}  # fmt: skip
EC_WAYS = {
    f"{kdf} KDF, {wrap}": ("-keyopt", f"ecdh_kdf_md:{kdf}", f"-{wrap}")
    for kdf in ("sha1", "sha256", "sha384", "sha512")
    for wrap in ("aes128-wrap", "aes192-wrap", "aes256-wrap")
}
WAYS = {
    **{f"RSA-2048 {name}": ("RSA-2048", way) for name, way in RSA_WAYS.items()},
    **{f"{key} {name}": (key, way) for key in ("P-256", "P-384") for name, way in EC_WAYS.items()},
}


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize(("key", "way"), WAYS.values(), ids=WAYS.keys())
def test_we_open_openssls(cast: Cast, cipher: str, key: str, way: tuple[str, ...]) -> None:
    certificate, _ = cast.recipient(key)
    enveloped = run("openssl", "cms", "-encrypt", "-binary", cipher, "-recip", certificate, *way, octets=ENTITY)
    assert smime.classify(enveloped) is Protection.ENVELOPED
    (named,) = smime.recipients_of(enveloped)
    assert named.names(read_certificate(cast.receiving[key].certificate))
    assert smime.decrypt(enveloped, [cast.receiving[key]]) == ENTITY


@pytest.mark.parametrize("cipher", ["-aes-256-cbc", "-aes-256-gcm"])
@every_key
def test_we_open_openssls_by_key_identifier_and_streamed(cast: Cast, cipher: str, key: str) -> None:
    certificate, _ = cast.recipient(key)
    octets = ENTITY * 2_000
    enveloped = run(
        "openssl", "cms", "-encrypt", "-binary", "-stream", "-keyid", cipher, "-recip", certificate, octets=octets
    )
    assert smime.decrypt(enveloped, [cast.receiving[key]]) == octets


@every_form
def test_recipients_with_keys_of_every_kind_share_one_envelope(cast: Cast, form: EnvelopeForm) -> None:
    enveloped = smime.envelop(ENTITY, [one.certificate for one in cast.receiving.values()], form=form)
    assert len(smime.recipients_of(enveloped)) == len(cast.receiving)
    for key, identity in cast.receiving.items():
        certificate, private = cast.recipient(key)
        assert run("openssl", "cms", "-decrypt", "-recip", certificate, "-inkey", private, octets=enveloped) == ENTITY
        assert smime.decrypt(enveloped, [identity]) == ENTITY


def test_we_open_what_openssl_encrypts_to_several(cast: Cast) -> None:
    recipients = [option for key in cast.receiving for option in ("-recip", cast.recipient(key)[0])]
    enveloped = run("openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", *recipients, octets=ENTITY)
    for identity in cast.receiving.values():
        assert smime.decrypt(enveloped, [identity]) == ENTITY


@every_form
def test_another_reader_finds_the_ciphers(cast: Cast, form: EnvelopeForm) -> None:
    certificates = [cast.receiving["RSA-2048"].certificate, cast.receiving["P-384"].certificate]
    enveloped = smime.envelop(ENTITY, certificates, form=form)
    info = asn1_cms.ContentInfo.load(smime._enveloped(enveloped), strict=True)
    data = info["content"]
    kind, content = (
        ("authenticated_enveloped_data", "auth_encrypted_content_info")
        if form.cipher.authenticated
        else ("enveloped_data", "encrypted_content_info")
    )
    assert info["content_type"].native == kind
    assert data["version"].native == ("v0" if form.cipher.authenticated else "v2")
    algorithm = data[content]["content_encryption_algorithm"]
    assert algorithm["algorithm"].dotted == {"AES-128-CBC": f"{AES}.2", "AES-256-CBC": f"{AES}.42"}.get(
        form.cipher.name, f"{AES}.{6 if form.cipher is AES_128_GCM else 46}"
    )
    by_kind = {one.name: one.chosen for one in data["recipient_infos"]}
    transport = by_kind["ktri"]["key_encryption_algorithm"]
    assert transport["algorithm"].native == ("rsaes_oaep" if form.transport is Transport.OAEP else "rsaes_pkcs1v15")
    if form.transport is Transport.OAEP:
        assert transport["parameters"]["hash_algorithm"]["algorithm"].native == "sha256"
    agreement = by_kind["kari"]
    assert agreement["version"].native == "v3"
    assert agreement["key_encryption_algorithm"]["algorithm"].dotted == "1.3.132.1.11.1"
    (member,) = agreement["recipient_encrypted_keys"]
    assert member["rid"].chosen["serial_number"].native == read_certificate(certificates[1]).serial


AES = "2.16.840.1.101.3.4.1"


# What is written follows the certificates


def capable(cast: Cast, profile: Profile, capabilities: tuple[bytes, ...], address: str = ADDRESS) -> Identity:
    return cast.domain.leaf(replace(profile, capabilities=capabilities), address, at=NOW)


def test_who_says_to_read_more_gets_more_and_openssl_reads_it_too(cast: Cast) -> None:
    modern = capable(cast, RECEIVING, MODERN)
    enveloped = smime.envelop(ENTITY, [modern.certificate])
    assert b"smime-type=authEnveloped-data" in enveloped
    assert smime.decrypt(enveloped, [modern]) == ENTITY
    (cast.folder / "modern.pem").write_bytes(pem(modern.certificate))
    (cast.folder / "modern.key").write_bytes(key_pem(modern))
    opened = run(
        "openssl", "cms", "-decrypt", "-recip", cast.folder / "modern.pem", "-inkey", cast.folder / "modern.key",
        octets=enveloped,
    )  # fmt: skip
    assert opened == ENTITY


def test_one_recipient_that_says_nothing_gets_everyone_the_default(cast: Cast) -> None:
    modern, silent = capable(cast, RECEIVING, MODERN), cast.receiving["RSA-2048"]
    enveloped = smime.envelop(ENTITY, [modern.certificate, silent.certificate])
    assert b"smime-type=enveloped-data" in enveloped
    data = asn1_cms.ContentInfo.load(smime._enveloped(enveloped))["content"]
    assert data["encrypted_content_info"]["content_encryption_algorithm"]["algorithm"].native == "aes256_cbc"
    assert {one.chosen["key_encryption_algorithm"]["algorithm"].native for one in data["recipient_infos"]} == {
        "rsaes_pkcs1v15"
    }


TRIPLE_DES, RC2 = (der.object_identifier(f"1.2.840.113549.3.{last}") for last in (7, 2))
AGREED: dict[str, tuple[tuple[tuple[bytes, ...], ...], ContentCipher]] = {
    "the strongest": ((MODERN,), AES_256_GCM),
    "what both read": ((MODERN, (AES_128_CBC.oid, AES_128_GCM.oid)), AES_128_GCM),
    "the longer key": ((EVERY_CLIENT, MODERN), AES_256_CBC),
    "one that reads the shorter key alone": (((AES_128_CBC.oid,), MODERN), AES_128_CBC),
    "nothing in common": (((AES_128_CBC.oid,), (AES_256_CBC.oid,)), AES_256_CBC),
    "nothing that is strong": (((TRIPLE_DES, RC2),), AES_256_CBC),
}


@pytest.mark.parametrize(("said", "cipher"), AGREED.values(), ids=AGREED.keys())
def test_the_cipher_is_the_strongest_that_all_read_and_never_a_weak_one(
    cast: Cast, said: tuple[tuple[bytes, ...], ...], cipher: ContentCipher
) -> None:
    recipients = [read_certificate(capable(cast, RECEIVING_P256, one).certificate) for one in said]
    assert form_for(recipients).cipher is cipher


def test_nothing_below_the_floor_can_be_asked_for() -> None:
    """What signs and encrypts takes rows of these tables; none is weaker than SHA-256 and AES-128."""
    assert {one.micalg for one in DIGEST_TABLE.values()} == {"sha-256", "sha-384", "sha-512"}
    assert {(one.name[:3], one.key_octets >= 16) for one in CONTENT_CIPHERS.values()} == {("AES", True)}
    assert {name: key.key_size for name, key in CURVES.items()} == {"P-256": 256, "P-384": 384}


def test_capabilities_that_cannot_be_read_say_nothing(cast: Cast) -> None:
    broken = capable(cast, RECEIVING, (b"\x02\x01\x00",), OTHER)
    assert b"smime-type=enveloped-data" in smime.envelop(ENTITY, [broken.certificate])


def test_the_signature_tells_what_its_writer_reads(cast: Cast) -> None:
    signed = smime.sign(ENTITY, cast.signing["P-256"], at=NOW, capabilities=MODERN)
    assert verify(signed, trusted(cast), FromMatches(ADDRESS), at=NOW).capabilities == frozenset(MODERN)


def test_an_answer_is_asked_for_with_a_curves_key_too(cast: Cast) -> None:
    receiving = read_certificate(cast.receiving["P-256"].certificate)
    signature = cms_sign.write_signed_data(ENTITY, cast.signing["P-256"], at=NOW, also=[receiving.der])
    digest = hashlib.sha256(cast.signing["P-256"].certificate).digest()
    said = {
        one["type"].native: one["values"]
        for one in asn1_cms.ContentInfo.load(signature)["content"]["signer_infos"][0]["signed_attrs"]
    }
    assert b"\x30" + said["encrypt_key_pref"][0].dump()[1:] == receiving.issuer_and_serial
    assert digest in said["1.2.840.113549.1.9.16.2.47"].dump()
