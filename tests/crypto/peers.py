"""Readers and writers of CMS that are not ours, all called alike: octets in, octets out, or what they say instead."""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import asn1crypto
from asn1crypto import cms as asn1_cms
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDH, ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from mssante_sim.crypto.algorithms import ContentCipher
from mssante_sim.crypto.identity import private_key, read_certificate
from mssante_sim.crypto.key_management import Transport
from mssante_sim.crypto.pkcs12 import compatible_bundle, write_bundle
from mssante_sim.crypto.signatures import Method, Scheme
from tests.crypto.cast import Cast
from tests.crypto.programs import Call, attempt, gpgsm, run

_PASSPHRASE = "phrase-de-passe"


class Refused(Exception):
    """The program does not read or write it; the text is its own."""


class NotThere(Exception):
    """The program has no way to be asked for it; the text says why."""


@dataclass(frozen=True)
class Signing:
    """How something is signed."""

    key: str
    scheme: Scheme
    opaque: bool = False

    def __str__(self) -> str:
        return f"{self.scheme.digest.micalg.upper()} {'opaque' if self.opaque else 'detached'}"


@dataclass(frozen=True)
class Sealing:
    """How something is encrypted, and to keys of which kinds."""

    keys: tuple[str, ...]
    cipher: ContentCipher
    transport: Transport = Transport.PKCS1

    def __str__(self) -> str:
        return " and ".join(self.keys)


class Peer(Protocol):
    """One program.  Every method raises Refused or NotThere."""

    @property
    def name(self) -> str:
        """With its version."""
        ...

    def verify(self, cms: bytes, content: bytes, way: Signing) -> bytes:
        """What `cms` proves to be signed; `content` is at hand for a detached signature."""
        ...

    def sign(self, content: bytes, way: Signing) -> bytes:
        """CMS."""
        ...

    def decrypt(self, cms: bytes, key: str) -> bytes:
        """The content, opened with the receiving key of that kind."""
        ...

    def encrypt(self, content: bytes, way: Sealing) -> bytes:
        """CMS."""
        ...


def _version(*command: str) -> str:
    done = attempt(*command)
    found = re.search(rb"\d+\.\d+", done.stdout + done.stderr)
    assert found is not None, done
    return found[0].decode()


def _said(done: subprocess.CompletedProcess[bytes], words: str) -> str:
    """The first thing in what a program said that `words` finds."""
    text = done.stderr.decode(errors="replace")
    found = re.search(words, text)
    return found[1].strip() if found else f"status {done.returncode}"


@dataclass(frozen=True)
class OpenSsl:
    """`openssl cms`."""

    cast: Cast

    @cached_property
    def name(self) -> str:
        return f"OpenSSL {_version('openssl', 'version')}"

    def _run(self, *options: str | Path, octets: bytes) -> bytes:
        done = attempt("openssl", "cms", "-binary", *options, octets=octets)
        if done.returncode != 0:
            raise Refused(_said(done, r":error:[^:]*:[^:]*:([^:]+):"))
        return done.stdout

    def verify(self, cms: bytes, content: bytes, way: Signing) -> bytes:
        (self.cast.folder / "content").write_bytes(content)
        apart = () if way.opaque else ("-content", self.cast.folder / "content")
        trusted = ("-CAfile", self.cast.folder / "ca.pem", "-purpose", "smimesign")
        return self._run("-verify", "-inform", "DER", *trusted, *apart, octets=cms)

    def sign(self, content: bytes, way: Signing) -> bytes:
        certificate, key = self.cast.signer(way.key)
        padding = ("-keyopt", "rsa_padding_mode:pss") if way.scheme.method is Method.PSS else ()
        form = ("-nodetach",) if way.opaque else ()
        return self._run(
            "-sign", "-outform", "DER", "-signer", certificate, "-inkey", key,
            "-md", way.scheme.digest.micalg.replace("-", ""), *padding, *form, octets=content,
        )  # fmt: skip

    def decrypt(self, cms: bytes, key: str) -> bytes:
        certificate, private = self.cast.recipient(key)
        return self._run("-decrypt", "-inform", "DER", "-recip", certificate, "-inkey", private, octets=cms)

    def encrypt(self, content: bytes, way: Sealing) -> bytes:
        padding = ("-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256")
        recipients: list[str | Path] = []
        for key in way.keys:
            recipients += ["-recip", self.cast.recipient(key)[0]]
            recipients += padding if way.transport is Transport.OAEP and key.startswith("RSA") else ()
        return self._run("-encrypt", "-outform", "DER", f"-{way.cipher.name.lower()}", *recipients, octets=content)


