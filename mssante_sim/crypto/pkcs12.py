"""PKCS#12 files: what a person imports into a mail program.  [RFC 7292]

The library writes one key a file; a mailbox has two (one signs, one receives),
and a person should import once. So the modern form is written here: keys under
PBES2 (the library's), certificates in clear, all under an HMAC-SHA-256. gpgsm
2.2 reads neither PBES2 nor a second key, hence the compatible form: the
library's, one identity a file, in the old algorithms that it knows.
"""

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)

from mssante_sim.crypto import der
from mssante_sim.crypto.cms import DATA, content_info, explicit, fields_of
from mssante_sim.crypto.der import Element, Malformed
from mssante_sim.crypto.identity import Identity, load_key, read_certificate
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.secret import Secret
from mssante_sim.crypto.trust import accepts_usage
from mssante_sim.errors import SimulatorError

__all__ = ["BadBundle", "compatible_bundle", "read_bundle", "write_bundle"]

_KEY_BAG: Final = der.object_identifier("1.2.840.113549.1.12.10.1.2")  # shrouded
_CERTIFICATE_BAG: Final = der.object_identifier("1.2.840.113549.1.12.10.1.3")
_X509: Final = der.object_identifier("1.2.840.113549.1.9.22.1")
_FRIENDLY_NAME: Final = der.object_identifier("1.2.840.113549.1.9.20")
_LOCAL_KEY_ID: Final = der.object_identifier("1.2.840.113549.1.9.21")
_SHA_256: Final = der.object_identifier("2.16.840.1.101.3.4.2.1")
_BMP_STRING: Final = 0x1E
_ROUNDS: Final = 2_048  # openssl's own choice; the passphrase is printed for whoever wants it
_MOST_ROUNDS: Final = 1_000_000
_KEY_PURPOSE: Final = 1  # [RFC 7292 §B.3]
_MAC_PURPOSE: Final = 3
_BLOCK: Final = 64  # octets that SHA-1 and SHA-256 take at a time
_TRIPLE_DES: Final = der.object_identifier("1.2.840.113549.1.12.1.3")  # with SHA-1


class BadBundle(SimulatorError):
    """The file is no PKCS#12 of our modern form, or the passphrase is another."""


def write_bundle(identities: Sequence[Identity], passphrase: str, name: str) -> bytes:
    """All `identities` with their chains in one file; `name`, the usage and a number are what programs show."""
    labelled = list(zip(identities, _labels(identities, name), strict=True))
    certificates = [_certificate_bag(one.certificate, label) for one, label in labelled]
    certificates += (_certificate_bag(one, None) for one in dict.fromkeys(c for i in identities for c in i.chain))
    keys = [_key_bag(one, passphrase, label) for one, label in labelled]
    safes = der.sequence(*(_data(der.sequence(*bags)) for bags in (certificates, keys)))
    salt = secrets.token_bytes(16)
    mac = hmac.digest(_mac_key(passphrase, salt, _ROUNDS), safes, "sha256")
    digest_info = der.sequence(der.sequence(_SHA_256, der.tlv(der.NULL)), der.octet_string(mac))
    return der.sequence(
        der.integer(3), _data(safes), der.sequence(digest_info, der.octet_string(salt), der.integer(_ROUNDS))
    )


def compatible_bundle(identity: Identity, passphrase: str, name: str) -> bytes:
    """One identity in the form that gpgsm 2.2 and other old programs read: 3DES and SHA-1, weak on purpose.

    QUIRK: from 3 salts of 100 gpgsm 2.2 derives another key, and says that the passphrase is wrong; such a file is
    made anew.
    """
    files = iter(lambda: _compatible(identity, passphrase, name), b"")
    return next(one for one in files if not _loses_a_zero(one, passphrase))


def _compatible(identity: Identity, passphrase: str, name: str) -> bytes:
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303  what old programs read
        .build(passphrase.encode())
    )
    certificate, *chain = map(x509.load_der_x509_certificate, (identity.certificate, *identity.chain))
    return pkcs12.serialize_key_and_certificates(name.encode(), load_key(identity.key), certificate, chain, encryption)


def read_bundle(octets: bytes, passphrase: str) -> list[Identity]:
    """The identities of a file that `write_bundle` made.

    Raises:
        BadBundle: it is not one, was changed, or the passphrase is another.
    """
    try:
        version, content, mac = fields_of(der.parse(octets), 3)[:3]
        version.number()
        safes = _octets_of(content)
        _check_mac(mac, safes, passphrase)
        bags = [bag for safe in der.parse(safes).children() for bag in der.parse(_octets_of(safe)).children()]
        certificates = list(_certificates(bags))
        keys = list(_keys(bags, passphrase))
    except (Malformed, ValueError, TypeError) as error:
        raise BadBundle("The PKCS#12 file cannot be read with this passphrase.", detail=str(error)) from error
    return list(_joined(certificates, keys))


def _joined(certificates: Sequence[bytes], keys: Sequence[Secret[bytes]]) -> Iterator[Identity]:
    chain = tuple(one for one in certificates if read_certificate(one).authority)
    public = {load_key(key).public_key().public_numbers(): key for key in keys}
    for octets in certificates:
        owner = read_certificate(octets).public_key
        key = public.get(owner.public_numbers()) if owner is not None else None
        if key is not None:
            yield Identity(octets, key, chain)


