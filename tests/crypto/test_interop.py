"""Programs that are not ours read what we write, and we read what they write."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mssante_sim.clock import SystemClock
from mssante_sim.crypto import smime
from mssante_sim.crypto.content_encryption import NotAccepted
from mssante_sim.crypto.exports import TRUSTSTORE_PASSWORD, authority_files, revocation_files
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.keystore import Holder, Keystore
from mssante_sim.crypto.pkcs12 import _compatible, _loses_a_zero, compatible_bundle, write_bundle
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.verify import FromMatches, VerificationFailed, verify
from tests.crypto.conftest import ADDRESS, BASE
from tests.crypto.forgery import ENTITY, multipart
from tests.crypto.measuring import version
from tests.crypto.programs import gpgsm as gpgsm_home
from tests.crypto.programs import key_pem, pem, run

pytestmark = pytest.mark.interop

PASSPHRASE = "phrase-de-passe"
NOW = SystemClock().now()  # these programs look at the machine's clock


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    made = Keystore.create(tmp_path_factory.mktemp("home") / "trust", at=NOW, base=BASE, hosts=["localhost"])
    made.issue([Holder(ADDRESS, "PHARMACIE FICTIVE", "1990000010", "Ille-et-Vilaine (35)")], at=NOW)
    return made


@pytest.fixture(scope="module")
def files(keystore: Keystore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything as PEM, and the exports."""
    folder = tmp_path_factory.mktemp("files")
    for name, octets in (authority_files(keystore) | revocation_files(keystore)).items():
        (folder / name).write_bytes(octets)
    for usage in (Usage.SIGN, Usage.RECEIVE):
        identity = own(keystore, usage)
        (folder / f"{usage.value}.pem").write_bytes(pem(identity.certificate))
        (folder / f"{usage.value}.key").write_bytes(key_pem(identity))
        (folder / f"{usage.value}.compatible.p12").write_bytes(compatible_bundle(identity, PASSPHRASE, ADDRESS))
    both = [own(keystore, Usage.SIGN), own(keystore, Usage.RECEIVE)]
    (folder / "both.p12").write_bytes(write_bundle(both, PASSPHRASE, ADDRESS))
    return folder


def own(keystore: Keystore, usage: Usage) -> Identity:
    found = keystore.identity(ADDRESS, usage)
    assert found is not None
    return found


def sealed(keystore: Keystore, entity: bytes = ENTITY) -> bytes:
    receiving = own(keystore, Usage.RECEIVE)
    signed = smime.sign(entity, own(keystore, Usage.SIGN), at=NOW, also=[receiving.certificate])
    return smime.envelop(signed, [receiving.certificate])


ENTITIES = [
    ENTITY,
    b"Content-Type: text/plain\r\n\r\n",
    b"\r\nsans champ",
    b"X: y\r\n\r\n. point\r\n \r\n\r\n",
    ENTITY * 20_000,
]


# openssl


@pytest.mark.parametrize("entity", ENTITIES, ids=["text", "empty", "no field", "dots", "1.5 MB"])
def test_openssl_decrypts_and_verifies(keystore: Keystore, files: Path, entity: bytes) -> None:
    signed = run(
        "openssl", "cms", "-decrypt", "-recip", files / "receiving.pem", "-inkey", files / "receiving.key",
        octets=sealed(keystore, entity),
    )  # fmt: skip
    assert run("openssl", "cms", "-verify", "-CAfile", files / "ca.pem", octets=signed) == entity


def test_openssl_verifies_with_revocation_and_the_purpose(files: Path) -> None:
    checks = ("-crl_check_all", "-CRLfile", files / "crl.pem", "-CAfile", files / "ca.pem", "-x509_strict")
    for name, purpose in (("signing", "smimesign"), ("receiving", "smimeencrypt")):
        run("openssl", "verify", *checks, "-purpose", purpose, files / f"{name}.pem")
        said = run("openssl", "x509", "-in", files / f"{name}.pem", "-noout", "-ocsp_uri").decode().strip()
        assert said == f"{BASE}/ocsp/issuing"


def test_openssl_sees_each_usage_and_no_other(files: Path) -> None:
    found = {
        name: run("openssl", "x509", "-in", files / f"{name}.pem", "-noout", "-purpose").decode().splitlines()
        for name in ("signing", "receiving")
    }
    assert "S/MIME signing : Yes" in found["signing"]
    assert "S/MIME encryption : No" in found["signing"]
    assert "S/MIME signing : No" in found["receiving"]
    assert "S/MIME encryption : Yes" in found["receiving"]
    for lines in found.values():
        assert {"S/MIME signing CA : No", "S/MIME encryption CA : No", "SSL server : No"} <= set(lines)