@dataclass(frozen=True)
class Gpgsm:
    """gpgsm, with what it takes of the keys: it imports none on a curve."""

    cast: Cast
    folder: Path
    call: Call

    @classmethod
    @contextmanager
    def at_work(cls, cast: Cast, folder: Path) -> "Iterator[Gpgsm]":
        folder.mkdir()
        bundles = []
        for usage, identities in (("signing", cast.signing), ("receiving", cast.receiving)):
            for key, identity in identities.items():
                if key.startswith("RSA"):
                    bundles.append(folder / f"{usage}.{key}.p12")
                    bundles[-1].write_bytes(compatible_bundle(identity, _PASSPHRASE, key))
        with gpgsm(folder / "home", cast.authorities, bundles, _PASSPHRASE) as call:
            for key in ("P-256", "P-384"):  # to encrypt to
                call("--import", cast.recipient(key)[0])
            yield cls(cast, folder, call)

    @cached_property
    def name(self) -> str:
        return f"gpgsm {_version('gpgsm', '--version')}"

    def _run(self, *options: str | Path) -> bytes:
        (self.folder / "out").unlink(missing_ok=True)
        done = self.call("--status-fd", "1", "--output", self.folder / "out", *options)
        if done.returncode != 0 or b"BADSIG" in done.stdout:
            raise Refused(_said(done, r"gpgsm: (?:.*: )?([^:\n]*(?:nsupported|nvalid|not |No |nknown|rror)[^:\n]*)"))
        if "--verify" in options and not (b"GOODSIG" in done.stdout and b"TRUST_FULLY" in done.stdout):
            raise Refused("no good signature")
        return (self.folder / "out").read_bytes() if (self.folder / "out").exists() else b""

    def verify(self, cms: bytes, content: bytes, way: Signing) -> bytes:
        (self.folder / "signature").write_bytes(cms)
        if way.opaque:
            return self._run("--verify", self.folder / "signature")
        (self.folder / "content").write_bytes(content)
        self._run("--verify", self.folder / "signature", self.folder / "content")
        return content

    def sign(self, content: bytes, way: Signing) -> bytes:
        if way.scheme.method is not Method.PKCS1:
            raise NotThere(
                "gpgsm imports no key on a curve"
                if way.scheme.method is Method.ECDSA
                else "gpgsm has no option for PSS"
            )
        (self.folder / "content").write_bytes(content)
        digest = ("--digest-algo", way.scheme.digest.micalg.replace("-", ""))
        form = "--sign" if way.opaque else "--detach-sign"
        own = _mark(self.cast.signing[way.key].certificate)
        return self._run("--local-user", own, *digest, form, self.folder / "content")

    def decrypt(self, cms: bytes, key: str) -> bytes:
        if not key.startswith("RSA"):
            raise NotThere("gpgsm imports no key on a curve")
        (self.folder / "in").write_bytes(cms)
        return self._run("--decrypt", self.folder / "in")

    def encrypt(self, content: bytes, way: Sealing) -> bytes:
        if way.cipher.authenticated:
            raise NotThere("gpgsm writes no AES-GCM")
        if way.transport is Transport.OAEP:
            raise NotThere("gpgsm has no option for OAEP")
        (self.folder / "content").write_bytes(content)
        marks = (one for key in way.keys for one in ("--recipient", _mark(self.cast.receiving[key].certificate)))
        cipher = way.cipher.name.removesuffix("-CBC").replace("-", "")
        return self._run("--cipher-algo", cipher, *marks, "--encrypt", self.folder / "content")


