"""A true signature by a certificate with something wrong, or with something odd that is right."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from mssante_sim.crypto import smime
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.broken.case import Case, Kind, Made, Verdict
from mssante_sim.crypto.broken.scene import DAY, ISSUING_2048, TEXT, Scene, with_sha1
from mssante_sim.crypto.cms_sign import write_signed_data
from mssante_sim.crypto.identity import Identity, read_certificate
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.profiles import RECEIVING, SERVER, SIGNING, SIGNING_P256, SIGNING_P384, KeyUse, Purpose

__all__ = ["SIGNER_CASES"]

_OTHER: Final = "quelquun.dautre@officine.mssante.test"
_UNKNOWN: Final = x509.ObjectIdentifier("1.2.250.1.213.99.1")


def _by(scene: Scene, signer: Identity) -> Made:
    return Made(scene.signed(signer))


def _expired(scene: Scene) -> Made:
    return _by(scene, scene.leaf(validity=(scene.at - 300 * DAY, scene.at - DAY)))


def _not_yet_valid(scene: Scene) -> Made:
    return _by(scene, scene.leaf(validity=(scene.at + DAY, scene.at + 300 * DAY)))


def _server(scene: Scene) -> Made:
    return _by(scene, scene.leaf(replace(SERVER, names="mailbox")))


def _client(scene: Scene) -> Made:
    return _by(scene, scene.leaf(replace(SIGNING, purposes=frozenset({Purpose.CLIENT_AUTH}))))


def _receiving(scene: Scene) -> Made:
    return _by(scene, scene.leaf(RECEIVING))


def _authority(scene: Scene) -> Made:
    """An authority's own key signs a letter."""
    both = SIGNING.uses | {KeyUse.CERTIFICATE_SIGN}
    return _by(scene, scene.leaf(replace(SIGNING, uses=both, authority=True)))


def _other_address(scene: Scene) -> Made:
    return _by(scene, scene.leaf(names=(_OTHER,)))


def _no_address(scene: Scene) -> Made:
    return _by(scene, scene.leaf(names=()))


def _host_name(scene: Scene) -> Made:
    domain = scene.author.rpartition("@")[2]
    return _by(scene, scene.leaf(replace(SIGNING, names="host"), names=(domain,)))


def _longer_address(scene: Scene) -> Made:
    return _by(scene, scene.leaf(names=(f"{scene.author}.exemple.test",)))


def _name_only_elsewhere(scene: Scene) -> Made:
    return _by(scene, scene.leaf(name="Dominique PAT-TROIS"))


def _other_case(scene: Scene) -> Made:
    return _by(scene, scene.leaf(names=(scene.author.title(),)))


def _several_addresses(scene: Scene) -> Made:
    return _by(scene, scene.leaf(names=(_OTHER, scene.author)))


def _other_anchor(scene: Scene) -> Made:
    return _by(scene, scene.leaf(issuer=scene.strangers))


def _unknown_issuer(scene: Scene) -> Made:
    """The authority between stands neither in the message nor with the reader."""
    signer = scene.leaf(issuer=scene.authority("INCONNUE"))
    return _by(scene, Identity(signer.certificate, signer.key))


def _self_signed(scene: Scene) -> Made:
    signer = scene.leaf()
    own = Authority(Identity(_named_as_authority(scene, signer), signer.key))
    return _by(scene, scene.crafted(signer, issuer=own))


def _named_as_authority(scene: Scene, signer: Identity) -> bytes:
    """A certificate whose subject is the signer: an issuer's name is taken from it."""
    return scene.crafted(signer).certificate


def _issued_by_a_leaf(scene: Scene) -> Made:
    """Whoever holds a mailbox's certificate makes one for somebody else's mailbox."""
    thief = scene.leaf(names=(_OTHER,), name=_OTHER)
    return _by(scene, scene.leaf(issuer=Authority(thief, parent=scene.issuing)))