def test_openssl_finds_a_revoked_certificate(keystore: Keystore, files: Path, tmp_path: Path) -> None:
    keystore.issue([Holder("revoque@officine.mssante.test", "PHARMACIE FICTIVE")], at=NOW)
    revoked = keystore.identity("revoque@officine.mssante.test", Usage.SIGN)
    assert revoked is not None
    keystore.revoke("revoque@officine.mssante.test", Usage.SIGN, at=NOW, reason="keyCompromise")
    (tmp_path / "crl.pem").write_bytes(revocation_files(keystore)["crl.pem"])
    (tmp_path / "leaf.pem").write_bytes(pem(revoked.certificate))
    checks = ["-crl_check_all", "-CRLfile", str(tmp_path / "crl.pem"), "-CAfile", str(files / "ca.pem")]
    done = subprocess.run(
        ["openssl", "verify", *checks, str(tmp_path / "leaf.pem")], capture_output=True, check=False, timeout=60
    )
    assert b"certificate revoked" in done.stderr
    run("openssl", "verify", *checks, files / "signing.pem")


SIGN: dict[str, tuple[str, ...]] = {
    "detached": (),
    "opaque": ("-nodetach",),
    "in BER": ("-nodetach", "-stream"),
    "by key identifier": ("-keyid",),
    "SHA-512": ("-md", "sha512"),
    "no capabilities": ("-nosmimecap",),
}


@pytest.mark.parametrize("options", SIGN.values(), ids=SIGN.keys())
def test_we_verify_what_openssl_signs(keystore: Keystore, files: Path, options: tuple[str, ...]) -> None:
    signed = run(
        "openssl", "cms", "-sign", "-binary", "-crlfeol", "-signer", files / "signing.pem",
        "-inkey", files / "signing.key", *options, octets=ENTITY,
    )  # fmt: skip
    signed = b"\r\n".join(signed.replace(b"\r\n", b"\n").split(b"\n"))
    proved = verify(signed, keystore.trust(), FromMatches(ADDRESS), at=NOW)
    assert proved.content == ENTITY
    assert proved.signing_time is not None


@pytest.mark.parametrize("options", [("-noattr",), ("-md", "sha1"), ("-md", "md5"), ("-md", "sha224")], ids=" ".join)
def test_we_refuse_what_is_not_accepted(keystore: Keystore, files: Path, options: tuple[str, ...]) -> None:
    signed = run(
        "openssl", "cms", "-sign", "-binary", "-nodetach", "-signer", files / "signing.pem",
        "-inkey", files / "signing.key", *options, octets=ENTITY,
    )  # fmt: skip
    with pytest.raises(VerificationFailed) as caught:
        verify(signed, keystore.trust(), FromMatches(ADDRESS), at=NOW)
    assert caught.value.step in (1, 2)


ENCRYPT = [
    ("-aes-128-cbc",),
    ("-aes-192-cbc",),
    ("-aes-256-cbc",),
    ("-aes-256-cbc", "-stream"),
    ("-aes-256-cbc", "-keyid"),
]


@pytest.mark.parametrize("options", ENCRYPT, ids=" ".join)
@pytest.mark.parametrize("entity", [ENTITY, b"", ENTITY * 4_000], ids=["text", "empty", "300 kB"])
def test_we_open_what_openssl_encrypts(
    keystore: Keystore, files: Path, options: tuple[str, ...], entity: bytes
) -> None:
    enveloped = run("openssl", "cms", "-encrypt", "-binary", *options, files / "receiving.pem", octets=entity)
    assert smime.decrypt(enveloped, [own(keystore, Usage.RECEIVE)]) == entity
    (recipient,) = smime.recipients_of(enveloped)
    assert recipient.names(read_certificate(own(keystore, Usage.RECEIVE).certificate))


LEGACY = ("-provider", "legacy", "-provider", "default")
WEAK = ["-des3", "-des-cbc", "-rc2-cbc", "-rc2-40-cbc", "-camellia256", "-aes-256-cfb"]


@pytest.mark.parametrize("cipher", WEAK)
def test_we_do_not_open_what_is_not_accepted(keystore: Keystore, files: Path, cipher: str) -> None:
    to = ("-recip", files / "receiving.pem")
    enveloped = run("openssl", "cms", "-encrypt", "-binary", *LEGACY, cipher, *to, octets=ENTITY)
    with pytest.raises(NotAccepted):
        smime.decrypt(enveloped, [own(keystore, Usage.RECEIVE)])


# Bundles and trust stores


def test_openssl_reads_both_keys_of_a_bundle(files: Path) -> None:
    secret = ("-passin", "env:PHRASE", "-nodes")
    text = run("openssl", "pkcs12", "-in", files / "both.p12", *secret, env={**os.environ, "PHRASE": PASSPHRASE})
    assert text.count(b"BEGIN PRIVATE KEY") == 2
    assert text.count(b"BEGIN CERTIFICATE") == 3
    info = ("openssl", "pkcs12", "-in", files / "both.p12", *secret, "-info", "-noout")
    done = subprocess.run(
        list(map(str, info)), env={**os.environ, "PHRASE": PASSPHRASE}, capture_output=True, check=True, timeout=60
    )
    assert b"AES-256-CBC" in done.stderr
    assert b"sha256" in done.stderr