def _mark(certificate: bytes) -> str:
    return "0x" + x509.load_der_x509_certificate(certificate).fingerprint(SHA1()).hex()  # noqa: S303  (its name for one)


@dataclass(frozen=True)
class Nss:
    """The CMS of NSS, through its `cmsutil`, with a database of its own."""

    cast: Cast
    folder: Path

    @classmethod
    def at_work(cls, cast: Cast, folder: Path) -> "Nss":
        folder.mkdir()
        found = cls(cast, folder)
        run("certutil", "-N", "-d", found.database, "--empty-password")
        for name, trust, certificate in zip(("root", "issuing"), ("C,C,C", ",,"), cast.authorities, strict=True):
            run("certutil", "-A", "-d", found.database, "-n", name, "-t", trust, octets=certificate)
        (folder / "phrase").write_text(_PASSPHRASE)
        for usage, identities in (("signing", cast.signing), ("receiving", cast.receiving)):
            for key, identity in identities.items():
                (folder / "own.p12").write_bytes(write_bundle([identity], _PASSPHRASE, f"{usage} {key}"))
                run("pk12util", "-i", folder / "own.p12", "-d", found.database, "-w", folder / "phrase")
        return found

    @property
    def database(self) -> str:
        return f"sql:{self.folder}"

    @cached_property
    def name(self) -> str:
        listed = run("dpkg-query", "-W", "-f", "${Version}", "libnss3-tools").decode()
        return f"NSS {listed.partition(':')[2][:4]}"

    def _run(self, *options: str | Path, octets: bytes) -> bytes:
        (self.folder / "in").write_bytes(octets)
        done = attempt("cmsutil", *options, "-d", self.database, "-i", self.folder / "in")
        if done.returncode != 0:
            raise Refused(_said(done, r"((?:SEC|PR)_[A-Z_]+)"))
        return done.stdout

    def verify(self, cms: bytes, content: bytes, way: Signing) -> bytes:
        (self.folder / "content").write_bytes(content)
        apart = () if way.opaque else ("-c", self.folder / "content")
        status = self._run("-D", "-n", "-h", "1", *apart, octets=cms)
        if b"signer0.status=GoodSignature" not in status or b"nsigners=1;" not in status:
            raise Refused(status.decode(errors="replace"))
        return self._run("-D", *apart, octets=cms)

    def sign(self, content: bytes, way: Signing) -> bytes:
        if way.scheme.method is Method.PSS:
            raise NotThere("cmsutil has no option for PSS")
        form = () if way.opaque else ("-T",)
        digest = way.scheme.digest.micalg.upper().replace("-", "")
        own = f"signing {way.key} signature"
        return self._run("-S", "-N", own, "-H", digest, "-G", "-P", "-Y", "NONE", *form, octets=content)

    def decrypt(self, cms: bytes, key: str) -> bytes:
        return self._run("-D", octets=cms)

    def encrypt(self, content: bytes, way: Sealing) -> bytes:
        if (way.cipher.name, way.transport) != ("AES-256-CBC", Transport.PKCS1):
            raise NotThere("cmsutil chooses the cipher and the padding itself")
        names = ",".join(f"receiving {key} chiffrement" for key in way.keys)
        return self._run("-E", "-r", names, octets=content)


