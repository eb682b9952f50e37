"""A sound certificate, and a signature with something wrong, or with something odd that is right."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from mssante_sim.crypto import der, smime
from mssante_sim.crypto.algorithms import SHA_384, SHA_512
from mssante_sim.crypto.broken.case import Case, Kind, Made, Verdict
from mssante_sim.crypto.broken.forging import Forgery, attribute
from mssante_sim.crypto.broken.scene import TEXT, Scene
from mssante_sim.crypto.capabilities import MODERN
from mssante_sim.crypto.cms import EXPLICIT, content_of, explicit
from mssante_sim.crypto.cms_sign import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_CERTIFICATE,
    SIGNING_TIME,
    write_signed_data,
)
from mssante_sim.crypto.identity import read_certificate
from mssante_sim.crypto.signatures import ecdsa, pkcs1, pss

__all__ = ["SIGNATURE_CASES", "mixed"]

_OTHER: Final = "quelquun.dautre@officine.mssante.test"
_ALTERED: Final = TEXT.replace(b"ordonnance", b"ORDONNANCE")
_NOTE: Final = b"Content-Type: text/plain; charset=utf-8\r\n\r\nPrenez-en le double.\r\n"


def mixed(*parts: bytes) -> bytes:
    """A multipart/mixed entity that nobody signed as a whole."""
    whole = b"".join(b"--melange\r\n" + part + b"\r\n" for part in parts)
    return b'Content-Type: multipart/mixed; boundary="melange"\r\n\r\n' + whole + b"--melange--\r\n"


def _detached(signature: bytes, entity: bytes = TEXT, micalg: str = "sha-256") -> Made:
    return Made(smime.wrap_signed(entity, signature, micalg))


def _opaque(signature: bytes) -> Made:
    return Made(smime.wrap_opaque(signature))


def _true(scene: Scene) -> bytes:
    """A sound signature over the text."""
    return write_signed_data(TEXT, scene.leaf(), at=scene.at)


def _forged(scene: Scene, content: bytes = TEXT) -> Forgery:
    return Forgery(scene.leaf(), content, scene.at)


def _changed(scene: Scene, **changes: object) -> Made:
    return _detached(replace(_forged(scene), **changes).signed_data())  # type: ignore[arg-type]  # Forgery's own


def _signature_tampered(scene: Scene) -> Made:
    signature = _true(scene)  # its last octets are the signature's
    return _detached(signature[:-1] + bytes((signature[-1] ^ 1,)))


def _time_tampered(scene: Scene) -> Made:
    later = der.utc_time(scene.at + timedelta(days=30))
    return _detached(_true(scene).replace(der.utc_time(scene.at), later))


def _other_key(scene: Scene) -> Made:
    thief = scene.leaf(names=(_OTHER,), name=_OTHER, issuer=scene.strangers, key=scene.strangers.identity.key)
    victim = scene.leaf()
    forgery = Forgery(thief, TEXT, scene.at, named=victim)
    return _detached(forgery.signed_data(certificates=(victim.certificate, *victim.chain)))


def _certificate_swapped(scene: Scene) -> Made:
    """Two certificates of one key; the signed attribute names the one, the message brings the other."""
    first, second = scene.leaf(), scene.leaf()
    digest = hashlib.sha256(first.certificate).digest()
    named = attribute(SIGNING_CERTIFICATE, der.sequence(der.sequence(der.sequence(der.octet_string(digest)))))
    return _detached(Forgery(second, TEXT, scene.at, further=(named,)).signed_data())


def _other_serial_named(scene: Scene) -> Made:
    """The digest in the signed attribute is the certificate's, the serial number is another's."""
    signer, other = scene.leaf(), scene.leaf()
    digest = der.octet_string(hashlib.sha256(signer.certificate).digest())
    facts = read_certificate(other.certificate)
    name = der.sequence(der.sequence(der.context(4, facts.issuer)), der.integer(facts.serial))
    named = attribute(SIGNING_CERTIFICATE, der.sequence(der.sequence(der.sequence(digest, name))))
    return _detached(Forgery(signer, TEXT, scene.at, further=(named,)).signed_data())


def _no_attributes(scene: Scene) -> Made:
    forgery = _forged(scene)
    return _detached(forgery.signed_data(forgery.signer_info(attributes=False)))


def _attributes_as_content(scene: Scene) -> Made:
    """The signature over the attributes of another message, taken for one over a content without attributes."""
    forgery = _forged(scene)
    content = forgery.attributes()
    return _opaque(forgery.signed_data(replace(forgery, content=content).signer_info(attributes=False), inside=content))


def _two_signers(scene: Scene) -> Made:
    first = _forged(scene)
    second = Forgery(scene.leaf(names=(_OTHER,), name=_OTHER), TEXT, scene.at)
    held = (first.signer.certificate, second.signer.certificate, *first.signer.chain)
    return _detached(first.signed_data(first.signer_info(), second.signer_info(), certificates=held))


def _second_signer_false(scene: Scene) -> Made:
    forgery = _forged(scene)
    info = forgery.signer_info()
    return _detached(forgery.signed_data(info, info[:-1] + bytes((info[-1] ^ 1,))))


def _decoys(scene: Scene) -> Made:
    others = [scene.leaf(names=(_OTHER,), name=f"{number}.{_OTHER}").certificate for number in range(10)]
    strangers = (scene.strangers.identity.certificate, *scene.strangers.identity.chain)
    return _detached(write_signed_data(TEXT, scene.leaf(), at=scene.at, also=[*others, *strangers]))


def _look_alike_first(scene: Scene) -> Made:
    """Of two authorities of one name, the false one stands first."""
    signer = scene.leaf()
    held = (scene.strangers.identity.certificate, signer.certificate, *signer.chain)
    return _detached(Forgery(signer, TEXT, scene.at).signed_data(certificates=held))


def _no_certificate(scene: Scene) -> Made:
    return _detached(_forged(scene).signed_data(certificates=()))


def _part_only(scene: Scene) -> Made:
    return Made(mixed(scene.signed(scene.leaf()), _NOTE))


def _text_before(scene: Scene) -> Made:
    return Made(mixed(_NOTE, scene.signed(scene.leaf())))


def _forwarded(scene: Scene) -> Made:
    head = f"From: {scene.author}\r\nSubject: Ordonnance\r\nMIME-Version: 1.0\r\n".encode()
    message = b"Content-Type: message/rfc822\r\n\r\n" + head + scene.signed(scene.leaf())
    return Made(mixed(_NOTE, message))


def _three_parts(scene: Scene) -> Made:
    signed = scene.signed(scene.leaf())
    boundary = signed.partition(b'boundary="')[2].partition(b'"')[0]
    first = b"\r\n--" + boundary + b"\r\n"
    return Made(signed.replace(first, first + _NOTE + first, 1))


def _by_another(scene: Scene) -> Made:
    return Made(scene.signed(scene.leaf(names=(_OTHER,), name=_OTHER)))


def _from(scene: Scene, lines: str) -> Made:
    return Made(scene.signed(scene.leaf()), sender=lines.format(author=scene.author, other=_OTHER).encode())


def _in_ber(signature: bytes, piece: int) -> bytes:
    """The same SignedData with indefinite lengths, its content in pieces of so many octets."""
    version, digests, encapsulated, *rest = content_of(signature, SIGNED_DATA, 4)
    kind, content = encapsulated.children()
    text = explicit(content).string()
    pieces = (der.octet_string(text[at : at + piece]) for at in range(0, len(text), piece))
    inside = der.indefinite(der.SEQUENCE, kind.octets, der.indefinite(0xA0, der.indefinite(0x24, *pieces)))
    signed = der.indefinite(der.SEQUENCE, version.octets, digests.octets, inside, *(one.octets for one in rest))
    return der.indefinite(der.SEQUENCE, SIGNED_DATA, der.indefinite(0xA0, signed))


def _inside(scene: Scene) -> bytes:
    return write_signed_data(TEXT, scene.leaf(), at=scene.at, opaque=True)


def _attributes_in_ber(scene: Scene) -> Made:
    """The attributes were signed as DER, and are sent with an indefinite length."""
    forgery = _forged(scene)
    fields = der.parse(forgery.signer_info()).children()
    sent = [der.indefinite(0xA0, one.content) if one.tag == EXPLICIT else one.octets for one in fields]
    return _detached(forgery.signed_data(der.sequence(*sent)))


def _untyped(scene: Scene) -> Made:
    """Nothing but the name says that it is S/MIME."""
    entity = smime.wrap_opaque(_inside(scene)).replace(b"smime-type=signed-data;\r\n ", b"")
    return Made(entity)


def _accept(name: str, source: str, why: str, make: Callable[[Scene], Made]) -> Case:
    return Case(f"signature-{name}", Kind.SIGNATURE, Verdict.ACCEPT, "", source, why, make)


def _refuse(name: str, finding: str, source: str, why: str, make: Callable[[Scene], Made]) -> Case:
    verdict = Verdict.DISTRUST if finding else Verdict.UNSIGNED
    return Case(f"signature-{name}", Kind.SIGNATURE, verdict, finding, source, why, make)


_REFUSED: Final = (
    ("body-tampered", "step 2", "RFC 5652 §5.4", "One word of the text was changed.",
     lambda scene: _detached(_true(scene), _ALTERED)),
    ("body-longer", "step 2", "RFC 5652 §5.4", "A line was added at the end.",
     lambda scene: _detached(_true(scene), TEXT + b"Prenez-en le double.\r\n")),
    ("tampered", "step 3", "RFC 5652 §5.6", "One bit of the signature is wrong.", _signature_tampered),
    ("time-tampered", "step 3", "RFC 5652 §5.4", "A signed attribute was changed.", _time_tampered),
    ("other-key", "step 3", "RFC 5652 §5.6", "Another key signed in the certificate's name.", _other_key),
    ("certificate-swapped", "step 3", "RFC 5035 §3", "It was made for another certificate of the key.",
     _certificate_swapped),
    ("sha1", "step 1", "RFC 8551 §2.1", "The digest is SHA-1.", lambda scene: _changed(scene, digest="sha1")),
    ("md5", "step 1", "RFC 8551 §2.1", "The digest is MD5.", lambda scene: _changed(scene, digest="md5")),
    ("no-attributes", "step 2", "our choice", "It covers the content alone, so it can be lifted from elsewhere.",
     _no_attributes),
    ("attributes-as-content", "step 2", "our choice", "The content is the signed attributes of another message.",
     _attributes_as_content),
    ("no-digest", "step 2", "RFC 5652 §5.3", "The digest is missing among the attributes.",
     lambda scene: _changed(scene, left_out=(MESSAGE_DIGEST,))),
    ("no-content-type", "step 2", "RFC 5652 §5.3", "The content type is missing among the attributes.",
     lambda scene: _changed(scene, left_out=(CONTENT_TYPE,))),
    ("other-content-type", "step 2", "RFC 5652 §11.1", "The attribute names another type than the content has.",
     lambda scene: _changed(scene, kind=SIGNED_DATA)),
    ("content-type-outside", "step 2", "RFC 5652 §11.1", "The content has another type than the attribute names.",
     lambda scene: _changed(scene, outside=SIGNED_DATA)),
    ("other-kind-of-key", "step 1", "RFC 5652 §5.6", "It claims to be ECDSA, by an RSA key.",
     lambda scene: _changed(scene, algorithm=ecdsa().identifier)),
    ("names-other-serial", "step 3", "RFC 5035 §5", "It names its certificate with another's serial number.",
     _other_serial_named),
    ("attribute-twice", "step 1", "RFC 5652 §5.3", "Two signing times.",
     lambda scene: _changed(scene, further=(attribute(SIGNING_TIME, der.utc_time(scene.at + timedelta(days=1))),))),
    ("attributes-in-ber", "step 1", "RFC 5652 §5.3", "Signed attributes must be sent as DER.", _attributes_in_ber),
    ("two-signers", "step 1", "our choice", "Two people signed: nobody knows which of them wrote.", _two_signers),
    ("second-signer-false", "step 1", "our choice", "One signature holds, the other does not.", _second_signer_false),
    ("no-signer", "step 1", "RFC 8551 §3.8", "Certificates and no signature.",
     lambda scene: _detached(_forged(scene).signed_data(infos=False))),
    ("no-certificate", "step 1", "our choice", "The signer's certificate did not come along.", _no_certificate),
    ("content-twice", "step 1", "RFC 8551 §3.5.3", "A detached signature that holds a content too.",
     lambda scene: _detached(_inside(scene), _ALTERED)),
    ("content-nowhere", "step 1", "RFC 8551 §3.5.2", "An opaque signature that holds no content.",
     lambda scene: _opaque(_true(scene))),
    ("three-parts", "step 1", "RFC 1847 §2.1", "A signed multipart has exactly two parts.", _three_parts),
    ("broken-cms", "step 1", "RFC 5652 §5.1", "The signature is cut short.",
     lambda scene: _detached(_true(scene)[:-40])),
    ("trailing-octets", "step 1", "our choice", "Octets follow the signature.",
     lambda scene: _detached(_true(scene) + b"\0\0")),
    ("from-another", "step 6", "RFC 8550 §3", "The signer is somebody else than From says.", _by_another),
    ("from-twice", "step 6", "RFC 5322 §3.6", "Two From fields; only the second is the signer.",
     lambda scene: _from(scene, "From: <{other}>\r\nFrom: <{author}>\r\n")),
    ("from-several", "step 6", "our choice", "From names two authors, and one signed.",
     lambda scene: _from(scene, "From: <{other}>, <{author}>\r\nSender: <{author}>\r\n")),
    ("from-display-name", "step 6", "RFC 8550 §3", "The signer's address is only the name shown with another.",
     lambda scene: _from(scene, 'From: "{author}" <{other}>\r\n')),
    ("part-only", "", "RFC 8551 §3.1", "A signed part, and an unsigned one after it.", _part_only),
    ("text-before", "", "RFC 8551 §3.1", "An unsigned part, and a signed one after it.", _text_before),
    ("forwarded", "", "RFC 8551 §3.1", "A signed message inside one that nobody signed.", _forwarded),
)  # fmt: skip
_ACCEPTED: Final = (
    ("good", "RFC 8551 §3.5.3", "Nothing is wrong.", lambda scene: Made(scene.signed(scene.leaf()))),
    ("opaque", "RFC 8551 §3.5.2", "The content is in the signature.", lambda scene: _opaque(_inside(scene))),
    ("sha-384", "RFC 8551 §2.1", "The digest is SHA-384.",
     lambda scene: Made(smime.sign(TEXT, scene.leaf(), at=scene.at, scheme=pkcs1(SHA_384)))),
    ("sha-512", "RFC 8551 §2.1", "The digest is SHA-512.",
     lambda scene: Made(smime.sign(TEXT, scene.leaf(), at=scene.at, scheme=pkcs1(SHA_512)))),
    ("pss", "RFC 4056 §3", "RSA-PSS.", lambda scene: Made(smime.sign(TEXT, scene.leaf(), at=scene.at, scheme=pss()))),
    ("no-time", "RFC 8551 §2.5.1", "No signing time.", lambda scene: _changed(scene, left_out=(SIGNING_TIME,))),
    ("more-capabilities", "RFC 8551 §2.5.2", "It announces AES-GCM and OAEP.",
     lambda scene: Made(smime.sign(TEXT, scene.leaf(), at=scene.at, capabilities=MODERN))),
    ("decoy-certificates", "RFC 5652 §5.1", "A dozen certificates that have nothing to do with it.", _decoys),
    ("look-alike-authority", "RFC 5280 §6.1", "A false authority of the true one's name came first.",
     _look_alike_first),
    ("micalg-lies", "RFC 8551 §3.5.3.2", "The field micalg is a hint only.",
     lambda scene: _detached(_true(scene), micalg="sha-512")),
    ("untyped", "RFC 8551 §3.2.2", "No smime-type, only a file name.", _untyped),
    ("ber", "RFC 5652 §2", "Indefinite lengths.", lambda scene: _opaque(_in_ber(_inside(scene), 4096))),
    ("ber-tiny-pieces", "X.690 §8.7.3", "The content in pieces of three octets.",
     lambda scene: _opaque(_in_ber(_inside(scene), 3))),
)  # fmt: skip
SIGNATURE_CASES: Final = (*(_refuse(*row) for row in _REFUSED), *(_accept(*row) for row in _ACCEPTED))
