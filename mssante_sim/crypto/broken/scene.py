"""A small trust space, an author and a reader: what every broken case is made in."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from mssante_sim.crypto import der, smime
from mssante_sim.crypto.authority import Authority
from mssante_sim.crypto.identity import Certificate, Identity, private_key, read_certificate
from mssante_sim.crypto.issuing import Places
from mssante_sim.crypto.keys import new_key
from mssante_sim.crypto.profiles import ISSUING, RECEIVING, ROOT, SIGNING, Profile, Subject
from mssante_sim.crypto.revocation import issuer_urls, ocsp_urls
from mssante_sim.crypto.secret import Secret
from mssante_sim.crypto.trust import TrustContext

__all__ = ["DAY", "ISSUING_2048", "TEXT", "Scene", "with_sha1"]

DAY: Final = timedelta(days=1)
ISSUING_2048: Final = replace(ISSUING, key_bits=2048)  # made quickly
TEXT: Final = (
    b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Bonjour,\r\n\r\nVoici mon ordonnance (fictive).\r\n\r\nDominique PAT-TROIS\r\n"
)
_ORGANISATION: Final = "MSSANTE-SIM (SIMULATEUR)"
_BASE: Final = "http://127.0.0.1:2080"
_YEARS: Final = 400 * DAY
_SHA1_RSA: Final = der.object_identifier("1.2.840.113549.1.1.5")
_SHA256_RSA: Final = der.object_identifier("1.2.840.113549.1.1.11")


@dataclass(slots=True)
class Scene:
    """Who issues, who writes, who reads, and when.

    Attributes:
        receiving: the reader's certificate to encrypt to; with its key if the scene is thrown away afterwards.
        lists: revocation lists beside those of `root` and `issuing`; cases add theirs.
        between: authorities that the reader knows beside `issuing`; cases add theirs.
        published: what stands where certificates say, by path: ``ocsp/NAME``, ``aia/NAME.cer``; cases add theirs.
    """

    root: Authority
    issuing: Authority
    author: str
    reader: str
    receiving: Identity
    at: datetime
    lists: list[bytes] = field(default_factory=list)
    between: list[bytes] = field(default_factory=list)
    published: dict[str, bytes] = field(default_factory=dict)
    _key: Secret[bytes] | None = None
    _strangers: Authority | None = None

    @classmethod
    def thrown_away(cls, at: datetime, *, author: str, reader: str) -> Self:
        """A trust space of its own, older than its leaves, with 2048-bit keys."""
        root = Authority.create(
            replace(ROOT, key_bits=2048), "SIMULATEUR AC RACINE POUR CAS FAUTIFS", at=at - _YEARS,
            places=Places(_BASE, "root"),
        )  # fmt: skip
        issuing = Authority.create(
            ISSUING_2048, "SIMULATEUR AC POUR CAS FAUTIFS", at=at - _YEARS,
            places=Places(_BASE, "issuing"), parent=root,
        )  # fmt: skip
        receiving = issuing.issue(RECEIVING, Subject(reader, _ORGANISATION), at=at, names=[reader])
        return cls(root, issuing, author, reader, receiving, at)

    @property
    def key(self) -> Secret[bytes]:
        """One key for all leaves: what is wrong is never the key, unless a case makes its own."""
        if self._key is None:
            self._key = new_key(2048)
        return self._key

    @property
    def strangers(self) -> Authority:
        """An issuing authority whose names are those of ours, under a root that nobody here knows."""
        if self._strangers is None:
            names = [read_certificate(one.identity.certificate).name for one in (self.root, self.issuing)]
            root = Authority.create(replace(ROOT, key_bits=2048), names[0], at=self.at - _YEARS)
            self._strangers = Authority.create(ISSUING_2048, names[1], at=self.at - _YEARS, parent=root)
        return self._strangers

    def authority(
        self, name: str, parent: Authority | None = None, *, place: str = "absente", profile: Profile = ISSUING_2048,
        key: Secret[bytes] | None = None,
    ) -> Authority:  # fmt: skip
        """One more authority, issued by the root unless told otherwise; what it publishes is only what a case adds."""
        base = self.issuing.places.base if self.issuing.places else _BASE
        return Authority.create(
            profile, f"SIMULATEUR AC {name}", at=self.at - _YEARS, places=Places(base, place),
            parent=parent or self.root, key=key,
        )  # fmt: skip

    def leaf(
        self, profile: Profile = SIGNING, *, issuer: Authority | None = None, name: str | None = None,
        names: tuple[str, ...] | None = None, key: Secret[bytes] | None = None,
        validity: tuple[datetime, datetime] | None = None,
    ) -> Identity:  # fmt: skip
        """A certificate of the author, sound but for what is given."""
        subject = Subject(name or self.author, _ORGANISATION)
        mailboxes = (self.author,) if names is None else names
        own = key or (self.key if profile.curve is None and profile.key_bits == SIGNING.key_bits else None)
        return (issuer or self.issuing).issue(profile, subject, at=self.at, names=mailboxes, key=own, validity=validity)

    def crafted(
        self, identity: Identity, change: Callable[[x509.CertificateBuilder], x509.CertificateBuilder] | None = None,
        *, without: type[x509.ExtensionType] | None = None, issuer: Authority | None = None,
    ) -> Identity:  # fmt: skip
        """`identity` with a certificate that `Authority` would not issue: changed, then signed again."""
        old, by = read_certificate(identity.certificate).parsed, issuer or self.issuing
        builder = (
            x509.CertificateBuilder()
            .subject_name(old.subject)
            .issuer_name(read_certificate(by.identity.certificate).parsed.subject)
            .public_key(private_key(identity).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(old.not_valid_before_utc)
            .not_valid_after(old.not_valid_after_utc)
        )
        for one in old.extensions:
            if without is None or not isinstance(one.value, without):
                builder = builder.add_extension(one.value, one.critical)
        builder = change(builder) if change is not None else builder
        signed = builder.sign(private_key(by.identity), SHA256())
        return Identity(signed.public_bytes(Encoding.DER), identity.key, identity.chain)

    def weakened(self, identity: Identity) -> Identity:
        """`identity` with a certificate that its issuer signed with SHA-1, which the library's builder would not do."""
        return Identity(with_sha1(identity.certificate, self.issuing), identity.key, identity.chain)

    def signed(self, signer: Identity, entity: bytes = TEXT) -> bytes:
        """`entity` as a correct client signs it."""
        return smime.sign(entity, signer, at=self.at)

    def trust(self) -> TrustContext:
        """What the reader believes: both authorities, and all lists."""
        lists = [self.root.crl(self.at), self.issuing.crl(self.at), *self.lists]
        root, *between = self.authorities
        return TrustContext([root], between, lists, self)

    def answer(self, certificate: Certificate, issuer: Certificate) -> bytes | None:
        """What the responder that `certificate` names says, whatever it is asked."""
        return next(self._found(ocsp_urls(certificate)), None)

    def issuers(self, certificate: Certificate) -> list[bytes]:
        """What stands where `certificate` says that its issuer's is."""
        return list(self._found(issuer_urls(certificate)))

    def _found(self, urls: Iterable[str]) -> Iterator[bytes]:
        paths = ("/".join(url.rsplit("/", 2)[1:]) for url in urls)
        return (self.published[path] for path in paths if path in self.published)

    @property
    def authorities(self) -> tuple[bytes, ...]:
        """The root, then all that the reader knows besides."""
        return self.root.identity.certificate, self.issuing.identity.certificate, *self.between


def with_sha1(octets: bytes, issuer: Authority) -> bytes:
    """A certificate or a list of `issuer`, signed again with SHA-1."""
    signed_part, _, _ = der.parse(octets).children()
    content = bytes(signed_part.octets).replace(_SHA256_RSA, _SHA1_RSA)
    key = private_key(issuer.identity)
    assert isinstance(key, RSAPrivateKey)  # noqa: S101  (every authority here has one)
    signature = key.sign(content, PKCS1v15(), SHA1())  # noqa: S303  to be refused
    algorithm = der.sequence(_SHA1_RSA, der.tlv(der.NULL))
    return der.sequence(content, algorithm, der.tlv(der.BIT_STRING, b"\0", signature))