@dataclass(frozen=True)
class Asn1Crypto:
    """asn1crypto takes CMS apart, and the library's primitives do the rest: a reader that shares no line with ours.

    It must also write the same octets again: what we write is DER.
    """

    cast: Cast

    @cached_property
    def name(self) -> str:
        return f"asn1crypto {asn1crypto.__version__.rpartition('.')[0]}"

    @staticmethod
    def _read(cms: bytes) -> Any:
        info = asn1_cms.ContentInfo.load(cms, strict=True)
        if info.dump(force=True) != cms:
            raise Refused("is no DER")
        return info["content"]

    def verify(self, cms: bytes, content: bytes, way: Signing) -> bytes:
        data = self._read(cms)
        (signer,) = data["signer_infos"]
        digest = _HASHES[signer["digest_algorithm"]["algorithm"].native]
        attributes = {one["type"].native: one["values"][0].native for one in signer["signed_attrs"]}
        found = bytes(data["encap_content_info"]["content"].native) if way.opaque else content
        if attributes["message_digest"] != hashlib.new(digest.name, found).digest():
            raise Refused("another digest")
        octets = signer["signed_attrs"].untag().dump(force=True)
        key = read_certificate(self.cast.signing[way.key].certificate).public_key
        match key:
            case RSAPublicKey():
                named = signer["signature_algorithm"]["algorithm"].native
                padding = PSS(MGF1(digest), digest.digest_size) if named == "rsassa_pss" else PKCS1v15()
                key.verify(signer["signature"].native, octets, padding, digest)
            case EllipticCurvePublicKey():
                key.verify(signer["signature"].native, octets, ECDSA(digest))
        return found

    def decrypt(self, cms: bytes, key: str) -> bytes:
        data = self._read(cms)
        authenticated = "mac" in data.native
        info = data["auth_encrypted_content_info" if authenticated else "encrypted_content_info"]
        parameters, encrypted = info["content_encryption_algorithm"]["parameters"], info["encrypted_content"].native
        content_key = self._content_key(data["recipient_infos"], key)
        if authenticated:
            nonce = core.load(parameters.dump())[0].native
            return AESGCM(content_key).decrypt(nonce, encrypted + data["mac"].native, None)
        cipher = Cipher(AES(content_key), CBC(parameters.native)).decryptor()
        padded = cipher.update(encrypted) + cipher.finalize()
        return padded[: -padded[-1]]

    def _content_key(self, infos: Any, key: str) -> bytes:
        identity = self.cast.receiving[key]
        serial, private = read_certificate(identity.certificate).serial, private_key(identity)
        for info in infos:
            chosen = info.chosen
            if info.name == "ktri" and chosen["rid"].chosen["serial_number"].native == serial:
                named = chosen["key_encryption_algorithm"]["algorithm"].native
                padding = OAEP(MGF1(SHA256()), SHA256(), None) if named == "rsaes_oaep" else PKCS1v15()
                return private.decrypt(chosen["encrypted_key"].native, padding)  # type: ignore[union-attr]
            if info.name == "kari" and _recipient(chosen)["rid"].chosen["serial_number"].native == serial:
                return _agreed(chosen, private)
        raise Refused("no key for it")

    def sign(self, content: bytes, way: Signing) -> bytes:
        raise NotThere("writes nothing")

    def encrypt(self, content: bytes, way: Sealing) -> bytes:
        raise NotThere("writes nothing")


def _recipient(info: Any) -> Any:
    (found,) = info["recipient_encrypted_keys"]
    return found


def _agreed(info: Any, private: Any) -> bytes:
    """The content key of a KeyAgreeRecipientInfo with SHA-256 and AES-256 wrap.  [RFC 5753 §7.2]"""
    point = info["originator"].chosen["public_key"].native
    shared = private.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(private.curve, point))
    wrap = info["key_encryption_algorithm"]["parameters"].dump()
    length = core.OctetString((256).to_bytes(4, "big"), explicit=2).dump()
    shared_info = b"\x30" + bytes((len(wrap + length),)) + wrap + length
    wrapping = X963KDF(SHA256(), 32, shared_info).derive(shared)
    return aes_key_unwrap(wrapping, _recipient(info)["encrypted_key"].native)


_HASHES: Final[dict[str, HashAlgorithm]] = {"sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}