def test_nss_imports_both_keys_of_a_bundle(files: Path, tmp_path: Path) -> None:
    database = f"sql:{tmp_path}"
    run("certutil", "-N", "-d", database, "--empty-password")
    run("certutil", "-A", "-d", database, "-n", "authority", "-t", "CT,C,C", "-i", files / "ca.der")
    (tmp_path / "phrase").write_text(PASSPHRASE)
    run("pk12util", "-i", files / "both.p12", "-d", database, "-w", tmp_path / "phrase")
    keys = run("certutil", "-K", "-d", database).decode()
    assert keys.count("rsa") == 2
    listed = run("certutil", "-L", "-d", database).decode()
    assert listed.count("u,u,u") == 2
    for usage in ("S", "R"):  # each as NSS itself judges it
        done = [
            subprocess.run(
                ["certutil", "-V", "-d", database, "-n", line.removesuffix("u,u,u").strip(), "-u", usage],
                capture_output=True,
                check=False,
                timeout=60,
            ).returncode
            for line in listed.splitlines()
            if line.endswith("u,u,u")
        ]
        assert 0 in done


def test_java_reads_the_trust_store(files: Path) -> None:
    listed = run("keytool", "-list", "-keystore", files / "truststore.p12", "-storepass", TRUSTSTORE_PASSWORD).decode()
    assert "trustedCertEntry" in listed
    assert "mssante-sim" in listed


def test_java_reads_every_key_of_a_bundle(keystore: Keystore, files: Path) -> None:
    both = [own(keystore, Usage.SIGN), own(keystore, Usage.RECEIVE)]
    (files / "renewed.p12").write_bytes(write_bundle([*both, both[1]], PASSPHRASE, ADDRESS))
    for name, expected in (("both.p12", 2), ("renewed.p12", 3)):
        listed = run(
            "keytool", "-list", "-keystore", files / name, "-storetype", "PKCS12", "-storepass:env", "PHRASE",
            env={**os.environ, "PHRASE": PASSPHRASE},
        )  # fmt: skip
        assert listed.count(b"PrivateKeyEntry") == expected


# gpgsm


@pytest.fixture(scope="module")
def gpgsm(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., bytes]]:
    """gpgsm with a home of its own that holds the authority and both keys."""
    authorities = [x509.load_der_x509_certificate((files / "ca.der").read_bytes()).public_bytes(Encoding.DER)]
    authorities += [
        one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates((files / "ca.pem").read_bytes())[1:]
    ]
    bundles = [files / f"{usage}.compatible.p12" for usage in ("signing", "receiving")]
    with gpgsm_home(tmp_path_factory.mktemp("gpg") / "home", authorities, bundles, PASSPHRASE) as call:

        def successful(*options: str | Path) -> bytes:
            done = call(*options)
            assert done.returncode == 0, done.stderr.decode(errors="replace")
            return done.stdout

        yield successful


def test_no_bundle_has_a_salt_with_which_gpgsm_loses_a_zero(
    gpgsm: Callable[..., bytes], keystore: Keystore, tmp_path: Path
) -> None:
    """The library alone makes such a file 3 times of 100; gpgsm 2.2 says then that the passphrase is wrong."""
    signing, file = own(keystore, Usage.SIGN), tmp_path / "own.p12"
    assert not any(_loses_a_zero(compatible_bundle(signing, PASSPHRASE, ADDRESS), PASSPHRASE) for _ in range(30))
    made = (_compatible(signing, PASSPHRASE, ADDRESS) for _ in range(2_000))
    file.write_bytes(next(one for one in made if _loses_a_zero(one, PASSPHRASE)))
    if version("gpgsm") == "2.2":
        with pytest.raises(AssertionError, match="error parsing or decrypting"):
            gpgsm("--import", file)


def test_gpgsm_decrypts_and_verifies(gpgsm: Callable[..., bytes], keystore: Keystore, tmp_path: Path) -> None:
    assert gpgsm("--list-secret-keys", "--with-colons").count(b"\ncrs:") == 2
    enveloped = sealed(keystore)
    (tmp_path / "in").write_bytes(b"".join(enveloped.partition(b"\r\n\r\n")[2:]))
    gpgsm("--assume-base64", "--output", tmp_path / "out", "--decrypt", tmp_path / "in")
    detached = smime.signature_of((tmp_path / "out").read_bytes())
    assert detached.content == ENTITY
    (tmp_path / "signature").write_bytes(detached.cms)
    (tmp_path / "content").write_bytes(ENTITY)
    said = gpgsm("--status-fd", "1", "--verify", tmp_path / "signature", tmp_path / "content")
    assert b"GOODSIG" in said
    assert b"TRUST_FULLY" in said


def test_we_verify_what_gpgsm_signs(gpgsm: Callable[..., bytes], keystore: Keystore, tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(ENTITY)
    gpgsm(
        "--local-user",
        f"<{ADDRESS}>",
        "--output",
        tmp_path / "signature",
        "--sign",
        "--detach-sign",
        tmp_path / "content",
    )
    signed = multipart(ENTITY, (tmp_path / "signature").read_bytes())
    assert verify(signed, keystore.trust(), FromMatches(ADDRESS), at=SystemClock().now()).content == ENTITY