def _path_too_long(scene: Scene) -> Made:
    """The issuing authority may issue to mailboxes only: its path length is 0."""
    return _by(scene, scene.leaf(issuer=scene.authority("SOUS-AUTORITE", scene.issuing)))


def _revoked(scene: Scene) -> Made:
    signer = scene.leaf()
    scene.issuing.revoke(read_certificate(signer.certificate).serial, at=scene.at, reason="keyCompromise")
    return _by(scene, signer)


def _authority_revoked(scene: Scene) -> Made:
    fallen = scene.authority("DECHUE")
    scene.lists.append(fallen.crl(scene.at))
    scene.root.revoke(read_certificate(fallen.identity.certificate).serial, at=scene.at, reason="cACompromise")
    return _by(scene, scene.leaf(issuer=fallen))


def _list_missing(scene: Scene) -> Made:
    return _by(scene, scene.leaf(issuer=scene.authority("SANS LISTE")))


def _list_stale(scene: Scene) -> Made:
    late = scene.authority("EN RETARD")
    scene.lists.append(late.crl(scene.at - 90 * DAY))
    return _by(scene, scene.leaf(issuer=late))


def _list_forged(scene: Scene) -> Made:
    """A fresh list in the authority's name that the authority did not sign."""
    robbed = scene.authority("USURPEE")
    true = robbed.crl(scene.at)  # its last octets are the signature's
    scene.lists.append(true[:-1] + bytes((true[-1] ^ 1,)))
    return _by(scene, scene.leaf(issuer=robbed))


def _list_of_another_name(scene: Scene) -> Made:
    """A fresh list, signed with the authority's key, that says to be another authority's."""
    authority = scene.authority("SANS LISTE A SON NOM")
    namesake = scene.authority("D'UN AUTRE NOM", key=authority.identity.key)
    scene.lists.append(namesake.crl(scene.at))
    return _by(scene, scene.leaf(issuer=authority))


def _list_sha1(scene: Scene) -> Made:
    old = scene.authority("LISTE EN SHA-1")
    scene.lists.append(with_sha1(old.crl(scene.at), old))
    return _by(scene, scene.leaf(issuer=old))


def _by_authority(name: str, **changes: object) -> Callable[[Scene], Made]:
    """By a leaf of one more authority, whose certificate `changes` and whose list is fresh."""

    def make(scene: Scene) -> Made:
        authority = scene.authority(name, profile=replace(ISSUING_2048, **changes))  # type: ignore[arg-type]  # its own
        scene.lists.append(authority.crl(scene.at))
        return _by(scene, scene.leaf(issuer=authority))

    return make


def _authority_without_usage(scene: Scene) -> Made:
    sound = scene.authority("SANS USAGE")
    bare = Authority(scene.crafted(sound.identity, without=x509.KeyUsage, issuer=scene.root), parent=scene.root)
    scene.lists.append(bare.crl(scene.at))
    return _by(scene, scene.leaf(issuer=bare))


def _authority_constrained(scene: Scene) -> Made:
    """The authority may issue to another domain's mailboxes only."""
    elsewhere = x509.NameConstraints([x509.RFC822Name("ailleurs.mssante.test")], None)
    free = scene.authority("D'UN AUTRE DOMAINE")
    bound = scene.crafted(free.identity, lambda made: made.add_extension(elsewhere, critical=True), issuer=scene.root)
    authority = Authority(bound, parent=scene.root)
    scene.lists.append(authority.crl(scene.at))
    return _by(scene, scene.leaf(issuer=authority))


def _any_purpose(scene: Scene) -> Made:
    anything = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    bare = scene.leaf(replace(SIGNING, purposes=frozenset()))
    return _by(scene, scene.crafted(bare, lambda made: made.add_extension(anything, critical=False)))


def _weak_key(scene: Scene) -> Made:
    weak = scene.leaf(replace(SIGNING, key_bits=1024), key=new_key(1024))
    return Made(smime.wrap_signed(TEXT, write_signed_data(TEXT, weak, at=scene.at), "sha-256"))