def _labels(identities: Iterable[Identity], name: str) -> Iterator[str]:
    """One for each, all different: Java keeps only the last of two entries with one name."""
    seen: Counter[str] = Counter()
    for identity in identities:
        usage = "signature" if accepts_usage(read_certificate(identity.certificate), Usage.SIGN) else "chiffrement"
        seen[usage] += 1
        yield f"{name} {usage}" if seen[usage] == 1 else f"{name} {usage} {seen[usage]}"


def _data(octets: bytes) -> bytes:
    wrapped = der.octet_string(octets)
    return content_info(DATA, len(wrapped)) + wrapped


def _octets_of(element: Element) -> bytes:
    kind, content = fields_of(element, 2)[:2]
    if kind.octets != DATA:
        raise Malformed("another kind of safe")
    return explicit(content).string()


def _bag(kind: bytes, value: bytes, *attributes: bytes) -> bytes:
    return der.sequence(kind, der.context(0, value), *([der.set_of(*attributes)] if attributes else []))


def _certificate_bag(certificate: bytes, name: str | None) -> bytes:
    value = der.sequence(_X509, der.context(0, der.octet_string(certificate)))
    return _bag(_CERTIFICATE_BAG, value, *(_attributes(certificate, name) if name is not None else ()))


def _key_bag(identity: Identity, passphrase: str, name: str) -> bytes:
    shrouded = load_key(identity.key).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode())
    )
    return _bag(_KEY_BAG, shrouded, *_attributes(identity.certificate, name))


def _attributes(certificate: bytes, name: str) -> Iterable[bytes]:
    """What joins a key and its certificate, and how a program names them."""
    mark = der.octet_string(hashlib.sha256(certificate).digest()[:20])
    label = der.tlv(_BMP_STRING, name.encode("utf-16-be"))
    return (
        der.sequence(_FRIENDLY_NAME, der.tlv(der.SET, label)),
        der.sequence(_LOCAL_KEY_ID, der.tlv(der.SET, mark)),
    )


def _certificates(bags: Iterable[Element]) -> Iterator[bytes]:
    for bag in bags:
        kind, value = fields_of(bag, 2)[:2]
        if kind.octets == _CERTIFICATE_BAG:
            yield explicit(fields_of(explicit(value), 2)[1]).string()


def _keys(bags: Iterable[Element], passphrase: str) -> Iterator[Secret[bytes]]:
    for bag in bags:
        kind, value = fields_of(bag, 2)[:2]
        if kind.octets == _KEY_BAG:
            key = load_der_private_key(bytes(explicit(value).octets), passphrase.encode())
            yield Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _check_mac(element: Element, safes: bytes, passphrase: str) -> None:
    digest_info, salt, rounds = fields_of(element, 3)[:3]
    count = rounds.number()
    if not 1 <= count <= _MOST_ROUNDS:
        raise Malformed("an unlikely number of rounds")
    expected = hmac.digest(_mac_key(passphrase, salt.string(), count), safes, "sha256")
    if not hmac.compare_digest(expected, fields_of(digest_info, 2)[1].string()):
        raise Malformed("the passphrase is wrong, or the file was changed")


def _mac_key(passphrase: str, salt: bytes, rounds: int) -> bytes:
    """The key of the HMAC: one block of the derivation of RFC 7292 §B.2 with SHA-256, which is all it needs."""
    key = bytes((_MAC_PURPOSE,)) * _BLOCK + _filled(salt) + _filled(_secret(passphrase))
    for _ in range(rounds):
        key = hashlib.sha256(key).digest()
    return key


def _secret(passphrase: str) -> bytes:
    return passphrase.encode("utf-16-be") + b"\0\0"


def _filled(octets: bytes) -> bytes:
    """Repeated to a whole number of blocks."""
    size = -(-len(octets) // _BLOCK) * _BLOCK
    return (octets * _BLOCK)[:size]


def _loses_a_zero(file: bytes, passphrase: str) -> bool:
    """Whether a number that begins with a zero octet comes up between the two blocks of a 3DES key of `file`.

    gpgsm 2.2 writes that number one octet too short.  [RFC 7292 §B.2, step 6C]
    """
    for parameters in file.split(_TRIPLE_DES)[1:]:
        salt, rounds = der.parse(parameters[: 2 + parameters[1]]).children(at_least=2)
        filled = _filled(bytes(salt.content)) + _filled(_secret(passphrase))
        block = bytes((_KEY_PURPOSE,)) * _BLOCK + filled
        for _ in range(rounds.number()):
            block = hashlib.sha1(block).digest()  # noqa: S324  what old programs read
        added = int.from_bytes((block * 4)[:_BLOCK], "big") + 1
        numbers = (int.from_bytes(filled[at : at + _BLOCK], "big") for at in range(0, len(filled), _BLOCK))
        if any((one + added) % 256**_BLOCK < 256 ** (_BLOCK - 1) for one in numbers):
            return True
    return False