def _sha1(scene: Scene) -> Made:
    return _by(scene, scene.weakened(scene.leaf()))


def _critical_extension(scene: Scene) -> Made:
    unknown = x509.UnrecognizedExtension(_UNKNOWN, b"\x05\x00")
    return _by(scene, scene.crafted(scene.leaf(), lambda builder: builder.add_extension(unknown, critical=True)))


def _other_extension(scene: Scene) -> Made:
    unknown = x509.UnrecognizedExtension(_UNKNOWN, b"\x05\x00")
    return _by(scene, scene.crafted(scene.leaf(), lambda builder: builder.add_extension(unknown, critical=False)))


def _no_purpose(scene: Scene) -> Made:
    return _by(scene, scene.leaf(replace(SIGNING, purposes=frozenset())))


def _no_usage(scene: Scene) -> Made:
    return _by(scene, scene.crafted(scene.leaf(), without=x509.KeyUsage))


def _non_repudiation(scene: Scene) -> Made:
    return _by(scene, scene.leaf(replace(SIGNING, uses=frozenset({KeyUse.NON_REPUDIATION}))))


def _long_key(scene: Scene) -> Made:
    return _by(scene, scene.leaf(replace(SIGNING, key_bits=4096), key=new_key(4096)))


def _case(name: str, finding: str, source: str, why: str, make: Callable[[Scene], Made]) -> Case:
    verdict = Verdict.DISTRUST if finding else Verdict.ACCEPT
    return Case(f"signer-{name}", Kind.SIGNER, verdict, finding, source, why, make)


SIGNER_CASES: Final = tuple(
    _case(*row)
    for row in (
        ("expired", "step 4", "RFC 5280 §6.1.3 (a)(2)", "Its validity ended yesterday.", _expired),
        ("not-yet-valid", "step 4", "RFC 5280 §6.1.3 (a)(2)", "Its validity begins tomorrow.", _not_yet_valid),
        ("server", "step 4", "RFC 8550 §4.4.4", "Its purposes are a server's, not mail.", _server),
        ("client-auth", "step 4", "RFC 8550 §4.4.4", "Its only purpose is to log in.", _client),
        ("key-encipherment", "step 4", "RFC 8550 §4.4.2", "Its key may decrypt, not sign.", _receiving),
        ("authority", "step 4", "RFC 5280 §4.2.1.9", "It is an authority's, not a mailbox's.", _authority),
        ("other-address", "step 6", "RFC 8550 §3", "It names another mailbox than From.", _other_address),
        ("no-address", "step 6", "RFC 8550 §3", "It names no mailbox; the common name does not count.", _no_address),
        ("host-name", "step 6", "RFC 8550 §3", "It names the whole domain, as a host.", _host_name),
        ("longer-address", "step 6", "RFC 8550 §3", "Its mailbox only begins like From.", _longer_address),
        ("other-anchor", "step 4", "RFC 5280 §6.1", "Another root, with the same names.", _other_anchor),
        ("unknown-issuer", "step 4", "RFC 5280 §6.1", "The authority between is nowhere to be found.", _unknown_issuer),
        ("self-signed", "step 4", "RFC 5280 §6.1", "It vouches for itself.", _self_signed),
        ("issued-by-a-leaf", "step 4", "RFC 5280 §6.1.4 (k)", "A mailbox's certificate issued it.", _issued_by_a_leaf),
        ("issued-by-no-authority", "step 4", "RFC 5280 §6.1.4 (k)", "Its issuer may sign certificates, and is none.",
         _by_authority("QUI N'EN EST PAS", authority=False, path_length=None)),
        ("authority-without-certsign", "step 4", "RFC 5280 §6.1.4 (n)", "Its issuer's key may not sign certificates.",
         _by_authority("SANS SIGNATURE", uses=frozenset({KeyUse.CRL_SIGN}))),
        ("authority-without-usage", "step 4", "RFC 5280 §4.2.1.3", "Nothing says what its issuer's key may do.",
         _authority_without_usage),
        ("authority-other-purpose", "step 4", "our choice", "Its issuer is for servers only.",
         _by_authority("D'UN AUTRE METIER", purposes=frozenset({Purpose.SERVER_AUTH}))),
        ("authority-constrained", "step 4", "RFC 5280 §4.2.1.10", "Its issuer is for another domain's mailboxes.",
         _authority_constrained),
        ("authority-expired", "step 4", "RFC 5280 §6.1.3 (a)(2)", "Its issuer's validity ended yesterday.",
         _by_authority("ECHUE", validity=399 * DAY)),
        ("authority-weak-key", "step 4", "our choice", "Its issuer's key is RSA-1024.",
         _by_authority("FAIBLE", key_bits=1024)),
        ("path-too-long", "step 4", "RFC 5280 §6.1.4 (l)", "One authority too many: path length 0.", _path_too_long),
        ("revoked", "step 5", "RFC 5280 §6.3", "Its serial number is on the list.", _revoked),
        ("authority-revoked", "step 5", "RFC 5280 §6.3", "Its issuer's is on the root's list.", _authority_revoked),
        ("crl-missing", "step 5", "our choice", "No list is where it says: unknown is not good.", _list_missing),
        ("crl-stale", "step 5", "RFC 5280 §6.3.3 (a)", "The only list ran out two months ago.", _list_stale),
        ("crl-forged", "step 5", "RFC 5280 §6.3.3 (g)", "The only list has a false signature.", _list_forged),
        ("crl-other-name", "step 5", "RFC 5280 §6.3.3 (b)(1)", "The only list is another authority's.",
         _list_of_another_name),
        ("crl-not-authorised", "step 5", "RFC 5280 §6.3.3 (f)", "Its issuer's key may not sign lists.",
         _by_authority("SANS SIGNATURE DE LISTES", uses=frozenset({KeyUse.CERTIFICATE_SIGN}))),
        ("crl-sha1", "step 5", "our choice", "The only list is signed with SHA-1.", _list_sha1),
        ("weak-key", "step 1", "RFC 8551 §4.3", "RSA-1024.", _weak_key),
        ("certificate-sha1", "step 4", "RFC 8550 §4.3", "Its issuer signed it with SHA-1.", _sha1),
        ("critical-extension", "step 4", "RFC 5280 §4.2", "A critical extension nobody knows.", _critical_extension),
        ("address-in-san-only", "", "RFC 8550 §3", "The common name is a person's; SAN counts.", _name_only_elsewhere),
        ("address-other-case", "", "our choice", "Letter case of an address does not count.", _other_case),
        ("several-addresses", "", "RFC 8550 §3", "From is the second of two mailboxes.", _several_addresses),
        ("other-extension", "", "RFC 5280 §4.2", "An unknown extension that is not critical.", _other_extension),
        ("no-purpose", "", "RFC 8550 §4.4.4", "No extended usage: nothing is forbidden.", _no_purpose),
        ("any-purpose", "", "RFC 8550 §4.4.4", "Any extended usage is allowed.", _any_purpose),
        ("no-usage", "", "RFC 8550 §4.4.2", "No key usage: nothing is forbidden.", _no_usage),
        ("digital-signature", "", "RFC 8550 §4.4.2", "Digital signature alone allows to sign.",
         lambda scene: _by(scene, scene.leaf(replace(SIGNING, uses=frozenset({KeyUse.DIGITAL_SIGNATURE}))))),
        ("non-repudiation", "", "RFC 8550 §4.4.2", "Non-repudiation alone allows to sign.", _non_repudiation),
        ("rsa-4096", "", "RFC 8551 §4.3", "A long key.", _long_key),
        ("p-256", "", "RFC 8551 §2.2", "ECDSA on P-256.", lambda scene: _by(scene, scene.leaf(SIGNING_P256))),
        ("p-384", "", "RFC 8551 §2.2", "ECDSA on P-384.", lambda scene: _by(scene, scene.leaf(SIGNING_P384))),
    )
)  # fmt: skip
